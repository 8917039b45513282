package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/result"
)

// This file computes what sentences say once more, from the rounds alone and without
// metrics/stats: slowly, and for at most six rounds, where an interval is lowest to
// highest. A function returns nil where the sentence has nothing to compare with.

// middle is the median.
func middle(v []float64) float64 {
	s := slices.Clone(v)
	for i := range s { // by selection: no library's order is trusted
		for k := i + 1; k < len(s); k++ {
			if s[k] < s[i] {
				s[i], s[k] = s[k], s[i]
			}
		}
	}
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// chance is the two-sided p of the Mann-Whitney test, by dealing all values in every way.
func chance(a, b []float64) float64 {
	key := fmt.Sprint(a, "|", b)
	if p, ok := chances[key]; ok {
		return p
	}
	p := deal(a, b)
	chances[key] = p
	return p
}

// chances remembers what has been dealt.
var chances = map[string]float64{}

func deal(a, b []float64) float64 {
	all := slices.Concat(a, b)
	wins := func(in uint) (u float64) {
		for i, x := range all {
			for k, y := range all {
				if in>>i&1 == 1 && in>>k&1 == 0 {
					switch {
					case x > y:
						u++
					case x == y:
						u += 0.5
					}
				}
			}
		}
		return u
	}
	mine := wins(1<<len(a) - 1)
	low, high, deals := 0.0, 0.0, 0.0
	for in := range uint(1) << len(all) {
		ones := 0
		for i := range all {
			ones += int(in >> i & 1)
		}
		if ones != len(a) {
			continue
		}
		deals++
		u := wins(in)
		if u <= mine {
			low++
		}
		if u >= mine {
			high++
		}
	}
	return min(1, 2*min(low, high)/deals)
}

// told is how a ratio of b to a is hedged.
func told(r *result.Result, a, b []float64) string {
	quick := r.Preset == "quick" || strings.Contains(string(r.Scenario), `"quick"`)
	ma, mb := middle(a), middle(b)
	switch {
	case len(a) < 5 || len(b) < 5:
		return " (inconclusive)"
	case quick, max(ma-mb, mb-ma) <= r.Limit.Spread*ma, chance(a, b) >= 0.05:
		return " (noise)"
	}
	return ""
}

// cellsOf are the cells that a condition holds for.
func cellsOf(r *result.Result, of func(*result.Params) bool) (out []*result.Cell) {
	for i := range r.Cells {
		if len(r.Cells[i].Rounds) > 0 && of(&r.Cells[i].Params) {
			out = append(out, &r.Cells[i])
		}
	}
	return out
}

// speeds are the throughputs of a cell's rounds.
func speeds(c *result.Cell) (v []float64) {
	for _, x := range c.Rounds {
		v = append(v, x.TPS)
	}
	return v
}

// pacedGroups are the paced cells of one log by policy, a group for each setting.
func pacedGroups(r *result.Result) (groups []map[string]*result.Cell) {
	at := map[string]map[string]*result.Cell{}
	engine := len(cellsOf(r, func(p *result.Params) bool { return p.Target == "" })) > 0
	for _, c := range cellsOf(r, func(p *result.Params) bool { return p.Load == result.LoadPaced && p.SyncBinlog == nil }) {
		if engine && c.Params.Target != "" {
			continue
		}
		key := fmt.Sprint(c.Params.Rate, c.Params.NoTimer, c.Params.LongView, c.Params.BackgroundIO, c.Params.Clients, c.Params.FlushMethod)
		if at[key] == nil {
			at[key] = map[string]*result.Cell{}
			groups = append(groups, at[key])
			at[key]["first"] = c
		}
		if at[key][c.Params.Policy] == nil {
			at[key][c.Params.Policy] = c
		}
	}
	return groups
}

// pacedLog is the first of them that has policy 1 and another one, or else policy 1, as
// whichPolicy takes them; without any the first one.
func pacedLog(r *result.Result) map[string]*result.Cell {
	var first, with1 map[string]*result.Cell
	for _, g := range pacedGroups(r) {
		if first == nil {
			first = g
		}
		if g["1"] == nil {
			continue
		}
		if len(g) > 2 {
			return withoutFirst(g)
		}
		if with1 == nil {
			with1 = g
		}
	}
	if with1 == nil {
		with1 = first
	}
	return withoutFirst(with1)
}

func withoutFirst(g map[string]*result.Cell) map[string]*result.Cell {
	out := maps.Clone(g)
	delete(out, "first")
	return out
}

// times are what a commit took in each round, by its number: medians, or means where a
// cell of g lacks one.
func times(g map[string]*result.Cell, policy string) map[int]float64 {
	means := false
	for _, c := range g {
		for _, x := range c.Rounds {
			means = means || x.LatencyNS.P50 == nil
		}
	}
	out := map[int]float64{}
	for _, x := range g[policy].Rounds {
		out[x.Round] = float64(x.LatencyNS.Mean)
		if !means {
			out[x.Round] = float64(*x.LatencyNS.P50)
		}
	}
	return out
}

// cheaper is by how much b is cheaper than a, round by round, lowest first.
func cheaper(g map[string]*result.Cell, a, b string) (v []float64) {
	of := times(g, b)
	for round, ns := range times(g, a) {
		if other, ok := of[round]; ok {
			v = append(v, ns-other)
		}
	}
	slices.Sort(v)
	return v
}

// span words differences in time.
func span(v []float64) string {
	return millisecondsRange(result.Interval{Median: middle(v), Lo: v[0], Hi: v[len(v)-1]})
}

func fewestRounds(r *result.Result, _ []string) []string {
	least := 0
	for _, c := range pacedLog(r) {
		if least == 0 || len(c.Rounds) < least {
			least = len(c.Rounds)
		}
	}
	return []string{strconv.Itoa(least)}
}

func latencyOf(r *result.Result, m []string) []string {
	g := pacedLog(r)
	var v []float64
	for _, ns := range times(g, m[1]) {
		v = append(v, ns)
	}
	return []string{m[1], Milliseconds(middle(v)), rateOf(g), risksOf(g[m[1]])}
}

// sooner reports whether b answered sooner than a beyond all noise (1), later (-1) or
// neither.
func sooner(r *result.Result, g map[string]*result.Cell, a, b string) int {
	if g[a] == nil || g[b] == nil {
		return 0
	}
	var x, y []float64
	for _, ns := range times(g, a) {
		x = append(x, ns)
	}
	for _, ns := range times(g, b) {
		y = append(y, ns)
	}
	v := cheaper(g, a, b)
	switch {
	case len(v) < 5 || told(r, x, y) != "":
		return 0
	case v[0] > 0:
		return 1
	case v[len(v)-1] < 0:
		return -1
	}
	return 0
}

func nobodySooner(r *result.Result, _ []string) []string {
	g := pacedLog(r)
	if sooner(r, g, "1", "2") == 1 || sooner(r, g, "1", "0") == 1 {
		return []string{"somebody was sooner"}
	}
	return []string{rateOf(g), capital(risksOf(g["1"]))}
}

// dearest is what policy 1 costs, round by round: the most that another one saves.
func dearest(r *result.Result) (most []float64) {
	g := pacedLog(r)
	for _, p := range []string{"2", "0"} {
		if sooner(r, g, "1", p) == 1 {
			if v := cheaper(g, "1", p); most == nil || middle(v) > middle(most) {
				most = v
			}
		}
	}
	return most
}

func priceOf1(r *result.Result, _ []string) []string {
	g, most := pacedLog(r), dearest(r)
	if most == nil {
		return []string{"nothing"}
	}
	return slices.Concat([]string{span(most), rateOf(g)}, atTheMost(r), []string{capital(risksOf(g["1"]))})
}

func cheapOf1(r *result.Result, _ []string) []string {
	most := dearest(r)
	if most == nil || middle(most) > 100_000 {
		return []string{"nothing, or much"}
	}
	return []string{Milliseconds(middle(most)), rateOf(pacedLog(r))}
}

func savingOf(r *result.Result, m []string) []string {
	g, from, more := pacedLog(r), "1", ""
	if m[1] == "0" && g["2"] != nil {
		from, more = "2", " more"
	}
	switch sooner(r, g, from, m[1]) {
	case 1:
		return []string{m[1], "saves", span(cheaper(g, from, m[1])), more, risksOf(g[m[1]])}
	case -1:
		return []string{m[1], "takes", span(cheaper(g, m[1], from)), " longer", risksOf(g[m[1]])}
	}
	return []string{m[1], "nothing"}
}

func savingNothing(r *result.Result, m []string) []string {
	g, from, more := pacedLog(r), "1", ""
	if m[1] == "0" && g["2"] != nil {
		from, more = "2", " more"
	}
	if sooner(r, g, from, m[1]) != 0 {
		return []string{m[1], "something"}
	}
	return []string{m[1], more, risksOf(g[m[1]])}
}

// carried finds the closed-loop cell of a pair on the engine at the most clients of those
// that are compared, with nothing beside it.
func carried(r *result.Result, pair string) *result.Cell {
	var found *result.Cell
	plain := func(p *result.Params) bool { return p.LongView == "" && p.BackgroundIO == "" }
	any := len(cellsOf(r, func(p *result.Params) bool { return p.Target == "" && p.Load == result.LoadClosed && plain(p) })) > 0
	most := 0
	for _, c := range cellsOf(r, func(p *result.Params) bool {
		return p.Target == "" && p.SyncBinlog != nil && p.Load == result.LoadClosed && (plain(p) || !any)
	}) {
		most = max(most, c.Params.Clients)
		if fmt.Sprintf("%s/%d", c.Params.Policy, *c.Params.SyncBinlog) == pair && c.Params.Clients == most && (found == nil || found.Params.Clients < most) {
			found = c
		}
	}
	return found
}

func carriedBase(r *result.Result, m []string) []string {
	c := carried(r, m[1])
	return []string{m[1], Count(middle(speeds(c))), strconv.Itoa(c.Params.Clients)}
}

// carriedPair holds a pair against 1/1, or the first one of the most clients.
func carriedPair(r *result.Result, m []string) []string {
	c := carried(r, m[1])
	base := carried(r, "1/1")
	if base == nil || base.Params.Clients != c.Params.Clients {
		for _, x := range cellsOf(r, func(p *result.Params) bool {
			return p.Target == "" && p.SyncBinlog != nil && p.Load == result.LoadClosed && p.Clients == c.Params.Clients
		}) {
			base = x
			break
		}
	}
	a, b := speeds(base), speeds(c)
	return []string{m[1], fmt.Sprintf("%.2f", middle(b)/middle(a)), told(r, a, b)}
}
