package verdict

import (
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// near is withLone with a limit loop beside each round.
func near() *result.Result {
	r := withLone(1300)
	for i := range r.Cells {
		c := &r.Cells[i]
		c.BoundText = "the flush"
		for k := range c.Rounds {
			round := &c.Rounds[k]
			round.Limit = result.RoundLimit{FlushPerS: 1400 + float64(k), BusyShare: ptr(0.96)}
			round.FlushBusyShare = ptr(0.93)
			round.LatencyNS.Mean = 1.5 * ms
			round.FlushNS = &result.Latency{Mean: ms}
			round.Flushes.Syscalls = 4000
		}
	}
	return r
}

func TestDistance(t *testing.T) {
	const lone = "One client (policy 1) carried 0.93 of the limit loop's rate; a flush was in flight for 93 % of the time, in the limit loop for 96 %; bound: the flush."
	const many = "64 clients (policy 1) carried 29.89 (29.84..29.93) times the limit loop's rate; a commit took 1.5 flush times (1 to 2 is what group commit allows); a flush was in flight for 93 % of the time, in the limit loop for 96 %; bound: the flush."
	each := func(r *result.Result, change func(*result.Round)) {
		for i := range r.Cells {
			for k := range r.Cells[i].Rounds {
				change(&r.Cells[i].Rounds[k])
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*result.Result)
		want   string
	}{
		{"near", func(*result.Result) {}, lone + "\n" + many},
		{"farther", func(r *result.Result) { each(r, func(x *result.Round) { x.TPS /= 2 }) },
			strings.NewReplacer("0.93 of", "0.46 of", "29.89 (29.84..29.93)", "14.94 (14.92..14.96)").Replace(lone + "\n" + many)},
		{"slow to wake", func(r *result.Result) { each(r, func(x *result.Round) { x.LatencyNS.Mean *= 2 }) }, lone + "\n" + strings.Replace(many, "1.5 flush", "3.0 flush", 1)},
		{"idle disk", func(r *result.Result) { each(r, func(x *result.Round) { x.FlushBusyShare = ptr(0.5) }) },
			strings.ReplaceAll(lone+"\n"+many, "93 % of the time", "50 % of the time")},
		{"the CPU bounds it", func(r *result.Result) { r.Cells[4].BoundText = "the CPU" }, strings.Replace(lone, "the flush.", "the CPU.", 1) + "\n" + many},
		{"no lone client", func(r *result.Result) { r.Cells = r.Cells[:4] }, many},
		{"no limit loop", func(r *result.Result) { each(r, func(x *result.Round) { x.Limit.FlushPerS = 0 }) }, ""},
		{"gathering is another row", func(r *result.Result) { r.Cells[3].Params.GroupDelay = "adaptive" }, lone},
		{"think time", func(r *result.Result) { r.Cells[4].Params.ThinkTimeNS = 1 }, many},
		{"1/1 speaks for the pairs", func(r *result.Result) {
			r.Cells[3].Params.SyncBinlog = ptr(0)
			r.Cells = append(r.Cells[:4], r.Cells[3])
			r.Cells[4].Params.SyncBinlog = ptr(1)
		}, strings.Replace(many, "policy 1", "1/1", 1)},
	} {
		r := near()
		c.change(r)
		if got := strings.Join(DistanceWords(r), "\n"); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	r := near()
	all := Distances(r)
	if len(all) != 2 || all[0].Cell != &r.Cells[3] || all[1].FlushesPerLimit == nil {
		t.Fatalf("Distances = %+v; want those of the two cells that wait for a flush", all)
	}
	if got := *all[1].FlushesPerLimit; got < 0.86 || got > 0.87 {
		t.Errorf("4,000 flushes in 3.3 s beside a limit of 1,402/s: %.3f of it; want 0.864", got)
	}
}

func TestWarnings(t *testing.T) {
	w := func(text string) []result.Warning { return []result.Warning{{Text: text, Advice: "Do."}} }
	drift := []result.Warning{{Code: "not-settled", Text: "drifted"}}
	r := &result.Result{Warnings: w("of the run"), Cells: []result.Cell{{Warnings: w("of a cell.")}, {Warnings: drift}, {Warnings: drift}}}
	r.Environment.Warnings = w("of the host")
	r.Environment.Devices = []result.Place{{Holds: []string{"pages", "binlog"}, Warnings: w("of a disk")}}
	var got []string
	for _, x := range Warnings(r) {
		got = append(got, WarningText(x))
	}
	want := []string{"of the run. Do.", "of a cell. Do.", "throughput still drifted within a round in 2 of 3 cells. Measure longer: --thorough.",
		"of the host. Do.", "pages and binlog: of a disk. Do."}
	if !slices.Equal(got, want) {
		t.Errorf("warnings %q; want %q", got, want)
	}
	if len(r.Warnings) != 1 {
		t.Error("Warnings changed the result")
	}
}

func TestBusyCells(t *testing.T) {
	round := func(seconds float64, percent ...float64) result.Round {
		x := result.Round{DurationS: seconds}
		if len(percent) > 0 {
			x.OtherCPUPercent = &percent[0]
		}
		return x
	}
	cell := func(name string, rounds ...result.Round) result.Cell { return result.Cell{Name: name, Rounds: rounds} }
	const advice = ". Stop what else runs, then measure again."
	for _, c := range []struct {
		name  string
		cells []result.Cell
		want  string
	}{
		{"of an older result", []result.Cell{cell("a", round(3), round(3))}, "the whole run" + advice},
		{"a tenth", []result.Cell{cell("a", round(3, 10), round(3, 10))}, "the whole run" + advice},
		{"one round alone", []result.Cell{cell("a", round(3, 1), round(3, 18))}, "the whole run" + advice},
		{"one round, the longer one", []result.Cell{cell("a", round(1, 1), round(3, 18), round(9))},
			"other processes took more than 10 % of the processors' time in 1 of 1 cells, the most in a: 14 %" + advice},
		{"two of four", []result.Cell{cell("a", round(3, 1)), cell("b", round(3, 20)), cell("c", round(3, 40), round(3, 30)), cell("d")},
			"other processes took more than 10 % of the processors' time in 2 of 4 cells, the most in c: 35 %" + advice},
	} {
		r := &result.Result{Cells: c.cells}
		r.Environment.Warnings = []result.Warning{{Code: "busy-during-run", Text: "the whole run", Advice: "Stop what else runs, then measure again."}}
		all := Warnings(r)
		if len(all) != 1 || WarningText(all[0]) != c.want {
			t.Errorf("%s: %+v; want %q", c.name, all, c.want)
		}
	}
}
