package groupcommit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/lsn"
	"flushbench/engine/yield/seeds"
)

// trial is one small history of group commit: clients commit, some leave holes
// for a while, something may fail, somebody may close it. All follows from its
// seed but the order of the goroutines.
type trial struct {
	cfg     Config
	log     *fakeLog
	c       *Committer
	clients int
	commits int // of each client
	async   bool
	holes   int // goroutines that reserve and take their time to publish
	closeAt int // after so many acknowledgements; 0: at the end
	seed    uint64

	acked, failed atomic.Int64
}

func newTrial(seed uint64) *trial {
	rng := rand.New(rand.NewPCG(seed, 5))
	l := newFakeLog()
	tr := &trial{log: l, seed: seed, clients: 1 + rng.IntN(6), commits: 1 + rng.IntN(6), async: rng.IntN(3) == 0}
	tr.cfg = Config{
		Policy:     Policies.All()[rng.IntN(4)],
		Style:      Styles.All()[rng.IntN(2)],
		Strategy:   Strategies.All()[rng.IntN(3)],
		WriteAhead: rng.IntN(2) == 0,
		Interval:   time.Second,
		Observer:   l,
	}
	if rng.IntN(2) == 0 {
		tr.cfg.Policy = Policy1
	}
	if rng.IntN(8) == 0 {
		tr.clients = relayFrom + rng.IntN(20) // groups that wake in a chain
		tr.commits = 1
	}
	switch rng.IntN(8) {
	case 0:
		tr.cfg.Delay = Delay{Adaptive: true}
	case 1:
		tr.cfg.Delay = Delay{Fixed: time.Duration(1 + rng.IntN(50_000))}
		tr.cfg.Count = rng.IntN(4)
	}
	if rng.IntN(4) == 0 {
		tr.cfg.Interval = MinInterval
	}
	switch rng.IntN(6) {
	case 0:
		l.through, tr.cfg.WriteAhead = true, false
	case 1:
		l.selfFlush, tr.cfg.WriteAhead = true, false
	case 2:
		l.block = 4
	}
	if rng.IntN(4) == 0 { // a small log buffer: producers wait for space
		l.size = 16
		l.limit.Store(l.size)
	}
	if rng.IntN(6) == 0 {
		tr.cfg.NoTimer, tr.cfg.Interval = true, 0
	}
	l.spin = rng.IntN(20)
	tr.holes = rng.IntN(3)
	switch rng.IntN(6) {
	case 0:
		l.failWrite = 1 + rng.Int64N(4)
	case 1:
		l.failFlush = 1 + rng.Int64N(4)
	case 2:
		tr.closeAt = 1 + rng.IntN(tr.clients*tr.commits)
	}
	return tr
}

// durable reports whether an acknowledgement for end is right at this moment.
func (tr *trial) durable(end lsn.LSN) bool {
	switch tr.cfg.Policy {
	case Policy1, Policy3:
		return tr.log.Flushed() >= end
	case Policy2:
		return tr.log.Written() >= end
	}
	return true
}

// count judges how a commit ended.
func (tr *trial) count(end lsn.LSN, err error) {
	switch {
	case err == nil && !tr.durable(end):
		tr.log.violation("policy %v acknowledged a commit up to %v; written %v, flushed %v", tr.cfg.Policy, end, tr.log.Written(), tr.log.Flushed())
	case err == nil:
		if n := tr.acked.Add(1); int(n) == tr.closeAt {
			_ = tr.c.Close()
		}
	case !errors.Is(err, errInjected) && !errors.Is(err, ErrClosed):
		tr.log.violation("commit = %v", err)
	case tr.c.Err() == nil:
		tr.log.violation("commit = %v, but nothing has failed", err)
	default:
		tr.failed.Add(1)
	}
}

func (tr *trial) client(id int) {
	rng := rand.New(rand.NewPCG(tr.seed, uint64(id)))
	w := NewWaiter()
	var q *Queue
	if tr.async {
		q = NewQueue()
		w = NewAsyncWaiter(q)
	}
	for i := range tr.commits {
		start, end, err := tr.log.reserve(1 + rng.IntN(3))
		if err != nil {
			tr.count(0, err)
			continue
		}
		if rng.IntN(3) == 0 {
			runtime.Gosched()
		}
		tr.log.publish(start, end)
		w.Sample = i == 0
		w.Stages = Stages{}
		if tr.async {
			tr.c.CommitAsync(lsn.LSN(end), w)
			if got := q.Wait(nil); got != w || got.Next() != nil {
				tr.log.violation("the queue delivered another waiter")
			}
			err = w.Err()
		} else {
			err = tr.c.Commit(lsn.LSN(end), w)
		}
		tr.count(lsn.LSN(end), err)
		if st := w.Stages; err == nil && st.Cut != 0 && (st.Written < st.Cut || tr.cfg.Policy.Flushes() && st.Flushed < st.Written) {
			tr.log.violation("stages out of order: %+v", st)
		}
	}
}

