package binlog

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
)

// history makes a log of some groups, each flushed or not, and returns its
// files as a crash of the process leaves them. ends are the offsets of the
// transactions in the last file.
func history(t testing.TB, growth vfs.Growth, flush bool, closed bool) (files map[string][]byte, committed []Committed) {
	t.Helper()
	mem := vfs.NewMem()
	o := testOptions(t, mem)
	o.Growth, o.Preallocate = growth, 4096
	l := mustCreate(t, o)
	xid := uint64(0)
	for group := range 4 {
		var list []trx
		for range 1 + group%2 {
			xid++
			list = append(list, transfer(xid))
		}
		writeGroup(t, l, list...)
		if flush {
			if err := l.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	end := l.Close
	if !closed {
		end = l.Abandon
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	r, err := Scan(mem, dir, 0)
	if err != nil || len(r.Committed) != 6 || r.Clean != closed {
		t.Fatalf("Scan = %+v, %v; want 6 transactions", r, err)
	}
	return filesOf(t, mem), r.Committed
}

// damage returns a copy of files with the last file changed.
func damage(files map[string][]byte, change func(b []byte) []byte) map[string][]byte {
	bad := maps.Clone(files)
	bad[FileName(1)] = change(bytes.Clone(files[FileName(1)]))
	return bad
}

// recovers checks that a log either is refused as corrupt or has a prefix of
// what was committed, and that recovery from there comes to the same twice.
func recovers(t *testing.T, what string, files map[string][]byte, all []Committed) (kept int, err error) {
	t.Helper()
	mem := diskWith(t, files)
	r, err := Scan(mem, dir, 0)
	if err != nil {
		var c *CorruptionError
		if !errors.As(err, &c) || c.File == "" || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%s: Scan = %v; want one line of corruption with its place", what, err)
		}
		return 0, err
	}
	if len(r.Committed) > len(all) || !slices.Equal(r.Committed, all[:len(r.Committed)]) {
		t.Fatalf("%s: Scan found %v; want a prefix of %v", what, r.Committed, all)
	}
	cut, err := Truncate(mem, dir, r)
	if err != nil {
		t.Fatalf("%s: Truncate = %v", what, err)
	}
	again, err := Scan(mem, dir, 0)
	if err != nil || !reflect.DeepEqual(again.Committed, r.Committed) || !again.Clean || again.Reason != "end of file" {
		t.Fatalf("%s: Scan after Truncate = %+v, %v; want %v", what, again, err, r.Committed)
	}
	if !reflect.DeepEqual(cut.Files, again.Files) || cut.LastSeq != again.LastSeq || cut.ValidPos != again.ValidPos {
		t.Fatalf("%s: Truncate = %+v, then Scan = %+v", what, cut, again)
	}
	before := mem.Events()
	if _, err := Truncate(mem, dir, again); err != nil || mem.Events() != before {
		t.Fatalf("%s: the second Truncate = %v, with %d changes", what, err, mem.Events()-before)
	}
	return len(r.Committed), nil
}

// No flipped bit changes a transaction: it takes whole transactions from the
// end, or is called corruption. Below what was flushed it always is.
func TestEveryFlippedBit(t *testing.T) {
	testenv.Long(t, "every damage by itself, on one goroutine")
	for _, growth := range []vfs.Growth{vfs.GrowAppend, vfs.GrowZero} {
		for _, flush := range []bool{false, true} {
			for _, closed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v/flushed=%v/closed=%v", growth, flush, closed), func(t *testing.T) {
					files, all := history(t, growth, flush, closed)
					end := all[5].End
					size := len(files[FileName(1)])
					refused, repaired := 0, 0
					for bit := range 8 * min(size, int(end)+200) {
						off := int64(bit / 8)
						if !exhaustive() && bit%8 != bit/8%8 && off != inUseOffset {
							continue // one bit of each byte
						}
						bad := damage(files, func(b []byte) []byte { b[off] ^= 1 << (bit % 8); return b })
						kept, err := recovers(t, fmt.Sprintf("bit %d of byte %d", bit%8, off), bad, all)
						if err != nil {
							refused++
							continue
						}
						repaired++
						switch {
						case off == inUseOffset && bit%8 == 0: // the mark itself: nothing is lost
							if kept != 6 {
								t.Errorf("in-use mark flipped: %d transactions kept", kept)
							}
						case closed && off < int64(size):
							t.Errorf("bit %d of byte %d of a closed file: accepted with %d transactions", bit%8, off, kept)
						case off < all[4].End:
							t.Errorf("bit %d of byte %d: accepted with %d transactions, although sound ones follow", bit%8, off, kept)
						case off < end && kept != 5 || off >= end && kept != 6:
							t.Errorf("bit %d of byte %d: %d transactions kept", bit%8, off, kept)
						}
					}
					if refused == 0 || !closed && repaired == 0 {
						t.Errorf("%d refused, %d repaired", refused, repaired)
					}
				})
			}
		}
	}
}

