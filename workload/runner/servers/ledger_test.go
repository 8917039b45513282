package servers

import (
	"errors"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/target"
)

// generatorOf makes transactions of one kind.
func generatorOf(t *testing.T, kind workload.Kind, clients int) *workload.Generator {
	t.Helper()
	spec := workload.Spec{Kind: kind, Rows: 200, RowBytes: 40}
	if err := spec.Validate(); err != nil {
		t.Fatal(err)
	}
	g, err := workload.NewGenerator(7, spec, clients)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// What was acknowledged must be there, what was only asked for may be, and nothing else.
func TestLedger(t *testing.T) {
	g := generatorOf(t, workload.KindInsert, 2)
	l := ledger{seqs: make([]uint64, 2)}
	l.add(g, &driver.Outcome{Submitted: []uint64{3, 5, 9}, Acked: []uint64{3, 4, 9}}) // the third client is none of ours
	if l.least != 7 || l.most != 8 || l.seqs[0] != 3 || l.seqs[1] != 5 {
		t.Fatalf("ledger %+v; want 7 to 8 rows of 3 and 5 transactions", l)
	}
	l.add(g, &driver.Outcome{Submitted: []uint64{4, 5}, Acked: []uint64{4, 5}}) // what went unanswered counts where it was begun
	if l.least != 8 || l.most != 9 {
		t.Errorf("ledger %+v; want 8 to 9 rows", l)
	}
	rows := int64(g.TableRows())
	for n, ok := range map[int64]bool{rows + 7: false, rows + 8: true, rows + 9: true, rows + 10: false} {
		if err := l.check(g, target.Sums{Rows: n}); (err == nil) != ok {
			t.Errorf("check(%d rows) = %v; want %d to %d of them", n, err, rows+8, rows+9)
		}
	}
	bank := generatorOf(t, workload.KindBank, 2)
	for k, ok := range map[int64]bool{bank.Total(): true, bank.Total() - 1: false} {
		if err := (&ledger{}).check(bank, target.Sums{Rows: int64(bank.TableRows()), K: k}); (err == nil) != ok {
			t.Errorf("check(accounts of %d) = %v; want %d", k, err, bank.Total())
		}
	}
}

// A server fills a round with what it counted between the edges, and with nothing where
// an edge was missed or it does not count.
func TestTurnFill(t *testing.T) {
	from := Snapshot{cpu: time.Second, counters: target.Counters{Flushes: 10, RedoFlushes: 4, BinlogFlushes: 5, RedoBytes: 100, BinlogBytes: 200}}
	to := Snapshot{cpu: 3 * time.Second, counters: target.Counters{Commits: 90, Flushes: 40, RedoFlushes: 14, BinlogFlushes: 25, RedoBytes: 4100, BinlogBytes: 2200}}
	uncounted := func(s Snapshot) Snapshot { s.counters.RedoFlushes = -1; return s }
	broken := to
	broken.err = errors.New("gone")
	for _, c := range []struct {
		name         string
		from, to     Snapshot
		edges, waits bool
		groups       int64
		flushes      int64 // -1: no counters
	}{
		{"whole", from, to, true, true, 20, 30},
		{"nobody waits", from, to, true, false, 0, 30},
		{"redo flushes uncounted", uncounted(from), uncounted(to), true, true, 20, 30},
		{"no edge", from, to, false, true, 0, -1},
		{"no answer", from, broken, true, true, 0, -1},
	} {
		v := &Live{}
		round := result.Round{Commits: 200}
		v.Turn(Cell{}, 1).Fill(&round, c.from, c.to, c.edges, c.waits)
		if per := round.Server.CPUNSPerCommit; per == nil || *per != 1e7 {
			t.Errorf("%s: CPU a commit %v; want 10 ms", c.name, per)
		}
		if c.flushes < 0 {
			if round.Server.Counters != nil || round.Flushes.Asked != 0 || v.wrote != 0 {
				t.Errorf("%s: counters %+v; want none", c.name, round.Server.Counters)
			}
			continue
		}
		if n := round.Server.Counters; n == nil || *n.Flushes != c.flushes || round.Flushes.Asked != c.flushes || round.Bytes.Log != 6000 || v.wrote != 12000 {
			t.Errorf("%s: counters %+v, flushes %+v; want %d", c.name, n, round.Flushes, c.flushes)
		}
		if round.Groups != c.groups || c.groups > 0 && round.GroupSizeMean != 10 {
			t.Errorf("%s: %d groups of %v; want %d of 10", c.name, round.Groups, round.GroupSizeMean, c.groups)
		}
	}
}

// Two servers of a product have two names; one that differs in its log buffering alone
// has the same.
func TestRosterNames(t *testing.T) {
	start := Server{Start: nil}
	a, b := start, start
	a.Label, b.Label = "a", "b"
	cells := []Cell{{Asked: Asked{Server: "b"}}, {Asked: Asked{Server: "a"}}, {Asked: Asked{Server: "b", Buffering: "on"}}}
	r, err := New(Config{Servers: []Server{a, b}, Cells: func() []Cell { return cells }})
	if err != nil || len(r.live) != 2 || r.live[0].Label != "b" {
		t.Fatalf("New() = %v, %v; want b and a: one that runs already has one buffering", r, err)
	}
	if r.Of(&Asked{}) != nil || r.Of(&Asked{Server: "a"}) != r.live[1] {
		t.Error("Of() is wrong; want nil for the engine, a for a")
	}
	for i, want := range []string{"mariadb", "mariadb-2"} {
		if r.live[i].name = r.live[i].freeName("mariadb"); r.live[i].name != want {
			t.Errorf("server %d is called %q; want %q", i, r.live[i].name, want)
		}
	}
	if len(r.live[0].cells()) != 2 {
		t.Errorf("b has cells %v; want two", r.live[0].cells())
	}
	cells[0].Server = "c"
	if _, err := New(Config{Servers: []Server{a, b}, Cells: func() []Cell { return cells }}); err == nil || !strings.Contains(err.Error(), `"c"`) {
		t.Errorf("New() = %v; want c missed", err)
	}
}
