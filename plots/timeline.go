package plots

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// timeline draws throughput and latency over the time of the run, and of workloads with
// rows the checkpoint age and the memory where they are known: a line for each policy.
func timeline(v *view) *Plot {
	const name = "timeline"
	const title = "Was the run steady?"
	from := &v.closed
	if len(from.cells) == 0 {
		from = &v.paced
	}
	if len(from.cells) == 0 {
		return nil
	}
	lines := from.lines()
	shown := onePerPolicy(lines)
	t := tracesOf(shown)
	if !t.tps.any || !t.ms.any || !positive(t.end) {
		return placeholder(name, title, "no round committed anything")
	}
	finding, alt := steadiness(from, shown, title)
	note := ""
	if n := len(lines) - len(shown); n > 0 {
		note = count(n, "more setting") + " in result.json"
	}
	panels := len(t.panels())
	return &Plot{
		Name: name, Title: finding, Alt: alt,
		subtitle: subtitle(loadWord(from)+", "+from.about(), "the most clients of each policy", "between its rounds it is other cells' turn", note, from.rest()),
		height:   pictureHeight + 120*float64(panels-2),
		body:     func(c canvas, area box) { drawTimeline(c, area, shown, &t) },
	}
}

// onePerPolicy takes of each policy the first series, and of that the cell
// with the most clients.
func onePerPolicy(lines []line) []line {
	var out []line
	for _, l := range lines {
		policy := l.cells[0].Params.Policy
		if !slices.ContainsFunc(out, func(o line) bool { return o.cells[0].Params.Policy == policy }) {
			l.cells = l.cells[len(l.cells)-1:]
			out = append(out, l)
		}
	}
	return out
}

// trace is a round of a cell in the picture. x is in seconds of the run.
type trace struct {
	line                         int
	tps, mean, high, age, memory []point // y in commits/s, ms, ms, percent, MiB
}

// traces is everything that the picture shows.
type traces struct {
	all                  []trace
	tps, ms, age, memory extent
	end                  float64 // seconds
}

func tracesOf(shown []line) traces {
	var t traces
	for i, l := range shown {
		rounds := l.cells[0].Rounds
		for k := range rounds {
			t.add(i, &rounds[k])
		}
	}
	return t
}

// buckets returns how many buckets a round's series has.
func buckets(r *result.Round) int {
	s := r.Series
	if s == nil || s.IntervalNS <= 0 {
		return 0
	}
	return min(len(s.Commits), len(s.LatencyMeanNS), len(s.LatencyMaxNS))
}

// add takes in a round: bucket by bucket, or as one point where it has no more.
func (t *traces) add(line int, r *result.Round) {
	begin := float64(r.StartedNS) / 1e9
	if !usable(begin) || begin < 0 || !usable(r.DurationS) {
		return
	}
	tr := trace{line: line}
	point := func(at, tps, mean, high float64) {
		if !usable(at) {
			return
		}
		t.end = max(t.end, at)
		tr.tps = t.tps.append(tr.tps, at, tps)
		tr.mean = t.ms.append(tr.mean, at, mean/1e6)
		tr.high = t.ms.append(tr.high, at, high/1e6)
	}
	n := buckets(r)
	if n < 2 {
		point(begin+r.DurationS/2, r.TPS, float64(r.LatencyNS.Mean), float64(r.LatencyNS.Max))
		n = 0
	}
	for k := range n {
		whole := float64(r.Series.IntervalNS) / 1e9
		width := min(whole, r.DurationS-float64(k)*whole)
		if width < whole/2 {
			break // the last one is too short to say anything
		}
		point(begin+float64(k)*whole+width/2, float64(r.Series.Commits[k])/width,
			float64(r.Series.LatencyMeanNS[k]), float64(r.Series.LatencyMaxNS[k]))
	}
	if d := r.Database; d != nil && d.CheckpointAgeCapacity > 0 {
		for k := range min(len(d.CheckpointAge), len(d.SampleNS)) {
			at := begin + float64(d.SampleNS[k])/1e9
			if usable(at) {
				t.end = max(t.end, at)
				tr.age = t.age.append(tr.age, at, 100*float64(d.CheckpointAge[k])/float64(d.CheckpointAgeCapacity))
			}
		}
	}
	if m := r.Memory; m != nil && r.Database != nil {
		for tNS, bytes := range m.Readings(int64(r.DurationS * 1e9)) {
			if at := begin + float64(tNS)/1e9; usable(at) && at >= begin {
				t.end = max(t.end, at)
				tr.memory = t.memory.append(tr.memory, at, float64(bytes)/(1<<20))
			}
		}
	}
	t.all = append(t.all, tr)
}

// timePanel is one of the panels, from the top.
type timePanel struct {
	head string
	y    *scale
	of   func(*trace) []point
}

