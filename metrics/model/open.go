package model

import "fmt"

// open is Poisson arrivals of any number of clients, perSecond in all.
//
// A group takes base and the cost of its commits. Those are the arrivals during
// the group before it, so a long group makes the next one longer: use times its
// length. An arrival finds a group in flight with probability busy and then waits
// for the rest of it, for what it adds to the next one, and for that.
func (s *System) open(base Dist, perSecond float64) (*Prediction, error) {
	perNS := perSecond / 1e9
	use := perNS * s.Costs.CommitNS
	if use > maxUse {
		return nil, fmt.Errorf("model: %.0f/s at %.0f ns a commit: %w", perSecond, s.Costs.CommitNS, ErrOverload)
	}
	mean := base.Mean() / (1 - use)
	service := base.Shift(mean * use)
	idle := service.noArrival(perNS) / perNS // mean gap between two groups
	p := &Prediction{TPS: perSecond, Busy: mean / (mean + idle), Group: perNS * (mean + idle)}
	w := wait{p.Busy, service.residual(use), base, base.Shift(s.Costs.CommitNS)}
	p.MeanNS, _ = w.moments()
	p.latency = w.dist
	return p, nil
}

// paced is a rate spread over clients that commit one after the other, each at
// regular times: an arrival whose client still waits for an earlier commit waits for
// that first. The queue of each client is Kingman's for regular arrivals.
func (s *System) paced(base Dist, load Load) (*Prediction, error) {
	use := load.Rate / 1e9 * s.Costs.CommitNS
	if use > maxUse {
		return nil, fmt.Errorf("model: %.0f/s at %.0f ns a commit: %w", load.Rate, s.Costs.CommitNS, ErrOverload)
	}
	gap := 1e9 / load.Rate
	service := base.Shift(max(base.Mean()/(1-use)*use, s.Costs.CommitNS))
	left, found, group := service.regular(gap, use)
	p := &Prediction{TPS: load.Rate, Group: group}
	p.Busy = min(1, service.Mean()/(group*gap))
	alone := base.Shift(s.Costs.CommitNS)
	w := wait{found, left, alone, alone}
	if load.Clients == 1 { // nobody else's group is ever in the way
		w.found, p.Group = 0, 1
	}
	latency, second := w.moments()
	use = load.Rate / 1e9 * latency / float64(load.Clients)
	if use > maxUse {
		return nil, fmt.Errorf("model: %.0f/s by %d clients that wait %.3f ms for each commit: %w", load.Rate, load.Clients, latency/1e6, ErrOverload)
	}
	queue := latency * use / (1 - use) * max(second/(latency*latency)-1, 0) / 2
	p.MeanNS = latency + queue
	p.latency = func() Dist { return w.dist().Plus(exponential(queue/use).Mix(use, Fixed(0))) }
	return p, nil
}
