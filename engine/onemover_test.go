package engine

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/yield/seeds"
)

// oneMoverProperty lets clients commit records so large that each few cross a place
// where a producer may follow the log for the writer, and looks at the watermarks: one
// goroutine at a time moves them, whoever that is.
func oneMoverProperty(t *testing.T, seed uint64) string {
	o := smallest(newDisk(t))
	o.Commit.Policy = logPolicies[seed%uint64(len(logPolicies))]
	if err := Create(o); err != nil {
		return err.Error()
	}
	led, sizes := &ledger{}, []int{100, 9000, 15_000, 30_000}
	l, err := openLife(o, led, sizes)
	if err != nil {
		return err.Error()
	}
	var over atomic.Bool
	wrong := make(chan string, 1)
	go func() {
		said := ""
		for last := l.e.Watermarks(); !over.Load() && said == ""; runtime.Gosched() {
			w := l.e.Watermarks()
			now := [...]lsn.LSN{w.Checkpoint, w.Flushed, w.Written, w.Ready, w.Reserved}
			for i, before := range [...]lsn.LSN{last.Checkpoint, last.Flushed, last.Written, last.Ready, last.Reserved} {
				if now[i] < before || i > 0 && now[i] < now[i-1] {
					said = fmt.Sprintf("policy %v: %+v after %+v", o.Commit.Policy, w, last)
				}
			}
			last = w
		}
		wrong <- said
	}()
	err = l.parallel(8)
	if err == nil {
		err = l.e.Drain()
	}
	over.Store(true)
	said := <-wrong
	if closed := l.e.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err.Error()
	}
	if _, lost := (judge{led: led, sizes: sizes, acked: true}).check(o.FS); said == "" {
		said = lost
	}
	return said
}

func TestOneMoverOfReady(t *testing.T) {
	seeds.Run(t, 40, func(seed uint64) string { return oneMoverProperty(t, seed) })
}
