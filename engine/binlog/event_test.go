package binlog

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine/vfs"
)

// Every event reads back as what it was made of, and prints on one line.
func TestEventRoundTrip(t *testing.T) {
	const server = 7
	rapid.Check(t, func(rt *rapid.T) {
		g := GTID{Server: server, Seq: rapid.Uint64Min(1).Draw(rt, "seq")}
		lag := rapid.Uint64Range(0, maxLag).Draw(rt, "lag")
		name := rapid.StringMatching(`[a-z0-9.]{1,60}`).Draw(rt, "name")
		sql := rapid.SliceOf(rapid.Byte()).Draw(rt, "sql")
		width := rapid.IntRange(1, MaxWidth).Draw(rt, "width")
		number := rapid.Uint64().Draw(rt, "number")
		for _, c := range []struct {
			event []byte
			want  Payload
		}{
			{appendFormat(nil, server, 5), FormatDescription{serverVersion, 5, true}},
			{appendGTIDList(nil, server, GTID{}), GTIDList{}},
			{appendGTIDList(nil, server, g), GTIDList{[]GTID{g}}},
			{appendCheckpoint(nil, server, name), Checkpoint{name}},
			{appendGTID(nil, server, g, gtidTransactional, 0, lag), Begin{GTID: g, Lag: lag}},
			{appendGTID(nil, server, g, gtidStandalone, number, lag), Begin{GTID: g, Standalone: true, CommitID: number, Lag: lag}},
			{appendGTID(nil, server, g, 0, 0, math.MaxUint64), Begin{GTID: g, Lag: MaxLag}},
			{appendTableMap(nil, server, name, width), TableMap{tableID, database, name, width}},
			{appendQuery(nil, server, 9, database, sql), Query{9, database, sql}},
			{appendXid(nil, server, number), Xid{number}},
			{appendRotate(nil, server, name), Rotate{name, 4}},
			{appendStop(nil, server), Stop{}},
		} {
			off := rapid.Int64Range(0, 1<<31).Draw(rt, "off")
			seal(c.event, 99, off+int64(len(c.event)))
			if why := checkEvent(c.event, off); why != "" {
				rt.Fatalf("%#v: %s", c.want, why)
			}
			got, err := new(Decoder).Decode(c.event)
			if q, ok := got.(Query); ok && len(q.SQL) == 0 {
				q.SQL = sql
				got = q
			}
			if b, ok := c.want.(Begin); ok && number == 0 {
				b.CommitID = 0
				c.want = b
			}
			if err != nil || !reflect.DeepEqual(got, c.want) {
				rt.Fatalf("Decode = %#v, %v; want %#v", got, err, c.want)
			}
			e := Event{Header: parseHeader(c.event), File: "f", Offset: off, Payload: got}
			if s := e.String(); strings.Contains(s, "\n") || !strings.Contains(s, e.Type.String()) || e.Time != 99 || e.ServerID != server {
				rt.Fatalf("String = %q", s)
			}
		}
	})
}

// Row images read back, with each set of columns and both widths of lengths.
func TestRowImageRoundTrip(t *testing.T) {
	for _, width := range []int{255, 256} {
		for cols := Columns(0); cols <= allColumns; cols++ {
			for _, r := range []Row{{}, {Key: 1<<63 - 1, K: math.MinInt64, C: []byte("abc")}, {Key: 7, K: -1, C: bytes.Repeat([]byte{0xff}, width)}} {
				b := appendImage(nil, &r, cols, width)
				if len(b) != imageSize(&r, cols, width) {
					t.Errorf("imageSize = %d, the image has %d bytes", imageSize(&r, cols, width), len(b))
				}
				got, rest, err := parseImage(append(b, 1, 2), cols, width)
				if want := r.image(cols); err != nil || printAll(got) != printAll(want) || !bytes.Equal(rest, []byte{1, 2}) {
					t.Errorf("columns %b of %v: parseImage = %v, %v, %v", cols, r, got, rest, err)
				}
				for n := range len(b) {
					if _, _, err := parseImage(b[:n], cols, width); err == nil {
						t.Errorf("columns %b of %v: an image cut to %d bytes is accepted", cols, r, n)
					}
				}
			}
		}
	}
}

