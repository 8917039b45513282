package plots

import (
	"fmt"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// circleResult is a run over log capacities: with policy 1 the smaller two are too
// small, with policy 2 the smallest three, and the largest is never gone round.
func circleResult() *result.Result {
	r := newResult(result.KindRun)
	for p, policy := range []string{"1", "2"} {
		for i, mib := range []int64{4, 16, 64, 256, 1024} {
			c := closedCell(policy, "off", 8)
			c.Name = fmt.Sprintf("policy=%s,clients=8,capacity=%dMiB", policy, mib)
			c.Params.Workload, c.Params.Rows, c.Params.RowBytes, c.Params.BufferPoolBytes = "update", 100_000, 120, 128<<20
			c.Params.RecordBytes, c.Params.LogCapacityBytes, c.Params.Durability = 0, mib<<20, "redo"
			share := []float64{0.2, 0.6, 1, 1, 1}[max(i-p, 0)]
			c.Rounds = nil
			addRounds(&c, 5, share*30_000*float64(1+p), 0.3e6/share/float64(1+p))
			for j := range c.Rounds {
				d := &result.Database{RedoBytes: int64(100 << 20), CheckpointAgeCapacity: mib << 20, CheckpointAgeMax: mib << 19}
				if share < 1 {
					d.FreeCheckStalls, d.FreeCheckNS = 100, int64((1-share)*8*2e9)
				}
				if mib > 64 {
					d.RedoBytes = 50 << 20
				}
				c.Rounds[j].Database = d
			}
			r.Cells = append(r.Cells, c)
		}
	}
	return r
}

// TestLogCapacity: the title claims what is shown, the words beside the picture say
// each capacity and how it fits, and a log that was not gone round is not called enough.
func TestLogCapacity(t *testing.T) {
	r := circleResult()
	p := named(t, r, "log-capacity")
	if want := "With policy 1 a redo log of 16 MiB is too small, 64 MiB is enough"; p.Title != want {
		t.Errorf("title %q; want %q", p.Title, want)
	}
	for _, want := range []string{"policy 1: 4 MiB 6,000 commits per second", "(too small)", "1 GiB 30,000 commits per second", "(not filled)", "policy 2: "} {
		if !strings.Contains(p.Alt, want) {
			t.Errorf("alt %q; want %q in it", p.Alt, want)
		}
	}
	text := svg(t, &p)
	for _, want := range []string{"1 GiB", "4 MiB", "hollow: not gone round"} {
		if !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), want) {
			t.Errorf("the picture does not say %q", want)
		}
	}
	alone := circleResult()
	alone.Cells = alone.Cells[:5]
	if p, want := named(t, alone, "log-capacity"), "A redo log of 16 MiB is too small for this load, 64 MiB is enough"; p.Title != want {
		t.Errorf("one setting: title %q; want %q", p.Title, want)
	}
	for i := range r.Cells {
		for j := range r.Cells[i].Rounds {
			r.Cells[i].Rounds[j].Database.RedoBytes = 0
		}
	}
	if p := named(t, r, "log-capacity"); p.Title != circleQuestion {
		t.Errorf("nothing gone round: title %q; want the question", p.Title)
	}
	r.Cells = r.Cells[:1]
	for _, p := range All(r) {
		if p.Name == "log-capacity" {
			t.Error("one capacity has a picture")
		}
	}
}

// TestLogCapacityAgrees: a picture shows loads that differ in nothing that it does not
// name, and says how many it leaves out.
func TestLogCapacityAgrees(t *testing.T) {
	r, other := circleResult(), circleResult()
	for i := range other.Cells {
		other.Cells[i].Params.BufferPoolBytes = 1 << 20
	}
	r.Cells = append(r.Cells, other.Cells...)
	p := named(t, r, "log-capacity")
	if got := strings.Count(svg(t, &p), `class="series"`); got != 4 {
		t.Errorf("%d series in two panels; want 4", got)
	}
	if !strings.Contains(p.Alt, "2 more settings not drawn") {
		t.Errorf("alt %q: does not say what is left out", p.Alt)
	}
}
