package runner

import (
	"testing"
	"time"

	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/driver"
)

func TestBound(t *testing.T) {
	share := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		name   string
		policy groupcommit.Policy
		set    func(*Spec, *driver.Outcome, *result.Round)
		want   string
	}{
		{"budget comes first", groupcommit.Policy1, func(s *Spec, o *driver.Outcome, r *result.Round) {
			o.Ended, s.Rate, r.TPS = driver.EndBudget, 100, 100
		}, result.BoundWriteBudget},
		{"rate kept", groupcommit.Policy2, func(s *Spec, _ *driver.Outcome, r *result.Round) { s.Rate, r.TPS = 100, 99 }, result.BoundRate},
		{"rate missed by a flush", groupcommit.Policy1, func(s *Spec, _ *driver.Outcome, r *result.Round) {
			s.Rate, r.TPS, r.FlushBusyShare = 100, 50, share(0.9)
		}, result.BoundFlush},
		{"full log", groupcommit.Policy1, func(_ *Spec, _ *driver.Outcome, r *result.Round) {
			r.Stalls.LogNS, r.FlushBusyShare = int64(300*time.Millisecond), share(0.9)
		}, result.BoundLogCapacity},
		{"flush", groupcommit.Policy1, func(_ *Spec, _ *driver.Outcome, r *result.Round) { r.FlushBusyShare = share(0.8) }, result.BoundFlush},
		{"flush, but no CPU left", groupcommit.Policy1, func(_ *Spec, _ *driver.Outcome, r *result.Round) {
			r.FlushBusyShare, r.Idle.CPUShare = share(0.8), share(0.02)
		}, result.BoundCPU},
		{"buffer", groupcommit.Policy2, func(_ *Spec, _ *driver.Outcome, r *result.Round) {
			r.Stalls.BufferNS, r.Idle.CPUShare = int64(2*time.Second), share(0.5)
		}, result.BoundBandwidth},
		{"think time", groupcommit.Policy1, func(s *Spec, _ *driver.Outcome, r *result.Round) {
			s.Think, r.FlushBusyShare, r.Idle.CPUShare = time.Millisecond, share(0.2), share(0.8)
		}, result.BoundThinkTime},
		{"CPU", groupcommit.Policy0, func(_ *Spec, _ *driver.Outcome, r *result.Round) { r.Idle.CPUShare = share(0.1) }, result.BoundCPU},
		{"nothing else seen", groupcommit.Policy1, func(_ *Spec, _ *driver.Outcome, r *result.Round) { r.Idle.CPUShare = share(0.6) }, result.BoundFlush},
	} {
		s, round := spec(c.name, c.policy, 4), result.Round{DurationS: 1}
		x := &cellRun{spec: &s}
		c.set(&s, &x.out, &round)
		if kind, text := x.bound(&round); kind != c.want || text == "" {
			t.Errorf("%s: bound %q (%q); want %q", c.name, kind, text, c.want)
		}
	}
}

func TestUsualBound(t *testing.T) {
	r := &run{bounds: map[string][]boundSeen{"x": {{"cpu", "a"}, {"flush", "b"}, {"flush", "b"}}}}
	if kind, text := r.usualBound("x"); kind != "flush" || text != "b" {
		t.Errorf("usual bound %q, %q; want flush, b", kind, text)
	}
	r.bounds["x"] = append(r.bounds["x"], boundSeen{result.BoundWriteBudget, budgetText})
	if kind, _ := r.usualBound("x"); kind != result.BoundWriteBudget {
		t.Errorf("usual bound %q after the budget ended a round", kind)
	}
}
