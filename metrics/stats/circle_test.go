package stats

import (
	"fmt"
	"testing"

	"flushbench/metrics/result"
)

const mib = 1 << 20

// capacityCell is a made-up cell whose clients spend a share of their time waiting for
// room, and which goes round its log so often in each of 5 rounds of 2 s.
func capacityCell(capacity int64, tps, stalled, laps float64) result.Cell {
	one := 1
	c := result.Cell{Name: fmt.Sprint(capacity), Params: result.Params{Workload: "update", Policy: "1", SyncBinlog: &one, Clients: 4, LogCapacityBytes: capacity, Durability: "redo"}}
	for i := range 5 {
		c.Rounds = append(c.Rounds, result.Round{
			Round: i + 1, DurationS: 2, TPS: tps * (1 + float64(i-2)/100), LatencyNS: result.Latency{P99: new(int64(8e9 / tps))}, Limit: result.RoundLimit{FlushPerS: 1000},
			Database: &result.Database{RedoBytes: int64(laps * float64(capacity)), FreeCheckStalls: int64(1000 * stalled), FreeCheckNS: int64(stalled * 4 * 2e9),
				CheckpointAgeMax: int64(min(laps, 1) * float64(capacity) / 2), CheckpointAgeCapacity: capacity},
		})
	}
	return c
}

func TestCircle(t *testing.T) {
	type want struct {
		fits          []Fit
		enough, tight int
	}
	for name, c := range map[string]struct {
		cells []result.Cell
		want  want
	}{
		"small logs stall": {
			[]result.Cell{capacityCell(4*mib, 1000, 0.4, 30), capacityCell(16*mib, 4000, 0.02, 20), capacityCell(64*mib, 5000, 0.001, 5), capacityCell(256*mib, 5000, 0, 1.2)},
			want{[]Fit{FitTight, FitTight, FitEnough, FitEnough}, 2, 1},
		},
		"slower without a wait": { // the page cleaner hurries
			[]result.Cell{capacityCell(4*mib, 3000, 0, 30), capacityCell(16*mib, 5000, 0, 20)},
			want{[]Fit{FitTight, FitEnough}, 1, 0},
		},
		"not gone round": {
			[]result.Cell{capacityCell(4*mib, 1000, 0.4, 30), capacityCell(256*mib, 5000, 0, 0.9)},
			want{[]Fit{FitTight, FitUnfilled}, -1, 0},
		},
		"stalls though not gone round": {
			[]result.Cell{capacityCell(4*mib, 1000, 0.1, 0.9), capacityCell(256*mib, 1000, 0, 0.1)},
			want{[]Fit{FitTight, FitUnfilled}, -1, 0},
		},
		"slower and not gone round": { // whatever it is, it is not the log
			[]result.Cell{capacityCell(64*mib, 3000, 0, 0.9), capacityCell(256*mib, 5000, 0, 0.1)},
			want{[]Fit{FitUnfilled, FitUnfilled}, -1, -1},
		},
		"one that is enough below one that is not": { // a contradiction recommends nothing
			[]result.Cell{capacityCell(4*mib, 5000, 0, 30), capacityCell(16*mib, 5000, 0.2, 20), capacityCell(64*mib, 5000, 0.2, 2)},
			want{[]Fit{FitEnough, FitTight, FitTight}, -1, 2},
		},
		"never in the way": {
			[]result.Cell{capacityCell(4*mib, 5000, 0, 30), capacityCell(16*mib, 5010, 0, 8)},
			want{[]Fit{FitEnough, FitEnough}, 0, -1},
		},
		"all too small": {
			[]result.Cell{capacityCell(4*mib, 5000, 0.3, 30), capacityCell(16*mib, 5000, 0.2, 8)},
			want{[]Fit{FitTight, FitTight}, -1, 1},
		},
		"just below the limit": {
			[]result.Cell{capacityCell(4*mib, 5000, 0.0099, 30), capacityCell(16*mib, 5000, 0.0101, 8), capacityCell(64*mib, 5000, 0, 2)},
			want{[]Fit{FitEnough, FitTight, FitEnough}, 2, 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			// The order of the cells means nothing.
			cells := append([]result.Cell(nil), c.cells...)
			cells[0], cells[len(cells)-1] = cells[len(cells)-1], cells[0]
			all := Circles(&result.Result{Cells: cells})
			if len(all) != 1 {
				t.Fatalf("Circles() = %d loads; want 1", len(all))
			}
			got := all[0]
			for i := range got.Points {
				if p := &got.Points[i]; p.Fit != c.want.fits[i] {
					t.Errorf("%d MiB: %s; want %s", p.Capacity/mib, p.Fit, c.want.fits[i])
				}
				if i > 0 && got.Points[i-1].Capacity >= got.Points[i].Capacity {
					t.Error("the capacities are not in order")
				}
			}
			if got.Enough != c.want.enough || got.Tight != c.want.tight {
				t.Errorf("Enough = %d, Tight = %d; want %d, %d", got.Enough, got.Tight, c.want.enough, c.want.tight)
			}
		})
	}
}

// The figures of a point: shares of the clients' time, laps and rates by round.
func TestCirclePoint(t *testing.T) {
	r := &result.Result{Cells: []result.Cell{capacityCell(8*mib, 1000, 0.25, 4), capacityCell(16*mib, 2000, 0, 2)}}
	p := Circles(r)[0].Points[0]
	if p.StallShare.Median != 0.25 || p.StallsPS.Median != 125 || p.Laps != 4 || p.LogPS != 16*mib || p.AgePeak != 0.5 || p.TPS.Median != 1000 || p.P99.Median != 8e6 {
		t.Errorf("point = %+v", p)
	}
}

// Only cells that differ in nothing but the capacity are compared, and only those whose
// log has pages behind it.
func TestCirclesOfUnlikeCells(t *testing.T) {
	other := func(change func(*result.Cell)) result.Cell {
		c := capacityCell(16*mib, 5000, 0, 8)
		change(&c)
		return c
	}
	two := 2
	for name, c := range map[string]result.Cell{
		"policy":      other(func(c *result.Cell) { c.Params.Policy = "2" }),
		"sync_binlog": other(func(c *result.Cell) { c.Params.SyncBinlog = &two }),
		"clients":     other(func(c *result.Cell) { c.Params.Clients = 8 }),
		"capacity":    other(func(c *result.Cell) { c.Params.LogCapacityBytes = 4 * mib }),
		"no pages":    other(func(c *result.Cell) { c.Rounds[0].Database = nil }),
		"no log":      other(func(c *result.Cell) { c.Params.Durability = "force-pages" }),
		"a server":    other(func(c *result.Cell) { c.Params.Target = "mariadb" }),
		"no rounds":   other(func(c *result.Cell) { c.Rounds = nil }),
	} {
		if got := Circles(&result.Result{Cells: []result.Cell{capacityCell(4*mib, 5000, 0, 8), c}}); len(got) != 0 {
			t.Errorf("%s: Circles() = %d loads; want none", name, len(got))
		}
	}
	longer := other(func(c *result.Cell) { c.Params.DurationS, c.Params.WarmupNS = 60, 1e9 })
	if got := Circles(&result.Result{Cells: []result.Cell{capacityCell(4*mib, 5000, 0, 8), longer}}); len(got) != 1 {
		t.Errorf("measured for another time: Circles() = %d loads; want 1", len(got))
	}
}
