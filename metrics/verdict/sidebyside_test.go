package verdict

import (
	"math"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// besideCell is a cell of five rounds.
func besideCell(target, policy string, sync, clients int, tps, p50 float64) result.Cell {
	c := result.Cell{Params: result.Params{Target: target, Workload: "update", Load: result.LoadClosed, Policy: policy, Clients: clients, Rows: 10}}
	if sync >= 0 {
		c.Params.SyncBinlog = &sync
	}
	if target == "" {
		c.Params.FlushMethod, c.Params.GroupDelay = "fdatasync", "off"
	}
	for i := range 5 {
		ns := int64(p50)
		r := result.Round{Round: i + 1, DurationS: 1, TPS: tps * (1 + float64(i-2)/100), Commits: 100, CPUNSPerCommit: 5000, GroupSizeMean: 2}
		r.LatencyNS.P50 = &ns
		r.Flushes.Syscalls = 50
		if target != "" {
			cpu, commits, flushes := 70_000.0, int64(110), int64(220)
			r.Server = &result.Server{CPUNSPerCommit: &cpu, Counters: &result.ServerCounters{Commits: &commits, Flushes: &flushes}}
		}
		c.Rounds = append(c.Rounds, r)
	}
	return c
}

func TestSideBySide(t *testing.T) {
	r := &result.Result{Cells: []result.Cell{
		besideCell("", "1", 1, 8, 1000, 4e6), besideCell("", "2", 1, 8, 3000, 1e6),
		besideCell("mariadb", "1", 1, 8, 500, 6e6), besideCell("mariadb", "2", 1, 8, 1000, 2e6), besideCell("mariadb", "2", 1, 64, 900, 2e6),
		besideCell("postgres", "1", -1, 8, 400, 6e6), besideCell("postgres", "0", -1, 8, 800, 6e6),
	}}
	all := SideBySide(r)
	if len(all) != 5 {
		t.Fatalf("%d settings; want 5", len(all))
	}
	b := &all[1]
	if b.Target != "mariadb" || b.Setting != "2/1" || b.Base != "1/1" || b.Server.Ratio.Ratio != 2 || b.Engine == nil || b.Engine.Ratio.Ratio != 3 ||
		b.Server.AddedNS != 4e6 || b.Engine.AddedNS != 3e6 || b.Server.ServerCPUNS != 70_000 || b.Server.ClientCPUNS != 5000 || b.Server.Flushes != 2 || b.Engine.Flushes != 0.5 || b.Server.Group != 2 {
		t.Errorf("2/1: %+v, engine %+v", b, b.Engine)
	}
	if e, ok := b.Error(); !ok || math.Abs(e-0.5) > 1e-9 {
		t.Errorf("Error() = %v, %v; want 0.5", e, ok)
	}
	if all[0].Server.Based || all[2].Server.Based || all[2].Engine != nil {
		t.Errorf("1/1 %+v, 64 clients %+v; want neither a base", all[0], all[2])
	}
	if p := &all[4]; p.Setting != "policy 0" || p.Base != "policy 1" || p.Server.Ratio.Ratio != 2 || p.Engine != nil {
		t.Errorf("postgres %+v", p)
	}
	if e, n := MedianError(all); n != 1 || math.Abs(e-0.5) > 1e-9 {
		t.Errorf("MedianError() = %v of %d; want 0.5 of 1", e, n)
	}
	text := strings.Join(Answer(r), "\n")
	for _, want := range []string{"The engine's ratios lie 50 % from those of mariadb (median of 1); at most +50 %, 2/1 to 1/1 at 8 clients.", "postgres: policy 1 carried 400 commits/s at 8 clients, policy 0 2.00 times as many."} {
		if !strings.Contains(text, want) {
			t.Errorf("Answer() = %s; want %q", text, want)
		}
	}
	if not := strings.Join(NotTested(r), "|"); strings.Contains(not, "a real server") || !strings.Contains(not, "other than fdatasync") {
		t.Errorf("NotTested() = %s", not)
	}
}

// Where all ratios are the server's own the worst is still one that was compared.
func TestSideBySideAlike(t *testing.T) {
	r := &result.Result{Cells: []result.Cell{besideCell("", "1", 1, 8, 1000, 4e6), besideCell("", "2", 1, 8, 2000, 1e6),
		besideCell("mariadb", "1", 1, 8, 500, 6e6), besideCell("mariadb", "2", 1, 8, 1000, 2e6)}}
	const want = "The engine's ratios lie 0 % from those of mariadb (median of 1); at most +0 %, 2/1 to 1/1 at 8 clients (noise)."
	if got := besideSentences(r); len(got) != 2 || got[1] != want {
		t.Errorf("besideSentences() = %q; want %q", got, want)
	}
}

// Where 1/1 was not measured there may be several bases: each has a sentence with those
// that are compared with it.
func TestSideBySideOfSeveralBases(t *testing.T) {
	r := &result.Result{Cells: []result.Cell{besideCell("mariadb", "1", 0, 8, 500, 6e6), besideCell("mariadb", "2", 0, 8, 1000, 2e6),
		besideCell("mariadb", "1", 100, 8, 400, 6e6), besideCell("mariadb", "2", 100, 8, 1200, 2e6)}}
	want := []string{"mariadb: 1/0 carried 500 commits/s at 8 clients, 2/0 2.00 times as many.", "mariadb: 1/100 carried 400 commits/s at 8 clients, 2/100 3.00 times as many."}
	if got := besideSentences(r); !slices.Equal(got, want) {
		t.Errorf("besideSentences() = %q; want %q", got, want)
	}
}

// A ratio that two rounds show, or that their spread may have made, is hedged as the
// engine's are.
func TestSideBySideHedges(t *testing.T) {
	for _, c := range []struct {
		name   string
		rounds int
		spread float64
		want   []string
	}{
		{"two rounds", 2, 0, []string{"2/1 2.00 times as many (inconclusive).", "at 8 clients (inconclusive)."}},
		{"scattered", 5, 0.4, []string{"2/1 2.00 times as many (noise).", "at 8 clients (noise)."}},
	} {
		r := &result.Result{Cells: []result.Cell{
			besideCell("", "1", 1, 8, 1000, 4e6), besideCell("", "2", 1, 8, 3000, 1e6), besideCell("mariadb", "1", 1, 8, 500, 6e6), besideCell("mariadb", "2", 1, 8, 1000, 2e6),
		}}
		for i := range r.Cells {
			rounds := r.Cells[i].Rounds
			for k := range rounds {
				rounds[k].TPS *= 1 + c.spread*float64(k-2)
			}
			r.Cells[i].Rounds = rounds[:c.rounds]
		}
		text := strings.Join(Answer(r), "\n")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: Answer() = %s; want %q", c.name, text, want)
			}
		}
	}
}

