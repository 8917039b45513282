package plots

import (
	"math"
	"slices"
)

// panel is one pair of axes.
type panel struct {
	canvas
	data box // where values stand
	x, y *scale
}

// axes is how a panel's axes are drawn.
type axes struct {
	x, y         *scale
	xName, yName string  // with the unit; "": none
	head         string  // of the panel, in bold; "": none
	right        float64 // room for labels behind the last point
	left         float64 // least room for the texts of the y axis
	hideX        bool    // no texts below
}

// heads returns how much room a panel takes above its data.
func (a *axes) heads() float64 {
	h := 6.0
	if a.head != "" {
		h += 17
	}
	if a.yName != "" {
		h += 17
	}
	return h
}

// leftRoom returns how much room the texts of the y axis take.
func (a *axes) leftRoom() float64 {
	room := a.left
	for _, t := range a.y.ticks {
		room = max(room, tickText.width(t.label)+8)
	}
	return room
}

// newPanel draws the axes within area and returns the panel.
func newPanel(c canvas, area box, a axes) *panel {
	p := &panel{canvas: c, x: a.x, y: a.y, data: area}
	p.data.left += a.leftRoom()
	p.data.right -= max(a.right, 8)
	p.data.top += a.heads()
	p.data.bottom -= 4
	if !a.hideX {
		p.data.bottom -= 18
		if a.xName != "" {
			p.data.bottom -= 18
		}
	}
	p.data.right = max(p.data.right, p.data.left+20)
	p.data.bottom = max(p.data.bottom, p.data.top+20)
	c.open(group{class: "axis"})
	defer c.close()
	y := area.top + 12
	if a.head != "" {
		c.text(point{area.left, y}, alignLeft, headText, headText.fit(a.head, area.width()))
		y += 17
	}
	if a.yName != "" {
		c.text(point{area.left, y}, alignLeft, axisText, axisText.fit(a.yName, area.width()))
	}
	p.drawY()
	p.drawX(&a, area)
	return p
}

// drawY draws the lines and texts of the y axis.
func (p *panel) drawY() {
	last := math.Inf(1)
	for _, t := range p.y.ticks {
		y := p.py(t.value)
		p.line([]point{{p.data.left, y}, {p.data.right, y}}, stroke{colour: grid, width: 0.8})
		if t.label != "" && last-y >= tickText.size {
			p.text(point{p.data.left - 7, y + tickText.middle()}, alignRight, tickText, t.label)
			last = y
		}
	}
}

// drawX draws the base line, the ticks and the texts of the x axis. Texts that
// would touch the one before are left out; the last one always stands.
func (p *panel) drawX(a *axes, area box) {
	p.line([]point{{p.data.left, p.data.bottom}, {p.data.right, p.data.bottom}}, stroke{colour: ink, width: 1})
	if a.hideX {
		return
	}
	const gap = 10
	room := func(t tick) (from, to float64) {
		half := tickText.width(t.label) / 2
		return p.px(t.value) - half, p.px(t.value) + half
	}
	ends := math.Inf(1) // where the last text begins
	for i, t := range slices.Backward(p.x.ticks) {
		x := p.px(t.value)
		p.line([]point{{x, p.data.bottom}, {x, p.data.bottom + 4}}, stroke{colour: ink, width: 1})
		from, to := room(t)
		if t.label == "" || to+gap > ends {
			continue
		}
		if _, until := room(p.x.ticks[0]); i > 0 && until+gap > from {
			continue // the first one stands too
		}
		p.text(point{x, p.data.bottom + 17}, alignCentre, tickText, t.label)
		ends = from
	}
	if a.xName != "" {
		p.text(point{(p.data.left + p.data.right) / 2, p.data.bottom + 35}, alignCentre, axisText, axisText.fit(a.xName, area.width()))
	}
}

// px returns where the value v of x stands.
func (p *panel) px(v float64) float64 { return p.data.left + p.x.at(v)*p.data.width() }

