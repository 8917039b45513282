package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// spreadOf is the distribution of one method's flushes.
type spreadOf struct {
	row  *result.ProbeRow
	bins []float64 // share of the flushes in each bin of the time axis
	most float64   // the largest of bins
}

// maxMethods bounds the rows of the picture.
const maxMethods = 12

// flushMethods draws how long a write and its flush take by each method, as
// probe measured them.
func flushMethods(v *view) *Plot {
	probe := v.r.Probe
	if probe == nil {
		return nil
	}
	const name = "flush-methods"
	const title = "How long does a flush take by each method?"
	rows, op, bytes := probeRows(probe)
	if len(rows) == 0 {
		return placeholder(name, title, "probe measured no method")
	}
	var seen extent
	for _, row := range rows {
		seen.see(float64(row.MeanNS)/1e6, float64(row.MaxNS)/1e6)
		if row.P50NS != nil {
			seen.see(float64(*row.P50NS) / 1e6)
		}
		seen.see(float64(fastest(row)) / 1e6)
	}
	if !seen.any {
		return placeholder(name, title, "no method has a latency")
	}
	x := logarithmic(seen.lo, seen.hi, plain)
	var spreads []spreadOf
	var alt []string
	finding := title
	for _, row := range rows {
		spreads = append(spreads, spreadIn(row, x))
		text := fmt.Sprintf("%s %s a second", row.Method, decimal(row.RatePerS))
		if row.P50NS != nil {
			text += fmt.Sprintf(", median %s ms", millis(float64(*row.P50NS)))
		}
		alt = append(alt, text)
		if row.Method == "fdatasync" && row.P50NS != nil {
			finding = fmt.Sprintf("A %s write and fdatasync take %s ms here", size(bytes), millis(float64(*row.P50NS)))
			if row.P99NS != nil {
				finding += fmt.Sprintf(" (p99 %s ms)", millis(float64(*row.P99NS)))
			}
		}
	}
	left := len(probe.Rows) - len(rows)
	note := ""
	if left > 0 {
		note = count(left, "more row") + " (sizes, operations) in result.json"
	}
	return &Plot{
		Name: name, Title: finding,
		Alt:      "Distribution of the time of a write and its flush, for each flush method, on a logarithmic axis. " + strings.Join(alt, "; ") + ".",
		subtitle: subtitle(fmt.Sprintf("probe: one thread, %s, %s", size(bytes), op), "area: how often; tick: median, ring: p99, line: to the longest", note),
		height:   150 + 44*float64(max(len(rows), 4)),
		body:     func(c canvas, area box) { drawSpreads(c, area, spreads, x) },
	}
}

// fastest returns the shortest flush of a row in nanoseconds, 0 if unknown.
func fastest(row *result.ProbeRow) int64 {
	h, err := result.RowHistogram(row)
	if err != nil {
		return 0
	}
	return h.Min()
}

// text words a row in figures.
func (s *spreadOf) text() string {
	parts := []string{fmt.Sprintf("%s: %s/s", methodName(s.row), decimal(s.row.RatePerS))}
	for _, q := range []struct {
		name string
		ns   *int64
	}{{"p50", s.row.P50NS}, {"p99", s.row.P99NS}, {"longest", &s.row.MaxNS}} {
		if q.ns != nil {
			parts = append(parts, q.name+" "+millis(float64(*q.ns))+" ms")
		}
	}
	return strings.Join(parts, ", ")
}

// probeRows returns the rows of the operation and size that most methods have:
// overwriting 4 KiB, as a rule.
func probeRows(p *result.Probe) (rows []*result.ProbeRow, op string, bytes int64) {
	type key struct {
		op    string
		bytes int64
	}
	n := map[key]int{}
	var order []key
	for i := range p.Rows {
		k := key{p.Rows[i].Op, p.Rows[i].SizeBytes}
		if n[k] == 0 {
			order = append(order, k)
		}
		n[k]++
	}
	if len(order) == 0 {
		return nil, "", 0
	}
	best := slices.MinFunc(order, func(a, b key) int { return cmp.Compare(n[b], n[a]) })
	for i := range p.Rows {
		if row := &p.Rows[i]; row.Op == best.op && row.SizeBytes == best.bytes && len(rows) < maxMethods {
			rows = append(rows, row)
		}
	}
	return rows, best.op, best.bytes
}

