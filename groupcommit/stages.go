package groupcommit

import (
	"runtime"
	"sync"
	"sync/atomic"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/yield"
)

// stageQueue is the queue of one stage and the lock that its leader holds. Who
// comes first into an empty queue is the leader of all who join until it is
// detached; the others sleep until the whole commit is done for them.
type stageQueue struct {
	lock sync.Mutex // held by the leader while its group is in the stage
	mu   struct {
		sync.Mutex
		first, last *Staged
		n           int
	}
}

// enroll appends a list and reports whether the caller leads.
func (q *stageQueue) enroll(first, last *Staged, n int) (leader bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	leader = q.mu.first == nil
	if leader {
		q.mu.first = first
	} else {
		q.mu.last.next = first
	}
	q.mu.last, q.mu.n = last, q.mu.n+n
	return leader
}

// detach takes the whole queue.
func (q *stageQueue) detach() (first, last *Staged, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first, last, n = q.mu.first, q.mu.last, q.mu.n
	q.mu.first, q.mu.last, q.mu.n = nil, nil, 0
	return first, last, n
}

func (q *stageQueue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mu.n
}

// OrderedCommit is the commit of transactions that go to two logs: FLUSH, SYNC and
// COMMIT, each with a queue and a lock, as MySQL's ordered_commit has them. A
// group is appended to the next queue before the lock of its stage is given
// back, so that the order never changes; if that queue is not empty, the whole
// group, its leader included, joins the one that is there.
//
// INVARIANT: before the first byte of a group reaches the binlog the redo log is as
// safe as the policy asks up to every PREPARE of the group, under RedoFirst up to
// every COMMIT; under BinlogFirst it is up to every COMMIT before the group is
// acknowledged. The order in the binlog is the order of the commits in the engine.
//
// All methods are safe for concurrent use.
type OrderedCommit struct {
	c   *Committer
	log SecondLog
	cfg StageConfig

	flush, sync, commit stageQueue

	// unsynced counts the groups since the last flush (SYNC lock).
	unsynced int
	// between counts transactions that are in the stages: the binlog may have them
	// and the engine has not committed them yet (MySQL: prep_xids), or, under
	// RedoFirst, the other way round.
	between atomic.Int64
	gather  stageGatherer
	stats   stageCounters
}

// NewOrderedCommit returns the stages of a second log on c's redo log.
func NewOrderedCommit(c *Committer, log SecondLog, cfg StageConfig) (*OrderedCommit, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &OrderedCommit{c: c, log: log, cfg: cfg, gather: stageGatherer{none: make(chan struct{}, 1)}}, nil
}

// Commit takes a prepared transaction through the stages and returns when it
// may be acknowledged, or with the error that stopped the log.
func (g *OrderedCommit) Commit(s *Staged) error {
	s.next, s.err = nil, nil
	yield.Point(yield.StageEnroll)
	if g.cfg.Ungrouped {
		return g.alone(s)
	}
	full, led := false, false
	if g.flush.enroll(s, s, 1) {
		full, led = g.lead(s)
	}
	if !led {
		<-s.ch // another group's leader does the rest
		return s.err
	}
	if full && s.err == nil {
		return g.rotate()
	}
	return s.err
}

// alone is Commit without groups.
func (g *OrderedCommit) alone(s *Staged) error {
	g.flush.lock.Lock()
	g.flushGroup(s, 1)
	g.sync.lock.Lock()
	g.syncGroup(s)
	g.sync.lock.Unlock()
	full, end := g.commitGroup(s, 1)
	g.harden(s, end)
	g.flush.lock.Unlock()
	if full && s.err == nil {
		return g.rotate()
	}
	return s.err
}

// lead takes the caller's group through the stages. It reports whether the caller
// has led it to the end, and then whether the binlog's file is full.
func (g *OrderedCommit) lead(self *Staged) (full, toEnd bool) {
	g.flush.lock.Lock()
	toEnd = g.flushStage()
	if !g.cfg.Serial {
		g.flush.lock.Unlock()
	}
	toEnd = toEnd && g.syncStage()
	switch {
	case g.cfg.Serial && g.cfg.Protocol == BinlogFirst:
		defer g.flush.lock.Unlock() // the redo log's flush is still to come
	case g.cfg.Serial:
		g.flush.lock.Unlock()
	}
	return toEnd && g.commitStage(self), toEnd
}

// flushStage does in the redo log what comes before the binlog and writes the
// group's transactions to the binlog. It reports whether the caller leads the SYNC
// stage too. REQUIRES: the lock of the FLUSH stage.
func (g *OrderedCommit) flushStage() (leader bool) {
	g.gather.before(g)
	first, last, n := g.flush.detach()
	yield.Point(yield.StageDetached)
	g.gather.detached(n)
	g.flushGroup(first, n)
	return g.sync.enroll(first, last, n)
}

