// Package groupcommit decides who waits for what: when the log is written,
// when it is flushed, which commits one flush covers, and who is woken.
//
// It knows no files. Through Log it sees watermarks and two actions, write
// and flush; in tests a made-up log without a disk takes its place. The policies
// (when a commit is acknowledged) and the strategies (who flushes for whom)
// are values on axes; there is one path per policy.
//
// Two rights order the work. The holder of the write right moves bytes from
// the log buffer to the files; the holder of the flush right makes them
// durable. A committer that finds nobody else about may take both and do its
// own write and flush inline, so that a lone client pays no hand-over.
//
// INVARIANT: under policy 1 a commit is acknowledged only when a flush that
// started after the covering write returned has succeeded; under policy 2 when
// the covering write has returned. After the first error nothing is
// acknowledged any more and no system call is tried again.
package groupcommit

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/yield"
)

// Log is what group commit drives.
type Log interface {
	// Cut returns the end of what can be written now, at most about maxBytes
	// beyond what was ready; pad says that somebody waits for its last bytes
	// (a log that writes whole blocks then fills one up). REQUIRES: the write
	// right.
	Cut(maxBytes int, pad bool) lsn.LSN
	// Write writes up to an LSN that Cut returned; with durable set it also
	// makes it durable if that takes no further call. REQUIRES: write right.
	Write(to lsn.LSN, durable bool) error
	// Flush makes durable what was written before the call. REQUIRES: the
	// flush right.
	Flush() error
	// Reserved, Written, Flushed and Limit (the end of the log buffer's free
	// space) are watermarks; any goroutine.
	Reserved() lsn.LSN
	Written() lsn.LSN
	Flushed() lsn.LSN
	Limit() lsn.LSN
}

// ErrClosed is returned by commits after Close.
var ErrClosed = errors.New("groupcommit: closed")

// Limits and defaults.
const (
	DefaultInterval = time.Second
	MinInterval     = time.Millisecond
	MaxInterval     = 2700 * time.Second // MySQL's limit of innodb_flush_log_at_timeout
	MaxGroupCount   = 1 << 20

	// maxCut bounds what one write takes: the walk over the records warms
	// the cache lines that the kernel copies next.
	maxCut = 1 << 20
	// continuousTick is how often the log writer of policy 0 continuous looks.
	continuousTick = time.Millisecond
)

// Config is one value on each axis that concerns group commit.
type Config struct {
	Policy   Policy
	Style    Style
	Strategy Strategy
	Delay    Delay
	// Count ends a gathering delay early when so many commits wait; 0: never.
	Count int
	// WriteAhead lets commits write a small group while the flush before it is
	// in flight. It must be false where a plain write reaches the device or
	// where the write itself carries the durability.
	WriteAhead bool
	// Interval between the starts of two timer flushes, policies 0 and 2; 0:
	// DefaultInterval. Read it through FlushInterval.
	Interval time.Duration
	// NoTimer leaves the timer out: under policies 0 and 2 nothing is flushed
	// because time has passed, but only for a checkpoint, for the WAL rule, for a
	// rotation of the binlog, and when the log is drained. Policy 2 goes on to write
	// with each commit, policy 0 continuous within milliseconds; policy 0 classic
	// writes for the reasons above, and when half the log buffer is full. So what
	// a crash may take has no bound in time, but only in bytes of log. Interval must
	// be 0 then. Policies 1 and 3 have no timer anyway: it means nothing to them.
	NoTimer  bool
	Observer Observer
}

// FlushInterval is the time between the starts of two timer flushes, whether or
// not the default has been filled in. With NoTimer it is the default: what looks at
// some intervals of a log looks as long at one that has none.
func (c *Config) FlushInterval() time.Duration { return cmp.Or(c.Interval, DefaultInterval) }

// Validate fills in defaults and says what is out of range.
func (c *Config) Validate() error {
	switch {
	case c.NoTimer && c.Interval != 0:
		return fmt.Errorf("flush interval %v without a timer: must be 0", c.Interval)
	case !c.NoTimer:
		c.Interval = c.FlushInterval()
	}
	if every := c.FlushInterval(); every < MinInterval || every > MaxInterval {
		return fmt.Errorf("flush interval %v: must be %v to %v", every, MinInterval, MaxInterval)
	}
	if c.Count < 0 || c.Count > MaxGroupCount {
		return fmt.Errorf("group count %d: must be 0 (no limit) to %d", c.Count, MaxGroupCount)
	}
	if c.Observer == nil {
		c.Observer = NoObserver{}
	}
	return nil
}

