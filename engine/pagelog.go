package engine

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/bufpool"
	"flushbench/engine/clock"
	"flushbench/engine/lock"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/trx"
	"flushbench/groupcommit"
)

// pageLog is the redo log of a database: it stands between group commit and
// the log, and between the buffer pool and both, and it takes the checkpoints.
// A checkpoint may go as far as the pool's oldest change that is not in the data
// files.
//
// It exists before the log does: while recovery applies the log, the pool sees
// a log that is flushed as far as it was read.
type pageLog struct {
	log  *redo.Log
	buf  redo.Buffer
	gc   *groupcommit.Committer
	pool *bufpool.Pool
	// locks is stopped when the log or a page fails: whoever waits for a lock
	// is told even if those who hold it are idle. nil while a database is made.
	locks *lock.Table
	steps StepObserver // nil: nobody looks

	limit lsn.LSN // bytes that may be written beyond the checkpoint
	soft  lsn.LSN // of them, those that users may fill: the rest is for mini-transactions under way

	open    atomic.Bool   // attach was called
	applied atomic.Uint64 // until then: end of the last record that was applied

	adv sync.Mutex // the advance right
	// boundary is the end of the last record that is known to be written whole.
	boundary atomic.Uint64

	taking sync.Mutex // a checkpoint is being taken
	newest lsn.LSN    // its LSN; guarded by taking
	wake   chan struct{}
	done   chan struct{}
	wg     sync.WaitGroup

	stalled                      atomic.Int32 // users in Room who find none
	checkpoints, flushes, stalls atomic.Uint64
	stallNs                      atomic.Int64
}

const (
	// checkpointEvery is InnoDB's: a checkpoint once a second, sooner when the
	// log fills up.
	checkpointEvery = time.Second
	// roomPoll is how often a user who waits for room in the log looks again;
	// InnoDB's log_free_check does the same.
	roomPoll = 100 * time.Microsecond
	// forever is the room that a log has while it is being applied.
	forever = lsn.LSN(1) << 60
)

var errRecovering = errors.New("engine: the log is being applied")

