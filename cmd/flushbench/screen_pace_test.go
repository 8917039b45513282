package main

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// pacedCell is a paced cell of one round.
func pacedCell(policy string, rate float64, change func(*result.Cell, *result.Round)) *result.Cell {
	p99, lag := int64(900_000), int64(84_000)
	r := result.Round{
		Round: 1, TPS: rate, Commits: int64(rate), DurationS: 1,
		LatencyNS:     result.Latency{P50: &p99, P99: &p99, Count: int64(rate)},
		ServiceNS:     &result.Latency{P99: &p99},
		ScheduleLagNS: &result.ScheduleLag{P99: &lag},
		OpenLoop:      &result.OpenLoop{Offered: int64(rate), BacklogMax: 12},
	}
	c := &result.Cell{Name: policy, Bound: result.BoundRate, Params: result.Params{Load: result.LoadPaced, Policy: policy, Clients: 8, Rate: rate, GroupDelay: "off"}}
	change(c, &r)
	c.Rounds = []result.Round{r}
	c.Summary = stats.SummarizeCell(c)
	return c
}

// Where all is well, one line says how late the starts were.
func TestPaceOfCellsThatKeptUp(t *testing.T) {
	as := func(*result.Cell, *result.Round) {}
	got := paceText([]*result.Cell{pacedCell("1", 2600, as), pacedCell("2", 2600, as)}, plain)
	if want := "99 of 100 starts were up to 0.084 ms late (schedule lag, not in the latencies).\n"; got != want {
		t.Errorf("paceText = %q, want %q", got, want)
	}
	// An old result has no such figures.
	if got := paceText([]*result.Cell{pacedCell("1", 2600, func(_ *result.Cell, r *result.Round) { r.OpenLoop, r.ScheduleLagNS = nil, nil })}, plain); got != "" {
		t.Errorf("paceText without figures = %q", got)
	}
}

// An overloaded cell has no latencies, and says why; what was late and skipped
// stands beside the others.
func TestPaceTable(t *testing.T) {
	got := paceText([]*result.Cell{
		pacedCell("1", 1000, func(c *result.Cell, r *result.Round) {
			c.Params.LatencyLimitNS, r.OpenLoop.Late, r.OpenLoop.Skipped = 1e7, 25, 1
		}),
		pacedCell("1", 20000, func(c *result.Cell, r *result.Round) {
			c.Bound, r.TPS, r.OpenLoop.Overloaded, r.OpenLoop.BacklogMax = result.BoundOverloaded, 9000, true, 11_012
		}),
	}, plain)
	for _, want := range []string{
		"\nPACE   open loop;", "policy  asked/s  done/s   p50   p99 service p99 lag p99 late % skipped % backlog\n",
		"1         1,000   1,000 0.900 0.900       0.900   0.084   2.50      0.10      12\n",
		"1        20,000  9,000*     *     *       0.900   0.084      -         0  11,012\n", "* overloaded: it did not carry the rate",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("paceText has no %q:\n%s", want, got)
		}
	}
	for line := range strings.Lines(got) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}
