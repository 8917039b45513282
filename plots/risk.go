package plots

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// kind is a kind of crash.
type kind struct {
	name   string
	codes  []string // of the trials that belong to it
	series func(*result.RiskSeries) []int64
	worst  func(*result.AtRisk) result.Risk
}

var kinds = []kind{
	{"Process crash", []string{"process"}, func(s *result.RiskSeries) []int64 { return s.Process }, func(a *result.AtRisk) result.Risk { return a.Process }},
	{"Kernel crash", []string{"os"}, func(s *result.RiskSeries) []int64 { return s.OS }, func(a *result.AtRisk) result.Risk { return a.OS }},
	{"Power cut", []string{"power"}, func(s *result.RiskSeries) []int64 { return s.Power }, func(a *result.AtRisk) result.Risk { return a.Power }},
}

// has reports whether t belongs to the kind and is no control.
func (k *kind) has(t *result.CrashTrial) bool { return !t.Control && slices.Contains(k.codes, t.Kind) }

// saw is the sawtooth of one policy: a round of its cell.
type saw struct {
	cell
	name   string
	look   look
	series *result.RiskSeries
}

// atRisk draws the commits that were acknowledged and not yet safe, over the
// time of one round, for each kind of crash.
func atRisk(v *view) *Plot {
	const name = "at-risk"
	const title = "What would a crash take at any moment?"
	if len(v.paced.cells) == 0 {
		return crashMoments(v) // unpaced, the sawtooth shows the size of the log buffer
	}
	saws, left := telling(sawsOf(v))
	if len(saws) == 0 {
		return placeholder(name, title, "no round recorded what was at risk")
	}
	shown := slices.Clone(kinds)
	if sameRisk(saws) {
		shown = shown[:2]
		shown[1].name, shown[1].codes = "Kernel crash or power cut", []string{"os", "power"}
	}
	rate := saws[0].Params.Rate
	var alt []string
	for _, s := range saws {
		alt = append(alt, s.sentence())
	}
	note := ""
	if slices.ContainsFunc(v.r.CrashTrials, func(t result.CrashTrial) bool { return !t.Control }) {
		note = subtitle("marks: crash trials, what each took; bars: what was at risk then, where it differs", casesOf(v.r).together())
	}
	return &Plot{
		Name: name, Title: riskTitle(saws, title),
		Alt: fmt.Sprintf("Commits at risk over time at %s commits per second, by kind of crash. At the worst moment of all rounds: %s.", decimal(rate), strings.Join(alt, "; ")) + ending(left),
		subtitle: subtitle(fmt.Sprintf("Acknowledged, not yet safe; the same %s commits/s for all, %s, %s", decimal(rate), count(saws[0].Params.Clients, "client"), v.paced.about()),
			"one round of each, labels: worst of all rounds", note, left, v.paced.rest()),
		height: pictureHeight + 60*float64(len(shown)-1),
		body:   func(c canvas, area box) { drawSaws(c, area, shown, saws, v.r.CrashTrials, casesOf(v.r)) },
	}
}

// sawsOf takes of every paced cell the round with the widest window.
func sawsOf(v *view) []saw {
	var saws []saw
	for _, l := range v.paced.lines() {
		c := l.cells[0]
		s := saw{cell: c, name: l.name, look: l.look}
		widest := int64(-1)
		for _, r := range stats.FullRounds(c.Cell) {
			if t := r.AtRiskSeries; t != nil && len(t.TNS) > 0 && r.AtRisk != nil && r.AtRisk.Power.CommitsMax > widest &&
				len(t.Process) == len(t.TNS) && len(t.OS) == len(t.TNS) && len(t.Power) == len(t.TNS) {
				s.series, widest = t, r.AtRisk.Power.CommitsMax
			}
		}
		if s.series != nil && s.sum.AtRisk != nil {
			saws = append(saws, s)
		}
	}
	return saws
}

// maxSaws bounds the lines of a panel: sawtooths cross all the time.
const maxSaws = 4

// maxNamed bounds the sawtooths that are named instead.
const maxNamed = 5

// telling returns the sawtooths to show and what it leaves out. With a binlog
// the pairs that never flush it go first: theirs grow to the end of the round
// and would flatten all others.
func telling(saws []saw) (shown []saw, left string) {
	shown = slices.Clone(saws)
	if len(shown) > maxSaws {
		shown = slices.DeleteFunc(shown, func(s saw) bool { return s.Params.SyncBinlog != nil && *s.Params.SyncBinlog == 0 })
	}
	shown = inTurn(shown, maxSaws, func(s *saw) string { return s.Params.Policy })
	var out []string
	for _, s := range saws {
		if !slices.ContainsFunc(shown, func(o saw) bool { return o.name == s.name }) {
			out = append(out, fmt.Sprintf("%s %s", s.name, window(s.sum.AtRisk.Power)))
		}
	}
	if n := len(out); n > 0 {
		left = "not shown: " + strings.Join(out[:min(n, maxNamed)], ", ")
		if n > maxNamed {
			left += fmt.Sprintf(" and %d more", n-maxNamed)
		}
	}
	return shown, left
}