// py returns where the value v of y stands.
func (p *panel) py(v float64) float64 { return p.data.bottom - p.y.at(v)*p.data.height() }

// pt returns where the values stand.
func (p *panel) pt(x, y float64) point { return point{p.px(x), p.py(y)} }

// datum is one figure of a series, with its interval.
type datum struct {
	x, y   float64
	lo, hi float64 // of y; lo == hi: none
	note   string  // shown at the point; "": none
	tip    string
}

// series is one line.
type series struct {
	name   string
	look   look
	points []datum
	dodge  float64 // points to the right, so that intervals do not hide each other
}

// draw draws intervals, line and points of s.
func (p *panel) draw(s *series) {
	p.open(group{class: "series", name: s.name})
	defer p.close()
	p.whiskers(s)
	p.path(s)
	for _, d := range s.points {
		p.open(group{class: "point", tip: d.tip})
		p.mark(p.place(s, d), s.look, 4.5)
		p.close()
	}
}

// whiskers draws the intervals of the points of s.
func (p *panel) whiskers(s *series) {
	thin := stroke{colour: s.look.colour.mix(paper, 0.35), width: 1.2}
	for _, d := range s.points {
		if d.hi > d.lo && usable(d.lo) && usable(d.hi) {
			x := p.px(d.x) + s.dodge
			from, to := p.py(d.lo), p.py(d.hi)
			p.line([]point{{x, from}, {x, to}}, thin)
			p.line([]point{{x - 3, from}, {x + 3, from}}, thin)
			p.line([]point{{x - 3, to}, {x + 3, to}}, thin)
		}
	}
}

// place returns where a point of s stands.
func (p *panel) place(s *series, d datum) point {
	at := p.pt(d.x, d.y)
	at.x += s.dodge
	return at
}

// dodge moves series that share their values of x a little apart.
func dodge(all []series) {
	const step = 5.0
	for i := range all {
		all[i].dodge = (float64(i) - float64(len(all)-1)/2) * min(step, 24/float64(len(all)))
	}
}

// path draws the line alone.
func (p *panel) path(s *series) {
	pts := make([]point, len(s.points))
	for i, d := range s.points {
		pts[i] = p.place(s, d)
	}
	p.line(pts, stroke{colour: s.look.colour, width: 2.2, dash: s.look.dash})
}

// mark draws a marker of the given radius.
func (p *panel) mark(at point, l look, r float64) { drawMark(p.canvas, at, l, r) }

// drawMark draws a marker of the given radius on a canvas.
func drawMark(c canvas, at point, l look, r float64) {
	inside := l.colour
	if l.hollow {
		inside = paper
	}
	if l.hollow && l.dotted {
		defer c.circle(at, 0.42*r, l.colour, noColour, 0)
	}
	var shape []point
	switch l.mark {
	case markCircle:
		c.circle(at, r, inside, l.colour, 1.8)
		return
	case markSquare:
		r *= 0.9
		shape = []point{{at.x - r, at.y - r}, {at.x + r, at.y - r}, {at.x + r, at.y + r}, {at.x - r, at.y + r}}
	case markTriangle:
		r *= 1.2
		shape = []point{{at.x, at.y - r}, {at.x + 0.9*r, at.y + 0.6*r}, {at.x - 0.9*r, at.y + 0.6*r}}
	case markDiamond:
		r *= 1.25
		shape = []point{{at.x, at.y - r}, {at.x + r, at.y}, {at.x, at.y + r}, {at.x - r, at.y}}
	case markCross:
		c.line([]point{{at.x - r, at.y - r}, {at.x + r, at.y + r}}, stroke{colour: l.colour, width: 2})
		c.line([]point{{at.x - r, at.y + r}, {at.x + r, at.y - r}}, stroke{colour: l.colour, width: 2})
		return
	}
	c.fill(shape, inside)
	c.line(append(shape, shape[0], shape[1]), stroke{colour: l.colour, width: 1.8})
}
