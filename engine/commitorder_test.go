package engine

import (
	"testing"

	"flushbench/engine/binlog"
)

// However many transactions wait for a flush that never comes, none of them is
// called kept; and what is kept is known to within what is remembered.
func TestCommitOrderForgetsNoLoss(t *testing.T) {
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
