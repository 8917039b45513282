package model

import (
	"fmt"
	"math"
)

// The fixed point of a closed loop.
const (
	maxSteps = 200
	settled  = 1e-6 // relative change of the latency
)

// closed is clients that commit, think and commit again: throughput follows from
// the latency by Little's law, and the latency from the throughput.
//
// A client that a group wakes thinks and comes back while the next group is in
// flight, if there is one: if anybody else had come while its own was. It waits
// for the rest of that group, then for its own. Without think time that is two
// whole groups: two halves alternate.
func (s *System) closed(base Dist, set Setting, load Load) (*Prediction, error) {
	n, cost := float64(load.Clients), s.Costs.CommitNS
	baseMean := base.Mean()
	if baseMean <= 0 {
		return nil, fmt.Errorf("model: a group takes no time: %w", ErrOverload)
	}
	if gathers(set, load, baseMean) {
		service := base.Shift(cost * n)
		cycle := service.Mean() + load.ThinkNS
		return &Prediction{TPS: n / cycle * 1e9, Group: n, MeanNS: service.Mean(), Busy: service.Mean() / cycle,
			latency: func() Dist { return service }}, nil
	}
	var group, mean, away, found float64
	waits := func() wait {
		service := base.Shift(mean - baseMean)
		return wait{found, service.after(load.ThinkNS, away), service, service}
	}
	latency := 2 * baseMean // the other fixed point, all in one group, does not last
	for range maxSteps {
		perNS := n / (load.ThinkNS + latency)
		mean = baseMean + cost*math.Max(1, math.Min(group, n))
		group = math.Min(math.Max(1, perNS*mean), n)
		away = math.Max(mean, load.ThinkNS+latency-mean) // of a cycle, not in its own group
		found = 1 - math.Pow(1-mean/away, math.Max(0, n-group))
		next := (1 + found) * mean // who comes back as a group begins waits for all of it
		if load.ThinkNS > 0 {
			w := waits()
			next, _ = w.moments()
		}
		done := math.Abs(next-latency) < settled*latency
		latency = (latency + next) / 2
		if done {
			break
		}
	}
	w := waits()
	p := &Prediction{TPS: n / (load.ThinkNS + latency) * 1e9, Group: group, MeanNS: latency, latency: w.dist}
	p.Busy = math.Min(1, p.TPS/1e9/group*mean)
	return p, nil
}

// gathers reports whether a group is held open for the clients that the last one
// woke: only where they are back before it would pay to go without them.
func gathers(set Setting, load Load, serviceNS float64) bool {
	return set.Gather && load.Rate == 0 && load.ThinkNS < serviceNS
}
