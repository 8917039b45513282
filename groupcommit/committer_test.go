package groupcommit

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/yield/seeds"
)

// start makes a committer on a fake log; Close is checked at the end.
func start(t *testing.T, l *fakeLog, cfg Config) *Committer {
	t.Helper()
	cfg.Observer = l
	c, err := New(l, cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.committer = c
	t.Cleanup(func() {
		seeds.Ends(t, func() { _ = c.Close() })
		if wrong := l.verdict(); wrong != "" {
			t.Error(wrong)
		}
	})
	return c
}

// until lets others run until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("it never happens that " + what)
		}
	}
}

// gate holds the log's flushes (or writes) up until it is opened.
type gate struct {
	kind    string
	entered chan struct{} // one token for each call that arrives
	open    chan struct{}
}

func newGate(l *fakeLog, kind string) *gate {
	g := &gate{kind: kind, entered: make(chan struct{}, 1000), open: make(chan struct{})}
	l.beforeWork = func(k string) {
		if k == g.kind {
			g.entered <- struct{}{}
			<-g.open
		}
	}
	return g
}

// Policy 0 acknowledges while a write or a flush hangs.
func TestPolicy0NeverWaits(t *testing.T) {
	for _, kind := range []string{"write", "flush"} {
		for _, style := range Styles.All() {
			l := newFakeLog()
			g := newGate(l, kind)
			c := start(t, l, Config{Policy: Policy0, Style: style, Interval: MinInterval})
			seeds.Ends(t, func() {
				l.append(1)
				<-g.entered // the timer is stuck in it
				w := NewWaiter()
				for range 500 {
					if err := c.Commit(l.append(1), w); err != nil {
						t.Error(err)
					}
				}
			})
			close(g.open)
		}
	}
}

// Policy 0 with more in an interval than the log buffer holds: the writer makes
// room without waiting for the timer.
func TestPolicy0FullBuffer(t *testing.T) {
	l := newFakeLog()
	l.size = 16
	l.limit.Store(16)
	c := start(t, l, Config{Policy: Policy0, Interval: MaxInterval})
	seeds.Ends(t, func() {
		w := NewWaiter()
		for range 400 {
			if err := c.Commit(l.append(1), w); err != nil {
				t.Error(err)
			}
		}
	})
	if l.flushes.Load() != 0 || l.writes.Load() == 0 {
		t.Errorf("%d writes, %d flushes; want some writes and no flush", l.writes.Load(), l.flushes.Load())
	}
}

// Policy 2 acknowledges when the write has returned, not before, and does not
// wait for a flush.
func TestPolicy2AcksAfterWrite(t *testing.T) {
	l := newFakeLog()
	g := newGate(l, "write")
	c := start(t, l, Config{Policy: Policy2})
	done := make(chan error, 1)
	end := l.append(1)
	go func() { done <- c.Commit(end, NewWaiter()) }()
	<-g.entered
	for range 100 {
		runtime.Gosched()
	}
	select {
	case err := <-done:
		t.Fatalf("Commit = %v while its write was under way", err)
	default:
	}
	close(g.open)
	if err := <-done; err != nil || l.Written() < end || l.flushes.Load() != 0 {
		t.Errorf("Commit = %v, written %v, %d flushes; want nil, %v, 0", err, l.Written(), l.flushes.Load(), end)
	}
}

// commitAll commits from n goroutines at once and returns when all are through.
func commitAll(t *testing.T, l *fakeLog, c *Committer, n int) *sync.WaitGroup {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		end := l.append(1)
		wg.Go(func() {
			if err := c.Commit(end, NewWaiter()); err != nil {
				t.Error(err)
			}
		})
	}
	return &wg
}

