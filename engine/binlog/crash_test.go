package binlog

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
)

// life is a scripted history with a restart in it. It keeps, outside of the
// disk, what was written and flushed when the disk stopped.
type life struct {
	o       Options
	every   int // groups between two flushes; 0: none
	end     func(*Log) error
	written []uint64 // Xids in order
	at      []Pos    // their ends
	flushed Pos      // when the disk stopped
	decided []uint64 // Xids before the last file: durable in the engine
}

// note keeps how far the log had come.
func (h *life) note(l *Log) {
	if l != nil {
		h.flushed = max(h.flushed, l.Flushed())
	}
}

// run goes through the history until the disk stops.
func (h *life) run() error {
	l, err := Create(h.o)
	for restart := range 2 {
		if err != nil {
			return err
		}
		if err = h.write(l, restart); err != nil {
			h.note(l)
			return errors.Join(err, l.Abandon())
		}
		err = h.end(l)
		h.note(l)
		if err != nil {
			return err
		}
		r, err := Scan(h.o.FS, dir, h.flushed)
		if err != nil {
			return err
		}
		if r, err = Truncate(h.o.FS, dir, r); err != nil {
			return err
		}
		// The engine decides durably before the next file is begun.
		h.decided = slices.Clone(h.written)
		h.flushed = r.Files[len(r.Files)-1].Base
		if l, err = Open(h.o, r); err != nil {
			return err
		}
		h.note(l)
		if restart == 1 {
			return l.Abandon()
		}
	}
	return nil
}

func (h *life) write(l *Log, restart int) error {
	big := l.NewTxn(77)
	defer big.Close()
	for group := range 7 {
		var list []trx
		for range 1 + group%3 {
			xid := uint64(len(h.written) + len(list) + 1)
			x := transfer(xid)
			if group == 2 {
				for range 40 {
					x.stmts[0].ops = append(x.stmts[0].ops, x.stmts[0].ops[0])
				}
			}
			list = append(list, x)
		}
		var caches []*Txn
		for i, x := range list {
			c := l.NewTxn(uint32(i))
			defer c.Close()
			if err := x.fill(c); err != nil {
				return err
			}
			caches = append(caches, c)
		}
		// What a write that fails leaves may be found: it counts as written.
		for _, x := range list {
			h.written = append(h.written, x.xid)
		}
		_, err := l.Write(caches)
		for _, c := range caches {
			h.at = append(h.at, c.End())
		}
		if err != nil {
			for i := range caches {
				h.at[len(h.at)-1-i] = 1 << 60 // never flushed
			}
			return err
		}
		if h.every > 0 && (group+1)%h.every == 0 {
			if err := l.Flush(); err != nil {
				return err
			}
			h.note(l)
		}
		if l.NeedsRotate() {
			// The engine's commits are made durable first: rotation's terms.
			decided := slices.Clone(h.written)
			h.note(l)
			if err := l.Rotate(); err != nil {
				// The old file may or may not be the last one still.
				h.decided = decided
				h.note(l)
				return err
			}
			h.decided = decided
			h.note(l)
		}
	}
	return nil
}

