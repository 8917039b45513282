package crash

import "flushbench/metrics/result"

// Verdict is what a whole matrix comes to.
type Verdict uint8

// The verdicts, the mildest first.
const (
	// Sound: nothing was lost but what the policies allow, and every control was
	// caught.
	Sound Verdict = iota
	// Unproven: a control was not caught, so the lab cannot see what it looks
	// for; or more was lost than was predicted, so the prediction is wrong; or no
	// trial of a cell says anything (result.CrashSummary.Proofs), or none of those
	// that lost something could be predicted.
	Unproven
	// Violated: something was lost that must not be.
	Violated
)

// VerdictOf returns the verdict of a matrix. A control that no trial has reached
// yet, because the matrix was interrupted, counts for nothing.
func VerdictOf(r *result.Result) Verdict {
	worst := Sound
	for i := range r.Cells {
		c := r.Cells[i].Crash
		if c == nil || c.Summary == nil {
			continue
		}
		switch {
		case c.Control != "":
			if !c.Summary.Caught {
				worst = max(worst, Unproven)
			}
		case c.Summary.Violations > 0:
			worst = Violated
		case c.Summary.Verdict == result.VerdictLostMore, provesNothing(c.Summary):
			worst = max(worst, Unproven)
		}
	}
	return worst
}

// provesNothing reports whether a cell was crashed and no trial of it is evidence:
// of nothing at all, or of the losses that there were.
func provesNothing(s *result.CrashSummary) bool {
	return s.Trials > 0 && s.Proofs == 0 || s.Unpredicted > 0 && s.Unpredicted == s.WithLoss
}
