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
	// for; or more was lost than was predicted, so the prediction is wrong.
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
		case c.Summary.Verdict == result.VerdictLostMore:
			worst = max(worst, Unproven)
		}
	}
	return worst
}
