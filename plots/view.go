package plots

import (
	"cmp"
	"fmt"
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
	// Loads that a search tried say nothing of how settings compare at one load, and
	// its closed loop only told it where to begin.
	searched := r.Sweep != nil && r.Sweep.Over == result.SweepOverRate
	for i := range r.Cells {
		switch c := &r.Cells[i]; {
		case len(stats.FullRounds(c)) == 0, searched:
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
	if gathers(p) {
		name += " " + gathering(p)
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

// drawn returns the lines that a picture shows, policies in turn, and says how many
// it leaves out; "" when it shows all.
func drawn(all []line) (shown []line, left string) {
	shown = inTurn(all, maxLines, func(l *line) string { return l.cells[0].Params.Policy })
	return shown, notDrawn(len(all)-len(shown), "more setting")
}

// notDrawn says that n things are left out of a picture; "" for none.
func notDrawn(n int, what string) string {
	if n <= 0 {
		return ""
	}
	return count(n, what) + " not drawn"
}

// inTurn picks at most n of all, in their order: the first of each policy, then the
// second of each, and so on.
func inTurn[T any](all []T, n int, policy func(*T) string) []T {
	if len(all) <= n {
		return all
	}
	type turn struct{ at, nth int }
	turns := make([]turn, len(all))
	seen := map[string]int{}
	for i := range all {
		p := policy(&all[i])
		turns[i] = turn{i, seen[p]}
		seen[p]++
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return cmp.Compare(a.nth, b.nth) })
	turns = turns[:n]
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Compare(a.at, b.at) })
	out := make([]T, 0, n)
	for _, t := range turns {
		out = append(out, all[t.at])
	}
	return out
}

// ending adds a sentence to a description; "": nothing.
func ending(sentence string) string {
	if sentence == "" {
		return ""
	}
	return " " + capital(sentence) + "."
}

// lines collects the cells into series, all of them.
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

// everyCommit reports whether a commit waits for a flush of the log.
func everyCommit(p *result.Params) bool { return p.Policy == "1" || p.Policy == "3" }

// starred explains the stars; "" where there is none.
func starred(lines []line) string {
	for _, l := range lines {
		for i := range l.cells {
			if verdict.NoGuide(l.cells[i].Cell) {
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
func (e *extent) scale() *scale { return logarithmic(e.lo/1.25, e.hi*1.25, plain) }

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