// A file cut off anywhere keeps its whole transactions, or is refused: within
// its head, or when it had been closed.
func TestEveryTruncation(t *testing.T) {
	testenv.Long(t, "every damage by itself, on one goroutine")
	for _, closed := range []bool{false, true} {
		files, all := history(t, vfs.GrowAppend, true, closed)
		whole := files[FileName(1)]
		head := len(preamble(1, 1, 1, GTID{}, FileName(1)))
		for size := range len(whole) {
			bad := damage(files, func(b []byte) []byte { return b[:size] })
			kept, err := recovers(t, fmt.Sprintf("cut at %d", size), bad, all)
			want := 0
			for want < len(all) && all[want].End <= int64(size) {
				want++
			}
			switch {
			case closed && err == nil:
				t.Errorf("a closed file cut at %d is accepted", size)
			case !closed && err == nil && kept != want:
				t.Errorf("cut at %d: %d transactions, want %d", size, kept, want)
			case !closed && (err != nil) != (size < head):
				t.Errorf("cut at %d: %v", size, err)
			}
		}
	}
}

// A position that the caller knows to be flushed makes an error of any end
// before it.
func TestKnownFlushed(t *testing.T) {
	files, all := history(t, vfs.GrowZero, false, false)
	for name, change := range map[string]func(b []byte) []byte{
		"zeros":   func(b []byte) []byte { clear(b[all[3].End:]); return b },
		"cut off": func(b []byte) []byte { return b[:all[3].End+10] },
		"flipped": func(b []byte) []byte { b[all[4].End-10] ^= 1; clear(b[all[4].End:]); return b },
	} {
		mem := diskWith(t, damage(files, change))
		for i, c := range all {
			r, err := Scan(mem, dir, Pos(c.End))
			var corrupt *CorruptionError
			if i <= 3 && (err != nil || len(r.Committed) != 4) {
				t.Errorf("%s after 4, flushed up to %d: Scan = %v, %v", name, i+1, r.Committed, err)
			}
			if i > 3 && !errors.As(err, &corrupt) {
				t.Errorf("%s after 4, flushed up to %d: Scan = %v; want corruption", name, i+1, err)
			}
		}
	}
}

// Sectors that a crash took out of the middle of what was never flushed end
// the log there; if a later event proves that they were flushed, it is damage.
func TestLostSectors(t *testing.T) {
	for _, flushed := range []bool{false, true} {
		files, all := history(t, vfs.GrowZero, flushed, false)
		bad := damage(files, func(b []byte) []byte { clear(b[512:1024]); return b })
		kept, err := recovers(t, "lost sector", bad, all)
		want := 0
		for all[want].End <= 512 {
			want++
		}
		switch {
		case flushed && err == nil:
			t.Error("a sector that was flushed is gone, and that is accepted")
		case flushed && !strings.Contains(err.Error(), "flushed up to"):
			t.Errorf("a sector that was flushed is gone: %v", err)
		case !flushed && (err != nil || kept != want):
			t.Errorf("a sector that was not flushed is gone: %d transactions, %v; want %d", kept, err, want)
		}
		if !flushed {
			r, _ := Scan(diskWith(t, bad), dir, 0)
			if r.DroppedTrx == 0 || r.DroppedEvents == 0 || !strings.Contains(r.Reason, "no sound event") {
				t.Errorf("what was dropped is not told: %+v", r)
			}
		}
	}
}