func newPageLog(locks *lock.Table) *pageLog {
	return &pageLog{locks: locks, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// drives gives the log to group commit, which is started after it. headroom is
// what mini-transactions under way may need together.
func (p *pageLog) drives(log *redo.Log, headroom lsn.LSN) {
	p.log, p.buf = log, log.Buffer()
	p.limit = lsn.LSN(log.Capacity())
	p.soft = p.limit - headroom
	p.boundary.Store(uint64(log.Flushed()))
}

// attach gives the log to the pool and starts taking checkpoints. REQUIRES: drives.
func (p *pageLog) attach(gc *groupcommit.Committer, pool *bufpool.Pool, at lsn.LSN) {
	p.gc, p.pool, p.newest = gc, pool, at
	p.open.Store(true) // makes the fields visible
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		p.loop()
	}()
}

// Append implements bufpool.Log.
func (p *pageLog) Append(w0, w1 uint64, body []byte) (start, end lsn.LSN, err error) {
	if !p.open.Load() {
		return 0, 0, errRecovering
	}
	if err := p.gc.Err(); err != nil {
		return 0, 0, err
	}
	if p.steps != nil {
		p.steps.Appending(trx.ID(w0))
	}
	end, err = p.buf.Append(redo.TypeMtr, w0, w1, body)
	if err != nil {
		return 0, 0, err
	}
	if p.steps != nil {
		p.steps.Appended(trx.ID(w0), end-lsn.LSN(redo.CommitSize(len(body))), end, body)
	}
	if end > p.log.Written()+lsn.LSN(p.buf.Size()/2) {
		p.gc.Pressure() // policy 0: nobody else writes
	}
	return end - lsn.LSN(redo.CommitSize(len(body))), end, nil
}

// Reserved implements bufpool.Log and groupcommit.Log.
func (p *pageLog) Reserved() lsn.LSN {
	if !p.open.Load() {
		return lsn.LSN(p.applied.Load())
	}
	return p.buf.Reserved()
}

// FlushUpTo implements bufpool.Log.
func (p *pageLog) FlushUpTo(to lsn.LSN) error {
	if !p.open.Load() {
		return nil // recovery has flushed the files before it read them
	}
	return p.gc.FlushUpTo(to, groupcommit.ReasonWAL)
}

// Room implements bufpool.Log: log_free_check.
func (p *pageLog) Room(bytes int) error {
	if !p.open.Load() || p.fits(bytes) {
		return nil
	}
	start := clock.Now()
	p.stalls.Add(1)
	p.stalled.Add(1)
	defer func() { p.stalled.Add(-1); p.stallNs.Add(clock.Now() - start) }()
	for !p.fits(bytes) {
		if err := p.gc.Err(); err != nil {
			return err
		}
		p.pool.Kick()
		p.kick()
		clock.Sleep(roomPoll)
	}
	return nil
}

func (p *pageLog) fits(bytes int) bool {
	return p.buf.Reserved()+lsn.LSN(bytes) <= p.log.CheckpointLSN()+p.soft
}

// Age implements bufpool.Log.
func (p *pageLog) Age() (age, capacity lsn.LSN) {
	if !p.open.Load() {
		return 0, forever
	}
	return p.buf.Reserved() - p.log.CheckpointLSN(), p.soft
}

// Fail implements bufpool.Log.
func (p *pageLog) Fail(err error) {
	if p.open.Load() {
		_ = p.fail(p.gc.Fail(err)) // the first one counts, whoever had it
	}
}

// Cut implements groupcommit.Log: never beyond what the circle can hold. Room
// keeps users away from there; if they come all the same, the log waits for the
// next checkpoint.
func (p *pageLog) Cut(maxBytes int, pad bool) lsn.LSN {
	full := p.log.CheckpointLSN() + p.limit
	p.adv.Lock()
	cut := p.log.Cut(maxBytes, pad, nil)
	whole := cut == p.buf.Ready()
	p.adv.Unlock()
	if cut > full {
		p.kick()
		return max(full, p.log.Written())
	}
	if whole {
		p.boundary.Store(uint64(cut)) // it counts once it is written
	}
	return cut
}

// Write implements groupcommit.Log.
func (p *pageLog) Write(to lsn.LSN, durable bool) error { return p.fail(p.log.Write(to, durable)) }

// Flush implements groupcommit.Log.
func (p *pageLog) Flush() error { return p.fail(p.log.Flush()) }

// fail tells those who wait for a lock of an error, which it returns.
func (p *pageLog) fail(err error) error {
	if err != nil && p.locks != nil {
		p.locks.Stop(err)
	}
	return err
}

// Written implements groupcommit.Log.
func (p *pageLog) Written() lsn.LSN { return p.log.Written() }

// Flushed implements groupcommit.Log.
func (p *pageLog) Flushed() lsn.LSN { return p.log.Flushed() }

// Limit implements groupcommit.Log.
func (p *pageLog) Limit() lsn.LSN { return p.buf.Limit() }

// kick asks for a checkpoint.
func (p *pageLog) kick() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// advanced is told by the pool that pages have reached the data files.
func (p *pageLog) advanced() {
	if p.open.Load() && p.pressed() {
		p.kick()
	}
}

// pressed reports whether the log fills up. NB: in a small log users find no
// room long before three quarters of it are used.
func (p *pageLog) pressed() bool {
	age, capacity := p.Age()
	return p.stalled.Load() > 0 || age > capacity*3/4
}

func (p *pageLog) loop() {
	t := time.NewTicker(checkpointEvery)
	defer t.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-p.wake:
		case <-t.C:
		}
		for moved := true; moved; {
			var err error
			if moved, err = p.checkpoint(); err != nil {
				return // sticky in group commit
			}
			moved = moved && p.pressed()
		}
	}
}

// checkpoint takes one if there is anything to forget.
func (p *pageLog) checkpoint() (moved bool, err error) {
	p.taking.Lock()
	defer p.taking.Unlock()
	if err := p.gc.Err(); err != nil {
		return false, err
	}
	at := p.pool.Oldest()
	if at <= p.newest {
		// Only what lies below both slots is free: when the log is full, the
		// newest checkpoint goes into the other slot too.
		if at = p.newest; !p.pressed() || at <= p.log.CheckpointLSN() {
			return false, nil
		}
	}
	if err := p.gc.FlushUpTo(at, groupcommit.ReasonCheckpoint); err != nil {
		return false, err
	}
	c := redo.Checkpoint{LSN: at, Flushed: at}
	if whole := lsn.LSN(p.boundary.Load()); whole > at && whole <= p.log.Flushed() {
		c.Flushed = whole
	}
	if err := p.log.SetCheckpoint(c); err != nil {
		return false, p.fail(p.gc.Fail(err))
	}
	p.newest = at
	p.checkpoints.Add(1)
	p.flushes.Add(1)
	return true, nil
}

// stop ends the checkpoint goroutine.
func (p *pageLog) stop() {
	if p.open.Load() {
		close(p.done)
		p.wg.Wait()
	}
}