// judge holds a disk after a crash against the history. Whoever is in decided
// may be missing from the scan, because the file was left.
func (h *life) judge(disk *vfs.Mem, kind vfs.CrashKind) string {
	known := h.flushed
	r, err := Scan(disk, dir, 0)
	if err != nil {
		if errors.Is(err, vfs.ErrNotExist) && len(h.written) == 0 {
			return ""
		}
		return fmt.Sprintf("Scan = %v", err)
	}
	got := xids(r.Committed)
	// What was found is a run of what was written, from where a file began.
	first := int(r.LastSeq) - len(got)
	if int(r.LastSeq) > len(h.written) || !slices.Equal(got, h.written[first:r.LastSeq]) {
		return fmt.Sprintf("found Xids %v up to sequence %d; written %v", got, r.LastSeq, h.written)
	}
	// Those of earlier files must be decided.
	if first > len(h.decided) {
		return fmt.Sprintf("the last file begins at sequence %d, but the engine has decided only %d", first, len(h.decided))
	}
	for i, end := range h.at {
		if end <= known && i >= int(r.LastSeq) {
			return fmt.Sprintf("transaction %d, flushed, is lost: found up to %d", i+1, r.LastSeq)
		}
		if kind == vfs.CrashProcess && end < 1<<60 && i >= int(r.LastSeq) {
			return fmt.Sprintf("transaction %d, written, is lost in a crash of the process", i+1)
		}
	}
	if _, err := Scan(disk, dir, min(known, r.End())); err != nil {
		return fmt.Sprintf("Scan with flushed %d = %v", known, err)
	}
	// Recovery, and life after it.
	if _, err = Truncate(disk, dir, r); err != nil {
		return fmt.Sprintf("Truncate = %v", err)
	}
	again, err := Scan(disk, dir, 0)
	if err != nil || !again.Clean || !slices.Equal(xids(again.Committed), got) {
		return fmt.Sprintf("Scan after Truncate = %+v, %v; want %v", again, err, got)
	}
	o := h.o
	o.FS = disk
	l, err := Open(o, again)
	if err != nil {
		return fmt.Sprintf("Open = %v", err)
	}
	if _, err := tryGroup(l, transfer(1000)); err != nil {
		return fmt.Sprintf("Write = %v", err)
	}
	if err := l.Close(); err != nil {
		return fmt.Sprintf("Close = %v", err)
	}
	last, err := Scan(disk, dir, l.Flushed())
	if err != nil || last.LastSeq != again.LastSeq+1 || !slices.Equal(xids(last.Committed), []uint64{1000}) {
		return fmt.Sprintf("Scan after another transaction = %+v, %v", last, err)
	}
	return ""
}

// The disk stops after every single event of the history, in every way, also
// in the middle of a write: nothing flushed is lost, nothing is invented or
// half there, and the log goes on from there.
func TestCrashAnywhere(t *testing.T) {
	testenv.Long(t, "every crash by itself, on one goroutine")
	disks, step := 3, 4
	if exhaustive() {
		disks, step = 12, 1
	}
	for _, c := range []struct {
		every  int
		method vfs.Method
		growth vfs.Growth
		end    string
	}{
		{1, vfs.Fdatasync, vfs.GrowAppend, "close"},
		{1, vfs.Fdatasync, vfs.GrowZero, "abandon"},
		{0, vfs.Fdatasync, vfs.GrowAppend, "abandon"},
		{3, vfs.Fsync, vfs.GrowFallocate, "close"},
		{1, vfs.ODsync, vfs.GrowZero, "close"},
		{1, vfs.ODsync, vfs.GrowAppend, "abandon"},
	} {
		t.Run(fmt.Sprintf("every=%d/%v/%v/%s", c.every, c.method, c.growth, c.end), func(t *testing.T) {
			step := step
			start := func(stop int) (*vfs.Mem, *life, error) {
				mem := vfs.NewMem()
				h := &life{o: testOptions(t, mem), every: c.every, end: (*Log).Close}
				if c.end == "abandon" {
					h.end = (*Log).Abandon
				}
				h.o.Method, h.o.Growth, h.o.Preallocate, h.o.MaxSize, h.o.CacheSize = c.method, c.growth, 6000, MinMaxSize, MinCacheSize
				if stop >= 0 {
					mem.CrashAfter(stop)
				}
				return mem, h, h.run()
			}
			mem, h, err := start(-1)
			if err != nil {
				t.Fatal(err)
			}
			if len(h.decided) == 0 || len(h.written) < 20 {
				t.Fatalf("a history of %d transactions, %d decided by a rotation", len(h.written), len(h.decided))
			}
			if c.growth == vfs.GrowAppend {
				step = 1
			}
			events := mem.Events()
			for n := 2; n <= events; n += step { // 2: the folder
				mem, h, err := start(n)
				if err == nil && n < events {
					t.Fatalf("stop after %d events went unnoticed", n)
				}
				for _, kind := range vfs.CrashKinds.All() {
					for torn := range 2 {
						i := 0
						for disk := range mem.Crashes(kind, torn == 1, disks, uint64(n)) {
							if wrong := h.judge(disk, kind); wrong != "" {
								t.Fatalf("stop after %d events, %v crash, torn %d, disk %d: %s", n, kind, torn, i, wrong)
							}
							i++
						}
					}
				}
			}
		})
	}
}

