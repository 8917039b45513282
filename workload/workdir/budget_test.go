package workdir

import (
	"errors"
	"sync"
	"testing"
)

func TestBudget(t *testing.T) {
	b := NewBudget(100)
	for _, step := range []struct {
		n     int64
		ok    bool
		spent int64
	}{{60, true, 60}, {41, false, 60}, {40, true, 100}, {1, false, 100}, {0, true, 100}} {
		if err := b.Spend(step.n); (err == nil) != step.ok || err != nil && !errors.Is(err, ErrBudget) {
			t.Errorf("Spend(%d) = %v; want ok %v", step.n, err, step.ok)
		}
		if b.Spent() != step.spent || b.Left() != 100-step.spent {
			t.Errorf("after Spend(%d): spent %d, left %d; want %d", step.n, b.Spent(), b.Left(), step.spent)
		}
	}
	free := NewBudget(0)
	if err := free.Spend(1 << 60); err != nil || free.Left() != -1 || free.Limit() != 0 {
		t.Errorf("without a limit: %v, left %d", err, free.Left())
	}
	if n := testing.AllocsPerRun(100, func() { _ = free.Spend(1) }); n != 0 {
		t.Errorf("Spend allocates %v times", n)
	}
}

func TestBudgetConcurrent(t *testing.T) {
	b := NewBudget(1000)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for b.Spend(3) == nil {
				if b.Spent() < 0 {
					t.Error("negative")
				}
			}
		})
	}
	group.Wait()
	if s := b.Spent(); s > 1000 || s < 1000-8*3 {
		t.Errorf("spent %d of 1000", s)
	}
}
