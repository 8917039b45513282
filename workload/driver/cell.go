package driver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/clock"
	"flushbench/metrics"
	"flushbench/workload"
)

// The phases of a cell, as workers that read no clock see them.
const (
	phaseWarmup uint32 = iota
	phaseMeasured
	phaseOver
	phases
)

// cell is one run of Run: the coordinator's state, and what its workers share
// for reading.
type cell struct {
	cfg    Config
	bodies *workload.Bodies
	burnup int64 // steps of burn per transaction
	stages *metrics.Stages
	sizer  workload.Sizer // nil: the target cannot tell

	set    *metrics.RecorderSet // nil: nothing is measured
	window metrics.Window       // as planned
	begin  int64                // of the load

	workers []*worker
	runners []runner
	alarm   *alarm  // nil: nobody thinks
	dealer  *dealer // nil: closed loop
	seats   []*seat // of pipelined workers, paced

	acked, submitted []uint64 // by client; each entry belongs to its worker

	gate chan struct{} // closed when the load begins
	over chan struct{} // closed when the cell ends
	wg   sync.WaitGroup

	_ [apart]byte
	// cut is 0 while the cell goes on, then the end of what counts. Written
	// once, by whoever ends the cell; read by every worker after each commit.
	cut   atomic.Int64
	phase atomic.Uint32 // written by the coordinator and by whoever ends the cell
	_     [apart]byte

	mu struct {
		sync.Mutex
		done  bool
		ended End
		until int64 // no commit that counts was acknowledged at or after it
		err   error
	}
}

// runner is one goroutine that acknowledges.
type runner interface {
	// run returns when the cell is over and none of its commits is under way.
	run()
	close() error
}

func newCell(cfg Config) (*cell, error) {
	c := &cell{cfg: cfg, gate: make(chan struct{}), over: make(chan struct{}), stages: metrics.NewStages()}
	var err error
	if c.bodies, err = workload.NewBodies(cfg.Seed, cfg.Sizes, cfg.Target.Overhead()); err != nil {
		return nil, err
	}
	c.sizer, _ = cfg.Target.(workload.Sizer)
	c.burnup = burnSteps(cfg.TxnCPU)
	c.acked = make([]uint64, cfg.Clients)
	c.submitted = make([]uint64, cfg.Clients)
	for i := range cfg.Lanes() {
		w := &worker{c: c, sampleIn: cfg.SampleEvery, x: uint64(i) + 1}
		if cfg.Measure && cfg.Lane != nil {
			w.lane = cfg.Lane(i)
		}
		c.workers = append(c.workers, w)
	}
	if cfg.ThinkTime > 0 {
		c.alarm = newAlarm(cfg.Clients, c.over)
	}
	if cfg.Arrivals != nil {
		c.dealer = newDealer(c, len(c.workers))
	}
	if err := c.connect(); err != nil {
		return nil, errors.Join(err, c.disconnect())
	}
	return c, nil
}

// connect opens every session.
func (c *cell) connect() error {
	if c.cfg.Mode == workload.Pipelined {
		return c.connectPipelines()
	}
	for i, w := range c.workers {
		s, err := c.cfg.Target.Connect(uint32(i))
		if err != nil {
			if c.cfg.Failed != nil {
				c.cfg.Failed(err)
			}
			return fmt.Errorf("driver: connect client %d: %w", i, err)
		}
		cl := newClient(w, uint32(i), s)
		if c.dealer != nil {
			cl.seat = newSeat(c.over)
		}
		c.runners = append(c.runners, cl)
	}
	return nil
}

func (c *cell) disconnect() error {
	var errs []error
	for _, r := range c.runners {
		if err := r.close(); err != nil {
			errs = append(errs, fmt.Errorf("driver: disconnect: %w", err))
		}
	}
	return errors.Join(errs...)
}

// run runs the cell and waits for everybody.
func (c *cell) run(ctx context.Context) (Outcome, error) {
	if c.dealer != nil && c.cfg.Mode == workload.Parked {
		defer moreProcs(min(c.cfg.Clients, inLine) - 1)()
	}
	c.prepare()
	for _, r := range c.runners {
		c.spawn(func() {
			<-c.gate
			r.run()
		})
	}
	if c.cfg.OnStart != nil {
		c.cfg.OnStart(c.window, c.set)
	}
	if c.alarm != nil {
		c.spawn(c.alarm.loop)
	}
	open := c.begin
	if c.dealer != nil {
		open -= int64(gateAhead) // its clients wait for the first intended start
		c.dealer.open(c.begin)
	}
	if !c.sleep(ctx, open) {
		c.end(EndInterrupted, clock.Now(), nil)
	}
	if len(c.seats) > 0 {
		c.spawn(func() { c.dealer.watch(c.seats) })
	}
	measured := c.coordinate(ctx)
	c.wg.Wait()
	err := c.disconnect()
	return c.outcome(measured, err)
}

func (c *cell) spawn(f func()) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		f()
	}()
}

// maxRecorders bounds how many recorders there are, of 120 KB each, 560 KB if paced.
// Parked clients beyond that share one with others, under a lock.
const maxRecorders = 512

// gateAhead is how long before the begin of a paced load its clients start to
// wait for it: more than a timer is late.
const gateAhead = 3 * time.Millisecond