// Recovery itself crashes after every event and comes to the same.
func TestCrashInRecovery(t *testing.T) {
	build := func() *vfs.Mem {
		mem := vfs.NewMem()
		o := testOptions(t, mem)
		o.Growth, o.Preallocate = vfs.GrowZero, 4096
		l := mustCreate(t, o)
		for xid := uint64(1); xid <= 4; xid++ {
			writeGroup(t, l, transfer(xid))
			if xid == 2 {
				if err := l.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := l.Abandon(); err != nil {
			t.Fatal(err)
		}
		return mem
	}
	for stop := 0; ; stop++ {
		mem := build().Crash(vfs.CrashProcess, vfs.CrashOptions{})
		o := testOptions(t, mem)
		done := mem.Events() // the folder is flushed again
		mem.CrashAfter(done + stop)
		r, err := Scan(mem, dir, 0)
		if err == nil {
			if r, err = Truncate(mem, dir, r); err == nil {
				_, err = Open(o, r)
			}
		}
		if err == nil {
			return // it came to its end before the disk did
		}
		for _, kind := range vfs.CrashKinds.All() {
			for disk := range mem.Crashes(kind, true, 20, uint64(stop)) {
				r := recoverLog(t, disk)
				ids := xids(r.Committed)
				for len(r.Files) == 1 && len(ids) < 2 || len(ids) > 4 || !slices.Equal(ids, []uint64{1, 2, 3, 4}[:len(ids)]) {
					t.Fatalf("%v crash after %d events of recovery: Xids %v, %+v", kind, stop, ids, r)
				}
				if _, err := Open(Options{FS: disk, Dir: dir, Growth: vfs.GrowAppend, Table: "accounts", Width: 100, Clock: at1}, r); err != nil {
					t.Fatalf("%v crash after %d events of recovery: Open = %v", kind, stop, err)
				}
			}
		}
	}
}

// What Truncate cuts off does not come back behind its Stop event: here that
// ends where a sector ends, and a sound event stood in the next one.
func TestCutDoesNotComeBack(t *testing.T) {
	text := func(n int) func([]byte) []byte {
		return func(b []byte) []byte { return appendQuery(b, 1, 1, database, make([]byte, n)) }
	}
	pad := sector*2 - minEvent - len(build(gtidEvent(11, 0), text(0), xidEvent(1)))
	file := build(gtidEvent(11, 0), text(pad), xidEvent(1))
	file = append(file, make([]byte, minEvent)...)
	start := len(file)
	file = gtidEvent(12, 0)(file)
	seal(file[start:], 1, int64(len(file)))
	build := func() *vfs.Mem {
		return diskWith(t, map[string][]byte{IndexName: []byte("./binlog.000001\n"), FileName(1): file})
	}
	for stop := 0; ; stop++ {
		mem := build()
		mem.CrashAfter(mem.Events() + stop)
		r, err := Scan(mem, dir, 0)
		if err == nil {
			_, err = Truncate(mem, dir, r)
		}
		for disk := range mem.Crashes(vfs.CrashPower, true, 100, 1) {
			if r, err := Scan(disk, dir, 0); err != nil || !slices.Equal(xids(r.Committed), []uint64{1}) {
				t.Fatalf("crash after %d events of Truncate: Scan = %+v, %v; want Xid 1", stop, r, err)
			}
		}
		if err == nil {
			return
		}
	}
}
