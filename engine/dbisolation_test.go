package engine

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/table"
	"flushbench/engine/undo"
)

// openBank opens a new bank without a binlog, unless change says otherwise.
func openBank(t *testing.T, change func(o *DatabaseOptions)) *Database {
	t.Helper()
	o := bankOptions(newDisk(t))
	o.Binlog.Enabled = false
	if change != nil {
		change(&o)
	}
	return opened(t, newBank(t, o).opts)
}

// balance reads one account.
func balance(t *testing.T, c *Conn, account uint64) int64 {
	t.Helper()
	var r table.Row
	found, err := c.Read(account, &r)
	if err != nil || !found {
		t.Fatalf("Read(%d) = %v, %v", account, found, err)
	}
	return r.K
}

// must fails the test on an error.
func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// A snapshot holds: while transfers run and purge works, its total never
// changes, and reading twice reads the same.
func TestDatabaseRepeatableRead(t *testing.T) {
	db := openBank(t, nil)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for client := range uint32(bankClients - 1) {
		c := conn(t, db, client)
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(client), 31))
			for !stop.Load() {
				from := rng.Uint64N(bankAccounts)
				err := transferPlain(c, from, (from+1+rng.Uint64N(bankAccounts-1))%bankAccounts, rng.Int64N(100), rng.IntN(5) == 0)
				if errors.Is(err, ErrDeadlock) || errors.Is(err, ErrLockWaitTimeout) {
					err = c.Rollback()
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	c := conn(t, db, bankClients-1)
	before := db.Stats().Undo.PurgedLogs
	for n := 0; n < 3000 || db.Stats().Undo.PurgedLogs == before && n < 100_000; n++ {
		must(t, c.Begin())
		var first [bankAccounts]int64
		total := int64(0)
		for a := range uint64(bankAccounts) {
			first[a] = balance(t, c, a)
			total += first[a]
		}
		if total != bankAccounts*bankStart {
			t.Errorf("snapshot %d has a total of %d", n, total)
			break
		}
		for a := range uint64(bankAccounts) {
			if again := balance(t, c, a); again != first[a] {
				t.Errorf("snapshot %d: account %d has %d, then %d", n, a, first[a], again)
			}
		}
		must(t, c.Commit())
	}
	stop.Store(true)
	wg.Wait()
	if _, err := db.sys.Purge(); err != nil {
		t.Fatal(err)
	}
	if st := db.Stats().Undo; st.PurgedLogs == before || st.HistoryLength != 0 || st.Views != 0 || st.Active != 0 {
		t.Errorf("without views and transactions: %+v", st)
	}
}

// transferPlain moves money without a note.
func transferPlain(c *Conn, from, to uint64, amount int64, rollback bool) error {
	if err := c.Begin(); err != nil {
		return err
	}
	for _, leg := range []struct {
		account uint64
		amount  int64
	}{{from, -amount}, {to, amount}} {
		var r table.Row
		if _, err := c.ReadForUpdate(leg.account, &r); err != nil {
			return err
		}
		r.K += leg.amount
		if _, err := c.Update(&r); err != nil {
			return err
		}
	}
	if rollback {
		return c.Rollback()
	}
	return c.Commit()
}

// What a transaction sees of another one, step by step.
func TestDatabaseIsolation(t *testing.T) {
	for _, iso := range []undo.Isolation{undo.RepeatableRead, undo.ReadCommitted} {
		db := openBank(t, func(o *DatabaseOptions) { o.Isolation = iso })
		reader, writer := conn(t, db, 0), conn(t, db, 1)
		see := func(moment string, want int64) {
			t.Helper()
			within(t, "a read beside a writer", func() {
				reader.NewStatement()
				if got := balance(t, reader, 1); got != want {
					t.Errorf("isolation %d, %s: account 1 has %d; want %d", iso, moment, got, want)
				}
			})
		}
		newer := int64(7)
		if iso == undo.RepeatableRead {
			newer = bankStart
		}
		must(t, reader.Begin())
		see("at first", bankStart)
		must(t, writer.Begin())
		_, err := writer.Update(row(1, 7))
		must(t, err)
		see("while another one has changed it", bankStart)
		if got := balance(t, writer, 1); got != 7 {
			t.Errorf("the writer sees %d instead of its own change", got)
		}
		must(t, writer.Commit())
		see("after another one has committed", newer)
		must(t, writer.Begin())
		_, err = writer.Update(row(1, 8))
		must(t, err)
		_, err = writer.Delete(2)
		must(t, err, writer.Insert(row(50, 5)))
		see("beside a change that will be aborted", newer)
		must(t, writer.Rollback())
		see("after it was aborted", newer)
		must(t, reader.Commit(), reader.Begin())
		see("in the next transaction", 7)
		if got := balance(t, reader, 2); got != bankStart {
			t.Errorf("a deletion that was aborted: account 2 has %d", got)
		}
		var r table.Row
		if found, err := reader.Read(50, &r); found || err != nil {
			t.Errorf("an insert that was aborted: Read = %v, %v", found, err)
		}
		must(t, reader.Commit())
	}
}

// The victim of a deadlock rolls back: what it did is gone, its locks are free,
// and the other one goes on.
func TestDatabaseDeadlock(t *testing.T) {
	for _, withBinlog := range []bool{false, true} {
		db := openBank(t, func(o *DatabaseOptions) { o.Binlog.Enabled = withBinlog })
		a, b := conn(t, db, 0), conn(t, db, 1)
		must(t, begin(a), begin(b))
		_, err := a.Update(row(1, 10))
		must(t, err)
		_, err = b.Update(row(2, 20))
		must(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := a.Update(row(2, 11))
			done <- err
		}()
		ends(t, db, "a deadlock", func() {
			for db.locks.Stats().Waiting == 0 {
				time.Sleep(time.Millisecond)
			}
			if _, err := b.Update(row(1, 21)); !errors.Is(err, ErrDeadlock) {
				t.Errorf("the lock that closes the cycle = %v; want a deadlock", err)
			}
			b.AbortStatement()
			if err := b.Rollback(); err != nil {
				t.Error(err)
			}
			if err := <-done; err != nil {
				t.Errorf("the other one gets %v", err)
			}
		})
		a.EndStatement()
		must(t, a.Commit(), b.Begin())
		for account, want := range map[uint64]int64{1: 10, 2: 11} {
			if got := balance(t, b, account); got != want {
				t.Errorf("account %d has %d; want %d", account, got, want)
			}
		}
		must(t, b.Commit(), set(b, 1, 30), set(b, 2, 31), db.Err(), db.Shutdown())
	}
}

// A wait that lasts too long fails the statement and nothing else.
func TestDatabaseLockWaitTimeout(t *testing.T) {
	db := openBank(t, func(o *DatabaseOptions) { o.LockTimeout = 5 * time.Millisecond })
	a, b := conn(t, db, 0), conn(t, db, 1)
	must(t, a.Begin(), b.Begin())
	_, err := a.Update(row(1, 10))
	must(t, err)
	_, err = b.Update(row(2, 20))
	must(t, err)
	var r table.Row
	if _, err := b.ReadForUpdate(1, &r); !errors.Is(err, ErrLockWaitTimeout) {
		t.Fatalf("a lock that somebody has = %v; want a timeout", err)
	}
	must(t, b.Commit(), a.Rollback(), db.Err(), set(b, 1, 21))
	must(t, a.Begin())
	if one, two := balance(t, a, 1), balance(t, a, 2); one != 21 || two != 20 {
		t.Errorf("accounts 1 and 2 have %d and %d; want 21 and 20", one, two)
	}
	must(t, a.Commit())
}

// A duplicate key leaves the transaction and the row as they were.
func TestDatabaseDuplicateKey(t *testing.T) {
	db := openBank(t, nil)
	c := conn(t, db, 0)
	must(t, c.Begin())
	if err := c.Insert(row(3, 9)); !errors.Is(err, ErrDuplicateKey) {
		t.Fatalf("Insert of a row that is there = %v", err)
	}
	must(t, c.Insert(row(60, 6)), c.Commit(), c.Begin())
	if three, sixty := balance(t, c, 3), balance(t, c, 60); three != bankStart || sixty != 6 {
		t.Errorf("rows 3 and 60 have %d and %d", three, sixty)
	}
	must(t, c.Commit())
}
