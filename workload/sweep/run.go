package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload/runner"
)

// DefaultBudget is how long a sweep may take when nothing else is asked for.
const DefaultBudget = 10 * time.Minute

// MaxBudget bounds Config.Budget.
const MaxBudget = 7 * 24 * time.Hour

const (
	// opening is about what a round takes beside warm-up and measuring, before
	// that is known better.
	opening = 300 * time.Millisecond
	// closing is kept back for the end of the run.
	closing = 2 * time.Second
	// limitMost is how long the limit loop of a turn lasts at the most.
	limitMost = 300 * time.Millisecond
)

// limitLength is how long the limit loop of a turn lasts.
func (o *Options) limitLength() time.Duration { return min(limitMost, o.Length) }

// Config is a sweep on a real disk.
type Config struct {
	// Run says where and who is told. The Specs of its Plan are the pairs: their
	// names set them apart, their Rate and, over clients, their Clients do not
	// matter. Rounds, Limit, Calibrate, Adaptive and Kind are the sweep's own.
	Run     runner.Config
	Options Options
	Budget  time.Duration // 0: DefaultBudget
}

// Validate fills in defaults and says what is out of range, before anything is
// written.
func (c *Config) Validate() error {
	if c.Budget == 0 {
		c.Budget = DefaultBudget
	}
	if err := c.Options.Validate(); err != nil {
		return err
	}
	switch {
	case len(c.Run.Plan.Specs) == 0:
		return errors.New("sweep: no pair of policies")
	case c.Budget < 0 || c.Budget > MaxBudget:
		return fmt.Errorf("sweep: time budget %v: must be above 0 and at most %v", c.Budget, MaxBudget)
	}
	var warmup time.Duration
	for i := range c.Run.Plan.Specs {
		warmup = max(warmup, c.Run.Plan.Specs[i].Warmup)
	}
	return checkBudget(c.Budget, closing+Least(c.Options, len(c.Run.Plan.Specs), warmup+opening, c.Options.limitLength()))
}

// Run sweeps and returns the result (kind sweep) and its folder; it is saved as
// runner.Run does, after every round, and errors are those of runner.Run. The Sweep
// of the result says for each pair how its search ended: what was found before an
// interruption, or before the time was over, stands.
func Run(ctx context.Context, c Config) (*result.Result, string, error) {
	if err := c.Validate(); err != nil {
		return nil, "", err
	}
	s := newSession(ctx, &c)
	p := &c.Run.Plan
	p.Rounds, p.Limit, p.Calibrate, p.Adaptive, p.Kind = c.Options.MaxTurns(), c.Options.limitLength(), 0, s, result.KindSweep
	p.Specs = s.templates()
	if err := p.Check(); err != nil {
		return nil, "", err
	}
	return runner.Run(ctx, c.Run)
}

// session is a sweep whose points a run measures: its runner.Adaptive.
type session struct {
	ctx    context.Context
	sweep  *Sweep
	o      Options
	pairs  []runner.Spec
	budget time.Duration
	now    func() time.Time
	begun  time.Time     // as if it had never been interrupted
	spent  time.Duration // by the run that is resumed

	turn     int     // number of the last one
	left     []int   // by turn, see result.Sweep.RoundsLeft
	last     []Point // of the last turn
	names    []string
	turnAt   time.Time
	overhead time.Duration // measured, a round
	learned  int           // turns that it was measured in
}

func newSession(ctx context.Context, c *Config) *session {
	s := &session{ctx: ctx, o: c.Options, pairs: c.Run.Plan.Specs, budget: c.Budget, now: time.Now}
	s.begun = s.now()
	warmup := time.Duration(0)
	for i := range s.pairs {
		warmup = max(warmup, s.pairs[i].Warmup)
	}
	s.sweep = New(c.Options, len(s.pairs), warmup+opening)
	return s
}

// templates are the pairs at the most load that may be tried: what the files and
// the bytes of the run are planned by.
func (s *session) templates() []runner.Spec {
	all := make([]runner.Spec, len(s.pairs))
	for i := range all {
		p := Point{Pair: i, Rate: s.o.Most, Length: s.o.Length}
		if s.o.Clients {
			p.Rate, p.Clients = 0, int(s.o.Most)
		}
		all[i] = s.spec(p)
	}
	return all
}

// spec is the cell of a point.
func (s *session) spec(p Point) runner.Spec {
	x := s.pairs[p.Pair]
	x.Rate, x.AutoRate, x.Track, x.Section = p.Rate, false, false, ""
	x.Duration = p.Length
	if !x.Engine.Commit.Policy.Flushes() {
		// Two ticks of the timer, or a round may have none of its flushes.
		x.Duration = max(x.Duration, 2*x.Engine.Commit.FlushInterval())
	}
	var at string
	switch {
	case p.Scout:
		at = "scout"
	case p.Clients > 0:
		x.Clients = p.Clients
		at = "clients=" + strconv.Itoa(p.Clients)
	default:
		at = "rate=" + strconv.FormatFloat(p.Rate, 'f', -1, 64)
	}
	x.Name += "," + at
	return x
}