// Those who come while a flush is in flight share the next one.
func TestGroups(t *testing.T) {
	const n = 7
	for _, s := range []Strategy{Dedicated, Leader} {
		t.Run(s.String(), func(t *testing.T) {
			l := newFakeLog()
			g := newGate(l, "flush")
			c := start(t, l, Config{Policy: Policy1, Strategy: s})
			d, _ := c.how.(*dedicated)
			if d != nil { // the first must not flush inline: its goroutine would sit on the flush right
				until(t, "a lone committer may commit inline", d.lone.Load)
				c.flush.Lock()
			}
			first := commitAll(t, l, c, 1)
			if d != nil {
				until(t, "the first queues", func() bool { return !d.lone.Load() })
				c.flush.Unlock()
			}
			<-g.entered
			rest := commitAll(t, l, c, n)
			until(t, "all others wait", func() bool {
				if lead, ok := c.how.(*leader); ok {
					lead.mu.Lock()
					defer lead.mu.Unlock()
					return lead.mu.waiting == 1+n
				}
				waiting, _ := count(c, nil)
				return waiting == n
			})
			close(g.open)
			seeds.Ends(t, func() { first.Wait(); rest.Wait() })
			if l.flushes.Load() != 2 {
				t.Errorf("%d commits took %d flushes; want 2", 1+n, l.flushes.Load())
			}
			if st := c.Stats(); st.Grouped != 1+n || st.Groups != 2 || st.Flushes[ReasonCommit] != 2 {
				t.Errorf("Stats = %+v; want %d commits in 2 groups", st, 1+n)
			}
		})
	}
}

