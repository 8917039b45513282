package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/lock"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

// A bank is a database in which clients transfer money and note each transfer
// by a row of its own: so what a crash leaves can be judged transaction by
// transaction.
type bank struct {
	opts     DatabaseOptions
	accounts uint64

	mu    sync.Mutex
	done  map[uint64]transfer // by key of its note: begun
	acked map[uint64]bool
}

type transfer struct {
	from, to uint64
	amount   int64
	rollback bool
}

const (
	bankAccounts = 10
	bankStart    = 1000
	bankClients  = 4
	// noteOf is the key of the first note of client 0.
	noteBase   = 100
	noteStride = 1000
)

func bankOptions(fs vfs.FS) DatabaseOptions {
	o := DatabaseOptions{Rows: bankAccounts, RowBytes: 40}
	o.FS, o.Dir, o.Capacity, o.Files, o.BufferSize, o.Clients = fs, dir, 1<<20, 1, 64<<10, bankClients
	o.Commit = groupcommit.Config{Policy: groupcommit.Policy1, Interval: groupcommit.MaxInterval}
	o.Binlog = BinlogOptions{Enabled: true, Growth: vfs.GrowAppend, Clock: func() uint32 { return 7 }}
	o.Stages.SyncBinlog = 1
	o.BufferPool = 16 << 20 // the default takes long to clear under the race detector
	return o
}

func bankRow(r *table.Row) { r.K = bankStart }

func newBank(t testing.TB, o DatabaseOptions) *bank {
	t.Helper()
	if err := CreateDatabase(o, bankRow); err != nil {
		t.Fatal(err)
	}
	return &bank{opts: o, accounts: o.Rows, done: map[uint64]transfer{}, acked: map[uint64]bool{}}
}

// on is the same bank on another disk: what it remembers stays.
func (b *bank) on(fs vfs.FS) *bank {
	o := b.opts
	o.FS, o.Hook = fs, nil
	return &bank{opts: o, accounts: b.accounts, done: b.done, acked: b.acked}
}

// client makes n transfers as one client, each until it is not rolled back for the sake of
// others. A wait for a lock takes too long whenever the process stands still for as long.
// Whatever else ends the client, it rolls back, so that nobody waits for its locks.
func (b *bank) client(db *Database, client uint32, n int, seed uint64) error {
	c, err := db.Conn(client)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(seed, uint64(client)))
	for i := range n {
		key := noteBase + uint64(client)*noteStride + seed%7*100 + uint64(i)
		tr := transfer{from: rng.Uint64N(b.accounts), to: rng.Uint64N(b.accounts), amount: 1 + rng.Int64N(50), rollback: rng.IntN(8) == 0}
		for {
			err := b.transfer(c, key, tr)
			if err == nil {
				break
			}
			rolledBack := c.Rollback()
			if !errors.Is(err, ErrDeadlock) && !errors.Is(err, ErrLockWaitTimeout) {
				return err // it says why a rollback may fail
			}
			if rolledBack != nil {
				return rolledBack
			}
		}
	}
	return nil
}

// transfer moves money and notes it. After an error it must be rolled back.
func (b *bank) transfer(c *Conn, key uint64, tr transfer) error {
	if err := c.Begin(); err != nil {
		return err
	}
	if err := c.StartStatement([]byte("transfer"), false); err != nil {
		return err
	}
	if err := b.move(c, key, tr); err != nil {
		return err
	}
	c.EndStatement()
	if tr.rollback {
		return c.Rollback()
	}
	b.mu.Lock()
	b.done[key] = tr
	b.mu.Unlock()
	if err := c.Commit(); err != nil {
		return err
	}
	b.mu.Lock()
	b.acked[key] = true
	b.mu.Unlock()
	return nil
}

func (b *bank) move(c *Conn, key uint64, tr transfer) error {
	for _, leg := range []struct {
		account uint64
		amount  int64
	}{{tr.from, -tr.amount}, {tr.to, tr.amount}} {
		var r table.Row
		found, err := c.ReadForUpdate(leg.account, &r)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("account %d is gone", leg.account)
		}
		r.K += leg.amount
		if _, err := c.Update(&r); err != nil {
			return err
		}
	}
	return c.Insert(&table.Row{Key: key, K: tr.amount, C: make([]byte, 24)})
}

