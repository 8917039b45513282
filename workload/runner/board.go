package runner

import (
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/metrics"
	"flushbench/metrics/result"
	"flushbench/workload/driver"
)

// Board shows what a run is doing to whoever looks. The run posts what is going
// on, as a pointer, when that changes; the figures stay where they are counted
// until Snapshot fetches them. So it costs nothing while nobody looks, and no
// client ever waits for a reader.
//
// Any goroutine may call Snapshot, before, during and after a run. A Board may
// serve several runs, one after the other. The methods that post belong to the
// goroutine of the run; on a nil Board they do nothing.
type Board struct {
	now    atomic.Pointer[posted]
	looked atomic.Int64 // clock.Now when somebody looked last; 0: never
	wanted atomic.Int64 // until when, by clock.Now, somebody counts as looking

	readers struct { // among themselves
		sync.Mutex
		recent recent
		p99    struct {
			of *metrics.RecorderSet
			at int64
			v  metrics.Live
		}
	}
}

// NewBoard returns a board on which nothing is posted.
func NewBoard() *Board { return &Board{} }

// posted is what goes on. It is never changed once it is posted.
type posted struct {
	run  boardRun
	step boardStep

	phase string
	cell  *result.Cell // name, section and parameters; nil: none
	round int

	set     *metrics.RecorderSet // nil: no client is being measured
	tracker *metrics.Tracker     // nil: not tracked
	window  metrics.Window       // of set
	final   *finalFigures        // nil: the cell goes on, or there is none
	err     string
}

// boardRun is what holds for the whole run.
type boardRun struct {
	name    string
	started time.Time
	begun   int64  // clock.Now then
	ended   int64  // 0: not yet
	fs      vfs.FS // whose calls are counted; nil: none yet
	rounds  int
	steps   int

	// The first step, from which on the plan can be held against the clock.
	firstAt int64
	planned time.Duration // left then
}

// boardStep is one step of the plan.
type boardStep struct {
	number  int
	what    string
	at      int64         // clock.Now at its begin
	left    time.Duration // of the plan, this step included
	length  time.Duration // planned
	flushes int64         // before it
}

// finalFigures are those of a cell whose clients have stopped.
type finalFigures struct {
	commits int64
	tps     float64
	p99     *int64
}

// post changes what is posted.
func (b *Board) post(change func(p *posted)) {
	if b == nil {
		return
	}
	var p posted
	if old := b.now.Load(); old != nil {
		p = *old
	}
	change(&p)
	b.now.Store(&p) // this store makes p, which nobody changes any more, visible to readers
}

// begin posts that a run has begun.
func (b *Board) begin(name string) {
	b.post(func(p *posted) {
		*p = posted{phase: result.PhaseSetup, run: boardRun{name: name, started: time.Now().UTC(), begun: clock.Now()}}
	})
}

// plan posts how much there is to do.
func (b *Board) plan(fs vfs.FS, rounds, steps int, left time.Duration) {
	b.post(func(p *posted) {
		p.run.fs, p.run.rounds, p.run.steps, p.run.planned = fs, rounds, steps, left
	})
}

// begins posts that a step begins, which belongs to no cell until of says so.
func (b *Board) begins(s boardStep, phase string) {
	b.post(func(p *posted) {
		s.at, s.flushes = clock.Now(), p.run.flushes()
		if p.run.firstAt == 0 {
			p.run.firstAt, p.run.planned = s.at, s.left
		}
		*p = posted{run: p.run, step: s, phase: phase}
	})
}

// of posts which cell and round the step belongs to.
func (b *Board) of(c *result.Cell, round int) {
	b.post(func(p *posted) {
		p.round = round
		if c != nil {
			p.cell = &result.Cell{Name: c.Name, Section: c.Section, Params: c.Params}
		}
	})
}

// enter posts that the step has come to another phase.
func (b *Board) enter(phase string) { b.post(func(p *posted) { p.phase = phase }) }

// measures posts where the figures of the clients are counted, before the first
// commit. set and t may be nil.
func (b *Board) measures(w metrics.Window, set *metrics.RecorderSet, t *metrics.Tracker) {
	if b == nil {
		return
	}
	if until := b.wanted.Load(); set != nil && until > clock.Now() {
		set.Watch(max(until, w.From+1))
	}
	b.post(func(p *posted) { p.phase, p.set, p.tracker, p.window = result.PhaseMeasured, set, t, w })
}

// stopped posts that the clients have stopped. What their cell held is let go.
func (b *Board) stopped(o *driver.Outcome) {
	b.post(func(p *posted) {
		p.phase = result.PhaseDrain
		if p.set != nil && o.Latency != nil {
			p.final = &finalFigures{o.Latency.Count(), o.TPS, o.Latency.Percentile(0.99).Pointer()}
		}
		p.set, p.tracker = nil, nil
	})
}

// ends posts how the run has ended. Somebody may have looked between that moment and
// the post, and seen the run go on: then it ended when he looked.
func (b *Board) ends(phase string, err error) {
	b.post(func(p *posted) {
		run := p.run
		run.ended, run.fs = clock.Now(), nil
		*p = posted{run: run, phase: phase, step: p.step}
		if err != nil {
			p.err = err.Error()
		}
	})
	b.post(func(p *posted) { p.run.ended = max(p.run.ended, b.looked.Load()) })
}

// flushes is how many calls have made something durable so far.
func (r *boardRun) flushes() int64 {
	if r.fs == nil {
		return 0
	}
	return int64(r.fs.Counts().Flushes())
}

// watchedFor is how long after a look somebody still counts as looking.
const watchedFor = int64(10 * time.Second)

// Leave says that nobody who has looked will look again: clients stop counting for
// readers now, and not ten seconds after the last look. Somebody who looks all the
// same is served from then on. Any goroutine.
func (b *Board) Leave() {
	b.wanted.Store(0)
	if p := b.now.Load(); p != nil && p.set != nil {
		p.set.Watch(0)
	}
}
