package engine

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

func stacks() string {
	b := make([]byte, 1<<18)
	return string(b[:runtime.Stack(b, true)])
}

// With the log full, commits stall, the checkpointer makes room, and all goes
// on: for every policy and strategy, with buffers smaller and larger than the
// log, with records of all sizes.
func TestFullLogRecovers(t *testing.T) {
	sizes := map[string][]int{"small": {100}, "large": {18_000}, "mixed": {0, 100, 4000, 18_000}}
	for _, strategy := range groupcommit.Strategies.All() {
		for _, policy := range logPolicies {
			for _, buffer := range []int{redo.MinBuffer, 1 << 20} {
				for name, size := range sizes {
					for _, method := range []vfs.Method{vfs.Fdatasync, vfs.DirectFdatasync, vfs.ODsync, vfs.None} {
						if !policy.Flushes() && strategy != groupcommit.Dedicated {
							continue
						}
						if yield.Enabled && (method == vfs.ODsync || method == vfs.None || name == "small") {
							continue // slow, and no more telling
						}
						ok := t.Run(strings.Join([]string{strategy.String(), policy.String(), name, method.String()}, "/"), func(t *testing.T) {
							o := smallest(nil)
							o.Commit.Policy, o.Commit.Strategy, o.Method, o.BufferSize = policy, strategy, method, buffer
							o.BufferKind = redo.BufferKind(buffer / (1 << 20))
							o.FS = created(t, o)
							fillLog(t, o, size)
						})
						if !ok {
							return // each of them may hang for long
						}
					}
				}
			}
		}
	}
}

// fillLog commits four circles of log from four clients while somebody drains.
func fillLog(t *testing.T, o Options, sizes []int) {
	led := &ledger{}
	l, err := openLife(o, led, sizes)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "a log that is full", func() {
		target := l.e.buf.Reserved() + 4*l.e.cp.limit
		var wg sync.WaitGroup
		for c := range uint32(clients) {
			wg.Go(func() {
				for l.e.buf.Reserved() < target {
					if err := l.commit(c); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		stop := make(chan struct{})
		var drains sync.WaitGroup
		drains.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := l.e.Drain(); err != nil {
					t.Error(err)
					return
				}
				runtime.Gosched()
			}
		})
		wg.Wait()
		close(stop)
		drains.Wait()
		if err := l.e.Drain(); err != nil {
			t.Error(err)
		}
	})
	if st := l.e.Stats(); st.Checkpoints < 3 {
		t.Errorf("%d checkpoints over four circles", st.Checkpoints)
	}
	marks := l.e.Watermarks()
	if err := l.e.Close(); err != nil {
		t.Error(err)
	}
	j := judge{led: led, sizes: sizes, acked: true, atLeast: marks.Reserved}
	if _, wrong := j.check(o.FS); wrong != "" {
		t.Error(wrong)
	}
}

// However much is ready at once, a candidate comes every few steps: the circle
// always holds one that can make room.
func TestAssistKeepsCandidates(t *testing.T) {
	o := smallest(nil)
	o.BufferSize = 1 << 20
	o.Commit.Policy = groupcommit.Policy0
	o.FS = created(t, o)
	l, err := openLife(o, &ledger{}, []int{2000})
	if err != nil {
		t.Fatal(err)
	}
	cp := l.e.cp
	if err := cp.stop(); err != nil { // so that nobody takes candidates away
		t.Fatal(err)
	}
	cp.adv.Lock() // nobody follows while the buffer fills up
	for cp.e.buf.Reserved() < cp.log.CheckpointLSN()+2*cp.limit {
		if err := l.commit(0); err != nil {
			t.Fatal(err)
		}
	}
	last := cp.adv.last
	cp.adv.Unlock()
	seeds.Until(t, "a candidate is kept", func() bool {
		cp.assist() // unless the log's writer is at it
		return cp.has(lsn.Max)
	})
	cp.mu.Lock()
	for _, c := range cp.mu.candidates {
		if gap := c.at - last; gap > 4*cp.step {
			t.Errorf("a candidate at %v after %v: %v bytes of the circle's %v; a step is %v", c.at, last, gap, cp.limit, cp.step)
		}
		last = c.at
	}
	cp.mu.Unlock()
	cp.done = make(chan struct{})
	_ = l.e.gc.Fail(vfs.ErrCrashed)
	_ = l.e.Close()
}

// A log that is full is cut wherever it must be, inside a record too. A crash
// then leaves a torn record behind the last whole one, no damage.
func TestFlushedInsideRecord(t *testing.T) {
	o := smallest(nil)
	o.Commit.Policy = groupcommit.Policy0
	mem := created(t, o)
	o.FS = mem
	led, sizes := &ledger{}, []int{9000}
	l, err := openLife(o, led, sizes)
	if err != nil {
		t.Fatal(err)
	}
	cp := l.e.cp
	if err := cp.stop(); err != nil { // the checkpoint goroutine: its part is played below
		t.Fatal(err)
	}
	full := cp.log.CheckpointLSN() + cp.limit
	producer := make(chan error, 1)
	go func() {
		for {
			if err := l.commit(0); err != nil {
				producer <- err
				return
			}
		}
	}()
	within(t, "filling the log", func() {
		for cp.log.Written() < full {
			runtime.Gosched()
		}
	})
	if moved, err := cp.try(); !moved || err != nil {
		t.Fatalf("try = %v, %v; want a checkpoint", moved, err)
	}
	disk := mem.CrashWith(vfs.CrashPower, func(int) int { return 0 })
	j := judge{led: led, sizes: sizes, atLeast: full}
	rec, wrong := j.check(disk)
	if wrong != "" {
		t.Error(wrong)
	}
	if rec.Checkpoint.LSN <= redo.FirstLSN || rec.End >= full {
		t.Errorf("checkpoint %v, end %v; want a checkpoint, and an end below %v", rec.Checkpoint.LSN, rec.End, full)
	}
	cp.done = make(chan struct{})
	_ = l.e.gc.Fail(vfs.ErrCrashed)
	within(t, "a producer that is told", func() { t.Logf("the producer ended with %v", <-producer) })
	_ = l.e.Close() // gives back the buffer that it wrote to
}
