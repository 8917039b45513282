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
	rounds, durable, size := 2+rng.IntN(20), rng.IntN(2) == 0, rng.IntN(1000)
	var flushRight sync.Mutex
	var done atomic.Bool
	var wrong atomic.Pointer[string]
	fail := func(format string, args ...any) {
		s := fmt.Sprintf(format, args...)
		wrong.CompareAndSwap(nil, &s)
	}
	var wg, watcher sync.WaitGroup
	wg.Go(func() { // the write right
		for range rounds {
			if _, err := r.log.Buffer().Append(TypeCommit, 1, 1, make([]byte, size)); err != nil {
				fail("%v", err)
			}
			if durable {
				flushRight.Lock()
			}
			if err := r.log.Write(r.log.Cut(1<<20, true, nil), durable); err != nil {
				fail("%v", err)
			}
			if durable {
				flushRight.Unlock()
			}
		}
	})
	wg.Go(func() { // the flush right
		for range rounds {
			flushRight.Lock()
			before := r.log.Written()
			if err := r.log.Flush(); err != nil {
				fail("%v", err)
			}
			if got := r.log.Flushed(); got < before {
				fail("Flush returned with flushed %v; written was %v before", got, before)
			}
			flushRight.Unlock()
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
	if r.room() < MinCapacity/2 {
		if err := r.log.Flush(); err != nil {
			return err.Error()
		}
		at := r.log.Flushed()
		for range 2 {
			if err := r.log.SetCheckpoint(Checkpoint{LSN: at}); err != nil {
				return err.Error()
			}
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
	for _, m := range []vfs.Method{vfs.Fdatasync, vfs.ODsync, vfs.RWFDsync, vfs.DirectODsync, vfs.None} {
		t.Run(m.String(), func(t *testing.T) {
			r := newRig(t, setup{method: m, files: 2})
			r.log.obs = NoObserver{}
			seeds.Run(t, 2, func(seed uint64) string { return watermarkProperty(r, seed) })
		})
	}
}