// A server's own file: what MariaDB 10.11 wrote is read as it was meant.
func TestReadsMariaDBsFile(t *testing.T) {
	b, err := os.ReadFile("testdata/mariadb-10.11.bin")
	if err != nil {
		t.Fatal(err)
	}
	disk := diskWith(t, map[string][]byte{FileName(5): b})
	r := NewFileReader(disk, dir, FileName(5))
	var types []Type
	var changes []string
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, e.Type)
		switch p := e.Payload.(type) {
		case Rows:
			for _, c := range p.Changes {
				changes = append(changes, changeLine(p.Kind, c.Before, c.After, p.Before, p.After))
			}
		case TableMap:
			if p.Database != database || p.Table != "accounts" || p.Width != 100 {
				t.Errorf("table map %v", p)
			}
			ours := appendTableMap(nil, 1, "accounts", 100)
			theirs := b[e.Offset:e.NextPos]
			copy(ours[headerSize:headerSize+6], theirs[headerSize:])
			seal(ours, e.Time, int64(e.NextPos))
			if !bytes.Equal(ours, theirs) {
				t.Errorf("table map: ours % x\ntheirs % x", ours, theirs)
			}
		case Xid:
			ours := appendXid(nil, 1, p.ID)
			seal(ours, e.Time, int64(e.NextPos))
			if theirs := b[e.Offset:e.NextPos]; !bytes.Equal(ours, theirs) {
				t.Errorf("Xid: ours % x\ntheirs % x", ours, theirs)
			}
		case FormatDescription:
			ours := appendFormat(nil, 1, 0)
			copy(ours[headerSize+2:headerSize+2+versionSize], b[magicSize+headerSize+2:])
			ours[atFlags] = 0
			seal(ours, e.Time, int64(e.NextPos))
			if theirs := b[e.Offset:e.NextPos]; !bytes.Equal(ours, theirs) {
				t.Errorf("format description: ours % x\ntheirs % x", ours, theirs)
			}
		}
	}
	row := func(key uint64, k int64, c string) Row { return Row{key, k, []byte(c)} }
	want := []string{
		changeLine(TypeWriteRows, Row{}, row(1, 10, "abc"), 0, allColumns),
		changeLine(TypeWriteRows, Row{}, row(2, 20, "xyz"), 0, allColumns),
		changeLine(TypeWriteRows, Row{}, row(3, -5, ""), 0, allColumns),
		changeLine(TypeUpdateRows, row(1, 10, "abc"), row(1, 11, "abc"), allColumns, allColumns),
		changeLine(TypeDeleteRows, row(2, 20, "xyz"), Row{}, allColumns, 0),
		changeLine(TypeUpdateRows, row(1, 0, ""), row(0, 12, ""), ColID, ColK),
		changeLine(TypeDeleteRows, row(3, 0, ""), Row{}, ColID, 0),
	}
	if !reflect.DeepEqual(changes, want) {
		t.Errorf("changes %q\nwant %q", changes, want)
	}
	if types[0] != TypeFormatDescription || types[1] != TypeGTIDList || types[len(types)-1] != TypeRotate {
		t.Errorf("events %v", types)
	}
}

// The Reader says where it cannot go on.
func TestReaderStops(t *testing.T) {
	files, _ := history(t, vfs.GrowZero, true, false)
	count := func(files map[string][]byte) (n int, err error) {
		r, err := NewReader(diskWith(t, files), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for {
			if _, err = r.Next(); err != nil {
				return n, err
			}
			n++
		}
	}
	all, err := count(files)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("zeros at the end: %v; want io.EOF", err)
	}
	var corrupt *CorruptionError
	n, err := count(damage(files, func(b []byte) []byte { b[600] ^= 1; return b }))
	if !errors.As(err, &corrupt) || n >= all || corrupt.Offset > 600 {
		t.Errorf("a flipped bit: %d events, %v", n, err)
	}
	n, err = count(damage(files, func(b []byte) []byte { return b[:700] }))
	if !errors.As(err, &corrupt) || n >= all || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("a cut-off file: %d events, %v", n, err)
	}
}

// The axes' tables are complete.
func TestAxes(t *testing.T) {
	for _, f := range Formats.All() {
		var back Format
		text, err := f.MarshalText()
		if err != nil || back.UnmarshalText(text) != nil || back != f || f.String() != string(text) {
			t.Errorf("format %v: %q, %v, back %v", f, text, err, back)
		}
	}
	for _, i := range RowImages.All() {
		var back RowImage
		text, err := i.MarshalText()
		if err != nil || back.UnmarshalText(text) != nil || back != i || i.String() != string(text) {
			t.Errorf("row image %v: %q, %v, back %v", i, text, err, back)
		}
	}
	for r := range reasons {
		if strings.HasPrefix(r.String(), "reason(") {
			t.Errorf("reason %d has no name", r)
		}
	}
}
