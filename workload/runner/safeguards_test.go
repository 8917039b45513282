package runner

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"flushbench/groupcommit"
	"flushbench/metrics/result"
)

// Cells without a timer end as others do, and what they leave at risk is not made safe
// by anything but their end; each commit protocol and pages without protection are
// measured beside the others, on files of their own where these differ.
func TestSafeguardCells(t *testing.T) {
	t.Parallel()
	p := Plan{Rounds: 1, Seed: 7}
	for _, policy := range []groupcommit.Policy{groupcommit.Policy0, groupcommit.Policy1, groupcommit.Policy2} {
		s := spec("off,"+policy.String(), policy, 4)
		s.Rate, s.Track, s.Section, s.Duration = 500, true, result.SectionRisk, 300*time.Millisecond
		s.Engine.Commit.Interval, s.Engine.Commit.NoTimer = 0, true
		p.Specs = append(p.Specs, s)
	}
	for _, protocol := range groupcommit.Protocols.All() {
		s := bankSpec(groupcommit.Policy1, 1)
		s.Name, s.Database.Stages.Protocol, s.Duration = protocol.String(), protocol, 60*time.Millisecond
		p.Specs = append(p.Specs, s)
		s.Name, s.Database.NoDoublewrite = s.Name+",bare", true
		p.Specs = append(p.Specs, s)
	}
	if a, b := p.Specs[3].logKey(), p.Specs[4].logKey(); a == b {
		t.Errorf("files with and without a doublewrite file are both %s", a)
	}
	attempts(t, func() error {
		res, _ := mustRun(t, diskConfig(t, p))
		return unguarded(t, res)
	})
}

// unguarded fails the test for what no machine may change in the cells, and returns what
// one does that stands still until nobody looks any more: nothing is at risk.
func unguarded(t *testing.T, res *result.Result) (wrong error) {
	t.Helper()
	for i := range res.Cells {
		c := &res.Cells[i]
		if len(c.Rounds) != 1 || c.Partial || !c.Rounds[0].Verify.OK {
			t.Fatalf("%s: %d rounds, partial %v: %+v", c.Name, len(c.Rounds), c.Partial, c.Rounds)
		}
		r := &c.Rounds[0]
		if i >= 3 {
			continue
		}
		if !c.Params.NoTimer || c.Params.FlushIntervalNS != 0 {
			t.Errorf("%s: params %+v", c.Name, c.Params)
		}
		if n := r.Flushes.ByReason["timer"]; n != 0 {
			t.Errorf("%s: the timer that is not there flushed %d times", c.Name, n)
		}
		risk, safe := r.AtRisk.OS.CommitsMax, c.Params.Policy == "1"
		if safe && risk > 0 {
			t.Errorf("%s: %d commits at risk of a kernel crash", c.Name, risk)
		}
		if !safe && risk == 0 {
			wrong = errors.Join(wrong, fmt.Errorf("%s: of %d commits none was at risk of a kernel crash", c.Name, r.Commits))
		}
	}
	return wrong
}
