package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
)

// TestToSweep: what is recommended and what comes next, a safer pair that is not decided
// before them, the one that comes closest where none does, and none that may lose too
// much: no speed would help it.
func TestToSweep(t *testing.T) {
	holds, fails := [2]float64{1000, 5}, [2]float64{1000, 50}
	for _, c := range []struct {
		name, flags, want string
		pairs             []Measured
	}{
		{"recommended and next", "", "[1 2]", []Measured{pairOf("1", 0, holds), pairOf("2", time.Second, holds)}},
		{"the other one may lose too much", "--max-loss os=0", "[1]", []Measured{pairOf("1", 0, holds), pairOf("2", time.Second, holds)}},
		{"a safer one may do", "", "[1 2]", []Measured{pairOf("1", 0, [2]float64{500, 5}), pairOf("2", time.Second, holds)}},
		{"not decided", "", "[1]", []Measured{pairOf("1", 0, [2]float64{500, 5})}},
		{"none does", "--max-loss os=0", "[1]", []Measured{pairOf("1", 0, fails), pairOf("2", time.Second, holds)}},
		{"none helps", "--max-loss os=0", "[]", []Measured{pairOf("2", time.Second, holds)}},
	} {
		for i := range c.pairs { // policy 2 alone waits for no flush, whose knee is that of a processor
			if c.pairs[i].Pair.Policy == "2" {
				one := 1
				c.pairs[i].Pair.SyncBinlog = &one
			}
		}
		p := decide(t, "--tps 1000 --p99 10ms "+c.flags, c.pairs...)
		if got := fmt.Sprint(p.ToSweep()); got != strings.ReplaceAll(c.want, "2", "2/1") {
			t.Errorf("%s: ToSweep() = %s; want %s (%s)", c.name, got, c.want, p.Verdict)
		}
	}
}

// TestSwept: a knee stands in the plan as it was measured, with what is missing of it;
// what was not swept is said, and so is a knee that cells contradict.
func TestSwept(t *testing.T) {
	holds := [2]float64{1000, 5}
	for _, c := range []struct {
		knee   Knee
		points [2]float64
		want   string
	}{
		{Knee{Lo: 12_300, Hi: 13_100, Rounds: 34, Settled: true, Ended: result.SweepClear}, holds, "1 sustains 12,300..13,100/s at p99 <= 10 ms, measured: a sweep of 34 rounds."},
		{Knee{Lo: 12_300, Hi: 13_100, Rounds: 34, Settled: true, Ended: result.SweepUnclear}, holds, "34 rounds, which differ too much to show it more exactly."},
		{Knee{Lo: 12_300, Rounds: 9, Ended: result.SweepBudget}, holds, "at least 12,300/s at p99 <= 10 ms, and more was not shown to be too much, measured: a sweep of 9 rounds, ended by the time budget; those at the lower rate did not settle."},
		{Knee{Hi: 13_100, Rounds: 9, Ended: result.SweepBudget}, holds, "1 sustains less than 13,100/s"},
		{Knee{Lo: 2000, Rounds: 50, Settled: true, Ended: result.SweepDisturbed}, holds, "1 sustains at least 2,000/s at p99 <= 10 ms, and more was not shown to be too much, measured: a sweep of 50 rounds, from most of which the hypervisor took too much time to show it more exactly."},
		{Knee{Rounds: 3, Ended: result.SweepBudget}, holds, "1: a sweep showed neither end"},
		{Knee{Lo: 12_300, Hi: 13_100, Rounds: 34, Settled: true, Ended: result.SweepClear}, [2]float64{1000, 50}, "cells contradict it, so no more than 0/s counts."},
	} {
		m := pairOf("1", 0, c.points)
		m.Knee = &c.knee
		m.Knee.P99NS = 10e6
		p := decide(t, "--tps 1000 --p99 10ms", m)
		p.Unswept = []string{"No time for 1/100."}
		got := strings.Join(p.sweptText(), " ")
		if p.Rows[0].Swept == nil || *p.Rows[0].Swept != c.knee || !strings.Contains(got, c.want) || !strings.HasSuffix(got, "No time for 1/100.") {
			t.Errorf("%+v: %q; want %q, and what was left out", c.knee, got, c.want)
		}
		if len(p.Sections()) < 2 || p.Sections()[1].Label != "SWEPT" {
			t.Errorf("sections %+v; want SWEPT after WHY", p.Sections())
		}
	}
	m := pairOf("1", 0, holds)
	m.Knee = &Knee{Lo: 12_300, P99NS: 20e6} // for a limit that was looser
	if p := decide(t, "--tps 1000 --p99 10ms", m); p.Rows[0].Swept != nil || len(p.sweptText()) != 0 {
		t.Errorf("a knee for 20 ms: %+v, %q; want none for 10 ms", p.Rows[0].Swept, p.sweptText())
	}
}
