package runner

import (
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// A write budget ends a database's cells as it ends any others, with a session that
// holds a view too; rounds that could measure nothing are not tried.
func TestDatabaseWriteBudget(t *testing.T) {
	t.Parallel()
	s := bankSpec(groupcommit.Policy2, 100)
	s.Duration = 300 * time.Millisecond
	view := s
	view.Name, view.LongView = "view", workload.HoldView
	p := Plan{Specs: []Spec{s, view}, Rounds: 200, Seed: 7, Limit: 5 * time.Millisecond}
	cfg := config(t, p)
	spend := int64(16 << 20) // hundreds of rounds write that on any machine
	if testing.Short() {     // the race detector writes little in a second
		spend = 2 << 20
	}
	cfg.MaxWriteBytes = p.needBytes() + spend
	counts, steps := watch(&cfg), &steps{}
	cfg.Progress = steps
	res, _ := mustRun(t, cfg)
	if got := int64(counts().Bytes); got > cfg.MaxWriteBytes {
		t.Errorf("%d bytes written, limit %d", got, cfg.MaxWriteBytes)
	}
	rounds := 0
	for i := range res.Cells {
		c := &res.Cells[i]
		rounds += len(c.Rounds)
		if c.Bound != result.BoundWriteBudget || !c.Partial {
			t.Errorf("%s: bound %q, partial %v", c.Name, c.Bound, c.Partial)
		}
		for _, r := range c.Rounds {
			if r.Verify == nil || !r.Verify.OK {
				t.Errorf("%s, round %d: %+v", c.Name, r.Round, r.Verify)
			}
		}
	}
	if res.Complete || res.Error != "" || rounds == 0 || len(steps.what) > 3*(rounds+2) {
		t.Errorf("complete %v, error %q, %d rounds in %d steps", res.Complete, res.Error, rounds, len(steps.what))
	}
}

// A budget that is used up before the first round measures nothing and is no failure
// of the run: whoever set it is told.
func TestBudgetUsedUpBeforeTheFirstRound(t *testing.T) {
	s := bankSpec(groupcommit.Policy1, 1)
	other := s
	other.Name, other.Load.Rows = "more rows", 400
	p := Plan{Specs: []Spec{s, other}, Rounds: 2, Seed: 7}
	cfg := config(t, p)
	cfg.MaxWriteBytes = p.needBytes()
	cfg.WrapFS = func(fs vfs.FS) vfs.FS { return &spender{&lazy{FS: fs}} }
	res, _ := mustRun(t, cfg)
	for i := range res.Cells {
		if c := &res.Cells[i]; c.Bound != result.BoundWriteBudget || len(c.Rounds) > 0 || !c.Partial {
			t.Errorf("%s: bound %q, %d rounds, partial %v", c.Name, c.Bound, len(c.Rounds), c.Partial)
		}
	}
	if res.Complete || res.Error != "" {
		t.Errorf("complete %v, error %q", res.Complete, res.Error)
	}
}

// spender is a file system that has written more than it was asked to.
type spender struct{ vfs.FS }

func (s *spender) Counts() vfs.Counts {
	c := s.FS.Counts()
	c.Bytes *= 4
	return c
}

// A refusal for want of space names what would make the run need less.
func TestPlanLower(t *testing.T) {
	engine, on := spec("engine", groupcommit.Policy1, 1), serverSpec("server", workload.KindUpdate, 1, 1, 1)
	for want, specs := range map[string][]Spec{
		"": {engine}, "--rows or --duration": {on, on}, "--log-capacity, --rows or --duration": {engine, on},
	} {
		if got := (&Plan{Specs: specs}).lower(); got != want {
			t.Errorf("lower() of %d cells = %q; want %q", len(specs), got, want)
		}
	}
}
