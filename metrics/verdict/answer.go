package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// CheapNS is the time that policy 1 may add to a commit and still be called
// next to nothing: 0.1 ms, less than a network round trip in one building.
const CheapNS = 100_000

// Answer returns the sentences that answer "which policy, and why" for a run,
// the most important first. It never returns nothing.
func Answer(r *result.Result) []string {
	return slices.Concat(whichPolicy(r), besideSentences(r), views(r), backgrounds(r), CircleSentences(r))
}

// whichPolicy is Answer without what other sessions do to it.
func whichPolicy(r *result.Result) []string {
	out := cautions(r)
	if two := pairs(r); two != nil {
		return append(out, two...)
	}
	all := groups(r, true)
	if !onlyServers(r) { // besideSentences have the servers'
		all = slices.DeleteFunc(all, func(g *group) bool { return g.params.Target != "" })
	}
	g := firstWithPolicy1(all)
	switch {
	case g == nil && len(all) == 0 && onlyServers(r):
		return append(out, "A server shows nobody what a crash would take from it: flushbench crash --target crashes one.")
	case g == nil && len(all) == 0:
		return append(out, "No paced cell was measured, so what a policy adds to a commit and what a crash may take are not known.")
	case g == nil:
		out = append(out, "Policy 1 was not measured at the same rate, so what it would cost is not known.")
		return append(out, riskOnly(all[0])...)
	}
	if len(all) > 1 {
		out = append(out, fmt.Sprintf("Of %d combinations this is the first: %s/s, %d clients, %s.",
			len(all), Count(g.params.Rate), g.params.Clients, cmp.Or(g.params.Target, g.params.FlushMethod)))
	}
	one := g.policy["1"]
	if !one.cell.Durability.Power && one.cell.Durability.Words != "" {
		out = append(out, fmt.Sprintf("Policy 1 is not durable here (flush method %s): it cannot be recommended.", one.cell.Params.FlushMethod))
		return append(out, riskOnly(g)...)
	}
	if !one.keptUp() {
		out = append(out, fmt.Sprintf("Policy 1 did not keep up: %s commits/s of the %s asked for. Lower --rate to compare.",
			Count(one.tps.Median), Count(g.params.Rate)))
		return append(out, riskOnly(g)...)
	}
	if one.risk != nil && !nothingAtRisk(one.risk) {
		out = append(out, "Policy 1 had acknowledged commits at risk, which must never be: do not trust these figures.")
		return append(out, riskOnly(g)...)
	}
	if stats.Quick(r) || tooFew(g) {
		return append(out, withoutClaims(r, g)...)
	}
	return append(out, recommend(r, g)...)
}

// firstWithPolicy1 returns the first group with policy 1 and another one, or
// the first with policy 1, or nil.
func firstWithPolicy1(all []*group) *group {
	var alone *group
	for _, g := range all {
		if g.policy["1"] == nil {
			continue
		}
		if len(g.policy) > 1 {
			return g
		}
		if alone == nil {
			alone = g
		}
	}
	return alone
}

// cautions returns what must be said before any figure.
func cautions(r *result.Result) []string {
	var out []string
	for i := range r.Cells {
		for _, round := range r.Cells[i].Rounds {
			if round.Verify != nil && !round.Verify.OK {
				out = append(out, fmt.Sprintf("Verification failed in %s, round %d: %s. Do not use these figures.",
					r.Cells[i].Name, round.Round, strings.TrimSuffix(round.Verify.Error, ".")))
			}
		}
	}
	if r.Environment.Volatile || r.Environment.Device.Volatile {
		out = append(out, "This folder lies in memory: the figures say nothing about a disk.")
	}
	if r.Limit != nil && r.Limit.AddedFlushNS > 0 {
		out = append(out, fmt.Sprintf("Every flush was slowed by %s ms on purpose.", Milliseconds(float64(r.Limit.AddedFlushNS))))
	}
	switch {
	case r.Complete:
	case r.Find(func(c *result.Cell) bool { return c.Partial && c.Bound == result.BoundWriteBudget }) != nil:
		out = append(out, "The write budget cut the run short: this rests on the rounds that finished.")
	default:
		out = append(out, "The run was cut short: this rests on the rounds that finished.")
	}
	return out
}

// tooFew reports whether some policy of g has too few rounds for a claim.
func tooFew(g *group) bool {
	for _, f := range g.policy {
		if len(f.full) < stats.MinRounds {
			return true
		}
	}
	return false
}

// withoutClaims says what was seen, and that it is too little to compare.
func withoutClaims(r *result.Result, g *group) []string {
	fewest := len(g.policy["1"].full)
	for _, f := range g.policy {
		fewest = min(fewest, len(f.full))
	}
	noun := "rounds"
	if fewest == 1 {
		noun = "round"
	}
	out := []string{fmt.Sprintf("%d %s cannot tell a difference from noise (at least %d can), so none is claimed.", fewest, noun, stats.MinRounds)}
	if fewest >= stats.MinRounds && stats.Quick(r) {
		out[0] = "A quick look (--quick) decides nothing, so no difference is claimed."
	}
	for _, p := range policies {
		if f := g.policy[p]; f != nil {
			out = append(out, fmt.Sprintf("Policy %s: %s ms a commit at %s/s; %s.", p,
				Milliseconds(stats.Median(f.latency)), Count(g.params.Rate), riskWords(f)))
		}
	}
	return out
}