// Groups count as least ones where flushes of pages may stand among those of the log.
func TestGroupIsLeast(t *testing.T) {
	redo, binlog := int64(70), int64(50)
	for _, c := range []struct {
		groups       int64
		redo, binlog *int64
		want         bool
	}{{70, &redo, &binlog, false}, {70, nil, &binlog, true}, {50, nil, &binlog, false}, {70, nil, nil, true}, {0, nil, nil, false}} {
		x := &result.Round{Groups: c.groups, Server: &result.Server{Counters: &result.ServerCounters{RedoFlushes: c.redo, BinlogFlushes: c.binlog}}}
		if got := groupIsLeast(x); got != c.want {
			t.Errorf("%d groups: groupIsLeast() = %v; want %v", c.groups, got, c.want)
		}
	}
}

// Cells that failed and results without servers are left out.
func TestSideBySideWithout(t *testing.T) {
	failed := besideCell("mariadb", "1", 1, 8, 500, 1e6)
	for i := range failed.Rounds {
		failed.Rounds[i].TPS, failed.Rounds[i].Partial = 0, true
	}
	r := &result.Result{Cells: []result.Cell{besideCell("", "1", 1, 8, 1000, 1e6), failed, {Params: result.Params{Target: "mariadb"}}}}
	if all := SideBySide(r); len(all) != 0 {
		t.Errorf("%+v; want nothing", all)
	}
	if n := len(besideSentences(r)); n != 0 {
		t.Errorf("%d sentences; want none", n)
	}
}
