package verdict

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// crashControls says whether the lab can see what it looks for.
func crashControls(r *result.Result) []string {
	var missed []string
	caught, asked := 0, 0
	simulated := false
	for i := range r.Cells {
		c := r.Cells[i].Crash
		if c == nil {
			continue
		}
		simulated = simulated || c.Kind != "process"
		if c.Control == "" {
			continue
		}
		asked++
		switch {
		case c.Summary == nil:
		case c.Summary.Caught:
			caught++
		default:
			missed = append(missed, fmt.Sprintf("%s by %s on %s", c.Control, c.Kind, c.Filesystem))
		}
	}
	switch {
	case len(missed) > 0:
		return []string{"THE LAB PROVES NOTHING: it did not catch " + strings.Join(missed, ", ") + ", which must lose acknowledged commits."}
	case asked > 0 && caught < asked:
		return []string{fmt.Sprintf("Only %d of %d controls were tried: what the others would show is not known.", caught, asked)}
	case asked == 1:
		return []string{"The lab can see: its control, a setting broken on purpose, was caught."}
	case asked > 0:
		return []string{fmt.Sprintf("The lab can see: all %d controls, settings broken on purpose, were caught.", asked)}
	case simulated:
		return []string{"No control was run: that this lab would have seen a loss is not shown."}
	}
	return nil
}

// crashFaults says what became of the faults that were asked for, each in a sentence.
func crashFaults(r *result.Result) (out []string) {
	var kinds []string
	for i := range r.CrashTrials {
		if f := r.CrashTrials[i].Fault; f != nil && !slices.Contains(kinds, f.Error) {
			kinds = append(kinds, f.Error)
		}
	}
	for _, kind := range kinds {
		out = append(out, crashesWith(r, kind))
	}
	return out
}

// crashesWith says what became of one fault.
func crashesWith(r *result.Result, kind string) string {
	trials, seen, after := 0, 0, int64(0)
	for i := range r.CrashTrials {
		f := r.CrashTrials[i].Fault
		if f == nil || f.Error != kind {
			continue
		}
		trials++
		after += f.AckedAfter
		if f.Seen {
			seen++
		}
	}
	what, made, late := "A flush failed", "A flush was made to fail", "it did not fail in time"
	if kind == "enospc" {
		what, made, late = "The disk was full", "The disk was filled, and a file met its end,", "no file met its end in time"
	}
	if after > 0 {
		return fmt.Sprintf("%s in %d of %d trials, and %s commits were acknowledged after it: that must never be.", what, seen, trials, Count(float64(after)))
	}
	text := fmt.Sprintf("%s in %d of %d trials before the crash; nothing was acknowledged after it.", made, seen, trials)
	if seen < trials {
		text += " In the others " + late + ": they do not count."
	}
	return text
}

// crashNoProofs says which trials count for nothing, and where the load was not
// what was asked for.
func crashNoProofs(r *result.Result) []string {
	var out []string
	trials, idle, stalled := 0, 0, 0
	slowest, asked := math.Inf(1), 0.0
	for i := range r.Cells {
		c := &r.Cells[i]
		if !tried(c) || c.Crash.Summary == nil {
			continue
		}
		s := c.Crash.Summary
		trials, idle, stalled = trials+s.Trials, idle+s.Idle, stalled+s.Stalled
		// Reads and rollbacks come at the rate, too, and are no commits.
		want := c.Params.Rate * (1 - c.Params.ReadShare) * (1 - c.Params.RollbackShare)
		if s.RateReached > 0 && s.RateReached < leastRate*want && s.RateReached < slowest {
			slowest, asked = s.RateReached, want
		}
	}
	if idle > 0 {
		out = append(out, fmt.Sprintf("Nothing had been acknowledged in %d of %d trials when they were crashed: they do not count.", idle, trials))
	}
	if stalled > 0 {
		out = append(out, fmt.Sprintf("The load had stood still for a flush interval in %d of %d trials when they were crashed: nothing was left to lose, they do not count.", stalled, trials))
	}
	if asked > 0 {
		out = append(out, fmt.Sprintf("The load was less than asked: down to %s commits/s of %s.", Count(slowest), Count(asked)))
	}
	return out
}

// leastRate is the share of the asked rate that passes for it: a crash comes soon
// after the begin, and the first commits are late.
const leastRate = 0.8