// recommend gives the answer where the rounds allow one.
func recommend(r *result.Result, g *group) []string {
	one, two, zero := g.policy["1"], g.policy["2"], g.policy["0"]
	if two == nil && zero == nil {
		return []string{
			fmt.Sprintf("Policy 1 takes %s ms a commit at %s/s%s; %s.", Milliseconds(stats.Median(one.latency)),
				Count(g.params.Rate), mostTried(r), riskWords(one)),
			"No other policy was measured at this rate.",
		}
	}
	cost := price(r, one, two, zero)
	switch {
	case cost.outcome != stats.Faster:
		out := []string{"Keep policy 1: at " + Count(g.params.Rate) + "/s no other policy answered sooner by more than the noise. " + sentence(riskWords(one))}
		return append(out, riskOnly(&group{params: g.params, policy: others(g)})...)
	case cost.ns.Median <= CheapNS && cost.ns.Hi <= 2*CheapNS && nothingAtRisk(one.risk):
		return []string{fmt.Sprintf("Policy 1 costs %s ms a commit at %s/s; nothing measured here argues against it.",
			Milliseconds(cost.ns.Median), Count(g.params.Rate))}
	}
	out := []string{fmt.Sprintf("Keep policy 1 if you can spend %s a commit at %s/s%s. %s",
		millisecondsRange(cost.ns), Count(g.params.Rate), mostTried(r), sentence(riskWords(one)))}
	if two != nil {
		out = append(out, fmt.Sprintf("Policy 2 %s; %s.", saves(compare(one, two, noise(r)), ""), riskWords(two)))
	}
	if zero != nil {
		out = append(out, fmt.Sprintf("Policy 0 %s; %s.", savesMore(r, one, two, zero), riskWords(zero)))
	}
	return out
}

// price returns what the dearest saving against policy 1 is that can be told from
// noise: what policy 1 costs.
func price(r *result.Result, one *facts, others ...*facts) (most saving) {
	for _, f := range others {
		if f == nil {
			continue
		}
		if s := compare(one, f, noise(r)); s.outcome == stats.Faster && (most.outcome != stats.Faster || s.ns.Median > most.ns.Median) {
			most = s
		}
	}
	return most
}

// others returns the policies of g but policy 1.
func others(g *group) map[string]*facts {
	rest := map[string]*facts{}
	for p, f := range g.policy {
		if p != "1" {
			rest[p] = f
		}
	}
	return rest
}

// saves words a saving; more is "" or " more".
func saves(s saving, more string) string {
	switch s.outcome {
	case stats.Faster:
		return "saves " + millisecondsRange(s.ns) + more
	case stats.Slower:
		s.ns.Median, s.ns.Lo, s.ns.Hi = -s.ns.Median, -s.ns.Hi, -s.ns.Lo
		return "takes " + millisecondsRange(s.ns) + " longer"
	}
	return "saves nothing" + more + " that could be told from noise"
}

// savesMore words what policy 0 saves: beyond policy 2 where that was measured.
func savesMore(r *result.Result, one, two, zero *facts) string {
	if two == nil {
		return saves(compare(one, zero, noise(r)), "")
	}
	return saves(compare(two, zero, noise(r)), " more")
}

// mostTried adds what a commit takes at the highest throughput of policy 1.
func mostTried(r *result.Result) string {
	c := fastest(r)
	if c == nil {
		return ""
	}
	s := stats.SummarizeCell(c)
	l := s.LatencyNS.P50
	if l == nil {
		l = s.LatencyNS.Mean
	}
	if l == nil {
		return ""
	}
	return fmt.Sprintf(" (%s ms at %s/s, %d clients, the most tried)", Milliseconds(l.Median), Count(Significant(s.TPS.Median, 3)), c.Params.Clients)
}

// riskOnly says for every policy but 1 what a crash may take.
func riskOnly(g *group) []string {
	var out []string
	for _, p := range policies {
		if f := g.policy[p]; f != nil {
			out = append(out, fmt.Sprintf("Policy %s at %s/s: %s.", p, Count(g.params.Rate), riskWords(f)))
		}
	}
	return out
}

// riskWords says what each crash kind may take, the kinds with the same
// window together.
func riskWords(f *facts) string {
	r := f.risk
	if r == nil {
		return "what was at risk was not measured"
	}
	if nothingAtRisk(r) {
		return "nothing was at risk"
	}
	kinds := []struct {
		name string
		risk result.Risk
	}{{"a process crash", r.Process}, {"a kernel crash", r.OS}, {"a power cut", r.Power}}
	type window1 struct {
		names []string
		risk  result.Risk
	}
	var windows []window1
	for _, k := range kinds {
		if k.risk.CommitsMax == 0 && !k.risk.Truncated {
			continue
		}
		last := len(windows) - 1
		if last >= 0 && Span(windows[last].risk.AgeNSMax) == Span(k.risk.AgeNSMax) {
			windows[last].names = append(windows[last].names, k.name)
			windows[last].risk = k.risk // the milder kinds lose no more
			continue
		}
		windows = append(windows, window1{[]string{k.name}, k.risk})
	}
	var parts []string
	for i, w := range windows {
		verb := " may take "
		if i > 0 {
			verb = " "
		}
		parts = append(parts, list(w.names)+verb+window(w.risk))
	}
	words := strings.Join(parts, ", ")
	if f.cell.Params.NoTimer {
		words += "; there is no timer, so that grows until something else flushes"
	}
	return words
}

// list joins names: a, a or b, a, b or c.
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// sentence makes words a sentence.
func sentence(words string) string { return capital(words) + "." }

// capital makes the first letter of a text a capital one.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
