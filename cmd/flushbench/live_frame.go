package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// liveStyle turns what a run is doing into the lines of a frame. It is pure: the
// same Live gives the same lines.
type liveStyle struct {
	bold func(string) string
}

const (
	// narrowest is how many columns a frame of several lines takes at least.
	narrowest = 40
	// liveWidest keeps the lines of a wide terminal together.
	liveWidest = 96
)

// frame returns the lines, each shorter than the terminal is wide. In all phases
// of a run they are equally many, so that nothing jumps. scale is how many
// commits at risk fill a bar.
func (s liveStyle) frame(l *result.Live, scale float64, ending bool, columns, rows int) []string {
	wide := min(columns-1, liveWidest)
	if l.Steps == 0 && l.What == "" {
		return nil // nothing is known yet
	}
	if l.Steps == 0 || columns < narrowest {
		return []string{s.single(l, ending, wide)}
	}
	lines := []string{s.head(l, ending, wide), s.doing(l, wide), cut(liveParams(l.Params), wide)}
	lines = append(lines, s.figures(l, wide)...)
	lines = append(lines, s.risks(l, scale, wide)...)
	if len(lines) >= rows {
		return []string{s.single(l, ending, wide)}
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// single is everything in one line.
func (s liveStyle) single(l *result.Live, ending bool, wide int) string {
	left, what := timeLeft(time.Duration(l.LeftNS))+" left", l.What
	if ending {
		left = "ending"
	}
	if wide < 48 && l.Cell != "" {
		what = l.Cell
	}
	full := fmt.Sprintf("%s %3.0f %%  %s  %s", liveBar(l.Done, 24), l.Done*100, left, what)
	if wide < 48 {
		full = fmt.Sprintf("%3.0f %%  %s  %s", l.Done*100, left, what)
	}
	return strings.TrimRight(cut(full, wide), " ")
}

// head is how far the run is.
func (s liveStyle) head(l *result.Live, ending bool, wide int) string {
	parts := []string{
		fmt.Sprintf("%s %3.0f %%", liveBar(l.Done, min(max(wide/3, 10), 30)), l.Done*100),
		timeLeft(time.Duration(l.LeftNS)) + " left",
		fmt.Sprintf("step %d of %d", l.Step, l.Steps),
	}
	if ending {
		parts[1], parts[2] = "ending", "Ctrl-C again: at once"
	}
	return fitted(parts, "  ", wide)
}

// phaseWords says in words what a phase is.
var phaseWords = map[string]string{
	result.PhaseSetup: "preparing", result.PhaseCalibration: "calibrating", result.PhaseLimit: "limit loop", result.PhaseWarmup: "warm-up",
	result.PhaseMeasured: "measuring", result.PhaseDrain: "flushing the rest", result.PhaseVerify: "reading it back",
	result.PhaseRecovery: "recovering", result.PhaseFinished: "finished", result.PhaseInterrupted: "interrupted", result.PhaseFailed: "failed",
}

// doing is the step and its phase.
func (s liveStyle) doing(l *result.Live, wide int) string {
	phase, what := phaseWords[l.Phase], l.What
	if l.Phase == result.PhaseCalibration || l.Phase == result.PhaseLimit {
		phase = "" // the step says it
	}
	if what == "" {
		return cut(phase, wide)
	}
	if phase == "" {
		return s.bold(cut(what, wide))
	}
	room := wide - width(phase) - 2
	if width(what) > room && l.Cell != "" {
		what = fmt.Sprintf("%d/%d %s", l.Round, l.Rounds, l.Cell)
	}
	return s.bold(cut(what, room)) + "  " + phase
}

// liveParams is a cell in words.
func liveParams(p *result.Params) string {
	if p == nil {
		return ""
	}
	parts := []string{fmt.Sprintf("policy %s, %s", p.Policy, plural(p.Clients, "client"))}
	if p.SyncBinlog != nil {
		parts[0] = fmt.Sprintf("policy %s/%d, %s", p.Policy, *p.SyncBinlog, plural(p.Clients, "client"))
	}
	if p.Rate > 0 {
		parts = append(parts, rate(p.Rate)+" commits/s asked for")
	}
	parts = append(parts, p.FlushMethod)
	if p.Workload != "log" {
		parts = append(parts, p.Workload)
	}
	if p.GroupDelay != "off" && p.GroupDelay != "" {
		parts = append(parts, "delay "+p.GroupDelay)
	}
	return strings.Join(parts, ", ")
}

func plural(n int, noun string) string {
	text := verdict.Count(float64(n)) + " " + noun
	if n != 1 {
		text += "s"
	}
	return text
}

// figures are what the clients get, in columns that do not move.
func (s liveStyle) figures(l *result.Live, wide int) []string {
	show := func(v *float64, scale float64, text func(float64) string) string {
		if v == nil {
			return none
		}
		return text(*v * scale)
	}
	p99 := fmt.Sprintf("%8s   ", none)
	if l.P99NS != nil {
		p99 = fmt.Sprintf("%8s ms", millis(float64(*l.P99NS)))
	}
	now, soFar := fmt.Sprintf("commits/s %9s", show(l.TPSNow, 1, rate)), fmt.Sprintf("so far %9s", show(l.TPS, 1, rate))
	tail, flushes := "p99 "+p99, fmt.Sprintf("flushes/s %7s", show(l.FlushPerS, 1, rate))
	one := strings.Join([]string{now, soFar, tail, flushes}, "   ")
	if width(one) <= wide {
		return []string{one}
	}
	return []string{now + "  " + tail, fmt.Sprintf("so far    %9s  %s", show(l.TPS, 1, rate), flushes)}
}

// risks is a bar for each crash kind.
func (s liveStyle) risks(l *result.Live, scale float64, wide int) []string {
	names := [3]string{"process crash", "kernel crash", "power cut"}
	head, indent := "at risk  ", "         "
	if wide < 60 {
		names, head, indent = [3]string{"process", "kernel", "power"}, "", ""
	}
	if l.AtRisk == nil {
		text := "at risk  " + none
		if l.Cell != "" && (l.Phase == result.PhaseMeasured || l.Phase == result.PhaseWarmup) {
			text = "at risk  not tracked in a closed loop"
		}
		return []string{cut(text, wide), "", ""}
	}
	var lines []string
	for i, loss := range [3]result.LiveLoss{l.AtRisk.Process, l.AtRisk.OS, l.AtRisk.Power} {
		label := head + fmt.Sprintf("%-*s", width(names[0]), names[i])
		head = indent
		figures := fmt.Sprintf("%10s %9s", none, "")
		if loss.Commits > 0 {
			more := ""
			if l.AtRisk.Truncated {
				more = "+"
			}
			figures = fmt.Sprintf("%10s %7s s", verdict.Count(float64(loss.Commits))+more, decimal(float64(loss.AgeNS)/1e9))
		}
		bar := liveBar(float64(loss.Commits)/scale, min(wide-width(label)-width(figures)-4, 32))
		lines = append(lines, strings.TrimRight(label+" "+bar+" "+figures, " "))
	}
	return lines
}

// livePeak remembers how many commits were at risk at most, so that a bar keeps
// its scale while a cell goes on.
type livePeak struct {
	step  int
	scale float64
}

// see takes up what is shown next. A paced cell begins with what its policy is
// expected to leave at risk.
func (p *livePeak) see(l *result.Live) {
	if l.Step != p.step || p.scale == 0 {
		p.step, p.scale = l.Step, 1
		if q := l.Params; q != nil && q.Rate > 0 && q.Policy != "1" && q.Policy != "3" {
			p.scale = max(1, q.Rate*float64(q.FlushIntervalNS)/1e9)
		}
	}
	if r := l.AtRisk; r != nil {
		p.scale = max(p.scale, float64(r.Process.Commits), float64(r.OS.Commits), float64(r.Power.Commits))
	}
}

// liveBar is a bar of so many columns between brackets, filled to a share. What
// is above nothing is seen.
func liveBar(share float64, columns int) string {
	columns = max(columns, 1)
	full := int(math.Round(min(max(share, 0), 1) * float64(columns)))
	if share > 0 && full == 0 {
		full = 1
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", columns-full) + "]"
}

// fitted joins as many parts as go into a line.
func fitted(parts []string, gap string, wide int) string {
	text := ""
	for i, p := range parts {
		next := p
		if i > 0 {
			next = text + gap + p
		}
		if width(next) > wide {
			break
		}
		text = next
	}
	return cut(text, wide)
}

// cut shortens text to so many columns.
func cut(text string, columns int) string {
	if columns <= 0 {
		return ""
	}
	runes := []rune(text)
	if len(runes) <= columns {
		return text
	}
	if columns <= 4 {
		return string(runes[:columns])
	}
	return string(runes[:columns-3]) + "..."
}
