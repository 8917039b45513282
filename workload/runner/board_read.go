package runner

import (
	"time"

	"flushbench/engine/clock"
	"flushbench/metrics"
	"flushbench/metrics/result"
)

// Snapshot returns what the run is doing now. Any number of goroutines may
// call it, ten times a second if they like; more often tells no more.
func (b *Board) Snapshot() result.Live {
	now := clock.Now()
	b.look(now) // before it is known whether the run is over: see ends
	p := b.now.Load()
	l := result.Live{At: time.Now().UTC(), Kind: result.KindRun, Phase: result.PhaseSetup}
	if p == nil {
		return l
	}
	l.Name, l.Started, l.ElapsedNS = p.run.name, p.run.started, p.run.elapsed(now)
	l.Steps, l.Rounds, l.Step = p.run.steps, p.run.rounds, p.step.number
	l.Phase, l.Round, l.Error = p.phaseAt(now), p.round, p.err
	left, done := p.progress(now)
	l.LeftNS, l.Done = int64(left), done
	if p.cell != nil {
		params := p.cell.Params
		l.Cell, l.Section, l.Params = p.cell.Name, p.cell.Section, &params
	}
	if p.run.ended != 0 || p.run.fs == nil {
		return l
	}
	l.What = p.step.what
	b.figures(p, now, &l)
	return l
}

// figures adds what is counted.
func (b *Board) figures(p *posted, now int64, l *result.Live) {
	if p.step.number > 0 {
		n := p.run.flushes() - p.step.flushes
		l.Flushes = &n
	}
	b.readers.Lock()
	defer b.readers.Unlock()
	switch {
	case p.set != nil && now >= p.window.From:
		live := b.live(p.set, now)
		l.Commits, l.TPS, l.P99NS = &live.Commits, &live.TPS, live.P99.Pointer()
	case p.set != nil:
		p.set.Watch(max(now+watchedFor, p.window.From+1))
	case p.final != nil:
		l.Commits, l.TPS, l.P99NS = &p.final.commits, &p.final.tps, p.final.p99
	}
	if p.tracker != nil {
		l.AtRisk = liveRisk(p.tracker)
	}
	b.readers.recent.add(p, now, l)
}

// percentileEvery is how old a percentile may be: adding up the workers' takes
// a microsecond for each of them.
const percentileEvery = int64(200 * time.Millisecond)

// live reads a cell's recorders. REQUIRES: readers is held.
func (b *Board) live(set *metrics.RecorderSet, now int64) metrics.Live {
	set.Watch(now + watchedFor)
	c := &b.readers.p99
	if c.of != set || now-c.at >= percentileEvery {
		c.of, c.at, c.v = set, now, set.Live(now)
		return c.v
	}
	l := set.LiveCount(now)
	l.P99 = c.v.P99
	return l
}

func liveRisk(t *metrics.Tracker) *result.LiveRisk {
	risk, overflow := t.Live()
	loss := func(k metrics.Kind) result.LiveLoss {
		return result.LiveLoss{Commits: risk[k].Commits, Bytes: risk[k].Bytes, AgeNS: risk[k].AgeNs}
	}
	return &result.LiveRisk{Process: loss(metrics.Process), OS: loss(metrics.OS), Power: loss(metrics.Power), Truncated: overflow > 0}
}

// phaseAt is the phase at the time now: what was posted, but nobody posts when
// the measured interval begins and ends.
func (p *posted) phaseAt(now int64) string {
	if p.phase != result.PhaseMeasured {
		return p.phase
	}
	switch {
	case now < p.window.From:
		return result.PhaseWarmup
	case now >= p.window.Until:
		return result.PhaseDrain
	}
	return result.PhaseMeasured
}

// look notes that somebody looked at a moment.
func (b *Board) look(now int64) {
	for last := b.looked.Load(); now > last && !b.looked.CompareAndSwap(last, now); {
		last = b.looked.Load()
	}
	b.wanted.Store(now + watchedFor)
}

// elapsed is how long the run took so far.
func (r *boardRun) elapsed(now int64) int64 {
	if r.ended != 0 {
		now = r.ended
	}
	return max(now-r.begun, 0)
}

// progress is how long the run will take, and what share of the plan is done.
// What steps took longer than planned so far, the others are expected to take
// longer as well; the share keeps to the plan, so it never goes back.
func (p *posted) progress(now int64) (left time.Duration, done float64) {
	r, s := &p.run, &p.step
	switch {
	case p.phase == result.PhaseFinished:
		return 0, 1
	case s.number == 0:
		return r.planned, 0
	}
	if r.ended != 0 {
		now = r.ended
	}
	spent := time.Duration(max(now-s.at, 0))
	rest := s.left - min(spent, s.length) // of the plan
	if r.planned > 0 {
		done = min(max(1-float64(rest)/float64(r.planned), 0), 1)
	}
	if r.ended != 0 {
		return 0, done
	}
	slow := time.Duration(0) // beyond the plan, a step
	if s.number > 1 {
		slow = max(time.Duration(s.at-r.firstAt)-(r.planned-s.left), 0) / time.Duration(s.number-1)
	}
	after := s.left - s.length + slow*time.Duration(max(r.steps-s.number, 0))
	return max(after, 0) + max(s.length+slow-spent, 0), done
}

// recentSpan is what counts as the last moments.
const recentSpan = int64(time.Second)

// recent keeps what was read in the last moments, for rates.
type recent struct {
	step int64 // its begin
	seen []recentSight
}

// recentSight is what was read at a moment.
type recentSight struct{ at, flushes, commits int64 }

// add notes what was read and fills in the rates since the oldest moment that
// is not yet forgotten. A reader that looks more rarely than that gets the rate
// since its last look.
func (r *recent) add(p *posted, now int64, l *result.Live) {
	if len(r.seen) == 0 || r.step != p.step.at {
		r.step = p.step.at
		r.seen = append(r.seen[:0], recentSight{at: p.step.at})
	}
	s := recentSight{at: now}
	if l.Flushes != nil {
		s.flushes = *l.Flushes
	}
	if l.Commits != nil {
		s.commits = *l.Commits
	}
	for len(r.seen) > 1 && now-r.seen[1].at >= recentSpan {
		r.seen = append(r.seen[:0], r.seen[1:]...)
	}
	first := r.seen[0]
	const least = int64(20 * time.Millisecond)
	if passed := now - first.at; l.Flushes != nil && passed >= least {
		v := float64(s.flushes-first.flushes) / (float64(passed) / 1e9)
		l.FlushPerS = &v
	}
	from, until := max(first.at, p.window.From), min(now, p.window.Until)
	if passed := until - from; p.set != nil && l.Commits != nil && passed >= least {
		v := float64(s.commits-first.commits) / (float64(passed) / 1e9)
		l.TPSNow = &v
	}
	const apart = recentSpan / 16
	if now-r.seen[len(r.seen)-1].at >= apart {
		r.seen = append(r.seen, s)
	}
}
