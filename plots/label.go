package plots

import (
	"cmp"
	"slices"
)

// label is a text beside the end of a line.
type label struct {
	at    point // where the line ends
	text  string
	under string // a second line in grey; "": none
	look  look
	key   bool // a legend: a piece of the line stands before the text, no leader
	tall  bool // its second line is too long to stand beside the first
}

// lineHeight is the distance of two labels' base lines.
const lineHeight = 16.0

// compact reports whether there are so many labels that each gets one line.
func compact(labels []label) bool {
	return len(labels) > 6 && !slices.ContainsFunc(labels, func(l label) bool { return l.tall })
}

func (l *label) height(compact bool) float64 {
	if l.under == "" || compact {
		return lineHeight
	}
	return 2*lineHeight - 1
}

// width returns how wide the texts of l are.
func (l *label) width(compact bool) float64 {
	w, under := labelText.width(l.text), valueText.width(l.under)
	if compact && l.under != "" {
		return w + 6 + under
	}
	return max(w, under)
}

// labelRoom returns how wide the widest of the labels is, with the gap before.
func labelRoom(labels []label) float64 {
	room := 0.0
	for _, l := range labels {
		room = max(room, l.width(compact(labels)))
	}
	if room > 0 {
		room += labelGap
		if slices.ContainsFunc(labels, func(l label) bool { return l.key }) {
			room += keyGap
		}
	}
	return min(room, pictureWidth/2.4)
}

// labelGap lies between the data and the labels; leaders cross it.
const labelGap = 20.0

// keyGap lies between the data and the piece of line of a legend, so that it is not
// taken for data.
const keyGap = 10.0

// drawLabels writes the labels behind the right edge of the data, each as near
// to the height of its line's end as the others allow.
func (p *panel) drawLabels(labels []label, room float64) {
	labels = slices.Clone(labels)
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(a.at.y, b.at.y) })
	wanted := make([]float64, len(labels))
	heights := make([]float64, len(labels))
	for i := range labels {
		heights[i] = labels[i].height(compact(labels))
		wanted[i] = labels[i].at.y - heights[i]/2
	}
	tops := spread(wanted, heights, p.data.top-8, p.data.bottom+8)
	for i, l := range labels {
		x, room := p.data.right+labelGap, room-labelGap
		if l.key {
			x, room = x+keyGap, room-keyGap
		}
		middle := tops[i] + heights[i]/2
		p.open(group{class: "label", name: l.text})
		under := valueText.in(muted).shrunk(l.under, room)
		first := tops[i] + lineHeight - 4
		if l.key {
			p.line([]point{{x - 19, first - 4}, {x - 5, first - 4}}, stroke{colour: l.look.colour, width: 2})
			p.mark(point{x - 12, first - 4}, l.look, 3.5)
		} else {
			p.line([]point{{l.at.x + 7, l.at.y}, {p.data.right + 6, l.at.y}, {x - 4, middle}},
				stroke{colour: l.look.colour.mix(paper, 0.5), width: 0.9})
		}
		p.text(point{x, first}, alignLeft, labelText.in(l.look.label()), labelText.fit(l.text, room))
		if compact(labels) && l.under != "" {
			beside := labelText.width(l.text) + 6
			p.text(point{x + beside, first}, alignLeft, valueText.in(muted), valueText.fit(l.under, room-beside))
		} else if l.under != "" {
			p.text(point{x, first + lineHeight - 1}, alignLeft, under, under.fit(l.under, room))
		}
		p.close()
	}
}

// spread moves intervals, given by where they want to begin (ascending) and
// how long they are, apart until none overlaps, as little as it takes, within
// lo to hi if they fit there. It returns where they begin.
func spread(wanted, lengths []float64, lo, hi float64) []float64 {
	type block struct {
		from, to    int // of the intervals that touch
		sum, length float64
		begin       float64
	}
	var blocks []block
	for i, w := range wanted {
		b := block{from: i, to: i + 1, sum: w, length: lengths[i], begin: w}
		for len(blocks) > 0 {
			last := &blocks[len(blocks)-1]
			if last.begin+last.length <= b.begin {
				break
			}
			// Every interval of b wants to begin that much earlier for the block.
			b.sum += last.sum - float64(b.to-b.from)*last.length
			b.from, b.length = last.from, b.length+last.length
			b.begin = b.sum / float64(b.to-b.from)
			blocks = blocks[:len(blocks)-1]
		}
		b.begin = max(min(b.begin, hi-b.length), lo)
		blocks = append(blocks, b)
	}
	out := make([]float64, len(wanted))
	at := lo
	for _, b := range blocks {
		at = max(at, b.begin)
		for i := b.from; i < b.to; i++ {
			out[i] = at
			at += lengths[i]
		}
	}
	// What ran over the end is pushed back, as far as the beginning allows.
	end := hi
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = max(min(out[i], end-lengths[i]), lo)
		end = out[i]
	}
	if len(out) > 0 && total(lengths) > hi-lo {
		at = lo
		for i := range out {
			out[i] = at
			at += lengths[i] * (hi - lo) / total(lengths)
		}
	}
	return out
}

func total(v []float64) (sum float64) {
	for _, x := range v {
		sum += x
	}
	return sum
}
