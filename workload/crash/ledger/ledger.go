package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"

	"flushbench/engine/clock"
)

// Ledger is a ledger that is open in this process.
type Ledger struct {
	cfg    Config
	w      words
	ring   words
	origin int64    // clock.Origin
	file   *os.File // nil: in this process's memory only
	unmap  func() error
}

// New makes a ledger in this process's own memory, for a judge in the same
// process.
func New(c Config) (*Ledger, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	w := make(words, c.words())
	c.stamp(w)
	return open(c, w), nil
}

func open(c Config, w words) *Ledger {
	return &Ledger{cfg: c, w: w, ring: c.ring(w), origin: clock.Origin()}
}

// Config returns the sizes, rounded up.
func (l *Ledger) Config() Config { return l.cfg }

// File returns the memory as a file, for a child process to Attach to; nil for a
// ledger of New. It belongs to the ledger.
func (l *Ledger) File() *os.File { return l.file }

// Close lets go of the memory. REQUIRES: nobody uses the ledger or a lane of it.
// Safe to call twice.
func (l *Ledger) Close() error {
	if l.unmap == nil {
		return nil
	}
	err := errors.Join(l.unmap(), l.file.Close())
	l.unmap = nil
	return err
}

// Lane returns the lane of a client, 0 to Config.Clients-1.
func (l *Ledger) Lane(client int) *Lane {
	w := l.cfg.lane(l.w, client)
	dates := laneHead + l.cfg.History
	lane := &Lane{
		slots: w[laneHead:dates:dates], now: &l.w[headNow],
		far: uint64(min(headEvery, l.cfg.History) - 1), shift: uint8(bits.Len(uint(l.cfg.History - 1))),
		w: w[:laneHead:laneHead], dates: w[dates:][:dateWords*l.cfg.dates()], origin: l.origin,
	}
	lane.dated = lane.newestDate()
	return lane
}

// Acked returns the sum of what all lanes have acknowledged above their base.
func (l *Ledger) Acked() uint64 {
	sum := uint64(0)
	for c := range l.cfg.Clients {
		lane := l.Lane(c)
		sum += lane.acked() - lane.w[laneBase].Load()
	}
	return sum
}

// Tick moves the ledger's time on to at (clock.Now); it never goes back. Any goroutine.
func (l *Ledger) Tick(at int64) {
	now := uint64(at + l.origin)
	for old := l.w[headNow].Load(); old < now && !l.w[headNow].CompareAndSwap(old, now); {
		old = l.w[headNow].Load()
	}
}

// Now is the ledger's time (clock.Now): the latest that Tick was told, or when the
// ledger was made. It costs a load, where a reading of the clock costs 30 ns.
func (l *Ledger) Now() int64 { return int64(l.w[headNow].Load()) - l.origin }

// Begin notes that the load begins at the time at (clock.Now).
func (l *Ledger) Begin(at int64) { l.w[headReady].Store(uint64(at + l.origin)) }

// Strike notes that a flush is made to fail at the time at (clock.Now). The
// engine is yet to notice. The ledger's time is later from then on.
func (l *Ledger) Strike(at int64) {
	l.w[headStruck].Store(uint64(at + l.origin))
	l.Tick(at + 1)
}

// Struck is when a flush was made to fail (clock.Now); 0: none was.
func (l *Ledger) Struck() int64 { return l.time(headStruck) }

// Stop notes that somebody stands still at a crash point since the time at
// (clock.Now). The first one counts.
func (l *Ledger) Stop(at int64) { l.w[headStopped].CompareAndSwap(0, uint64(at+l.origin)) }

// Stopped is when somebody was stopped at a crash point (clock.Now); 0: nobody was.
func (l *Ledger) Stopped() int64 { return l.time(headStopped) }

// time reads a word that holds a time; 0: none yet.
func (l *Ledger) time(word int) int64 {
	if at := l.w[word].Load(); at != 0 {
		return int64(at) - l.origin
	}
	return 0
}

