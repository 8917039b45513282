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

// With a binlog commits wait for its flushes too, whatever the redo log's policy.
func TestBoundWithBinlog(t *testing.T) {
	const second = int64(time.Second)
	for _, c := range []struct {
		name    string
		policy  groupcommit.Policy
		sync    int
		serial  bool
		flushed groupcommit.StageStats // within a second
		idle    float64
		want    string
	}{
		{"2/1, idle", groupcommit.Policy2, 1, false, groupcommit.StageStats{FlushNs: second * 8 / 10}, 0.85, result.BoundFlush},
		{"2/1, idle, short flushes", groupcommit.Policy2, 1, false, groupcommit.StageStats{FlushNs: second / 10}, 0.85, result.BoundFlush},
		{"0/1, idle", groupcommit.Policy0, 1, false, groupcommit.StageStats{FlushNs: second / 2}, 0.85, result.BoundFlush},
		{"2/1, no CPU left", groupcommit.Policy2, 1, false, groupcommit.StageStats{FlushNs: second / 2}, 0.1, result.BoundCPU},
		{"2/1, little CPU left, flushing all the time", groupcommit.Policy2, 1, false, groupcommit.StageStats{FlushNs: second * 9 / 10}, 0.2, result.BoundFlush},
		{"2/0", groupcommit.Policy2, 0, false, groupcommit.StageStats{}, 0.5, result.BoundCPU},
		{"2/100, few flushes", groupcommit.Policy2, 100, false, groupcommit.StageStats{FlushNs: second / 10}, 0.5, result.BoundCPU},
		{"2/100, many", groupcommit.Policy2, 100, false, groupcommit.StageStats{FlushNs: second * 55 / 100}, 0.5, result.BoundFlush},
		{"1/1, one after the other", groupcommit.Policy1, 1, true, groupcommit.StageStats{PrepareNs: second * 4 / 10, FlushNs: second * 4 / 10}, 0.2, result.BoundFlush},
		{"1/1, at a time", groupcommit.Policy1, 1, false, groupcommit.StageStats{PrepareNs: second * 4 / 10, FlushNs: second * 4 / 10}, 0.2, result.BoundCPU},
		{"2/1, PREPARE flushes nothing", groupcommit.Policy2, 1, true, groupcommit.StageStats{PrepareNs: second * 4 / 10, FlushNs: second * 4 / 10}, 0.2, result.BoundCPU},
	} {
		s, round := bankSpec(c.policy, c.sync), result.Round{DurationS: 1}
		s.Database.Stages.Serial = c.serial
		x := &cellRun{spec: &s, db: &dbCell{}, end: snapshot{at: second}}
		x.end.eng.Stages, round.Idle.CPUShare = c.flushed, &c.idle
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
