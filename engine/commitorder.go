package engine

import (
	"sort"
	"sync"

	"flushbench/engine/binlog"
	"flushbench/engine/lsn"
)

// commitOrder remembers, for the last transactions in the order of the binlog,
// where each one's traces stand in the two logs: what a crash keeps of them
// follows from how far each log is safe. One goroutine at a time adds, any reads.
type commitOrder struct {
	mu   sync.Mutex
	ring []trace // by count; the oldest are overwritten; guarded by mu, as is the rest
	last uint64  // how many were added
}

// trace is where one transaction stands in both logs. All of them grow with the
// number: prepared is the largest of all up to here.
type trace struct {
	seq       uint64 // its number in the binlog
	prepared  lsn.LSN
	pos       binlog.Pos
	committed lsn.LSN
}

// orderSize is how many transactions are remembered: more than are at risk at a
// time in one second of a fast machine.
const orderSize = 1 << 17

func (o *commitOrder) add(t trace) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ring == nil {
		o.ring = make([]trace, orderSize)
	}
	if o.last > 0 {
		t.prepared = max(t.prepared, o.ring[o.last%orderSize].prepared)
	}
	o.last++
	o.ring[o.last%orderSize] = t
}

// upToLocked returns the number of the last transaction that is kept. What is
// kept of one is kept of all before it.
func (o *commitOrder) upToLocked(kept func(trace) bool) uint64 {
	n := int(min(o.last, orderSize))
	if n == 0 {
		return 0
	}
	first := o.last - uint64(n) + 1
	lost := sort.Search(n, func(i int) bool { return !kept(o.ring[(first+uint64(i))%orderSize]) })
	if lost == 0 {
		return o.ring[first%orderSize].seq - 1
	}
	return o.ring[(first+uint64(lost)-1)%orderSize].seq
}

// Kept are numbers in the binlog: of every transaction up to it a crash keeps
// the Xid, the PREPARE, the COMMIT.
type Kept struct{ Xid, Prepare, Commit uint64 }

// Safe is the number up to which nothing is lost: every transaction up to it can
// be committed by recovery, in both logs.
func (k Kept) Safe() uint64 { return min(k.Xid, k.Prepare) }

// BinlogAhead is how many transactions the binlog would have alone, EngineAhead
// how many the engine would.
func (k Kept) BinlogAhead() uint64 { return k.Xid - min(k.Xid, k.Prepare) }

// EngineAhead see BinlogAhead.
func (k Kept) EngineAhead() uint64 { return k.Commit - min(k.Commit, k.Xid) }

// Keeps says what a crash keeps that leaves the redo log up to an LSN and the
// binlog up to a position. It looks at the last 131,072 transactions; all before
// them count as kept. Any goroutine. REQUIRES: a binlog, and not Untracked.
func (db *Database) Keeps(redo lsn.LSN, bin binlog.Pos) Kept {
	o := &db.order.past
	o.mu.Lock()
	defer o.mu.Unlock()
	return Kept{
		Xid:     o.upToLocked(func(t trace) bool { return t.pos <= bin }),
		Prepare: o.upToLocked(func(t trace) bool { return t.prepared <= redo }),
		Commit:  o.upToLocked(func(t trace) bool { return t.committed <= redo }),
	}
}
