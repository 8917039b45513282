package groupcommit

import (
	"runtime"
	"sync"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
)

// leader is the textbook leader and followers: the first commit that finds no
// leader becomes it, writes and flushes all that is ready, and wakes everyone;
// those whose record was too late elect the next. One mutex, one condition.
type leader struct {
	c  *Committer
	mu struct {
		sync.Mutex
		leading bool
		waiting int // commits in the room, the leader included
		woken   int // released by the last flush
	}
	cond *sync.Cond
}

func newLeader(c *Committer) *leader {
	l := &leader{c: c}
	l.cond = sync.NewCond(&l.mu.Mutex)
	return l
}

// commit implements strategy.
func (l *leader) commit(end lsn.LSN, w *Waiter) error {
	c := l.c
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.waiting++
	defer func() { l.mu.waiting-- }()
	var st Stages
	for c.log.Flushed() < end && c.Err() == nil {
		if l.mu.leading {
			l.cond.Wait()
			continue
		}
		l.mu.leading = true
		have, woken := l.mu.waiting, l.mu.woken
		l.mu.Unlock()
		l.gather(have, have+woken)
		st = l.lead()
		l.mu.Lock()
		l.mu.leading = false
		l.mu.woken = l.mu.waiting
		l.cond.Broadcast()
	}
	if err := c.Err(); err != nil {
		return err
	}
	c.stats.size.early.Add(1) // counted into the next group that is recorded
	if w.Sample {
		w.Stages = st
	}
	return nil
}

// gather is the gathering delay, as the leader takes it.
func (l *leader) gather(have, want int) {
	d := l.c.cfg.Delay
	if !d.Adaptive && d.Fixed == 0 || want < 2 {
		return
	}
	start := clock.Now()
	limit := start + int64(d.Fixed)
	if d.Adaptive {
		limit = start + maxPatience
	}
	for have < want && clock.Now() < limit {
		runtime.Gosched()
		l.mu.Lock()
		have = l.mu.waiting
		l.mu.Unlock()
		if l.c.cfg.Count > 0 && have >= l.c.cfg.Count {
			break
		}
	}
	l.c.stats.gathers.Add(1)
	l.c.stats.gatherNs.Add(clock.Now() - start)
}

// lead writes and flushes one group.
func (l *leader) lead() Stages {
	c := l.c
	c.flush.Lock()
	defer c.flush.Unlock()
	st := Stages{Cut: clock.Now()}
	from := c.log.Flushed()
	c.write.Lock()
	cut := c.log.Cut(maxCut, true)
	err := c.Err()
	if err == nil {
		err = c.writeTo(cut, true)
	}
	c.write.Unlock()
	st.Written = clock.Now()
	if err == nil && c.log.Flushed() < cut {
		err = c.log.Flush()
	}
	st.Flushed = clock.Now()
	if err != nil {
		c.fail(err)
		return st
	}
	if to := c.log.Flushed(); to > from {
		c.stats.flushed(ReasonCommit, st.Flushed-st.Written)
		c.stats.waitedNs.Add(st.Flushed - st.Cut)
		c.record(0, from, to, st.Flushed-st.Written)
	} else {
		runtime.Gosched() // behind a hole
	}
	return st
}

// commitAsync implements strategy by a goroutine per commit: the comparators
// have no asynchronous form of their own.
func (l *leader) commitAsync(end lsn.LSN, w *Waiter) {
	w.end = end
	l.c.spawn(func() {
		w.err = l.commit(end, w)
		w.complete()
	})
}

// serial gives every commit a flush of its own, one after the other: a log
// without group commit. A write takes what is ready, other commits' records
// too; each of them still has its own flush.
type serial struct {
	c  *Committer
	mu sync.Mutex
}

// commit implements strategy.
func (s *serial) commit(end lsn.LSN, w *Waiter) error {
	c := s.c
	s.mu.Lock()
	defer s.mu.Unlock()
	c.flush.Lock()
	defer c.flush.Unlock()
	start := clock.Now()
	from := c.log.Flushed()
	var pause backoff
	for c.log.Written() < end {
		if err := c.Err(); err != nil {
			return err
		}
		c.write.Lock()
		cut := c.log.Cut(maxCut, true)
		err := c.writeTo(cut, true)
		c.write.Unlock()
		if err != nil {
			return c.fail(err)
		}
		if cut < end {
			// A full log makes room only after a checkpoint, which may need
			// the flush right.
			c.flush.Unlock()
			pause.wait()
			c.flush.Lock()
		}
	}
	if err := c.Err(); err != nil {
		return err
	}
	written := clock.Now()
	var err error
	if from >= end || c.log.Flushed() < end { // one of its own, whatever others have flushed
		err = c.log.Flush()
	}
	now := clock.Now()
	if err != nil {
		return c.fail(err)
	}
	c.stats.flushed(ReasonCommit, now-written)
	c.stats.waitedNs.Add(now - start)
	if w.Sample {
		w.Stages = Stages{Cut: start, Written: written, Flushed: now}
	}
	c.record(1, from, c.log.Flushed(), now-written)
	return nil
}

// commitAsync implements strategy; see leader.commitAsync.
func (s *serial) commitAsync(end lsn.LSN, w *Waiter) {
	w.end = end
	s.c.spawn(func() {
		w.err = s.commit(end, w)
		w.complete()
	})
}
