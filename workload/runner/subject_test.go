package runner

import (
	"errors"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/workload/driver"
)

// TestUnbatchedIsSaidOnce: a result whose closed loops ran under another scheduling
// policy than elsewhere says so, once for all of its cells.
func TestUnbatchedIsSaidOnce(t *testing.T) {
	r := &run{res: &result.Result{}}
	r.warnOfUnbatched(&driver.Outcome{})
	if len(r.res.Warnings) != 0 {
		t.Errorf("nothing was refused: %+v", r.res.Warnings)
	}
	for range 3 {
		r.warnOfUnbatched(&driver.Outcome{Unbatched: errors.New("operation not permitted")})
	}
	if w := r.res.Warnings; len(w) != 1 || w[0].Code != "sched-batch" || !strings.Contains(w[0].Text, "operation not permitted") || w[0].Advice == "" {
		t.Errorf("three cells were refused: %+v", w)
	}
}
