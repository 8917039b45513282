package stats

import (
	"math"
	"slices"

	"flushbench/metrics/result"
)

// lossConfidence is the confidence of LossBound.
const lossConfidence = 0.95

// LossBound returns the largest chance of a loss in one crash that n crashes
// without a loss leave possible at 95 %: (1-p)^n = 0.05 solved for p. It is 1
// for n < 1. 0 of 40 leaves 7.2 % possible.
func LossBound(n int) float64 {
	if n < 1 {
		return 1
	}
	return 1 - math.Pow(1-lossConfidence, 1/float64(n))
}

// SummarizeCrash returns what the trials of one cell say together, or nil
// without one. Trials of other cells are left out.
func SummarizeCrash(c *result.Cell, trials []result.CrashTrial) *result.CrashSummary {
	s := &result.CrashSummary{Verdict: result.VerdictKept}
	var lost []int64
	caught, loaded := false, int64(0)
	for i := range trials {
		t := &trials[i]
		if t.Cell != c.Name {
			continue
		}
		proof := countTrial(s, t)
		s.Verdict = worse(s.Verdict, t.Verdict)
		caught = caught || catches(t)
		loaded += t.Moment.AtNS
		s.Acked += t.Acked
		if proof {
			lost = append(lost, t.Lost)
		}
		s.LostMax, s.LostAgeMax = max(s.LostMax, t.Lost), max(s.LostAgeMax, t.LostAgeNS)
		s.EngineAheadMax, s.BinlogAheadMax = max(s.EngineAheadMax, t.EngineAhead), max(s.BinlogAheadMax, t.BinlogAhead)
		if r := t.AtRiskAtCrash; r != nil {
			s.Predicted = most(s.Predicted, r)
		}
	}
	if s.Trials == 0 {
		return nil
	}
	if len(lost) > 0 {
		slices.Sort(lost)
		// Of an even number the higher of the two in the middle: a loss that half
		// of the crashes reached.
		s.LostMedian = lost[len(lost)/2]
	}
	if s.WithLoss == 0 && s.Unreadable == 0 && s.Proofs > 0 {
		bound := LossBound(s.Proofs)
		s.LossBound = &bound
	}
	if loaded > 0 && c.Crash != nil && c.Crash.Fault == "" {
		s.RateReached = float64(s.Acked) / (float64(loaded) / 1e9)
	}
	s.Caught = c.Crash != nil && c.Crash.Control != "" && caught
	return s
}

// countTrial counts a trial in its classes, and reports whether it says anything.
func countTrial(s *result.CrashSummary, t *result.CrashTrial) (proof bool) {
	count := func(n *int, when bool) {
		if when {
			*n++
		}
	}
	idle, unstruck := t.Acked == 0, t.Fault != nil && !t.Fault.Seen
	proof = !idle && !t.Unreadable && !unstruck && !t.Stalled
	s.Trials++
	count(&s.Frozen, t.Moment.Frozen)
	count(&s.Idle, idle)
	count(&s.Unreadable, t.Unreadable)
	count(&s.Unstruck, unstruck)
	count(&s.Stalled, t.Stalled)
	count(&s.Proofs, proof)
	count(&s.Unpredicted, t.Verdict == result.VerdictNotPredicted)
	count(&s.WithLoss, t.Lost+t.EngineAhead+t.BinlogAhead > 0)
	count(&s.Diverged, t.EngineAhead+t.BinlogAhead > 0)
	count(&s.Violations, t.Verdict == result.VerdictViolation)
	return proof
}

// catches reports whether a trial of a control shows that the lab can see:
// acknowledged commits were gone, and that was called a violation. What could not
// be read at all would look the same with a lab that is blind.
func catches(t *result.CrashTrial) bool {
	return t.Verdict == result.VerdictViolation && !t.Unreadable && t.Lost+t.Missing > 0
}

// SummarizeCrashes fills the summaries of all cells of a crash matrix.
func SummarizeCrashes(r *result.Result) {
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Crash != nil {
			c.Crash.Summary = SummarizeCrash(c, r.CrashTrials)
		}
	}
}

// worse returns the more serious of two verdicts. One that is not known counts
// as the worst.
func worse(a, b string) string {
	all := result.CrashVerdicts()
	ia, ib := slices.Index(all, a), slices.Index(all, b)
	if ia < 0 || ib >= 0 && ia >= ib {
		return a
	}
	return b
}

// most returns the larger of each figure. a may be nil.
func most(a, b *result.RiskAtCrash) *result.RiskAtCrash {
	out := *b
	if a != nil {
		out.Commits, out.AgeNS = max(a.Commits, b.Commits), max(a.AgeNS, b.AgeNS)
		out.Lost, out.SampleAgeNS = max(a.Lost, b.Lost), max(a.SampleAgeNS, b.SampleAgeNS)
		out.EngineAhead, out.BinlogAhead = max(a.EngineAhead, b.EngineAhead), max(a.BinlogAhead, b.BinlogAhead)
	}
	return &out
}
