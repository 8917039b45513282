package plots

import (
	"fmt"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// sweepResult is what a sweep leaves: three pairs, one of which the time was too
// short for, and one closed loop each that told where to begin.
func sweepResult() *result.Result {
	r := newResult(result.KindSweep)
	one := 1
	r.Sweep = &result.Sweep{Over: result.SweepOverRate, Objective: result.SweepObjective{P99NS: 10e6}, Step: 1.024, Pairs: []result.SweepPair{
		{Name: "policy=1,sync_binlog=1", Policy: "1", SyncBinlog: &one}, {Name: "policy=2,sync_binlog=1", Policy: "2", SyncBinlog: &one},
		{Name: "policy=0,sync_binlog=1", Policy: "0", SyncBinlog: &one},
	}}
	for i := range r.Sweep.Pairs {
		p := &r.Sweep.Pairs[i]
		most := 12_000 * float64(1+2*i) // what it carries
		scout := closedCell(p.Policy, "off", 64)
		scout.Name = p.Name + ",scout"
		r.Cells = append(r.Cells, scout)
		for _, share := range []float64{0.25, 0.5, 0.9, 0.95, 0.98, 1.01, 1.2} {
			x := result.SweepPoint{Value: share * most, Tried: 5, Cell: fmt.Sprintf("%s,rate=%v", p.Name, share*most)}
			c := closedCell(p.Policy, "off", 64)
			c.Rounds, c.Name = nil, x.Cell
			c.Params.Load, c.Params.Rate, c.Params.SyncBinlog = result.LoadPaced, x.Value, &one
			addRounds(&c, x.Tried, min(x.Value, most)/(1+float64(i)/100), 0.4e6/(1.21-share))
			if share < 1 {
				x.Held = 5
			} else {
				x.Miss = result.MissP99
			}
			r.Cells, p.Points = append(r.Cells, c), append(p.Points, x)
		}
		p.Knee = result.SweepKnee{Lo: 0.98 * most, Hi: 1.01 * most, LoShown: true, HiShown: i < 2, Miss: result.MissP99, Ended: result.SweepClear, Rounds: 36}
	}
	r.Sweep.Pairs[2].Knee.Hi = 1.2 * 60_000
	return r
}

// TestKneeSaysWhatIsShown: a title claims a knee only where both of its ends are
// shown, and the words beside the picture give every interval.
func TestKneeSaysWhatIsShown(t *testing.T) {
	r := sweepResult()
	p := named(t, r, "knee")
	if want := "Setting 1/1 carries 11,760 commits/s within p99 <= 10ms, and not 12,120"; p.Title != want {
		t.Errorf("title %q; want %q", p.Title, want)
	}
	for _, want := range []string{"1/1: holds at 11,760 commits/s and not at 12,120, 7 loads tried", "0/1: holds at 58,800 commits/s and not at 72,000 (not shown)"} {
		if !strings.Contains(p.Alt, want) {
			t.Errorf("alt %q; want %q in it", p.Alt, want)
		}
	}
	k := &r.Sweep.Pairs[0].Knee
	k.HiShown = false
	if p := named(t, r, "knee"); p.Title != "How much load does each setting carry?" {
		t.Errorf("an end that is not shown: title %q; want the question", p.Title)
	}
	for want, change := range map[string]func(){
		"holds at 11,760 commits/s, and nothing that was tried was too much": func() { k.Hi = 0 },
		"holds at 11,760 commits/s, and how much more is open: the hypervisor disturbed 49 of 50 rounds": func() {
			k.Hi, k.Ended, k.Disturbed, k.Rounds = 0, result.SweepDisturbed, 49, 50
		},
		"does not hold at 12,120 commits/s, nor at anything that was tried, 7 loads": func() { k.Lo, k.Hi, k.HiShown = 0, 12_120, true },
		"1/1: nothing was found": func() { k.Lo, k.Hi = 0, 0 },
	} {
		*k = sweepResult().Sweep.Pairs[0].Knee
		change()
		if p := named(t, r, "knee"); !strings.Contains(p.Alt, want) {
			t.Errorf("knee %+v: alt %q; want %q in it", *k, p.Alt, want)
		}
		svg(t, new(named(t, r, "knee")))
	}
}

// TestKneeFigure: the picture shows the figure that the objective is about, by the
// rounds' maximum where they are too short for it, as the search judges them.
func TestKneeFigure(t *testing.T) {
	p99, p999, l := int64(3e6), int64(5e6), &result.Latency{Mean: 1e6, Max: 9e6}
	for _, c := range []struct {
		o           result.SweepObjective
		p99, p999   *int64
		of          string
		limit, want int64
	}{
		{result.SweepObjective{}, &p99, &p999, "p99 of latency", 0, 3e6},
		{result.SweepObjective{P99NS: 7, MeanNS: 3}, &p99, &p999, "p99 of latency", 7, 3e6},
		{result.SweepObjective{P99NS: 7}, nil, nil, "p99 of latency", 7, 9e6},
		{result.SweepObjective{P99NS: 7, P999NS: 8}, &p99, &p999, "p99.9 of latency", 8, 5e6},
		{result.SweepObjective{MeanNS: 3}, &p99, &p999, "mean latency", 3, 1e6},
	} {
		l.P99, l.P999 = c.p99, c.p999
		if f := figureOf(c.o); f.of != c.of || f.limit != c.limit || f.ns(l) != c.want {
			t.Errorf("figureOf(%+v) = %s, limit %d, %d ns; want %s, %d, %d", c.o, f.of, f.limit, f.ns(l), c.of, c.limit, c.want)
		}
	}
}

// TestKneeAlone: the loads that a search over rates tried are no comparison at one
// load, so no other picture shows them; over clients they are cells like others.
func TestKneeAlone(t *testing.T) {
	r := sweepResult()
	if all := All(r); len(all) != 1 || all[0].Name != "knee" {
		t.Errorf("a sweep over rates has %d pictures; want its search alone", len(all))
	}
	r.Sweep.Over = result.SweepOverClients
	if all := All(r); len(all) < 2 || all[0].Name != "knee" {
		t.Errorf("a sweep over clients has %d pictures; want its search first, then those of its cells", len(all))
	}
	r.Sweep.Pairs = nil
	if p := named(t, r, "knee"); !strings.Contains(p.Alt, "no load was measured") {
		t.Errorf("nothing measured: %q", p.Alt)
	}
}

// TestKneeManyPairs: pairs beyond those that can be told apart are counted, and two of
// one setting look different.
func TestKneeManyPairs(t *testing.T) {
	r := sweepResult()
	for i := range 12 {
		p := r.Sweep.Pairs[i%3]
		p.Name = fmt.Sprintf("policy=%s,method=%d", p.Policy, i)
		r.Sweep.Pairs = append(r.Sweep.Pairs, p)
	}
	all, left := searches(r)
	if len(all) != maxLines || left != "6 more settings not drawn" {
		t.Errorf("%d pairs drawn, %q", len(all), left)
	}
	if a, b := all[0].cost.look, all[3].cost.look; a.colour != b.colour || a.mark == b.mark || b.mark == markCross {
		t.Errorf("two pairs of one policy: marks %d and %d", a.mark, b.mark)
	}
	svg(t, new(named(t, r, "knee")))
}
