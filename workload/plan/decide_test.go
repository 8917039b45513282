package plan

import (
	"math"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// made is evidence that a test makes up.
type made struct {
	disk  Disk
	pairs []Measured
}

func (m *made) Disk() Disk         { return m.disk }
func (m *made) Pairs() []Measured  { return m.pairs }
func (m *made) MeasuredS() float64 { return 3600 }

// pairOf is a pair with points at rates, each with its p99 in ms, whose commits are
// all kept or that loses a window of so long.
func pairOf(policy string, window time.Duration, rates ...[2]float64) Measured {
	m := Measured{Pair: Pair{Policy: policy}, Trials: map[Kind]Trials{}}
	m.Durability = result.Durability{Process: policy != "0", OS: window == 0, Power: window == 0}
	for _, r := range rates {
		p99 := stats.Summarize([]float64{r[1] * 1e6})
		w := result.Risk{AgeNSMax: int64(window)}
		m.Points = append(m.Points, Point{
			Params: result.Params{Policy: policy, Rate: r[0], Clients: 64, RecordBytes: 256}, TPS: stats.Summarize([]float64{r[0]}),
			P99: &p99, AtRisk: &result.AtRisk{OS: w, Power: w}, DurationS: 3.3, Rounds: 5, LogBytes: 300, DeviceBytes: 1000, FlushesPS: r[0],
		})
	}
	return m
}

// evidence is a disk with these pairs and a timer of a second.
func evidence(pairs ...Measured) *made {
	return &made{disk: Disk{Interval: time.Second, Settled: true, Rounds: 5, SizeBytes: 1e12}, pairs: pairs}
}

func decide(t *testing.T, flags string, pairs ...Measured) *Plan {
	t.Helper()
	return Decide(ask(t, flags), evidence(pairs...), today)
}

// TestNeed: the headroom is part of what must be carried.
func TestNeed(t *testing.T) {
	one := pairOf("1", 0, [2]float64{1000, 5}, [2]float64{1200, 20})
	for _, c := range []struct{ flags, verdict string }{
		{"--tps 1000 --p99 10ms", Yes},
		{"--tps 1000 --p99 10ms --headroom 20%", No},
		{"--tps 1000 --p99 10ms --headroom 10%", Unknown},
		{"--tps 1200 --p99 10ms", No},
		{"--tps 1200 --p99 20ms", Yes},
	} {
		if p := decide(t, c.flags, one); p.Verdict != c.verdict {
			t.Errorf("%s: verdict %s, %v; want %s", c.flags, p.Verdict, p.Why, c.verdict)
		}
	}
}

// TestUnknown: without a measurement at the rate, and without a model, nothing is promised.
func TestUnknown(t *testing.T) {
	p := decide(t, "--tps 5000 --p99 10ms", pairOf("1", 0, [2]float64{1000, 5}))
	if p.Verdict != Unknown || p.Use != "" || !strings.Contains(strings.Join(p.Why, " "), "Not decided") {
		t.Errorf("Decide() = %s, use %q, %v; want it not decided", p.Verdict, p.Use, p.Why)
	}
}

// TestKnee: a sweep's knee counts where its limit was at least as strict.
func TestKnee(t *testing.T) {
	for _, c := range []struct {
		limit   time.Duration
		verdict string
	}{{10 * time.Millisecond, Yes}, {5 * time.Millisecond, Yes}, {20 * time.Millisecond, Unknown}, {0, Unknown}} {
		m := pairOf("1", 0, [2]float64{100, 5})
		m.Knee = &Knee{Lo: 9000, Hi: 9500, P99NS: int64(c.limit)}
		p := decide(t, "--tps 5000 --p99 10ms", m)
		if p.Verdict != c.verdict {
			t.Errorf("knee at p99 <= %v: verdict %s; want %s", c.limit, p.Verdict, c.verdict)
		}
		if c.verdict == Yes && (p.Rows[0].Capacity.Basis != Swept || p.Rows[0].Capacity.Lo != 9000) {
			t.Errorf("capacity = %+v; want the low end of the knee", p.Rows[0].Capacity)
		}
	}
}

// TestHigherRateThatHappensToHold: a rate above one that did not hold proves nothing.
func TestHigherRateThatHappensToHold(t *testing.T) {
	p := decide(t, "--tps 2000 --p99 10ms", pairOf("1", 0, [2]float64{500, 5}, [2]float64{1000, 20}, [2]float64{2000, 9}))
	if c := p.Rows[0].Capacity; c.Lo != 500 || c.Hi != 1000 || p.Verdict != No {
		t.Errorf("capacity %+v, %s; want 500..1000, no", c, p.Verdict)
	}
}

// TestLoss holds windows and trials against limits.
func TestLoss(t *testing.T) {
	rate := [2]float64{1000, 5}
	crashed := func(t Trials) Measured {
		m := pairOf("1", 0, rate)
		m.Trials[OS] = t
		return m
	}
	for _, c := range []struct {
		name, flags, verdict string
		m                    Measured
	}{
		{"nothing lost", "--tps 1000 --max-loss os=0", Yes, pairOf("1", 0, rate)},
		{"a window too long", "--tps 1000 --max-loss os=1s", No, pairOf("2", 1010*time.Millisecond, rate)},
		{"a window within", "--tps 1000 --max-loss os=2s", Yes, pairOf("2", 1010*time.Millisecond, rate)},
		{"commits too many", "--tps 1000 --max-loss os=1000", No, pairOf("2", 1010*time.Millisecond, rate)},
		{"commits within", "--tps 1000 --max-loss os=1011", Yes, pairOf("2", 1010*time.Millisecond, rate)},
		{"not asked", "--tps 1000", Yes, pairOf("2", 1010*time.Millisecond, rate)},
		{"crashes took nothing", "--tps 1000 --max-loss os=0", Yes, crashed(Trials{Proofs: 40})},
		{"crashes took something", "--tps 1000 --max-loss os=0", No, crashed(Trials{Proofs: 40, WithLoss: 1, LostMax: 3})},
	} {
		p := decide(t, c.flags, c.m)
		if p.Verdict != c.verdict {
			t.Errorf("%s: verdict %s, %v; want %s", c.name, p.Verdict, p.Why, c.verdict)
		}
	}
	for _, c := range []struct {
		want string
		t    Trials
	}{
		{"a kernel crash took up to 3 commits in 1 of 40 trials", Trials{Proofs: 40, WithLoss: 1, LostMax: 3}},
		{"a kernel crash took up to 197 commits, from one log or from both, in 8 of 8 trials", Trials{Proofs: 8, WithLoss: 8, LostMax: 197, Diverged: 8}},
	} {
		if p := decide(t, "--tps 1000 --max-loss os=0", crashed(c.t)); !strings.Contains(strings.Join(p.Why, " "), c.want) {
			t.Errorf("why: %q; want %q", p.Why, c.want)
		}
	}
	p := decide(t, "--tps 1000 --max-loss os=0", crashed(Trials{Proofs: 40}))
	if pr := p.Rows[0].Loss[OS].Proven; pr == nil || math.Abs(pr.Bound-0.072) > 0.001 || !strings.Contains(strings.Join(p.Limits, " "), "7 %") {
		t.Errorf("proof %+v, limits %v; want 0 of 40 to leave 7 %%", pr, p.Limits)
	}
	short := pairOf("2", time.Millisecond, rate)
	short.Points[0].DurationS = 1
	if p := decide(t, "--tps 1000 --max-loss os=2s", short); p.Verdict != Unknown {
		t.Errorf("a window from one second: verdict %s; want it unknown", p.Verdict)
	}
}

// TestUnflushedBinlog: a short run shows a small window where only the kernel writes
// back; it is not believed.
func TestUnflushedBinlog(t *testing.T) {
	zero, m := 0, pairOf("1", 10*time.Millisecond, [2]float64{1000, 5})
	m.Pair.SyncBinlog = &zero
	for flags, verdict := range map[string]string{"--tps 1000 --max-loss os=2s": No, "--tps 1000 --max-loss os=2m": Unknown} {
		if p := decide(t, flags, m); p.Verdict != verdict {
			t.Errorf("%s: verdict %s; want %s", flags, p.Verdict, verdict)
		}
	}
}

// TestSafestIsPreferred: a faster pair is no reason to lose anything.
func TestSafestIsPreferred(t *testing.T) {
	rate := [2]float64{1000, 5}
	p := decide(t, "--tps 1000 --p99 10ms", pairOf("2", 1010*time.Millisecond, [2]float64{1000, 0.1}), pairOf("1", 0, rate), pairOf("0", 1010*time.Millisecond, [2]float64{1000, 0.1}))
	if p.Use != "1" || p.RunnerUp != "2" {
		t.Errorf("use %q, then %q; want 1, then 2", p.Use, p.RunnerUp)
	}
}

// TestCosts: wear, growth, log, risk and money by hand.
func TestCosts(t *testing.T) {
	p := decide(t, "--tps 1000 --p99 10ms --tbw 600 --traffic-growth 100%/y --checkpoint-age 10m --crashes os=2/y,power=1/y --monthly-cost 1000",
		pairOf("1", 0, [2]float64{1000, 5}, [2]float64{4000, 6}, [2]float64{8000, 20}), pairOf("2", time.Second, [2]float64{1000, 1}))
	r := p.row("1")
	year := 365.25 * 86400.0
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"years of the drive", r.LifeYears, 600e12 / (1000 * 1000 * year)},
		{"years until growth reaches 4,000/s", r.Until.Sub(today).Seconds() / year, 2},
		{"log capacity", r.LogCapacity, 300 * 1000 * 600 / usableLog},
		{"lost a year by 1", r.LostPerYear, 0},
		{"lost a year by 2", p.row("2").LostPerYear, 3 * 1000 / 2},
		{"machines", r.Machines, 1},
		{"cost of a million", r.PerMillion, 1000 / (1000 * year / 12 / 1e6)},
		{"headroom", r.Headroom, 3},
	} {
		if math.Abs(c.got-c.want) > 1e-6*math.Max(1, math.Abs(c.want)) {
			t.Errorf("%s = %v; want %v", c.what, c.got, c.want)
		}
	}
	if p := decide(t, "--tps 1000 --dwpd 0.5", pairOf("1", 0, [2]float64{1000, 5})); math.Abs(p.Rows[0].LifeYears-0.5*1e12*365.25*5/(1e6*year)) > 1e-9 {
		t.Errorf("life by drive writes a day = %v", p.Rows[0].LifeYears)
	}
}

// TestWhatIsNotKnown: figures that nobody measured are left out, not made up.
func TestWhatIsNotKnown(t *testing.T) {
	p := decide(t, "--tps 1000 --p99 10ms --replica-ack 400us", pairOf("1", 0, [2]float64{1000, 5}))
	if p.Model != nil || !strings.Contains(p.ModelNote, "no limit loop") {
		t.Errorf("model = %+v, %q; want none, and why", p.Model, p.ModelNote)
	}
	for _, s := range p.Sensitivity {
		if s.Meets != Unknown || s.P99NS != 0 {
			t.Errorf("sensitivity %+v; want it unknown", s)
		}
	}
	if len(p.Replica) != 1 || p.Replica[0].P99NS != 5.4e6 || p.Replica[0].Meets != Yes {
		t.Errorf("replica = %+v; want 5.4 ms", p.Replica)
	}
	if _, err := FromResults([]*result.Result{{Kind: result.KindProbe}}); err == nil {
		t.Error("FromResults of a probe alone = nil; want an error")
	}
}
