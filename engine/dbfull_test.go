package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

// fullLog says how a database looks whose log fills up.
func fullLog(db *Database) string {
	m := db.Marks()
	return fmt.Sprintf("checkpoint %v, newest %v, oldest change %v, flushed %v, written %v, reserved %v; limit %v, soft %v; %+v", m.Checkpoint, db.wal.newest,
		db.pool.Oldest(), m.Flushed, m.Written, m.Reserved, db.wal.limit, db.wal.soft, db.pool.Stats())
}

// With the log as small as it may be, users stall, pages go, checkpoints move
// and all goes on.
func TestDatabaseFullLog(t *testing.T) {
	type axes struct {
		policy   groupcommit.Policy
		strategy groupcommit.Strategy
		tail     redo.Tail
		method   vfs.Method
		binlog   bool
		clients  int
	}
	var all []axes
	for _, policy := range groupcommit.Policies.All() {
		for _, tail := range redo.Tails.All() {
			for _, binlog := range []bool{false, true} {
				all = append(all, axes{policy, groupcommit.Dedicated, tail, vfs.Fdatasync, binlog, 8}, axes{policy, groupcommit.Dedicated, tail, vfs.DirectFdatasync, binlog, 8})
			}
		}
	}
	if !seeds.Soaking() {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		n := 8
		if testing.Short() {
			n = 4
		}
		all = all[:n]
	}
	all = append(all, axes{groupcommit.Policy1, groupcommit.Serial, redo.TailPad, vfs.DirectFdatasync, false, 64},
		axes{groupcommit.Policy1, groupcommit.Leader, redo.TailPad, vfs.Fdatasync, false, 64})
	for _, a := range all {
		t.Run(fmt.Sprintf("%v/%v/%v/%v/binlog=%v/%d", a.policy, a.strategy, a.tail, a.method, a.binlog, a.clients), func(t *testing.T) {
			o := bankOptions(newDisk(t))
			o.Clients, o.Commit.Policy, o.Commit.Strategy, o.Tail, o.Method, o.Binlog.Enabled = a.clients, a.policy, a.strategy, a.tail, a.method, a.binlog
			o.RowBytes, o.Rows = 2000, 3000
			if a.clients > 8 { // small records: what fills the log is pads
				o.RowBytes = 40
			}
			o.BufferPool = bufpool.MinBytes(o.mtrs())
			fillDatabase(t, smallestLog(t, o))
		})
	}
}

// fillDatabase writes three circles of log.
func fillDatabase(t *testing.T, o DatabaseOptions) {
	if err := CreateDatabase(o, nil); err != nil {
		t.Fatal(err)
	}
	db := opened(t, o)
	stop := make(chan struct{})
	var watch, wg sync.WaitGroup
	watch.Go(func() { // INVARIANT: what is written, or will be, beyond the checkpoint fits the circle
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				// The checkpoint is read last: it may have moved since.
				m := db.Marks()
				if at := db.log.CheckpointLSN(); m.Reserved > at+db.wal.limit {
					t.Errorf("written %v, reserved %v, checkpoint %v: the circle holds %v", m.Written, m.Reserved, at, db.wal.limit)
				}
			}
		}
	})
	target := db.wal.buf.Reserved() + 3*db.wal.limit
	for client := range uint32(o.Clients) {
		c := conn(t, db, client)
		wg.Go(func() {
			r := row(0, 0)
			r.C = make([]byte, o.layout().CBytes())
			for n := uint64(client); db.wal.buf.Reserved() < target; n += 997 {
				r.Key, r.K = n%o.Rows/uint64(o.Clients)*uint64(o.Clients)+uint64(client), int64(n)
				r.C[n%uint64(len(r.C))]++
				err := begin(c)
				if err == nil {
					_, err = c.Update(r)
				}
				c.EndStatement()
				if err == nil {
					err = c.Commit()
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	ends(t, db, "a full log", wg.Wait)
	close(stop)
	watch.Wait()
	if n := db.Stats().Checkpoints; n < 3 {
		t.Errorf("%d checkpoints over three circles", n)
	}
	if err := db.Shutdown(); err != nil && !t.Failed() {
		t.Error(err)
	}
}

// What all mini-transactions together may add after they were let in fits the
// circle, also if each of them is flushed alone and its block is filled up.
func TestDatabaseHeadroom(t *testing.T) {
	for _, tail := range redo.Tails.All() {
		o := bankOptions(newDisk(t))
		o.Clients, o.Tail, o.Binlog.Enabled, o.Rows = 64, tail, false, 5000
		o = smallestLog(t, o)
		if err := CreateDatabase(o, nil); err != nil {
			t.Fatal(err)
		}
		db := opened(t, o)
		ends(t, db, "a full log", func() {
			db.wal.taking.Lock() // no checkpoint
			defer db.wal.taking.Unlock()
			at := db.log.CheckpointLSN()
			room := at + db.wal.soft - lsn.LSN(redo.CommitSize(bufpool.MaxMtr))
			for n := uint64(0); db.wal.buf.Reserved() < room-8192; n++ {
				if err := set(conn(t, db, 0), n%o.Rows, 1); err != nil {
					t.Error(err)
					break
				}
			}
			all := make([]bufpool.Mtr, o.mtrs())
			for i := range all {
				must(t, db.pool.Begin(&all[i]))
			}
			for i := range all {
				m := &all[i]
				pg, err := m.Write(bufpool.PageID{Space: bufpool.SpaceUndo, No: 2 + uint32(i)})
				must(t, err)
				m.Set(pg, bufpool.PageSize-600, bytes.Clone(pg.Bytes()[bufpool.PageSize-600:])) // as it was: purge reads it
				end, err := m.Commit(0)
				must(t, err)
				if end > at+db.wal.limit {
					t.Errorf("tail %v: reserved %v, checkpoint %v: %v bytes more than the circle holds", tail, end, at, end-at-db.wal.limit)
					_ = db.gc.Fail(errArmed)
					break
				}
				must(t, db.gc.FlushUpTo(end, groupcommit.ReasonCommit))
			}
		})
		_ = db.Close()
	}
}

// A log that is so small that users find no room long before it fills up: the
// checkpoints that they wait for are taken. The first of them is held up until
// somebody waits: a quick checkpointer would let nobody.
func TestDatabaseStallTakesCheckpoints(t *testing.T) {
	for _, policy := range groupcommit.Policies.All() {
		o := bankOptions(newDisk(t))
		o.Commit.Policy, o.Binlog.Enabled = policy, false
		o = smallestLog(t, o)
		if err := CreateDatabase(o, nil); err != nil {
			t.Fatal(err)
		}
		db := opened(t, o)
		db.wal.taking.Lock()
		var over atomic.Bool
		var held sync.WaitGroup
		held.Go(func() {
			defer db.wal.taking.Unlock()
			for db.Stats().LogStalls == 0 && !over.Load() {
				time.Sleep(time.Millisecond)
			}
		})
		ends(t, db, "a small log", func() {
			for target := db.wal.buf.Reserved() + 3*db.wal.limit; db.wal.buf.Reserved() < target; {
				if err := set(conn(t, db, 0), 1, int64(db.wal.buf.Reserved())); err != nil {
					t.Error(err)
					return
				}
			}
		})
		over.Store(true)
		held.Wait()
		if t.Failed() {
			return // the others would hang as long
		}
		if db.Stats().LogStalls == 0 {
			t.Error("nobody has waited for room")
		}
	}
}