// Next implements runner.Adaptive.
func (s *session) Next(res *result.Result, n int) []runner.Spec {
	s.take(res)
	s.learn()
	points := s.sweep.Next(s.budget-closing-s.since(s.begun), s.o.limitLength())
	specs := s.ask(n, points)
	s.report(res)
	s.turnAt = s.now()
	return specs
}

// ask notes that turn n measures these points, and returns their cells.
func (s *session) ask(n int, points []Point) []runner.Spec {
	s.turn, s.last, s.names = n, points, nil
	if len(points) > 0 {
		s.left = append(s.left, s.sweep.left)
	}
	specs := make([]runner.Spec, 0, len(points))
	for _, p := range points {
		x := s.spec(p)
		specs, s.names = append(specs, x), append(s.names, x.Name)
	}
	return specs
}

func (s *session) since(t time.Time) time.Duration { return s.now().Sub(t) }

// Finish implements runner.Adaptive.
func (s *session) Finish(res *result.Result) {
	why := result.SweepFailed
	switch {
	case s.ctx.Err() != nil:
		why = result.SweepInterrupted
	case s.turn >= s.o.MaxTurns():
		why = result.SweepUnclear
	}
	for i, p := range s.last {
		if m, r := s.measured(res, i); r != nil {
			r.Disturbed = s.sweep.searches[p.Pair].Add(m)
		}
	}
	s.last = nil
	s.sweep.End(why)
	s.report(res)
}

// Longest implements runner.Adaptive.
func (s *session) Longest() time.Duration { return max(s.budget-s.spent, 0) }

// learn corrects what a round takes beside the measuring by the turn before.
func (s *session) learn() {
	if len(s.last) == 0 || s.turnAt.IsZero() {
		return // nothing yet, or begun by an earlier run
	}
	took := s.since(s.turnAt) - s.o.limitLength()
	for _, p := range s.last {
		took -= p.Length
	}
	s.learned++
	s.overhead += (took/time.Duration(len(s.last)) - s.overhead) / time.Duration(s.learned)
	s.sweep.overhead = max(s.overhead, opening)
}

// take hands the last turn to the searches. A point without a round was not measured
// for want of bytes to write: its search ends.
func (s *session) take(res *result.Result) {
	for i, p := range s.last {
		m, r := s.measured(res, i)
		if r == nil {
			s.sweep.searches[p.Pair].End(result.SweepFailed)
			continue
		}
		r.Disturbed = s.sweep.searches[p.Pair].Add(m)
	}
}

// measured finds what was measured at the i-th point of the last turn, and its round; nil:
// there is none.
func (s *session) measured(res *result.Result, i int) (Measured, *result.Round) {
	for k := range res.Cells {
		c := &res.Cells[k]
		if c.Name != s.names[i] {
			continue
		}
		for j := range c.Rounds {
			if r := &c.Rounds[j]; r.Round == s.turn && !r.Partial {
				return measuredOf(s.last[i], c, r), r
			}
		}
	}
	return Measured{}, nil
}

// measuredOf is a round of the result as a search sees it.
func measuredOf(p Point, c *result.Cell, r *result.Round) Measured {
	p.Length = time.Duration(r.DurationS * float64(time.Second))
	m := Measured{
		Point: p, Cell: c.Name, Achieved: r.TPS, Commits: r.Commits,
		P99: r.LatencyNS.P99, P999: r.LatencyNS.P999, Mean: r.LatencyNS.Mean, Max: r.LatencyNS.Max,
		Bound: c.Bound, BoundText: c.BoundText, LimitPS: r.Limit.FlushPerS,
		Stolen: time.Duration(r.StealNS), StealPercent: r.StealPercent, CPU: time.Duration(r.CPUNSPerCommit * float64(r.Commits)),
	}
	if o := r.OpenLoop; o != nil {
		m.Asked, m.Backlog, m.Overloaded = o.Offered, o.BacklogEnd, o.Overloaded
	}
	if r.FlushNS != nil {
		m.FlushNS = float64(r.FlushNS.Mean)
	}
	return m
}

// report writes what is known into the result.
func (s *session) report(res *result.Result) {
	o := result.Sweep{
		Over: result.SweepOverRate, Step: Step, BudgetNS: int64(s.budget), SpentNS: int64(s.since(s.begun)), RoundsLeft: slices.Clone(s.left), Pairs: []result.SweepPair{},
		Objective: result.SweepObjective{P99NS: int64(s.o.Objective.P99), P999NS: int64(s.o.Objective.P999), MeanNS: int64(s.o.Objective.Mean)},
	}
	if s.o.Clients {
		o.Over = result.SweepOverClients
	}
	for i := range s.pairs {
		x := &s.pairs[i]
		p := result.SweepPair{Name: x.Name, Policy: x.Engine.Commit.Policy.String(), Knee: s.sweep.Knee(i), Points: s.sweep.Points(i)}
		for k := range res.Cells {
			if c := &res.Cells[k]; strings.HasPrefix(c.Name, x.Name+",") {
				p.SyncBinlog, p.Durability = c.Params.SyncBinlog, c.Durability
				break
			}
		}
		o.Pairs = append(o.Pairs, p)
	}
	res.Sweep = &o
}