// Serial: every commit has a flush of its own, whoever else waits.
func TestSerialFlushesForEach(t *testing.T) {
	const clients, each = 5, 20
	l := newFakeLog()
	c := start(t, l, Config{Policy: Policy1, Strategy: Serial})
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			w := NewWaiter()
			for range each {
				if err := c.Commit(l.append(1), w); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seeds.Ends(t, wg.Wait)
	st := c.Stats()
	if l.flushes.Load() != clients*each || st.Groups != clients*each || st.Grouped != clients*each {
		t.Errorf("%d commits took %d flushes, %d groups of %d commits", clients*each, l.flushes.Load(), st.Groups, st.Grouped)
	}
}

// A commit behind a hole is not acknowledged, however many flushes succeed; it
// is when the hole closes, or when the committer does.
func TestHole(t *testing.T) {
	for _, s := range Strategies.All() {
		for _, close := range []bool{false, true} {
			l := newFakeLog()
			c := start(t, l, Config{Policy: Policy1, Strategy: s})
			holeStart, holeEnd, _ := l.reserve(1)
			end := l.append(1)
			done := make(chan error, 1)
			go func() { done <- c.Commit(end, NewWaiter()) }()
			for range 2000 {
				runtime.Gosched()
			}
			select {
			case err := <-done:
				t.Fatalf("%v: Commit behind a hole = %v", s, err)
			default:
			}
			want := error(nil)
			if close {
				want = ErrClosed
				seeds.Ends(t, func() { _ = c.Close() })
			} else {
				l.publish(holeStart, holeEnd)
			}
			seeds.Ends(t, func() {
				if err := <-done; !errors.Is(err, want) {
					t.Errorf("%v: Commit = %v; want %v", s, err, want)
				}
			})
		}
	}
}

// An inline commit whose record is not ready yet must not be acknowledged by
// the flush of what stands before it.
func TestInlineBehindHole(t *testing.T) {
	l := newFakeLog()
	c := start(t, l, Config{Policy: Policy1})
	d := c.how.(*dedicated)
	seeds.Ends(t, func() {
		if err := c.Commit(l.append(1), NewWaiter()); err != nil {
			t.Error(err)
		}
	})
	until(t, "a lone committer may commit inline", d.lone.Load)
	l.append(1)
	holeStart, holeEnd, _ := l.reserve(1)
	end := l.append(1)
	done := make(chan error, 1)
	go func() { done <- c.Commit(end, NewWaiter()) }()
	for range 2000 {
		runtime.Gosched()
	}
	select {
	case err := <-done:
		t.Fatalf("Commit behind a hole = %v; flushed %v, its record ends at %v", err, l.Flushed(), end)
	default:
	}
	l.publish(holeStart, holeEnd)
	seeds.Ends(t, func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if l.Flushed() < end {
		t.Errorf("acknowledged %v, flushed %v", end, l.Flushed())
	}
}

// Everyone who waits gets the error of a failed write or flush, and so does
// everyone who comes later.
func TestFailureReachesAll(t *testing.T) {
	const n = 40 // more than relayFrom
	for _, s := range Strategies.All() {
		for _, kind := range []string{"write", "flush"} {
			l := newFakeLog()
			l.failFlush, l.failWrite = 0, 0
			if kind == "flush" {
				l.failFlush = 2
			} else {
				l.failWrite = 2
			}
			g := newGate(l, kind)
			c := start(t, l, Config{Policy: Policy1, Strategy: s})
			firstEnd := l.append(1)
			var first sync.WaitGroup
			first.Go(func() { // may be in the first write or flush, or in the second
				if err := c.Commit(firstEnd, NewWaiter()); err != nil && !errors.Is(err, errInjected) {
					t.Error(err)
				}
			})
			<-g.entered
			errs := make(chan error, n)
			for range n {
				end := l.append(1)
				go func() { errs <- c.Commit(end, NewWaiter()) }()
			}
			close(g.open)
			seeds.Ends(t, func() {
				first.Wait()
				for range n {
					if err := <-errs; !errors.Is(err, errInjected) {
						t.Errorf("%v, %s fails: Commit = %v; want the error", s, kind, err)
					}
				}
			})
			writes, flushes := l.writes.Load(), l.flushes.Load()
			if err := c.Commit(l.append(1), NewWaiter()); !errors.Is(err, errInjected) {
				t.Errorf("%v, %s failed: a later Commit = %v; want the error", s, kind, err)
			}
			if err := c.FlushAll(ReasonClose); !errors.Is(err, errInjected) {
				t.Errorf("%v, %s failed: FlushAll = %v; want the error", s, kind, err)
			}
			if l.writes.Load() != writes || l.flushes.Load() != flushes {
				t.Errorf("%v, %s failed: a system call was made after it", s, kind)
			}
		}
	}
}

// The first error wins.
func TestFail(t *testing.T) {
	c := start(t, newFakeLog(), Config{Policy: Policy2})
	one, two := errors.New("one"), errors.New("two")
	if err := c.Fail(one); err != one {
		t.Errorf("Fail(one) = %v", err)
	}
	if err := c.Fail(two); err != one {
		t.Errorf("Fail(two) = %v; want one", err)
	}
	if err := c.Close(); err != one {
		t.Errorf("Close = %v; want one", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
}

// FlushAll waits for producers that have reserved and not yet published.
func TestFlushAllCoversHoles(t *testing.T) {
	for _, p := range Policies.All() {
		l := newFakeLog()
		c := start(t, l, Config{Policy: p, Interval: MaxInterval})
		holeStart, holeEnd, _ := l.reserve(1)
		end := l.append(1)
		done := make(chan error, 1)
		go func() { done <- c.FlushAll(ReasonClose) }()
		for range 500 {
			runtime.Gosched()
		}
		l.publish(holeStart, holeEnd)
		seeds.Ends(t, func() {
			if err := <-done; err != nil || l.Flushed() < end {
				t.Errorf("policy %v: FlushAll = %v, flushed %v; want %v", p, err, l.Flushed(), end)
			}
		})
	}
}

// While a commit group, or FlushAll, is stuck because the log is full, whoever
// can make room by a flush gets the flush right.
func TestFullLogLeavesFlushRight(t *testing.T) {
	for _, cfg := range []Config{{Policy: Policy2, Interval: MaxInterval}, {Policy: Policy1, Strategy: Serial}, {Policy: Policy1, Strategy: Leader}, {Policy: Policy1}} {
		l := newFakeLog()
		c := start(t, l, cfg)
		holeStart, holeEnd, _ := l.reserve(1) // stands for a full log: nothing can be written
		end := l.append(1)
		done := make(chan error, 1)
		go func() {
			if cfg.Policy == Policy1 {
				done <- c.Commit(end, NewWaiter())
			} else {
				done <- c.FlushAll(ReasonTimer)
			}
		}()
		for range 200 {
			runtime.Gosched()
		}
		seeds.Ends(t, func() {
			if err := c.FlushWritten(ReasonCheckpoint); err != nil {
				t.Error(err)
			}
		})
		l.publish(holeStart, holeEnd)
		seeds.Ends(t, func() {
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// A fixed delay is taken by every group, a lone client's too.
func TestFixedDelay(t *testing.T) {
	const delay = 3 * time.Millisecond
	for _, s := range []Strategy{Dedicated} {
		l := newFakeLog()
		c := start(t, l, Config{Policy: Policy1, Strategy: s, Delay: Delay{Fixed: delay}})
		w := NewWaiter()
		w.Sample = true
		for i := range 4 {
			end, begin := l.append(1), clock.Now()
			if err := c.Commit(end, w); err != nil {
				t.Fatal(err)
			}
			if got := time.Duration(w.Stages.Cut - begin); got < delay {
				t.Errorf("%v, commit %d: its group was cut after %v; want %v at least", s, i, got, delay)
			}
			if got := time.Duration(clock.Now() - begin); got < delay {
				t.Errorf("%v, commit %d took %v; want %v at least", s, i, got, delay)
			}
		}
	}
}

// A count ends the delay early.
func TestGroupCountEndsDelay(t *testing.T) {
	const n = 4
	for _, s := range []Strategy{Dedicated, Leader} {
		l := newFakeLog()
		c := start(t, l, Config{Policy: Policy1, Strategy: s, Delay: Delay{Fixed: MaxDelay}, Count: n})
		begin := clock.Now()
		wg := commitAll(t, l, c, n)
		wg.Wait()
		if took := time.Duration(clock.Now() - begin); took >= MaxDelay {
			t.Errorf("%v: %d commits with group count %d took %v: the whole delay", s, n, n, took)
		}
		if l.flushes.Load() != 1 {
			t.Errorf("%v: %d flushes; want 1", s, l.flushes.Load())
		}
	}
}

// Write-through logs, and durable writes that flush themselves, need no flush.
func TestNoFlushWhereWriteIsDurable(t *testing.T) {
	for _, s := range Strategies.All() {
		for _, through := range []bool{true, false} {
			l := newFakeLog()
			l.through, l.selfFlush = through, !through
			c := start(t, l, Config{Policy: Policy1, Strategy: s})
			w := NewWaiter()
			// Starting up, it looks whether there is something to write, plainly.
			until(t, "the log writer sleeps", func() bool { return c.writer.idle.Load() == 1 })
			for range 20 {
				if err := c.Commit(l.append(1), w); err != nil {
					t.Fatal(err)
				}
			}
			if l.flushes.Load() != 0 {
				t.Errorf("%v, through %v: %d flushes of a log whose writes are durable", s, through, l.flushes.Load())
			}
		}
	}
}

// A producer that waits for space gets the error when the log has stopped, also
// when it comes after Close.
func TestSpaceAfterFailure(t *testing.T) {
	l := newFakeLog()
	l.size = 4
	l.limit.Store(4)
	c := start(t, l, Config{Policy: Policy0, Interval: MaxInterval})
	c.Fail(errInjected)
	seeds.Ends(t, func() {
		if err := c.Space(lsn.LSN(5)); !errors.Is(err, errInjected) {
			t.Errorf("Space after a failure = %v", err)
		}
	})
	_ = c.Close()
	seeds.Ends(t, func() {
		if err := c.Space(lsn.LSN(5)); !errors.Is(err, errInjected) {
			t.Errorf("Space after Close = %v", err)
		}
	})
	if st := c.Stats(); st.BufferStalls != 2 {
		t.Errorf("%d buffer stalls; want 2", st.BufferStalls)
	}
}
