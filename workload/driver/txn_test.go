package driver

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/lsn"
	"flushbench/metrics"
	"flushbench/workload"
)

// rowTarget runs transactions on nothing: it checks that each is the one that
// the generator makes for its client and sequence, and is now and then told
// that it was the victim of a deadlock.
type rowTarget struct {
	gen     *workload.Generator
	from    uint64 // every client's first sequence
	victims int64  // every so many tries fail
	failAt  int64  // the try that fails for good; 0: none
	bytes   int    // what TxnBytes says
	stopAt  int64  // the try that ends the load; 0: none
	stop    context.CancelFunc

	tries, commits, rollbacks, reads atomic.Int64
	deadlocks, timeouts              atomic.Int64
	mu                               struct {
		sync.Mutex
		wrong error
	}
}

func (f *rowTarget) Connect(client uint32) (workload.Session, error) {
	return &rowSession{f: f, client: client, seq: f.from, want: f.gen.NewTxn(client)}, nil
}
func (f *rowTarget) Overhead() workload.Overhead  { return workload.Overhead{} }
func (f *rowTarget) Close() error                 { return nil }
func (f *rowTarget) TxnBytes(t *workload.Txn) int { return f.bytes }
func (f *rowTarget) wrong(format string, a ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.wrong = fmt.Errorf(format, a...)
}

type rowSession struct {
	f      *rowTarget
	client uint32
	seq    uint64
	want   *workload.Txn
}

func (s *rowSession) Run(t *workload.Txn) error {
	f := s.f
	f.gen.Next(s.client, s.seq, s.want)
	if !reflect.DeepEqual(t, s.want) {
		f.wrong("client %d, sequence %d: ran %+v; want %+v", s.client, s.seq, t, s.want)
	}
	try := f.tries.Add(1)
	if try == f.stopAt {
		f.stop()
	}
	switch {
	case try == f.failAt:
		return errFake
	case f.victims > 0 && try%f.victims == 0:
		f.deadlocks.Add(1)
		return fmt.Errorf("row 7: %w", workload.ErrDeadlock)
	case f.victims > 0 && try%f.victims == 1:
		f.timeouts.Add(1)
		return fmt.Errorf("row 7: %w", workload.ErrLockWaitTimeout)
	}
	s.seq++
	switch {
	case t.Rollback:
		f.rollbacks.Add(1)
	case !t.Writes():
		f.reads.Add(1)
		f.commits.Add(1)
	default:
		f.commits.Add(1)
	}
	return nil
}
func (s *rowSession) Seq() uint64      { return s.seq }
func (s *rowSession) LastEnd() lsn.LSN { return lsn.LSN(s.seq * 100) }
func (s *rowSession) Close() error     { return nil }

func newRowTarget(t *testing.T, s workload.Spec, clients int) *rowTarget {
	t.Helper()
	g, err := workload.NewGenerator(3, s, clients)
	if err != nil {
		t.Fatal(err)
	}
	return &rowTarget{gen: g, bytes: 300}
}

func rowConfig(f *rowTarget, clients int, measure bool) Config {
	return Config{Target: f, Clients: clients, Txns: f.gen, Duration: time.Minute, Measure: measure}
}

// until returns a context that the target cancels in its try n.
func (f *rowTarget) until(t *testing.T, n int64) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	f.stopAt, f.stop = n, cancel
	return ctx
}

