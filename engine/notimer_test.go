package engine

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
)

// untimed takes the timer of the redo log away.
func untimed(o DatabaseOptions, policy groupcommit.Policy) DatabaseOptions {
	o.Commit = groupcommit.Config{Policy: policy, NoTimer: true}
	return o
}

// Without a timer nothing that policies 0 and 2 acknowledge is ever flushed by itself:
// an hour later a power cut takes all of it, and under policy 0 a killed process does.
// With one nothing is lost then, and under policy 1 never.
func TestNoTimerLosesWithoutBound(t *testing.T) {
	const n = 20
	timed := func(policy groupcommit.Policy) DatabaseOptions {
		o := bankOptions(nil)
		o.Commit = groupcommit.Config{Policy: policy}
		return o
	}
	for _, c := range []struct {
		what           string
		opts           DatabaseOptions
		process, power int // transfers that are left
	}{
		{"policy 2, no timer", untimed(bankOptions(nil), groupcommit.Policy2), n, 0},
		{"policy 0, no timer", untimed(bankOptions(nil), groupcommit.Policy0), 0, 0},
		{"policy 1, no timer", untimed(bankOptions(nil), groupcommit.Policy1), n, n},
		{"policy 2", timed(groupcommit.Policy2), n, n},
		{"policy 0", timed(groupcommit.Policy0), n, n},
	} {
		synctest.Test(t, func(t *testing.T) {
			mem := newDisk(t)
			o := c.opts
			o.FS, o.Binlog.Enabled = mem, false
			b := newBank(t, o)
			db, err := OpenDatabase(b.opts)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // the checkpoint of what opening has done
			before := mem.Counts().Flushes()
			for i := range uint64(n) {
				must(t, b.transfer(conn(t, db, 0), noteBase+i, transfer{from: 1, to: 2, amount: 3}))
				time.Sleep(time.Second)
			}
			time.Sleep(time.Hour)
			flushed := mem.Counts().Flushes() - before
			if policy := o.Commit.Policy; o.Commit.NoTimer && !policy.Flushes() && flushed > 0 {
				t.Errorf("%s: %d flushes in an hour", c.what, flushed)
			}
			for kind, want := range map[vfs.CrashKind]int{vfs.CrashProcess: c.process, vfs.CrashPower: c.power} {
				bk, err := b.on(keepLeast(mem, kind)).audit()
				must(t, err)
				if len(bk.engine) != want {
					t.Errorf("%s: an hour after %d transfers a %v crash leaves %d; want %d", c.what, n, kind, len(bk.engine), want)
				}
			}
			_ = db.Close()
		})
	}
}

// So does the log of the log workload, whose pages are sequences.
func TestNoTimerFullCircle(t *testing.T) {
	for _, policy := range []groupcommit.Policy{groupcommit.Policy0, groupcommit.Policy2} {
		o := smallest(nil)
		o.Commit = groupcommit.Config{Policy: policy, NoTimer: true}
		mem := created(t, o)
		o.FS = mem
		led := &ledger{}
		l, err := openLife(o, led, []int{0, 100, 4000})
		if err != nil {
			t.Fatal(err)
		}
		within(t, "a log without a timer", func() {
			for l.e.buf.Reserved() < 4*l.e.cp.limit {
				if err := l.parallel(5); err != nil {
					t.Error(err)
					return
				}
			}
		})
		if st := l.e.Stats(); st.Flushes[groupcommit.ReasonTimer] > 0 || st.Checkpoints == 0 {
			t.Errorf("policy %v: %d checkpoints, flushes by reason %v", policy, st.Checkpoints, st.Flushes)
		}
		must(t, l.e.Drain(), l.e.Close())
		if _, wrong := (judge{led: led, sizes: l.sizes, acked: true}).check(keepLeast(mem, vfs.CrashPower)); wrong != "" {
			t.Errorf("policy %v: after Drain and a power cut: %s", policy, wrong)
		}
	}
}

// A log without a timer goes round all the same: what fills up, the log buffer or the
// circle, is written and flushed for its own sake; and a clean end keeps everything.
func TestNoTimerFullLog(t *testing.T) {
	const n = 75
	for _, policy := range []groupcommit.Policy{groupcommit.Policy0, groupcommit.Policy2} {
		for _, protocol := range groupcommit.Protocols.All() {
			if yield.Enabled && protocol != groupcommit.TwoPhase {
				continue // slow
			}
			o := smallestLog(t, untimed(bankOptions(nil), policy))
			o.FS, o.Stages.Protocol, o.Stages.SyncBinlog = newDisk(t), protocol, 0
			b := newBank(t, o)
			db := opened(t, b.opts)
			ends(t, db, "a log that fills up", func() {
				var wg sync.WaitGroup
				for client := range uint32(bankClients) {
					wg.Go(func() {
						for life := range uint64(3) {
							if err := b.client(db, client, n, life); err != nil {
								t.Error(err)
							}
						}
					})
				}
				wg.Wait()
			})
			if end := db.Marks().Reserved; uint64(end) < db.log.Capacity() {
				t.Errorf("policy %v, %v: the log has come to %v, it holds %d", policy, protocol, end, db.log.Capacity())
			}
			st := db.Stats()
			if st.Flushes[groupcommit.ReasonTimer] > 0 || st.Flushes[groupcommit.ReasonCommit] > 0 {
				t.Errorf("policy %v, %v: flushes of the log by reason: %v", policy, protocol, st.Flushes)
			}
			must(t, db.Shutdown())
			bk, err := b.audit()
			must(t, err)
			if len(bk.engine) != len(b.acked) || len(bk.binlog) != len(b.acked) {
				t.Errorf("policy %v, %v: %d acknowledged, the engine has %d, the binlog %d", policy, protocol, len(b.acked), len(bk.engine), len(bk.binlog))
			}
		}
	}
}
