package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
)

// liveCase is a moment of a run.
type liveCase struct {
	name string
	l    result.Live
}

func ptr[T any](v T) *T { return &v }

// liveCases are the moments that look different.
func liveCases() []liveCase {
	base := result.Live{Kind: "run", Name: "run", Steps: 66, Step: 23, Rounds: 5, Round: 2, Done: 0.34, LeftNS: int64(62 * time.Second), Phase: result.PhaseMeasured}
	cell := base
	cell.Cell, cell.What = "risk,policy=0", "round 2 of 5: risk,policy=0"
	cell.Params = &result.Params{Workload: "log", Policy: "0", Clients: 8, Rate: 2600, FlushMethod: "fdatasync", FlushIntervalNS: 1e9, GroupDelay: "off"}
	cell.TPS, cell.TPSNow, cell.P99NS, cell.FlushPerS, cell.Commits = ptr(2601.4), ptr(2598.0), ptr(int64(14_000)), ptr(1.0), ptr(int64(4012))
	cell.AtRisk = &result.LiveRisk{
		Process: result.LiveLoss{Commits: 1203, Bytes: 300_000, AgeNS: 462_000_000},
		OS:      result.LiveLoss{Commits: 1301, Bytes: 330_000, AgeNS: 500_000_000},
		Power:   result.LiveLoss{Commits: 1301, Bytes: 330_000, AgeNS: 500_000_000},
	}
	fast := cell
	fast.Cell, fast.What = "speed,policy=1,clients=64,delay=adaptive", "round 2 of 5: speed,policy=1,clients=64,delay=adaptive"
	fast.Params = &result.Params{Workload: "log", Policy: "1", Clients: 64, FlushMethod: "o_direct+o_dsync", FlushIntervalNS: 1e9, GroupDelay: "adaptive"}
	fast.TPS, fast.TPSNow, fast.P99NS, fast.FlushPerS = ptr(80_123.0), ptr(81_960.0), ptr(int64(2_200_000)), ptr(1288.0)
	fast.AtRisk = &result.LiveRisk{}
	bank := cell
	bank.What, bank.Params = "round 2 of 5: bank", &result.Params{Workload: "bank", Policy: "2", SyncBinlog: ptr(100), Clients: 1, FlushMethod: "fdatasync", GroupDelay: "off", FlushIntervalNS: 1e9}
	bank.AtRisk = &result.LiveRisk{OS: result.LiveLoss{Commits: 1_234_567, AgeNS: 7e9}, Power: result.LiveLoss{Commits: 1_300_000, AgeNS: 7_120_000_000}, Truncated: true}
	untracked := fast
	untracked.AtRisk = nil
	warm := cell
	warm.Phase, warm.TPS, warm.TPSNow, warm.P99NS, warm.Commits = result.PhaseWarmup, nil, nil, nil, nil
	limit := base
	limit.Phase, limit.What, limit.FlushPerS = result.PhaseLimit, "round 2 of 5: limit of the disk, fdatasync", ptr(1417.0)
	verify := cell
	verify.Phase, verify.AtRisk, verify.TPSNow = result.PhaseVerify, nil, nil
	begin := result.Live{Steps: 66, LeftNS: int64(95 * time.Second), Phase: result.PhaseSetup}
	over := result.Live{Steps: 66, Step: 66, Done: 1, Phase: result.PhaseFinished}
	return []liveCase{
		{"paced, policy 0", cell}, {"closed loop, policy 1", fast}, {"a database, more at risk than was counted", bank}, {"not tracked", untracked},
		{"warm-up", warm}, {"limit loop", limit}, {"verify", verify}, {"before the first step", begin}, {"after the last", over},
		{"steps alone", result.Live{Done: 0.5, LeftNS: int64(10 * time.Second), What: "os crash, ext4, policy 2: trial 3 of 40"}},
	}
}

// liveScale is the scale that a view would have.
func liveScale(l *result.Live) float64 {
	var p livePeak
	p.see(l)
	return p.scale
}

// TestLiveFrames holds what a frame looks like at several widths, and that it
// keeps the promises that a view relies on.
func TestLiveFrames(t *testing.T) {
	s := liveStyle{bold: plain}
	for _, columns := range []int{200, 80, 60, 40, 39} {
		var b strings.Builder
		heights := map[int]bool{}
		for _, c := range liveCases() {
			lines := s.frame(&c.l, liveScale(&c.l), false, columns, 24)
			fmt.Fprintf(&b, "-- %s\n%s\n", c.name, strings.Join(lines, "\n"))
			if c.l.Steps > 0 {
				heights[len(lines)] = true
			}
			for _, line := range lines {
				if width(line) >= columns || strings.ContainsAny(line, "\n\r\x1b") {
					t.Errorf("%d columns, %s: %q does not fit", columns, c.name, line)
				}
			}
		}
		if len(heights) != 1 {
			t.Errorf("%d columns: frames of %v lines; want equally many", columns, heights)
		}
		testenv.Golden(t, fmt.Sprintf("live-%d.txt", columns), b.String())
	}
}