// flushGroup is the FLUSH stage of a group.
func (g *OrderedCommit) flushGroup(first *Staged, n int) {
	g.between.Add(int64(n))
	g.stats.flushGroups.Add(1)
	cut := clock.Now()
	err := g.beforeBinlog(first)
	prepared := clock.Now()
	if err == nil {
		if err = g.log.Write(first); err != nil {
			err = g.c.fail(err)
		}
	}
	written := clock.Now()
	g.stats.prepareNs.Add(prepared - cut)
	g.stats.writeNs.Add(written - prepared)
	for s := first; s != nil; s = s.next {
		if s.err = err; s.Sample {
			s.Times = StageTimes{Cut: cut, Prepared: prepared, Written: written}
		}
	}
	if g.cfg.Protocol != BinlogFirst {
		g.gather.flushed(written - cut)
	}
}

// syncStage flushes the binlog when a flush is due and reports whether the
// caller leads the COMMIT stage too.
func (g *OrderedCommit) syncStage() (leader bool) {
	g.sync.lock.Lock()
	defer g.sync.lock.Unlock()
	if g.unsynced+1 >= g.cfg.SyncBinlog { // always with 0, as in MySQL
		g.delay()
	}
	first, last, n := g.sync.detach()
	yield.Point(yield.StageDetached)
	spent := g.syncGroup(first)
	g.gather.synced(spent)
	return g.commit.enroll(first, last, n)
}

// syncGroup is the SYNC stage of a group. It returns how long it took.
func (g *OrderedCommit) syncGroup(first *Staged) (ns int64) {
	g.stats.syncGroups.Add(1)
	start := clock.Now()
	err := g.c.Err()
	if g.unsynced++; err == nil && g.cfg.SyncBinlog > 0 && g.unsynced >= g.cfg.SyncBinlog {
		g.unsynced = 0
		if err = g.log.Flush(); err != nil {
			err = g.c.fail(err)
		}
		g.stats.flushes.Add(1)
		g.stats.flushNs.Add(clock.Now() - start)
	}
	synced := clock.Now()
	for s := first; s != nil; s = s.next {
		if s.err == nil {
			s.err = err
		}
		if s.Sample {
			s.Times.Synced = synced
		}
	}
	return synced - start
}

// delay is the gathering delay of the SYNC stage. REQUIRES: its lock.
func (g *OrderedCommit) delay() {
	if g.cfg.Delay.Fixed == 0 {
		return
	}
	start := clock.Now()
	for deadline := start + int64(g.cfg.Delay.Fixed); ; {
		left := deadline - clock.Now()
		if left <= 0 || g.cfg.Count > 0 && g.sync.waiting() >= g.cfg.Count || g.c.Err() != nil {
			break
		}
		if g.cfg.Count == 0 && left > preciseWait {
			clock.SleepUntil(deadline)
			break
		}
		runtime.Gosched()
	}
	g.stats.gathers.Add(1)
	g.stats.gatherNs.Add(clock.Now() - start)
}

// preciseWait is the longest wait that polls instead of sleeping.
const preciseWait = 100_000 // ns

// commitStage commits the group in the engine, in order, and wakes everyone
// but self. It reports whether the binlog's file is full.
func (g *OrderedCommit) commitStage(self *Staged) (full bool) {
	g.commit.lock.Lock()
	first, _, n := g.commit.detach()
	yield.Point(yield.StageDetached)
	full, end := g.commitGroup(first, n)
	g.commit.lock.Unlock()
	g.harden(first, end)
	g.gather.released(n, g.flush.waiting())
	for s := first; s != nil; {
		next := s.next // s is its owner's again once it is woken
		if s != self {
			yield.Point(yield.Wake)
			s.ch <- struct{}{}
		}
		s = next
	}
	return full
}

// commitGroup commits a group in the engine, in order, unless that has been done.
// end is where its last COMMIT ends, 0: none is here.
func (g *OrderedCommit) commitGroup(first *Staged, n int) (full bool, end lsn.LSN) {
	for s := first; s != nil; s = s.next {
		if s.err == nil {
			s.err = g.c.Err()
		}
		if s.err == nil && g.cfg.Protocol != RedoFirst {
			at, err := g.log.Commit(s)
			if err != nil {
				s.err = g.c.fail(err)
			}
			end = max(end, at)
		}
		if s.Sample {
			s.Times.Done = clock.Now()
		}
	}
	g.between.Add(int64(-n))
	g.stats.size.group(n)
	return g.log.Full(), end
}

// rotate starts the binlog's next file. Recovery looks for the fate of
// prepared transactions in the last file alone, so none may be left whose Xid
// stands in an older one: the redo log is flushed whatever the policy says.
func (g *OrderedCommit) rotate() error {
	g.flush.lock.Lock()
	defer g.flush.lock.Unlock()
	if !g.log.Full() {
		return nil // somebody else did
	}
	var pause backoff
	for g.between.Load() > 0 {
		if err := g.c.Err(); err != nil {
			return err
		}
		pause.wait()
	}
	if err := g.c.FlushAll(ReasonRotation); err != nil {
		return err
	}
	g.sync.lock.Lock()
	defer g.sync.lock.Unlock()
	if err := g.log.Rotate(); err != nil {
		return g.c.fail(err)
	}
	g.unsynced = 0
	g.stats.rotations.Add(1)
	return nil
}
