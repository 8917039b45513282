package undo

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/table"
	"flushbench/engine/trx"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
)

// forget makes the oracle what a log that survived up to end holds: the commits
// before it, and those that were prepared and that the binlog has. The binlog has
// those with even XIDs, and all that were seen to commit.
func (w *world) forget(end lsn.LSN) (commit func(xid uint64) bool) {
	w.or.committed, w.or.seq, w.or.locks = map[uint64][]version{}, 0, map[uint64]int{}
	for key, row := range w.base {
		w.or.committed[key] = []version{{0, row}}
	}
	lives := map[uint64]bool{}
	prepared := map[uint64]map[uint64]string{}
	apply := func(own map[uint64]string) {
		w.or.seq++
		for key, row := range own {
			w.or.committed[key] = append(w.or.committed[key], version{w.or.seq, row})
		}
	}
	for _, e := range w.ends {
		switch {
		case e.end > end:
			if e.commit && e.xid != 0 && prepared[e.xid] != nil {
				lives[e.xid] = true
			}
		case e.commit:
			w.maxID = max(w.maxID, e.no)
			apply(e.own)
			delete(prepared, e.xid)
		default:
			prepared[e.xid] = e.own
		}
	}
	for i := range w.or.txns {
		w.or.txns[i] = &client{}
	}
	// The log lost some commits of prepared transactions. They have no row in common:
	// their locks were held.
	decided := map[uint64]bool{}
	for xid, own := range prepared {
		if lives[xid] || w.undecided(xid) {
			decided[xid] = true
			apply(own)
		}
	}
	w.ends = nil
	return func(xid uint64) bool { return decided[xid] }
}

// undecided: the binlog has it although nobody saw it commit.
func (w *world) undecided(xid uint64) bool { return xid%2 == 0 && !w.rolledBack[xid] }

// recoverAll resolves what the crash interrupted. The log may stop in it.
func (r *rig) recoverAll(commit func(uint64) bool) error {
	for _, u := range r.open {
		if u.ID == 0 || u.Slot < 0 || u.Slot >= r.o.Slots || (u.XID != 0) != (u.State == Prepared) {
			return fmt.Errorf("unfinished transaction %+v", u)
		}
		if u.State == Active {
			if _, err := r.s.Resolve(u, true); !errors.Is(err, ErrState) {
				return fmt.Errorf("Resolve(active, commit) = %v; want ErrState", err)
			}
		}
		if _, err := r.s.Resolve(u, u.State == Prepared && commit(u.XID)); err != nil {
			return err
		}
	}
	return nil
}

// A crash at any record of the log, with any part of what was not flushed lost,
// leaves the committed prefix; and so does a crash in the midst of the recovery.
func TestCrash(t *testing.T) {
	runs := 150
	switch {
	case yield.Enabled: // the race detector takes its time
		runs = 10
	case seeds.Heavy():
		runs = 300
	}
	seed := seeds.Base(t)
	for i := range uint64(runs) {
		// In a test of its own, which lets go of its disks when it ends.
		ok := t.Run("", func(t *testing.T) {
			if err := crashRun(t, rand.New(rand.NewPCG(seed, i))); err != nil {
				t.Fatalf("seed %d, run %d: %v", seed, i, err)
			}
		})
		if !ok {
			return
		}
	}
}

func crashRun(t *testing.T, rng *rand.Rand) error {
	o := small()
	o.Layout = layouts[rng.IntN(len(layouts))]
	pick := noC(o.Layout, func(n int, _ string) int { return rng.IntN(n) })
	w := newWorld(newRig(t, o), 6, 5)
	for range 3 { // each life begins with what the one before left
		w.rolledBack = map[uint64]bool{}
		w.r.log.left = 1 + rng.IntN(300)
		for {
			err := w.step(pick)
			if errors.Is(err, errLogStopped) {
				break
			}
			if err != nil {
				return err
			}
		}
		next, end := w.r.crash(rng)
		w.r = next
		commit := w.forget(end)
		for {
			w.r.log.left = 1 + rng.IntN(12)
			if rng.IntN(3) == 0 {
				w.r.log.left = -1
			}
			err := w.r.recoverAll(commit)
			if err == nil {
				break
			}
			if !errors.Is(err, errLogStopped) {
				return err
			}
			if w.r, _ = w.r.crash(rng); w.r.t.Failed() {
				return nil
			}
		}
		w.r.log.left = -1
		if err := w.settled(); err != nil {
			return err
		}
		if err := w.r.log.FlushUpTo(w.r.log.pos); err != nil { // recovery is over
			return err
		}
		w.base = map[uint64]string{}
		for key := range w.keys {
			w.base[key] = w.or.at(key, w.or.seq)
		}
		if id := w.r.s.reg.next; id <= w.maxID {
			return fmt.Errorf("ids go on at %d; number %d is in the log", id, w.maxID)
		}
	}
	_, _ = w.r.s.Close(), w.r.pool.Close()
	return nil
}

