package judge

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/durability"
)

// Whatever order the clients' operations came in, what they left is allowed; and
// of one client alone nothing else is.
func TestRowsMayHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "clients")
		parts := make([]part, n)
		is := rowState{k: rapid.Int64Range(1, 50).Draw(t, "k"), c: hashOf([]byte("at first"))}
		was := is
		for i := range rapid.IntRange(0, 12).Draw(t, "operations") {
			op := workload.Op{Kind: rapid.SampledFrom([]workload.OpKind{workload.OpUpdateK, workload.OpUpdateC, workload.OpInsert}).Draw(t, "kind"),
				Value: fmt.Appendf(nil, "by %d", i), Delta: 1}
			switch op.Kind {
			case workload.OpUpdateK:
				is.k++
			case workload.OpUpdateC:
				is.c = hashOf(op.Value)
			case workload.OpInsert:
				op.Delta = rapid.Int64Range(1, 50).Draw(t, "number")
				is = rowState{op.Delta, hashOf(op.Value)}
			}
			parts[rapid.IntRange(0, n-1).Draw(t, "client")].apply(&op)
		}
		if !mayHoldC(parts, was.c, is.c) || !mayHoldK(parts, was.k, is.k) {
			t.Fatalf("%+v cannot be made of %+v by %+v", is, was, parts)
		}
		if mayHoldC(parts, was.c, hashOf([]byte("by nobody"))) {
			t.Fatalf("what nobody wrote is allowed by %+v", parts)
		}
		if n == 1 && (mayHoldK(parts, was.k, is.k+1) || mayHoldK(parts, was.k, is.k-1)) {
			t.Fatalf("one client alone has left %d, and one more or less is allowed", is.k)
		}
	})
}

// A transaction whose note is there and whose rows are not is found, in each
// workload.
func TestRowsAreHeldAgainstNotes(t *testing.T) {
	only := func(kind workload.OpKind) func(uint32, uint64, *workload.Txn) {
		return func(client uint32, n uint64, txn *workload.Txn) {
			if client != 1 || n != 9 {
				return
			}
			note := txn.Ops[len(txn.Ops)-1]
			kept := txn.Ops[:0:0]
			for _, op := range txn.Ops[:len(txn.Ops)-1] {
				if kind != 0 && op.Kind != kind {
					kept = append(kept, op)
				}
			}
			txn.Ops = append(kept, note)
		}
	}
	remove := func(db *engine.Database, g *workload.Generator) { deleteRow(t, db, g.Spec().Rows-1) }
	for _, c := range []struct {
		name   string
		kind   workload.Kind
		change func(uint32, uint64, *workload.Txn)
		more   func(*engine.Database, *workload.Generator)
		want   string // "": all is well
	}{
		{"update", workload.KindUpdate, nil, nil, ""},
		{"write-only", workload.KindWriteOnly, nil, nil, ""},
		{"the note alone", workload.KindUpdate, only(0), nil, "changed it wrote last"},
		{"the note alone", workload.KindWriteOnly, only(0), nil, "holds what none of"},
		{"without its number", workload.KindWriteOnly, only(workload.OpUpdateK), nil, "has the number"},
		{"a row gone", workload.KindUpdate, nil, remove, "row 399 is gone"},
	} {
		s := twoLogs(groupcommit.Policy1, 1)
		// So many rows that hardly two clients change the same.
		s.Load.Kind, s.Load.Rows, s.Database.Binlog.Enabled = c.kind, 400, false
		o := judged(s, databaseDisk(t, s, 10, c.change, c.more), kept(10), durability.OS)
		if c.want == "" && o.Verdict != Kept || c.want != "" && (o.Verdict != Violation || !strings.Contains(strings.Join(o.Violations, "\n"), c.want)) {
			t.Errorf("%v, %s: %s %q; want %q", c.kind, c.name, o.Verdict, o.Violations, c.want)
		}
	}
}

// The rows that one judge has found are what the next one begins with, whatever
// the seed of the trial.
func TestRowsGoOn(t *testing.T) {
	s := twoLogs(groupcommit.Policy1, 1)
	s.Load.Kind, s.Database.Binlog.Enabled = workload.KindWriteOnly, false
	disk := databaseDisk(t, s, 10, nil, nil)
	o := judged(s, disk, kept(10), durability.OS)
	if o.Verdict != Kept {
		t.Fatalf("%s: %q", o.Verdict, o.Violations)
	}
	s.Seed++
	c := Case{Subject: s, FS: disk, Kind: durability.OS, State: stateOf(10, [clients]uint64{10, 10, 10}), Frozen: true, Before: o.Books}
	if o := Judge(c); o.Verdict != Kept {
		t.Errorf("with the books: %s, %q", o.Verdict, o.Violations)
	}
	if c.Before = nil; Judge(c).Verdict != Violation {
		t.Error("without the books: want the rows to be wrong")
	}
}
