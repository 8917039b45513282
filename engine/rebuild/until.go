package rebuild

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"flushbench/engine/binlog"
)

// UntilKind is what an Until is measured by.
type UntilKind uint8

// The kinds of Until.
const (
	// UntilEnd is the end of the log.
	UntilEnd UntilKind = iota
	// UntilTime stops before the first transaction of that second or a later one,
	// as mariadb-binlog --stop-datetime does.
	UntilTime
	// UntilGTID stops after that transaction.
	UntilGTID
	// UntilPos stops before the first transaction that ends behind the position
	// of that file.
	UntilPos
)

// Until is the point in time up to which a table is made again. The zero value is
// the end of the log.
type Until struct {
	Kind UntilKind
	Time time.Time
	GTID binlog.GTID
	File string // base name
	Pos  int64
}

var (
	untilGTID = regexp.MustCompile(`^(\d+)-(\d+)-(\d+)$`)
	untilPos  = regexp.MustCompile(`^(binlog\.\d{6,}):(\d+)$`)
)

// timeLayouts are tried in their order; those without a zone are local.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05"}

// ParseUntil reads a point in time: a GTID (0-1-500, that transaction included), a
// position (binlog.000002:4711, transactions that end there or before), or a time
// ("2026-11-22 14:03:00", in zone, or RFC 3339), which the log keeps in whole seconds:
// transactions of earlier seconds. "" is the end of the log.
func ParseUntil(text string, zone *time.Location) (Until, error) {
	if text == "" {
		return Until{}, nil
	}
	if m := untilGTID.FindStringSubmatch(text); m != nil {
		domain, err1 := strconv.ParseUint(m[1], 10, 32)
		server, err2 := strconv.ParseUint(m[2], 10, 32)
		seq, err3 := strconv.ParseUint(m[3], 10, 64)
		if err1 == nil && err2 == nil && err3 == nil && seq > 0 {
			return Until{Kind: UntilGTID, GTID: binlog.GTID{Domain: uint32(domain), Server: uint32(server), Seq: seq}}, nil
		}
	}
	if m := untilPos.FindStringSubmatch(text); m != nil {
		if pos, err := strconv.ParseInt(m[2], 10, 64); err == nil {
			return Until{Kind: UntilPos, File: m[1], Pos: pos}, nil
		}
	}
	for _, layout := range timeLayouts {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return Until{Kind: UntilTime, Time: at}, nil
		}
	}
	return Until{}, fmt.Errorf("rebuild: until %q: must be a GTID (0-1-500), a position (binlog.000002:4711) or a time (2026-11-22 14:03:00, or RFC 3339)", text)
}

// String is what ParseUntil reads.
func (u Until) String() string {
	switch u.Kind {
	case UntilTime:
		return u.Time.Format(time.RFC3339Nano)
	case UntilGTID:
		return u.GTID.String()
	case UntilPos:
		return fmt.Sprintf("%s:%d", u.File, u.Pos)
	}
	return ""
}

// stops reports whether the table must not hold u any more.
func (u Until) stops(x *binlog.Unit) bool {
	switch u.Kind {
	case UntilTime:
		return int64(x.Time) >= u.Time.Unix() && (int64(x.Time) > u.Time.Unix() || u.Time.Nanosecond() == 0)
	case UntilGTID:
		return x.Begin.GTID.Seq > u.GTID.Seq
	case UntilPos:
		return later(x.File, u.File) || x.File == u.File && x.End > u.Pos
	}
	return false
}

// reached reports whether nothing after x can be wanted.
func (u Until) reached(x *binlog.Unit) bool {
	return u.Kind == UntilGTID && x.Begin.GTID.Seq >= u.GTID.Seq || u.Kind == UntilPos && x.File == u.File && x.End >= u.Pos
}

// later reports whether file a comes after b. Their numbers may have more digits.
func later(a, b string) bool {
	a, b = strings.TrimPrefix(a, "binlog."), strings.TrimPrefix(b, "binlog.")
	return len(a) > len(b) || len(a) == len(b) && a > b
}
