package binlog

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
)

// failing makes a log on a disk that breaks in one way.
func failing(t *testing.T, f vfs.Fault, change func(*Options)) (*Log, *vfs.Mem) {
	t.Helper()
	mem := vfs.NewMem()
	fs, err := vfs.NewFaulty(mem, vfs.Faults{f})
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(t, fs)
	if change != nil {
		change(&o)
	}
	return mustCreate(t, o), mem
}

// The first failure of a write or flush stops the log: everyone gets it, the
// disk is not asked again, and flushed stays where it was.
func TestFailureIsFinal(t *testing.T) {
	for name, f := range map[string]vfs.Fault{
		"flush": {Kind: vfs.FailFlush, Path: "binlog.000001", N: 2},
		"write": {Kind: vfs.FailWrite, Path: "binlog.000001", N: 3},
		"short": {Kind: vfs.FailShort, Path: "binlog.000001", N: 3},
		"space": {Kind: vfs.FailSpace, Path: "binlog.000001", N: 700},
	} {
		t.Run(name, func(t *testing.T) {
			l, mem := failing(t, f, nil)
			var first error
			var flushed Pos
			xid := uint64(0)
			for first == nil && xid < 10 {
				xid++
				flushed = l.Flushed()
				if _, first = tryGroup(l, transfer(xid)); first == nil {
					first = l.Flush()
				}
			}
			if first == nil || !strings.Contains(first.Error(), "binlog.000001") {
				t.Fatalf("the disk's failure came back as %v", first)
			}
			events := mem.Events()
			_, write := tryGroup(l, transfer(99))
			for what, err := range map[string]error{"Write": write, "Flush": l.Flush(), "Rotate": l.Rotate(), "Close": l.Close(), "Err": l.Err()} {
				if !errors.Is(err, first) {
					t.Errorf("%s after the failure = %v, want %v", what, err, first)
				}
			}
			if mem.Events() != events || l.Flushed() != flushed {
				t.Errorf("after the failure: %d events on the disk, flushed %d; want 0 and %d", mem.Events()-events, l.Flushed(), flushed)
			}
			r, err := Scan(mem, dir, flushed)
			if err != nil || r.Clean || len(r.Committed) < int(xid)-1 {
				t.Errorf("Scan = %+v, %v; want %d transactions", r, err, xid-1)
			}
		})
	}
}

// Every failure of a rotation or of the end stops the log and is survived.
func TestRotationAndCloseFail(t *testing.T) {
	for _, end := range []string{"rotate", "close"} {
		for _, kind := range []vfs.FaultKind{vfs.FailFlush, vfs.FailWrite, vfs.FailDir} {
			failed := 0
			for n := int64(1); ; n++ {
				path := "binlog.*"
				if kind == vfs.FailDir {
					path = dir
				}
				mem := vfs.NewMem()
				fs, err := vfs.NewFaulty(mem, vfs.Faults{{Kind: kind, Path: path, N: n}})
				if err != nil {
					t.Fatal(err)
				}
				l, err := Create(testOptions(t, fs))
				if err != nil {
					continue // it failed earlier than here
				}
				if _, err = tryGroup(l, transfer(1)); err != nil {
					continue
				}
				if err = l.Flush(); err != nil {
					continue
				}
				flushed := l.Flushed()
				if end == "rotate" {
					err = l.Rotate()
				} else {
					err = l.Close()
				}
				if err == nil {
					break // the fault comes later than anything here
				}
				failed++
				if !errors.Is(l.Err(), syscall.EIO) {
					t.Errorf("%s, %v %d: Err = %v", end, kind, n, l.Err())
				}
				if r, err := Scan(mem, dir, flushed); err != nil || r.LastSeq != 1 {
					t.Errorf("%s, %v %d: Scan = %+v, %v; want sequence 1", end, kind, n, r, err)
				}
			}
			if failed == 0 && (end == "rotate" || kind != vfs.FailDir) {
				t.Errorf("%s: no %v fault reached it", end, kind)
			}
		}
	}
}

// Two flushes at the same time, of which the first fails and the kernel then
// takes everything for clean: the second one must not be believed.
func TestFlushBesideOneThatFails(t *testing.T) {
	seeds.Run(t, 20, func(seed uint64) string {
		mem := vfs.NewMem()
		fs, err := vfs.NewFaulty(mem, vfs.Faults{{Kind: vfs.FailFlush, Path: "binlog.000001", N: 2}})
		if err != nil {
			return err.Error()
		}
		l := mustCreate(t, testOptions(t, fs))
		writeGroup(t, l, transfer(1))
		var wg sync.WaitGroup
		var errs [2]error
		for i := range errs {
			wg.Go(func() { errs[i] = l.Flush() })
		}
		wg.Wait()
		if errs[0] == nil || errs[1] == nil || l.Flushed() == l.Written() {
			return fmt.Sprintf("two flushes, the first of which fails: %v, %v; flushed %d of %d", errs[0], errs[1], l.Flushed(), l.Written())
		}
		return ""
	})
}

// A flush beside a writer that rotates: nothing that it covered is lost.
func TestFlushBesideWriter(t *testing.T) {
	seeds.Run(t, 40, func(seed uint64) string {
		mem := vfs.NewMem()
		o := testOptions(t, mem)
		o.MaxSize = MinMaxSize
		l, err := Create(o)
		if err != nil {
			return err.Error()
		}
		var wg sync.WaitGroup
		done := make(chan struct{})
		var flushErr error
		wg.Go(func() {
			for flushErr == nil {
				select {
				case <-done:
					return
				default:
					flushErr = l.Flush()
					runtime.Gosched() // one processor: the writer's turn
				}
			}
		})
		var end Pos
		for xid := uint64(1); xid <= 20; xid++ {
			if end, err = tryGroup(l, transfer(xid)); err != nil {
				return err.Error()
			}
			if l.NeedsRotate() {
				if err := l.Rotate(); err != nil {
					return err.Error()
				}
			}
			if f, w := l.Flushed(), l.Written(); f > w {
				return fmt.Sprintf("flushed %d, written %d", f, w)
			}
		}
		close(done)
		wg.Wait()
		if flushErr != nil {
			return flushErr.Error()
		}
		flushed := l.Flushed()
		after := mem.Crash(vfs.CrashPower, vfs.CrashOptions{Seed: seed})
		r, err := Scan(after, dir, flushed)
		if err != nil {
			return err.Error()
		}
		if r.End() < flushed || r.End() > end+1000 {
			return fmt.Sprintf("recovered up to %d, flushed %d, written %d", r.End(), flushed, end)
		}
		return ""
	})
}

// What was flushed is what stood in the log before the flush: a group that is
// written during it stays at risk.
func TestWriteDuringFlushIsNotCovered(t *testing.T) {
	mem := vfs.NewMem()
	l := mustCreate(t, testOptions(t, mem))
	first := writeGroup(t, l, transfer(1))
	during := Pos(0)
	mem.SetFlushHook(func() {
		if during == 0 {
			during = writeGroup(t, l, transfer(2))
		}
	})
	if err := l.Flush(); err != nil || l.Flushed() != first || l.Written() != during {
		t.Fatalf("Flush = %v: flushed %d, written %d; want %d and %d", err, l.Flushed(), l.Written(), first, during)
	}
	least := mem.CrashWith(vfs.CrashPower, func(int) int { return 0 })
	r, err := Scan(least, dir, l.Flushed())
	if err != nil || !slices.Equal(xids(r.Committed), []uint64{1}) {
		t.Errorf("Scan = %+v, %v; want Xid 1", r, err)
	}
}
