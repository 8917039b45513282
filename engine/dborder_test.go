package engine

import (
	"fmt"
	"slices"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// Transactions are prepared before their order in the binlog is known. Where the redo
// log is not flushed before the binlog is written (policies 0 and 2), a crash can keep
// the PREPARE of a transaction and lose that of one before it in the binlog. Recovery
// then commits the younger and counts the older one as binlog ahead. The two do not
// depend on each other: both were prepared at a time, each with its locks.
//
// Under policies 1 and 3 the binlog gets nobody whose PREPARE is not flushed, and under
// 2 nobody whose PREPARE is not written, which is all that a process crash asks for.
func TestEngineKeepsAYoungerTransaction(t *testing.T) {
	for _, c := range []struct {
		policy groupcommit.Policy
		kind   vfs.CrashKind
		keeps  bool // the older one, too
	}{
		{groupcommit.Policy0, vfs.CrashProcess, false},
		{groupcommit.Policy0, vfs.CrashOS, false},
		{groupcommit.Policy0, vfs.CrashPower, false},
		{groupcommit.Policy1, vfs.CrashProcess, true},
		{groupcommit.Policy1, vfs.CrashOS, true},
		{groupcommit.Policy1, vfs.CrashPower, true},
		{groupcommit.Policy2, vfs.CrashProcess, true},
		{groupcommit.Policy2, vfs.CrashOS, false},
		{groupcommit.Policy2, vfs.CrashPower, false},
		{groupcommit.Policy3, vfs.CrashProcess, true},
		{groupcommit.Policy3, vfs.CrashOS, true},
		{groupcommit.Policy3, vfs.CrashPower, true},
	} {
		t.Run(fmt.Sprintf("policy=%v/%v", c.policy, c.kind), func(t *testing.T) {
			o := bankOptions(nil)
			o.Commit.Policy = c.policy
			b, disk := overtaken(t, o, c.kind)
			const older, younger = noteBase + noteStride, noteBase // of clients 1 and 0
			bk, err := b.on(disk).audit()                          // the rows are those of whole transfers
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(bk.order, []uint64{older, younger}) {
				t.Fatalf("the binlog has %v: this test does not test what it says", bk.order)
			}
			want := uint64(1)
			if c.keeps {
				want = 0
			}
			if !bk.engine[younger] || bk.engine[older] != c.keeps || bk.ahead != want || bk.behind != 0 {
				t.Errorf("the engine has %v, binlog ahead %d, engine ahead %d; want the older one: %v\n%v", bk.engine, bk.ahead, bk.behind, c.keeps, bk.report)
			}
		})
	}
}

// overtaken is a crash after two commits. Client 0 prepares, the log is flushed, client 1
// prepares and goes to the binlog first. All that is flushed later is what their
// commits wait for, and the crash keeps as little as it may.
func overtaken(t *testing.T, o DatabaseOptions, kind vfs.CrashKind) (*bank, *vfs.Mem) {
	t.Helper()
	mem := newDisk(t)
	o.FS = mem
	b := newBank(t, o)
	prepared, goOn := make(chan struct{}), make(chan struct{})
	first := true
	b.opts.Hook = func(p CrashPoint) { // client 1 begins when client 0 stands here
		if p == BeforeRedoFlush && first {
			first = false
			close(prepared)
			<-goOn
		}
	}
	db := openedUnhurried(t, b.opts)
	must(t, db.sys.Close()) // nobody writes or flushes the log but commits, and this test
	ended := make(chan error, 1)
	go func() { ended <- b.transfer(conn(t, db, 0), noteBase, transfer{from: 1, to: 2, amount: 3}) }()
	<-prepared
	must(t, db.gc.FlushUpTo(db.wal.Reserved(), groupcommit.ReasonTimer))
	if o.Commit.Policy == groupcommit.Policy0 { // no commit waits for the log's writer
		db.wal.adv.Lock()
		defer db.wal.adv.Unlock()
	}
	err := b.transfer(conn(t, db, 1), noteBase+noteStride, transfer{from: 3, to: 4, amount: 5})
	close(goOn)
	must(t, err, <-ended)
	return b, keepLeast(mem, kind)
}
