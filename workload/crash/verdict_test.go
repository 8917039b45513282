package crash

import (
	"testing"

	"flushbench/metrics/result"
)

// A matrix in which a cell has no evidence is not sound, however green its trials
// are.
func TestVerdictNeedsProofs(t *testing.T) {
	for _, c := range []struct {
		name string
		s    result.CrashSummary
		want Verdict
	}{
		{"kept", result.CrashSummary{Trials: 3, Proofs: 3, Verdict: result.VerdictKept}, Sound},
		{"some were idle", result.CrashSummary{Trials: 3, Proofs: 1, Idle: 2, Verdict: result.VerdictKept}, Sound},
		{"all were idle", result.CrashSummary{Trials: 3, Idle: 3, Verdict: result.VerdictKept}, Unproven},
		{"all stood still", result.CrashSummary{Trials: 3, Stalled: 3, Verdict: result.VerdictKept}, Unproven},
		{"no fault came", result.CrashSummary{Trials: 3, Unstruck: 3, Verdict: result.VerdictKept}, Unproven},
		{"one loss of two not predicted", result.CrashSummary{Trials: 3, Proofs: 3, WithLoss: 2, Unpredicted: 1, Verdict: result.VerdictNotPredicted}, Sound},
		{"no loss predicted", result.CrashSummary{Trials: 3, Proofs: 3, WithLoss: 2, Unpredicted: 2, Verdict: result.VerdictNotPredicted}, Unproven},
		{"a violation, nothing else", result.CrashSummary{Trials: 1, Unreadable: 1, Violations: 1, Verdict: result.VerdictViolation}, Violated},
	} {
		r := &result.Result{Cells: []result.Cell{{Crash: &result.CrashCell{Summary: &c.s}}}}
		if got := VerdictOf(r); got != c.want {
			t.Errorf("%s: VerdictOf = %d; want %d", c.name, got, c.want)
		}
	}
}
