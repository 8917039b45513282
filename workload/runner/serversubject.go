package runner

import (
	"context"

	"flushbench/engine"
	"flushbench/metrics"
	"flushbench/workload"
	"flushbench/workload/server"
	"flushbench/workload/target"
)

// serverSubject is a cell on a real server. It has no watermarks: nothing of it can
// be tracked, and what it flushed it says itself.
type serverSubject struct {
	v *liveServer
	t workload.Target
}

func (s serverSubject) target() workload.Target              { return s.t }
func (s serverSubject) stats() (none engine.DatabaseStats)   { return none }
func (s serverSubject) marks() (none engine.Watermarks)      { return none }
func (s serverSubject) keeps(marksOf) (w metrics.Watermarks) { return w }
func (s serverSubject) err() error                           { return nil }
func (s serverSubject) drain() error                         { return nil }
func (s serverSubject) close() error                         { return s.t.Close() }

// serverSnapshot is what a server had counted at an edge of the interval.
type serverSnapshot struct {
	counters target.Counters
	err      error
	cpuNS    int64 // of its processes; 0: not seen
}

// snapshot reads a server's counters. It runs beside the clients, on the run's own
// connection.
func (s serverSubject) snapshot() (x serverSnapshot) {
	ctx, cancel := context.WithTimeout(context.Background(), snapshotTimeout)
	defer cancel()
	x.cpuNS = int64(server.CPU(s.v.pid()))
	x.counters, x.err = s.v.conn.Counters(ctx)
	return x
}
