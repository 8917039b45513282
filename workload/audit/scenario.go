package audit

import (
	"fmt"
	"math"
	"strings"
	"time"

	"flushbench/engine/binlog"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/scenario"
	"flushbench/workload/target"
)

// What the workload update writes on our own engine, in bytes: a transaction, and
// each row of it without and per byte of its column c. A row is logged with what it
// was, in the redo log (undo) as in a full row image of the binlog.
const (
	redoTxn      = 138.0
	redoPrepare  = 102.0 // with a binlog: PREPARE and COMMIT instead of COMMIT
	redoRow      = 142.0
	redoByte     = 2.03
	binlogTxn    = 70.0
	binlogRow    = 129.0
	binlogByte   = 2.04
	largestRow   = 4000 // bytes of c, before a transaction is given more rows
	scenarioRows = 100_000
)

// Shape is the load of a Report as our workload update does it.
type Shape struct {
	Rate       float64 // commits a second
	Clients    int
	Rows       int // that a transaction changes
	RowBytes   int
	RedoBytes  float64 // that this writes a commit, about
	BinlogByte float64 // likewise; 0 without a binlog
}

// ShapeOf fits the workload update to the load that was seen: as many bytes a commit
// in both logs together, as many clients as sessions were at work. It fails when no
// commit was seen.
func ShapeOf(r *Report) (Shape, error) {
	l := &r.Load
	if l.CommitsPS == nil || *l.CommitsPS < workload.MinRate {
		return Shape{}, fmt.Errorf("audit: no commit was seen in %.1f s, so there is no load to describe: watch for longer (--observe), or when the server is busy", l.Seconds)
	}
	s := Shape{Rate: roundTo3(*l.CommitsPS), Clients: 1, Rows: 1, RowBytes: workload.DefaultRowBytes}
	if l.Active != nil {
		s.Clients = int(min(max(math.Ceil(*l.Active), 1), scenario.MaxParked))
	}
	withBinlog, rowImages := r.hasBinlog()
	txn, row, perByte := redoTxn, redoRow, redoByte
	want := 0.0
	if l.RedoBytes != nil {
		want = *l.RedoBytes
	}
	if withBinlog {
		txn += redoPrepare
		if rowImages && l.BinlogBytes != nil {
			txn, row, perByte, want = txn+binlogTxn, row+binlogRow, perByte+binlogByte, want+*l.BinlogBytes
		}
	}
	if want > 0 {
		most := row + perByte*largestRow
		s.Rows = int(min(max(math.Ceil((want-txn)/most), 1), workload.MaxRowsPerTxn))
		s.RowBytes = int(min(max(math.Round(((want-txn)/float64(s.Rows)-row)/perByte), 1), workload.MaxRowBytes))
	}
	each := float64(s.Rows)
	s.RedoBytes = redoTxn + each*(redoRow+redoByte*float64(s.RowBytes))
	if withBinlog {
		s.RedoBytes += redoPrepare
		s.BinlogByte = binlogTxn + each*(binlogRow+binlogByte*float64(s.RowBytes))
	}
	return s, nil
}

// hasBinlog reports whether the server has a binlog, and whether it logs whole rows.
func (r *Report) hasBinlog() (has, rows bool) {
	if r.Product == target.PostgreSQL || !on(r.All.Get("log_bin")) {
		return false, false
	}
	image := r.All.Get("binlog_row_image")
	return true, strings.EqualFold(r.All.Get("binlog_format"), "ROW") && (image == "" || strings.EqualFold(image, "FULL"))
}

// Scenario writes the load that was seen as a scenario file, which run -f and plan
// --scenario read: the server's own policy first, then the strict one.
func Scenario(r *Report, seen time.Time) ([]byte, error) {
	s, err := ShapeOf(r)
	if err != nil {
		return nil, err
	}
	policies, every := r.policies()
	withBinlog, _ := r.hasBinlog()
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# The load of %s", r.Address)
	say("# (%s %s), seen %s over %.1f s.", r.Product, r.Server, seen.UTC().Format("2006-01-02 15:04 UTC"), r.Load.Seconds)
	say("#")
	say("#                        seen   this scenario")
	line := func(what string, seen *float64, here float64) {
		text := "-"
		if seen != nil {
			text = fmt.Sprintf("%.4g", *seen)
		}
		say("# %-18s %8s %15.4g", what, text, here)
	}
	line("commits/s", r.Load.CommitsPS, s.Rate)
	line("sessions at work", r.Load.Active, float64(s.Clients))
	line("redo B/commit", r.Load.RedoBytes, s.RedoBytes)
	if withBinlog {
		line("binlog B/commit", r.Load.BinlogBytes, s.BinlogByte)
	}
	say("# Rows and their length are chosen so that the logs get about as many bytes.")
	say("# What transactions read, and which rows are busy, no counter tells: change it.")
	say("")
	say("workload: update")
	say("rows-per-txn: %d", s.Rows)
	say("row-bytes: %d", s.RowBytes)
	say("rows: %d", scenarioRows)
	say("rate: %v", s.Rate)
	say("clients: %d", s.Clients)
	say("policy: [%s]", policies)
	if interval := r.interval(); interval != groupcommit.DefaultInterval {
		say("flush-interval: %v", interval)
	}
	if withBinlog {
		say("sync-binlog: [%s]", every)
		if f := strings.ToLower(r.All.Get("binlog_format")); known(f) {
			say("binlog-format: %s", f)
		}
		if image := strings.ToLower(r.All.Get("binlog_row_image")); image == "minimal" {
			say("binlog-row-image: %s", image)
		}
	} else {
		say("binlog: off")
	}
	return []byte(b.String()), nil
}

// policies are the server's own first, then 1, for both logs.
func (r *Report) policies() (policy, every string) {
	f := Facts{Info: target.Info{Product: r.Product}, Settings: r.All}
	p := promiseOf(&f)
	policy, every = p.kept.String(), fmt.Sprint(p.every)
	if p.kept != groupcommit.Policy1 {
		policy += ", " + groupcommit.Policy1.String()
	}
	if p.every != 1 {
		every += ", 1"
	}
	return policy, every
}

// interval is the server's flush interval where its policy has one, within what a
// scenario may ask for.
func (r *Report) interval() time.Duration {
	p := promiseOf(&Facts{Info: target.Info{Product: r.Product}, Settings: r.All})
	if p.kept.Flushes() {
		return groupcommit.DefaultInterval
	}
	return min(max(p.setting.Interval, groupcommit.MinInterval), groupcommit.MaxInterval)
}

// known reports whether our engine has a binlog format.
func known(format string) bool {
	_, err := binlog.Formats.Parse(format)
	return err == nil
}

// roundTo3 rounds to three digits, which is all that a rate seen is worth.
func roundTo3(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v))-2)
	return max(math.Round(math.Round(v/p)*p*1e6)/1e6, workload.MinRate)
}
