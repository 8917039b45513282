package judge

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/durability"
	"flushbench/workload/target/embedded"
)

// databaseDisk makes a disk on which each client has run so many transactions.
// spoil, if not nil, may do more with the database, or change a transaction.
func databaseDisk(t testing.TB, s subject.Subject, n uint64, change func(client uint32, n uint64, txn *workload.Txn), more func(*engine.Database, *workload.Generator)) *vfs.Mem {
	t.Helper()
	mem := newMem(t)
	if err := s.Create(mem); err != nil {
		t.Fatal(err)
	}
	db, g, err := s.OpenDatabase(mem)
	if err != nil {
		t.Fatal(err)
	}
	target := embedded.NewDatabase(db, nil)
	for c := range uint32(clients) {
		x, err := target.Connect(c)
		if err != nil {
			t.Fatal(err)
		}
		txn := g.NewTxn(c)
		for i := range n {
			g.Next(c, i, txn)
			if change != nil {
				change(c, i, txn)
			}
			if err := x.Run(txn); err != nil {
				t.Fatal(err)
			}
		}
	}
	if more != nil {
		more(db, g)
	}
	if err := errors.Join(db.Drain(), db.Close()); err != nil {
		t.Fatal(err)
	}
	return mem
}

func kept(n uint64) *ledger.State { return stateOf(0, [clients]uint64{n, n, n}) }

// Of every workload, in every format of the binlog, all that was committed is
// found, and the shares that commit nothing are left out.
func TestDatabaseKept(t *testing.T) {
	for _, kind := range workload.Kinds.All() {
		if !kind.Transactional() {
			continue
		}
		for _, format := range binlog.Formats.All() {
			s := twoLogs(groupcommit.Policy1, 1)
			s.Load.Kind, s.Load.UnsafeShare, s.Database.Binlog.Format = kind, 0.3, format
			s.Load.RollbackShare, s.Load.ReadShare, s.Load.StatementBytes = 0.2, 0.2, 90
			const n = 25
			g, err := s.Generator()
			if err != nil {
				t.Fatal(err)
			}
			written := 0
			for c := range uint32(clients) {
				for i := range uint64(n) {
					if g.Commits(c, i) {
						written++
					}
				}
			}
			o := judged(s, databaseDisk(t, s, n, nil, nil), kept(n), durability.OS)
			if o.Verdict != Kept || o.Acked != int64(written) || o.Recovered != o.Acked || o.UnackedPresent != 0 {
				t.Errorf("%v, %v: %s, acked %d of %d, recovered %d: %q", kind, format, o.Verdict, o.Acked, written, o.Recovered, o.Violations)
			}
		}
	}
}

// What a transaction left in part, or did beside, is found.
func TestDatabaseHalf(t *testing.T) {
	spoilBank := func(_ uint32, n uint64, txn *workload.Txn) {
		if n == 7 {
			txn.Ops = txn.Ops[1:] // what one gets the other does not give
		}
	}
	spoilNote := func(client uint32, n uint64, txn *workload.Txn) {
		if client == 1 && n == 7 {
			txn.Ops[len(txn.Ops)-1].Delta = 2
		}
	}
	noNote := func(client uint32, n uint64, txn *workload.Txn) {
		if client == 2 && n == 9 {
			txn.Ops = txn.Ops[:len(txn.Ops)-1]
		}
	}
	for _, c := range []struct {
		name   string
		kind   workload.Kind
		change func(uint32, uint64, *workload.Txn)
		more   func(*engine.Database, *workload.Generator)
		want   string
	}{
		{"half a transfer", workload.KindBank, spoilBank, nil, "the accounts add up to"},
		{"a note that skips one", workload.KindBank, spoilNote, nil, "client 1: the binlog goes from sequence 7 to 9, and lacks 8"},
		{"no note", workload.KindBank, noNote, nil, "of the binlog has 0 notes: must be 1"},
		{"an account gone", workload.KindBank, nil, func(db *engine.Database, _ *workload.Generator) { deleteRow(t, db, 3) }, "account 3 is gone"},
		{"a note gone", workload.KindBank, nil, func(db *engine.Database, g *workload.Generator) { deleteRow(t, db, g.NoteKey(1)) }, "its note, row 21, is gone"},
		{"a row too many", workload.KindInsert, nil, func(db *engine.Database, g *workload.Generator) { insertNext(t, db, g) }, "is there: true; by the client's note it must be false"},
		{"a row too few", workload.KindInsert, nil, func(db *engine.Database, g *workload.Generator) { deleteRow(t, db, g.TableRows()+1) }, "is there: false; by the client's note it must be true"},
	} {
		s := twoLogs(groupcommit.Policy1, 1)
		s.Load.Kind = c.kind
		o := judged(s, databaseDisk(t, s, 10, c.change, c.more), kept(10), durability.OS)
		if o.Verdict != Violation || !strings.Contains(strings.Join(o.Violations, "\n"), c.want) {
			t.Errorf("%s: %s %q; want %q", c.name, o.Verdict, o.Violations, c.want)
		}
	}
}

