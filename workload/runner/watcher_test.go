package runner

import (
	"testing"

	"flushbench/metrics"
)

// The clients of a server that freezes are given up on wherever they are, and what they
// do afterwards is nobody's: the next cell is on the board then.
func TestGivenUpBeforeTheBegin(t *testing.T) {
	board := NewBoard()
	c := &cellRun{r: &run{cfg: Config{Board: board}}, spec: &Spec{}, obs: &observer{}}
	w := &watcher{c: c, done: make(chan struct{})}
	w.stop()
	w.start(metrics.Window{}, nil)
	if w.started || w.quit != nil {
		t.Error("a cell that is over is watched")
	}
}
