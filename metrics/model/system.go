package model

import (
	"errors"
	"fmt"
	"maps"
	"math"
)

// ErrOverload is returned (wrapped) for a load that the system cannot carry in the
// long run, so that no latency belongs to it.
var ErrOverload = errors.New("overloaded")

// ErrNoFlush is returned (wrapped) for a setting whose commits wait for no flush:
// this model says nothing about them.
var ErrNoFlush = errors.New("no commit waits for a flush")

// maxUse is the largest share of its time that a server may be busy with the
// per-commit cost, or a paced client with its commits, for the formulas to hold.
const maxUse = 0.95

// Setting says which flushes a group waits for before it is acknowledged.
type Setting struct {
	Redo   float64 // flushes of the redo log: 0 (policies 0 and 2), 1, 2 (policy 3)
	Binlog float64 // share of the groups that wait for a binlog flush: 1 / sync_binlog, 0 without
	Gather bool    // the group is held open until the clients that were just woken are back
}

// Flushes returns the flushes of a group in the mean.
func (s Setting) Flushes() float64 { return s.Redo + s.Binlog }

// Costs are what a group takes beyond its flushes, in nanoseconds. They are fitted.
type Costs struct {
	GroupNS  float64 // each group: forming it, the write call, waking up
	CommitNS float64 // each commit in it: its bytes, its wake-up, its processor time
}

// System is a disk with an engine on it.
type System struct {
	Redo   Dist // one flush of the redo log, as probed
	Binlog Dist // one flush of the binlog; empty: as Redo
	Costs  Costs
	// CPUNS is the processor time of a commit, and Cores what there is of it: no load
	// above Cores / CPUNS is believed. 0: not known.
	CPUNS, Cores float64

	known map[Setting]Dist // flushesOf, where somebody has worked it out; may be nil
}

// Load is how commits come.
type Load struct {
	Rate    float64 // commits a second asked for; 0: a closed loop
	Clients int     // that commit one after the other, at regular times if there is a rate; 0 with a rate: Poisson arrivals of any number
	ThinkNS float64 // between two commits of a client, closed loop
}

// Prediction is what the model says about a load.
type Prediction struct {
	TPS       float64 // commits a second
	MeanNS    float64 // latency of a commit, from its intended start
	Group     float64 // commits a group
	FlushesPS float64 // flushes a second, of both logs
	Busy      float64 // share of the time with a group in flight

	latency func() Dist // costs more than all the rest
}

// Latency returns the distribution of the latency.
func (p *Prediction) Latency() Dist { return p.latency() }

// P99 returns the 99th percentile of the latency in nanoseconds.
func (p *Prediction) P99() float64 { return p.latency().Quantile(0.99) }

// wait is a commit that finds a group in flight with probability found, and then
// waits for the rest of it before its own service, or else begins one alone.
type wait struct {
	found         float64
	rest          rest
	service, lone Dist
}

// moments returns the mean latency and the mean of its square.
func (w *wait) moments() (mean, second float64) {
	s, s2 := w.service.Mean(), w.service.second()
	return w.found*(w.rest.mean+s) + (1-w.found)*w.lone.Mean(),
		w.found*(w.rest.second+2*w.rest.mean*s+s2) + (1-w.found)*w.lone.second()
}

// dist returns the distribution of the latency.
func (w *wait) dist() Dist {
	if w.found <= 0 {
		return w.lone
	}
	return fromPoints(w.rest.points()).Plus(w.service).Mix(w.found, w.lone)
}

// service returns the time that a group takes without the cost of its commits.
func (s *System) service(set Setting) (Dist, error) {
	if set.Flushes() <= 0 {
		return Dist{}, fmt.Errorf("model: %w", ErrNoFlush)
	}
	if s.Redo.Empty() {
		return Dist{}, errors.New("model: no flush times")
	}
	flushes, ok := s.known[set]
	if !ok {
		flushes = s.flushesOf(set)
	}
	return flushes.Shift(s.Costs.GroupNS), nil
}

// know works out the flushes of a setting once for all calls that follow.
func (s *System) know(set Setting) {
	if _, ok := s.known[set]; ok || set.Flushes() <= 0 {
		return
	}
	known := map[Setting]Dist{set: s.flushesOf(set)}
	maps.Copy(known, s.known) // others may hold the old one
	s.known = known
}

// flushesOf returns how long the flushes take that a group waits for.
func (s *System) flushesOf(set Setting) Dist {
	binlog := s.Binlog
	if binlog.Empty() {
		binlog = s.Redo
	}
	d := Fixed(0)
	for range int(set.Redo) {
		d = d.Plus(s.Redo)
	}
	return d.Plus(binlog).Mix(math.Min(set.Binlog, 1), d)
}

// Predict returns what the load does. It fails with ErrOverload or ErrNoFlush.
func (s *System) Predict(set Setting, load Load) (*Prediction, error) {
	base, err := s.service(set)
	if err != nil {
		return nil, err
	}
	var p *Prediction
	switch {
	case load.Rate > 0 && load.Clients > 0:
		p, err = s.paced(base, load)
	case load.Rate > 0:
		p, err = s.open(base, load.Rate)
	case load.Clients > 0:
		p, err = s.closed(base, set, load)
	default:
		return nil, errors.New("model: a load needs a rate or clients")
	}
	if err != nil {
		return nil, err
	}
	if limit := s.cpuLimit(); p.TPS > limit {
		if load.Rate > 0 {
			return nil, fmt.Errorf("model: %.0f/s take more than the %.0f processors there are: %w", load.Rate, s.Cores, ErrOverload)
		}
		was, latency := p.MeanNS, p.latency
		p.TPS, p.MeanNS = limit, float64(load.Clients)/limit*1e9-load.ThinkNS
		longer := p.MeanNS / was
		p.latency = func() Dist { return latency().Scale(longer) }
	}
	p.Group = math.Max(p.Group, 1)
	p.FlushesPS = p.TPS / p.Group * set.Flushes()
	return p, nil
}

// cpuLimit returns the commits a second that the processors carry.
func (s *System) cpuLimit() float64 {
	if s.CPUNS <= 0 || s.Cores <= 0 {
		return math.Inf(1)
	}
	return s.Cores / s.CPUNS * 1e9
}

// MaxRate returns the highest rate, of Poisson arrivals of any number of clients,
// whose q-quantile of the latency is at most limitNS, to 0.1 %. 0: even a lone
// commit takes longer.
func (s *System) MaxRate(set Setting, q, limitNS float64) (float64, error) {
	at := *s
	at.know(set)
	meets := func(rate float64) (bool, error) {
		p, err := at.Predict(set, Load{Rate: rate})
		switch {
		case errors.Is(err, ErrOverload):
			return false, nil
		case err != nil:
			return false, err
		}
		return p.latency().Quantile(q) <= limitNS, nil
	}
	lo, hi := 1e-3, 1e9
	ok, err := meets(lo)
	if err != nil || !ok {
		return 0, err
	}
	for hi/lo > 1.001 {
		mid := math.Sqrt(lo * hi)
		if ok, err = meets(mid); err != nil {
			return 0, err
		}
		if ok {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo, nil
}

// Slower returns the system with flushes that take factor times as long.
func (s *System) Slower(factor float64) *System {
	out := *s
	out.Redo, out.Binlog, out.known = s.Redo.Scale(factor), s.Binlog.Scale(factor), nil
	return &out
}
