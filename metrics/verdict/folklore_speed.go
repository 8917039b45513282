package verdict

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// nearlyShare is how much of policy 1's price "nearly as fast" may cost.
const nearlyShare = 0.1

// keptUp returns the facts of a policy, or nil where it was not measured, did not
// keep up with the rate or shows no latency: that says nothing about its price.
func (g *group) keptUp(policy string) *facts {
	f := g.policy[policy]
	if f == nil || !f.keptUp() || len(f.latency) == 0 {
		return nil
	}
	return f
}

// where says under what all policies of g were measured.
func (g *group) where() string {
	text := fmt.Sprintf("%s clients", Count(float64(g.params.Clients)))
	if g.params.Rate > 0 {
		text = fmt.Sprintf("%s/s, %s", Count(g.params.Rate), text)
	}
	if g.params.SyncBinlog != nil {
		text += fmt.Sprintf(", sync_binlog = %d", *g.params.SyncBinlog)
	}
	return text
}

// serverLike leaves the cells of a closed loop out that say nothing about a server:
// those without transactions are bound by the CPU under policies 0 and 2.
func serverLike(all []*group) []*group {
	return slices.DeleteFunc(all, func(g *group) bool { return g.params.Rows == 0 })
}

func judgeNearly(r *result.Result) finding {
	var found finding
	for _, g := range groups(r, true) {
		one, two, zero := g.keptUp("1"), g.keptUp("2"), g.keptUp("0")
		if one == nil || two == nil || zero == nil {
			continue
		}
		dear, near := compare(one, zero, noise(r)), compare(two, zero, noise(r))
		text := fmt.Sprintf("At %s policy 1 adds %s to policy 0, policy 2 %s.", g.where(), adds(dear), adds(near))
		found = stronger(found, decided(r, nearly(dear, near), text))
	}
	if found.figures != "" {
		return found
	}
	for _, g := range serverLike(groups(r, false)) {
		two, zero := g.policy["2"], g.policy["0"]
		if two == nil || zero == nil {
			continue
		}
		d := stats.NewDelta(stats.Collect(zero.cell, stats.TPS), stats.Collect(two.cell, stats.TPS))
		outcome, interval := nearlyAll(&d)
		text := fmt.Sprintf("With %s policy 2 carries %.2f times the commits/s of policy 0%s.", g.where(), d.Ratio, interval)
		found = stronger(found, decided(r, outcome, text))
	}
	return found
}

// adds words what the dearer of two policies adds to the other one.
func adds(s saving) string {
	switch s.outcome {
	case stats.Faster:
		return millisecondsRange(s.ns)
	case stats.Inconclusive:
		return millisecondsRange(s.ns) + " in too few rounds to tell"
	}
	return "nothing that could be told from noise"
}

// nearly judges what policy 2 adds to policy 0 by what policy 1 adds.
func nearly(dear, near saving) ClaimOutcome {
	switch {
	case dear.outcome != stats.Faster || dear.ns.Lo <= 0:
		return Measured // there is no price that it could be a tenth of
	case near.outcome == stats.Inconclusive:
		return Measured
	case near.ns.Hi <= nearlyShare*dear.ns.Lo:
		return Confirmed
	case near.outcome == stats.Faster && near.ns.Lo > nearlyShare*dear.ns.Hi:
		return Refuted
	}
	return Measured
}

// nearlyAll judges the throughput of policy 2 by that of policy 0, and words the
// interval of their ratio.
func nearlyAll(d *stats.Delta) (outcome ClaimOutcome, interval string) {
	if d.Confidence == 0 || min(d.A.N, d.B.N) < stats.MinRounds {
		return Measured, ", in too few rounds to tell"
	}
	outcome = Measured
	switch {
	case d.Lo >= 1-nearlyShare:
		outcome = Confirmed
	case d.Hi < 1-nearlyShare:
		outcome = Refuted
	}
	return outcome, fmt.Sprintf(" (%.2f..%.2f)", d.Lo, d.Hi)
}

