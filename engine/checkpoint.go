package engine

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
)

// checkpointer lets the circle turn for the log workload. What the log would
// forget is each client's last sequence, so that is what a checkpoint saves:
// the workload's one "page".
//
// It stands between group commit and the log (it is the groupcommit.Log): as
// records become ready it follows the sequences, and every so many bytes it
// keeps a copy, a candidate. A candidate becomes a checkpoint once the log is
// flushed beyond it, in the order that makes it safe:
//
//  1. the candidate's sequences go to the side file's free area, flushed;
//  2. the checkpoint slot that names the area is written and flushed;
//  3. only then is the log below the checkpoint before it given free.
type checkpointer struct {
	e    *Engine
	side *sideFile
	log  *redo.Log

	distance lsn.LSN // how far the checkpoint stays behind flushed
	step     lsn.LSN // between two candidates
	limit    lsn.LSN // bytes of log that the circle holds

	// adv is the advance right: its holder moves ready and follows the
	// sequences. The writer takes it inside the write right; producers only
	// try for it. Where they do not, the write right is enough.
	assisted bool
	adv      struct {
		sync.Mutex
		seqs []uint64
		last lsn.LSN // of the newest candidate
	}
	visit redo.Visit
	// stalled since when the log is full, 0: it is not (write right).
	stalled int64

	mu struct {
		sync.Mutex
		candidates []candidate // ascending LSN
		spare      [][]uint64
	}
	// number and newest belong to the last checkpoint; the checkpoint
	// goroutine's.
	number uint64
	newest candidate
	busy   sync.Mutex    // held while a checkpoint is taken
	wake   chan struct{} // capacity 1
	done   chan struct{}
	wg     sync.WaitGroup

	checkpoints, flushes atomic.Uint64
	stalls               atomic.Uint64
	stallNs              atomic.Int64
}

// candidate is a record boundary and the last sequence of every client there.
type candidate struct {
	at   lsn.LSN
	seqs []uint64
}

const (
	maxCandidates = 64
	maxStep       = 8 << 20
	// assistMax is how much a producer walks at the most.
	assistMax = 256 << 10
)

func newCheckpointer(e *Engine, rec Recovered) (*checkpointer, error) {
	o := &e.opts
	side, err := openSide(o.FS, o.Dir, sideMethod(o.Method))
	if err != nil {
		return nil, err
	}
	cp := &checkpointer{e: e, side: side, distance: lsn.LSN(o.CheckpointDistance), number: rec.Checkpoint.Number + 1,
		wake: make(chan struct{}, 1), done: make(chan struct{})}
	seqs := make([]uint64, max(o.Clients, len(rec.Seqs)))
	copy(seqs, rec.Seqs)
	cp.adv.seqs, cp.adv.last = seqs, rec.End
	cp.newest = candidate{rec.End, slices.Clone(seqs)}
	cp.visit = func(t redo.Type, client, seq uint64, _ lsn.LSN) {
		if t == redo.TypeCommit && client < uint64(len(seqs)) {
			seqs[client] = seq
		}
	}
	return cp, nil
}

// firstArea saves the recovered sequences and returns the checkpoint that
// goes with them.
func (cp *checkpointer) firstArea(rec Recovered) (redo.Checkpoint, error) {
	area, n, crc, err := cp.side.write(rec.Checkpoint.Number+1, cp.adv.seqs)
	return redo.Checkpoint{LSN: rec.End, Area: area, AreaLen: n, AreaCRC: crc}, err
}

// start starts the checkpoint goroutine.
func (cp *checkpointer) start() {
	cp.wg.Add(1)
	go func() {
		defer cp.wg.Done()
		cp.loop()
	}()
}

// bind is called once, before the first Cut.
func (cp *checkpointer) bind(log *redo.Log) {
	cp.log = log
	// Under policy 2 each commit writes its own record, right after it was appended.
	cp.assisted = cp.e.opts.Commit.Policy != groupcommit.Policy2
	if cp.assisted {
		cp.e.buf.SetAssist(cp.assist)
	}
	cp.limit = lsn.LSN(log.Capacity())
	step := min(maxStep, cp.limit/16)
	// Copies of a million sequences are large: make fewer of them.
	cp.step = min(max(step, lsn.LSN(16*8*len(cp.adv.seqs))), cp.limit/8)
}

