package verdict

import (
	"fmt"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// facts is what one paced cell says about its policy.
type facts struct {
	cell    *result.Cell
	full    []result.Round
	latency []float64 // ns
	rounds  []int     // the number of each of latency
	tps     result.Interval
	risk    *result.AtRisk // worst of the rounds; nil: not measured
}

// group is a set of cells that differ in the policy alone. Of two cells with the
// same policy the first one counts.
type group struct {
	params result.Params // of the first cell
	policy map[string]*facts
}

// policies are the policies in the order of the sentences, the safest first.
var policies = []string{"1", "3", "2", "0"}

// groups collects the cells with rounds that are paced, or that are not, in the
// order in which they appear.
func groups(r *result.Result, paced bool) []*group {
	var all []*group
	bySetting := map[setting]*group{}
	for i := range r.Cells {
		c := &r.Cells[i]
		if (c.Params.Load == result.LoadPaced) != paced || len(stats.FullRounds(c)) == 0 {
			continue
		}
		key := withoutPolicy(c.Params)
		g := bySetting[key]
		if g == nil {
			g = &group{params: c.Params, policy: map[string]*facts{}}
			bySetting[key] = g
			all = append(all, g)
		}
		if g.policy[c.Params.Policy] == nil {
			s := stats.SummarizeCell(c)
			g.policy[c.Params.Policy] = &facts{cell: c, full: stats.FullRounds(c), tps: s.TPS, risk: s.AtRisk}
		}
	}
	for _, g := range all {
		g.pickLatency()
	}
	return all
}

// setting is a cell's axes as a value that can be compared: sync_binlog is not a
// pointer in it.
type setting struct {
	params result.Params
	binlog bool
	sync   int
}

func settingOf(p result.Params) (s setting) {
	if p.SyncBinlog != nil {
		s.binlog, s.sync = true, *p.SyncBinlog
	}
	p.SyncBinlog = nil
	s.params = p
	return s
}

// withoutPolicy is a setting without what may differ between the policies of one
// group: the policy, and how long each is measured.
func withoutPolicy(p result.Params) setting {
	p.Policy, p.Policy0Style = "", ""
	p.DurationS, p.WarmupNS = 0, 0
	return settingOf(p)
}

// pickLatency takes the median latency of every round, or the mean for all
// policies when one of them does not show a median everywhere.
func (g *group) pickLatency() {
	var all []*facts
	var cells []*result.Cell
	for _, f := range g.policy {
		all, cells = append(all, f), append(cells, f.cell)
	}
	of, _ := LatenciesOf(cells) // in any order: it is the same for all
	for i, f := range all {
		f.rounds, f.latency = of[i].Rounds, of[i].NS
	}
}

// saving is how much less time a commit takes under one policy than under
// another, at the same rate.
type saving struct {
	outcome stats.Outcome // of the cheaper one against the dearer one
	ns      result.Interval
}

// compare returns what a commit saves under b against a. The difference is
// taken between the same rounds of both, which the disk's drift touches alike; it is
// none where too few rounds have both, or where it is not on one side of zero in all
// of its interval.
func compare(a, b *facts, noise float64) saving {
	of := map[int]float64{}
	for i, ns := range a.latency {
		of[a.rounds[i]] = ns
	}
	var diffs []float64
	for i, ns := range b.latency {
		if base, ok := of[b.rounds[i]]; ok {
			diffs = append(diffs, base-ns)
		}
	}
	s := saving{outcome: stats.CompareTime(a.latency, b.latency, noise).Outcome, ns: stats.Summarize(diffs)}
	switch {
	case len(diffs) < stats.MinRounds:
		s.outcome = stats.Inconclusive
	case s.outcome == stats.Faster && s.ns.Lo <= 0, s.outcome == stats.Slower && s.ns.Hi >= 0:
		s.outcome = stats.Noise
	}
	return s
}

// noise returns the spread of the limit loop, below which nothing counts.
func noise(r *result.Result) float64 {
	if l := stats.LimitOf(r); l != nil {
		return l.Spread
	}
	return 0
}

// keptUp reports whether the cell carried the rate that it was asked for.
func (f *facts) keptUp() bool {
	return f.cell.Params.Rate <= 0 || f.tps.Median >= 0.97*f.cell.Params.Rate
}

// fastest returns the closed-loop policy-1 cell without gathering that had the
// most clients and was held back by the disk, or nil.
func fastest(r *result.Result) *result.Cell {
	var best *result.Cell
	for i := range r.Cells {
		c := &r.Cells[i]
		p := &c.Params
		if p.Load != result.LoadClosed || p.Policy != "1" || len(c.Rounds) == 0 || p.ThinkTimeNS > 0 {
			continue
		}
		if p.GroupDelay != "off" && p.GroupDelay != "" || c.Bound != result.BoundFlush {
			continue
		}
		if best == nil || p.Clients > best.Params.Clients {
			best = c
		}
	}
	return best
}

// nothingAtRisk reports whether r was measured and stayed at zero throughout.
func nothingAtRisk(r *result.AtRisk) bool {
	return r != nil && r.Process.CommitsMax == 0 && r.OS.CommitsMax == 0 && r.Power.CommitsMax == 0 &&
		!r.Process.Truncated && !r.OS.Truncated && !r.Power.Truncated
}

// window formats what one kind of crash may take: "the last 1.01 s".
func window(k result.Risk) string {
	least := ""
	if k.Truncated {
		least = "at least "
	}
	return fmt.Sprintf("%sthe last %s (%s commits)", least, Span(k.AgeNSMax), Count(float64(k.CommitsMax)))
}
