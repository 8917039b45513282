// Package driver runs a workload against a target and measures it: closed
// loop, paced, and pipelined clients, each worker with a recorder, a lane of
// the at-risk tracker and a ledger of what was acknowledged.
//
// It measures one cell and round: what a matrix of them means, and whether
// what was acknowledged is on disk, is for others to say.
//
// INVARIANT: nothing shared is written between two commits of a worker, and
// nothing is allocated; stopping is one atomic load. (A paced worker also takes the
// dealer's lock between two commits, never within one.) A closed loop without
// think time reads the clock once a commit: the end of one is the begin of
// the next. Where that is too much, it reads it twice for some of them (Config.TimeOneIn).
package driver

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"flushbench/metrics"
	"flushbench/workload"
)

// Limits and defaults.
const (
	MaxClients         = 1 << 22
	MaxWorkers         = 1 << 10
	DefaultSampleEvery = 64
	// MaxThinkTime bounds ThinkTime and TxnCPU.
	MaxThinkTime = time.Minute
	// MaxDuration bounds Warmup and Duration.
	MaxDuration = 30 * 24 * time.Hour
)

// Config is one cell as the driver sees it.
type Config struct {
	Target  workload.Target // REQUIRED
	Clients int             // 1 to MaxClients; clients 0 to Clients-1 of the target
	Mode    workload.Mode
	// Workers drive the pipelined clients, 1 to MaxWorkers; 0: GOMAXPROCS.
	// More than there are clients are not started.
	Workers int

	// Arrivals paces the clients; nil is a closed loop.
	Arrivals workload.Arrivals
	// LatencyLimit skips an arrival that is later than this when its turn
	// comes, and counts a commit as late whose response takes longer, both as
	// pgbench does; 0: none. Paced only.
	LatencyLimit time.Duration
	// MaxBacklog is the most arrivals that may be due and not done: beyond
	// it those that have waited longest are skipped, and the cell is
	// overloaded. 0: those of 10 s, at least 1000. Paced only.
	MaxBacklog int64
	// ThinkTime is how long a client of a closed loop pauses between an
	// acknowledgement and its next transaction. Parked clients only.
	ThinkTime time.Duration
	// TxnCPU is the CPU time that a transaction burns before it commits. It
	// is not part of the latency in a closed loop.
	TxnCPU time.Duration

	Sizes workload.Sizes // of the records of workload log, in bytes of log
	Seed  uint64         // of bodies and sizes
	// Txns makes the transactions of every other workload, for at least as
	// many clients; nil: workload log. Parked clients only.
	Txns *workload.Generator

	Warmup   time.Duration // before the measured interval, >= 0
	Duration time.Duration // of the measured interval, > 0

	// Measure turns clocks, histograms, the tracker and samples on. Off, a
	// worker only counts its commits: for measuring what measuring costs.
	Measure bool
	// SampleEvery is how many commits of a worker there are to one whose
	// stages are taken; 0: DefaultSampleEvery; below 0: none.
	SampleEvery int
	// TimeOneIn times one commit of so many, 1 to workload.MaxTimeOneIn, drawn at random, as
	// long as so many take a client less than a millisecond or so; 0 or 1: each. The
	// others are counted, and stalls among them found (metrics.Recorder.RecordStretch).
	// For commits that take hardly longer than a reading of the clock. It is for parked
	// clients on workload log in a closed loop without pauses, with no Notes; others
	// time each commit. The default of SampleEvery is as many times as large.
	TimeOneIn int
	// Lane returns lane i of the at-risk tracker, 0 <= i < Lanes(); nil: no
	// tracking. It is called before the first commit.
	Lane func(i int) *metrics.Lane

	// OnStart, if not nil, is called once, after everybody has connected and
	// just before the first commit, with the planned interval and the
	// recorders (nil when Measure is off), for a tracker's Begin and for Live.
	OnStart func(w metrics.Window, set *metrics.RecorderSet)

	// Notes, if not nil, returns who takes down what a client asks for and is told; it
	// is called once for each, before the first commit. Parked clients only.
	Notes func(client uint32, s workload.Session) Notes

	// Batch runs the threads of this process under SCHED_BATCH meanwhile (Linux):
	// a client that is woken does not push the thread aside that wakes the others.
	// For closed loops on a target in this process. A child that is started meanwhile
	// inherits it.
	Batch bool

	// Failed, if not nil, is told of each client that fails: the first of them ends
	// the cell, the others fail with it. Safe for concurrent use.
	Failed func(err error)

	// Spend, if not nil, takes n bytes of log from the write budget before
	// they are committed; its error ends the cell (Outcome.Ended is
	// EndBudget). A worker takes up to 16 KiB ahead, which it may not use.
	// Safe for concurrent use.
	Spend func(n int64) error
}

// Notes takes down what one client asks for and what it is told, in order. The client
// calls it, on its own goroutine, and goes on when it returns.
type Notes interface {
	// Asks: the client is about to ask for the transaction of sequence seq
	// (workload.Session.Seq).
	Asks(seq uint64)
	// Acked: that of sequence seq was acknowledged. A crash may take size bytes of log
	// with it; 0: it changed nothing.
	Acked(seq uint64, size int64)
	// Refused: t, which takes size bytes of log, failed with err, and the client gives
	// up when Refused returns.
	Refused(t *workload.Txn, size int64, err error)
}