// build makes a file out of events, sealed in order.
func build(add ...func([]byte) []byte) []byte {
	b := preamble(1, 0, 1, GTID{Server: 1, Seq: 10}, FileName(1))
	for _, f := range add {
		start := len(b)
		b = f(b)
		seal(b[start:], 1, int64(len(b)))
	}
	return b
}

func gtidEvent(seq uint64, flags byte) func([]byte) []byte {
	return func(b []byte) []byte { return appendGTID(b, 1, GTID{Server: 1, Seq: seq}, flags, 0, maxLag) }
}

func queryEvent(b []byte) []byte { return appendQuery(b, 1, 1, database, []byte("statement")) }

func xidEvent(xid uint64) func([]byte) []byte {
	return func(b []byte) []byte { return appendXid(b, 1, xid) }
}

func stopEvent(b []byte) []byte { return appendStop(b, 1) }

func unknownEvent(b []byte) []byte {
	start := len(b)
	return closeEvent(appendHeader(b, 99, 1, 0), start)
}

// Events that are sound one by one and make no sense together are refused.
func TestMalformed(t *testing.T) {
	index := []byte("./binlog.000001\n")
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"good":                  {build(gtidEvent(11, gtidTransactional), queryEvent, xidEvent(1), gtidEvent(12, gtidStandalone), queryEvent), ""},
		"xid outside":           {build(xidEvent(1)), "Xid event outside a transaction"},
		"xid twice":             {build(gtidEvent(11, 0), queryEvent, xidEvent(1), xidEvent(2)), "Xid event outside"},
		"rows outside":          {build(queryEvent), "Query event outside"},
		"gtid in gtid":          {build(gtidEvent(11, 0), gtidEvent(12, 0)), "Gtid event within transaction 0-1-11"},
		"sequence falls":        {build(gtidEvent(10, 0)), "GTID 0-1-10 after sequence 10"},
		"sequence jumps":        {build(gtidEvent(12, 0)), "GTID 0-1-12 after sequence 10"},
		"empty transaction":     {build(gtidEvent(11, 0), xidEvent(1)), "transaction 0-1-11 of 0 events"},
		"xid 0":                 {build(gtidEvent(11, 0), queryEvent, xidEvent(0)), "Xid 0"},
		"duplicate xid":         {build(gtidEvent(11, 0), queryEvent, xidEvent(1), gtidEvent(12, 0), queryEvent, xidEvent(1)), "Xid 1 ends transactions 11 and 12"},
		"after the end":         {build(stopEvent, gtidEvent(11, 0)), "after the end of the file"},
		"end in a transaction":  {build(gtidEvent(11, 0), stopEvent), "Stop event within transaction"},
		"xid after a statement": {build(gtidEvent(11, gtidStandalone), xidEvent(1)), "Xid 1 ends transaction"},
		"second head":           {append(build(), build()[4:]...), "no sound event"},
		"unknown event":         {build(unknownEvent), "event(99) event"},
		"no head":               {[]byte(magic), "in the head of the file"},
		"no binlog":             {[]byte("hello world"), "does not begin as a binlog does"},
		"empty file":            {nil, "does not begin as a binlog does"},
	} {
		t.Run(name, func(t *testing.T) {
			mem := diskWith(t, map[string][]byte{IndexName: index, FileName(1): c.file})
			r, err := Scan(mem, dir, 0)
			if name == "second head" { // its positions cannot be right
				if err != nil || !strings.Contains(r.Reason, c.want) {
					t.Errorf("Scan = %+v, %v; want the end before it", r, err)
				}
				return
			}
			var corrupt *CorruptionError
			if c.want == "" && (err != nil || r.LastSeq != 12) || c.want != "" && (!errors.As(err, &corrupt) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("Scan = %+v, %v; want %q", r, err, c.want)
			}
		})
	}
}