// panels are those that have something to show.
func (t *traces) panels() []timePanel {
	all := []timePanel{
		{"Commits per second", t.tps.scale(), func(tr *trace) []point { return tr.tps }},
		{"Latency, ms: lines and rings mean, dots longest", t.ms.scale(), func(tr *trace) []point { return tr.mean }},
	}
	if t.age.any {
		all = append(all, timePanel{"Checkpoint age, % of the log's capacity", linear(0, t.age.hi, 4, plain), func(tr *trace) []point { return tr.age }})
	}
	if t.memory.any {
		all = append(all, timePanel{"Resident memory of the process, MiB", linear(0, t.memory.hi, 4, plain), func(tr *trace) []point { return tr.memory }})
	}
	return all
}

// append adds a point if its value can be drawn.
func (e *extent) append(to []point, x, y float64) []point {
	if !positive(y) {
		return to
	}
	e.see(y)
	return append(to, point{x, y})
}

// steadiness says whether the throughput had settled, and the same in detail.
func steadiness(from *choice, shown []line, question string) (title, alt string) {
	judged, drifted := 0, 0
	var names []string
	for _, c := range from.cells {
		if !slices.ContainsFunc(c.Rounds, func(r result.Round) bool { return stats.SteadyRound(&r).Enough }) {
			continue
		}
		judged++
		if !c.sum.Settled {
			drifted++
			names = append(names, fmt.Sprintf("%s with %s", seriesName(&c.Params), count(c.Params.Clients, "client")))
		}
	}
	first := &shown[0]
	tps := first.cells[0].sum.TPS
	alt = fmt.Sprintf("Throughput and latency over the time of the run. %s with %s: %s commits per second.",
		capital(first.name), count(first.cells[0].Params.Clients, "client"), ranged(tps, decimal))
	switch {
	case judged == 0 && tps.N > 1 && positive(tps.Lo) && positive(tps.Hi) && tps.Hi/tps.Lo >= 1.1:
		return fmt.Sprintf("Rounds of %s differ by up to a factor of %s", first.name, factor(tps.Hi/tps.Lo)), alt
	case judged == 0:
		return question, alt
	case drifted == 0:
		title = "Throughput had settled"
		if judged > 1 {
			title += fmt.Sprintf(" in all of %s", count(judged, "cell"))
		}
		return title, alt + " " + title + "."
	}
	title = fmt.Sprintf("Throughput still drifted within a round in %d of %s", drifted, count(judged, "cell"))
	return title, alt + " " + title + ": " + strings.Join(names[:min(len(names), 6)], "; ") + "."
}

func drawTimeline(c canvas, area box, shown []line, t *traces) {
	const gap, below = 12, 36
	x := linear(0, t.end, 8, plain)
	labels := make([]label, len(shown))
	for i, l := range shown {
		labels[i] = label{text: l.name, under: count(l.cells[0].Params.Clients, "client"), look: l.look, key: true}
	}
	parts := t.panels()
	panels := len(parts)
	room, left := labelRoom(labels), 0.0
	for i := range parts {
		left = max(left, (&axes{y: parts[i].y}).leftRoom())
	}
	each := (area.height() - below) / float64(panels)
	for i, part := range parts {
		a := axes{x: x, y: part.y, head: part.head, right: room, left: left, hideX: i < panels-1}
		b := box{area.left, area.top + float64(i)*each, area.right, area.top + float64(i+1)*each - gap}
		if !a.hideX {
			a.xName, b.bottom = "seconds since the run began", area.bottom
		}
		p := newPanel(c, b, a)
		if i == 0 {
			p.timeStrips(shown, t, p.data.top, area.bottom-below-4)
		}
		for k := range t.all {
			tr := &t.all[k]
			l := shown[tr.line].look
			p.open(group{class: "series", name: shown[tr.line].name})
			if i == 1 {
				for _, d := range p.places(tr.high) {
					p.circle(d, 2.2, l.colour, noColour, 0)
				}
			}
			p.trace(part.of(tr), l)
			p.close()
		}
		if i == 0 {
			for j := range labels {
				labels[j].at = point{p.data.right, p.data.top + float64(j)}
			}
			p.drawLabels(labels, room)
		}
	}
}

// places maps values to places and thins them.
func (p *panel) places(values []point) []point {
	out := make([]point, len(values))
	for i, v := range values {
		out[i] = p.pt(v.x, v.y)
	}
	return thin(out)
}

// trace draws a line over time, or a marker where there is one point alone.
func (p *panel) trace(values []point, l look) {
	pts := p.places(values)
	if len(pts) == 1 {
		p.mark(pts[0], look{colour: l.colour, mark: l.mark, hollow: true}, 3.5)
		return
	}
	p.line(pts, stroke{colour: l.colour, width: 1.8})
}
