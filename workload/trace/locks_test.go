package trace

import (
	"errors"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/target/embedded"
)

// largeTxns is a trace whose transactions do not fit the binlog's cache: their commits
// fail, and nothing else does.
func largeTxns(t testing.TB) Config {
	t.Helper()
	cfg := pair{groupcommit.Policy1, 1}.config(newDisk(t))
	cfg.Load = workload.Spec{Kind: workload.KindUpdate, Rows: 200, RowBytes: 200, RowsPerTxn: 50, Notes: true}
	cfg.Database.Binlog.CacheSize, cfg.Database.Binlog.MaxCacheSize = binlog.MinCacheSize, binlog.MinCacheSize
	return cfg
}

// TestFailedTransactionKeepsNoLocks: a transaction that is neither committed nor a victim
// is taken back, or the others would wait for its locks until the end.
func TestFailedTransactionKeepsNoLocks(t *testing.T) {
	cfg := largeTxns(t)
	cfg.Clients = 2
	g, err := cfg.generator()
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.create(g); err != nil {
		t.Fatal(err)
	}
	o := cfg.options(cfg.FS, g)
	o.LockTimeout = time.Millisecond // nobody has to wait
	db, err := engine.OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	var s embedded.Statements
	large := g.NewTxn(0)
	g.Next(0, 0, large)
	for client := range uint32(2) {
		conn, err := db.Conn(client)
		if err != nil {
			t.Fatal(err)
		}
		run := runTxn
		if client > 0 { // which would try again for ever
			run = func(c *engine.Conn, s *embedded.Statements, t *workload.Txn) error { return tryTxn(c, s, t, nil) }
		}
		if err := run(conn, &s, large); !errors.Is(err, binlog.ErrCacheFull) {
			t.Errorf("client %d: %v; want %v", client, err, binlog.ErrCacheFull)
		}
	}
}

// TestFailedTraceEndsWithItsError: the traced transaction is taken back too, and its steps
// end where the error came.
func TestFailedTraceEndsWithItsError(t *testing.T) {
	cfg := largeTxns(t)
	cfg.Warmup = -1
	tr, err := Run(t.Context(), cfg)
	if !errors.Is(err, binlog.ErrCacheFull) {
		t.Fatalf("%v; want %v", err, binlog.ErrCacheFull)
	}
	names := map[string]int{}
	for _, s := range tr.Steps {
		names[s.Name]++
	}
	if locks, records := names["row lock"], names["redo record"]; locks == 0 || records > locks {
		t.Errorf("%d rows locked, %d redo records; want one for each change, none of the rollback", locks, records)
	}
}