// A rollback that a crash interrupted after any of its steps goes on from
// there, and the transaction that was prepared does not come back.
func TestCrashInRollback(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for stop := 0; ; stop++ {
		o := small()
		r := newRig(t, o)
		x := r.begin(RepeatableRead)
		for key := range uint64(3) {
			must(t, x.Insert(r.rowOf(key, 1, 1)))
		}
		_, err := x.Commit()
		must(t, err)
		want := [][]byte{r.slotBytes(0), r.slotBytes(1), r.slotBytes(2), r.slotBytes(3)}
		must(t, r.s.Begin(x, RepeatableRead))
		for range 2 {
			for key := range uint64(3) {
				_, _, err := x.Update(r.rowOf(key, int64(r.log.pos), 7), nil)
				must(t, err)
			}
		}
		must(t, x.Insert(r.rowOf(3, 5, 5)))
		_, err = x.Delete(0, nil)
		must(t, err)
		_, err = x.Prepare(9)
		must(t, err)
		steps := len(r.log.recs)
		r.log.left = stop
		_, err = x.Rollback()
		over := err == nil
		must(t, r.log.FlushUpTo(r.log.pos))
		began := len(r.log.recs) > steps
		n, _ := r.crash(rng)
		if began && len(n.open) == 1 && n.open[0].State != Active {
			t.Fatalf("crash after step %d of the rollback: %+v; want it active", stop, n.open)
		}
		must(t, n.recoverAll(func(uint64) bool { return false }))
		for key := range want {
			if got := n.slotBytes(uint64(key)); string(got) != string(want[key]) {
				t.Fatalf("crash after step %d: slot of key %d is\n%x; want\n%x", stop, key, got, want[key])
			}
		}
		n.mustPurge()
		_, _ = n.s.Close(), n.pool.Close()
		if over {
			if stop < 8 {
				t.Fatalf("the rollback took %d records; want one a change, and more", stop)
			}
			return
		}
	}
}

// Ids go on above all that was handed out, however often blocks were reserved.
func TestIDsGoOn(t *testing.T) {
	r := newRig(t, small())
	x := r.begin(RepeatableRead)
	rng := rand.New(rand.NewPCG(3, 4))
	last := trx.ID(0)
	const n = 3*idBlock + idBlock/4 // the newest block has been begun
	for i := range n {
		if i > 0 {
			must(t, r.s.Begin(x, RepeatableRead))
		}
		if _, err := x.Delete(1, nil); err != nil { // takes an id, changes nothing
			t.Fatal(err)
		}
		if x.ID() <= last {
			t.Fatalf("id %v after %v", x.ID(), last)
		}
		last = x.ID()
		if i == n-1 {
			break
		}
		if end, err := x.Commit(); end != 0 || err != nil {
			t.Fatalf("Commit() of nothing = %v, %v; want 0, nil", end, err)
		}
	}
	must(t, r.log.FlushUpTo(r.log.pos))
	after, _ := r.crash(rng)
	x = after.begin(RepeatableRead)
	must(t, x.Insert(after.rowOf(1, 1, 1)))
	if x.ID() <= last || uint64(x.ID()) > uint64(last)+2*idBlock {
		t.Errorf("id %v after a crash; want one just above %v", x.ID(), last)
	}
	if h := table.DecodeHeader(after.slotBytes(1)); h.Trx != x.ID() {
		t.Errorf("row of transaction %v; want %v", h.Trx, x.ID())
	}
}
