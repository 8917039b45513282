package engine

import (
	"testing"

	"flushbench/engine/binlog"
	"flushbench/engine/lsn"
	"flushbench/engine/vfs/testenv"
)

// One that is added before both logs have it is kept by the first log from then on,
// and by the other once that has it, too; so are those that only the sparse ring has.
func TestCommitOrderFillsIn(t *testing.T) {
	const before, group, added = 7, 5, 2*orderSize + 3*sparseEvery
	var o commitOrder
	engine := func(to lsn.LSN) uint64 {
		return o.upToLocked(func(t trace) bool { return t.committed <= to }) - before
	}
	inBinlog := func(to binlog.Pos) uint64 {
		return o.upToLocked(func(t trace) bool { return t.pos <= to }) - before
	}
	for n := uint64(1); n <= added; n += group {
		for i := n; i < n+group; i++ {
			o.add(trace{seq: before + i, pos: binlog.Pos(i), prepared: lsn.Max, committed: lsn.Max})
		}
		for i := n; i < n+group; i++ {
			if i%97 == 0 {
				if b, e := inBinlog(binlog.Pos(i)), engine(lsn.LSN(added+group)); b != i || e != i-1 {
					t.Fatalf("with %d in the binlog and %d in the engine it names %d and %d", i, i-1, b, e)
				}
			}
			o.add(trace{seq: before + i, pos: binlog.Pos(i), prepared: lsn.LSN(i), committed: lsn.LSN(i)})
			if i%1000 == 0 && engine(lsn.LSN(i-1)) != i-1 {
				t.Fatalf("with the log up to %d it names %d", i-1, engine(lsn.LSN(i-1)))
			}
		}
	}
	for i := uint64(sparseEvery); i <= added-orderSize; i += sparseEvery {
		if got := engine(lsn.LSN(i)); got != i {
			t.Fatalf("with the log up to %d, long ago, it names %d", i, got)
		}
	}
}

// However many transactions wait for a flush that never comes, none of them is
// called kept; and what is kept is known to within what is remembered.
func TestCommitOrderForgetsNoLoss(t *testing.T) {
	testenv.Long(t, "a long history on one goroutine")
	const before, added = 40, sparseEvery*sparseSize + 3*orderSize
	var o commitOrder
	for n := uint64(1); n <= added; n++ {
		o.add(trace{seq: before + n, pos: binlog.Pos(10 * n)})
	}
	for _, c := range []struct{ safe, atLeast uint64 }{
		{0, 0},
		{orderSize, 0}, // long forgotten
		{added - sparseEvery*sparseSize/2, added - sparseEvery*sparseSize/2 - sparseEvery + 1},
		{added - orderSize - 1, added - orderSize - sparseEvery},
		{added - orderSize/2, added - orderSize/2},
		{added, added},
	} {
		got := o.upToLocked(func(t trace) bool { return t.pos <= binlog.Pos(10*c.safe+9) })
		if got < before+c.atLeast || got > before+c.safe {
			t.Errorf("with %d of %d kept it names %d; want %d to %d", c.safe, added, got, before+c.atLeast, before+c.safe)
		}
	}
	var none commitOrder
	if got := none.upToLocked(func(trace) bool { return true }); got != 0 {
		t.Errorf("without a transaction it names %d; want 0", got)
	}
}

// What an order counts as kept does not depend on what its memory held before.
func TestCommitOrderInUsedMemory(t *testing.T) {
	var old commitOrder
	for n := uint64(1); n <= orderSize+3*sparseEvery; n++ {
		old.add(trace{seq: n, prepared: lsn.LSN(n), pos: binlog.Pos(n), committed: lsn.LSN(n)})
	}
	const before, added = 7_000_000, 2 * sparseEvery
	o := commitOrder{ring: old.ring, sparse: old.sparse}
	for n := uint64(1); n <= added; n++ {
		o.add(trace{seq: before + n, prepared: lsn.LSN(10 * n), pos: notThere, committed: lsn.LSN(10 * n)})
		o.add(trace{seq: before + n, prepared: lsn.LSN(10 * n), pos: binlog.Pos(10 * n), committed: lsn.LSN(10 * n)})
	}
	for _, safe := range []uint64{0, 1, sparseEvery, added} {
		got := o.upToLocked(func(t trace) bool { return t.committed <= lsn.LSN(10*safe) })
		if got != before+safe {
			t.Errorf("with the log up to commit %d it names %d; want %d", safe, got, before+safe)
		}
	}
}
