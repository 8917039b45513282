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

// ComparisonName is the Name of the picture that Comparison returns.
const ComparisonName = "comparison"

// maxCompared bounds the rows of the picture.
const maxCompared = 40

// Comparison draws how b differs from a, which d has worked out: a row for each
// cell, with the interval of its change; the limit loop's own change above them;
// and behind them, in grey, what such rounds cannot tell from none. To the right is
// faster, for latencies too. Of more cells than fit those that differ come first.
// gate is the share of a gate that is to be marked, 0: none. It changes nothing in
// its arguments, of which only d must not be nil.
func Comparison(a, b *result.Result, d *stats.Diff, gate float64) Plot {
	p := comparisonOf(a, b, d, gate)
	p.width = pictureWidth
	if p.height == 0 {
		p.height = pictureHeight
	}
	if b != nil {
		p.footer = footer(b)
	}
	return *p
}

func comparisonOf(a, b *result.Result, d *stats.Diff, gate float64) *Plot {
	const question = "Is b faster or slower than a?"
	rows, left := comparedRows(d)
	if len(rows) == 0 {
		return placeholder(ComparisonName, question, "no cell of a has a partner with figures in b")
	}
	k := &comparedView{rows: rows, limits: limitRows(d), blur: blurOf(rows), gate: gate}
	about := []string{"filled: as measured", "hollow: each round divided by the limit loop of the same round"}
	if !slices.ContainsFunc(rows, func(r comparedRow) bool { return r.limited.known }) {
		about = []string{"over the rounds"}
	}
	if slices.ContainsFunc(d.Cells, func(c stats.CellDiff) bool { return c.LowIsGood }) {
		about = append(about, "right: faster, of latencies too")
	}
	if k.blur > 0 {
		about = append(about, fmt.Sprintf("grey: less than ±%.1f %%, which such rounds cannot tell from none", 100*(math.Exp(k.blur)-1)))
	}
	return &Plot{
		Name: ComparisonName, Title: comparedTitle(d, question),
		Alt:      strings.Join(append(verdict.Compare(d), comparedWords(rows)...), " "),
		subtitle: subtitle("Change of b against a, median and 95 % interval", strings.Join(about, ", "), sidesText(a, b), left),
		height:   150 + k.height(),
		body:     k.draw,
	}
}

// shift is a ratio of b to a with its interval, turned so that above 1 is faster.
type shift struct {
	known      bool // there is a ratio
	bounded    bool // there is an interval
	at, lo, hi float64
}

// changeOf returns what a comparison of one figure shows.
func changeOf(d *stats.Delta, lowIsGood bool) shift {
	if d == nil || !positive(d.Ratio) {
		return shift{}
	}
	c := shift{known: true, at: d.Ratio, lo: d.Ratio, hi: d.Ratio}
	if d.Confidence > 0 && positive(d.Lo) && positive(d.Hi) {
		c.bounded, c.lo, c.hi = true, d.Lo, d.Hi
	}
	if lowIsGood {
		c.at, c.lo, c.hi = 1/c.at, 1/c.hi, 1/c.lo
	}
	return c
}

// String shows the change in per cent with its interval.
func (c shift) String() string {
	if !c.bounded {
		return percentOf(c.at) + " %"
	}
	return fmt.Sprintf("%s %% (%s..%s)", percentOf(c.at), percentOf(c.lo), percentOf(c.hi))
}

// percentOf shows a ratio as a change: -20.0, +3.1, x12.
func percentOf(ratio float64) string {
	switch v := 100 * (ratio - 1); {
	case ratio >= 11:
		return "x" + factor(ratio)
	case math.Abs(v) >= 99.95:
		return fmt.Sprintf("%+.0f", v)
	case math.Abs(v) < 0.05:
		return "0.0"
	default:
		return fmt.Sprintf("%+.1f", v)
	}
}

// comparedRow is a cell, or a limit loop.
type comparedRow struct {
	name, under  string
	raw, limited shift
	figure       string // the change as measured, which for a latency is the inverse of raw
	look         look
	verdict      string
	reason       string // of the verdict; "": none is needed
}

// because is the verdict with its reason.
func (r *comparedRow) because() string {
	if r.reason == "" {
		return r.verdict
	}
	return r.verdict + ": " + r.reason
}

// outcomeLook is how an outcome looks: place and colour say the same.
func outcomeLook(o stats.Outcome) look {
	switch o {
	case stats.Slower:
		return look{colour: vermillion, mark: markTriangle}
	case stats.Faster:
		return look{colour: blue, mark: markCircle}
	case stats.Inconclusive:
		return look{colour: muted, mark: markCross}
	}
	return look{colour: muted, mark: markSquare}
}

