package runner

import (
	"runtime"
	"testing"
	"time"
)

// TestOthersAreRecorded: each round says what other processes took, and what that can
// be at most.
func TestOthersAreRecorded(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	p := smallPlan(2)
	for i := range p.Specs {
		p.Specs[i].Duration = 50 * time.Millisecond
	}
	_, folder := mustRun(t, config(t, p))
	for _, c := range saved(t, folder).Cells {
		if len(c.Rounds) != 2 {
			t.Fatalf("%s has %d rounds; want 2", c.Name, len(c.Rounds))
		}
		for _, r := range c.Rounds {
			if took := r.OtherCPUPercent; took == nil || *took < 0 || *took > 100 {
				t.Errorf("%s, round %d: other processes took %v %%; want 0 to 100", c.Name, r.Round, took)
			}
		}
	}
}
