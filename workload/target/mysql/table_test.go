package mysql

import (
	"context"
	"errors"
	"strings"
	"testing"

	"flushbench/workload"
	"flushbench/workload/target"
)

// What flushbench did not make it does not touch.
func TestServerNotOurs(t *testing.T) {
	s := openServer(t, sharedServer(t).Address())
	g, err := workload.NewGenerator(1, workload.Spec{Kind: workload.KindUpdate, Rows: 10}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"TABLE " + table + " (id INT, k INT) COMMENT='mine'", "TABLE " + table + " (id INT, k INT)", "VIEW " + table + " AS SELECT 1 AS id, 2 AS k"} {
		sqlExec(t, s, "CREATE "+kind)
		for name, err := range map[string]error{"Create": s.Create(t.Context(), g), "Drop": s.Drop(t.Context())} {
			if !errors.Is(err, target.ErrNotOurs) {
				t.Errorf("%s: %s() = %v; want %v", kind, name, err, target.ErrNotOurs)
			}
		}
		sqlExec(t, s, "DROP "+strings.Fields(kind)[0]+" "+table) // it is there, whole
	}
	if err := s.Drop(context.Background()); err != nil {
		t.Errorf("Drop() of nothing = %v", err)
	}
	// One that the user may not see exists all the same.
	sqlExec(t, s, "CREATE TABLE "+table+" (id INT) COMMENT='mine'")
	blind := openServer(t, userOn(t, s, "blind", "CREATE TEMPORARY TABLES"))
	if err := blind.Create(t.Context(), g); err == nil {
		t.Error("Create() over a table that the user may not see; want an error")
	}
	sqlExec(t, s, "DROP TABLE "+table)
}

// Create loads exactly the generator's rows, whatever their size, and replaces a
// table of its own.
func TestServerCreate(t *testing.T) {
	s := openServer(t, sharedServer(t).Address())
	for _, c := range []struct {
		spec  workload.Spec
		index string
	}{
		{workload.Spec{Kind: workload.KindUpdate, Rows: 1}, "k_1"},
		{workload.Spec{Kind: workload.KindBank, Rows: 100, RowBytes: workload.MaxRowBytes}, ""},
		{workload.Spec{Kind: workload.KindInsert, Rows: 9000, RowBytes: 100}, "k_1"},
	} {
		g := withTables(t, s, c.spec, 1)
		key := uint64(0)
		err := s.Rows(t.Context(), func(got uint64, k int64, b []byte) error {
			wantK, wantC := g.Row(key)
			if got != key || k != wantK || string(b) != string(wantC) {
				t.Fatalf("row %d: %d, %d, %.40q; want %d, %.40q", key, got, k, b, wantK, wantC)
			}
			key++
			return nil
		})
		if err != nil || key != g.TableRows() {
			t.Errorf("%v: %d rows, %v; want %d", c.spec.Kind, key, err, g.TableRows())
		}
		var index string
		err = s.db.QueryRowContext(t.Context(), "SELECT COALESCE(MAX(INDEX_NAME), '') FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME <> 'PRIMARY' AND TABLE_NAME = '"+table+"'").Scan(&index)
		if err != nil || index != c.index {
			t.Errorf("%v: index %q, %v; want %q", c.spec.Kind, index, err, c.index)
		}
	}
}

// A transaction that waited too long for a lock leaves nothing behind: the server
// takes back the statement alone, the session the rest.
func TestServerLockWait(t *testing.T) {
	private := sharedServer(t)
	a := private.Address()
	a.Options = map[string][]string{"innodb_lock_wait_timeout": {"1"}}
	s := openServer(t, a)
	g := withTables(t, s, workload.Spec{Kind: workload.KindBank, Rows: 10}, 1)
	x := connect(t, newTarget(t, s, g, 1), 0)
	txn := g.NewTxn(0)
	g.Next(0, 0, txn)
	holder := openServer(t, private.Address())
	tx, err := holder.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("UPDATE "+table+" SET c='' WHERE id=?", txn.Ops[1].Key); err != nil {
		t.Fatal(err)
	}
	if err := x.Run(txn); !errors.Is(err, workload.ErrLockWaitTimeout) || x.Seq() != 0 {
		t.Errorf("Run() = %v, Seq() = %d; want %v, 0", err, x.Seq(), workload.ErrLockWaitTimeout)
	}
	// Now in autocommit, where there is nothing to take back.
	single := &workload.Txn{Ops: []workload.Op{txn.Ops[1]}}
	if err := x.Run(single); !workload.Retryable(err) || x.Seq() != 0 {
		t.Errorf("Run() = %v, Seq() = %d; want %v, 0", err, x.Seq(), workload.ErrLockWaitTimeout)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := x.Run(txn); err != nil || x.Seq() != 1 {
		t.Errorf("Run() = %v, Seq() = %d; want nil, 1", err, x.Seq())
	}
	sums, err := s.Sums(t.Context())
	if err != nil || sums.K != g.Total() {
		t.Errorf("Sums() = %+v, %v; want k %d", sums, err, g.Total())
	}
	from := txn.Ops[0]
	err = s.Rows(t.Context(), func(key uint64, k int64, _ []byte) error {
		if key == from.Key && k != workload.InitialBalance+from.Delta {
			t.Errorf("row %d has %d; want %d, from one transfer", key, k, workload.InitialBalance+from.Delta)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
