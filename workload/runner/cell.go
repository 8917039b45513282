package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/groupcommit"
	"flushbench/metrics"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/beside"
	"flushbench/workload/driver"
	"flushbench/workload/durability"
	"flushbench/workload/runner/servers"
)

const (
	// riskGap is how close two samples of the at-risk tracker come.
	riskGap = 500 * time.Microsecond
	// riskTick is how often the tracker looks between the peaks.
	riskTick = time.Millisecond
	// edgeAhead is how long before the interval its first counters are read.
	edgeAhead = 2 * time.Millisecond
	// stealAhead is how long before the interval it is first asked what the hypervisor
	// took: commits that it held up then are late in the interval.
	stealAhead = 20 * time.Millisecond
	// maxLane bounds the commits at risk that one lane can hold, and eight times as
	// many all lanes of a closed loop: 48 MiB, which a cell takes some 30 ms to touch.
	maxLane = 1 << 18
)

// cellRun is one cell in one round.
type cellRun struct {
	r    *run
	spec *Spec
	log  *logDir

	eng   subject          // nil: not opened
	found engine.Recovered // by workload log's engine when it opened
	db    *dbCell          // nil: workload log
	// Of a cell on a real server.
	turn  *servers.Turn       // nil: the engine
	txns  *workload.Generator // of its transactions
	obs   *observer
	out   driver.Outcome
	begin snapshot
	end   snapshot
	risk  metrics.RiskResult
	taken hostinfo.Usage     // what the machine did from stealAhead before the interval on
	cpu   [2]hostinfo.CPUUse // who had used the processors before the warm-up, and after the interval
	// memory is what the process had in memory meanwhile.
	memory memoryWatch
	// background is what the I/O beside the cell came to; nil: there was none.
	background *beside.Report

	round       int    // its number
	arrivalSeed uint64 // paced: of the schedule

	total engine.DatabaseStats // over the whole life of the engine
	drain time.Duration
}

// measure runs the cell and returns its round, also a partial one beside an
// error. The error is what the target failed with.
func (c *cellRun) measure(ctx context.Context, number, order int) (result.Round, error) {
	round := result.Round{Round: number, Order: order}
	c.round = number
	if err := c.open(); err != nil {
		return round, err
	}
	err := c.drive(ctx)
	err = errors.Join(err, c.drainAndClose(ctx))
	c.fill(&round)
	return round, err
}

// open opens the engine on the cell's log, or the cell's database.
func (c *cellRun) open() error {
	o := c.spec.Engine
	o.FS, o.Dir, o.Clients = c.r.fs, c.log.path, c.spec.Clients
	c.obs = &observer{flushNs: metrics.NewHistogram(), safe: c.r.safe(c.spec)}
	o.Observer, o.Commit.Observer = c.obs, c.obs
	if c.spec.MeasureOff {
		o.Observer, o.Commit.Observer = nil, nil
	}
	if c.spec.Track && !c.spec.MeasureOff {
		t, err := metrics.NewTracker(c.trackerConfig())
		if err != nil {
			return err
		}
		c.obs.tracker = t
	}
	if c.spec.transactional() {
		return c.openDatabase(o)
	}
	e, err := engine.Open(o)
	if err != nil {
		return err
	}
	c.found = e.Recovered()
	c.opened(logSubject{e: e})
	return nil
}

// opened makes s what the cell measures.
func (c *cellRun) opened(s subject) {
	c.eng = s
	c.obs.subject.Store(&s)
	c.r.phase(&c.r.res.FlushSyscalls.Setup)
}

// trackerConfig sizes the lanes for three intervals at the cell's rate.
func (c *cellRun) trackerConfig() metrics.TrackerConfig {
	cfg := driver.Config{Mode: c.spec.Mode, Clients: c.spec.Clients}
	lanes := cfg.Lanes()
	capacity := maxLane
	if c.spec.Rate > 0 {
		perLane := c.spec.Rate * 3 * (c.spec.Engine.Commit.FlushInterval() + time.Second).Seconds() / float64(lanes)
		capacity = min(max(int(perLane), 1024), maxLane*16)
	} else if lanes > 8 {
		capacity = max(512, maxLane*8/lanes)
	}
	tc := metrics.TrackerConfig{Lanes: lanes, Capacity: capacity, MinGapNS: int64(riskGap)}
	for k, mark := range c.obs.safe {
		tc.Never[k] = mark == durability.Never
	}
	return tc
}