func changeRow(t *testing.T, db *engine.Database, f func(*engine.Conn) error) {
	c, err := db.Conn(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Begin(), c.StartStatement([]byte("test"), false), f(c)); err != nil {
		t.Fatal(err)
	}
	c.EndStatement()
	if err := c.Commit(); err != nil {
		t.Fatal(err)
	}
}

func deleteRow(t *testing.T, db *engine.Database, key uint64) {
	changeRow(t, db, func(c *engine.Conn) error { _, err := c.Delete(key); return err })
}

// insertNext inserts what client 0 would next.
func insertNext(t *testing.T, db *engine.Database, g *workload.Generator) {
	txn := g.NewTxn(0)
	g.Next(0, 10, txn)
	changeRow(t, db, func(c *engine.Conn) error {
		return c.Insert(&table.Row{Key: txn.Ops[0].Key, K: txn.Ops[0].Delta, C: txn.Ops[0].Value})
	})
}

// A judge closes a database so that the next victim can go on in it, and its
// books are what the next judge begins with.
func TestBooks(t *testing.T) {
	s := twoLogs(groupcommit.Policy1, 1)
	disk := databaseDisk(t, s, 10, nil, nil)
	o := judged(s, disk, kept(10), durability.OS)
	if o.Verdict != Kept {
		t.Fatalf("%s: %q", o.Verdict, o.Violations)
	}
	// The next trial has other transactions, by its seed. It has done nothing yet.
	s.Seed++
	g, err := s.Generator()
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.ResetBinlog(s.DatabaseOptions(disk, g)); err != nil {
		t.Fatalf("the judge did not close the database: %v", err)
	}
	if db, _, err := s.OpenDatabase(disk); err != nil || db.Drain() != nil || db.Close() != nil {
		t.Fatalf("the victim cannot open it: %v", err)
	}
	c := Case{Subject: s, FS: disk, Kind: durability.OS, State: stateOf(10, [clients]uint64{10, 10, 10}), Frozen: true, Before: o.Books}
	if o := Judge(c); o.Verdict != Kept {
		t.Errorf("with the books: %s, %q", o.Verdict, o.Violations)
	}
	c.Before = nil
	if o := Judge(c); o.Verdict != Violation || !strings.Contains(strings.Join(o.Violations, "\n"), "the transfers that are there make it") {
		t.Errorf("without the books: %s %q; want the accounts to be wrong", o.Verdict, o.Violations)
	}
}