// comparedRows returns the cells that can be drawn, and says what it leaves out.
func comparedRows(d *stats.Diff) (rows []comparedRow, left string) {
	cells := make([]*stats.CellDiff, 0, len(d.Cells))
	for i := range d.Cells {
		if changeOf(&d.Cells[i].Raw, false).known {
			cells = append(cells, &d.Cells[i])
		}
	}
	if len(cells) > maxCompared {
		rank := map[stats.Outcome]int{stats.Slower: 0, stats.Faster: 0, stats.Inconclusive: 1}
		slices.SortStableFunc(cells, func(a, b *stats.CellDiff) int {
			ra, oka := rank[a.Outcome]
			rb, okb := rank[b.Outcome]
			if !oka {
				ra = 2
			}
			if !okb {
				rb = 2
			}
			return cmp.Or(cmp.Compare(ra, rb), cmp.Compare(distance(b), distance(a)))
		})
		left = fmt.Sprintf("%d of %d cells, those that differ most", maxCompared, len(cells))
		cells = cells[:maxCompared]
	}
	for _, c := range cells {
		row := comparedRow{name: c.Name, under: figuresText(c), raw: changeOf(&c.Raw, c.LowIsGood), limited: changeOf(c.PerLimit, c.LowIsGood), look: outcomeLook(c.Outcome)}
		row.figure = changeOf(&c.Raw, false).String()
		row.verdict, row.reason = outcomeWords(c), c.Reason
		rows = append(rows, row)
	}
	return rows, left
}

// distance is how far a cell's change is from none.
func distance(c *stats.CellDiff) float64 {
	if !positive(c.Change) {
		return 0
	}
	return math.Abs(math.Log(c.Change))
}

// figuresText shows the two medians of a cell.
func figuresText(c *stats.CellDiff) string {
	show, unit := decimal, c.Metric
	if c.LowIsGood {
		show, unit = millis, c.Metric+", ms"
	}
	return fmt.Sprintf("%s: %s, then %s", unit, show(c.Raw.A.Median), show(c.Raw.B.Median))
}

func outcomeWords(c *stats.CellDiff) string {
	switch {
	case c.Outcome == stats.Inconclusive:
		return "cannot tell"
	case c.Outcome == stats.Noise && c.Reason == stats.ReasonDrift:
		return "the disk's drift"
	case c.Outcome == stats.Noise && c.Reason == stats.ReasonSetup:
		return "as its limit"
	case c.Outcome == stats.Noise:
		return "no difference"
	}
	return string(c.Outcome)
}

// limitRows are the limit loops, which say what the disks did between the runs.
func limitRows(d *stats.Diff) (rows []comparedRow) {
	add := func(name string, l *stats.Delta, drifted bool, setups []string) {
		c := changeOf(l, false)
		if !c.known {
			return
		}
		words := "did not drift"
		switch {
		case drifted && len(setups) > 0:
			words = "another setup"
		case drifted:
			words = "drifted"
		}
		rows = append(rows, comparedRow{
			name: name, under: fmt.Sprintf("flushes/s: %s, then %s", decimal(l.A.Median), decimal(l.B.Median)),
			raw: c, figure: c.String(), look: look{colour: ink, mark: markDiamond}, verdict: words,
		})
	}
	add("limit of the disk", d.Limit, d.Drifted, d.LimitSetups)
	add("limit of the binlog's disk", d.BinlogLimit, d.BinlogDrifted, d.BinlogLimitSetups)
	return rows
}

// blurOf is the change, as a logarithm, that rounds like these cannot tell from
// none: half the usual interval. 0: not known.
func blurOf(rows []comparedRow) float64 {
	var halves []float64
	for _, r := range rows {
		if r.raw.bounded {
			halves = append(halves, math.Log(r.raw.hi/r.raw.lo)/2)
		}
	}
	if len(halves) == 0 {
		return 0
	}
	return stats.Median(halves)
}

// comparedTitle is the finding.
func comparedTitle(d *stats.Diff, question string) string {
	if len(d.Blocked) > 0 {
		return "Nothing is claimed: b was measured on " + strings.Join(d.Blocked, " and ")
	}
	number, most := map[stats.Outcome]int{}, map[stats.Outcome]*stats.CellDiff{}
	for i := range d.Cells {
		c := &d.Cells[i]
		number[c.Outcome]++
		if w := most[c.Outcome]; w == nil || distance(c) > distance(w) {
			most[c.Outcome] = c
		}
	}
	judged := len(d.Cells) - number[stats.Inconclusive]
	var parts []string
	for _, o := range []stats.Outcome{stats.Slower, stats.Faster} {
		if c := most[o]; c != nil && positive(c.Change) {
			by := factor(c.Change) + " times"
			if c.Change < 2 {
				by = decimal(100*math.Abs(c.Change-1)) + " %"
			}
			parts = append(parts, fmt.Sprintf("%s in %d, by up to %s", o, number[o], by))
		}
	}
	switch {
	case judged == 0:
		return question
	case len(parts) == 0:
		return "No difference shows in " + count(judged, "cell")
	}
	return fmt.Sprintf("Of %s b is %s", count(judged, "cell"), strings.Join(parts, "; "))
}

// sidesText says when, and with which build, each side was measured.
func sidesText(a, b *result.Result) string {
	if a == nil || b == nil {
		return ""
	}
	side := func(r *result.Result) string {
		version, _, _ := strings.Cut(r.ToolVersion, ",")
		return strings.Join(nonEmpty([]string{r.Started.UTC().Format("2006-01-02 15:04"), version}), " ")
	}
	return fmt.Sprintf("a: %s, b: %s", side(a), side(b))
}

// comparedWords lists the rows in words, the first of them if there are many.
func comparedWords(rows []comparedRow) []string {
	const few = 10
	var out []string
	for _, r := range rows[:min(len(rows), few)] {
		out = append(out, fmt.Sprintf("%s: %s, %s.", r.name, r.figure, r.because()))
	}
	return out
}
