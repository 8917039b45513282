package embedded

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
	"flushbench/workload"
)

const dbClients = 4

func dbOptions(fs vfs.FS, dir string, spec workload.Spec) engine.DatabaseOptions {
	var o engine.DatabaseOptions
	o.FS, o.Dir, o.Clients, o.Capacity, o.Files, o.BufferSize = fs, dir, dbClients, 2<<20, 2, 256<<10
	o.Commit = groupcommit.Config{Policy: groupcommit.Policy1}
	o.Rows, o.RowBytes = spec.Rows, table.MinRowBytes+spec.RowBytes
	o.Binlog = engine.BinlogOptions{Enabled: true, Growth: vfs.GrowAppend}
	o.Stages.SyncBinlog = 1
	return o
}

func openDatabase(t *testing.T, o engine.DatabaseOptions, g *workload.Generator) *Database {
	t.Helper()
	if err := CreateDatabase(o, g); err != nil {
		t.Fatal(err)
	}
	db, err := engine.OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	return NewDatabase(db, nil)
}

// Every workload runs on a database, in every format of the binlog, and leaves
// what it promises: the bank its total, inserts their rows, all of it after a
// recovery, in both logs.
func TestDatabaseWorkloads(t *testing.T) {
	for _, kind := range workload.Kinds.All() {
		if !kind.Transactional() {
			continue
		}
		for _, format := range binlog.Formats.All() {
			t.Run(fmt.Sprintf("%v/%v", kind, format), func(t *testing.T) {
				runWorkload(t, workload.Spec{Kind: kind, Rows: 300, RowBytes: 40, RollbackShare: 0.1, UnsafeShare: 0.3, ReadShare: 0.1}, format)
			})
		}
	}
}

func runWorkload(t *testing.T, spec workload.Spec, format binlog.Format) {
	txns := 60
	if testing.Short() {
		txns = 20
	}
	g, err := workload.NewGenerator(3, spec, dbClients)
	if err != nil {
		t.Fatal(err)
	}
	o := dbOptions(vfs.NewOS(), t.TempDir(), g.Spec())
	o.Binlog.Format = format
	target := openDatabase(t, o, g)
	var wg sync.WaitGroup
	var commits, rolledBack [dbClients]int
	for client := range uint32(dbClients) {
		wg.Go(func() { commits[client], rolledBack[client] = runTxns(t, target, g, client, txns) })
	}
	wg.Wait()
	st := target.Database().Stats()
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	written, unfinished := 0, int64(0)
	for i, n := range commits {
		written += n
		unfinished += int64(rolledBack[i])
	}
	// The two statements that make the table were written by another life.
	if int(st.Binlog.Transactions) != written || int(st.Stages.Grouped) != written {
		t.Errorf("%d transactions changed rows; the binlog has %d, the stages had %d", written, st.Binlog.Transactions, st.Stages.Grouped)
	}
	db, err := engine.OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	rep := db.Report()
	if rep.BinlogAhead+rep.EngineAhead > 0 || int64(rep.Active) > unfinished {
		t.Errorf("%d clients ended with a rollback; after recovery:\n%v", unfinished, &rep)
	}
	if spec.Kind == workload.KindBank {
		checkTotal(t, db, g)
	}
	if err := db.Shutdown(); err != nil {
		t.Error(err)
	}
}

// runTxns runs a client's transactions and returns how many committed a change, and 1
// if the last one that changed something was rolled back: nobody waits for the end of
// a rollback to be flushed, so that a recovery may have to do it again.
func runTxns(t *testing.T, target *Database, g *workload.Generator, client uint32, n int) (written, rolledBack int) {
	s, err := target.Connect(client)
	if err != nil {
		t.Error(err)
		return 0, 0
	}
	txn := g.NewTxn(client)
	for i := range uint64(n) {
		g.Next(client, i, txn)
		sampler := s.(workload.Sampler)
		sampler.SampleNext()
		err := s.Run(txn)
		for workload.Retryable(err) {
			err = s.Run(txn)
		}
		if err != nil {
			t.Error(err)
			return written, rolledBack
		}
		if s.Seq() != i+1 {
			t.Errorf("after %d transactions the sequence is %d", i+1, s.Seq())
		}
		checkStages(t, sampler, txn)
		switch {
		case txn.Writes() && txn.Rollback:
			rolledBack = 1
		case txn.Writes():
			written, rolledBack = written+1, 0
		}
	}
	return written, rolledBack
}

// checkStages holds the stages of the last transaction against its kind.
func checkStages(t *testing.T, s workload.Sampler, txn *workload.Txn) {
	st, ok := s.Stages()
	switch wrote := txn.Writes() && !txn.Rollback; {
	case !ok, st.Execute < 0:
		t.Errorf("stages %+v, %v", st, ok)
	case wrote && (st.Prepare < 0 || st.BinlogFlush < 0 || st.Engine < 0), !wrote && st.Prepare != workload.NoStage:
		t.Errorf("stages %+v of a transaction that wrote: %v", st, wrote)
	}
}

func checkTotal(t *testing.T, db *engine.Database, g *workload.Generator) {
	c, err := db.Conn(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Begin(); err != nil {
		t.Fatal(err)
	}
	var r table.Row
	sum := int64(0)
	for key := range g.Spec().Rows {
		if _, err := c.Read(key, &r); err != nil {
			t.Fatal(err)
		}
		sum += r.K
	}
	if sum != g.Total() {
		t.Errorf("the accounts add up to %d, want %d", sum, g.Total())
	}
	if err := c.Commit(); err != nil {
		t.Error(err)
	}
}

// A session whose transaction fails gives its locks back, whatever the error is: nobody
// waits for a session that has gone.
func TestDatabaseSessionFails(t *testing.T) {
	g, err := workload.NewGenerator(3, workload.Spec{Kind: workload.KindBank, Rows: 300, RowBytes: 40}, dbClients)
	if err != nil {
		t.Fatal(err)
	}
	o := dbOptions(vfs.NewMem(), "/", g.Spec())
	o.Binlog.CacheSize = binlog.MinCacheSize
	o.Binlog.MaxCacheSize = binlog.MinCacheSize
	target := openDatabase(t, o, g)
	var sessions [2]workload.Session
	for client := range sessions {
		if sessions[client], err = target.Connect(uint32(client)); err != nil {
			t.Fatal(err)
		}
	}
	large := &workload.Txn{}
	for key := range g.Spec().Rows {
		large.Ops = append(large.Ops, workload.Op{Kind: workload.OpUpdateK, Key: key, Delta: 1})
	}
	small := &workload.Txn{Ops: large.Ops[:1]}
	seeds.Ends(t, func() {
		if err := sessions[0].Run(large); !errors.Is(err, binlog.ErrCacheFull) {
			t.Errorf("Run() of a transaction that the binlog has no room for = %v", err)
		}
		for _, s := range sessions {
			if err := s.Run(small); err != nil {
				t.Errorf("Run() after it = %v", err)
			}
		}
	})
	if err := target.Close(); err != nil {
		t.Error(err)
	}
}