// A file that the index names and that is not there, a file that it should
// name, and an index that is no index are refused with one line.
func TestFilesAndIndex(t *testing.T) {
	mem := vfs.NewMem()
	o := testOptions(t, mem)
	l := mustCreate(t, o)
	for xid := uint64(1); xid <= 3; xid++ {
		writeGroup(t, l, transfer(xid))
		if err := l.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	good := filesOf(t, mem)
	set := func(name string, b []byte) func(map[string][]byte) {
		return func(f map[string][]byte) {
			f[name] = b
			if b == nil {
				delete(f, name)
			}
		}
	}
	inUse := bytes.Clone(good[FileName(2)])
	inUse[inUseOffset] |= 1
	orphan := preamble(1, 0, 1, GTID{Server: 1, Seq: 3}, FileName(5))
	for name, c := range map[string]struct {
		change func(map[string][]byte)
		want   string
	}{
		"good":           {func(map[string][]byte) {}, ""},
		"orphan":         {set(FileName(5), orphan), ""},
		"torn orphan":    {set(FileName(5), orphan[:50]), ""},
		"empty orphan":   {set(FileName(5), []byte{}), ""},
		"no index":       {set(IndexName, nil), "does not exist"},
		"empty index":    {set(IndexName, []byte{}), "an index of 0 bytes"},
		"cut index":      {set(IndexName, good[IndexName][:20]), `"./bi" names no file`},
		"short index":    {set(IndexName, good[IndexName][:32]), "holds transactions, but the index does not name it"},
		"gap in index":   {set(IndexName, []byte("./binlog.000001\n./binlog.000003\n")), "binlog.000003 follows binlog.000001"},
		"foreign index":  {set(IndexName, []byte("./binlog.1\n")), "names no file"},
		"zeros in index": {set(IndexName, append(bytes.Clone(good[IndexName]), make([]byte, 16)...)), "names no file"},
		"first missing":  {set(FileName(1), nil), "binlog.000001 is damaged at offset 0: the index names it, but it is missing"},
		"last missing":   {set(FileName(4), nil), "binlog.000004 is damaged"},
		"middle in use":  {set(FileName(2), inUse), "marked as in use"},
		"middle no head": {set(FileName(2), good[FileName(2)][:100]), "in the head"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(good)
			c.change(files)
			disk := diskWith(t, files)
			r, err := Scan(disk, dir, 0)
			switch {
			case c.want == "":
				if err != nil || r.LastSeq != 3 || len(r.Files) != 4 {
					t.Fatalf("Scan = %+v, %v; want 4 files, sequence 3", r, err)
				}
				o := testOptions(t, disk)
				l, err := Open(o, r)
				if err != nil {
					t.Fatalf("Open = %v", err)
				}
				writeGroup(t, l, transfer(4))
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if r, err := Scan(disk, dir, l.Flushed()); err != nil || r.LastSeq != 4 {
					t.Errorf("Scan after that = %+v, %v", r, err)
				}
			case err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n"):
				t.Errorf("Scan = %+v, %v; want one line with %q", r, err, c.want)
			}
		})
	}
}

// Open does not remove a file with transactions that the index lost.
func TestOpenKeepsLostFile(t *testing.T) {
	mem := vfs.NewMem()
	o := testOptions(t, mem)
	l := mustCreate(t, o)
	writeGroup(t, l, transfer(1))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Scan(mem, dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	files := filesOf(t, mem)
	files[FileName(2)] = build(gtidEvent(11, 0), queryEvent, xidEvent(1))
	disk := diskWith(t, files)
	o = testOptions(t, disk)
	if _, err := Open(o, r); err == nil || !strings.Contains(err.Error(), "holds transactions") {
		t.Errorf("Open = %v; want it refused", err)
	}
	if _, _, err := disk.Stat(dir + "/" + FileName(2)); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
	delete(files, IndexName)
	o = testOptions(t, diskWith(t, files))
	if _, err := Create(o); err == nil || !strings.Contains(err.Error(), "holds transactions") {
		t.Errorf("Create = %v; want it refused", err)
	}
}