// Cut implements groupcommit.Log: never beyond what the circle can hold.
func (cp *checkpointer) Cut(maxBytes int, pad bool) lsn.LSN {
	full := cp.log.CheckpointLSN() + cp.limit
	if cp.assisted {
		cp.adv.Lock()
	}
	// Ready stays within a step of the circle's end: so there is always a
	// candidate that can make room.
	cut := lsn.Max
	if cp.e.buf.Ready() < full {
		cut = cp.log.Cut(min(maxBytes, int(cp.step)), pad, cp.visit)
		cp.keepLocked()
	}
	if cp.assisted {
		cp.adv.Unlock()
	}
	if cut > full {
		return cp.stall(max(full, cp.log.Written()))
	}
	if cp.stalled != 0 {
		cp.stallNs.Add(clock.Now() - cp.stalled)
		cp.stalled = 0
	}
	return cut
}

// assist follows the log from a producer's side; see redo.Buffer.SetAssist.
func (cp *checkpointer) assist() {
	if !cp.adv.TryLock() {
		return
	}
	defer cp.adv.Unlock()
	if cp.e.buf.Ready() < cp.log.CheckpointLSN()+cp.limit {
		// No more than a step, or no candidate might lie within the circle.
		cp.e.buf.Advance(min(assistMax, int(cp.step)), cp.visit)
		cp.keepLocked()
	}
}

// stall notes that the log is full and lets others run.
func (cp *checkpointer) stall(cut lsn.LSN) lsn.LSN {
	if cp.stalled == 0 {
		cp.stalled = clock.Now()
		cp.stalls.Add(1)
	}
	cp.kick()
	runtime.Gosched()
	return cut
}

// keepLocked copies the sequences as a candidate if ready is a step beyond the
// last one. REQUIRES: the advance right.
func (cp *checkpointer) keepLocked() {
	at := cp.e.buf.Ready()
	if at < cp.adv.last+cp.step {
		return
	}
	cp.adv.last = at
	cp.mu.Lock()
	defer cp.mu.Unlock()
	var seqs []uint64
	if n := len(cp.mu.spare); n > 0 {
		seqs, cp.mu.spare = cp.mu.spare[n-1], cp.mu.spare[:n-1]
	} else if len(cp.mu.candidates) < maxCandidates {
		seqs = make([]uint64, len(cp.adv.seqs))
	} else {
		return // enough of them; the next one will do
	}
	yield.Point(yield.Candidate)
	copy(seqs, cp.adv.seqs)
	cp.mu.candidates = append(cp.mu.candidates, candidate{at, seqs})
}

// Write implements groupcommit.Log.
func (cp *checkpointer) Write(to lsn.LSN, durable bool) error {
	err := cp.log.Write(to, durable)
	cp.nudge()
	return err
}

// Flush implements groupcommit.Log.
func (cp *checkpointer) Flush() error {
	err := cp.log.Flush()
	cp.nudge()
	return err
}

// Reserved implements groupcommit.Log.
func (cp *checkpointer) Reserved() lsn.LSN { return cp.e.buf.Reserved() }

// Written implements groupcommit.Log.
func (cp *checkpointer) Written() lsn.LSN { return cp.log.Written() }

// Flushed implements groupcommit.Log.
func (cp *checkpointer) Flushed() lsn.LSN { return cp.log.Flushed() }

// Limit implements groupcommit.Log.
func (cp *checkpointer) Limit() lsn.LSN { return cp.e.buf.Limit() }

// nudge wakes the checkpoint goroutine when there may be something to do.
func (cp *checkpointer) nudge() {
	if cp.log.Flushed() > cp.log.CheckpointLSN()+cp.distance+2*cp.step || cp.pressed() {
		cp.kick()
	}
}

// pressed reports whether the log fills up: then the checkpoint no longer
// keeps its distance, and asks for a flush if that is what it lacks.
func (cp *checkpointer) pressed() bool {
	return cp.log.Written() > cp.log.CheckpointLSN()+cp.limit*3/4
}