// hole reserves, lets others pass, and publishes after all.
func (tr *trial) hole(id int) {
	rng := rand.New(rand.NewPCG(tr.seed, uint64(1000+id)))
	start, end, err := tr.log.reserve(1)
	if err != nil {
		return
	}
	for range rng.IntN(60) {
		runtime.Gosched()
	}
	tr.log.publish(start, end)
}

func (tr *trial) run() string {
	c, err := New(tr.log, tr.cfg)
	if err != nil {
		return err.Error()
	}
	tr.c, tr.log.committer = c, c
	var wg sync.WaitGroup
	for id := range tr.clients {
		wg.Go(func() { tr.client(id) })
	}
	for id := range tr.holes {
		wg.Go(func() { tr.hole(id) })
	}
	wg.Wait()
	return tr.end()
}

// end checks what must hold once all clients are through.
func (tr *trial) end() string {
	c, l := tr.c, tr.log
	if got, want := tr.acked.Load()+tr.failed.Load(), int64(tr.clients*tr.commits); got != want {
		return fmt.Sprintf("%d commits ended; want %d", got, want)
	}
	if tr.failed.Load() == 0 && c.Err() == nil {
		if err := c.FlushAll(ReasonClose); err != nil && c.Err() == nil {
			return err.Error()
		} else if err == nil && l.Flushed() < l.Reserved() && l.block == 0 {
			return fmt.Sprintf("FlushAll left flushed %v; reserved %v", l.Flushed(), l.Reserved())
		}
	}
	stopped := c.Err()
	if stopped != nil {
		c.Quiesce() // who held a right when it failed may be about to use it
	}
	writes, flushes := l.writes.Load(), l.flushes.Load()
	if stopped != nil { // sticky: nothing more is tried, everyone gets the error
		w := NewWaiter()
		if err := c.Commit(l.Reserved(), w); !errors.Is(err, stopped) {
			return fmt.Sprintf("Commit after %v = %v", stopped, err)
		}
		if err := c.FlushAll(ReasonClose); !errors.Is(err, stopped) {
			return fmt.Sprintf("FlushAll after %v = %v", stopped, err)
		}
	}
	_ = c.Close()
	if err := c.Commit(l.Flushed(), NewWaiter()); err == nil {
		return "Commit after Close = nil"
	}
	if stopped != nil && (l.writes.Load() != writes || l.flushes.Load() != flushes) {
		return fmt.Sprintf("%d writes and %d flushes after the failure", l.writes.Load()-writes, l.flushes.Load()-flushes)
	}
	if wrong := l.verdict(); wrong != "" {
		return wrong
	}
	return tr.sums()
}

// sums: commits = sum of group sizes, exactly.
func (tr *trial) sums() string {
	if !tr.cfg.Policy.Flushes() {
		return ""
	}
	st := tr.c.Stats()
	if int64(st.Grouped) != tr.acked.Load() {
		return fmt.Sprintf("groups hold %d commits; %d were acknowledged", st.Grouped, tr.acked.Load())
	}
	sum := 0
	for _, g := range tr.log.groups {
		sum += g.Size
	}
	if late := int(tr.c.stats.size.early.Load()); sum+late != int(st.Grouped) || len(tr.log.groups) != int(st.Groups) {
		return fmt.Sprintf("the observer saw %d commits in %d groups, %d came after; want %d in %d", sum, len(tr.log.groups), late, st.Grouped, st.Groups)
	}
	return ""
}

func commitProperty(seed uint64) string {
	tr := newTrial(seed)
	if wrong := tr.run(); wrong != "" {
		return fmt.Sprintf("%s\npolicy %v, strategy %v, delay %v, %d clients, %d commits each, async %v, fails at write %d, flush %d, closed after %d",
			wrong, tr.cfg.Policy, tr.cfg.Strategy, tr.cfg.Delay, tr.clients, tr.commits, tr.async, tr.log.failWrite, tr.log.failFlush, tr.closeAt)
	}
	return ""
}

// TestGroupCommit holds every policy, strategy and delay against the promises
// of the package: acknowledged only when safe, everyone is woken, the first
// failure is the last call, and the groups add up.
func TestGroupCommit(t *testing.T) { seeds.Run(t, 1, commitProperty) }

func TestGroupCommitShuffledSoak(t *testing.T) { seeds.Soak(t, 1, commitProperty) }
