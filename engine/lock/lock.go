// Package lock is the table of row locks: shared and exclusive, by row key,
// held until the end of a transaction. It knows keys and owners only; what a
// row holds, and when a transaction ends, is the caller's business. There are
// no gap, intention or table locks.
//
// The rules are InnoDB's. Requests for a row queue in the order of their
// arrival, and one that waits blocks every later one that conflicts with it:
// a stream of shared locks cannot starve an exclusive one. A lock may be asked
// for again, and a shared one made exclusive. Such an upgrade waits for the
// other holders only and passes those that wait in the queue, as newer versions
// of MySQL have it: they wait for the upgrader anyway, so queueing behind them
// would be a deadlock for nothing.
//
// A deadlock is found at the moment at which it would come about: whoever is
// about to wait looks through the graph of who waits for whom, and if the path
// leads back to itself, it gets ErrDeadlock and does not wait. The victim is
// always that requester.
//
// INVARIANT: a row has either one exclusive holder or any number of shared
// ones; and whoever stands first in a queue conflicts with a holder.
package lock

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/axis"
)

// Mode is how a row is locked. Zero is illegal.
type Mode uint8

// The modes. Two locks of different owners conflict unless both are Shared.
const (
	Shared Mode = iota + 1
	Exclusive
)

// Modes is the table of modes.
var Modes = axis.Table[Mode]{
	Axis: "lock mode",
	Values: []axis.Value[Mode]{
		{Value: Shared, Name: "S", Help: "shared: others may read with a lock too"},
		{Value: Exclusive, Name: "X", Help: "exclusive: nobody else may lock the row"},
	},
}

// String returns S or X.
func (m Mode) String() string { return Modes.Name(m) }

// Why a row could not be locked. The locks that the owner already has stay.
var (
	// ErrDeadlock: waiting would have closed a cycle of owners that wait for
	// each other. The transaction must be rolled back, which lets the others
	// go on; then it may be tried again.
	ErrDeadlock = errors.New("deadlock found; try restarting the transaction")
	// ErrLockWaitTimeout: the lock did not become free in time.
	ErrLockWaitTimeout = errors.New("lock wait timeout exceeded; try restarting the transaction")
)

// Limits and the default of a wait (innodb_lock_wait_timeout).
const (
	DefaultTimeout = 50 * time.Second
	MinTimeout     = time.Millisecond
	MaxTimeout     = 30 * 24 * time.Hour
)

// Options says how a Table behaves.
type Options struct {
	// Timeout ends a wait, MinTimeout to MaxTimeout; 0: DefaultTimeout. It runs on
	// while the process stands still: one that was stopped (SIGSTOP) for so long
	// finds that its waits have timed out.
	Timeout time.Duration
}

// Table holds the locks of one table of rows. Safe for concurrent use.
//
// The order of its mutexes: graph before a shard's, and never two shards.
type Table struct {
	timeout time.Duration
	shards  [shardCount]shard

	// graph serialises what adds to the graph of waits and what leaves it
	// without a lock: beginning to wait, the search, timeouts, Stop. A lock
	// that is free, and its release, never take it.
	graph sync.Mutex
	epoch uint64   // of the last search; guarded by graph
	stack []*Owner // of the search; guarded by graph

	counts counts
}

// counts is Stats, as it grows.
type counts struct {
	waits, waitNS, waitMaxNS, waiting atomic.Int64
	deadlocks, timeouts               atomic.Int64
}

// Stats counts what happened since the table was made. Times are nanoseconds.
type Stats struct {
	Waits     int64 // waits that have begun (Innodb_row_lock_waits)
	WaitNS    int64 // spent in waits that have ended (Innodb_row_lock_time)
	WaitMaxNS int64 // the longest of them (Innodb_row_lock_time_max)
	Waiting   int64 // owners that wait now (Innodb_row_lock_current_waits)
	Deadlocks int64 // requests refused with ErrDeadlock; they never waited
	Timeouts  int64 // waits that ended with ErrLockWaitTimeout
}

// New returns an empty table.
func New(o Options) (*Table, error) {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Timeout < MinTimeout || o.Timeout > MaxTimeout {
		return nil, fmt.Errorf("lock: wait timeout of %v: must be %v to %v, or 0 for %v", o.Timeout, MinTimeout, MaxTimeout, DefaultTimeout)
	}
	t := &Table{timeout: o.Timeout}
	for i := range t.shards {
		t.shards[i].init()
	}
	return t, nil
}

// Stats returns the counts. Each is exact; together they are no snapshot.
func (t *Table) Stats() Stats {
	c := &t.counts
	return Stats{
		Waits: c.waits.Load(), WaitNS: c.waitNS.Load(), WaitMaxNS: c.waitMaxNS.Load(),
		Waiting: c.waiting.Load(), Deadlocks: c.deadlocks.Load(), Timeouts: c.timeouts.Load(),
	}
}

// waited accounts for a wait that has ended.
func (c *counts) waited(ns int64) {
	c.waiting.Add(-1)
	c.waitNS.Add(ns)
	for {
		old := c.waitMaxNS.Load()
		if ns <= old || c.waitMaxNS.CompareAndSwap(old, ns) {
			return
		}
	}
}

// Stop ends all waits with an error that wraps err, and makes every later
// Lock fail with it: the engine has failed and those who hold locks may never
// release them. Only the first Stop counts. REQUIRES: err is not nil.
func (t *Table) Stop(err error) {
	t.graph.Lock()
	defer t.graph.Unlock()
	for i := range t.shards {
		wakeAll(t.shards[i].stop(err))
	}
}
