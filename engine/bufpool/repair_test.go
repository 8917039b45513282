package bufpool

import (
	"bytes"
	"strings"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
)

// scene is a disk on which pages 1 to 3 were written at one LSN each, in one batch.
func scene(t *testing.T) (disk *vfs.Mem, log *fakeLog) {
	t.Helper()
	disk, log = created(t, vfs.Fdatasync), newFakeLog(1<<30)
	p, err := Open(smallest(disk, log, 1))
	if err != nil {
		t.Fatal(err)
	}
	var m Mtr
	for no := uint32(1); no <= 3; no++ {
		set(t, p, &m, tp(no), uint64(no))
	}
	if err := p.FlushAll(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return disk, log
}

func file(t *testing.T, disk vfs.FS, name string) vfs.File {
	t.Helper()
	f, err := disk.Open("data/"+name, vfs.Fdatasync)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func image(t *testing.T, f vfs.File, page int) []byte {
	t.Helper()
	b := make([]byte, PageSize)
	if err := readFull(f, b, int64(page)*PageSize); err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, f vfs.File, b []byte, off int64) {
	t.Helper()
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

// Torn pages come back, and are flushed; pages that are whole stay, however
// old or new; what has no good copy stays as it is; a second repair does nothing.
func TestRepair(t *testing.T) {
	disk, _ := scene(t)
	table, dw := file(t, disk, FileName(SpaceTable)), file(t, disk, DoublewriteFile)
	want := image(t, table, 1)

	torn := bytes.Clone(want)
	clear(torn[4096:8192])
	torn[5000] = 1
	put(t, table, torn, 1*PageSize)

	newer := image(t, table, 2)
	stamp(newer, tp(2), 1<<40)
	seal(newer)
	put(t, table, newer, 2*PageSize)

	put(t, table, []byte{1, 2, 3}, 3*PageSize+100)
	put(t, dw, []byte{9}, 3*PageSize+500) // the copy of page 3: copy 2, in page 3 of the file

	got, err := RepairDoublewrite(disk, "data")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].ID != tp(1) || got[0].Offset != PageSize || got[0].LSN != pageLSN(want) || !strings.Contains(got[0].Reason, "CRC") || got[0].File != "data/table.pages" || got[0].Batch == 0 {
		t.Errorf("RepairDoublewrite = %+v; want page 1 alone", got)
	}
	after := disk.CrashWith(vfs.CrashPower, func(int) int { return 0 })
	if !bytes.Equal(image(t, file(t, after, FileName(SpaceTable)), 1), want) {
		t.Error("the repaired page is not in the file, or not flushed")
	}
	disk = disk.Crash(vfs.CrashProcess, vfs.CrashOptions{}) // goes on where it stopped
	table = file(t, disk, FileName(SpaceTable))
	if !bytes.Equal(image(t, table, 2), newer) {
		t.Error("a good page was replaced by an older image")
	}
	if got, err := RepairDoublewrite(disk, "data"); err != nil || len(got) != 0 {
		t.Errorf("a second RepairDoublewrite = %+v, %v", got, err)
	}
	p := open(t, smallest(disk, newFakeLog(1<<30), 1))
	var m Mtr
	if err := p.BeginRead(&m); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = m.Read(tp(3))
		if !isDamage(err) || !strings.Contains(err.Error(), "data/table.pages is damaged at offset 49152 (page 0:3): CRC") {
			t.Errorf("Read of the page without a good copy = %v", err)
		}
	}
	if _, err := m.Read(tp(1)); err != nil {
		t.Error(err)
	}
	m.Abandon()
	if p.Err() != nil {
		t.Errorf("a damaged page stopped the pool: %v", p.Err())
	}
	if err := p.Begin(&m); err != nil { // made anew it is whole again
		t.Fatal(err)
	}
	if _, err := m.Init(tp(3), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Commit(1); err != nil {
		t.Fatal(err)
	}
	if wrong, err := (model{tp(3): {offType: 1}}).sameAs(p, []PageID{tp(3)}); wrong != "" || err != nil {
		t.Error(wrong, err)
	}
}

// A doublewrite file that is torn anywhere, or missing, repairs nothing and harms nothing.
func TestTornDoublewrite(t *testing.T) {
	for name, tear := range map[string]func(f vfs.File){
		"magic":   func(f vfs.File) { put(t, f, []byte{0}, 0) },
		"entry":   func(f vfs.File) { put(t, f, []byte{77}, dwEntries+1) },
		"copies":  func(f vfs.File) { put(t, f, make([]byte, 3*PageSize), PageSize) },
		"all":     func(f vfs.File) { put(t, f, make([]byte, 4*PageSize), 0) },
		"swapped": func(f vfs.File) { put(t, f, image(t, f, 2), PageSize) },
	} {
		t.Run(name, func(t *testing.T) {
			disk, _ := scene(t)
			tear(file(t, disk, DoublewriteFile))
			table := file(t, disk, FileName(SpaceTable))
			put(t, table, []byte{1, 2, 3}, PageSize+100)
			before := image(t, table, 1)
			got, err := RepairDoublewrite(disk, "data")
			if err != nil || len(got) > 0 {
				t.Errorf("RepairDoublewrite = %+v, %v", got, err)
			}
			if !bytes.Equal(image(t, table, 1), before) {
				t.Error("a page was changed")
			}
		})
	}
	disk, _ := scene(t)
	if err := disk.Remove("data/" + DoublewriteFile); err != nil {
		t.Fatal(err)
	}
	if got, err := RepairDoublewrite(disk, "data"); err != nil || len(got) > 0 {
		t.Errorf("RepairDoublewrite without the file = %+v, %v", got, err)
	}
	if _, err := Open(smallest(disk, newFakeLog(1<<30), 1)); err == nil || !strings.Contains(err.Error(), "open data/doublewrite") {
		t.Errorf("Open without the doublewrite file = %v", err)
	}
}

// A pool without doublewrite leaves no old batch behind that could replace
// newer changes later.
func TestOldBatchIsForgotten(t *testing.T) {
	disk, log := scene(t)
	o := smallest(disk, log, 1)
	o.NoDoublewrite = true
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var m Mtr
	set(t, p, &m, tp(1), 99)
	if err := p.FlushAll(); err != nil {
		t.Fatal(err)
	}
	if s := p.Stats(); s.DoublewriteBytes != 0 || s.DoublewriteFlushes != 0 {
		t.Errorf("%d bytes and %d flushes of a doublewrite that is off", s.DoublewriteBytes, s.DoublewriteFlushes)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, file(t, disk, FileName(SpaceTable)), []byte{1}, PageSize+9000)
	if got, err := RepairDoublewrite(disk, "data"); err != nil || len(got) > 0 {
		t.Errorf("RepairDoublewrite = %+v, %v; want nothing: the copies are older than the page", got, err)
	}
}

// A data file whose end is missing is refused; zeros that a crash left of a
// growth are not looked at.
func TestFileSizes(t *testing.T) {
	disk, log := scene(t)
	table := file(t, disk, FileName(SpaceTable))
	put(t, table, bytes.Repeat([]byte{7}, 3*PageSize), extent+100)
	p, err := Open(smallest(disk, log, 1))
	if err != nil {
		t.Fatal(err)
	}
	var m Mtr
	if wrong, err := (model{}).sameAs(p, []PageID{tp(64)}); wrong != "" || err != nil {
		t.Errorf("a page behind the end that was noted: %s %v; want zeros", wrong, err)
	}
	set(t, p, &m, tp(65), 1)
	if err := p.FlushAll(); err != nil {
		t.Fatal(err)
	}
	if n, _ := table.Size(); n != 2*extent {
		t.Errorf("the file has %d bytes; want 2 extents", n)
	}
	if err := p.Extend(SpaceTable, 129); err != nil {
		t.Fatal(err)
	}
	if n, _ := table.Size(); n != 3*extent {
		t.Errorf("the file has %d bytes after Extend; want 3 extents", n)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if b := image(t, table, 64); !bytes.Equal(b, zeroPage[:]) {
		t.Error("the growth did not fill page 64 with zeros")
	}
	if err := table.Truncate(extent); err != nil {
		t.Fatal(err)
	}
	_, err = Open(smallest(disk, log, 1))
	if err == nil || !strings.Contains(err.Error(), "open data/table.pages: it ends at offset 1048576, and had 3145728 bytes") {
		t.Errorf("Open of a file that was cut = %v", err)
	}
}

// The doublewrite file is flushed before the first page in place, which is
// flushed before the next batch; and pages are copied whole.
func TestDoublewriteOrder(t *testing.T) {
	disk := created(t, vfs.Fdatasync)
	var events []string
	spy := &spyFS{FS: disk}
	log := newFakeLog(1 << 30)
	p := open(t, smallest(spy, log, 1))
	spy.onWrite = func(name string, b []byte, _ int64) error { events = append(events, "write "+name); return nil }
	spy.onFlush = func(name string) error { events = append(events, "flush "+name); return nil }
	log.flushing = func(lsn.LSN) { events = append(events, "log") }
	var m Mtr
	for range 2 {
		set(t, p, &m, tp(1), 1)
		set(t, p, &m, tp(2), 1)
		set(t, p, &m, PageID{SpaceUndo, 1}, 1)
		if err := p.FlushAll(); err != nil {
			t.Fatal(err)
		}
	}
	one := "log, write doublewrite, flush doublewrite, write table.pages, write table.pages, write undo.pages, flush table.pages, flush undo.pages"
	got := strings.ReplaceAll(strings.Join(events, ", "), "write table.pages, write table.pages", "write table.pages")
	one = strings.ReplaceAll(one, "write table.pages, write table.pages", "write table.pages")
	if got != one+", "+one {
		t.Errorf("events:\n%s\nwant twice:\n%s", got, one)
	}
}

func FuzzDoublewriteHeader(f *testing.F) {
	b := make([]byte, dwHeaderSize)
	encodeDoublewrite(b, 5, [numSpaces]int64{1, 2}, []PageID{tp(7)}, make([]byte, PageSize))
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := decodeDoublewrite(b)
		if !ok {
			return
		}
		again, ids := make([]byte, dwHeaderSize), []PageID{}
		copies := make([]byte, len(h.entries)*PageSize)
		for i, e := range h.entries {
			ids = append(ids, e.id)
			c := copies[i*PageSize:]
			stamp(c, e.id, e.lsn)
			c[0], c[1], c[2], c[3] = byte(e.crc), byte(e.crc>>8), byte(e.crc>>16), byte(e.crc>>24)
		}
		encodeDoublewrite(again, h.number, h.sizes, ids, copies)
		if h2, ok := decodeDoublewrite(again); !ok || len(h2.entries) != len(h.entries) || h2.number != h.number {
			t.Errorf("%+v encodes to %+v", h, h2)
		}
	})
}
