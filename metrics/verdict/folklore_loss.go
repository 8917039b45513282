package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

const (
	second = 1_000_000_000 // ns
	// fiveSeconds is the window of the claim, in ns.
	fiveSeconds = 5 * second
	// watchedIntervals is how many flush intervals a cell must last for its window
	// to be more than a coincidence.
	watchedIntervals = 3
)

// exposure is the oldest commit that a policy had at risk, or lost to a crash.
type exposure struct {
	ageNS  int64
	crash  string // which crash, "" when nothing was at risk
	lost   bool   // lost to a crash, not only at risk
	on     string // the server that lost it; "": the engine
	watchS float64
	rounds int // of all cells
	trials int
	served map[string]int // of the trials, those on each server
}

// exposures returns that of every policy with a flush interval of one second, by
// what the crash kinds of kinds may take or took.
func exposures(r *result.Result, kinds ...string) map[string]*exposure {
	out := map[string]*exposure{}
	of := func(policy string) *exposure {
		if out[policy] == nil {
			out[policy] = &exposure{served: map[string]int{}}
		}
		return out[policy]
	}
	bySecond := map[string]bool{} // cells whose timer is the claim's
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Params.FlushIntervalNS != second || !timerBound(&c.Params) {
			continue
		}
		bySecond[c.Name] = true
		if c.Params.Load != result.LoadPaced {
			continue // there a full buffer sets the window
		}
		for k := range c.Rounds {
			if round := &c.Rounds[k]; round.AtRisk != nil {
				of(c.Params.Policy).see(round, kinds)
			}
		}
	}
	for i := range r.CrashTrials {
		t := &r.CrashTrials[i]
		if t.Control || !bySecond[t.Cell] || !slices.Contains(kinds, t.Kind) {
			continue
		}
		e := of(t.Policy)
		e.trials++
		on := crashedServer(t)
		if on != "" {
			e.served[on]++
		}
		if t.LostAgeNS > e.ageNS {
			e.ageNS, e.crash, e.lost, e.on = t.LostAgeNS, CrashName(t.Kind), true, on
		}
	}
	return out
}

// crashedServer names the server of a trial, "mariadb 10.11.14"; "": the engine.
func crashedServer(t *result.CrashTrial) string {
	if t.Server == nil {
		return ""
	}
	version, _, _ := strings.Cut(t.Server.Version, "-") // 10.11.14-MariaDB
	return strings.TrimSpace(t.Server.Product + " " + version)
}

// see adds what a round had at risk.
func (e *exposure) see(round *result.Round, kinds []string) {
	e.rounds++
	e.watchS = max(e.watchS, round.DurationS)
	for _, k := range []struct {
		kind, name string
		risk       *result.Risk
	}{{"process", "process crash", &round.AtRisk.Process}, {"os", "kernel crash", &round.AtRisk.OS}, {"power", "power cut", &round.AtRisk.Power}} {
		if slices.Contains(kinds, k.kind) && k.risk.AgeNSMax > e.ageNS {
			e.ageNS, e.crash, e.lost, e.on = k.risk.AgeNSMax, k.name, false, ""
		}
	}
}

// words says how old the oldest commit was: "1.010 s (kernel crash, at risk)".
func (e *exposure) words(policy string) string {
	text := fmt.Sprintf("policy %s: at most %.3f s", policy, float64(e.ageNS)/second)
	if e.crash == "" {
		text = fmt.Sprintf("policy %s: nothing", policy)
	} else if e.lost {
		text += ", lost to a " + e.crash
		if e.on != "" {
			text += " on " + e.on
		}
	} else {
		text += ", at risk from a " + e.crash
	}
	var from []string
	if e.rounds > 0 {
		from = append(from, fmt.Sprintf("%d %s", e.rounds, plural(e.rounds, "round")))
	}
	if e.trials > 0 {
		from = append(from, fmt.Sprintf("%d %s", e.trials, plural(e.trials, "crash trial")))
	}
	for _, name := range slices.Sorted(maps.Keys(e.served)) {
		from = append(from, fmt.Sprintf("%d of them on %s", e.served[name], name))
	}
	return text + " (" + strings.Join(from, ", ") + ")"
}