// run opens the bank, lets all clients work and drops it without a shutdown. It returns
// the error that stopped it.
func (b *bank) run(n int, seed uint64) error {
	db, err := OpenDatabase(b.opts)
	if err != nil {
		return err
	}
	past := &db.order.past
	if old := oldOrder.Swap(nil); old != nil {
		past.ring, past.sparse = old.ring, old.sparse
	}
	errs := make([]error, bankClients)
	var wg sync.WaitGroup
	for client := range uint32(bankClients) {
		wg.Go(func() { errs[client] = b.client(db, client, n, seed) })
	}
	wg.Wait()
	for client, err := range errs {
		if err != nil && !errors.Is(err, vfs.ErrCrashed) { // a crash must not hide it
			return fmt.Errorf("client %d: %v", client, errors.Join(errs...))
		}
	}
	err = errors.Join(errors.Join(errs...), db.Close())
	oldOrder.Store(&commitOrder{ring: past.ring, sparse: past.sparse})
	return err
}

// oldOrder is what a bank that has ended kept the order of its commits in: the next one
// need not make 6 MiB of memory. What stands in it counts for nothing.
var oldOrder atomic.Pointer[commitOrder]

// books are what the bank's disk holds after recovery.
type books struct {
	engine, binlog map[uint64]bool // notes
	order          []uint64        // those of binlog, in its order
	report         fmt.Stringer
	ahead, behind  uint64 // binlog ahead, engine ahead, as reported
}

// audit recovers the bank and checks all that must hold whatever the policies:
// the engine holds whole transfers, the report counts the divergence right.
func (b *bank) audit() (books, error) {
	db, err := OpenDatabase(b.opts)
	if err != nil {
		return books{}, err
	}
	bk, err := b.read(db)
	err = errors.Join(err, db.Close())
	if err != nil {
		return bk, err
	}
	rep := db.Report()
	bk.report, bk.ahead, bk.behind = &rep, rep.BinlogAhead, rep.EngineAhead
	if b.opts.Binlog.Enabled {
		if err = b.readBinlog(&bk); err != nil {
			return bk, err
		}
		if only := without(bk.binlog, bk.engine); uint64(len(only)) != bk.ahead {
			return bk, fmt.Errorf("the binlog has %v alone; reported %d\n%v", only, bk.ahead, bk.report)
		}
		if only := without(bk.engine, bk.binlog); uint64(len(only)) != bk.behind {
			return bk, fmt.Errorf("the engine has %v alone; reported %d\n%v", only, bk.behind, bk.report)
		}
	}
	return bk, nil
}

func without(a, b map[uint64]bool) (keys []uint64) {
	for k := range a {
		if !b[k] {
			keys = append(keys, k)
		}
	}
	return keys
}

func (b *bank) read(db *Database) (bk books, err error) {
	c, err := db.Conn(0)
	if err != nil {
		return bk, err
	}
	if err := c.Begin(); err != nil {
		return bk, err
	}
	keys, err := b.written(db)
	if err != nil {
		return bk, err
	}
	bk.engine = map[uint64]bool{}
	balance := make([]int64, b.accounts)
	var r table.Row
	for _, key := range keys {
		found, err := c.Read(key, &r)
		switch {
		case err != nil:
			return bk, err
		case key < b.accounts && !found:
			return bk, fmt.Errorf("account %d is gone", key)
		case key < b.accounts:
			balance[key] = r.K
		case found:
			tr, ok := b.done[key]
			if !ok || tr.amount != r.K {
				return bk, fmt.Errorf("note %d of %d: the transfer was %+v, %v", key, r.K, tr, ok)
			}
			bk.engine[key] = true
		}
	}
	for key := range bk.engine {
		tr := b.done[key]
		balance[tr.from] += tr.amount
		balance[tr.to] -= tr.amount
	}
	for account, left := range balance {
		if left != bankStart {
			return bk, fmt.Errorf("account %d has %d more than its transfers say", account, left-bankStart)
		}
	}
	return bk, c.Commit()
}

// written returns the keys of all accounts, and of whatever other slot holds a byte that
// is not zero. No view has a row in one that is all zeros: to read all keys, of which
// hardly any was ever a row, took longer than to recover them.
func (b *bank) written(db *Database) (keys []uint64, err error) {
	l := db.sys.Layout()
	empty := make([]byte, l.SlotBytes())
	var m bufpool.Mtr
	for key := uint64(0); key < noteBase+bankClients*noteStride; {
		if err := db.pool.BeginRead(&m); err != nil {
			return nil, err
		}
		page, off := l.Place(key)
		pg, err := m.Read(page)
		if err != nil {
			m.Abandon()
			return nil, err
		}
		for in := page; in == page; in, off = l.Place(key) {
			if key < b.accounts || !bytes.Equal(l.Slot(pg.Bytes(), off), empty) {
				keys = append(keys, key)
			}
			key++
		}
		m.Abandon()
	}
	return keys, nil
}