// stronger returns the finding that says more, a on a tie.
func stronger(a, b finding) finding {
	if a.figures == "" || b.figures != "" && strength(b.outcome) > strength(a.outcome) {
		return b
	}
	return a
}

func judgeSlowest(r *result.Result) finding {
	var found finding
	for _, g := range groups(r, true) {
		if one := g.keptUp("1"); one != nil {
			found = stronger(found, slowest(r, g, one, func(p string) (string, stats.Outcome) {
				other := g.keptUp(p)
				if other == nil {
					return "", ""
				}
				s := compare(one, other, noise(r))
				return fmt.Sprintf("policy %s %s", p, saves(s, "")), s.outcome
			}))
		}
	}
	if found.figures != "" {
		return found
	}
	for _, g := range serverLike(groups(r, false)) {
		if one := g.policy["1"]; one != nil {
			found = stronger(found, slowest(r, g, one, func(p string) (string, stats.Outcome) {
				other := g.policy[p]
				if other == nil {
					return "", ""
				}
				c := stats.CompareCells(one.cell, other.cell, r.Limit)
				return fmt.Sprintf("policy %s carries %.2f times the commits/s%s", p, c.Ratio, unlessTold(c.Outcome)), c.Outcome
			}))
		}
	}
	return found
}

// slowest holds policy 1 against the others of one setting. against returns "" for
// a policy that was not measured there, else words and whether it is the faster one.
func slowest(r *result.Result, g *group, one *facts, against func(policy string) (string, stats.Outcome)) finding {
	var parts []string
	outcome := Confirmed
	for _, p := range policies {
		if p == one.cell.Params.Policy {
			continue
		}
		text, o := against(p)
		if text == "" {
			continue
		}
		parts = append(parts, text)
		switch {
		case o == stats.Slower:
			outcome = Refuted
		case o != stats.Faster && outcome == Confirmed:
			outcome = Measured
		}
	}
	if len(parts) == 0 {
		return finding{}
	}
	return decided(r, outcome, fmt.Sprintf("Against policy 1 at %s: %s.", g.where(), strings.Join(parts, ", ")))
}

// The bounds of judgeGroupCommit.
const (
	manyClients = 8
	affordable  = 4.0
	pointless   = 2.0
)

func judgeGroupCommit(r *result.Result) finding {
	var lone, most *result.Cell
	for i := range r.Cells {
		c := &r.Cells[i]
		p := &c.Params
		switch {
		case p.Load != result.LoadClosed || p.Policy != "1" || len(stats.FullRounds(c)) == 0 || neverFlushes(p):
		case p.GroupDelay != "off" && p.GroupDelay != "" || p.ThinkTimeNS > 0 || !p.Alone():
		case p.Clients == 1 && lone == nil:
			lone = c
		case p.Clients >= manyClients && (most == nil || p.Clients > most.Params.Clients):
			most = c
		}
	}
	if lone == nil || most == nil || !sameButClients(lone.Params, most.Params) {
		return finding{}
	}
	c := stats.CompareCells(lone, most, r.Limit)
	text := fmt.Sprintf("%s clients carry %s commits/s, one client %s: %.1f times", Count(float64(most.Params.Clients)),
		Count(Significant(stats.Median(stats.Collect(most, stats.TPS)), 3)), Count(Significant(stats.Median(stats.Collect(lone, stats.TPS)), 3)), c.Ratio)
	if g := stats.SummarizeCell(most).GroupMean; g != nil {
		text += fmt.Sprintf(", %.1f commits to a flush", g.Median)
	}
	outcome := Measured
	switch {
	case c.Outcome == stats.Inconclusive:
		text += ", in too few rounds to tell"
	case c.Outcome == stats.Faster && c.Ratio >= affordable:
		outcome = Confirmed
	case c.Ratio < pointless:
		outcome = Refuted
	}
	return decided(r, outcome, text+".")
}

// sameButClients reports whether two settings differ in the number of clients alone.
func sameButClients(a, b result.Params) bool {
	a.Clients, b.Clients = 0, 0
	return withoutPolicy(a) == withoutPolicy(b)
}
