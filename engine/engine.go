// Package engine is the InnoDB-like engine that flushbench measures: it
// composes the redo log, group commit and the checkpointer into transactions
// that commit. It is the only package that does.
//
// It does not measure: whoever wants figures hands in observers, on which no
// state depends.
package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// Engine is an open engine. Commit through Sessions; everything else is safe
// for concurrent use.
type Engine struct {
	opts Options
	log  *redo.Log
	buf  redo.Buffer
	gc   *groupcommit.Committer
	cp   *checkpointer

	maxBody int
	closed  atomic.Bool
	rec     Recovered

	mu struct {
		sync.Mutex
		sessions []*Session // by client; nil until asked for
	}
}

// Create makes a new, empty log in o.Dir, which must exist.
func Create(o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	id := rand.Uint64()
	f := redo.Files{FS: o.FS, Dir: o.Dir, Method: o.Method, Growth: o.Growth, Capacity: o.Capacity, Count: o.Files, LogID: id}
	if err := redo.Create(f); err != nil {
		return err
	}
	return createSide(o.FS, o.Dir, sideMethod(o.Method))
}

// Open recovers the log in o.Dir and opens it for commits under a new
// incarnation. Each client goes on after its last recovered sequence.
func Open(o Options) (*Engine, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	rec, err := Recover(o.FS, o.Dir, nil)
	if err != nil {
		return nil, err
	}
	e := &Engine{opts: o, rec: rec}
	e.mu.sessions = make([]*Session, o.Clients)
	e.cp, err = newCheckpointer(e, rec)
	if err != nil {
		return nil, err
	}
	base, err := e.cp.firstArea(rec)
	if err != nil {
		return nil, errors.Join(err, e.cp.closeSide())
	}
	lo := redo.Options{FS: o.FS, Dir: o.Dir, Method: o.Method, Tail: o.Tail, BufferKind: o.BufferKind, BufferSize: o.BufferSize,
		Space: func(end lsn.LSN) error { return e.gc.Space(end) }, Observer: o.Observer}
	e.log, err = redo.Open(lo, rec.Checkpoint, rec.Incarnation, rec.End, base)
	if err != nil {
		return nil, errors.Join(err, e.cp.closeSide())
	}
	e.buf = e.log.Buffer()
	e.cp.bind(e.log)
	e.maxBody = min(o.MaxRecord(), int(e.log.Capacity()/8)) - redo.MinRecord
	o.Commit.WriteAhead = !o.Method.WriteThrough() && !o.Method.Direct() && o.Method != vfs.RWFDsync
	if e.gc, err = groupcommit.New(e.cp, o.Commit); err != nil {
		return nil, errors.Join(err, e.log.Close(), e.cp.closeSide())
	}
	e.cp.start()
	return e, nil
}

// Recovered says what Open found.
func (e *Engine) Recovered() Recovered { return e.rec }

// Session is one client's connection. It is used by one goroutine at a time. It
// takes two cache lines, the memory of which nobody else writes: 128 bytes are a size
// of Go's allocator, which aligns them, and processors fetch lines in pairs.
type Session struct {
	e      *Engine
	client uint32
	seq    uint64
	end    lsn.LSN
	w      *groupcommit.Waiter // made when first needed: asynchronous clients have none
	// p is the client's own way into the log buffer, where commits wait for nothing:
	// the log workload's transactions do not depend on each other. nil: it has none.
	p *redo.Producer
	// appended is when the last record stood in the log buffer, if its commit
	// was sampled.
	appended int64
	// look is the LSN at which this session next looks how full the log
	// buffer is (policy 0: nobody else does).
	look lsn.LSN
	_    [128 - 64]byte
}

// ErrTooLarge is wrapped by Commit for a body that is above MaxBody.
var ErrTooLarge = errors.New("record too large")