// The classes of loss with two logs, and what each pair of policies allows.
func TestClasses(t *testing.T) {
	for _, c := range []struct {
		name    string
		promise subject.Promise
		engine  uint64
		binlog  uint64
		verdict string
		counts  [3]int64 // lost, engine ahead, binlog ahead
	}{
		{"both have all", subject.Promise{Redo: true, Binlog: true}, 10, 10, Kept, [3]int64{}},
		{"engine ahead", subject.Promise{Redo: true}, 10, 8, LostWithin, [3]int64{0, 2, 0}},
		{"engine ahead of a binlog that keeps all", subject.Promise{Binlog: true}, 10, 8, Violation, [3]int64{0, 2, 0}},
		{"binlog ahead", subject.Promise{Binlog: true}, 8, 10, LostWithin, [3]int64{0, 0, 2}},
		{"binlog ahead of a redo log that keeps all", subject.Promise{Redo: true}, 8, 10, Violation, [3]int64{0, 0, 2}},
		{"binlog ahead, but not of all", subject.Promise{Binlog: true}, 7, 9, Violation, [3]int64{1, 0, 2}},
		{"both lost", subject.Promise{}, 7, 9, LostWithin, [3]int64{1, 0, 2}},
		{"policy 3, engine ahead", subject.Promise{Redo: true, Engine: true}, 10, 8, LostWithin, [3]int64{0, 2, 0}},
		{"policy 3, both lost", subject.Promise{Redo: true, Engine: true}, 9, 9, Violation, [3]int64{1, 0, 0}},
		{"policy 3, more than the binlog lost", subject.Promise{Redo: true, Engine: true}, 9, 8, Violation, [3]int64{1, 1, 0}},
		{"both lost, rolled back", subject.Promise{Redo: true}, 7, 7, LostWithin, [3]int64{3, 0, 0}},
		{"nothing may be lost", subject.Promise{Redo: true, Binlog: true}, 9, 9, Violation, [3]int64{1, 0, 0}},
	} {
		tr := &trial{Case: &Case{Subject: twoLogs(groupcommit.Policy2, 0), Frozen: true, Began: struck, State: stateOf(0, [clients]uint64{10, 0, 0})}}
		tr.out.Promise = c.promise
		tr.found = found{engine: []uint64{c.engine, 0, 0}, binlog: []uint64{c.binlog, 0, 0}}
		tr.found.engineAhead, tr.found.binlogAhead = uint64(c.counts[1]), uint64(c.counts[2])
		tr.claims()
		tr.out.Predicted = &Prediction{Lost: 10, EngineAhead: 10, BinlogAhead: 10, AgeNs: struck}
		tr.compare()
		tr.hold()
		tr.verdict()
		o := tr.out
		if o.Verdict != c.verdict || [3]int64{o.Lost, o.EngineAhead, o.BinlogAhead} != c.counts {
			t.Errorf("%s: %s, %d lost, %d and %d ahead: %q; want %s, %v", c.name, o.Verdict, o.Lost, o.EngineAhead, o.BinlogAhead, o.Violations, c.verdict, c.counts)
		}
	}
}

// A transaction that stands in the binlog a second time is out of order.
func TestBinlogTwice(t *testing.T) {
	s := twoLogs(groupcommit.Policy1, 1)
	g, err := s.Generator()
	if err != nil {
		t.Fatal(err)
	}
	tr := &trial{Case: &Case{Subject: s}, txns: g, found: found{binlog: []uint64{4, 4, 4}}}
	for _, to := range []uint64{5, 5} {
		tr.enter(&notes{gtid: 9, seen: []entry{{client: 1, to: to}}, changes: 3})
	}
	if tr.out.Reordered != 1 || tr.found.binlog[1] != 5 || !strings.Contains(tr.out.Violations[0], "client 1: sequence 5 stands in the binlog after sequence 5") {
		t.Errorf("%d out of order, %v: %q", tr.out.Reordered, tr.found.binlog, tr.out.Violations)
	}
}

// The text of a note's statement is read back, however it is filled up.
func TestParseUpdate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op := workload.Op{Kind: workload.OpUpdateK, Table: workload.TableName, Key: rapid.Uint64().Draw(t, "key"),
			Delta: rapid.Int64().Draw(t, "delta"), SQLBytes: rapid.IntRange(0, 120).Draw(t, "bytes")}
		key, delta, ok := parseUpdate(op.AppendSQL(nil))
		if !ok || key != op.Key || delta != op.Delta {
			t.Fatalf("%q is read as key %d, delta %d, %v", op.AppendSQL(nil), key, delta, ok)
		}
	})
}

func FuzzParseUpdate(f *testing.F) {
	f.Add([]byte("UPDATE sbtest1 SET k=k+1 WHERE id=17/*--*/"))
	f.Add([]byte("UPDATE sbtest1 SET k=k-1 WHERE id="))
	f.Fuzz(func(t *testing.T, sql []byte) {
		if key, delta, ok := parseUpdate(sql); ok {
			op := workload.Op{Kind: workload.OpUpdateK, Table: workload.TableName, Key: key, Delta: delta}
			if k, d, again := parseUpdate(op.AppendSQL(nil)); !again || k != key || d != delta {
				t.Errorf("%q is read as %d and %d, and then as %d and %d", sql, key, delta, k, d)
			}
		}
	})
}