// spreadIn sorts the flushes of a row into bins of the axis. Each of 500
// equal parts of the flushes stands at its quantile.
func spreadIn(row *result.ProbeRow, x *scale) spreadOf {
	const bins, steps = 120, 500
	s := spreadOf{row: row, bins: make([]float64, bins)}
	h, err := result.RowHistogram(row)
	if err != nil || h.Count() == 0 {
		return s
	}
	for i := range steps {
		ns, ok := h.Quantile((float64(i) + 0.5) / steps)
		if ms := float64(ns) / 1e6; ok && positive(ms) {
			s.bins[min(int(x.at(ms)*bins), bins-1)] += 1.0 / steps
		}
	}
	smooth := make([]float64, bins)
	for i := range s.bins {
		weight := 0.0
		for d, w := range []float64{0.4, 0.24, 0.06} {
			for _, j := range []int{i - d, i + d} {
				if j >= 0 && j < bins {
					smooth[i] += s.bins[j] * w
					weight += w
				}
			}
		}
		smooth[i] /= weight
		s.most = max(s.most, smooth[i])
	}
	s.bins = smooth
	return s
}

func drawSpreads(c canvas, area box, spreads []spreadOf, x *scale) {
	left, right := 0.0, axisText.width("flushes/s")
	for _, s := range spreads {
		left = max(left, labelText.width(methodName(s.row)))
		right = max(right, valueText.width(decimal(s.row.RatePerS)))
	}
	n := float64(len(spreads))
	p := newPanel(c, area, axes{x: x, y: &scale{lo: 0, hi: n, to: identity}, xName: "one write and its flush, ms",
		left: left + 12, right: right + 14, head: " "})
	p.text(point{area.right, p.data.top - 9}, alignRight, axisText, "per second")
	for _, t := range x.ticks {
		p.line([]point{{p.px(t.value), p.data.top}, {p.px(t.value), p.data.bottom}}, stroke{colour: grid, width: 0.8})
	}
	each := p.data.height() / n
	for i, s := range spreads {
		p.spread(&s, p.data.top+float64(i+1)*each-each*0.18, each*0.7, area)
	}
}

// methodName marks the controls that never flush.
func methodName(row *result.ProbeRow) string {
	if !row.Durable {
		return row.Method + " (unsafe)"
	}
	return row.Method
}

// spread draws a row: the distribution as a hill on its base line.
func (p *panel) spread(s *spreadOf, base, height float64, area box) {
	l := look{colour: blue, mark: markCircle, hollow: true}
	if !s.row.Durable {
		l.colour = muted
	}
	p.open(group{class: "series", name: s.row.Method,
		tip: s.text()})
	defer p.close()
	middle := base - height*0.3
	p.text(point{area.left, middle + labelText.middle()}, alignLeft, labelText.in(l.label()), methodName(s.row))
	p.text(point{area.right, middle + valueText.middle()}, alignRight, valueText, decimal(s.row.RatePerS))
	if s.most > 0 {
		var hill []point
		for i, share := range s.bins {
			if share > 0 {
				at := p.data.left + (float64(i)+0.5)/float64(len(s.bins))*p.data.width()
				if hill == nil {
					hill = append(hill, point{at, base})
				}
				// The root keeps the rare ones visible beside the many.
				hill = append(hill, point{at, base - math.Sqrt(share/s.most)*height})
			}
		}
		hill = append(hill, point{hill[len(hill)-1].x, base})
		p.fill(hill, l.colour.mix(paper, 0.62))
		p.line(hill, stroke{colour: l.colour, width: 1})
	}
	if longest := float64(s.row.MaxNS) / 1e6; positive(longest) && s.row.P99NS != nil && positive(float64(*s.row.P99NS)) {
		from, to := p.px(float64(*s.row.P99NS)/1e6), p.px(longest)
		p.line([]point{{from, base}, {to, base}}, stroke{colour: l.colour, width: 1.4})
		p.line([]point{{to, base - 4}, {to, base + 4}}, stroke{colour: l.colour, width: 1.4})
		p.mark(point{from, base}, l, 4)
	}
	if s.row.P50NS != nil && positive(float64(*s.row.P50NS)) {
		at := p.px(float64(*s.row.P50NS) / 1e6)
		p.line([]point{{at, base + 3}, {at, base - height}}, stroke{colour: ink, width: 1.8})
	}
}