// TestLiveFramesFitAnything draws every case on every size.
func TestLiveFramesFitAnything(t *testing.T) {
	s := liveStyle{bold: plain}
	cases := liveCases()
	wild := cases[0].l
	wild.What, wild.LeftNS, wild.Done = strings.Repeat("äö", 300), 1<<62, 0.999999
	wild.TPSNow, wild.TPS, wild.P99NS, wild.FlushPerS = ptr(1e18), ptr(1e18), ptr(int64(1<<62)), ptr(1e18)
	wild.AtRisk = &result.LiveRisk{Process: result.LiveLoss{Commits: 1 << 62, AgeNS: 1 << 62}}
	cases = append(cases, liveCase{"wild", wild})
	for columns := 1; columns < 130; columns++ {
		for _, rows := range []int{1, 5, 7, 8, 9, 50} {
			for _, c := range cases {
				for _, ending := range []bool{false, true} {
					lines := s.frame(&c.l, liveScale(&c.l), ending, columns, rows)
					if len(lines) > 1 && len(lines) >= rows {
						t.Fatalf("%s: %d lines on %d rows", c.name, len(lines), rows)
					}
					if c.name == "wild" && columns < 80 {
						continue // figures that nothing on earth reaches may be cut by the terminal
					}
					for _, line := range lines {
						if width(line) >= max(columns, 2) {
							t.Fatalf("%s on %d columns: %q has %d", c.name, columns, line, width(line))
						}
					}
				}
			}
		}
	}
}

// TestLiveEnding holds that a user who pressed Ctrl-C is told so.
func TestLiveEnding(t *testing.T) {
	s := liveStyle{bold: plain}
	c := liveCases()[0]
	for _, columns := range []int{80, 40, 30} {
		lines := s.frame(&c.l, 1, true, columns, 24)
		if !strings.Contains(lines[0], "ending") || strings.Contains(lines[0], "left") {
			t.Errorf("%d columns: %q", columns, lines[0])
		}
	}
}

// TestLivePeak holds the scale of the bars: what is expected, then the most that
// was seen in this step, not what an earlier one had.
func TestLivePeak(t *testing.T) {
	var p livePeak
	l := liveCases()[0].l
	for _, c := range []struct {
		step   int
		params *result.Params
		atRisk *result.LiveRisk
		want   float64
	}{
		{1, l.Params, nil, 2600},
		{1, l.Params, l.AtRisk, 2600},
		{1, l.Params, &result.LiveRisk{Power: result.LiveLoss{Commits: 4000}}, 4000},
		{1, l.Params, l.AtRisk, 4000},
		{2, nil, nil, 1},
		{3, &result.Params{Policy: "1", Rate: 2600, FlushIntervalNS: 1e9}, l.AtRisk, 1301},
	} {
		p.see(&result.Live{Step: c.step, Params: c.params, AtRisk: c.atRisk})
		if p.scale != c.want {
			t.Errorf("step %d, at risk %v: scale %v; want %v", c.step, c.atRisk, p.scale, c.want)
		}
	}
}

func TestLiveBar(t *testing.T) {
	for _, c := range []struct {
		share   float64
		columns int
		want    string
	}{{0, 4, "[....]"}, {0.001, 4, "[#...]"}, {0.5, 4, "[##..]"}, {1, 4, "[####]"}, {7, 4, "[####]"}, {-1, 4, "[....]"}, {0.5, -3, "[#]"}} {
		if got := liveBar(c.share, c.columns); got != c.want {
			t.Errorf("liveBar(%v, %d) = %s; want %s", c.share, c.columns, got, c.want)
		}
	}
}

// TestPhasesHaveWords holds that no phase is shown as an empty word.
func TestPhasesHaveWords(t *testing.T) {
	phases := []string{
		result.PhaseSetup, result.PhaseCalibration, result.PhaseLimit, result.PhaseWarmup, result.PhaseMeasured, result.PhaseDrain, result.PhaseVerify,
		result.PhaseRecovery, result.PhaseFinished, result.PhaseInterrupted, result.PhaseFailed,
	}
	if len(phases) != len(phaseWords) || slices.ContainsFunc(phases, func(p string) bool { return phaseWords[p] == "" }) {
		t.Errorf("phases %v have the words %v", phases, phaseWords)
	}
}

// BenchmarkLiveFrame is what the lines of a frame and their write take of a processor;
// the snapshot comes on top (BenchmarkSnapshot in workload/runner). Five a second.
func BenchmarkLiveFrame(b *testing.B) {
	v, l := newView(io.Discard), liveCases()[1].l
	b.ReportAllocs()
	for n := range int64(b.N) {
		l.LeftNS = n * int64(time.Second) // so that no frame looks like the last one
		v.draw(l)
	}
}
