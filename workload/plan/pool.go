package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// fromHosts is the evidence of results of several hosts together.
func fromHosts(results []*result.Result) (*saved, error) {
	s, err := fromResults(pool(results), true)
	if err != nil {
		return nil, err
	}
	places := map[place]bool{}
	for _, r := range results {
		places[placeOf(r)] = true
		d := &r.Environment.Device
		s.disk.SizeBytes, s.disk.Cores = min(s.disk.SizeBytes, d.SizeBytes), min(s.disk.Cores, r.Environment.CPU.Cores)
		s.disk.Partial = s.disk.Partial || !r.Complete && r.Kind != result.KindProbe && r.Kind != result.KindCrash
		for i := range r.Cells {
			if c := &r.Cells[i]; r.Kind == result.KindRun && len(c.Rounds) > 0 {
				s.disk.Rounds = min(s.disk.Rounds, len(stats.FullRounds(c)))
			}
		}
	}
	s.measuredS /= float64(len(places)) // a device is not measured longer by there being others
	return s, nil
}

// pool joins what several hosts have in common: cells of the same parameters into one
// cell with the rounds of all, limit loops likewise. What does not join stays.
func pool(results []*result.Result) []*result.Result {
	joined := map[string]*result.Result{} // by kind
	cells := map[any]int{}
	var out []*result.Result
	var warnings warningCount
	for _, r := range results {
		warnings.add(r)
		into := joined[r.Kind]
		if into == nil || r.Kind == result.KindProbe || r.Kind == result.KindCrash {
			c := *r
			c.Cells, c.Limit, c.BinlogLimit, c.Warnings, c.Environment.Warnings = nil, nil, nil, nil, nil
			into, joined[r.Kind] = &c, &c
			out = append(out, into)
		} else if r.Sweep != nil {
			into.Sweep = joinSweeps(into.Sweep, r.Sweep)
		}
		into.Limit, into.BinlogLimit = joinLimits(into.Limit, r.Limit), joinLimits(into.BinlogLimit, r.BinlogLimit)
		for i := range r.Cells {
			c := &r.Cells[i]
			key := struct{ kind, cell any }{r.Kind, result.CellKey(r, c)}
			at, ok := cells[key]
			if !ok || c.Crash != nil {
				cells[key] = len(into.Cells)
				into.Cells = append(into.Cells, *c)
				continue
			}
			joinCell(&into.Cells[at], c)
		}
	}
	for _, r := range out {
		stats.SummarizeResult(r)
	}
	if len(out) > 0 {
		out[0].Warnings = warnings.list(len(results))
	}
	return out
}

// warningCount counts warnings of one kind, whatever figures stand in them.
type warningCount struct {
	first []result.Warning
	times map[string]int
}

func (n *warningCount) add(r *result.Result) {
	if n.times == nil {
		n.times = map[string]int{}
	}
	seen := map[string]bool{}
	for _, w := range slices.Concat(r.Environment.Warnings, r.Warnings) {
		kind := cmp.Or(w.Code, w.Text)
		if seen[kind] {
			continue
		}
		seen[kind] = true
		if n.times[kind]++; n.times[kind] == 1 {
			n.first = append(n.first, w)
		}
	}
}

// list is the first warning of each kind, with how many of so many results have one.
func (n *warningCount) list(results int) []result.Warning {
	out := slices.Clone(n.first)
	for i := range out {
		if times := n.times[cmp.Or(out[i].Code, out[i].Text)]; results > 1 {
			out[i].Text = fmt.Sprintf("%s (so or alike in %d of %d results)", strings.TrimSuffix(out[i].Text, "."), times, results)
		}
	}
	return out
}

// joinCell adds a host's cell to that of the others. Where their rates differ, each was
// paced by its own disk, the lowest is that of all, and each throughput counts by
// how well it kept up.
func joinCell(into, c *result.Cell) {
	into.Rounds = slices.Concat(into.Rounds, c.Rounds)
	if low := min(into.Params.Rate, c.Params.Rate); into.Params.Rate != c.Params.Rate && low > 0 {
		for i := range into.Rounds {
			of := into.Params.Rate
			if i >= len(into.Rounds)-len(c.Rounds) {
				of = c.Params.Rate
			}
			into.Rounds[i].TPS *= low / of
		}
		into.Params.Rate = low
	}
	d, e := &into.Durability, &c.Durability
	d.Process, d.OS, d.Power = d.Process && e.Process, d.OS && e.OS, d.Power && e.Power
	if into.Soak == nil || c.Soak != nil && len(c.Soak.Changes) > len(into.Soak.Changes) {
		into.Soak = c.Soak
	}
}

// joinLimits joins the rounds of two limit loops; either may be nil. One of another
// method or with added latency is left out.
func joinLimits(into, l *result.LimitSummary) *result.LimitSummary {
	switch {
	case l == nil:
		return into
	case into == nil:
		c := *l
		return &c
	case l.FlushMethod == into.FlushMethod && l.RecordBytes == into.RecordBytes && l.AddedFlushNS == into.AddedFlushNS:
		into.Rounds = slices.Concat(into.Rounds, l.Rounds)
	}
	return into
}

// joinSweeps keeps of each pair the lowest ends that are shown, for the loosest
// of the objectives.
func joinSweeps(into, w *result.Sweep) *result.Sweep {
	if into == nil || into.Over != w.Over {
		return w
	}
	c := *into
	c.Objective.P99NS = loosest(c.Objective.P99NS, w.Objective.P99NS)
	c.Objective.P999NS = loosest(c.Objective.P999NS, w.Objective.P999NS)
	c.Pairs = slices.Clone(c.Pairs)
	for _, p := range w.Pairs {
		name := Pair{p.Policy, p.SyncBinlog}.String()
		at := slices.IndexFunc(c.Pairs, func(q result.SweepPair) bool { return Pair{q.Policy, q.SyncBinlog}.String() == name })
		if at < 0 {
			c.Pairs = append(c.Pairs, p)
			continue
		}
		k := &c.Pairs[at].Knee
		k.Lo, k.LoShown = lower(k.Lo, k.LoShown, p.Knee.Lo, p.Knee.LoShown)
		k.Hi, k.HiShown = lower(k.Hi, k.HiShown, p.Knee.Hi, p.Knee.HiShown)
	}
	return &c
}

// loosest is the weaker of two limits; 0: none.
func loosest(a, b int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

// lower is the lower one of two ends, of those that are shown.
func lower(a float64, aShown bool, b float64, bShown bool) (float64, bool) {
	switch {
	case !bShown:
		return a, aShown
	case !aShown:
		return b, true
	}
	return min(a, b), true
}