// Victims run the same transaction again; rollbacks that were asked for are no
// commits; what only reads is one, and is never at risk.
func TestTransactions(t *testing.T) {
	for _, measure := range []bool{true, false} {
		for _, paced := range []bool{false, true} {
			if paced && !measure {
				continue
			}
			t.Run(fmt.Sprintf("measure=%v,paced=%v", measure, paced), func(t *testing.T) {
				const clients = 3
				f := newRowTarget(t, workload.Spec{Kind: workload.KindBank, ReadShare: 0.2, RollbackShare: 0.1}, clients)
				f.victims, f.from = 7, 1000
				c := rowConfig(f, clients, measure)
				if paced {
					a, err := workload.NewConstant(20_000)
					if err != nil {
						t.Fatal(err)
					}
					c.Arrivals = a
				}
				o, err := Run(f.until(t, 2000), c)
				if err != nil || f.mu.wrong != nil {
					t.Fatal(err, f.mu.wrong)
				}
				if all := o.Warmup + o.Commits + o.After; all != f.commits.Load() || o.Commits == 0 {
					t.Errorf("commits %d + %d + %d; want %d", o.Warmup, o.Commits, o.After, f.commits.Load())
				}
				if o.Deadlocks != f.deadlocks.Load() || o.LockTimeouts != f.timeouts.Load() || o.Deadlocks == 0 || o.Errors != 0 {
					t.Errorf("%d deadlocks, %d timeouts, %d errors; want %d, %d, 0", o.Deadlocks, o.LockTimeouts, o.Errors, f.deadlocks.Load(), f.timeouts.Load())
				}
				near := func(name string, got, all int64) {
					if got > all || got == 0 {
						t.Errorf("%d %s in the window; want at least one, at most all %d", got, name, all)
					}
				}
				near("rollbacks", o.Rollbacks, f.rollbacks.Load())
				if measure {
					near("read-only commits", o.ReadOnly, f.reads.Load())
					if n := o.Latency.Count(); n != o.Commits {
						t.Errorf("the histogram has %d, want the %d commits", n, o.Commits)
					}
					if want := (o.Commits - o.ReadOnly) * 300; o.Bytes != want {
						t.Errorf("%d bytes; want %d", o.Bytes, want)
					}
				}
				ended := int64(0)
				for i := range o.Acked {
					ended += int64(o.Acked[i] - f.from)
					if o.Acked[i] != o.Submitted[i] {
						t.Errorf("client %d: acked %d, submitted %d; want the same", i, o.Acked[i], o.Submitted[i])
					}
				}
				if want := f.commits.Load() + f.rollbacks.Load(); ended != want {
					t.Errorf("sequences went on by %d; want %d", ended, want)
				}
			})
		}
	}
}

// What only reads, and what is rolled back, is not handed to the tracker.
func TestReadsAreNeverAtRisk(t *testing.T) {
	for _, s := range []workload.Spec{
		{Kind: workload.KindUpdate, ReadShare: 1}, {Kind: workload.KindUpdate, RollbackShare: 1}, {Kind: workload.KindUpdate},
	} {
		f := newRowTarget(t, s, 1)
		tracker, err := metrics.NewTracker(metrics.TrackerConfig{Lanes: 1, Capacity: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		c := rowConfig(f, 1, true)
		c.Lane = tracker.Lane
		o, err := Run(f.until(t, 2000), c)
		if err != nil || f.mu.wrong != nil {
			t.Fatal(err, f.mu.wrong)
		}
		tracker.SampleWith(o.Window.Until, func() metrics.Watermarks { return metrics.Watermarks{} })
		want := f.commits.Load() - f.reads.Load()
		if got := tracker.AtRiskNow()[0]; got != want {
			t.Errorf("%+v: %d commits at risk; want %d", s, got, want)
		}
	}
}

// An error that is no deadlock ends the cell, also in the midst of new tries.
func TestTransactionFails(t *testing.T) {
	f := newRowTarget(t, workload.Spec{Kind: workload.KindWriteOnly}, 2)
	f.victims, f.failAt = 2, 51
	c := rowConfig(f, 2, true)
	o, err := Run(context.Background(), c)
	if err == nil || o.Ended != EndFailed || o.Errors != 1 {
		t.Errorf("Run() = %v, ended by %v, %d errors; want failed, 1", err, o.Ended, o.Errors)
	}
}

// The budget is asked for what the target says, and not for reads.
func TestTransactionBudget(t *testing.T) {
	f := newRowTarget(t, workload.Spec{Kind: workload.KindUpdate, ReadShare: 0.5}, 1)
	left := int64(100 * 300)
	c := rowConfig(f, 1, true)
	c.Spend = func(n int64) error {
		if n > left {
			return errFake
		}
		left -= n
		return nil
	}
	o, err := Run(context.Background(), c)
	writes := f.commits.Load() - f.reads.Load()
	if err != nil || o.Ended != EndBudget || writes > 100 || writes < 95 {
		t.Errorf("Run() = %v, ended by %v, %d writes; want the budget's end and nearly 100", err, o.Ended, writes)
	}
}

func TestTransactionsAreParked(t *testing.T) {
	f := newRowTarget(t, workload.Spec{Kind: workload.KindUpdate}, 1)
	c := rowConfig(f, 1, true)
	c.Mode = workload.Pipelined
	if _, err := Run(context.Background(), c); err == nil || !strings.Contains(err.Error(), "waits for a row lock") {
		t.Errorf("Run(pipelined, update) = %v; want a refusal that says why", err)
	}
}
