package redo

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
)

// marks reads the watermarks, the smaller ones first.
func marks(l *Log) [5]lsn.LSN {
	return [5]lsn.LSN{l.CheckpointLSN(), l.Flushed(), l.Written(), l.Buffer().Ready(), l.Buffer().Reserved()}
}

// watermarkProperty lets a writer, a flusher and a checkpointer work at the
// same time, each with the right that it needs, while somebody looks on.
func watermarkProperty(r *rig, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 3))
	rounds, durable, size := 2+rng.IntN(14), rng.IntN(2) == 0, rng.IntN(1000)
	var flushRight sync.Mutex
	var done atomic.Bool
	var wrong atomic.Pointer[string]
	fail := func(format string, args ...any) {
		s := fmt.Sprintf(format, args...)
		wrong.CompareAndSwap(nil, &s)
	}
	var wg, watcher sync.WaitGroup
	var left atomic.Int32
	left.Store(2)
	for range left.Load() {
		wg.Go(func() { // a producer
			defer left.Add(-1)
			for range rounds {
				if _, err := r.log.Buffer().Append(TypeCommit, 1, 1, make([]byte, size)); err != nil {
					fail("%v", err)
				}
				runtime.Gosched()
			}
		})
	}
	wg.Go(func() { // the write right
		for n := 0; n < rounds || left.Load() > 0; n++ {
			if durable {
				flushRight.Lock()
			}
			if err := r.log.Write(r.log.Cut(1<<20, true, nil), durable); err != nil {
				fail("%v", err)
			}
			if at := r.log.Written(); r.opts.Tail == TailPad && at.AlignDown(blockSize) != at {
				fail("with --tail=pad written is %v, inside a block", at)
			}
			if durable {
				flushRight.Unlock()
			}
			runtime.Gosched()
		}
	})
	wg.Go(func() { // the flush right
		for n := 0; n < rounds || left.Load() > 0; n++ {
			flushRight.Lock()
			before := r.log.Written()
			if err := r.log.Flush(); err != nil {
				fail("%v", err)
			}
			if got := r.log.Flushed(); got < before {
				fail("Flush returned with flushed %v; written was %v before", got, before)
			}
			flushRight.Unlock()
			runtime.Gosched()
		}
	})
	watcher.Go(func() {
		for last := marks(r.log); !done.Load(); {
			now := marks(r.log)
			for i := range now {
				if now[i] < last[i] || i > 0 && now[i] < now[i-1] {
					fail("checkpoint, flushed, written, ready, reserved: %v, then %v", last, now)
				}
			}
			last = now
			runtime.Gosched()
		}
	})
	wg.Wait()
	done.Store(true)
	watcher.Wait()
	for r.log.Written() < r.log.Buffer().Reserved() {
		if err := r.log.Write(r.log.Cut(1<<20, true, nil), false); err != nil {
			return err.Error()
		}
	}
	if err := r.log.Flush(); err != nil {
		return err.Error()
	}
	for range 2 { // room for the next run
		if err := r.log.SetCheckpoint(Checkpoint{LSN: r.log.Flushed()}); err != nil {
			return err.Error()
		}
	}
	if s := wrong.Load(); s != nil {
		return *s
	}
	return ""
}

// Watermarks only grow and keep their order, whoever looks, with every kind of
// method: a write that is durable itself and a flush that has nothing to do
// both move flushed.
func TestWatermarksOnlyGrow(t *testing.T) {
	for _, s := range []setup{
		{method: vfs.Fdatasync}, {method: vfs.Fdatasync, tail: TailPad}, {method: vfs.ODsync}, {method: vfs.RWFDsync, kind: Mutex},
		{method: vfs.RWFDsync, tail: TailPad}, {method: vfs.DirectODsync}, {method: vfs.None},
	} {
		s.files = 2
		t.Run(s.String(), func(t *testing.T) {
			r := newRig(t, s)
			r.log.obs = NoObserver{}
			wait := func(end lsn.LSN) error { // the writer will make room
				for r.log.Buffer().Limit() < end {
					runtime.Gosched()
				}
				return nil
			}
			switch b := r.log.Buffer().(type) {
			case *lockFree:
				b.space = wait
			case *mutexBuffer:
				b.space = wait
			}
			seeds.Run(t, 20, func(seed uint64) string { return watermarkProperty(r, seed) })
		})
	}
}
