package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// cell is a cell with what its rounds say.
type cell struct {
	*result.Cell
	sum *result.Summary
}

// view is what the pictures of one result share: which cells they show.
//
// A matrix may have hundreds of cells. Every picture shows the cells of one
// combination of the axes beside policy, clients, gathering and sync_binlog,
// and says which, so that two points of a picture never differ in something
// that the reader does not see.
type view struct {
	r      *result.Result
	closed choice // as fast as it goes
	paced  choice // at the same rate for all
	limit  float64
	noise  float64
}

// choice is one combination and what was left out for it.
type choice struct {
	cells  []cell
	others int      // combinations that are not shown
	named  []string // the values of the axes in which they differ
}

func newView(r *result.Result) *view {
	v := &view{r: r}
	if r.Limit != nil {
		if positive(r.Limit.FlushPerS.Median) {
			v.limit = r.Limit.FlushPerS.Median
		}
		if usable(r.Limit.Spread) {
			v.noise = r.Limit.Spread
		}
	}
	var closed, paced []*result.Cell
	for i := range r.Cells {
		switch c := &r.Cells[i]; {
		case len(c.Rounds) == 0:
		case c.Params.Load == result.LoadPaced:
			paced = append(paced, c)
		default:
			closed = append(closed, c)
		}
	}
	v.closed = choose(closed, closedKey)
	v.paced = choose(paced, pacedKey)
	return v
}

// closedKey clears what the pictures of the closed loop show.
func closedKey(p result.Params) result.Params {
	p.Policy, p.Policy0Style, p.SyncBinlog = "", "", nil
	p.GroupDelay, p.GroupCount, p.Clients = "", 0, 0
	return ofAnyLength(p)
}

// pacedKey clears what the pictures of paced cells show: cells of different
// rates or clients are not comparable.
func pacedKey(p result.Params) result.Params {
	p.Policy, p.Policy0Style, p.SyncBinlog = "", "", nil
	return ofAnyLength(p)
}

// ofAnyLength clears how long a cell was measured, and what equals nothing, not
// even itself.
func ofAnyLength(p result.Params) result.Params {
	p.DurationS, p.WarmupNS = 0, 0
	for _, f := range []*float64{&p.Rate, &p.ReadShare, &p.RollbackShare} {
		if math.IsNaN(*f) {
			*f = 0
		}
	}
	return p
}

// choose returns the combination that has most policies, then most cells, then
// comes first.
func choose(cells []*result.Cell, key func(result.Params) result.Params) choice {
	var order []result.Params
	groups := map[result.Params][]*result.Cell{}
	for _, c := range cells {
		k := key(c.Params)
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], c)
	}
	if len(order) == 0 {
		return choice{}
	}
	policies := func(k result.Params) int {
		seen := map[string]bool{}
		for _, c := range groups[k] {
			seen[c.Params.Policy] = true
		}
		return len(seen)
	}
	best := slices.MinFunc(order, func(a, b result.Params) int {
		return cmp.Or(cmp.Compare(policies(b), policies(a)), cmp.Compare(len(groups[b]), len(groups[a])))
	})
	out := choice{others: len(order) - 1}
	for _, c := range groups[best] {
		out.cells = append(out.cells, cell{c, stats.SummarizeCell(c)})
	}
	for _, name := range axisNames {
		if slices.ContainsFunc(order, func(k result.Params) bool { return name(&k) != name(&best) }) {
			out.named = append(out.named, name(&best))
		}
	}
	return out
}

// axisNames tell the axes apart in which combinations differ.
var axisNames = []func(*result.Params) string{
	func(p *result.Params) string { return p.Workload },
	func(p *result.Params) string {
		if p.Rate <= 0 {
			return ""
		}
		return decimal(p.Rate) + "/s"
	},
	func(p *result.Params) string { return count(p.Clients, "client") },
	func(p *result.Params) string { return p.FlushMethod },
	func(p *result.Params) string { return p.Growth },
	func(p *result.Params) string { return "log buffer " + p.LogBuffer + " " + size(p.LogBufferBytes) },
	func(p *result.Params) string { return "log capacity " + size(p.LogCapacityBytes) },
	func(p *result.Params) string { return "group commit " + p.GroupCommit },
	func(p *result.Params) string { return p.ClientMode },
	func(p *result.Params) string { return "tail " + p.Tail },
	func(p *result.Params) string { return size(p.RecordBytes) + " a record" },
	func(p *result.Params) string { return "interval " + verdict.Span(p.FlushIntervalNS) },
	func(p *result.Params) string { return "think time " + verdict.Span(p.ThinkTimeNS) },
	func(p *result.Params) string { return "flushes at least " + verdict.Span(p.AddedFlushNS) },
	func(p *result.Params) string { return fmt.Sprintf("%d rows", p.Rows) },
	func(p *result.Params) string { return "keys " + p.KeyDistribution },
	func(p *result.Params) string { return "pool " + size(p.BufferPoolBytes) },
	func(p *result.Params) string { return p.BinlogFormat },
}

