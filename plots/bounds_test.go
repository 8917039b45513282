package plots

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// manyPairs is a run of more settings than a picture can show: three policies with
// five values of sync_binlog, closed and paced.
func manyPairs() *result.Result {
	r := newResult(result.KindRun)
	for _, n := range []int{0, 1, 10, 100, 1000, 10_000, 100_000} {
		for _, policy := range []string{"1", "2", "0"} {
			for _, clients := range []int{8, 64} {
				c := closedCell("1", "off", clients)
				c.Name, c.Bound = fmt.Sprint("closed", policy, n, clients), result.BoundCPU
				c.Params.Policy, c.Params.SyncBinlog, c.Params.Rows = policy, &n, 100
				c.Rounds[0].Histogram = histogram(0.7e6)
				r.Cells = append(r.Cells, c)
			}
			c := pacedCell("1", 0.7e6, 900)
			c.Name = fmt.Sprint("paced", policy, n)
			c.Params.Policy, c.Params.SyncBinlog, c.Params.Rows = policy, &n, 100
			r.Cells = append(r.Cells, c)
		}
	}
	return r
}

// TestNothingIsDroppedSilently: a picture that shows a part says how much it leaves
// out, to those who see it and to those who do not, and shows some of every policy.
func TestNothingIsDroppedSilently(t *testing.T) {
	r := manyPairs()
	for name, want := range map[string]string{
		"added-latency": "12 more settings not drawn", "throughput": "12 more settings not drawn", "throughput-latency": "12 more settings not drawn",
		"latency-percentiles": "12 more settings not drawn", "policy-sync-binlog": "1 more column not drawn",
		"at-risk": "not shown: 1/100 900 (0.35 s), 1/1000 900 (0.35 s), 1/10000 900 (0.35 s), 1/100000 900 (0.35 s), 1/0 900 (0.35 s) and 12 more", "stages": "33 more cells in result.json", "timeline": "18 more settings in result.json",
	} {
		p := named(t, r, name)
		text := svg(t, &p)
		if !strings.Contains(p.subtitle, want) {
			t.Errorf("%s: subtitle %q; want %q in it", name, p.subtitle, want)
		}
		if name != "stages" && name != "timeline" && !strings.Contains(strings.ToLower(p.Alt), want) {
			t.Errorf("%s: description %q; want %q in it", name, p.Alt, want)
		}
		for _, policy := range []string{"0/", "1/", "2/"} {
			if name != "policy-sync-binlog" && !strings.Contains(text, ">"+policy) {
				t.Errorf("%s shows nothing of policy %s", name, policy[:1])
			}
		}
		for _, c := range p.complaints() {
			t.Errorf("%s: %s", name, c)
		}
	}
	for _, p := range All(runResult()) {
		if strings.Contains(p.subtitle, "not drawn") || strings.Contains(p.Alt, "not drawn") {
			t.Errorf("%s of a usual run claims to leave something out: %q", p.Name, p.subtitle)
		}
	}
}

// TestTrialsAreCounted: crashes beyond what a picture holds are counted.
func TestTrialsAreCounted(t *testing.T) {
	r := newResult(result.KindCrash)
	for i := range maxTrials + 7 {
		r.CrashTrials = append(r.CrashTrials, result.CrashTrial{Kind: "os", Policy: "2", Acked: 900, Lost: int64(i), AtRiskAtCrash: &result.RiskAtCrash{Commits: int64(i)}})
	}
	for _, name := range []string{"at-risk", "crash-trials"} {
		p := named(t, r, name)
		if want := "7 more trials not drawn"; !strings.Contains(p.subtitle, want) || !strings.Contains(p.Alt, want) {
			t.Errorf("%s: %q, %q; want %q in both", name, p.subtitle, p.Alt, want)
		}
	}
}

