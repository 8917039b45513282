package groupcommit

import (
	"errors"
	"runtime"
	"sync"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/yield/seeds"
)

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
	seeds.Until(t, "a lone committer may commit inline", d.lone.Load)
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
			g.release()
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