// strategy is how a commit becomes as safe as the policy asks, and where the policy
// flushes, who does it for whom.
type strategy interface {
	// commit returns when the log is as safe as that up to end, or failed.
	commit(end lsn.LSN, w *Waiter) error
	// commitAsync is commit that completes w later, or at once.
	commitAsync(end lsn.LSN, w *Waiter)
}

// Committer runs the commit protocol on one log. All methods are safe for
// concurrent use unless they say otherwise.
type Committer struct {
	log Log
	cfg Config
	how strategy

	write sync.Mutex // the write right
	flush sync.Mutex // the flush right; taken before write

	failed atomic.Pointer[error]
	stats  counters

	flusher kicker // of the dedicated flush goroutine
	pending stack  // commits that wait for flushed

	writer    kicker // of the log writer goroutine
	forWrite  stack  // commits that wait for written
	forSpace  stack  // producers that wait for log-buffer space
	spacePool sync.Pool

	stop   chan struct{}
	closed atomic.Bool
	gone   atomic.Bool // Close has ended the goroutines: see late
	own    owned
}

// New starts group commit on log. Close must be called to stop its goroutines.
func New(log Log, cfg Config) (*Committer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Committer{log: log, cfg: cfg, stop: make(chan struct{}), flusher: newKicker(), writer: newKicker()}
	c.spacePool.New = func() any { return NewWaiter() }
	switch {
	case cfg.Policy == Policy0:
		c.how = &unwaited{c}
	case cfg.Policy == Policy2:
		c.how = &written{c}
	case cfg.Strategy == Leader:
		c.how = newLeader(c)
	case cfg.Strategy == Serial:
		c.how = &serial{c: c}
	default:
		d := &dedicated{c: c}
		c.how = d
		c.spawn(d.loop)
	}
	c.spawn(c.writerLoop)
	if !cfg.Policy.Flushes() && !cfg.NoTimer {
		c.spawn(c.timerLoop)
	}
	return c, nil
}

// Commit returns when the record that ends at end is as safe as the policy
// asks, or with the error that stopped the log. w must be made by NewWaiter
// and be idle.
func (c *Committer) Commit(end lsn.LSN, w *Waiter) error { return c.how.commit(end, w) }

// CommitAsync is Commit that returns at once; w, made by NewAsyncWaiter and
// idle, is delivered to its queue when the commit is done.
func (c *Committer) CommitAsync(end lsn.LSN, w *Waiter) { c.how.commitAsync(end, w) }

// Err returns the error that stopped the log, or nil.
func (c *Committer) Err() error {
	if e := c.failed.Load(); e != nil {
		return *e
	}
	return nil
}

// Fail stops the log for good because something that it depends on (a
// checkpoint) failed. The first error wins; it is returned.
func (c *Committer) Fail(err error) error { return c.fail(err) }

// fail is Fail.
func (c *Committer) fail(err error) error {
	c.failed.CompareAndSwap(nil, &err)
	c.flusher.kick()
	c.writer.kick()
	return c.Err()
}

// Pressure tells the log writer that the log buffer is filling up. Cheap.
func (c *Committer) Pressure() { c.writer.kick() }

// Space blocks until the log buffer's limit has reached end, or returns the
// error that stopped the log.
func (c *Committer) Space(end lsn.LSN) error {
	c.stats.bufferStalls.Add(1)
	start := clock.Now()
	defer func() { c.stats.bufferStallNs.Add(clock.Now() - start) }()
	for range 16 {
		if c.log.Limit() >= end {
			return nil
		}
		yield.Point(yield.SpaceWait)
		c.writer.kick()
		runtime.Gosched()
	}
	w := c.spacePool.Get().(*Waiter)
	w.end, w.err = end, nil
	c.forSpace.push(w)
	yield.Point(yield.PushKick)
	c.writer.kick()
	c.late(&c.forSpace)
	err := w.park()
	c.spacePool.Put(w)
	return err
}

// Close stops the background goroutines. Commits that still wait, and all
// later ones, get ErrClosed. It does not write or flush. Safe to call twice.
func (c *Committer) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	err := c.Err()
	c.fail(ErrClosed)
	close(c.stop)
	c.own.wait()
	c.gone.Store(true)
	c.abandon(&c.pending)
	c.abandon(&c.forWrite)
	c.abandon(&c.forSpace)
	return err
}

// abandon completes every waiter of s with the sticky error.
func (c *Committer) abandon(s *stack) {
	err := c.Err()
	for list := s.take(); list != nil; list = s.take() {
		for w := list; w != nil; w = w.next {
			w.err = err
		}
		wakeAll(list)
	}
}
