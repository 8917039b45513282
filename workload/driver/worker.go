package driver

import (
	"sync"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/metrics"
	"flushbench/workload"
)

// apart keeps what two goroutines write from sharing a cache line: two lines of 64
// bytes, because processors fetch them in pairs. Goroutines move between processors,
// and each line that they write moves with them.
const apart = 128

// worker is what one goroutine that acknowledges owns. Nobody else touches it
// until the goroutine has ended.
type worker struct {
	_ [apart]byte
	// What commits write, 64 bytes of it.
	counts   [phases]int64
	bytes    int64  // of commits in the window
	busy     int64  // ns in which a commit was under way during the window
	prepaid  int64  // taken from the write budget, not yet used
	sampleIn int    // commits until the next sample
	x        uint64 // state of burn

	c           *cell
	sink        *sink         // nil: nothing is measured
	lane        *metrics.Lane // nil: no tracking
	from, until int64         // the window as planned
	done        *book         // paced: what was done when, commits and rollbacks; else nil
	errors      int64
	late        int64 // paced: commits in the window above the latency limit
	// Of transactions on rows.
	rollbacks    int64 // asked for, in the window
	reads        int64 // commits in the window that changed nothing
	deadlocks    int64 // over the whole cell
	lockTimeouts int64
	_            [apart]byte
}

// sink is a recorder, shared when there are more workers than recorders.
type sink struct {
	mu     sync.Mutex // guards rec if shared
	shared bool
	rec    *metrics.Recorder
}

func (s *sink) record(at, latency int64) {
	if s.shared {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	s.rec.Record(at, latency)
}

func (s *sink) recordStretch(at, latency, n, span int64) {
	if s.shared {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	s.rec.RecordStretch(at, latency, n, span)
}

func (s *sink) recordPaced(at, latency, service, lag int64) {
	if s.shared {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	s.rec.RecordPaced(at, latency, service, lag)
}

// acked accounts for a commit that was under way from start to now. in: it
// counts as measured. over: the cell has ended.
func (w *worker) acked(start, now, size int64, end lsn.LSN) (in, over bool) {
	if w.lane != nil {
		w.lane.Ack(end, now, size)
	}
	return w.account(start, now, size)
}

// ackedMany is acked for n commits, one right after the other, of size bytes
// altogether: all of them count where the last one was acknowledged.
func (w *worker) ackedMany(start, now, size int64, end lsn.LSN, n int64) (in, over bool) {
	if w.lane != nil {
		w.lane.AckMany(end, start, n, size)
	}
	return w.accountMany(start, now, size, n)
}

// account is acked for a commit that had nothing to lose.
func (w *worker) account(start, now, size int64) (in, over bool) {
	return w.accountMany(start, now, size, 1)
}

func (w *worker) accountMany(start, now, size, n int64) (in, over bool) {
	cut := w.c.cut.Load()
	if cut == 0 && start >= w.from && now < w.until {
		w.counts[phaseMeasured] += n
		w.bytes += size
		w.busy += now - start
		w.note(now)
		return true, false
	}
	return w.atEdge(start, now, size, cut, n), cut != 0
}

// atEdge is acked for n commits that lie outside the window or across one of
// its ends, of which only the part inside kept their client busy.
func (w *worker) atEdge(start, now, size, cut, n int64) (in bool) {
	until := w.until
	if cut != 0 {
		until = min(until, cut)
	}
	if part := min(now, until) - max(start, w.from); part > 0 {
		w.busy += part
	}
	switch {
	case now < w.from && now < until:
		w.counts[phaseWarmup] += n
		w.note(now)
	case now < until:
		w.counts[phaseMeasured] += n
		w.bytes += size
		w.note(now)
		return true
	default:
		w.counts[phaseOver] += n
	}
	return false
}

// note counts what was done at the time now and before the end, for a paced load.
func (w *worker) note(now int64) {
	if w.done != nil {
		w.done.add(now)
	}
}

// counted accounts for n commits of size bytes altogether when nothing is
// measured. It reports whether the cell has ended.
func (w *worker) counted(n, size int64) (over bool) {
	p := w.c.phase.Load()
	w.counts[p] += n
	if p == phaseMeasured {
		w.bytes += size
	}
	return p == phaseOver
}

// failed accounts for a commit that returned an error: the cell ends.
func (w *worker) failed(err error) {
	w.errors++
	if w.c.cfg.Failed != nil {
		w.c.cfg.Failed(err)
	}
	w.c.end(EndFailed, clock.Now(), err)
}

// payAhead is how many bytes a worker takes from the write budget at a time.
const payAhead = 16 << 10

// pay takes size bytes from the write budget. When there are not enough left,
// the cell ends.
func (w *worker) pay(size int64) bool {
	if w.prepaid >= size {
		w.prepaid -= size
		return true
	}
	spend := w.c.cfg.Spend
	if ahead := size + payAhead; spend(ahead) == nil {
		w.prepaid += payAhead
		return true
	}
	if err := spend(size); err != nil {
		w.c.end(EndBudget, clock.Now(), err)
		return false
	}
	return true
}

// sampleDue reports whether the next commit is to be sampled.
func (w *worker) sampleDue() bool {
	w.sampleIn--
	if w.sampleIn > 0 {
		return false
	}
	w.sampleIn = w.c.cfg.SampleEvery
	return true
}

// sampled records the stages of a commit.
func (w *worker) sampled(st workload.Stages) {
	w.c.stages.Record(metrics.StageSample{
		metrics.StageExecute:     st.Execute,
		metrics.StageBuffer:      st.Buffer,
		metrics.StageGroup:       st.Group,
		metrics.StageWrite:       st.Write,
		metrics.StageFlush:       st.Flush,
		metrics.StagePrepare:     st.Prepare,
		metrics.StageBinlogWrite: st.BinlogWrite,
		metrics.StageBinlogFlush: st.BinlogFlush,
		metrics.StageEngine:      st.Engine,
		metrics.StageWakeup:      st.Wakeup,
	})
}

// work burns the CPU time that a transaction needs before it commits.
func (w *worker) work() { w.x = burn(w.x, w.c.burnup) }
