package plan

import (
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
)

// circled is a run of policy 1 with a log of 4 MiB, in which clients wait, and one of
// 64 MiB, which is gone round without a wait, at tps.
func circled(tps float64) *result.Result {
	r := &result.Result{Kind: result.KindRun, Complete: true}
	for i, mib := range []int64{4, 64} {
		c := result.Cell{Params: result.Params{Workload: "update", Policy: "1", Clients: 4, LogCapacityBytes: mib << 20, FlushMethod: "fdatasync"}}
		for n := range 5 {
			d := &result.Database{RedoBytes: 5 * mib << 20}
			if i == 0 {
				d.FreeCheckNS = 4e9
			}
			c.Rounds = append(c.Rounds, result.Round{Round: n + 1, DurationS: 2, TPS: tps, Commits: int64(2 * tps), LatencyNS: result.Latency{Mean: 1e5, P99: new(int64(1e6)), Count: 1000}, Database: d})
		}
		r.Cells = append(r.Cells, c)
	}
	return r
}

// The capacity comes from evidence at the rate that is needed or more, and from none
// below; without any the plan says so.
func TestLogEnough(t *testing.T) {
	for name, c := range map[string]struct {
		results []*result.Result
		enough  int64
		note    string
	}{
		"at the need":                   {[]*result.Result{circled(10_000)}, 64 << 20, "A redo log of 64 MiB was enough at 10,000/s (168 MB/s of log); in 4 MiB clients waited for the checkpoint."},
		"below the need":                {[]*result.Result{circled(4_000)}, 0, "A redo log of 64 MiB was enough at 4,000/s; at 9,000/s it was not measured."},
		"of two the one that is nearer": {[]*result.Result{circled(30_000), circled(12_000)}, 64 << 20, "A redo log of 64 MiB was enough at 12,000/s"},
		"one capacity":                  {[]*result.Result{func() *result.Result { r := circled(10_000); r.Cells = r.Cells[1:]; return r }()}, 0, "Which redo log capacity this rate needs was not measured"},
		"not gone round": {[]*result.Result{func() *result.Result {
			r := circled(10_000)
			for i := range r.Cells[1].Rounds {
				r.Cells[1].Rounds[i].Database.RedoBytes = 1 << 20
			}
			return r
		}()}, 0, "A redo log of 4 MiB is too small, and none that was measured was shown to be enough."},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := FromResults(c.results)
			if err != nil {
				t.Fatal(err)
			}
			o := &Objectives{TPS: 9_000}
			p := Decide(o, e, time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
			r := p.row("1")
			if r == nil || r.LogEnough != float64(c.enough) || !strings.HasPrefix(r.LogNote, c.note) {
				t.Fatalf("row %+v; want %d bytes and %q", r, c.enough, c.note)
			}
			mysql, _ := snippets("fdatasync", r)
			if got := strings.Contains(strings.Join(mysql, "\n"), "innodb_redo_log_capacity = 64M"); got != (c.enough > 0) {
				t.Errorf("snippet %q; want the capacity in it: %v", mysql, c.enough > 0)
			}
		})
	}
}
