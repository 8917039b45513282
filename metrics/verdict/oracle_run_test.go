package verdict

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/result"
)

// pick returns the candidate that says what m does, else the first: where a sentence
// speaks of one of several cells, any of them will do.
func pick(m []string, candidates ...[]string) []string {
	for _, c := range candidates {
		if slices.Equal(c, m[1:]) {
			return c
		}
	}
	if len(candidates) == 0 {
		return []string{"of nothing"}
	}
	return candidates[0]
}

func rateOf(g map[string]*result.Cell) string {
	for _, c := range g {
		return Count(c.Params.Rate)
	}
	return "no rate"
}

// median is the middle of what rounds have; no: none has it.
func medianOf(c *result.Cell, of func(*result.Round) (float64, bool)) (float64, bool) {
	var v []float64
	for i := range c.Rounds {
		if x, ok := of(&c.Rounds[i]); ok {
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return 0, false
	}
	return middle(v), true
}

func tpsOf(c *result.Cell) float64 { return middle(speeds(c)) }

// p99s are those of the rounds.
func p99s(c *result.Cell) (v []float64) {
	for _, x := range c.Rounds {
		if x.LatencyNS.P99 != nil {
			v = append(v, float64(*x.LatencyNS.P99))
		}
	}
	return v
}

// worstRisk is the worst of all rounds of a crash kind, and whether anybody looked.
func worstRisk(c *result.Cell, of func(*result.AtRisk) result.Risk) (k result.Risk, seen bool) {
	for _, x := range c.Rounds {
		if x.AtRisk == nil {
			continue
		}
		y := of(x.AtRisk)
		seen = true
		k.CommitsMax, k.AgeNSMax, k.Truncated = max(k.CommitsMax, y.CommitsMax), max(k.AgeNSMax, y.AgeNSMax), k.Truncated || y.Truncated
		k.EngineAheadMax, k.BinlogAheadMax = max(k.EngineAheadMax, y.EngineAheadMax), max(k.BinlogAheadMax, y.BinlogAheadMax)
	}
	return k, seen
}

// crashKindsOf are what a crash may be, from the mildest on.
var crashKindsOf = []struct {
	name string
	of   func(*result.AtRisk) result.Risk
}{
	{"a process crash", func(a *result.AtRisk) result.Risk { return a.Process }},
	{"a kernel crash", func(a *result.AtRisk) result.Risk { return a.OS }},
	{"a power cut", func(a *result.AtRisk) result.Risk { return a.Power }},
}

// risksOf says what a crash may take, kind by kind; of kinds with one window the last.
func risksOf(c *result.Cell) string {
	var texts, names []string
	for i, k := range crashKindsOf {
		worst, seen := worstRisk(c, k.of)
		if !seen {
			return "what was at risk was not measured"
		}
		if worst.CommitsMax == 0 && !worst.Truncated {
			continue
		}
		names = append(names, k.name)
		joined := false
		for _, later := range crashKindsOf[i+1:] {
			y, _ := worstRisk(c, later.of)
			if y.CommitsMax == 0 && !y.Truncated {
				continue
			}
			joined = Span(y.AgeNSMax) == Span(worst.AgeNSMax)
			break
		}
		if joined {
			continue
		}
		least := ""
		if worst.Truncated {
			least = "at least "
		}
		verb := ""
		if len(texts) == 0 {
			verb = "may take "
		}
		who := names[0]
		switch len(names) {
		case 2:
			who = names[0] + " or " + names[1]
		case 3:
			who = names[0] + ", " + names[1] + " or " + names[2]
		}
		texts = append(texts, fmt.Sprintf("%s %s%sthe last %s (%s commits)", who, verb, least, Span(worst.AgeNSMax), Count(float64(worst.CommitsMax))))
		names = nil
	}
	if texts == nil {
		return "nothing was at risk"
	}
	text := strings.Join(texts, ", ")
	if c.Params.NoTimer {
		text += "; there is no timer, so that grows until something else flushes"
	}
	return text
}

// atTheMost is what a commit takes under policy 1 at the most clients: time, rate, clients.
func atTheMost(r *result.Result) []string {
	var most *result.Cell
	for _, c := range cellsOf(r, func(p *result.Params) bool { return p.Load == result.LoadClosed && p.Policy == "1" }) {
		if c.Bound == result.BoundFlush && (most == nil || c.Params.Clients > most.Params.Clients) {
			most = c
		}
	}
	if most == nil {
		return []string{"", "", ""}
	}
	ns, ok := medianOf(most, func(x *result.Round) (float64, bool) {
		if x.LatencyNS.P50 == nil {
			return 0, false
		}
		return float64(*x.LatencyNS.P50), true
	})
	if !ok {
		return []string{"", "", ""}
	}
	return []string{Milliseconds(ns), Count(Significant(tpsOf(most), 3)), strconv.Itoa(most.Params.Clients)}
}

func riskOf(r *result.Result, m []string) []string {
	g := pacedLog(r)
	if g[m[1]] == nil {
		return []string{"nobody measured " + m[1]}
	}
	return []string{m[1], rateOf(g), risksOf(g[m[1]])}
}

func aloneOf1(r *result.Result, _ []string) []string {
	g := pacedLog(r)
	var v []float64
	for _, ns := range times(g, "1") {
		v = append(v, ns)
	}
	return slices.Concat([]string{Milliseconds(middle(v)), rateOf(g)}, atTheMost(r), []string{risksOf(g["1"])})
}

func notKeptUp(r *result.Result, _ []string) []string {
	g := pacedLog(r)
	if tpsOf(g["1"]) >= 0.97*g["1"].Params.Rate {
		return []string{"it did"}
	}
	return []string{Count(tpsOf(g["1"])), rateOf(g)}
}

func methodOf1(r *result.Result, _ []string) []string {
	return []string{pacedLog(r)["1"].Params.FlushMethod}
}

func combinations(r *result.Result, _ []string) []string {
	all, chosen := pacedGroups(r), pacedLog(r)
	for _, c := range chosen {
		return []string{strconv.Itoa(len(all)), Count(c.Params.Rate), strconv.Itoa(c.Params.Clients), cmp.Or(c.Params.Target, c.Params.FlushMethod)}
	}
	return nil
}

func failedRound(r *result.Result, m []string) []string {
	var all [][]string
	for _, c := range r.Cells {
		for _, x := range c.Rounds {
			if x.Verify != nil && !x.Verify.OK {
				all = append(all, []string{c.Name, strconv.Itoa(x.Round), strings.TrimSuffix(x.Verify.Error, ".")})
			}
		}
	}
	return pick(m, all...)
}

func slowedBy(r *result.Result, _ []string) []string {
	return []string{Milliseconds(float64(r.Limit.AddedFlushNS))}
}

// whoIs names a cell's setting, with its server.
func whoIs(p *result.Params) string {
	text := "policy " + p.Policy
	if p.SyncBinlog != nil {
		text = p.Policy + "/" + strconv.Itoa(*p.SyncBinlog)
	}
	return text
}

func targetAnd(p *result.Params) string { return strings.TrimPrefix(p.Target+" "+whoIs(p), " ") }

// pacedPairs are the paced cells with a binlog, behind their rate or not.
func pacedPairs(r *result.Result, behind bool) (all []*result.Cell) {
	for _, c := range cellsOf(r, func(p *result.Params) bool { return p.SyncBinlog != nil && p.Load == result.LoadPaced }) {
		if (tpsOf(c) < 0.97*c.Params.Rate) == behind {
			all = append(all, c)
		}
	}
	return all
}

func pairBehind(r *result.Result, m []string) []string {
	var all [][]string
	for _, c := range pacedPairs(r, true) {
		all = append(all, []string{targetAnd(&c.Params), Count(c.Params.Rate), strconv.Itoa(c.Params.Clients), Count(tpsOf(c))})
	}
	return pick(m, all...)
}

func pairRisk(r *result.Result, m []string) []string {
	var all [][]string
	for _, c := range pacedPairs(r, false) {
		p50 := ""
		if ns, ok := medianOf(c, func(x *result.Round) (float64, bool) {
			if x.LatencyNS.P50 == nil {
				return 0, false
			}
			return float64(*x.LatencyNS.P50), true
		}); ok {
			p50 = Milliseconds(ns)
		}
		all = append(all, []string{targetAnd(&c.Params), Count(c.Params.Rate), strconv.Itoa(c.Params.Clients), p50, risksOf(c) + aheadOf(c)})
	}
	return pick(m, all...)
}

// aheadOf says which log a crash may leave ahead, by the kind that leaves the most.
func aheadOf(c *result.Cell) (text string) {
	var engine, binlog int64
	for _, k := range crashKindsOf {
		if w, seen := worstRisk(c, k.of); seen && w.EngineAheadMax+w.BinlogAheadMax > engine+binlog {
			engine, binlog = w.EngineAheadMax, w.BinlogAheadMax
		}
	}
	if engine > 0 {
		text = "; up to " + Count(float64(engine)) + " only in the engine (replicas lack them)"
	}
	if binlog > 0 {
		text += map[bool]string{true: ", ", false: "; "}[engine > 0] + "up to " + Count(float64(binlog)) + " only in the binlog (replicas have them)"
	}
	return text
}

// plainBeside holds the cell that vary picks against the one beside which nothing was:
// the ratio and its hedge.
func plainBeside(r *result.Result, vary func(*result.Params) bool) (with, without *result.Cell, ratio, hedge string) {
	with = cellsOf(r, vary)[0]
	for _, c := range cellsOf(r, func(p *result.Params) bool { return p.LongView == "" && p.BackgroundIO == "" }) {
		without = c
		break
	}
	if without == nil {
		return with, nil, "", ""
	}
	a, b := speeds(without), speeds(with)
	of := 0.0
	if middle(a) != 0 {
		of = middle(b) / middle(a)
	}
	return with, without, fmt.Sprintf("%.2f", of), told(r, a, b)
}

func viewRatio(r *result.Result, _ []string) []string {
	c, _, ratio, hedge := plainBeside(r, func(p *result.Params) bool { return p.LongView != "" })
	held := "for " + c.Params.LongView
	if c.Params.LongView == "hold" {
		held = "to the end"
	}
	most := int64(0)
	for _, x := range c.Rounds {
		most = max(most, x.Database.HistoryLengthMax)
	}
	return []string{held, whoIs(&c.Params), Count(float64(most)), ratio, hedge}
}

func besideRatio(r *result.Result, _ []string) []string {
	c, _, ratio, hedge := plainBeside(r, func(p *result.Params) bool { return p.BackgroundIO != "" })
	return []string{c.Params.BackgroundIO, whoIs(&c.Params), ratio, hedge}
}

func besideP99(r *result.Result, _ []string) []string {
	c, plain, _, _ := plainBeside(r, func(p *result.Params) bool { return p.BackgroundIO != "" })
	return []string{c.Params.BackgroundIO, whoIs(&c.Params), Milliseconds(middle(p99s(c))), Count(c.Params.Rate), Milliseconds(middle(p99s(plain))), told(r, p99s(plain), p99s(c))}
}

// baseFor is what a closed-loop cell of a target is compared with: policy 1 with
// sync_binlog 1, or else with its own. It may be the cell itself; nil: there is none.
func baseFor(r *result.Result, c *result.Cell) *result.Cell {
	if c.Params.SyncBinlog == nil {
		return baseWithout(r, c)
	}
	for _, sync := range []int{1, *c.Params.SyncBinlog} {
		for _, b := range cellsOf(r, func(p *result.Params) bool {
			return p.Target == c.Params.Target && p.Load == result.LoadClosed && p.SyncBinlog != nil && p.Policy == "1" && *p.SyncBinlog == sync && p.Clients == c.Params.Clients
		}) {
			if tpsOf(b) > 0 {
				return b
			}
		}
	}
	return nil
}

// baseWithout is the same of one log: policy 1.
func baseWithout(r *result.Result, c *result.Cell) *result.Cell {
	for _, b := range closedOf(r, c.Params.Target) {
		if b.Params.SyncBinlog == nil && b.Params.Policy == "1" && b.Params.Clients == c.Params.Clients {
			return b
		}
	}
	return nil
}

// closedOf are the closed-loop cells of a target that carried something.
func closedOf(r *result.Result, target string) (all []*result.Cell) {
	for _, c := range cellsOf(r, func(p *result.Params) bool {
		return p.Target == target && p.Load == result.LoadClosed
	}) {
		if tpsOf(c) > 0 {
			all = append(all, c)
		}
	}
	return all
}

func carriedServer(r *result.Result, m []string) []string {
	most := 0
	all := closedOf(r, m[1])
	for _, c := range all {
		most = max(most, c.Params.Clients)
	}
	var said [][]string
	for _, base := range all {
		if base.Params.Clients != most || baseFor(r, base) != base {
			continue
		}
		tail := ""
		for _, c := range all {
			if c != base && c.Params.Clients == most && baseFor(r, c) == base {
				tail += fmt.Sprintf(", %s %.2f times as many%s", whoIs(&c.Params), tpsOf(c)/tpsOf(base), told(r, speeds(base), speeds(c)))
			}
		}
		said = append(said, []string{m[1], whoIs(&base.Params), Count(Significant(tpsOf(base), 3)), strconv.Itoa(most), tail})
	}
	return pick(m, said...)
}

// engineBesideOf computes how far ratios lie apart; how sure the worst is, is tried by
// TestSideBySideHedges and by the worlds within the noise.
func engineBesideOf(r *result.Result, m []string) []string {
	var off []float64
	var worst *result.Cell
	most := 0.0
	for _, c := range closedOf(r, m[2]) {
		base := baseFor(r, c)
		if base == nil || base == c {
			continue
		}
		for _, e := range closedOf(r, "") {
			eb := baseFor(r, e)
			if whoIs(&e.Params) != whoIs(&c.Params) || e.Params.Clients != c.Params.Clients {
				continue
			}
			if eb == nil || eb == e {
				break
			}
			x := (tpsOf(e)/tpsOf(eb))/(tpsOf(c)/tpsOf(base)) - 1
			off = append(off, math.Abs(x))
			if worst == nil || math.Abs(x) > math.Abs(most) {
				worst, most = c, x
			}
			break
		}
	}
	if worst == nil {
		return []string{"nothing beside"}
	}
	return []string{fmt.Sprintf("%.0f", 100*middle(off)), m[2], strconv.Itoa(len(off)), fmt.Sprintf("%+.0f", 100*most),
		whoIs(&worst.Params), whoIs(&baseFor(r, worst).Params), strconv.Itoa(worst.Params.Clients), m[8]}
}

// circleFigures computes the sentence of one circle of redo logs.
func circleFigures(r *result.Result, m []string) []string {
	var all [][]string
	seen := map[string]bool{}
	for _, c := range r.Cells {
		if who := "policy " + c.Params.Policy; !seen[who] && len(c.Rounds) > 0 {
			seen[who] = true
			out := circleOfLoad(r, c.Params.Policy)
			out[0] = m[1] // whose they are is said where loads differ
			if m[1] == "" || strings.Contains(m[1], fmt.Sprintf("%s, %d clients", who, c.Params.Clients)) {
				all = append(all, out)
			}
		}
	}
	return pick(m, all...)
}

func circleOfLoad(r *result.Result, policy string) []string {
	cells := cellsOf(r, func(p *result.Params) bool { return p.Policy == policy })
	slices.SortStableFunc(cells, func(a, b *result.Cell) int { return cmp.Compare(a.Params.LogCapacityBytes, b.Params.LogCapacityBytes) })
	last := cells[len(cells)-1]
	med := func(c *result.Cell, of func(*result.Round) float64) float64 {
		v, _ := medianOf(c, func(x *result.Round) (float64, bool) { return of(x), true })
		return v
	}
	waited := func(c *result.Cell) float64 {
		return med(c, func(x *result.Round) float64 {
			return float64(max(x.Database.FreeCheckNS, x.Stalls.LogNS)) / (x.DurationS * 1e9 * float64(c.Params.Clients))
		})
	}
	laps := func(c *result.Cell) float64 {
		return med(c, func(x *result.Round) float64 {
			return float64(x.Database.RedoBytes) / float64(c.Params.LogCapacityBytes)
		})
	}
	slower := func(c *result.Cell) (bool, string) {
		hedge := told(r, speeds(last), speeds(c))
		return hedge == "" && tpsOf(c) < tpsOf(last), strings.Trim(cmp.Or(hedge, " (faster)"), " ()")
	}
	var tight []*result.Cell
	var enough *result.Cell
	for _, c := range cells {
		less, _ := slower(c)
		switch {
		case waited(c) >= 0.01 || laps(c) >= 1 && less:
			tight, enough = append(tight, c), nil
		case laps(c) >= 1 && enough == nil:
			enough = c
		}
	}
	out := make([]string, 19)
	size := func(c *result.Cell) string { return Size(c.Params.LogCapacityBytes) }
	figure := func(i int, text string) { out[i-1] = text }
	if len(tight) > 0 {
		c := tight[0]
		if waited(c) > 0 {
			figure(2, size(c))
			figure(3, Decimal(100*waited(c)))
		} else {
			figure(4, size(c))
		}
		if c != last {
			if less, outcome := slower(c); less {
				figure(5, Count(Significant(tpsOf(c), 3)))
				figure(6, Count(Significant(tpsOf(last), 3)))
				figure(7, size(last))
			} else {
				figure(8, size(last))
				figure(9, outcome)
			}
			figure(11, Milliseconds(middle(p99s(last))))
			figure(12, told(r, p99s(last), p99s(c)))
		}
		figure(10, Milliseconds(middle(p99s(c))))
		if also := tight[len(tight)-1]; also != c {
			figure(13, size(also))
		}
	}
	if enough != nil {
		at := 14
		if len(tight) == 0 {
			at = 17
		}
		figure(at, size(enough))
		figure(at+1, Count(Significant(tpsOf(enough), 3)))
		figure(at+2, Decimal(med(enough, func(x *result.Round) float64 { return float64(x.Database.RedoBytes) / x.DurationS })/1e6))
	}
	return out
}
