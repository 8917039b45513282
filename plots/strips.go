package plots

import (
	"fmt"
	"strings"

	"flushbench/metrics/verdict"
)

// maxStrips is into how many strips a picture over time is cut: wide enough for a
// finger at half size, few enough to step through by keyboard.
const maxStrips = 40

// strip is a piece of the time axis that tells its values to a pointer: a line over
// time has too many points for a mark on each.
type strip struct {
	from, to float64 // of the axis
	words    []string
}

// strips cuts the axis into maxStrips of one width.
func strips(x *scale) []strip {
	out := make([]strip, maxStrips)
	for i := range out {
		out[i].from = x.lo + (x.hi-x.lo)*float64(i)/maxStrips
		out[i].to = x.lo + (x.hi-x.lo)*float64(i+1)/maxStrips
	}
	return out
}

// holds reports whether v lies in the strip; the last one holds its end.
func (s *strip) holds(v, end float64) bool {
	return v >= s.from && (v < s.to || v == end && s.to >= end)
}

// strip draws a strip from top to bottom: nothing to see, but something to point at.
// One without words is left out.
func (p *panel) strip(s *strip, top, bottom float64) {
	if len(s.words) == 0 {
		return
	}
	p.open(group{class: "strip", tip: fmt.Sprintf("%s to %s s: %s", decimal(s.from), decimal(s.to), strings.Join(s.words, "; ")),
		reach: box{p.px(s.from), top, p.px(s.to), bottom}})
	p.close()
}

// riskStrips tells what was at risk of each sawtooth: the most within a strip.
func (p *panel) riskStrips(k *kind, saws []saw) {
	for _, s := range strips(p.x) {
		for _, w := range saws {
			most, seen := int64(0), false
			for i, n := range k.series(w.series) {
				if s.holds(float64(w.series.TNS[i])/1e9, p.x.hi) && usable(float64(n)) {
					most, seen = max(most, n), true
				}
			}
			if seen {
				s.words = append(s.words, fmt.Sprintf("%s %s", w.name, atMost(most)))
			}
		}
		p.strip(&s, p.data.top, p.data.bottom)
	}
}

// atMost words the most commits at risk in a piece of time.
func atMost(n int64) string {
	if n <= 0 {
		return "none"
	}
	return verdict.Count(float64(n))
}

// timeStrips tells the throughput, the latency, the checkpoint age and the memory of
// each line within a strip: those of the last point in it, and the most of the last three.
func (p *panel) timeStrips(shown []line, t *traces, top, bottom float64) {
	for _, s := range strips(p.x) {
		for i := range shown {
			if words := t.within(i, &s, p.x.hi); words != "" {
				s.words = append(s.words, shown[i].name+" "+words)
			}
		}
		p.strip(&s, top, bottom)
	}
}

// within words the values of a line within a strip; "" where it has none.
func (t *traces) within(line int, s *strip, end float64) string {
	var parts []string
	for _, q := range []struct {
		of   func(*trace) []point
		text func(float64) string
		most bool
	}{
		{func(tr *trace) []point { return tr.tps }, func(v float64) string { return decimal(v) + " commits/s" }, false},
		{func(tr *trace) []point { return tr.mean }, func(v float64) string { return "mean " + millis(v*1e6) + " ms" }, false},
		{func(tr *trace) []point { return tr.high }, func(v float64) string { return "longest " + millis(v*1e6) + " ms" }, true},
		{func(tr *trace) []point { return tr.age }, func(v float64) string { return "checkpoint age " + decimal(v) + " %" }, true},
		{func(tr *trace) []point { return tr.memory }, func(v float64) string { return "memory " + decimal(v) + " MiB" }, true},
	} {
		value, seen := 0.0, false
		for i := range t.all {
			if t.all[i].line != line {
				continue
			}
			for _, d := range q.of(&t.all[i]) {
				if s.holds(d.x, end) && (!seen || !q.most || d.y > value) {
					value, seen = d.y, true
				}
			}
		}
		if seen {
			parts = append(parts, q.text(value))
		}
	}
	return strings.Join(parts, ", ")
}
