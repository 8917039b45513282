package workload

import (
	"testing"

	"pgregory.net/rapid"
)

// A client's note holds, after each of its transactions, the number of those up to
// the last that commits a change, and nothing else of the transactions is other
// than without notes, but for the keys of new rows.
func TestNotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const clients = 3
		kind := rapid.SampledFrom(Kinds.All()[1:]).Draw(t, "kind")
		spec := Spec{Kind: kind, Rows: 40, RowBytes: 20, RollbackShare: Share(rapid.SampledFrom([]float64{0, 0.3, 1}).Draw(t, "rollbacks")),
			ReadShare: Share(rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "reads"))}
		plain, err := NewGenerator(5, spec, clients)
		if err != nil {
			t.Fatal(err)
		}
		spec.Notes = true
		g, err := NewGenerator(5, spec, clients)
		if err != nil {
			t.Fatal(err)
		}
		client := uint32(rapid.IntRange(0, clients-1).Draw(t, "client"))
		k, _ := g.Row(g.NoteKey(client))
		if k != 0 || g.TableRows() != plain.TableRows()+clients {
			t.Fatalf("the note says %d at first; the table has %d rows", k, g.TableRows())
		}
		txn, other := g.NewTxn(client), plain.NewTxn(client)
		last := uint64(0)
		for n := range uint64(30) {
			g.Next(client, n, txn)
			plain.Next(client, n, other)
			if commits := txn.Writes() && !txn.Rollback; commits != g.Commits(client, n) {
				t.Fatalf("transaction %d commits a change: %v; Commits = %v", n, commits, !commits)
			}
			ops := txn.Ops
			if txn.Writes() {
				note := ops[len(ops)-1]
				ops = ops[:len(ops)-1]
				if note.Kind != OpUpdateK || note.Key != g.NoteKey(client) || k+note.Delta != int64(n+1) {
					t.Fatalf("transaction %d notes %+v on top of %d; want %d", n, note, k, n+1)
				}
				if !txn.Rollback {
					k, last = k+note.Delta, n+1
				}
			}
			if got := g.Noted(client, n+1); got != last || int64(got) != k {
				t.Fatalf("Noted(%d) = %d; the note says %d", n+1, got, k)
			}
			if len(ops) != len(other.Ops) {
				t.Fatalf("transaction %d has %d operations beside its note; want %d", n, len(ops), len(other.Ops))
			}
			for i, op := range ops {
				if want := other.Ops[i]; op.Kind != want.Kind || op.Delta != want.Delta || op.Key != want.Key && want.Key < spec.Rows {
					t.Fatalf("transaction %d: operation %d is %+v; without notes %+v", n, i, op, want)
				}
			}
			if cap(txn.Ops) > g.Spec().MaxOps() {
				t.Fatalf("transaction %d has %d operations; MaxOps is %d", n, len(txn.Ops), g.Spec().MaxOps())
			}
		}
	})
}
