package plots

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// cellsOf applies change to the cells of r whose name begins with prefix.
func cellsOf(r *result.Result, prefix string, change func(*result.Cell)) *result.Result {
	for i := range r.Cells {
		if strings.HasPrefix(r.Cells[i].Name, prefix) {
			change(&r.Cells[i])
		}
	}
	return r
}

// fewRounds cuts every cell to three rounds, as --quick measures.
func fewRounds(r *result.Result) *result.Result {
	return cellsOf(r, "", func(c *result.Cell) { c.Rounds = c.Rounds[:3] })
}

// TestTitles: a title changes with the data and claims nothing that the rounds
// do not carry.
func TestTitles(t *testing.T) {
	slow := func(factor int64) func(*result.Cell) {
		return func(c *result.Cell) {
			for i := range c.Rounds {
				*c.Rounds[i].LatencyNS.P50 *= factor
			}
		}
	}
	for _, c := range []struct {
		name, picture string
		r             *result.Result
		want          string
	}{
		{"real difference", "added-latency", runResult(), "Policy 1 adds 0.708 ms to a commit at 2,600 commits/s"},
		{"twice as slow", "added-latency", cellsOf(runResult(), "risk,policy=1", slow(2)), "Policy 1 adds 1.42 ms to a commit at 2,600 commits/s"},
		{"three rounds", "added-latency", fewRounds(runResult()), "What does each policy add to a commit at the same rate?"},
		{"within the noise", "added-latency", cellsOf(runResult(), "risk,policy=", func(c *result.Cell) {
			for i := range c.Rounds {
				*c.Rounds[i].LatencyNS.P50 = int64(700_000 + 1000*((i*7+len(c.Params.Policy)+int(c.Params.Policy[0]))%5))
			}
		}), "Policy 1 adds nothing measurable to a commit at 2,600 commits/s"},
		{"not kept up", "added-latency", cellsOf(runResult(), "risk,policy=1", func(c *result.Cell) {
			for i := range c.Rounds {
				c.Rounds[i].TPS = 900
			}
		}), "Policy 1 did not keep up with 2,600 commits/s"},
		{"group commit", "throughput", runResult(), "With 64 clients, policy 1 carries 32 times what one thread can flush"},
		{"three rounds", "throughput", fewRounds(runResult()), "How many commits per second does each policy carry?"},
		{"one round below the limit", "throughput", cellsOf(runResult(), "policy=1,clients=64,delay=off", func(c *result.Cell) {
			c.Rounds[0].TPS = 1000
		}), "How many commits per second does each policy carry?"},
		{"gathering", "group-commit", runResult(), "With 64 clients one flush carries 32.0 commits, and 60.8 when the engine gathers"},
		{"gathering, three rounds", "group-commit", fewRounds(runResult()), "How many commits share one flush?"},
		{"at risk", "at-risk", runResult(), "A power cut could take: policy 1 nothing, policy 2 1.01 s, policy 0 1.01 s"},
		{"stages", "stages", runResult(), "Policy 1, 64 clients: 72 % of a commit's time goes into flushing the log"},
		{"pairs", "policy-sync-binlog", bankResult(), "Both logs flushed at every commit (1/1): 71,700 commits/s with 64 clients"},
		{"probe", "flush-methods", probeResult(), "A 4 KiB write and fdatasync take 0.172 ms here (p99 0.516 ms)"},
		{"trials", "crash-trials", crashResult(), "Of 60 crash trials, none took more than had been at risk"},
		{"a violation", "crash-trials", brokenResult(), "1 crash trial lost what had been promised"},
		{"two above", "crash-trials", aboveResult(), "2 of 60 crash trials took more than had been at risk"},
	} {
		if got := named(t, c.r, c.picture).Title; got != c.want {
			t.Errorf("%s, %s: title %q; want %q", c.picture, c.name, got, c.want)
		}
	}
}

// aboveResult has two crashes that took one commit more than was at risk.
func aboveResult() *result.Result {
	r := crashResult()
	for i := range 2 {
		t := &r.CrashTrials[3*i]
		t.Lost = t.AtRiskAtCrash.Commits + 1
	}
	return r
}

// brokenResult has a crash that broke a promise.
func brokenResult() *result.Result {
	r := aboveResult()
	r.CrashTrials[1].Verdict = result.VerdictViolation
	return r
}

// TestOneCombination: two points of a picture never differ in an axis that it
// does not show.
func TestOneCombination(t *testing.T) {
	v := newView(wideResult())
	if len(v.closed.cells) != 27 || v.closed.others != 19 {
		t.Fatalf("chose %d cells and left %d combinations out; want 27, 19", len(v.closed.cells), v.closed.others)
	}
	for _, c := range v.closed.cells {
		if p := c.Params; p.FlushMethod != "fdatasync" || p.Growth != "zero" || p.RecordBytes != 128 {
			t.Errorf("%s does not belong to the first combination", c.Name)
		}
	}
}

// TestSeriesNames: what differs in a legend.
func TestSeriesNames(t *testing.T) {
	one, hundred := 1, 100
	for _, c := range []struct {
		p    result.Params
		want string
	}{
		{result.Params{Policy: "1", GroupDelay: "off"}, "policy 1"},
		{result.Params{Policy: "1", GroupDelay: "adaptive"}, "policy 1 gather"},
		{result.Params{Policy: "1", GroupDelay: "50us"}, "policy 1 delay 50us"},
		{result.Params{Policy: "2", GroupDelay: "adaptive"}, "policy 2"},
		{result.Params{Policy: "0", Policy0Style: "continuous"}, "policy 0 continuous"},
		{result.Params{Policy: "1", SyncBinlog: &one}, "1/1"},
		{result.Params{Policy: "2", SyncBinlog: &hundred}, "2/100"},
	} {
		if got := seriesName(&c.p); got != c.want {
			t.Errorf("seriesName(%+v) = %q; want %q", c.p, got, c.want)
		}
	}
}

// TestPercentilesEnd: the curve ends where fewer than ten commits were slower.
func TestPercentilesEnd(t *testing.T) {
	c := pacedCell("1", 0.7e6, 0) // 20,000 commits in its histogram: up to 99.95 %
	var seen extent
	pts := quantiles(&c, &seen)
	if len(pts) == 0 {
		t.Fatal("quantiles found nothing")
	}
	if last := pts[len(pts)-1].x; last > 0.9995 || last < 0.999 {
		t.Errorf("the curve ends at %v; want 0.999 to 0.9995", last)
	}
	for i, p := range pts[1:] {
		if p.x <= pts[i].x || p.y < pts[i].y {
			t.Errorf("the curve falls: %+v after %+v", p, pts[i])
		}
	}
}