// Session returns the session of a client, 0 to Options.Clients-1: the same one
// each time, because a client's sequences must go on without a gap.
func (e *Engine) Session(client uint32) (*Session, error) {
	if int64(client) >= int64(e.opts.Clients) {
		return nil, fmt.Errorf("engine: client %d: must be below %d", client, e.opts.Clients)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.sessions[client] == nil {
		e.mu.sessions[client] = &Session{e: e, client: client, seq: e.rec.LastSeq(client)}
	}
	return e.mu.sessions[client], nil
}

// Commit appends one record that carries the client's next sequence and body,
// and returns when the policy lets it be acknowledged. After an error the
// engine has stopped: nothing is acknowledged any more.
func (s *Session) Commit(body []byte) error {
	w := s.Waiter()
	end, err := s.append(body)
	if err != nil {
		return err
	}
	if w.Sample {
		s.appended = clock.Now()
	}
	return s.e.gc.Commit(end, w)
}

// CommitAsync is Commit that does not wait: w, made for a queue, is delivered
// to it when the policy lets the commit be acknowledged. It may block while
// the log buffer is full. If it returns an error, w is not delivered.
func (s *Session) CommitAsync(body []byte, w *groupcommit.Waiter) error {
	end, err := s.append(body)
	if err != nil {
		return err
	}
	if w.Sample {
		s.appended = clock.Now()
	}
	s.e.gc.CommitAsync(end, w)
	return nil
}

func (s *Session) append(body []byte) (lsn.LSN, error) {
	e := s.e
	if err := e.gc.Err(); err != nil {
		return 0, err
	}
	if len(body) > e.maxBody {
		return 0, fmt.Errorf("engine: body of %d bytes: must be at most %d (half the log buffer, an eighth of the log): %w", len(body), e.maxBody, ErrTooLarge)
	}
	s.seq++
	var end lsn.LSN
	var err error
	if s.p != nil {
		end, err = s.p.Append(redo.TypeCommit, uint64(s.client), s.seq, body)
	} else {
		end, err = e.buf.Append(redo.TypeCommit, uint64(s.client), s.seq, body)
	}
	if err != nil {
		return 0, err
	}
	s.end = end
	if end >= s.look {
		s.look = end + lsn.LSN(e.opts.BufferSize/16)
		if end > e.log.Written()+lsn.LSN(e.opts.BufferSize/2) {
			e.gc.Pressure()
		}
	}
	return end, nil
}

// Seq returns the sequence of the session's last commit (0: none yet).
func (s *Session) Seq() uint64 { return s.seq }

// End returns the end LSN of the session's last commit.
func (s *Session) End() lsn.LSN { return s.end }

// Waiter returns the session's waiter, for sampling the stages of a commit.
func (s *Session) Waiter() *groupcommit.Waiter {
	if s.w == nil {
		s.begin()
	}
	return s.w
}

// begin makes what a session needs whose commits return when they are done.
func (s *Session) begin() {
	s.w = groupcommit.NewWaiter()
	if !s.Waits() {
		s.p = s.e.buf.NewProducer()
	}
}

// Appended returns when (clock.Now) the record of the last sampled commit
// stood in the log buffer.
func (s *Session) Appended() int64 { return s.appended }

// Waits reports whether commits wait for the log at all: not under policy 0.
func (s *Session) Waits() bool { return s.e.opts.Commit.Policy != groupcommit.Policy0 }

// Watermarks are the positions of the log at about one moment.
type Watermarks struct{ Checkpoint, Flushed, Written, Ready, Reserved lsn.LSN }

// Watermarks reads the watermarks, the smaller ones first, so that they are in
// order although they move.
func (e *Engine) Watermarks() Watermarks {
	var w Watermarks
	w.Checkpoint = e.log.CheckpointLSN()
	w.Flushed = e.log.Flushed()
	w.Written = e.log.Written()
	w.Ready = e.buf.Ready()
	w.Reserved = e.buf.Reserved()
	return w
}

// Stats are counts since Open.
type Stats struct {
	groupcommit.Stats
	Checkpoints uint64
	// CheckpointFlushes are flushes of checkpoint slots and side areas. The
	// flushes of the log for a checkpoint's sake count in Stats.Flushes.
	CheckpointFlushes uint64
	LogStalls         uint64 // times that the log was full up to the checkpoint
	LogStallNs        int64
}

// Stats returns the counts so far.
func (e *Engine) Stats() Stats {
	st := e.cp.stats()
	st.Stats = e.gc.Stats()
	return st
}

// Sub returns s - o, field by field.
func (s Stats) Sub(o Stats) Stats {
	s.Stats = s.Stats.Sub(o.Stats)
	s.Checkpoints -= o.Checkpoints
	s.CheckpointFlushes -= o.CheckpointFlushes
	s.LogStalls -= o.LogStalls
	s.LogStallNs -= o.LogStallNs
	return s
}

// Err returns the error that stopped the engine, or nil.
func (e *Engine) Err() error { return e.gc.Err() }

// Drain writes and flushes everything that was reserved before the call. When
// it returns an error, the engine has stopped, and no write or flush that was
// on its way is still running: the files do not change any more.
func (e *Engine) Drain() error {
	err := e.gc.FlushAll(groupcommit.ReasonClose)
	if err != nil {
		e.gc.Quiesce()
		e.cp.quiesce()
	}
	return err
}

// Close stops the engine without draining it: what was not flushed is as the
// policy left it. REQUIRES: no session is in a call. Safe to call twice. It
// returns the error that had stopped the engine, if any.
func (e *Engine) Close() error {
	if e.closed.Swap(true) {
		return nil
	}
	err := e.cp.stop()
	return errors.Join(err, e.gc.Close(), e.cp.closeSide(), e.log.Close())
}

// sideMethod is how the checkpointer's own file is flushed. A log that is never
// flushed does not get a flushed side file either; one that writes past the
// page cache does, because its checkpoint slot outlives a kernel crash, and so
// must what the slot names.
func sideMethod(m vfs.Method) vfs.Method {
	if m == vfs.None {
		return vfs.None
	}
	return vfs.Fdatasync
}
