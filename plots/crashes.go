package plots

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// crashSeries is the crashes under one setting.
type crashSeries struct {
	crashCase
	points []datum // x: commits at risk, y: gone
	worst  int64   // commits gone
	n      int
}

// crashes is what the crash trials say together.
type crashes struct {
	cases    *crashCases
	series   []*crashSeries
	n        int     // trials of which is known what was at risk
	above    int     // of them: took more than that
	broken   int     // violations, of all trials
	controls int     // left out
	left     int     // trials that are not drawn, for room
	top      float64 // the largest figure
}

// crashesOf sorts the trials by their setting.
func crashesOf(r *result.Result) *crashes {
	c := &crashes{cases: casesOf(r)}
	byName := map[string]*crashSeries{}
	for i := range r.CrashTrials {
		t := &r.CrashTrials[i]
		if t.Control {
			c.controls++
			continue
		}
		if t.Verdict == result.VerdictViolation {
			c.broken++
		}
		risk := t.AtRiskAtCrash
		if risk == nil || risk.Commits < 0 || t.Lost < 0 || !usable(float64(risk.Commits)) || !usable(float64(gone(t))) {
			continue
		}
		c.n++
		if t.Verdict == result.VerdictLostMore || t.Verdict == "" && t.Lost > risk.Commits {
			c.above++
		}
		k := c.cases.find(t)
		s := byName[k.full()]
		if s == nil {
			s = &crashSeries{crashCase: k}
			byName[k.full()] = s
			c.series = append(c.series, s)
		}
		s.n++
		s.worst = max(s.worst, gone(t))
		c.top = max(c.top, float64(risk.Commits), float64(gone(t)))
		if len(s.points) < maxTrials {
			s.points = append(s.points, datum{x: float64(risk.Commits), y: float64(gone(t)), tip: trialText(t)})
		}
	}
	shown := inTurn(c.series, maxLines, func(s **crashSeries) string { return (*s).policy })
	slices.SortStableFunc(shown, func(a, b *crashSeries) int { return a.before(b.crashCase) })
	c.left = c.n
	for _, s := range shown {
		c.left -= len(s.points)
	}
	c.series = shown
	return c
}

// title says whether the crashes kept to the prediction.
func (c *crashes) title() string {
	switch {
	case c.broken > 0:
		return fmt.Sprintf("%s lost what had been promised", count(c.broken, "crash trial"))
	case c.above > 0:
		return fmt.Sprintf("%d of %s took more than had been at risk", c.above, count(c.n, "crash trial"))
	}
	return fmt.Sprintf("Of %s, none took more than had been at risk", count(c.n, "crash trial"))
}

// crashTrials draws every crash: what was lost against what had been at risk
// at that moment. A point above the diagonal would refute the prediction.
func crashTrials(v *view) *Plot {
	if onServers(v.r.CrashTrials) { // or none
		return nil
	}
	const name = "crash-trials"
	c := crashesOf(v.r)
	if len(c.series) == 0 {
		return placeholder(name, "Did crashes take what had been predicted?", "of no crash is known what had been at risk")
	}
	var labels []label
	var alt []string
	for _, s := range c.series {
		text := fmt.Sprintf("%s, worst %s", count(s.n, "trial"), verdict.Count(float64(s.worst)))
		under := text
		if s.words != "" {
			under = s.words + ": " + text
		}
		labels = append(labels, label{text: s.name, under: under, look: s.look, key: true, tall: s.words != ""})
		alt = append(alt, s.full()+": "+text)
	}
	note := ""
	if c.controls > 0 {
		note = count(c.controls, "control") + " not shown"
	}
	left := notDrawn(c.left, "more trial")
	word := goneWord(v.r.CrashTrials)
	return &Plot{
		Name: name, Title: c.title(),
		Alt:      "Commits " + word + " against commits at risk at the moment of the crash. " + c.title() + ". " + strings.Join(alt, "; ") + "." + ending(left),
		subtitle: subtitle("A point for each crash; on the line everything at risk was "+word+", below it less", c.cases.together(), left, note),
		body:     func(to canvas, area box) { c.draw(to, area, labels, word) },
	}
}

func (c *crashes) draw(to canvas, area box, labels []label, word string) {
	labels = slices.Clone(labels)
	room := labelRoom(labels)
	p := newPanel(to, area, axes{
		x: counts(c.top, 6), y: counts(c.top, 5), right: room,
		xName: "commits at risk when the crash struck", yName: "acknowledged commits " + word,
	})
	end := min(p.x.hi, p.y.hi)
	p.line([]point{p.pt(0, 0), p.pt(end, end)}, stroke{colour: muted, width: 1.4, dash: []float64{12, 4}})
	for i, s := range c.series {
		p.open(group{class: "series", name: s.full()})
		for _, d := range s.points {
			p.open(group{class: "point", tip: d.tip})
			p.mark(p.pt(d.x, d.y), s.look, 4)
			p.close()
		}
		p.close()
		labels[i].at = point{p.data.right, p.data.top + p.data.height()/4 + float64(i)} // clear of the diagonal
	}
	p.drawLabels(labels, room)
}