func TestInTurn(t *testing.T) {
	all := strings.Fields("1a 1b 1c 1d 2a 2b 0a")
	for n, want := range map[int]string{1: "1a", 2: "1a 2a", 3: "1a 2a 0a", 4: "1a 1b 2a 0a", 5: "1a 1b 2a 2b 0a", 6: "1a 1b 1c 2a 2b 0a", 7: "1a 1b 1c 1d 2a 2b 0a", 9: "1a 1b 1c 1d 2a 2b 0a"} {
		got := inTurn(slices.Clone(all), n, func(s *string) string { return (*s)[:1] })
		if strings.Join(got, " ") != want {
			t.Errorf("inTurn(%q, %d) = %q; want %q", all, n, got, want)
		}
	}
}

// TestUnseen: characters that nobody sees, and those that turn the direction of text
// around, stand in no picture.
func TestUnseen(t *testing.T) {
	const unseen = "\u202e\u2066\u200b\u200d\u00ad\ufeff\u2028\u061c\U000e0041\x1b\x7f\u0085"
	r := runResult()
	r.Environment.Host = "lap" + unseen + "top"
	for i := range r.Cells {
		r.Cells[i].Params.Workload, r.Cells[i].Params.Policy = "l"+unseen+"og", unseen+r.Cells[i].Params.Policy
	}
	for _, p := range All(r) {
		text := svg(t, &p)
		if i := strings.IndexAny(text, unseen); i >= 0 {
			t.Errorf("%s: %q is left", p.Name, text[max(0, i-20):i+10])
		}
	}
	if got := clean("a" + unseen + "b\tc\u00a0d"); got != "a  b c\u00a0d" { // a line's end is a blank
		t.Errorf("clean = %q", got)
	}
}

// TestStrips: wherever the mouse is over a picture of time, it finds the values of
// all lines there, peaks among them.
func TestStrips(t *testing.T) {
	run := runResult()
	for i := range run.Cells {
		for j := range run.Cells[i].Rounds {
			if s := run.Cells[i].Rounds[j].AtRiskSeries; s != nil {
				flushAfterEach(s)
			}
		}
	}
	p := named(t, run, "at-risk")
	text := svg(t, &p)
	if n := strings.Count(text, `<g class="strip">`); n != 2*maxStrips {
		t.Errorf("%d strips in two panels; want %d", n, 2*maxStrips)
	}
	for _, want := range []string{"policy 1 none; policy 2 2,623; policy 0 2,629", "policy 1 none; policy 2 none; policy 0 2,629"} {
		if !strings.Contains(text, want+"</title>") {
			t.Errorf("no strip says %q", want)
		}
	}
	r := bankResult()
	p = named(t, r, "timeline")
	text = svg(t, &p)
	c := r.Cells[3] // 0/1 with 64 clients
	if want := fmt.Sprintf("0/1 %s commits/s, mean %s ms, longest %s ms", decimal(c.Rounds[0].TPS), millis(float64(c.Rounds[0].LatencyNS.Mean)), millis(float64(c.Rounds[0].LatencyNS.Max))); !strings.Contains(text, want) {
		t.Errorf("no strip of the timeline says %q", want)
	}
	if !strings.Contains(text, "checkpoint age 40.0 %") {
		t.Error("no strip of the timeline says the peak of the checkpoint age")
	}
	if !strings.Contains(text, "memory 120 MiB") || !strings.Contains(text, "Resident memory of the process, MiB") {
		t.Error("the timeline does not say the peak of the memory")
	}
	// The last strip holds the end; every other its begin.
	s := strips(linear(0, 1, 1, plain))
	if !s[maxStrips-1].holds(1, 1) || s[0].holds(s[1].from, 1) || !s[1].holds(s[1].from, 1) {
		t.Error("a value on the border of strips is in both or in none")
	}
}

// flushAfterEach adds to each sample one, a moment later, with nothing at risk: so the
// last of a piece of time is never its most.
func flushAfterEach(s *result.RiskSeries) {
	var after result.RiskSeries
	for i, at := range s.TNS {
		after.TNS = append(after.TNS, at, at+1)
		after.Process = append(after.Process, s.Process[i], 0)
		after.OS = append(after.OS, s.OS[i], 0)
		after.Power = append(after.Power, s.Power[i], 0)
	}
	*s = after
}

