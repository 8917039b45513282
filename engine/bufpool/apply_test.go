package bufpool

import (
	"strings"
	"testing"

	"flushbench/engine/vfs"
)

// A record is redone on pages that lack it, and on no other: neither bytes nor
// page LSN of a newer page go back, and it does not become dirty.
func TestApplySkipsNewerPages(t *testing.T) {
	disk, log := created(t, vfs.Fdatasync), newFakeLog(1<<30)
	p, err := Open(smallest(disk, log, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := model{}
	var m Mtr
	both := func(v byte) {
		ws := []write{{id: tp(1), off: 100, data: []byte{v}}, {id: tp(2), off: 100, data: []byte{v}}}
		want.apply(ws)
		if _, err := do(p, &m, 1, ws); err != nil {
			t.Fatal(err)
		}
	}
	both(1)
	both(2)
	// Page 1 alone reaches its file.
	if _, _, err := p.flushOldest(1, log.reserved, ReasonAsked); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = open(t, smallest(disk, log, 1))
	first, second := log.records[0], log.records[1]
	lsnOf := func(no uint32) uint64 {
		t.Helper()
		if err := p.BeginRead(&m); err != nil {
			t.Fatal(err)
		}
		defer m.Abandon()
		pg, err := m.Read(tp(no))
		if err != nil {
			t.Fatal(err)
		}
		return uint64(pg.LSN())
	}
	for _, step := range []struct {
		r           record
		lsn1, lsn2  uint64
		oldestAfter uint64
	}{
		{first, uint64(second.end), uint64(first.end), uint64(first.start)},
		{first, uint64(second.end), uint64(first.end), uint64(first.start)},
		{second, uint64(second.end), uint64(second.end), uint64(first.start)},
	} {
		if err := p.Apply(step.r.start, step.r.end, step.r.body); err != nil {
			t.Fatal(err)
		}
		if a, b := lsnOf(1), lsnOf(2); a != step.lsn1 || b != step.lsn2 {
			t.Errorf("page LSNs after the record at %v = %d, %d; want %d, %d", step.r.start, a, b, step.lsn1, step.lsn2)
		}
		if at := uint64(p.Oldest()); at != step.oldestAfter || p.Stats().Dirty != 1 {
			t.Errorf("Oldest = %d with %d dirty pages; want %d with page 2 alone", at, p.Stats().Dirty, step.oldestAfter)
		}
	}
	if wrong, err := want.sameAs(p, []PageID{tp(1), tp(2)}); wrong != "" || err != nil {
		t.Error(wrong, err)
	}
	err = p.Apply(second.end, second.end+100, []byte{KindSet, 0, 0})
	if err == nil || !strings.Contains(err.Error(), "apply the record at LSN "+second.end.String()+": change at byte 0 of 3") {
		t.Errorf("Apply of a cut body = %v", err)
	}
	if p.Err() == nil || p.Oldest() > second.end {
		t.Errorf("after that Err = %v, Oldest = %v", p.Err(), p.Oldest())
	}
}

// A killed process leaves pages in the page cache. Redo skips them, so they
// must be durable before a checkpoint passes.
func TestOpenFlushesWhatAKilledProcessWrote(t *testing.T) {
	disk, log := created(t, vfs.Fdatasync), newFakeLog(1<<30)
	stop := func(name string) error {
		if name == FileName(SpaceTable) {
			return vfs.ErrCrashed
		}
		return nil
	}
	p, err := Open(smallest(&spyFS{FS: disk, onFlush: stop}, log, 1))
	if err != nil {
		t.Fatal(err)
	}
	var m Mtr
	set(t, p, &m, tp(1), 7)
	if err := p.FlushAll(); err == nil {
		t.Fatal("FlushAll succeeds")
	}
	p.Close()
	disk = disk.Crash(vfs.CrashProcess, vfs.CrashOptions{})
	if _, err := RepairDoublewrite(disk, "data"); err != nil {
		t.Fatal(err)
	}
	log = log.after(log.reserved, firstLSN)
	open(t, smallest(disk, log, 1))
	disk = disk.CrashWith(vfs.CrashPower, func(int) int { return 0 })
	if got := image(t, file(t, disk, FileName(SpaceTable)), 1)[HeaderSize]; got != 7 {
		t.Errorf("after Open and a power cut the page holds %d; want 7", got)
	}
}