// Began is when the load began (clock.Now); 0: it has not.
func (l *Ledger) Began() int64 { return l.time(headReady) }

// Failure returns the first failure; nil: none.
func (l *Ledger) Failure() *Failure { return l.failure() }

// The states of the failure.
const (
	failNone uint64 = iota
	failBegun
	failNoted
)

// Fail notes the first failure, at the time at (clock.Now): after it nothing may be
// acknowledged, and the ledger's time is later. Later ones are left out. Any goroutine.
// A text above 764 bytes is cut.
func (l *Ledger) Fail(at int64, text string) {
	if !l.w[headFailed].CompareAndSwap(failNone, failBegun) {
		return
	}
	l.w[headFailAt].Store(uint64(at + l.origin))
	l.Tick(at + 1)
	var b [8 * failWords]byte
	n := copy(b[:], text)
	for i := range failWords {
		l.w[headFailure+i].Store(binary.NativeEndian.Uint64(b[8*i:]))
	}
	l.w[headFailLen].Store(uint64(n))
	l.w[headFailed].Store(failNoted)
}

// Failed reports whether a failure was noted, or was about to be.
func (l *Ledger) Failed() bool { return l.w[headFailed].Load() != failNone }

// Failure is the first failure of the writer.
type Failure struct {
	At   int64 // clock.Now; 0: its writer died before it could say
	Text string
}

// State is a copy of a ledger.
type State struct {
	Config  Config
	Began   int64 // of the load, clock.Now; 0: it has not
	Clients []Client
	Samples []Sample // in order of time; the last Config.Samples of them
	Struck  int64    // when a flush was made to fail, clock.Now; 0: none was
	Failure *Failure // nil: none
}

// Read copies the ledger. The writer may be at work or dead.
func (l *Ledger) Read() *State {
	s := &State{Config: l.cfg, Began: l.Began(), Struck: l.Struck(), Failure: l.failure()}
	for c := range l.cfg.Clients {
		s.Clients = append(s.Clients, l.Lane(c).read())
	}
	s.Samples = l.samples()
	return s
}

func (l *Ledger) failure() *Failure {
	switch l.w[headFailed].Load() {
	case failNone:
		return nil
	case failBegun:
		return &Failure{Text: "a failure whose writer died before it had noted it"}
	}
	var b [8 * failWords]byte
	for i := range failWords {
		binary.NativeEndian.PutUint64(b[8*i:], l.w[headFailure+i].Load())
	}
	n := min(l.w[headFailLen].Load(), uint64(len(b)))
	return &Failure{At: int64(l.w[headFailAt].Load()) - l.origin, Text: string(b[:n])}
}

// WriteTo writes the memory as it is: evidence, for Load on the same machine.
func (l *Ledger) WriteTo(to io.Writer) (int64, error) {
	var done int64
	buf := make([]byte, 0, 1<<16)
	for i := range l.w {
		buf = binary.NativeEndian.AppendUint64(buf, l.w[i].Load())
		if len(buf) < cap(buf) && i < len(l.w)-1 {
			continue
		}
		n, err := to.Write(buf)
		done += int64(n)
		if err != nil {
			return done, fmt.Errorf("ledger: write: %w", err)
		}
		buf = buf[:0]
	}
	return done, nil
}

// Load makes a ledger, for reading, of what WriteTo has written. Its times mean
// something until the machine is started again; their differences always do.
func Load(from io.Reader) (*Ledger, error) {
	raw, err := io.ReadAll(io.LimitReader(from, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("ledger: load: %w", err)
	}
	w := make(words, len(raw)/8)
	for i := range w {
		w[i].Store(binary.NativeEndian.Uint64(raw[8*i:]))
	}
	c, err := configOf(w)
	if err != nil {
		return nil, err
	}
	return open(c, w), nil
}
