package serve

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// frame is what the page of a run needs of one snapshot: texts that are ready to be
// shown, and the figures of its pictures. live.js reads it.
type frame struct {
	AtMS  int64             `json:"at"` // ms since 1970
	Step  int               `json:"step"`
	Phase string            `json:"phase"`
	What  string            `json:"what"`
	Cell  string            `json:"cell"`
	Left  string            `json:"left"`
	Done  float64           `json:"done"`
	Over  bool              `json:"over"`
	Now   map[string]string `json:"now"` // by figure.ID

	TPS       *float64  `json:"tps"`
	FlushPerS *float64  `json:"flush_per_s"`
	P99MS     *float64  `json:"p99_ms"`
	Risk      *[3]int64 `json:"risk"` // commits: process, os, power
}

// newFrame makes the frame of a snapshot.
func newFrame(l *result.Live) frame {
	f := frame{
		AtMS: l.At.UnixMilli(), Step: l.Step, Phase: l.Phase, What: l.What, Cell: l.Cell, Left: leftText(l), Done: min(max(l.Done, 0), 1), Over: l.Over(),
		Now: map[string]string{}, TPS: l.TPSNow, FlushPerS: l.FlushPerS,
	}
	for _, n := range figures(l) {
		f.Now[n.ID] = n.Value
	}
	if l.P99NS != nil {
		ms := float64(*l.P99NS) / 1e6
		f.P99MS = &ms
	}
	if r := l.AtRisk; r != nil {
		f.Risk = &[3]int64{r.Process.Commits, r.OS.Commits, r.Power.Commits}
	}
	return f
}

// leftText says where a run stands: step 3 of 24, about 80 s left.
func leftText(l *result.Live) string {
	if l.Steps == 0 {
		return "not planned yet"
	}
	left := time.Duration(max(l.LeftNS, 0))
	if left >= 100*time.Second {
		return fmt.Sprintf("step %d of %d, about %.0f min left", l.Step, l.Steps, math.Ceil(left.Minutes()))
	}
	return fmt.Sprintf("step %d of %d, about %.0f s left", l.Step, l.Steps, math.Ceil(left.Seconds()))
}

// none stands where nothing was measured.
const none = "–"

// figure is one line of what a run does now.
type figure struct{ ID, Name, Value string }

// figures are what a run does now, in words and figures.
func figures(l *result.Live) []figure {
	cell, round := none, none
	if l.Cell != "" {
		cell = l.Cell
	}
	if l.Round > 0 {
		round = fmt.Sprintf("%d of %d", l.Round, l.Rounds)
	}
	out := []figure{
		{"cell", "Cell", cell}, {"round", "Round", round},
		{"tps", "Commits a second", rateText(l.TPSNow)}, {"mean", "over the interval", rateText(l.TPS)}, {"commits", "Commits", countText(l.Commits)},
		{"p99", "p99 of a commit, ms", msText(l.P99NS)}, {"flushes", "Flushes a second", rateText(l.FlushPerS)},
	}
	process, kernel, power := none, none, none
	if r := l.AtRisk; r != nil {
		process, kernel, power = lossText(r.Process, r.Truncated), lossText(r.OS, r.Truncated), lossText(r.Power, r.Truncated)
	}
	return append(out, figure{"process", "At risk, process crash", process}, figure{"os", "At risk, kernel crash", kernel}, figure{"power", "At risk, power cut", power})
}

// lossText is what a crash would take: 32,161 (1.01 s).
func lossText(l result.LiveLoss, truncated bool) string {
	if l.Commits == 0 {
		return "nothing"
	}
	text := fmt.Sprintf("%s (%s)", verdict.Count(float64(l.Commits)), verdict.Span(l.AgeNS))
	if truncated {
		text = "at least " + text
	}
	return text
}

// rateText rounds to three digits.
func rateText(v *float64) string {
	switch {
	case v == nil || math.IsNaN(*v) || math.IsInf(*v, 0):
		return none
	case math.Abs(*v) >= 99.95:
		return verdict.Count(verdict.Significant(*v, 3))
	case math.Abs(*v) >= 9.995:
		return strconv.FormatFloat(*v, 'f', 1, 64)
	}
	return strconv.FormatFloat(*v, 'f', 2, 64)
}

func msText(ns *int64) string {
	if ns == nil {
		return none
	}
	return verdict.Milliseconds(float64(*ns))
}

func countText(n *int64) string {
	if n == nil {
		return none
	}
	return verdict.Count(float64(*n))
}
