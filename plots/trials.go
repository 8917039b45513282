package plots

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// maxTrials bounds the points of a panel.
const maxTrials = 400

// gone returns how many acknowledged commits a crash took from one log at least,
// which is what the tracker calls at risk. With one log they are those lost.
func gone(t *result.CrashTrial) int64 { return max(t.Lost, t.Missing) }

// binlogs reports whether there are trials with two logs that were compared: those of
// a server are not.
func binlogs(trials []result.CrashTrial) bool {
	return slices.ContainsFunc(trials, func(t result.CrashTrial) bool { return t.SyncBinlog != nil && t.Server == nil })
}

// onServers reports whether nothing but servers was crashed: nobody knows what they had
// at risk.
func onServers(trials []result.CrashTrial) bool {
	return !slices.ContainsFunc(trials, func(t result.CrashTrial) bool { return t.Server == nil })
}

// goneWord says what happened to the commits that a crash took.
func goneWord(trials []result.CrashTrial) string {
	if binlogs(trials) {
		return "missing from a log"
	}
	return "lost"
}

// drawTrials draws the crashes of a kind over time: a mark at what was lost, and where
// something else had been predicted a bar there, with a line between them.
func drawTrials(p *panel, k *kind, trials []result.CrashTrial, cases *crashCases) {
	const bar = 5 // half of its length
	n := 0
	for i := range trials {
		t := &trials[i]
		if !k.has(t) || n == maxTrials {
			continue
		}
		n++
		l := cases.find(t).look
		x, lost := float64(t.Moment.AtNS)/1e9, float64(gone(t))
		if !usable(x) || !usable(lost) {
			continue
		}
		p.open(group{class: "point", tip: trialText(t)})
		at := p.pt(x, lost)
		if r := t.AtRiskAtCrash; r != nil && r.Commits != gone(t) && usable(float64(r.Commits)) {
			to := p.pt(x, float64(r.Commits))
			p.line([]point{at, to}, stroke{colour: l.colour, width: 1})
			p.line([]point{{to.x - bar, to.y}, {to.x + bar, to.y}}, stroke{colour: l.colour, width: 2})
		}
		p.mark(at, l, 4)
		p.close()
	}
}

// crashMoments draws the crashes of a result that has no sawtooth: each at its
// moment, what was lost and what had been at risk. nil without a crash.
func crashMoments(v *view) *Plot {
	var shown []kind
	var alt []string
	all, left, cases := 0, 0, casesOf(v.r)
	var found []crashCase
	for _, k := range kinds {
		n, worst := 0, int64(0)
		for i := range v.r.CrashTrials {
			t := &v.r.CrashTrials[i]
			if !k.has(t) {
				continue
			}
			n++
			worst = max(worst, gone(t))
			c := cases.find(t)
			if !slices.ContainsFunc(found, func(o crashCase) bool { return o.full() == c.full() }) {
				found = append(found, c)
			}
		}
		if n > 0 {
			shown = append(shown, k)
			alt = append(alt, fmt.Sprintf("%s: %s, worst %s commits %s", strings.ToLower(k.name), count(n, "trial"), verdict.Count(float64(worst)), goneWord(v.r.CrashTrials)))
		}
		all += n
		left += max(n-maxTrials, 0)
	}
	if all == 0 {
		return nil
	}
	more := notDrawn(left, "more trial")
	title, lost := "What did each crash take, and how much was at risk then?", "Marks: acknowledged commits that were "+goneWord(v.r.CrashTrials)
	about := subtitle(lost, "bars: what had been at risk at that moment, where it differs", cases.together(), more)
	known := "lost commits and commits at risk"
	if onServers(v.r.CrashTrials) {
		title, known = "What did each crash take?", "lost commits"
		about = subtitle("Acknowledged commits that were lost, by when the crash struck", "a server does not tell what is at risk", cases.together(), more)
	}
	legend := caseLegend(found)
	return &Plot{
		Name: "at-risk", Title: title,
		Alt:      "Crash trials over time, " + known + ". " + strings.Join(alt, "; ") + "." + ending(more),
		subtitle: about,
		height:   pictureHeight + 60*float64(len(shown)-1),
		body: func(c canvas, area box) {
			room := labelRoom(legend)
			within := area
			within.right -= room
			drawSaws(c, within, shown, nil, v.r.CrashTrials, cases)
			p := panel{canvas: c, data: within}
			p.data.top += 24
			legend := slices.Clone(legend)
			for i := range legend {
				legend[i].at = point{within.right, p.data.top + float64(i)}
			}
			p.drawLabels(legend, room)
		},
	}
}

// caseLegend has a label for each case, the safest first.
func caseLegend(found []crashCase) []label {
	slices.SortStableFunc(found, crashCase.before)
	var out []label
	for i := range found[:min(len(found), 2*maxLines)] {
		out = append(out, label{text: found[i].name, under: found[i].words, look: found[i].look, key: true, tall: found[i].words != ""})
	}
	return out
}

func trialText(t *result.CrashTrial) string {
	text := fmt.Sprintf("%s crash under %s: %s of %s acknowledged commits lost", t.Kind, seriesName(&result.Params{Policy: t.Policy, SyncBinlog: t.SyncBinlog}),
		verdict.Count(float64(t.Lost)), verdict.Count(float64(t.Acked)))
	if t.EngineAhead > 0 {
		text += fmt.Sprintf(", %s only in the engine", verdict.Count(float64(t.EngineAhead)))
	}
	if t.BinlogAhead > 0 {
		text += fmt.Sprintf(", %s only in the binlog", verdict.Count(float64(t.BinlogAhead)))
	}
	if t.AtRiskAtCrash != nil {
		text += fmt.Sprintf(", %s were at risk", verdict.Count(float64(t.AtRiskAtCrash.Commits)))
	}
	return text
}
