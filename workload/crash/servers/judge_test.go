package servers

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"flushbench/workload"
	"flushbench/workload/judge"
)

const second = int64(time.Second)

// acks are n acknowledgements, a millisecond apart, the last one at last.
func acks(n int, last int64) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = last - int64(n-1-i)*int64(time.Millisecond)
	}
	return out
}

// What a trial comes to, by what was acknowledged and what is there. The crash
// begins at 100 s.
func TestCompare(t *testing.T) {
	const began = 100 * 1_000_000_000
	for _, c := range []struct {
		name     string
		promises bool
		frozen   bool
		clients  []account
		notes    []uint64
		wrong    []string
		want     judge.Outcome // of the counts and the verdict
		says     string        // in a violation
	}{
		{name: "all there", promises: true, clients: []account{{10, acks(10, began-second)}}, notes: []uint64{10},
			want: judge.Outcome{Acked: 10, Recovered: 10, Verdict: judge.Kept}},
		{name: "one more than acknowledged", promises: true, clients: []account{{11, acks(10, began-second)}}, notes: []uint64{11},
			want: judge.Outcome{Acked: 10, Recovered: 10, UnackedPresent: 1, Verdict: judge.Kept}},
		{name: "more than begun", clients: []account{{11, acks(10, began-second)}}, notes: []uint64{12},
			want: judge.Outcome{Acked: 10, Recovered: 10, UnackedPresent: 2, Phantom: 1, Verdict: judge.Violation}, says: "only 11 were begun"},
		{name: "lost and promised", promises: true, clients: []account{{10, acks(10, began-second)}}, notes: []uint64{7},
			want: judge.Outcome{Acked: 10, Recovered: 7, Lost: 3, Missing: 3, LostAgeNs: second + 2_000_000, Verdict: judge.Violation},
			says: "commits 8 to 10 were acknowledged and are gone; the first 1.002s before the crash"},
		{name: "lost and allowed", clients: []account{{10, acks(10, began-second)}, {5, acks(5, began-1)}}, notes: []uint64{9, 1},
			want: judge.Outcome{Acked: 15, Recovered: 10, Lost: 5, Missing: 5, LostAgeNs: second, Verdict: judge.LostWithin}},
		{name: "at the edge", clients: []account{{1, acks(1, began-5*second/2)}}, notes: []uint64{0},
			want: judge.Outcome{Acked: 1, Lost: 1, Missing: 1, LostAgeNs: 5 * second / 2, Verdict: judge.LostWithin}},
		{name: "older than the timer explains", clients: []account{{1, acks(1, began-5*second/2-1)}}, notes: []uint64{0},
			want: judge.Outcome{Acked: 1, Lost: 1, Missing: 1, LostAgeNs: 5*second/2 + 1, Verdict: judge.LostMore}},
		{name: "acknowledged after the crash, allowed", clients: []account{{3, []int64{began - 2, began, began + 1}}}, notes: []uint64{1},
			want: judge.Outcome{Acked: 1, Recovered: 1, Verdict: judge.Kept}},
		{name: "acknowledged after the crash, promised", promises: true, clients: []account{{3, []int64{began - 2, began - 1, began + 1000}}}, notes: []uint64{2},
			want: judge.Outcome{Acked: 3, Recovered: 2, Lost: 1, Missing: 1, Verdict: judge.Violation}, says: "1µs after the crash had begun"},
		{name: "read after a frozen server had sent it", frozen: true, clients: []account{{2, []int64{began - 2, began + 1}}}, notes: []uint64{0},
			want: judge.Outcome{Acked: 2, Lost: 2, Missing: 2, LostAgeNs: 2, Verdict: judge.LostWithin}},
		{name: "torn", clients: []account{{1, acks(1, began-1)}}, notes: []uint64{1}, wrong: []string{"row 3 is odd"},
			want: judge.Outcome{Acked: 1, Recovered: 1, HalfPresent: 1, Verdict: judge.Violation}, says: "row 3 is odd"},
		{name: "nothing acknowledged", promises: true, clients: []account{{1, nil}}, notes: []uint64{0}, want: judge.Outcome{Verdict: judge.Kept}},
	} {
		tr := trial{promises: c.promises, oldest: 5 * time.Second / 2, frozen: c.frozen, began: began, clients: c.clients}
		tr.compare(found{notes: c.notes, wrong: c.wrong})
		tr.verdict()
		got := tr.out
		text := strings.Join(got.Violations, "\n")
		if (c.says == "") != (text == "") || !strings.Contains(text, c.says) {
			t.Errorf("%s: violations %q; want %q in them", c.name, text, c.says)
		}
		if got.Promise.All() != c.promises {
			t.Errorf("%s: promise %+v", c.name, got.Promise)
		}
		got.Violations, got.Promise, got.QuietNs = nil, c.want.Promise, 0 // see TestQuiet
		if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", c.want); g != w {
			t.Errorf("%s:\n got %s\nwant %s", c.name, g, w)
		}
	}
}

