package plots

import "math"

// comparedView draws a comparison.
type comparedView struct {
	limits, rows []comparedRow
	blur         float64 // as blurOf
	gate         float64 // 0: none
}

// The height of a row: with one line of text, or with two.
const (
	comparedRowHeight = 40.0
	comparedRowTight  = 21.0
	comparedRoomy     = 14 // rows that get two lines
)

func (k *comparedView) tight() bool { return len(k.rows)+len(k.limits) > comparedRoomy }

func (k *comparedView) rowHeight() float64 {
	if k.tight() {
		return comparedRowTight
	}
	return comparedRowHeight
}

// height is what rows and axis take.
func (k *comparedView) height() float64 {
	return 70 + k.rowHeight()*float64(len(k.rows)+len(k.limits))
}

// scale returns the axis: per cent, or ratios where changes are large. of maps a
// ratio to it.
func (k *comparedView) scale() (x *scale, of func(float64) float64, name string) {
	lo, hi := math.Exp(-1.5*k.blur), math.Exp(1.5*k.blur)
	see := func(c shift) {
		if c.known {
			lo, hi = min(lo, c.lo), max(hi, c.hi)
		}
	}
	for _, rows := range [][]comparedRow{k.limits, k.rows} {
		for _, r := range rows {
			see(r.raw)
			see(r.limited)
		}
	}
	lo, hi = min(lo, 0.98, 1-1.1*k.gate), max(hi, 1.02)
	if lo > 0.3 && hi < 2 {
		return linear(100*(lo-1), 100*(hi-1), 7, func(v float64) string {
			if v > 0 {
				return "+" + plain(v)
			}
			return plain(v)
		}), func(r float64) float64 { return 100 * (r - 1) }, "change of b against a, %"
	}
	return logarithmic(lo, hi, plain), func(r float64) float64 { return r }, "b : a"
}

// draw draws the rows beneath each other.
func (k *comparedView) draw(c canvas, area box) {
	x, of, name := k.scale()
	all := len(k.rows) + len(k.limits)
	left, right := 0.0, labelText.width("the disk's drift")
	for _, rows := range [][]comparedRow{k.limits, k.rows} {
		for _, r := range rows {
			left = max(left, labelText.width(r.name))
			if k.tight() {
				right = max(right, labelText.width(r.verdict)+8+valueText.width(r.figure))
			} else {
				left = max(left, valueText.width(r.under))
				right = max(right, valueText.width(r.figure))
			}
		}
	}
	left = min(left, area.width()*0.38)
	p := newPanel(c, area, axes{
		x: x, y: &scale{lo: 0, hi: float64(all), to: identity}, xName: name, left: left + 16, right: min(right, area.width()*0.34) + labelGap, head: " ",
	})
	k.backdrop(p, of)
	for i, r := range append(append([]comparedRow{}, k.limits...), k.rows...) {
		row := p.py(float64(all-i) - 0.5)
		k.row(p, area, &r, row, of, left)
		if i+1 == len(k.limits) {
			y := p.py(float64(all - i - 1))
			p.line([]point{{area.left, y}, {area.right, y}}, stroke{colour: muted, width: 0.8, dash: []float64{2, 3}})
		}
	}
}

// backdrop draws what lies behind the rows: the band of no difference, the lines
// of the axis, no change at all, the limit's change and the gate.
func (k *comparedView) backdrop(p *panel, of func(float64) float64) {
	at := func(ratio float64) float64 { return p.px(of(ratio)) }
	if k.blur > 0 {
		p.open(group{class: "band", tip: "less than such rounds can tell from none"})
		p.fill(box{at(math.Exp(-k.blur)), p.data.top, at(math.Exp(k.blur)), p.data.bottom}.corners(), 0xececec)
		p.close()
	}
	for _, t := range p.x.ticks {
		p.line([]point{{p.px(t.value), p.data.top}, {p.px(t.value), p.data.bottom}}, stroke{colour: grid, width: 0.8})
	}
	p.line([]point{{at(1), p.data.top}, {at(1), p.data.bottom}}, stroke{colour: ink, width: 1.2})
	for _, r := range k.limits {
		p.line([]point{{at(r.raw.at), p.data.top}, {at(r.raw.at), p.data.bottom}}, stroke{colour: ink, width: 1, dash: []float64{2, 4}})
	}
	head := p.data.top - 9
	if k.gate > 0 {
		x := at(1 - k.gate)
		p.line([]point{{x, p.data.top}, {x, p.data.bottom}}, stroke{colour: vermillion, width: 1.4, dash: []float64{7, 4}})
		p.text(point{p.data.right + labelGap, head}, alignLeft, axisText.in(vermillion.mix(0, 0.22)), "dashed: gate, "+percentOf(1-k.gate)+" %")
	}
	if at(1)-p.data.left > axisText.width("< slower")+12 {
		p.text(point{at(1) - 8, head}, alignRight, axisText, "< slower")
	}
	if p.data.right-at(1) > axisText.width("faster >")+12 {
		p.text(point{at(1) + 8, head}, alignLeft, axisText, "faster >")
	}
}

// row draws one row around the height y.
func (k *comparedView) row(p *panel, area box, r *comparedRow, y float64, of func(float64) float64, left float64) {
	p.open(group{class: "series", name: r.name, tip: r.name + ": " + r.figure + ", " + r.because() + "; " + r.under})
	defer p.close()
	dark := labelText.in(r.look.label())
	name := dark.shrunk(r.name, left)
	x := p.data.right + labelGap
	if k.tight() {
		base := y + labelText.middle()
		p.text(point{area.left, base}, alignLeft, name, name.fit(r.name, left))
		p.text(point{x, base}, alignLeft, dark, r.verdict)
		beside := x + labelText.width(r.verdict) + 8
		p.text(point{beside, base}, alignLeft, valueText.in(muted), valueText.fit(r.figure, area.right-beside))
	} else {
		p.text(point{area.left, y - 3}, alignLeft, name, name.fit(r.name, left))
		p.text(point{area.left, y + 13}, alignLeft, valueText.in(muted), valueText.fit(r.under, left))
		p.text(point{x, y - 3}, alignLeft, dark, r.verdict)
		p.text(point{x, y + 13}, alignLeft, valueText.in(muted), valueText.fit(r.figure, area.right-x))
	}
	apart := 7.0
	if k.tight() {
		apart = 4
	}
	if !r.limited.known {
		apart = 0
	}
	size := 4.5
	if k.tight() {
		size = 3.4
	}
	if r.limited.known {
		hollow := r.look
		hollow.hollow = true
		k.interval(p, r.limited, y+apart, hollow, size, of)
	}
	k.interval(p, r.raw, y-apart, r.look, size+0.5, of)
}

// interval draws a change and its interval along a row.
func (k *comparedView) interval(p *panel, c shift, y float64, l look, size float64, of func(float64) float64) {
	thin := stroke{colour: l.colour.mix(paper, 0.25), width: 1.5}
	if c.bounded && usable(of(c.lo)) && usable(of(c.hi)) {
		from, to := p.px(of(c.lo)), p.px(of(c.hi))
		p.line([]point{{from, y}, {to, y}}, thin)
		p.line([]point{{from, y - 3.5}, {from, y + 3.5}}, thin)
		p.line([]point{{to, y - 3.5}, {to, y + 3.5}}, thin)
	}
	p.mark(point{p.px(of(c.at)), y}, l, size)
}