// drive runs the clients and takes the snapshots at the interval's edges.
func (c *cellRun) drive(ctx context.Context) error {
	s := c.spec
	cfg := driver.Config{
		Target: c.eng.target(), Clients: s.Clients, Mode: s.Mode, ThinkTime: s.Think, TxnCPU: s.TxnCPU,
		Sizes: s.Sizes, Seed: c.r.seed, Warmup: s.Warmup, Duration: s.Duration, Measure: !s.MeasureOff,
		Spend: c.spend(),
	}
	cfg.Txns = c.txns
	if c.db != nil {
		cfg.Txns = c.db.txns
	}
	if !s.Engine.Commit.Policy.Flushes() {
		cfg.TimeOneIn = s.TimeOneIn
	}
	if s.Rate > 0 {
		var err error
		if cfg.Arrivals, c.arrivalSeed, err = s.schedule(c.r.seed, c.round); err != nil {
			return err
		}
		cfg.LatencyLimit, cfg.MaxBacklog = s.LatencyLimit, int64(s.MaxBacklog)
	}
	if c.obs.tracker != nil {
		cfg.Lane = c.obs.tracker.Lane
	}
	w := &watcher{c: c, done: make(chan struct{})}
	cfg.OnStart = w.start
	if c.spec.LongView.Open() {
		if err := c.db.openViewer(c.spec.LongView); err != nil {
			return err
		}
	}
	var err error
	// Before the warm-up, since to look at all processes takes milliseconds.
	c.cpu[0] = c.cpuUse()
	c.out, err = c.driveBeside(ctx, cfg)
	c.r.cfg.Board.stopped(&c.out)
	w.stop()
	if c.db != nil {
		err = errors.Join(err, c.db.viewer.stop())
	}
	if c.obs.tracker != nil {
		c.risk = c.obs.tracker.Result()
	}
	return err
}

// watcher takes the snapshots at the edges of the measured interval and looks
// at what is at risk in between.
type watcher struct {
	c    *cellRun
	quit chan struct{}
	done chan struct{}

	mu            sync.Mutex
	started, over bool // guarded by mu
}

// start begins to watch, unless the cell is over: clients of a server that freezes may
// be given up on before they have begun.
func (w *watcher) start(win metrics.Window, set *metrics.RecorderSet) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	w.started, w.quit = true, make(chan struct{})
	if t := w.c.obs.tracker; t != nil {
		t.Begin(win)
	}
	w.c.r.cfg.Board.measures(win, set, w.c.obs.tracker)
	w.c.memory.start(win, 0, w.quit)
	go w.run(win)
}

func (w *watcher) run(win metrics.Window) {
	defer close(w.done)
	c := w.c
	w.until(win.From-int64(stealAhead), nil)
	c.r.sampler.Sample() // what was taken before is not this round's
	w.until(win.From-int64(edgeAhead), nil)
	c.begin.slow()
	w.until(win.From, nil)
	c.obs.measuring.Store(true)
	c.db.measure(true)
	c.begin.edge(c.r, c.eng)
	w.until(win.Until, c.obs.tracker)
	c.end.edge(c.r, c.eng)
	c.obs.measuring.Store(false)
	c.db.measure(false)
	c.end.slow()
	c.taken = c.r.sampler.Sample()
	c.cpu[1] = c.cpuUse()
}

// cpuUse looks who has used the processors; a server that the cell runs on counts as
// part of this run.
func (c *cellRun) cpuUse() hostinfo.CPUUse {
	if c.turn != nil {
		return hostinfo.ReadCPUUse(c.turn.PID())
	}
	return hostinfo.ReadCPUUse()
}

// until waits for a moment, or for the end of the cell.
func (w *watcher) until(at int64, tracker *metrics.Tracker) {
	tick := time.NewTicker(riskTick)
	defer tick.Stop()
	for {
		left := at - clock.Now()
		if left <= int64(2*riskTick) {
			clock.SleepUntil(at)
			return
		}
		if tracker == nil {
			timer := time.NewTimer(time.Duration(left) - riskTick)
			select {
			case <-w.quit:
				timer.Stop()
				return
			case <-timer.C:
			}
			continue
		}
		select {
		case <-w.quit:
			return
		case <-tick.C:
		}
		w.c.obs.look()
	}
}

func (w *watcher) stop() {
	w.mu.Lock()
	w.over = true
	started := w.started
	w.mu.Unlock()
	if !started {
		return
	}
	close(w.quit)
	<-w.done
	w.c.memory.done.Wait()
}

// drainAndClose flushes what the policy left, so that the next cell starts
// with nothing at risk, and closes the engine.
func (c *cellRun) drainAndClose(ctx context.Context) error {
	// What the engine issued outside the measured interval is warm-up.
	inside := flushCounts(c.end.calls.Sub(c.begin.calls))
	f := &c.r.res.FlushSyscalls
	c.r.phase(&f.Warmup)
	f.Cells, f.Warmup = f.Cells.Add(inside), f.Warmup.Sub(inside)
	c.catchUp(ctx)
	start := clock.Now()
	err := c.eng.err()
	if err == nil {
		err = c.eng.drain()
	}
	c.drain = time.Duration(clock.Now() - start)
	c.total = c.eng.stats()
	c.log.end = c.eng.marks().Flushed
	err = errors.Join(err, c.eng.close())
	c.r.phase(&c.r.res.FlushSyscalls.Drain)
	if errors.Is(err, groupcommit.ErrClosed) {
		return nil
	}
	return err
}

// checkGroups compares the acknowledged commits with the sizes of all groups:
// under policies 1 and 3 they are equal, exactly.
func (c *cellRun) checkGroups() error {
	if c.spec.transactional() || !c.spec.Engine.Commit.Policy.Flushes() || c.out.Ended == driver.EndFailed {
		return nil
	}
	acked := c.out.Warmup + c.out.Commits + c.out.After
	if int64(c.total.Grouped) != acked {
		return fmt.Errorf("runner: %d commits were acknowledged, the commit groups add up to %d", acked, c.total.Grouped)
	}
	return nil
}
