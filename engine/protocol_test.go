package engine

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/recovery"
	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
)

// onePhase are the protocols without PREPARE.
var onePhase = []groupcommit.Protocol{groupcommit.RedoFirst, groupcommit.BinlogFirst}

// alone is which log has a transaction after a crash.
type alone uint8

const (
	inNeither alone = iota
	inEngine        // alone
	inBinlog        // alone
	inBoth
	inEngineOrBoth
	inBinlogOrNeither
)

// is says what is wrong with the fate of lastNote; "": nothing.
func (a alone) is(bk books) string {
	engine, binlog := bk.engine[lastNote], bk.binlog[lastNote]
	ok := map[alone]bool{
		inNeither: !engine && !binlog, inEngine: engine && !binlog, inBinlog: !engine && binlog, inBoth: engine && binlog,
		inEngineOrBoth: engine, inBinlogOrNeither: !engine,
	}[a]
	switch {
	case !bk.engine[noteBase] || !bk.engine[noteBase+1] || !bk.binlog[noteBase] || !bk.binlog[noteBase+1]:
		return "a transfer before it is lost"
	case !ok:
		return fmt.Sprintf("in the engine: %v, in the binlog: %v", engine, binlog)
	}
	return ""
}

// Without PREPARE a crash between the two logs leaves them apart, every time and
// always the same one ahead; what was acknowledged is in both under 1/1 and 3/1.
func TestOnePhaseCrashPoints(t *testing.T) {
	for _, c := range []struct {
		protocol groupcommit.Protocol
		point    CrashPoint
		process  alone
		system   alone // after the kernel died, or the power went
	}{
		{groupcommit.RedoFirst, BeforeRedoFlush, inNeither, inNeither},
		{groupcommit.RedoFirst, BeforeEngine, inNeither, inNeither},
		{groupcommit.RedoFirst, AfterEngine, inNeither, inNeither},
		{groupcommit.RedoFirst, BeforeBinlog, inEngine, inEngine},
		{groupcommit.RedoFirst, BeforeSync, inBoth, inEngineOrBoth},
		{groupcommit.RedoFirst, AfterAcknowledge, inBoth, inBoth},
		{groupcommit.BinlogFirst, BeforeRedoFlush, inNeither, inNeither},
		{groupcommit.BinlogFirst, BeforeBinlog, inNeither, inNeither},
		{groupcommit.BinlogFirst, BeforeSync, inBinlog, inBinlogOrNeither},
		{groupcommit.BinlogFirst, BeforeEngine, inBinlog, inBinlog},
		{groupcommit.BinlogFirst, AfterEngine, inBinlog, inBinlog},
		{groupcommit.BinlogFirst, AfterAcknowledge, inBoth, inBoth},
	} {
		if c.point == BetweenLogs(c.protocol) && (c.process != c.system || c.system != inEngine && c.system != inBinlog) {
			t.Errorf("%v: point %c is not between the logs", c.protocol, 'A'+rune(c.point))
		}
		for _, policy := range []groupcommit.Policy{groupcommit.Policy1, groupcommit.Policy3} {
			if yield.Enabled && policy == groupcommit.Policy3 {
				continue
			}
			o := bankOptions(nil)
			o.Commit.Policy, o.Stages.Protocol = policy, c.protocol
			b, mem, err := crashAt(o, c.point, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, kind := range vfs.CrashKinds.All() {
				want := c.system
				if kind == vfs.CrashProcess {
					want = c.process
				}
				runs := uint64(6)
				switch {
				case yield.Enabled:
					runs = 1
				case policy == groupcommit.Policy3:
					runs = 2
				}
				for seed := range runs {
					bk, err := b.on(mem.Crash(kind, vfs.CrashOptions{Seed: seed})).audit()
					if err != nil {
						t.Fatal(err)
					}
					if wrong := want.is(bk); wrong != "" {
						t.Errorf("%v, policy %v, point %c, %v crash, seed %d: %s\n%v", c.protocol, policy, 'A'+rune(c.point), kind, seed, wrong, bk.report)
					}
				}
			}
		}
	}
}

// A crash at any moment: without PREPARE one log is ahead now and then, by no more than
// were under way, and never the other one; with it neither is, in 200 crashes.
func TestProtocolsAtRandomMoments(t *testing.T) {
	for _, protocol := range groupcommit.Protocols.All() {
		crashes := 60
		switch {
		case yield.Enabled:
			crashes = 20
		case protocol == groupcommit.TwoPhase:
			crashes = 200
		}
		ahead, behind := 0, 0
		for seed := range uint64(crashes) {
			rng := rand.New(rand.NewPCG(seed, 31))
			o := bankOptions(nil)
			o.Stages.Protocol, o.Stages.Serial = protocol, seed%2 == 0
			mem, err := newBankDisk(o)
			if err != nil {
				t.Fatal(err)
			}
			o.FS = mem
			b := &bank{opts: o, accounts: o.Rows, done: map[uint64]transfer{}, acked: map[uint64]bool{}}
			mem.CrashAfter(mem.Events() + 30 + rng.IntN(150))
			if err := b.run(25, seed); err != nil && !errors.Is(err, vfs.ErrCrashed) {
				t.Fatal(err)
			}
			kind := vfs.CrashKinds.All()[seed%3]
			bk, err := b.on(mem.Crash(kind, vfs.CrashOptions{Torn: seed%2 == 0, Seed: seed})).audit()
			if err != nil {
				t.Fatalf("%v, seed %d: %v", protocol, seed, err)
			}
			for key := range b.acked {
				if !bk.engine[key] || !bk.binlog[key] {
					t.Fatalf("%v, seed %d: acknowledged transfer %d: in the engine %v, in the binlog %v\n%v", protocol, seed, key, bk.engine[key], bk.binlog[key], bk.report)
				}
			}
			if rep := bk.report.(*recovery.Report); protocol != groupcommit.TwoPhase && rep.Prepared+rep.Committed > 0 {
				t.Errorf("%v, seed %d: something was prepared, the report says\n%v", protocol, seed, rep)
			}
			if max(bk.ahead, bk.behind) > bankClients {
				t.Errorf("%v, seed %d: %d clients, and the report says\n%v", protocol, seed, bankClients, bk.report)
			}
			ahead, behind = ahead+int(min(bk.ahead, 1)), behind+int(min(bk.behind, 1))
		}
		t.Logf("%v: of %d crashes %d left the binlog ahead and %d the engine", protocol, crashes, ahead, behind)
		mayBinlog, mayEngine := protocol == groupcommit.BinlogFirst, protocol == groupcommit.RedoFirst
		if (ahead > 0) != mayBinlog || (behind > 0) != mayEngine || protocol != groupcommit.TwoPhase && 20*(ahead+behind) < crashes {
			t.Errorf("%v: of %d crashes %d left the binlog ahead and %d the engine", protocol, crashes, ahead, behind)
		}
	}
}

// A group of several is committed in the engine under the numbers that the binlog
// then gives them. The first client stands in its stage until the others are about to
// queue behind it; turns are taken until some of them made a group.
func TestRedoFirstNumbersAGroup(t *testing.T) {
	o := bankOptions(newDisk(t))
	o.Stages.Protocol = groupcommit.RedoFirst
	b := newBank(t, o)
	var coming, standing atomic.Int32
	b.opts.Hook = func(p CrashPoint) {
		switch {
		case p == BeforeRedoFlush:
			coming.Add(1)
		case p == BeforeBinlog && standing.Add(1) == 1:
			for coming.Load() < bankClients {
				runtime.Gosched()
			}
			clock.Sleep(100 * time.Microsecond) // they are a few instructions before the queue
		}
	}
	db := opened(t, b.opts)
	var conns [bankClients]*Conn
	for client := range conns {
		conns[client] = conn(t, db, uint32(client))
	}
	const turns = 1000
	n := uint64(0)
	for db.Stats().Stages.FlushGroups == n*bankClients && n < turns {
		coming.Store(0)
		standing.Store(0)
		errs := make([]error, bankClients)
		var wg sync.WaitGroup
		for client := range uint64(bankClients) {
			wg.Go(func() {
				from := 2*client + 1 // nobody waits for another's row
				errs[client] = b.transfer(conns[client], noteBase+client*noteStride+n, transfer{from: from, to: from + 1, amount: 1})
			})
		}
		wg.Wait()
		must(t, errs...)
		n++
	}
	if n == turns {
		t.Fatalf("%d turns of %d clients made no group of two", turns, bankClients)
	}
	for _, c := range conns {
		if at := c.Prepared(); at != 0 {
			t.Errorf("a client has prepared at %v", at)
		}
	}
	must(t, db.Close())
	bk, err := b.on(o.FS).audit()
	if err != nil {
		t.Fatal(err)
	}
	if want := int(n * bankClients); len(bk.order) != want || len(bk.engine) != want || bk.ahead+bk.behind != 0 {
		t.Errorf("%d in the binlog, %d in the engine, %d and %d ahead; want %d in both", len(bk.order), len(bk.engine), bk.ahead, bk.behind, want)
	}
}

// Each pair of settings loses what its row in docs/transactions.md says and nothing
// else; the crash comes when all is acknowledged and keeps as little as it may.
func TestOnePhaseDivergence(t *testing.T) {
	const n = 12
	for _, c := range []struct {
		policy        groupcommit.Policy
		sync          int
		kind          vfs.CrashKind
		redo          bool // somebody flushes the redo log before the crash
		engine        int  // transfers there
		inBinlog      int
		ahead, behind uint64
	}{
		{groupcommit.Policy1, 1, vfs.CrashPower, false, n, n, 0, 0},
		{groupcommit.Policy3, 1, vfs.CrashPower, false, n, n, 0, 0},
		{groupcommit.Policy1, 0, vfs.CrashProcess, false, n, n, 0, 0},
		// The engine keeps the last one, too: its COMMIT was flushed.
		{groupcommit.Policy1, 0, vfs.CrashPower, false, n, 0, 0, n},
		{groupcommit.Policy1, 5, vfs.CrashPower, false, n, 10, 0, 2},
		{groupcommit.Policy2, 1, vfs.CrashProcess, false, n, n, 0, 0},
		{groupcommit.Policy2, 1, vfs.CrashPower, false, 0, n, n, 0},
		{groupcommit.Policy2, 0, vfs.CrashPower, false, 0, 0, 0, 0},
		{groupcommit.Policy2, 0, vfs.CrashPower, true, n, 0, 0, n},
		{groupcommit.Policy0, 1, vfs.CrashProcess, false, 0, n, n, 0},
		{groupcommit.Policy0, 1, vfs.CrashPower, false, 0, n, n, 0},
		{groupcommit.Policy0, 0, vfs.CrashPower, false, 0, 0, 0, 0},
	} {
		if yield.Enabled && c.policy != groupcommit.Policy1 {
			continue
		}
		for _, protocol := range onePhase {
			o := bankOptions(nil)
			o.Commit.Policy, o.Stages.SyncBinlog, o.Stages.Protocol = c.policy, c.sync, protocol
			b, disk := divergent(t, o, c.kind, c.redo, n)
			bk, err := b.on(disk).audit()
			if err != nil {
				t.Fatal(err)
			}
			if len(bk.engine) != c.engine || len(bk.binlog) != c.inBinlog || bk.ahead != c.ahead || bk.behind != c.behind {
				t.Errorf("%v, %v/%d, %v crash, redo flushed %v: the engine has %d, the binlog %d, ahead %d and %d; want %d, %d, %d, %d\n%v", protocol, c.policy, c.sync, c.kind, c.redo,
					len(bk.engine), len(bk.binlog), bk.ahead, bk.behind, c.engine, c.inBinlog, c.ahead, c.behind, bk.report)
			}
		}
	}
}

// What Keeps says at a moment is what a crash at that moment leaves, the
// transaction that is between the two logs included.
func TestKeepsBetweenTheLogs(t *testing.T) {
	for _, protocol := range groupcommit.Protocols.All() {
		for _, policy := range []groupcommit.Policy{groupcommit.Policy1, groupcommit.Policy2} {
			if policy == groupcommit.Policy2 && protocol == groupcommit.TwoPhase {
				continue // Keeps counts one that is under way from its COMMIT on
			}
			for _, sync := range []int{1, 0} {
				if yield.Enabled && (sync == 0 || policy == groupcommit.Policy2) {
					continue // slow, and no more telling
				}
				for point := BeforeRedoFlush; point <= AfterAcknowledge; point++ {
					for _, kind := range []vfs.CrashKind{vfs.CrashProcess, vfs.CrashPower} {
						o := bankOptions(nil)
						o.Commit.Policy, o.Stages.Protocol, o.Stages.SyncBinlog = policy, protocol, sync
						if wrong := keepsAt(t, o, point, kind); wrong != "" {
							t.Errorf("%v, %v/%d, point %c, %v crash: %s", protocol, policy, sync, 'A'+rune(point), kind, wrong)
						}
					}
				}
			}
		}
	}
}

// keepsAt holds what Keeps says at a point against what a crash there leaves.
func keepsAt(t *testing.T, o DatabaseOptions, point CrashPoint, kind vfs.CrashKind) (wrong string) {
	t.Helper()
	var kept Kept
	b, mem, err := crashAt(o, point, func(db *Database) {
		m := db.Marks()
		redo, bin := m.Flushed, m.BinlogFlushed
		if kind == vfs.CrashProcess {
			redo, bin = m.Written, m.BinlogWritten
		}
		kept = db.Keeps(redo, bin)
	})
	if err != nil {
		t.Fatal(err)
	}
	bk, err := b.on(keepLeast(mem, kind)).audit()
	if err != nil {
		t.Fatal(err)
	}
	if kept.BinlogAhead() != bk.ahead || kept.EngineAhead() != bk.behind {
		return fmt.Sprintf("Keeps says %+v\n%v", kept, bk.report)
	}
	return ""
}

// A folder may be opened under another protocol than it was left with: what is
// prepared is asked for, whatever the next commits do.
func TestProtocolsFollowEachOther(t *testing.T) {
	for _, before := range groupcommit.Protocols.All() {
		for _, point := range []CrashPoint{BeforeBinlog, BeforeSync, BeforeEngine} {
			o := bankOptions(nil)
			o.Stages.Protocol = before
			b, mem, err := crashAt(o, point, nil)
			if err != nil {
				t.Fatal(err)
			}
			disk := keepLeast(mem, vfs.CrashProcess)
			want, err := b.on(copyDisk(disk)).audit()
			if err != nil {
				t.Fatal(err)
			}
			for _, after := range groupcommit.Protocols.All() {
				next := b.on(copyDisk(disk))
				next.opts.Stages.Protocol = after
				bk, err := next.audit()
				if err != nil {
					t.Fatalf("%v after %v: %v", after, before, err)
				}
				if !maps.Equal(bk.engine, want.engine) || !maps.Equal(bk.binlog, want.binlog) || bk.ahead != want.ahead || bk.behind != want.behind {
					t.Errorf("%v after %v, point %c: the engine has %v, the binlog %v; want %v and %v", after, before, 'A'+rune(point), bk.engine, bk.binlog, want.engine, want.binlog)
				}
				if err := next.run(5, 3); err != nil {
					t.Fatalf("%v after %v: %v", after, before, err)
				}
				db, err := OpenDatabase(next.opts)
				if err != nil {
					t.Fatalf("%v after %v: %v", after, before, err)
				}
				again, err := next.read(db)
				must(t, err, db.Close())
				if err = next.readBinlog(&again); err != nil {
					t.Fatal(err)
				}
				// What was in one log alone stays there, and is not counted again.
				rep := db.Report()
				was, is := without(want.engine, want.binlog), without(again.engine, again.binlog)
				if rep.BinlogAhead+rep.EngineAhead > 0 || !slices.Equal(was, is) || len(without(again.binlog, again.engine)) != int(want.ahead) {
					t.Errorf("%v after %v, point %c: in the engine alone are %v, were %v; the report says\n%v", after, before, 'A'+rune(point), is, was, &rep)
				}
			}
		}
	}
}

// One log needs no protocol to keep it in step.
func TestProtocolWithoutBinlog(t *testing.T) {
	for _, protocol := range onePhase {
		o := bankOptions(vfs.NewMem())
		o.Stages.Protocol, o.Binlog.Enabled = protocol, false
		if wrong := clearLine(o.Validate(), protocol.String(), "without a binlog"); wrong != "" {
			t.Errorf("%v: %s", protocol, wrong)
		}
	}
	if lsn.Max < 1<<62 || notThere < 1<<63 {
		t.Error("a log can reach what is not there")
	}
}