func (b *bank) readBinlog(bk *books) error {
	r, err := binlog.NewReader(b.opts.FS, b.opts.BinlogDir())
	if err != nil {
		return err
	}
	defer r.Close()
	bk.binlog, bk.order = map[uint64]bool{}, nil
	var open []uint64
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch p := e.Payload.(type) {
		case binlog.Rows:
			for _, ch := range p.Changes {
				if p.Kind == binlog.TypeWriteRows {
					open = append(open, ch.After.Key)
				}
			}
		case binlog.Xid:
			for _, key := range open {
				if bk.binlog[key] {
					return fmt.Errorf("transfer %d stands in the binlog twice", key)
				}
				bk.binlog[key] = true
			}
			bk.order = append(bk.order, open...)
			open = open[:0]
		}
	}
}

func TestBank(t *testing.T) {
	for _, policy := range groupcommit.Policies.All() {
		for _, sync := range []int{0, 1, 3} {
			t.Run(fmt.Sprintf("policy=%v/sync_binlog=%d", policy, sync), func(t *testing.T) {
				o := bankOptions(newDisk(t))
				o.Commit.Policy, o.Stages.SyncBinlog = policy, sync
				b := newBank(t, o)
				for life := range uint64(3) {
					db, err := OpenDatabase(b.opts)
					if err != nil {
						t.Fatal(err)
					}
					for client := range uint32(bankClients) {
						if err := b.client(db, client, 20, life); err != nil {
							t.Fatal(err)
						}
					}
					if err := db.Shutdown(); err != nil {
						t.Fatal(err)
					}
				}
				bk, err := b.audit()
				if err != nil {
					t.Fatal(err)
				}
				if len(bk.engine) != len(b.acked) || len(bk.binlog) != len(b.acked) {
					t.Errorf("%d acknowledged, the engine has %d, the binlog %d", len(b.acked), len(bk.engine), len(bk.binlog))
				}
			})
		}
	}
}

// A client that waits too long for a lock, as all do that wait while the process stands
// still, rolls back and tries again: it keeps no lock that others wait for.
func TestBankLockWaitTimeout(t *testing.T) {
	o := bankOptions(newDisk(t))
	o.LockTimeout = lock.MinTimeout
	b := newBank(t, o)
	db := opened(t, b.opts)
	holder := conn(t, db, bankClients-1)
	must(t, begin(holder))
	for account := range b.accounts / 2 { // those who wait hold others
		var r table.Row
		_, err := holder.ReadForUpdate(account, &r)
		must(t, err)
	}
	errs := make([]error, bankClients-1)
	var wg sync.WaitGroup
	for client := range errs {
		wg.Go(func() { errs[client] = b.client(db, uint32(client), 25, 1) })
	}
	seeds.Until(t, "waits time out", func() bool { return db.locks.Stats().Timeouts >= 10 })
	holder.EndStatement()
	must(t, holder.Commit())
	ends(t, db, "a client", wg.Wait)
	must(t, errs...)
	must(t, db.Shutdown())
	bk, err := b.audit()
	must(t, err)
	if len(bk.engine) != len(b.acked) {
		t.Errorf("%d acknowledged, the engine has %d", len(b.acked), len(bk.engine))
	}
}

// An audit finds a row that no transfer has made, wherever it stands, and misses an
// account that is gone.
func TestBankAuditReadsAll(t *testing.T) {
	for _, key := range []uint64{bankAccounts, noteBase - 1, noteBase + 2*noteStride + 500, noteBase + bankClients*noteStride - 1} {
		o := bankOptions(newDisk(t))
		b := newBank(t, o)
		db := opened(t, o)
		c := conn(t, db, 0)
		must(t, begin(c), c.Insert(row(key, 0)))
		c.EndStatement()
		must(t, c.Commit(), db.Shutdown())
		if _, err := b.audit(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("note %d ", key)) {
			t.Errorf("with a stray row %d the audit says %v", key, err)
		}
	}
	o := bankOptions(newDisk(t))
	b := newBank(t, o)
	db := opened(t, o)
	c := conn(t, db, 0)
	must(t, begin(c))
	_, err := c.Delete(3)
	must(t, err)
	c.EndStatement()
	must(t, c.Commit(), db.Shutdown())
	if _, err := b.audit(); err == nil || !strings.Contains(err.Error(), "account 3 is gone") {
		t.Errorf("without account 3 the audit says %v", err)
	}
}
