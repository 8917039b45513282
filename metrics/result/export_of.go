package result

import "slices"

// What a result has to say in each format: a file that holds nothing but its head
// is worse than none.

// ofBench: rounds with commits, or rows of a probe.
func ofBench(r *Result) bool {
	return r.Probe != nil || anyRound(r, func(x *Round) bool { return x.Commits > 0 })
}

// ofCSV: whatever WriteCellsCSV has a row for.
func ofCSV(r *Result) bool {
	return r.Probe != nil || len(r.CrashTrials) > 0 || len(traceSteps(r)) > 0 || len(r.Lessons) > 0 || len(pools(r)) > 0 ||
		anyRound(r, func(*Round) bool { return true })
}

// ofSeries: rounds that were followed over time.
func ofSeries(r *Result) bool {
	return anyRound(r, func(x *Round) bool {
		return x.Series != nil && len(x.Series.Commits) > 0 || x.AtRiskSeries != nil && len(x.AtRiskSeries.TNS) > 0 ||
			x.Memory != nil && len(x.Memory.Resident) > 0
	})
}

// ofHistograms: rounds or rows of a probe whose latencies were kept.
func ofHistograms(r *Result) bool {
	return anyRound(r, func(x *Round) bool { return x.Histogram != "" && x.Commits > 0 }) ||
		slices.ContainsFunc(r.Probe.latencies(), func(l probeLatency) bool { return l.histogram != "" })
}

// ofFio: a probe.
func ofFio(r *Result) bool { return r.Probe != nil }

// anyRound reports whether a round of a cell is so.
func anyRound(r *Result, so func(*Round) bool) bool {
	for i := range r.Cells {
		for j := range r.Cells[i].Rounds {
			if so(&r.Cells[i].Rounds[j]) {
				return true
			}
		}
	}
	return false
}

// traceSteps are the steps of a trace; none without one.
func traceSteps(r *Result) []TraceStep {
	if r.Trace == nil {
		return nil
	}
	return r.Trace.Steps
}

// hostPool is a pool and the group of hosts that it is of.
type hostPool struct {
	group string
	pool  *Pool
}

// pools are what a merge pooled; none without one.
func pools(r *Result) (all []hostPool) {
	if r.Merge == nil {
		return nil
	}
	for i := range r.Merge.Groups {
		g := &r.Merge.Groups[i]
		for j := range g.Pools {
			all = append(all, hostPool{g.Name, &g.Pools[j]})
		}
	}
	return all
}
