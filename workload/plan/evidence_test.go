package plan

import (
	"strings"
	"testing"
	"time"

	"flushbench/metrics/model"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// TestAPacedCellShowsItsRate: a cell that kept up shows the rate that was asked of it,
// though it carried a little less, and headroom is no matter of rounding.
func TestAPacedCellShowsItsRate(t *testing.T) {
	m := pairOf("1", 0, [2]float64{1100, 5})
	m.Points[0].TPS = stats.Summarize([]float64{1096, 1099, 1101})
	if p := decide(t, "--tps 1000 --p99 10ms --headroom 10%", m); p.Verdict != Yes || p.Rows[0].Capacity.Lo != 1100 {
		t.Errorf("Decide() = %s, %+v; want 1,100/s shown", p.Verdict, p.Rows[0].Capacity)
	}
	m.Points[0].TPS = stats.Summarize([]float64{1000, 1010, 1020})
	if p := decide(t, "--tps 1000 --p99 10ms --headroom 10%", m); p.Verdict != No {
		t.Errorf("a cell that fell behind: %s; want no", p.Verdict)
	}
}

// TestClosedLoopDecidesNothing: nobody comes while a closed loop stalls, so what it
// carries is shown and promises nothing.
func TestClosedLoopDecidesNothing(t *testing.T) {
	m := pairOf("1", 0, [2]float64{0, 5})
	m.Points[0].TPS = stats.Summarize([]float64{50_000})
	p := decide(t, "--tps 1000 --p99 10ms", m)
	if c := p.Rows[0].Capacity; p.Verdict != Unknown || c.Lo != 0 || c.Closed != 50_000 {
		t.Errorf("Decide() = %s, %+v; want it not decided, and 50,000/s told", p.Verdict, c)
	}
}

// TestAPercentileThatIsNotShown neither keeps the limit nor breaks it.
func TestAPercentileThatIsNotShown(t *testing.T) {
	m := pairOf("1", 0, [2]float64{1000, 5}, [2]float64{2000, 5})
	m.Points[0].P99 = nil
	if p := decide(t, "--tps 1000 --p99 10ms", m); p.Verdict != Yes || p.Rows[0].Capacity.Hi != 0 {
		t.Errorf("a higher rate that holds: %s, %+v; want yes", p.Verdict, p.Rows[0].Capacity)
	}
	m.Points[1].P99 = nil
	if p := decide(t, "--tps 1000 --p99 10ms", m); p.Verdict != Unknown {
		t.Errorf("no percentile at all: %s; want it not decided", p.Verdict)
	}
}

// TestKneeEnds: an end of a knee that few rounds bear out is not shown, and where a
// cell contradicts a knee the lower rate counts.
func TestKneeEnds(t *testing.T) {
	for _, c := range []struct {
		lo, hi   bool
		want     Knee
		name     string
		measured [2]float64
		verdict  string
	}{
		{true, true, Knee{Lo: 9000, Hi: 9200}, "shown", [2]float64{100, 5}, Yes},
		{false, true, Knee{Hi: 9200}, "lower end not shown", [2]float64{100, 5}, Unknown},
		{true, true, Knee{Lo: 9000, Hi: 9200}, "a cell contradicts it", [2]float64{4000, 50}, No},
	} {
		s := &saved{}
		s.sweep(&result.Sweep{Over: result.SweepOverRate, Pairs: []result.SweepPair{{Policy: "1", Knee: result.SweepKnee{Lo: 9000, Hi: 9200, LoShown: c.lo, HiShown: c.hi}}}})
		if *s.pairs[0].Knee != c.want {
			t.Errorf("%s: knee %+v; want %+v", c.name, *s.pairs[0].Knee, c.want)
		}
		m := pairOf("1", 0, c.measured)
		m.Knee = s.pairs[0].Knee
		m.Knee.P99NS = 1e7
		if p := decide(t, "--tps 5000 --p99 10ms", m); p.Verdict != c.verdict {
			t.Errorf("%s: verdict %s, %+v; want %s", c.name, p.Verdict, p.Rows[0].Capacity, c.verdict)
		}
	}
}

// TestModelSlack: what the model may be off by is room that it must leave.
func TestModelSlack(t *testing.T) {
	for _, c := range []struct {
		capacity Capacity
		misses   int
		unknown  int
	}{
		{Capacity{Model: 1300}, 0, 0},
		{Capacity{Model: 1100}, 0, 1},
		{Capacity{Model: 900}, 0, 1},
		{Capacity{Model: 700}, 1, 0},
		{Capacity{Model: 700, ModelEnds: true}, 0, 1}, // it may be more
		{Capacity{Lo: 1000, Model: 700}, 0, 0},
		{Capacity{Hi: 1000, Model: 1e6}, 1, 0},
		{Capacity{Lo: 900, Hi: 1100, Model: 1e6}, 0, 1},
	} {
		d := &decision{o: ask(t, "--tps 1000"), fitted: fitted{model: &Model{Quality: model.Quality{Median: 0.1, MedianP99: 0.25}}}}
		r := Row{Capacity: c.capacity}
		d.judgeRate(&r)
		if len(r.Misses) != c.misses || len(r.Unknown) != c.unknown {
			t.Errorf("%+v with an error of 25 %%: misses %v, unknown %v; want %d and %d", c.capacity, r.Misses, r.Unknown, c.misses, c.unknown)
		}
	}
}

// TestNothingMayBeLost: what is not flushed may be lost, whether or not anybody saw
// how much; and what crashes took counts beside what was at risk.
func TestNothingMayBeLost(t *testing.T) {
	hundred := 100
	m := pairOf("1", time.Millisecond, [2]float64{1000, 5})
	m.Pair.SyncBinlog, m.Points[0].AtRisk = &hundred, nil
	if p := decide(t, "--tps 1000 --max-loss os=0", m); p.Verdict != No {
		t.Errorf("1/100 without a figure: %s; want no", p.Verdict)
	}
	for limit, verdict := range map[string]string{"1s": No, "2s": Yes} {
		m := pairOf("2", 900*time.Millisecond, [2]float64{1000, 5})
		m.Trials[OS] = Trials{Proofs: 10, WithLoss: 10, LostMax: 1500, AgeMaxNS: 1.5e9}
		if p := decide(t, "--tps 1000 --max-loss os="+limit, m); p.Verdict != verdict {
			t.Errorf("a crash took 1.5 s, %s may be lost: %s; want %s", limit, p.Verdict, verdict)
		}
	}
}

// TestSoakEvidence: half an hour at the rate, without a change, is what ends the
// doubt about a device that is known to slow down; or somebody's word for it.
func TestSoakEvidence(t *testing.T) {
	soak := func(rate float64, minutes int, changes ...result.SoakChange) Measured {
		m := pairOf("1", 0, [2]float64{rate, 5})
		m.Points[0].Soak = &result.Soak{ActiveNS: int64(minutes) * 60e9, Enough: true, Steady: len(changes) == 0, Changes: changes}
		return m
	}
	slower := result.SoakChange{AtNS: 25 * 60e9, Figure: result.SoakTPS, Before: 1000, After: 100, TPSBefore: 1000, TPSAfter: 100}
	for _, c := range []struct {
		name, flags string
		m           Measured
		says        string // "": no doubt
		verdict     string
	}{
		{"none", "", pairOf("1", 0, [2]float64{1000, 5}), "Measured in turns", Yes},
		{"a steady one", "", soak(1000, 60), "", Yes},
		{"too short", "", soak(1000, 20), "No soak was steady", Yes},
		{"at a lower rate", "--headroom 50%", soak(1000, 60), "No soak was steady", Unknown},
		{"one that changed", "", soak(1000, 60, slower), "changed after 25 min", No},
		{"somebody's word", "--assume steady=yes", pairOf("1", 0, [2]float64{1000, 5}), "", Yes},
		{"protection is no such word", "--assume plp=yes", pairOf("1", 0, [2]float64{1000, 5}), "Measured in turns", Yes},
	} {
		e := evidence(c.m)
		e.disk.Model = "Amazon Elastic Block Store"
		p := Decide(ask(t, "--tps 1000 --p99 10ms "+c.flags), e, today)
		limits := strings.Join(p.Limits, " ")
		if doubt := strings.Contains(limits, "may slow down"); doubt != (c.says != "") || !strings.Contains(limits, c.says) || p.Verdict != c.verdict {
			t.Errorf("%s: %s, %q; want %s and %q", c.name, p.Verdict, limits, c.verdict, c.says)
		}
	}
}

// TestSensitivityIsNoBetter: what was too much as it is, is too much when something
// gets worse, whatever the model says; and a cell is no measurement of another one.
func TestSensitivityIsNoBetter(t *testing.T) {
	m := pairOf("1", 0, [2]float64{1000, 50})
	m.Points[0].Params.RecordBytes = 0 // of a workload that makes its own records
	for _, s := range decide(t, "--tps 1000 --p99 10ms", m).Sensitivity {
		if s.Meets != No || s.Basis != MeasuredAt || s.P99NS != 0 {
			t.Errorf("sensitivity %+v; want no, as measured, without a figure", s)
		}
	}
}

// TestBesideBackgroundIO: what a cell beside other I/O shows is told as measured, and
// never taken for what the pair carries by itself; without such a cell nothing is said.
func TestBesideBackgroundIO(t *testing.T) {
	m := pairOf("1", 0, [2]float64{1000, 5})
	busy := pairOf("1", 0, [2]float64{1000, 50}).Points[0]
	busy.Cell, busy.Params.BackgroundIO = "busy", "read=200MiB/s"
	other := busy // of other clients: not the same cell
	other.Params.Clients, other.Params.BackgroundIO = 8, "write=1MiB/s"
	of := func(p *Plan) (found []Sense) {
		for _, s := range p.Sensitivity {
			if strings.HasPrefix(s.What, "beside ") {
				found = append(found, s)
			}
		}
		return found
	}
	if got := of(decide(t, "--tps 1000 --p99 10ms", m)); len(got) != 0 {
		t.Errorf("nothing was measured beside it: %+v", got)
	}
	m.Variants = []Point{busy, other}
	p := decide(t, "--tps 1000 --p99 10ms", m)
	got := of(p)
	if len(got) != 1 || got[0].What != "beside read=200MiB/s" || got[0].Meets != No || got[0].P99NS != 50e6 || got[0].Basis != MeasuredAt {
		t.Errorf("%+v; want no, 50 ms, as measured", got)
	}
	if p.Verdict != Yes {
		t.Errorf("%s; the pair by itself meets it", p.Verdict)
	}
	good := pairOf("1", 0, [2]float64{1000, 9}).Points[0]
	m.Variants[0].P99 = good.P99
	if got := of(decide(t, "--tps 1000 --p99 10ms", m)); len(got) != 1 || got[0].Meets != Yes {
		t.Errorf("%+v; want yes", got)
	}
}