func judgeOneSecond(r *result.Result) finding {
	all := exposures(r, "process", "os", "power")
	var parts []string
	worst := &exposure{}
	enough := true
	for _, p := range []string{"2", "0"} {
		e := all[p]
		if e == nil {
			enough = false
			continue
		}
		parts = append(parts, e.words(p))
		if e.ageNS > worst.ageNS {
			worst = e
		}
		enough = enough && e.rounds >= stats.MinRounds && e.watchS >= watchedIntervals
	}
	if len(parts) == 0 {
		return finding{}
	}
	text := "The oldest commit, " + strings.Join(parts, "; ") + "."
	switch {
	case worst.ageNS > second && worst.on != "":
		return decided(r, Refuted, text+" InnoDB looks at its timer once a second, and may come a second late.")
	case worst.ageNS > second:
		return decided(r, Refuted, text+" A flush takes its time on top of the interval.")
	case enough:
		return decided(r, Confirmed, text)
	}
	return finding{Measured, text}
}

func judgeFiveSeconds(r *result.Result) finding {
	e := exposures(r, "os", "power")["2"]
	if e == nil {
		return finding{}
	}
	text := "The oldest commit, " + e.words("2")
	if e.rounds > 0 {
		text += fmt.Sprintf(", %.1f s watched without a break", e.watchS)
	}
	text += "."
	switch half := int64(e.watchS * second / 2); {
	case e.ageNS >= fiveSeconds:
		return decided(r, Confirmed, text)
	case e.crash != "" && e.ageNS < fiveSeconds/2 && e.ageNS < half && e.rounds >= stats.MinRounds:
		return decided(r, Refuted, text)
	}
	return finding{Measured, text}
}

// judgeSyncBinlog looks at settings whose engine is flushed at every commit, so that
// only the binlog can lag.
func judgeSyncBinlog(r *result.Result) finding {
	type lag struct {
		pair   string
		n      int
		most   int64
		rounds int
		trials int
	}
	var all []*lag
	of := func(p *result.Params) *lag {
		if (p.Policy != "1" && p.Policy != "3") || p.SyncBinlog == nil || *p.SyncBinlog < 2 || neverFlushes(p) {
			return nil
		}
		pair := pairText(p)
		if i := slices.IndexFunc(all, func(l *lag) bool { return l.pair == pair }); i >= 0 {
			return all[i]
		}
		all = append(all, &lag{pair: pair, n: *p.SyncBinlog})
		return all[len(all)-1]
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		for k := range c.Rounds {
			a := c.Rounds[k].AtRisk
			if l := of(&c.Params); l != nil && a != nil && c.Params.Load == result.LoadPaced {
				l.rounds++
				l.most = max(l.most, a.OS.EngineAheadMax, a.Power.EngineAheadMax)
			}
		}
		if s := c.Crash; s != nil && s.Control == "" && s.Summary != nil && s.Kind != "process" && s.Server == nil { // whose binlog nobody reads
			if l := of(&c.Params); l != nil {
				l.trials += s.Summary.Trials
				l.most = max(l.most, s.Summary.EngineAheadMax)
			}
		}
	}
	var found finding
	for _, l := range all {
		if l.rounds+l.trials == 0 {
			continue
		}
		text := fmt.Sprintf("%s: the engine was up to %s commits ahead of the binlog (%d %s, %d %s).", l.pair, Count(float64(l.most)),
			l.rounds, plural(l.rounds, "round"), l.trials, plural(l.trials, "crash trial"))
		outcome := Measured
		switch {
		case l.most > int64(l.n):
			outcome = Refuted
		case 2*l.most >= int64(l.n) && l.rounds+l.trials >= stats.MinRounds:
			outcome = Confirmed
		}
		found = stronger(found, decided(r, outcome, text))
	}
	return found
}
