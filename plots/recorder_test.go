package plots

import (
	"fmt"
	"testing"
)

// recorder is a canvas that keeps the boxes of all texts and the reach of all
// strokes, so that a test can see what touches what.
type recorder struct {
	texts  []written
	reach  box
	opened int
	bad    []string
}

type written struct {
	box
	text string
}

func (r *recorder) see(pts ...point) {
	for _, p := range pts {
		if !usable(p.x) || !usable(p.y) {
			r.bad = append(r.bad, fmt.Sprintf("a point at %v", p))
		}
		r.reach = box{min(r.reach.left, p.x), min(r.reach.top, p.y), max(r.reach.right, p.x), max(r.reach.bottom, p.y)}
	}
}

func (r *recorder) line(pts []point, _ stroke) { r.see(pts...) }
func (r *recorder) fill(pts []point, _ colour) { r.see(pts...) }
func (r *recorder) open(group)                 { r.opened++ }
func (r *recorder) close()                     { r.opened-- }
func (r *recorder) circle(at point, radius float64, _, _ colour, _ float64) {
	r.see(point{at.x - radius, at.y - radius}, point{at.x + radius, at.y + radius})
}

func (r *recorder) text(at point, a align, f textStyle, s string) {
	w := f.width(s)
	if w == 0 || s == " " {
		return
	}
	left := at.x - w*float64(a)/2
	b := box{left, at.y - 0.72*f.size, left + w, at.y + 0.2*f.size}
	r.see(point{b.left, b.top}, point{b.right, b.bottom})
	r.texts = append(r.texts, written{b, s})
}

// complaints returns what is wrong with the layout: texts that overlap, ink
// outside the picture, groups that are not closed.
func (p *Plot) complaints() []string {
	r := &recorder{}
	p.draw(r)
	out := r.bad
	if r.reach.left < 0 || r.reach.top < 0 || r.reach.right > p.width || r.reach.bottom > p.height {
		out = append(out, fmt.Sprintf("reaches %+v, the picture is %v x %v", r.reach, p.width, p.height))
	}
	if r.opened != 0 {
		out = append(out, fmt.Sprintf("%d groups are not closed", r.opened))
	}
	for i, a := range r.texts {
		for _, b := range r.texts[:i] {
			if overlaps(a.box, []box{b.box}) {
				out = append(out, fmt.Sprintf("%q %+v lies on %q %+v", a.text, a.box, b.text, b.box))
			}
		}
	}
	return out
}

// TestNothingOverlaps: no text touches another one, nothing is cut off.
func TestNothingOverlaps(t *testing.T) {
	for name, r := range fixtures() {
		for _, p := range All(r) {
			for _, c := range p.complaints() {
				t.Errorf("%s, %s: %s", name, p.Name, c)
			}
		}
	}
}