// Validate fills in defaults and says what is out of range or does not go
// together.
func (c *Config) Validate() error {
	if c.Workers == 0 {
		c.Workers = min(runtime.GOMAXPROCS(0), MaxWorkers)
	}
	if c.SampleEvery == 0 {
		c.SampleEvery = DefaultSampleEvery
		if c.timesSome() {
			c.SampleEvery *= c.TimeOneIn
		}
	}
	if c.Arrivals != nil && c.MaxBacklog == 0 {
		c.MaxBacklog = defaultBacklog(c.Arrivals.Rate())
	}
	switch {
	case c.Target == nil:
		return fmt.Errorf("driver: no target")
	case c.Clients < 1 || c.Clients > MaxClients:
		return fmt.Errorf("driver: %d clients: must be 1 to %d", c.Clients, MaxClients)
	case c.Workers < 1 || c.Workers > MaxWorkers:
		return fmt.Errorf("driver: %d workers: must be 1 to %d, or 0 for one a processor", c.Workers, MaxWorkers)
	case c.ThinkTime < 0 || c.ThinkTime > MaxThinkTime:
		return fmt.Errorf("driver: think time %v: must be 0 to %v", c.ThinkTime, MaxThinkTime)
	case c.TxnCPU < 0 || c.TxnCPU > MaxThinkTime:
		return fmt.Errorf("driver: CPU time of a transaction %v: must be 0 to %v", c.TxnCPU, MaxThinkTime)
	case c.Warmup < 0 || c.Warmup > MaxDuration:
		return fmt.Errorf("driver: warm-up %v: must be 0 to %v", c.Warmup, MaxDuration)
	case c.Duration <= 0 || c.Duration > MaxDuration:
		return fmt.Errorf("driver: duration %v: must be above 0 and at most %v", c.Duration, MaxDuration)
	case c.TimeOneIn < 0 || c.TimeOneIn > workload.MaxTimeOneIn:
		return fmt.Errorf("driver: one commit of %d to be timed: must be 1 to %d", c.TimeOneIn, workload.MaxTimeOneIn)
	case c.Arrivals != nil && c.ThinkTime > 0:
		return fmt.Errorf("driver: think time %v with a paced load: the rate sets the pauses; use one of them", c.ThinkTime)
	case c.Arrivals != nil && !c.Measure:
		return fmt.Errorf("driver: a paced load needs the clock: it cannot run without measuring")
	case c.Arrivals == nil && c.LatencyLimit != 0:
		return fmt.Errorf("driver: latency limit %v in a closed loop: what is late has no schedule; give a rate", c.LatencyLimit)
	case c.Arrivals == nil && c.MaxBacklog != 0:
		return fmt.Errorf("driver: a backlog of at most %d in a closed loop: it has none; give a rate", c.MaxBacklog)
	case c.LatencyLimit < 0 || c.LatencyLimit > MaxDuration:
		return fmt.Errorf("driver: latency limit %v: must be 0 (none) to %v", c.LatencyLimit, MaxDuration)
	case c.MaxBacklog < 0:
		return fmt.Errorf("driver: a backlog of at most %d: must be above 0, or 0 for that of 10 s", c.MaxBacklog)
	case c.Mode == workload.Pipelined && c.Txns != nil:
		return fmt.Errorf("driver: pipelined clients run workload %v only: one that waits for a row lock would keep its worker from releasing it; use %v clients", workload.KindLog, workload.Parked)
	case c.Mode == workload.Pipelined && c.Notes != nil:
		return fmt.Errorf("driver: pipelined clients take no notes: use %v clients", workload.Parked)
	case c.Mode == workload.Pipelined && c.ThinkTime > 0:
		return fmt.Errorf("driver: pipelined clients have no think time: use %v clients", workload.Parked)
	}
	if _, ok := c.Target.(workload.Pipeliner); c.Mode == workload.Pipelined && !ok {
		return fmt.Errorf("driver: this target has no asynchronous commit: use %v clients", workload.Parked)
	}
	return c.Sizes.Validate()
}

// timesSome reports whether not every commit is timed.
func (c *Config) timesSome() bool {
	return c.TimeOneIn > 1 && c.Measure && c.Mode == workload.Parked && c.Txns == nil && c.Arrivals == nil &&
		c.ThinkTime == 0 && c.TxnCPU == 0 && c.Notes == nil
}

// Lanes is how many lanes of a tracker the cell needs: one for each goroutine
// that acknowledges.
func (c *Config) Lanes() int {
	if c.Mode == workload.Parked {
		return c.Clients
	}
	workers := c.Workers
	if workers == 0 {
		workers = min(runtime.GOMAXPROCS(0), MaxWorkers)
	}
	return min(workers, c.Clients)
}

// Run connects the clients, runs the cell and waits for all of them. It
// returns early, with what was measured so far, when ctx is cancelled
// (Outcome.Ended is EndInterrupted, the error nil), when the budget is spent
// (EndBudget, nil) or when the target fails (EndFailed and the error). An
// error without EndFailed means that nothing was run.
func Run(ctx context.Context, c Config) (Outcome, error) {
	if err := c.Validate(); err != nil {
		return Outcome{}, err
	}
	cell, err := newCell(c)
	if err != nil {
		return Outcome{}, err
	}
	if !c.Batch {
		return cell.run(ctx)
	}
	undo, refused := batchThreads()
	defer undo()
	out, err := cell.run(ctx)
	out.Unbatched = refused
	return out, err
}