func (cp *checkpointer) kick() {
	select {
	case cp.wake <- struct{}{}:
	default:
	}
}

func (cp *checkpointer) loop() {
	for {
		select {
		case <-cp.done:
			return
		case <-cp.wake:
		}
		for {
			moved, err := cp.try()
			if err != nil {
				return // sticky in group commit
			}
			if !moved {
				break
			}
		}
	}
}

// try takes one checkpoint if one is due.
func (cp *checkpointer) try() (moved bool, err error) {
	cp.busy.Lock()
	defer cp.busy.Unlock()
	if err := cp.e.gc.Err(); err != nil {
		return false, err
	}
	below := cp.log.Flushed()
	if cp.pressed() {
		if !cp.has(below) {
			if err := cp.e.gc.FlushWritten(groupcommit.ReasonCheckpoint); err != nil {
				return false, err
			}
			below = cp.log.Flushed()
		}
	} else if below > cp.distance {
		below -= cp.distance
	}
	c, ok := cp.pick(below)
	if !ok {
		// Only what lies below both slots is free. When the log is full and no
		// newer candidate can come, the newest one goes into the other slot too.
		if !cp.pressed() || cp.newest.at <= cp.log.CheckpointLSN() {
			return false, nil
		}
		c = cp.newest
	}
	area, n, crc, err := cp.side.write(cp.number+1, c.seqs)
	if err == nil {
		cp.flushes.Add(1)
		yield.Point(yield.AreaSlot)
		err = cp.e.gc.Err()
	}
	if err == nil {
		err = cp.log.SetCheckpoint(redo.Checkpoint{LSN: c.at, Flushed: cp.boundary(c.at), Area: area, AreaLen: n, AreaCRC: crc})
	}
	if err != nil {
		return false, cp.e.gc.Fail(err)
	}
	cp.flushes.Add(1)
	yield.Point(yield.Checkpoint)
	cp.checkpoints.Add(1)
	cp.number++
	if c.at != cp.newest.at {
		cp.mu.Lock()
		cp.mu.spare = append(cp.mu.spare, cp.newest.seqs)
		cp.mu.Unlock()
		cp.newest = c
	}
	return true, nil
}

// boundary returns the last record boundary that is known to be flushed, at or
// above at. The flushed LSN itself may lie inside a record: a full log, and
// --tail=pad, cut wherever they must.
func (cp *checkpointer) boundary(at lsn.LSN) lsn.LSN {
	flushed := cp.log.Flushed()
	cp.mu.Lock()
	defer cp.mu.Unlock()
	for _, c := range cp.mu.candidates {
		if c.at <= flushed {
			at = max(at, c.at)
		}
	}
	return at
}

// has reports whether a candidate at or below an LSN exists.
func (cp *checkpointer) has(below lsn.LSN) bool {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	return len(cp.mu.candidates) > 0 && cp.mu.candidates[0].at <= below
}

// pick takes the newest candidate at or below an LSN and drops older ones.
func (cp *checkpointer) pick(below lsn.LSN) (candidate, bool) {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	n := 0
	for n < len(cp.mu.candidates) && cp.mu.candidates[n].at <= below {
		n++
	}
	if n == 0 {
		return candidate{}, false
	}
	c := cp.mu.candidates[n-1]
	for _, old := range cp.mu.candidates[:n-1] {
		cp.mu.spare = append(cp.mu.spare, old.seqs)
	}
	cp.mu.candidates = append(cp.mu.candidates[:0], cp.mu.candidates[n:]...)
	return c, true
}

func (cp *checkpointer) stats() Stats {
	return Stats{Checkpoints: cp.checkpoints.Load(), CheckpointFlushes: cp.flushes.Load(), LogStalls: cp.stalls.Load(), LogStallNs: cp.stallNs.Load()}
}

// stop ends the checkpoint goroutine.
func (cp *checkpointer) stop() error {
	close(cp.done)
	cp.wg.Wait()
	return nil
}

// quiesce returns when no checkpoint is being taken.
func (cp *checkpointer) quiesce() {
	cp.busy.Lock()
	defer cp.busy.Unlock()
}

func (cp *checkpointer) closeSide() error { return cp.side.close() }
