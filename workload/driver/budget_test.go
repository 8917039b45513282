package driver

import (
	"sync/atomic"
	"testing"
	"time"

	"flushbench/workload"
)

// One client alone shows every byte that was not paid for; several also leave
// unused what they had taken ahead when the first of them found nothing left.
func TestBudgetIsUsedUp(t *testing.T) {
	for _, mode := range workload.Modes.All() {
		for _, clients := range []int{1, 4} {
			f := newFake()
			var spent atomic.Int64
			const budget = 1<<20 + 300
			c := Config{Clients: clients, Mode: mode, Duration: time.Minute, Measure: true, Spend: func(n int64) error {
				if spent.Add(n) > budget {
					spent.Add(-n)
					return errFake
				}
				return nil
			}}
			o := mustRun(t, t.Context(), c, f)
			if o.Ended != EndBudget {
				t.Errorf("%v: ended %v, want %v", mode, o.Ended, EndBudget)
			}
			// What workers had taken ahead when the first found it empty is unused.
			if got := f.bytes.Load(); got > budget || got < budget-int64(c.Clients+1)*payAhead {
				t.Errorf("%v: %d bytes were committed on a budget of %d", mode, got, budget)
			}
		}
	}
}
