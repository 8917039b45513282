package groupcommit

import (
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
)

// timerLoop flushes once an interval under policies 0 and 2, measured from
// start to start. A log on which nothing happened is not flushed. The interval
// is no guarantee: a flush that takes longer delays the next one.
func (c *Committer) timerLoop() {
	t := time.NewTimer(c.cfg.Interval)
	defer t.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-t.C:
		}
		start := time.Now()
		if c.log.Reserved() > c.log.Flushed() {
			if c.FlushAll(ReasonTimer) != nil {
				return // sticky; every commit sees it
			}
		}
		t.Reset(max(0, c.cfg.Interval-time.Since(start)))
	}
}

// logWriter is the log writer goroutine: it makes room in the log buffer when
// it fills up, completes commits and producers that parked, and under policy 0
// continuous follows the log within a millisecond or two.
type logWriter struct {
	c *Committer
	// room holds the producers and written the commits that still wait.
	// Only this goroutine touches them.
	room, written chain
}

func (c *Committer) writerLoop() {
	var tick <-chan struct{}
	if c.cfg.Policy == Policy0 && c.cfg.Style == Continuous {
		ch := make(chan struct{})
		c.spawn(func() { c.ticker(ch) })
		tick = ch
	}
	w := logWriter{c: c}
	var pause backoff
	for {
		progress := w.step()
		switch {
		case progress:
			pause = backoff{}
		case w.room.n+w.written.n > 0 && !c.isStopped():
			pause.wait() // behind a hole, or the log is full
		case w.room.n+w.written.n > 0:
			w.step() // completes them with the error
			return
		default:
			if c.writer.sleep(w.work, c.stop, tick) {
				w.step()
				return
			}
		}
	}
}

// work reports whether step would have something to do. Under policies 0 and
// 2 the writer writes from half a buffer on, so that producers need not stop.
func (w *logWriter) work() bool {
	c := w.c
	if !c.forSpace.empty() || !c.forWrite.empty() {
		return true
	}
	written := c.log.Written()
	return c.Err() == nil && c.log.Reserved() > written+(c.log.Limit()-written)/2
}

// step writes one chunk and wakes whom that satisfies; after a failure it
// wakes all, with the error. It reports whether anything moved.
func (w *logWriter) step() (progress bool) {
	c := w.c
	c.write.Lock()
	before := c.log.Written()
	st := Stages{Cut: clock.Now()}
	if c.Err() == nil {
		_ = c.writeTo(c.log.Cut(maxCut, true), false) // a failure is in Err
	}
	st.Written = clock.Now()
	progress = c.log.Written() > before
	c.write.Unlock()
	w.room.take(&c.forSpace)
	w.written.take(&c.forWrite)
	woken := c.wakeCovered(&w.room, c.log.Limit(), st) + c.wakeCovered(&w.written, c.log.Written(), st)
	return progress || woken > 0
}

// take moves the waiters of s to the chain.
func (c *chain) take(s *stack) {
	for w := s.take(); w != nil; {
		next := w.next
		c.add(w)
		w = next
	}
}

// wakeCovered wakes those of ch that end at or below to; after a failure all,
// with the error. It returns how many it woke.
func (c *Committer) wakeCovered(ch *chain, to lsn.LSN, st Stages) int {
	if ch.n == 0 {
		return 0
	}
	err := c.Err()
	if err != nil {
		to = lsn.Max
	}
	var done, rest chain
	split(ch.head, to, &done, &rest)
	for w := done.head; w != nil; w = w.next {
		w.err = err
		if w.Sample {
			w.Stages = st
		}
	}
	*ch = rest
	wakeAll(done.head)
	return done.n
}

func (c *Committer) isStopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

func (c *Committer) ticker(ch chan<- struct{}) {
	t := time.NewTicker(continuousTick)
	defer t.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-t.C:
		}
		if c.log.Reserved() == c.log.Written() {
			continue
		}
		select {
		case ch <- struct{}{}:
		case <-c.stop:
			return
		}
	}
}
