package groupcommit

import (
	"runtime"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/yield"
)

// unwaited is policy 0: a commit waits for nothing.
type unwaited struct{ c *Committer }

// commit implements strategy.
func (p *unwaited) commit(_ lsn.LSN, _ *Waiter) error { return p.c.Err() }

// commitAsync implements strategy.
func (p *unwaited) commitAsync(end lsn.LSN, w *Waiter) {
	w.end, w.err = end, p.c.Err()
	w.complete()
}

// written is policy 2: whoever gets the write right writes for all. The write is
// called from here and from nowhere deeper: each return costs a small write dear (see
// redo.Log.Write).
type written struct{ c *Committer }

// writeYields is how often a policy-2 commit lets others run before it
// parks: a write takes microseconds, so somebody mostly writes it meanwhile.
const writeYields = 64

// commit implements strategy.
func (p *written) commit(end lsn.LSN, w *Waiter) error {
	c := p.c
	for range writeYields {
		if c.log.Written() >= end {
			return c.Err()
		}
		yield.Point(yield.TryLock)
		if c.write.TryLock() {
			yield.Point(yield.GotLock)
			if w.Sample {
				w.Stages = Stages{Cut: clock.Now()}
			}
			cut := c.log.Cut(maxCut, true)
			err := c.Err()
			if err == nil {
				if err = c.log.Write(cut, false); err != nil {
					err = c.fail(err) // before anybody else may write
				}
			}
			c.write.Unlock()
			if err != nil {
				return err
			}
			if w.Sample {
				w.Stages.Written = clock.Now()
			}
			if cut >= end {
				return nil
			}
		}
		if err := c.Err(); err != nil {
			return err
		}
		runtime.Gosched()
	}
	p.enqueue(end, w)
	return w.park()
}

// commitAsync implements strategy.
func (p *written) commitAsync(end lsn.LSN, w *Waiter) { p.enqueue(end, w) }

// enqueue leaves the commit to the log writer.
func (p *written) enqueue(end lsn.LSN, w *Waiter) {
	c := p.c
	w.end, w.err = end, nil
	c.forWrite.push(w)
	yield.Point(yield.PushKick)
	c.writer.kick()
	c.late(&c.forWrite)
}
