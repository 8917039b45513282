package engine

import (
	"fmt"
	"testing"

	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// runsProperty lets clients take runs of the smallest log buffer, which has room for one
// at a time, while it and the log are full all the time. One client stops in the middle
// of its run and never comes back: the others go on, the log drains, and everything is
// there. It returns how many commits were in runs.
func runsProperty(t *testing.T, which uint64) (inRuns int, wrong string) {
	o := smallest(newDisk(t))
	o.Commit = groupcommit.Config{Policy: groupcommit.Policy0, Style: groupcommit.Style(which % 2), NoTimer: true}
	o.Tail = redo.Tail(which / 2 % 2)
	o.Method = []vfs.Method{vfs.Fdatasync, vfs.DirectFdatasync}[which/4%2]
	o.CheckpointDistance = 1
	what := fmt.Sprintf("%v, tail %v, %v: ", o.Commit.Style, o.Tail, o.Method)
	if err := Create(o); err != nil {
		return 0, what + err.Error()
	}
	led, sizes := &ledger{}, []int{0, 100, 300, 700}
	l, err := openLife(o, led, sizes)
	if err != nil {
		return 0, what + err.Error()
	}
	for range 300 {
		for c := uint32(0); c < clients && err == nil; c++ {
			err = l.commit(c)
		}
	}
	if err == nil {
		err = l.parallel(800)
	}
	for c := uint32(0); c < clients && err == nil; c++ {
		err = l.commit(c)
	}
	for range 1000 { // a log's worth, while the others sit on what they have
		if err == nil {
			err = l.commit(3)
		}
	}
	inRuns = led.inRuns(sizes)
	if err == nil {
		err = l.e.Drain()
	}
	if w := l.e.Watermarks(); err == nil && w.Flushed != w.Reserved {
		return 0, fmt.Sprintf("%sdrained, and flushed %v of %v", what, w.Flushed, w.Reserved)
	}
	if closed := l.e.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return 0, what + err.Error()
	}
	if _, wrong = (judge{led: led, sizes: sizes, acked: true}).check(o.FS); wrong != "" {
		wrong = what + wrong
	}
	return inRuns, wrong
}

func TestRunsInTheSmallestBuffer(t *testing.T) {
	inRuns := 0
	for which := range uint64(8) {
		within(t, "clients that take runs", func() {
			n, wrong := runsProperty(t, which)
			if inRuns += n; wrong != "" {
				t.Error(wrong)
			}
		})
	}
	if inRuns == 0 {
		t.Error("no client had a run: this shows nothing of them")
	}
}
