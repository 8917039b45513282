package crash

import (
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/crash/subject"
	"flushbench/workload/judge"
	"flushbench/workload/target"
)

// Nothing was left to lose when the load had stood still for longer than what had been
// acknowledged could stay unflushed.
func TestStalled(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name   string
		policy groupcommit.Policy
		every  time.Duration
		set    func(*Cell)
		quiet  time.Duration
		want   bool
	}{
		{"under load", groupcommit.Policy2, 0, nil, 3 * ms, false},
		{"an interval", groupcommit.Policy2, 0, nil, 1000 * ms, false},
		{"longer", groupcommit.Policy2, 0, nil, 1001 * ms, true},
		{"a short interval", groupcommit.Policy0, 200 * ms, nil, 201 * ms, true},
		{"which is not that of the checkpoints", groupcommit.Policy1, 200 * ms, nil, 900 * ms, false},
		{"as long as theirs", groupcommit.Policy3, 200 * ms, nil, 1001 * ms, true},
		{"a fault ended it", groupcommit.Policy1, 0, func(c *Cell) { c.Fault = subject.EIO }, 5000 * ms, false},
		{"all stand at a point", groupcommit.Policy1, 0, func(c *Cell) { c.Point = subject.BetweenLogs }, 5000 * ms, false},
		{"a server, whose timer may be late", groupcommit.Policy2, 0, func(c *Cell) { c.Server = &ServerSetting{Product: target.MariaDB, Timer: time.Second} }, 1900 * ms, false},
		{"a server", groupcommit.Policy2, 0, func(c *Cell) { c.Server = &ServerSetting{Product: target.MariaDB, Timer: time.Second} }, 2001 * ms, true},
	} {
		cell := &Cell{}
		cell.Policy, cell.Engine.Commit.Policy, cell.Engine.Commit.Interval = c.policy, c.policy, c.every
		if c.set != nil {
			c.set(cell)
		}
		if got := cell.stalled(int64(c.quiet)); got != c.want {
			t.Errorf("%s: quiet for %v is stalled: %v; want %v", c.name, c.quiet, got, c.want)
		}
	}
}

// A matrix of loads that stood still proves nothing, whatever was kept.
func TestStalledTrialsAreNoProof(t *testing.T) {
	f := &fake{outcome: func(*Job, Crash) judge.Outcome {
		return judge.Outcome{Acked: 10, Recovered: 10, QuietNs: int64(time.Hour), Verdict: result.VerdictKept, Books: &judge.Books{}}
	}}
	res, _, err := runFake(t, t.Context(), f, matrixOf(2, vfs.CrashProcess))
	if err != nil {
		t.Fatal(err)
	}
	if s := res.Cells[0].Crash.Summary; s.Stalled != 2 || s.Proofs != 0 || s.LossBound != nil || VerdictOf(res) != Unproven {
		t.Errorf("%+v, verdict %d; want no proof", *s, VerdictOf(res))
	}
}