// How long nobody was acknowledged counts from the last of all clients, and what came
// after the crash is left out.
func TestQuiet(t *testing.T) {
	tr := trial{began: 100, clients: []account{{2, []int64{30, 70}}, {3, []int64{10, 20, 60}}, {1, nil}, {1, []int64{101}}}}
	if tr.compare(found{notes: []uint64{2, 3, 0, 0}}); tr.out.QuietNs != 30 {
		t.Errorf("quiet for %d ns; want 30, since the last acknowledgement before the crash", tr.out.QuietNs)
	}
}

// A server that cannot be read is a violation of which nobody knows what was lost.
func TestUnreadable(t *testing.T) {
	tr := trial{clients: []account{{2, []int64{1, 2}}}, began: 10}
	tr.unreadable(fmt.Errorf("the server did not come up again: %w", context.DeadlineExceeded))
	tr.verdict()
	if o := tr.out; !o.Unreadable || o.Verdict != judge.Violation || o.Acked != 2 || o.Lost != 0 || !strings.Contains(o.Violations[0], "come up") {
		t.Errorf("%+v", o)
	}
}

// table is a table that a server would have after some transactions of each client.
type table map[uint64]struct {
	k int64
	c string
}

// Rows implements rows.
func (r table) Rows(_ context.Context, f func(key uint64, k int64, c []byte) error) error {
	for key, row := range r {
		if err := f(key, row.k, []byte(row.c)); err != nil {
			return err
		}
	}
	return nil
}

// tableOf executes transactions one client after the other.
func tableOf(g *workload.Generator, inside []uint64) table {
	r := table{}
	set := func(key uint64, k int64, c string) {
		row := r[key]
		row.k, row.c = k, c
		r[key] = row
	}
	for key := range g.TableRows() {
		k, c := g.Row(key)
		set(key, k, string(c))
	}
	for client, n := range inside {
		txn := g.NewTxn(uint32(client))
		for i := range n {
			g.Next(uint32(client), i, txn)
			for _, op := range txn.Ops {
				switch op.Kind {
				case workload.OpUpdateK:
					set(op.Key, r[op.Key].k+op.Delta, r[op.Key].c)
				case workload.OpUpdateC:
					set(op.Key, r[op.Key].k, string(op.Value))
				case workload.OpInsert:
					set(op.Key, op.Delta, string(op.Value))
				case workload.OpDelete:
					delete(r, op.Key)
				}
			}
		}
	}
	return r
}

// Each workload's table is what the notes say, and each of these damages is seen.
func TestReadHoldsRowsAgainstNotes(t *testing.T) {
	const clients = 3
	inside := []uint64{40, 0, 17}
	for _, kind := range []workload.Kind{workload.KindBank, workload.KindUpdate, workload.KindInsert, workload.KindWriteOnly} {
		g, err := workload.NewGenerator(rowSeed, workload.Spec{Kind: kind, Rows: 50, Notes: true}, clients)
		if err != nil {
			t.Fatal(err)
		}
		f, err := read(t.Context(), tableOf(g, inside), g, clients)
		if err != nil || len(f.wrong) > 0 || fmt.Sprint(f.notes) != fmt.Sprint(inside) {
			t.Errorf("%v: read = %+v, %v; want the notes %v and nothing wrong", kind, f, err, inside)
		}
		touched := firstKey(g)
		for name, damage := range map[string]func(table){
			"a note too low":  func(r table) { row := r[g.NoteKey(0)]; row.k--; r[g.NoteKey(0)] = row },
			"a note too high": func(r table) { row := r[g.NoteKey(2)]; row.k++; r[g.NoteKey(2)] = row },
			"a note gone":     func(r table) { delete(r, g.NoteKey(1)) },
			"a row gone":      func(r table) { delete(r, touched) },
			"other bytes":     func(r table) { row := r[touched]; row.c = "torn" + row.c; r[touched] = row },
			"another number":  func(r table) { row := r[touched]; row.k += 7000; r[touched] = row },
			"a row too many":  func(r table) { r[10_000_000] = r[0] },
		} {
			if kind == workload.KindUpdate && strings.HasPrefix(name, "a note too") {
				continue // another client's last word may stand in that row
			}
			r := tableOf(g, inside)
			damage(r)
			f, err := read(t.Context(), r, g, clients)
			if err != nil || len(f.wrong) == 0 {
				t.Errorf("%v, %s: read = %+v, %v; want something wrong", kind, name, f.wrong, err)
			}
			if off := f.totalOff; kind == workload.KindBank && name == "another number" && off != 7000 {
				t.Errorf("the total is off by %d; want 7000", off)
			}
		}
	}
}

// firstKey is the row that client 0's last transaction changes.
func firstKey(g *workload.Generator) uint64 {
	txn := g.NewTxn(0)
	g.Next(0, 39, txn)
	return txn.Ops[0].Key
}
