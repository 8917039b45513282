package engine

import (
	"errors"
	"testing"

	"flushbench/engine/binlog"
	"flushbench/engine/table"
	"flushbench/groupcommit"
)

// A transaction that is too large for the binlog's cache is not committed, can be
// rolled back, and leaves nothing; the database goes on.
func TestCommitAfterCacheFull(t *testing.T) {
	o := bankOptions(newDisk(t))
	o.Binlog.CacheSize, o.Binlog.MaxCacheSize = binlog.MinCacheSize, binlog.MinCacheSize
	b := newBank(t, o)
	db := opened(t, b.opts)
	c := conn(t, db, 0)
	must(t, c.Begin(), c.StartStatement(nil, false))
	var err error
	inserted := 0
	for ; err == nil && inserted < 10_000; inserted++ {
		err = c.Insert(&table.Row{Key: noteBase + uint64(inserted), C: make([]byte, o.layout().CBytes())})
	}
	if !errors.Is(err, binlog.ErrCacheFull) {
		t.Fatalf("%d inserts: %v; want %v", inserted, err, binlog.ErrCacheFull)
	}
	c.AbortStatement()
	if err := c.Commit(); !errors.Is(err, binlog.ErrCacheFull) {
		t.Errorf("Commit = %v; want %v", err, binlog.ErrCacheFull)
	}
	must(t, c.Rollback())
	must(t, b.transfer(c, noteBase+900, transfer{from: 1, to: 2, amount: 3}))
	bk, err := b.read(db)
	must(t, err, db.Err())
	if len(bk.engine) != 1 || !bk.engine[noteBase+900] {
		t.Errorf("the engine has %v; want the one transfer after the rollback", bk.engine)
	}
}

// After a failure nothing is acknowledged, not even a transaction that only read.
func TestReadOnlyCommitAfterFailure(t *testing.T) {
	b := newBank(t, bankOptions(newDisk(t)))
	db := opened(t, b.opts)
	c := conn(t, db, 0)
	var r table.Row
	read := func() error {
		must(t, c.Begin())
		if _, err := c.Read(1, &r); err != nil {
			t.Fatal(err)
		}
		return c.Commit()
	}
	must(t, read())
	failure := errors.New("failure of this test")
	if err := db.gc.Fail(failure); err == nil {
		t.Fatal("Fail returned nothing")
	}
	if err := read(); !errors.Is(err, failure) {
		t.Errorf("Commit = %v; want %v", err, failure)
	}
}

// Nobody asks an untracked database what a crash keeps, so it remembers nothing;
// the clock is read for sampled commits only.
func TestNobodyLooks(t *testing.T) {
	for _, untracked := range []bool{false, true} {
		o := bankOptions(newDisk(t))
		o.Untracked = untracked
		b := newBank(t, o)
		db := opened(t, b.opts)
		c := conn(t, db, 0)
		must(t, b.transfer(c, noteBase, transfer{from: 1, to: 2, amount: 3}))
		if got := len(db.order.past.ring) == 0; got != untracked {
			t.Errorf("untracked %v: nothing is remembered: %v", untracked, got)
		}
		if c.Started() != 0 {
			t.Error("a commit that was not sampled has read the clock")
		}
		c.Place().Sample = true
		must(t, b.transfer(c, noteBase+1, transfer{from: 1, to: 2, amount: 3}))
		if times := c.Place().Times; c.Started() == 0 || c.Started() > times.Cut || times.Cut > times.Done {
			t.Errorf("a sampled commit began at %d, its stages are %+v", c.Started(), times)
		}
	}
}

// Under policy 3 what is acknowledged is flushed in the engine, too.
func TestPolicy3FlushesCommit(t *testing.T) {
	o := bankOptions(newDisk(t))
	o.Commit.Policy, o.Stages.SyncBinlog = groupcommit.Policy3, 0
	b := newBank(t, o)
	db := opened(t, b.opts)
	c := conn(t, db, 0)
	for i := range uint64(10) {
		must(t, b.transfer(c, noteBase+i, transfer{from: 1, to: 2, amount: 3}))
		if m := db.Marks(); m.Flushed < c.End() || c.End() <= c.Prepared() {
			t.Fatalf("acknowledged with PREPARE up to %v, COMMIT up to %v; the log is flushed up to %v", c.Prepared(), c.End(), m.Flushed)
		}
	}
}
