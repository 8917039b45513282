package runner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// What purge was given up on is told of the cell that left it and of the next one on
// the same database, and of none after it.
func TestHistoryLeftIsTold(t *testing.T) {
	d := &dbDir{}
	cell := func(viewed bool, inherited, left int64) result.Round {
		c := &cellRun{log: &logDir{db: d}, db: &dbCell{inherited: inherited, caught: result.LongView{CatchUpNS: int64(30 * time.Second), Left: left}}}
		if viewed {
			c.db.viewer = &viewer{}
		}
		round := result.Round{Round: 2}
		c.warnOfHistory(&round)
		return round
	}
	cells := []result.Cell{
		{Name: "hold", Rounds: []result.Round{cell(true, 0, 500), cell(true, 0, 700)}},
		{Name: "next", Rounds: []result.Round{cell(false, 500, 0)}},
		{Name: "both", Rounds: []result.Round{cell(true, 3, 4)}},
		{Name: "none", Rounds: []result.Round{cell(true, 0, 0), cell(false, 0, 0)}},
	}
	tellHistory(cells)
	for i, want := range [][]string{
		{"hold, round 2: purge had 500 undo logs left 30s after its end"},
		{"next, round 2: it began with 500 undo logs that an earlier cell's read view had kept"},
		{"both, round 2: it began with 3 undo logs", "both, round 2: purge had 4 undo logs left"},
		nil,
	} {
		w := cells[i].Warnings
		if len(w) != len(want) {
			t.Errorf("%s: %+v; want %d warnings", cells[i].Name, w, len(want))
			continue
		}
		for k := range w {
			if !strings.HasPrefix(w[k].Text, want[k]) {
				t.Errorf("%s: %q; want %q", cells[i].Name, w[k].Text, want[k])
			}
		}
	}
}

// A run whose cells with a view do not wait for purge says so of each such round, and
// of those that find something left.
func TestRunTellsOfHistory(t *testing.T) {
	t.Parallel()
	hold := bankSpec(groupcommit.Policy2, 0)
	next := hold
	hold.Name, hold.LongView, next.Name = "hold", workload.HoldView, "next"
	cfg := config(t, Plan{Specs: []Spec{hold, next}, Rounds: 2, Seed: 7})
	cfg.catchUp = time.Nanosecond
	res, _ := mustRun(t, cfg)
	for i := range res.Cells {
		c := &res.Cells[i]
		for _, code := range []string{codeHistoryLeft, codeHistoryInherited} {
			in := func(all []result.Warning) bool {
				return slices.ContainsFunc(all, func(w result.Warning) bool { return w.Code == code })
			}
			rounds := slices.ContainsFunc(c.Rounds, func(r result.Round) bool { return in(r.Warnings) })
			if in(c.Warnings) != rounds {
				t.Errorf("%s: %s of a round %v, of the cell %v", c.Name, code, rounds, in(c.Warnings))
			}
		}
		for k := range c.Rounds {
			v := c.Rounds[k].Database.LongView
			left := v != nil && v.Left > 0
			told := slices.ContainsFunc(c.Rounds[k].Warnings, func(w result.Warning) bool { return w.Code == codeHistoryLeft })
			if left != told {
				t.Errorf("%s: %+v left, told %v", c.Name, v, told)
			}
		}
	}
}