// sameRisk reports whether a kernel crash and a power cut take the same from
// all of them.
func sameRisk(saws []saw) bool {
	return !slices.ContainsFunc(saws, func(s saw) bool { return !slices.Equal(s.series.OS, s.series.Power) })
}

// window words a loss window.
func window(r result.Risk) string {
	if r.CommitsMax <= 0 && !r.Truncated {
		return "none"
	}
	return fmt.Sprintf("%s (%s)", verdict.Count(float64(r.CommitsMax)), verdict.Span(r.AgeNSMax))
}

func (s *saw) sentence() string {
	a := s.sum.AtRisk
	return fmt.Sprintf("%s: process crash %s, kernel crash %s, power cut %s", s.name, window(a.Process), window(a.OS), window(a.Power))
}

// riskTitle names what a power cut would have taken.
func riskTitle(saws []saw, question string) string {
	var parts []string
	for _, s := range saws {
		r := s.sum.AtRisk.Power
		text := "nothing"
		if r.CommitsMax > 0 {
			text = verdict.Span(r.AgeNSMax)
		}
		parts = append(parts, fmt.Sprintf("%s %s", s.name, text))
	}
	if len(parts) > 4 {
		return question
	}
	return "A power cut could take: " + strings.Join(parts, ", ")
}

// drawSaws draws a panel for each kind, one under the other. Crash trials of
// that kind stand in it as points.
func drawSaws(c canvas, area box, shown []kind, saws []saw, trials []result.CrashTrial, cases *crashCases) {
	const below = 36
	end, left := 0.0, 0.0
	for _, s := range saws {
		end = max(end, float64(s.series.TNS[len(s.series.TNS)-1])/1e9)
	}
	for _, t := range trials {
		if at := float64(t.Moment.AtNS) / 1e9; !t.Control && usable(at) {
			end = max(end, at)
		}
	}
	if !positive(end) {
		end = 1
	}
	x := linear(0, end, 6, plain)
	if x.hi > end {
		x.hi = end
		x.ticks = slices.DeleteFunc(x.ticks, func(t tick) bool { return t.value > end })
	}
	each := (area.height() - below) / float64(len(shown))
	const gap = 12
	what := ": commits at risk"
	if len(saws) == 0 {
		what = ": commits"
	}
	ys := make([]*scale, len(shown))
	labels := make([][]label, len(shown))
	room := 0.0
	for i, k := range shown {
		top := 0.0
		for _, s := range saws {
			labels[i] = append(labels[i], label{text: s.name, under: window(k.worst(s.sum.AtRisk)), look: s.look})
			for _, n := range k.series(s.series) {
				if usable(float64(n)) {
					top = max(top, float64(n))
				}
			}
		}
		for _, t := range trials {
			if k.has(&t) {
				top = max(top, min(float64(gone(&t)), most))
				if t.AtRiskAtCrash != nil {
					top = max(top, min(float64(t.AtRiskAtCrash.Commits), most))
				}
			}
		}
		room = max(room, labelRoom(labels[i]))
		ys[i] = counts(top, 4)
		left = max(left, (&axes{y: ys[i]}).leftRoom())
	}
	for i, k := range shown {
		a := axes{x: x, y: ys[i], head: k.name + what, right: room, left: left, hideX: true}
		bottom := area.top + float64(i+1)*each - gap
		if i == len(shown)-1 {
			a.hideX, a.xName, bottom = false, "seconds since the load began", area.bottom
		}
		p := newPanel(c, box{area.left, area.top + float64(i)*each, area.right, bottom}, a)
		p.riskStrips(&k, saws)
		for j, s := range saws {
			p.drawSaw(&s, k.series(s.series))
			labels[i][j].at = p.pt(min(float64(lastOf(s.series.TNS))/1e9, p.x.hi), float64(lastOf(k.series(s.series))))
		}
		drawTrials(p, &k, trials, cases)
		p.drawLabels(labels[i], room)
	}
}

func lastOf(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	return v[len(v)-1]
}

// drawSaw draws one sawtooth. What was at risk grows along a straight line
// from one sample to the next, and falls at once.
func (p *panel) drawSaw(s *saw, commits []int64) {
	p.open(group{class: "series", name: s.name})
	defer p.close()
	pts := make([]point, 0, len(commits))
	for i, n := range commits {
		if t := float64(s.series.TNS[i]) / 1e9; usable(t) && usable(float64(n)) {
			pts = append(pts, p.pt(t, float64(n)))
		}
	}
	p.line(thin(pts), stroke{colour: s.look.colour, width: 1.8, dash: s.look.dash})
}

// thin leaves out the points of a path that lie within half a point of the
// line through their neighbours' columns: of every column the first, the
// lowest, the highest and the last one stay.
func thin(pts []point) []point {
	const column = 0.75
	var out []point
	for i := 0; i < len(pts); {
		j, low, high := i, i, i
		for ; j < len(pts) && pts[j].x < pts[i].x+column; j++ {
			if pts[j].y < pts[low].y {
				low = j
			}
			if pts[j].y > pts[high].y {
				high = j
			}
		}
		keep := slices.Compact(slices.Sorted(slices.Values([]int{i, low, high, j - 1})))
		for _, k := range keep {
			out = append(out, pts[k])
		}
		i = j
	}
	return out
}