// about says what was measured, for a subtitle.
func (ch *choice) about() string {
	if len(ch.cells) == 0 {
		return ""
	}
	p := &ch.cells[0].Params
	parts := []string{"workload " + p.Workload}
	if p.Rows > 0 {
		parts = append(parts, verdict.Count(float64(p.Rows))+" rows")
	} else if p.RecordBytes > 0 {
		parts = append(parts, size(p.RecordBytes)+" a commit")
	}
	parts = append(parts, p.FlushMethod)
	if p.AddedFlushNS > 0 {
		parts = append(parts, "flushes slowed on purpose to "+millis(float64(p.AddedFlushNS))+" ms")
	}
	return strings.Join(nonEmpty(parts), ", ")
}

// rounds says what the points and bars are.
func (ch *choice) rounds() string {
	n := 0
	for _, c := range ch.cells {
		n = max(n, c.sum.TPS.N)
	}
	if n < 2 {
		return "one round, so no range"
	}
	return fmt.Sprintf("median of %d rounds, bars:\u00a0lowest..highest", n)
}

// rest says what was left out; "" when nothing was.
func (ch *choice) rest() string {
	if ch.others == 0 {
		return ""
	}
	text := "shown: " + strings.Join(nonEmpty(ch.named), ", ")
	if len(ch.named) == 0 {
		text = "shown: the first"
	}
	return fmt.Sprintf("%s; %s in result.json", text, count(ch.others, "more combination"))
}

// subtitle joins the parts that are there.
func subtitle(parts ...string) string { return strings.Join(nonEmpty(parts), "; ") }

// seriesName names a cell's series: policy or pair, and gathering.
func seriesName(p *result.Params) string {
	name := "policy " + p.Policy
	if p.SyncBinlog != nil {
		name = fmt.Sprintf("%s/%d", p.Policy, *p.SyncBinlog)
	}
	if p.Policy == "0" && p.Policy0Style != "" && p.Policy0Style != "classic" {
		name += " " + p.Policy0Style
	}
	switch {
	case !gathers(p):
	case p.GroupDelay == "adaptive":
		name += " gather"
	default:
		name += " delay " + p.GroupDelay
	}
	return name
}

// rank orders the series: the safest policy first.
func rank(p *result.Params) int {
	policy := map[string]int{"1": 0, "3": 1, "2": 2, "0": 3}
	at, ok := policy[p.Policy]
	if !ok {
		at = 4
	}
	at *= 1000
	if n := p.SyncBinlog; n != nil {
		switch {
		case *n == 0:
			at += 500
		default:
			at += min(max(*n, 0), 499)
		}
	}
	if gathers(p) {
		at++
	}
	return at
}

// line is a series of cells over clients.
type line struct {
	name  string
	look  look
	cells []cell // by clients, ascending; one each
}

// maxLines bounds the lines of a picture: more cannot be told apart.
const maxLines = 9

// lines collects the cells into series.
func (ch *choice) lines() []line {
	sorted := slices.Clone(ch.cells)
	slices.SortStableFunc(sorted, func(a, b cell) int {
		return cmp.Or(cmp.Compare(rank(&a.Params), rank(&b.Params)), cmp.Compare(a.Params.Clients, b.Params.Clients))
	})
	var out []line
	at := map[string]int{}
	for _, c := range sorted {
		name := seriesName(&c.Params)
		i, ok := at[name]
		if !ok {
			if len(out) == maxLines {
				continue
			}
			i = len(out)
			at[name] = i
			out = append(out, line{name: name, look: lookOf(&c.Params)})
		}
		l := &out[i]
		if n := len(l.cells); n > 0 && l.cells[n-1].Params.Clients >= c.Params.Clients {
			continue // the same again: the first one counts
		}
		l.cells = append(l.cells, c)
	}
	return out
}

// clients returns the numbers of clients of the cells, for an axis.
func clients(lines []line) []float64 {
	var out []float64
	for _, l := range lines {
		for _, c := range l.cells {
			if c.Params.Clients > 0 {
				out = append(out, float64(c.Params.Clients))
			}
		}
	}
	return out
}

// noGuide reports whether a cell says nothing about a server: under policies 0
// and 2 without think time the CPU, the memory or the log's size set the pace.
func noGuide(c *cell) bool {
	if c.Params.Policy == "1" || c.Params.Load == result.LoadPaced {
		return false
	}
	switch c.Bound {
	case result.BoundCPU, result.BoundBandwidth, result.BoundLogBuffer, result.BoundLogCapacity:
		return true
	}
	return false
}

// starred explains the stars; "" where there is none.
func starred(lines []line) string {
	for _, l := range lines {
		for i := range l.cells {
			if noGuide(&l.cells[i]) {
				return "*\u00a0limited by CPU or memory: no guide to a server"
			}
		}
	}
	return ""
}

// extent is the range of positive figures seen.
type extent struct {
	lo, hi float64
	any    bool
}

// scale returns a logarithmic scale with a little room at both ends, so that
// no marker stands on the frame.
func (e *extent) scale() *scale { return logarithmic(e.lo/1.1, e.hi*1.1, plain) }

func (e *extent) see(values ...float64) {
	for _, v := range values {
		if !positive(v) {
			continue
		}
		if !e.any {
			e.lo, e.hi, e.any = v, v, true
		}
		e.lo, e.hi = min(e.lo, v), max(e.hi, v)
	}
}
