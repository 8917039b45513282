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
//
// INVARIANT: what it calls kept is kept. Of the newest it knows each; of those
// before them one in sparseEvery, so it may call up to sparseEvery - 1 too few
// kept; of older ones it knows nothing, and calls them lost unless younger ones
// are kept.
type commitOrder struct {
	mu     sync.Mutex
	ring   []trace // by count; the oldest are overwritten; guarded by mu, as is the rest
	sparse []trace // by count/sparseEvery; likewise
	last   uint64  // how many were added
	before uint64  // the number before the first
}

// trace is where one transaction stands in both logs. All of them grow with the
// number: prepared is the largest of all up to here. Where nothing is prepared it is
// the same as committed, and what is not in a log yet stands at notThere, or lsn.Max.
type trace struct {
	seq       uint64 // its number in the binlog
	prepared  lsn.LSN
	pos       binlog.Pos
	committed lsn.LSN
}

// orderSize is how many transactions are remembered each: more than are at risk at a
// time in one second of a fast machine. Where nothing flushes a log (sync_binlog =
// 0) more may be: of 4,194,304 one in sparseEvery is remembered.
const (
	orderSize   = 1 << 17
	sparseEvery = 64
	sparseSize  = 1 << 16
)

// notThere is behind all that a binlog has.
const notThere = ^binlog.Pos(0)

// add adds a transaction, whose number is the next, or notes of one that was added
// where it stands now that the other log has it, too.
func (o *commitOrder) add(t trace) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last > 0 && t.seq <= o.ring[o.last%orderSize].seq {
		o.replaceLocked(t)
		return
	}
	if o.ring == nil {
		o.ring, o.sparse = make([]trace, orderSize), make([]trace, sparseSize)
	}
	if o.last == 0 {
		o.before = t.seq - 1
	} else {
		t.prepared = max(t.prepared, o.ring[o.last%orderSize].prepared)
	}
	o.last++
	o.ring[o.last%orderSize] = t
	if o.last%sparseEvery == 0 {
		o.sparse[o.last/sparseEvery%sparseSize] = t
	}
}

// replaceLocked is add for one that is there. REQUIRES: it was added as one of the
// last orderSize.
func (o *commitOrder) replaceLocked(t trace) {
	n := o.last - (o.ring[o.last%orderSize].seq - t.seq)
	o.ring[n%orderSize] = t
	if n%sparseEvery == 0 {
		o.sparse[n/sparseEvery%sparseSize] = t
	}
}

// upToLocked returns the number of the last transaction that is kept. What is
// kept of one is kept of all before it.
func (o *commitOrder) upToLocked(kept func(trace) bool) uint64 {
	if t, ok := newest(o.ring, o.last, kept); ok {
		return t.seq
	}
	if t, ok := newest(o.sparse, o.last/sparseEvery, kept); ok {
		return t.seq
	}
	return o.before
}

// newest returns the last one that is kept of a ring to which so many were added,
// at last%len(ring) the newest; false: none of those that it still has. Those from
// which on nothing is kept stand at its end.
func newest(ring []trace, last uint64, kept func(trace) bool) (trace, bool) {
	size := uint64(len(ring))
	n := min(last, size)
	first := last - n + 1
	lost := sort.Search(int(n), func(i int) bool { return !kept(ring[(first+uint64(i))%size]) })
	if lost == 0 {
		return trace{}, false
	}
	return ring[(first+uint64(lost)-1)%size], true
}

// Kept are numbers in the binlog: of every transaction up to it a crash keeps
// the Xid, the PREPARE, the COMMIT. Where nothing is prepared, Prepare is Commit.
type Kept struct{ Xid, Prepare, Commit uint64 }

// Safe is the number up to which nothing is lost: every transaction up to it can
// be committed by recovery, in both logs.
func (k Kept) Safe() uint64 { return min(k.Xid, k.Prepare) }

// BinlogAhead is how many transactions the binlog would have alone, EngineAhead
// how many the engine would.
func (k Kept) BinlogAhead() uint64 { return k.Xid - min(k.Xid, k.Prepare) }

// EngineAhead see BinlogAhead.
func (k Kept) EngineAhead() uint64 { return k.Commit - min(k.Commit, k.Xid) }

// KeepsOf is Keeps for positions that Marks read one after the other: redo and earlier
// are the same mark of its Watermarks and Earlier. So no transaction that is committed
// meanwhile is taken for one that the engine has alone.
func (db *Database) KeepsOf(redo, earlier lsn.LSN, bin binlog.Pos) Kept {
	k := db.Keeps(redo, bin)
	if earlier < redo {
		k.Commit = min(k.Commit, db.Keeps(earlier, bin).Commit)
	}
	return k
}

// Keeps says what a crash keeps that leaves the redo log up to an LSN and the
// binlog up to a position. What it names is kept, and it names all of that among the
// last 131,072 transactions. Where none of these is kept it may name up to 63 too
// few, and none of those that are more than 4,194,304 back. A transaction under way
// counts once the engine has committed it, and where nothing is prepared once it is in
// one of the logs. Any goroutine. REQUIRES: a binlog, and not Untracked.
func (db *Database) Keeps(redo lsn.LSN, bin binlog.Pos) Kept {
	o := &db.order.past
	o.mu.Lock()
	defer o.mu.Unlock()
	return Kept{
		Xid:     o.upToLocked(func(t trace) bool { return t.keepsXid(bin) }),
		Prepare: o.upToLocked(func(t trace) bool { return t.keepsPrepare(redo) }),
		Commit:  o.upToLocked(func(t trace) bool { return t.keepsCommit(redo) }),
	}
}