// TestTwoLogs: with a binlog a crash is held against its prediction by what is gone
// from any of the logs.
func TestTwoLogs(t *testing.T) {
	n := 100
	r := newResult(result.KindCrash)
	r.CrashTrials = []result.CrashTrial{{Kind: "os", Policy: "0", SyncBinlog: &n, Acked: 213, Lost: 7, EngineAhead: 130, BinlogAhead: 8, Missing: 145,
		AtRiskAtCrash: &result.RiskAtCrash{Commits: 145}}}
	if got := crashesOf(r).series[0].points[0]; got.x != 145 || got.y != 145 {
		t.Errorf("the crash stands at %v of %v; want 145 of 145", got.y, got.x)
	}
	p := named(t, r, "crash-trials")
	text := svg(t, &p)
	for _, want := range []string{"acknowledged commits missing from a log", "os crash under 0/100: 7 of 213 acknowledged commits lost, 130 only in the engine, 8 only in the binlog, 145 were at risk"} {
		if !strings.Contains(text, want) {
			t.Errorf("crash-trials lacks %q", want)
		}
	}
	p = named(t, crashResult(), "crash-trials")
	if text := svg(t, &p); strings.Contains(text, "missing") || !strings.Contains(text, "acknowledged commits lost") {
		t.Error("with one log commits are not called lost")
	}
}

// TestNumbersKeepClear: the numbers in the trade-off stand on no line, no leader and
// no marker.
func TestNumbersKeepClear(t *testing.T) {
	p := &panel{canvas: &recorder{}, data: box{0, 0, 400, 300}}
	for _, c := range []struct {
		name     string
		from, to point // a line that ends at the point of the number
	}{{"rising", point{100, 200}, point{200, 100}}, {"falling", point{100, 100}, point{200, 200}}, {"flat", point{100, 150}, point{200, 150}}, {"steep", point{195, 20}, point{200, 200}}, {"from above", point{100, 20}, point{200, 200}}} {
		taken := append(along(c.from, c.to), box{c.to.x, c.to.y - 1, 400, c.to.y + 1})
		after := p.number(c.to, "64", look{}, slices.Clone(taken))
		if len(after) != len(taken)+1 {
			t.Errorf("%s: no room for a number", c.name)
			continue
		}
		for i := range 200 {
			f := float64(i) / 199
			at := point{c.from.x + f*(c.to.x-c.from.x), c.from.y + f*(c.to.y-c.from.y)}
			if b := after[len(after)-1]; overlaps(box{at.x, at.y, at.x + 0.01, at.y + 0.01}, []box{b}) {
				t.Errorf("%s: the number at %v stands on the line, at %v", c.name, b, at)
				break
			}
		}
	}
}

// TestNoPercentileNoWord: a probe too short for a 99th percentile claims none.
func TestNoPercentileNoWord(t *testing.T) {
	r := probeResult()
	for i := range r.Probe.Rows {
		r.Probe.Rows[i].P99NS = nil
	}
	p := named(t, r, "flush-methods")
	if text := svg(t, &p); strings.Contains(text, "p99 -") || strings.Contains(p.Title, "p99") {
		t.Errorf("title %q names a percentile that was not measured", p.Title)
	}
}

// TestBarsOfAll: where bars are left out, each setting keeps that of the most clients.
func TestBarsOfAll(t *testing.T) {
	var bars []spentTime
	for _, policy := range []string{"1", "3", "2", "0"} {
		for _, n := range []int{1, 4, 8, 64} {
			c := closedCell(policy, "off", n)
			bars = append(bars, spentTime{cell: cell{Cell: &c}})
		}
	}
	most := 0
	kept := thinBars(bars)
	for _, b := range kept {
		if b.Params.Clients == 64 {
			most++
		}
	}
	if len(kept) != maxBars || most != 4 {
		t.Errorf("kept %d bars, %d of them with the most clients; want %d and 4", len(kept), most, maxBars)
	}
}
