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
		if l.release != nil {
			l.release()
		}
		seeds.Ends(t, func() { _ = c.Close() })
		if wrong := l.verdict(); wrong != "" {
			t.Error(wrong)
		}
	})
	return c
}

// gate holds the log's flushes (or writes) up until it is opened.
type gate struct {
	kind    string
	entered chan struct{} // one token for each call that arrives
	open    chan struct{}
	once    sync.Once
}

// release opens the gate, for good.
func (g *gate) release() { g.once.Do(func() { close(g.open) }) }

func newGate(l *fakeLog, kind string) *gate {
	g := &gate{kind: kind, entered: make(chan struct{}, 1000), open: make(chan struct{})}
	l.beforeWork = func(k string) {
		if k == g.kind {
			g.entered <- struct{}{}
			<-g.open
		}
	}
	l.release = g.release
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
			g.release()
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
	c := start(t, l, Config{Policy: Policy2, Interval: MaxInterval}) // no timer flushes meanwhile
	done := make(chan error, 1)
	end := l.append(1)
	go func() { done <- c.Commit(end, NewWaiter()) }()
	select {
	case <-g.entered:
	case err := <-done:
		t.Fatalf("Commit = %v; nothing was written", err)
	}
	for range 100 {
		runtime.Gosched()
	}
	select {
	case err := <-done:
		t.Fatalf("Commit = %v while its write was under way", err)
	default:
	}
	g.release()
	if err := <-done; err != nil || l.Written() < end || l.flushes.Load() != 0 {
		t.Errorf("Commit = %v, written %v, %d flushes; want nil, %v, 0", err, l.Written(), l.flushes.Load(), end)
	}
}

// commitAll commits from n goroutines, each as soon as its record is there.
func commitAll(t *testing.T, l *fakeLog, c *Committer, n int) *sync.WaitGroup {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		commit(t, &wg, c, l.append(1))
	}
	return &wg
}

// commitTogether commits from n goroutines when all their records are there.
func commitTogether(t *testing.T, l *fakeLog, c *Committer, n int) *sync.WaitGroup {
	t.Helper()
	var wg sync.WaitGroup
	ends := make([]lsn.LSN, n)
	for i := range ends {
		ends[i] = l.append(1)
	}
	for _, end := range ends {
		commit(t, &wg, c, end)
	}
	return &wg
}

func commit(t *testing.T, wg *sync.WaitGroup, c *Committer, end lsn.LSN) {
	wg.Go(func() {
		if err := c.Commit(end, NewWaiter()); err != nil {
			t.Error(err)
		}
	})
}

// Those who come while a flush is in flight share the next one.
func TestGroups(t *testing.T) {
	for _, s := range []Strategy{Dedicated, Leader} {
		t.Run(s.String(), func(t *testing.T) { testGroup(t, s, 7) })
		t.Run(s.String()+" relayed", func(t *testing.T) { testGroup(t, s, relayFrom+10) })
	}
}

func testGroup(t *testing.T, s Strategy, n int) {
	l := newFakeLog()
	g := newGate(l, "flush")
	c := start(t, l, Config{Policy: Policy1, Strategy: s})
	d, _ := c.how.(*dedicated)
	if d != nil { // the first must not flush inline: its goroutine would sit on the flush right
		seeds.Until(t, "a lone committer may commit inline", d.lone.Load)
		c.flush.Lock()
	}
	first := commitAll(t, l, c, 1)
	if d != nil {
		seeds.Until(t, "the first queues", func() bool { return !d.lone.Load() })
		c.flush.Unlock()
	}
	<-g.entered
	rest := commitAll(t, l, c, n)
	seeds.Until(t, "all others wait", func() bool {
		if lead, ok := c.how.(*leader); ok {
			lead.mu.Lock()
			defer lead.mu.Unlock()
			return lead.mu.waiting == 1+n
		}
		waiting, _ := count(c, nil)
		return waiting == n
	})
	g.release()
	seeds.Ends(t, func() { first.Wait(); rest.Wait() })
	if l.flushes.Load() != 2 {
		t.Errorf("%d commits took %d flushes; want 2", 1+n, l.flushes.Load())
	}
	if st := c.Stats(); st.Grouped != uint64(1+n) || st.Groups != 2 || st.Flushes[ReasonCommit] != 2 {
		t.Errorf("Stats = %+v; want %d commits in 2 groups", st, 1+n)
	}
}

// A commit that finds itself flushed already is counted all the same.
func TestFlushedAlready(t *testing.T) {
	for _, s := range Strategies.All() {
		l := newFakeLog()
		c := start(t, l, Config{Policy: Policy1, Strategy: s})
		one, two, w := l.append(1), l.append(1), NewWaiter()
		if err := errors.Join(c.Commit(two, w), c.Commit(one, w)); err != nil {
			t.Error(err)
		}
		q := NewQueue()
		a := NewAsyncWaiter(q)
		c.CommitAsync(one, a)
		seeds.Ends(t, func() {
			if got := q.Wait(nil); got != a || got.Err() != nil || got.End() != one {
				t.Errorf("%v: CommitAsync of %v = %v, end %v", s, one, got.Err(), got.End())
			}
		})
		if st := c.Stats(); st.Grouped != 3 {
			t.Errorf("%v: groups hold %d commits; want 3", s, st.Grouped)
		}
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
	one, two, w := l.append(1), l.append(1), NewWaiter()
	if err := errors.Join(c.Commit(two, w), c.Commit(one, w)); err != nil { // the second finds itself flushed
		t.Error(err)
	}
	const all = clients*each + 2
	st := c.Stats()
	if l.flushes.Load() != all || st.Groups != all || st.Grouped != all {
		t.Errorf("%d commits took %d flushes, %d groups of %d commits", all, l.flushes.Load(), st.Groups, st.Grouped)
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

// A count ends the delay early: one of an hour would hang.
func TestGroupCountEndsDelay(t *testing.T) {
	const n = 4
	for _, s := range []Strategy{Dedicated, Leader} {
		l := newFakeLog()
		g := newGate(l, "flush")
		c := start(t, l, Config{Policy: Policy1, Strategy: s, Delay: Delay{Fixed: time.Hour}, Count: n})
		t.Cleanup(func() { _ = c.Fail(errInjected) }) // ends a delay that goes on
		first := commitTogether(t, l, c, n)
		seeds.Ends(t, func() { <-g.entered })
		if lead, ok := c.how.(*leader); ok { // it gathers as many as a flush has woken
			seeds.Until(t, "all wait for the first flush", func() bool {
				lead.mu.Lock()
				defer lead.mu.Unlock()
				return lead.mu.waiting == n
			})
		}
		g.release()
		seeds.Ends(t, first.Wait)
		seeds.Ends(t, commitTogether(t, l, c, n).Wait)
		if l.flushes.Load() != 2 {
			t.Errorf("%v: %d flushes of two groups; want 2", s, l.flushes.Load())
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
			seeds.Until(t, "the log writer sleeps", func() bool { return c.writer.idle.Load() == 1 })
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
