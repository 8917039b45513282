package runner

import (
	"fmt"
	"time"

	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// Limits of a soak.
const (
	MinSoak = 5 * time.Second
	MaxSoak = 30 * 24 * time.Hour

	// soakRounds is in how many rounds a soak is cut, as long as none gets too
	// short or too long: what was measured is saved after each.
	soakRounds = 120
	soakLeast  = 250 * time.Millisecond
	soakMost   = time.Minute
)

// SoakOf turns a plan into one that keeps each of its cells under load for so long,
// round after round, the cells in turn: paced cells where it has any. Of the default
// run it keeps policy 1 at the rate of its RISK section.
//
// REQUIRES: MinSoak <= length <= MaxSoak.
func SoakOf(p Plan, length time.Duration) Plan {
	var specs []Spec
	paced := false
	for i := range p.Specs {
		paced = paced || p.Specs[i].paced()
	}
	for _, s := range p.Specs {
		if paced && !s.paced() || p.Preset != "" && s.Engine.Commit.Policy != groupcommit.Policy1 {
			continue
		}
		specs = append(specs, s)
	}
	round := min(max(length/soakRounds, soakLeast), soakMost)
	if round > 2*time.Second {
		round = round.Round(time.Second) // whole buckets of the series
	}
	for i := range specs {
		s := &specs[i]
		s.Duration, s.Soak, s.Track = round, true, false
		s.Warmup = min(max(round/10, 20*time.Millisecond), 500*time.Millisecond)
	}
	p.Specs, p.Limit = specs, 0
	p.Rounds = int((length + round - 1) / round)
	return p
}

// soak looks for changes in the cells of a soak after a round, and tells the user of
// new ones.
func (r *run) soak() {
	for i := range r.plan.Specs {
		if !r.plan.Specs[i].Soak {
			continue
		}
		c := &r.res.Cells[i]
		before := 0
		if c.Soak != nil {
			before = len(c.Soak.Changes)
		}
		c.Soak = stats.SoakOf(c)
		if c.Soak == nil || len(c.Soak.Changes) <= before {
			continue
		}
		x := &c.Soak.Changes[len(c.Soak.Changes)-1]
		r.cfg.Progress.Note(fmt.Sprintf("%s changed after %v: %s", c.Name, time.Duration(x.AtNS).Round(time.Second), soakNote(x)))
	}
}

// soakNote is a change in a few words.
func soakNote(x *result.SoakChange) string {
	if x.Figure == result.SoakTPS {
		return fmt.Sprintf("%.0f commits/s, %.0f before", x.After, x.Before)
	}
	name := map[string]string{result.SoakMean: "mean latency", result.SoakP99: "p99", result.SoakFlush: "a flush"}[x.Figure]
	return fmt.Sprintf("%s %v, %v before", name, time.Duration(x.After).Round(time.Microsecond), time.Duration(x.Before).Round(time.Microsecond))
}