// prepare fixes the interval and makes the recorders, which must know it. How
// long that takes is not known, so it plans ahead, and again if that was not
// far enough.
func (c *cell) prepare() {
	n := min(len(c.workers), maxRecorders)
	for ahead := time.Millisecond + time.Duration(n)*200*time.Microsecond; ; ahead *= 2 {
		c.begin = clock.Now() + int64(ahead+gateAhead)
		if !c.cfg.Measure {
			c.begin = clock.Now()
		}
		c.window.From = c.begin + int64(c.cfg.Warmup)
		c.window.Until = c.window.From + int64(c.cfg.Duration)
		if !c.cfg.Measure {
			return
		}
		c.set = metrics.NewRecorderSet(metrics.RecorderConfig{Workers: n, Window: c.window, Paced: c.cfg.Arrivals != nil})
		if clock.Now() < c.begin-int64(gateAhead) {
			break
		}
	}
	sinks := make([]*sink, n)
	for i := range sinks {
		sinks[i] = &sink{rec: c.set.Worker(i), shared: len(c.workers) > n}
	}
	for i, w := range c.workers {
		w.sink, w.from, w.until = sinks[i%n], c.window.From, c.window.Until
		if c.dealer != nil {
			done := newBook(c.window)
			w.done = &done
		}
	}
}

// coordinate lets the load begin, ends the cell in time and returns the interval
// that was measured.
func (c *cell) coordinate(ctx context.Context) metrics.Window {
	if !c.cfg.Measure {
		return c.coordinatePhases(ctx)
	}
	close(c.gate)
	w := c.window
	if c.sleep(ctx, w.Until) {
		c.end(EndDuration, w.Until, nil)
	} else {
		c.end(EndInterrupted, clock.Now(), nil)
	}
	w.Until = max(w.From, c.endedAt())
	return w
}

// coordinatePhases is coordinate for workers that read no clock: for them the
// phase decides what counts, so the interval is between its changes.
func (c *cell) coordinatePhases(ctx context.Context) metrics.Window {
	from := clock.Now()
	if c.cfg.Warmup == 0 {
		// Before the load begins: however late this goroutine is, no commit is
		// taken for one of a warm-up.
		c.phase.CompareAndSwap(phaseWarmup, phaseMeasured)
		close(c.gate)
	} else {
		close(c.gate)
		if !c.sleep(ctx, c.window.From) {
			c.end(EndInterrupted, clock.Now(), nil)
			return metrics.Window{From: c.window.From, Until: c.window.From}
		}
		from = clock.Now()
		// CompareAndSwap: the cell may have ended meanwhile.
		c.phase.CompareAndSwap(phaseWarmup, phaseMeasured)
	}
	if c.sleep(ctx, from+int64(c.cfg.Duration)) {
		c.end(EndDuration, clock.Now(), nil)
	} else {
		c.end(EndInterrupted, clock.Now(), nil)
	}
	return metrics.Window{From: from, Until: max(from, c.endedAt())}
}

// endedAt returns the end of what counts. REQUIRES: the cell has ended.
func (c *cell) endedAt() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.until
}

// sleep returns true at the time t, or false as soon as ctx is cancelled. It
// returns true at once when the cell is over.
func (c *cell) sleep(ctx context.Context, t int64) bool {
	if ctx.Err() != nil {
		return false
	}
	timer := time.NewTimer(time.Duration(t - clock.Now()))
	defer timer.Stop()
	select {
	case <-c.over:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// end ends the cell at the time at, unless it has ended: what is acknowledged
// from then on does not count. Any goroutine.
func (c *cell) end(why End, at int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.done {
		return
	}
	c.mu.done, c.mu.ended, c.mu.err, c.mu.until = true, why, err, at
	c.cut.Store(at)
	c.phase.Store(phaseOver)
	if why != EndDuration {
		// A worker that has not seen the cut may have counted a commit after
		// at, but had looked at the clock before this.
		c.mu.until = clock.Now()
		if c.cfg.Measure {
			c.mu.until = min(c.mu.until, c.window.Until)
		}
	}
	close(c.over)
}

// outcome adds up what the workers have. REQUIRES: all have ended.
func (c *cell) outcome(measured metrics.Window, closing error) (Outcome, error) {
	o := Outcome{Ended: c.mu.ended, Window: measured, Acked: c.acked, Submitted: c.submitted}
	var busy int64
	for _, w := range c.workers {
		o.Bytes += w.bytes
		o.Errors += w.errors
		o.Warmup += w.counts[phaseWarmup]
		o.Commits += w.counts[phaseMeasured]
		o.After += w.counts[phaseOver]
		o.Rollbacks += w.rollbacks
		o.ReadOnly += w.reads
		o.Deadlocks += w.deadlocks
		o.LockTimeouts += w.lockTimeouts
		busy += w.busy
	}
	if c.dealer != nil {
		o.Open = c.openLoop()
	}
	if c.set != nil {
		m := c.set.Merge()
		o.Latency, o.Service, o.Lag, o.Series = m.Latency, m.Service, m.Lag, m.Series
		o.Stages = c.stages.Result()
		trim(&o.Series, o.Window.Length())
	}
	if length := o.Window.Length(); length > 0 {
		o.TPS = float64(o.Commits) / o.Window.Seconds()
		o.Busy = float64(busy) / float64(length)
	}
	if c.mu.ended == EndFailed {
		return o, errors.Join(fmt.Errorf("driver: the cell failed: %w", c.mu.err), closing)
	}
	if closing != nil {
		o.Ended = EndFailed
	}
	return o, closing
}

// trim drops the buckets that begin after length nanoseconds: those of an
// interval that ended early.
func trim(s *metrics.Series, length int64) {
	if s.BucketNS <= 0 {
		return
	}
	n := min(int((length+s.BucketNS-1)/s.BucketNS), len(s.Commits))
	s.Commits, s.LatencyMeanNS, s.LatencyMaxNS = s.Commits[:n], s.LatencyMeanNS[:n], s.LatencyMaxNS[:n]
}
