package sweep

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload/runner"
)

// Resume implements runner.Adaptive. It plays all turns of the earlier run again, from
// its rounds and from the time that was left at each: a search is where it was
// because it gets the same answers to the same questions, and one that had found its
// knee has found it. Points of the last turn that lack a round are measured now.
func (s *session) Resume(res *result.Result) ([][]runner.Spec, error) {
	if res.Sweep == nil || len(res.Sweep.RoundsLeft) == 0 {
		if len(res.Cells) > 0 {
			return nil, errors.New("it does not say how its turns were chosen (made by an older flushbench); start it again")
		}
		return nil, nil // interrupted before its first turn
	}
	if err := s.same(res.Sweep); err != nil {
		return nil, err
	}
	s.spent = time.Duration(res.Sweep.SpentNS)
	s.begun = s.now().Add(-s.spent)
	var turns [][]runner.Spec
	for i, left := range res.Sweep.RoundsLeft {
		s.take(res)
		specs := s.ask(i+1, s.sweep.turn(left))
		if len(specs) == 0 || s.stray(res) {
			return nil, fmt.Errorf("its round %d measured what these flags do not ask for: resume with the flags of the first run (%v)", i+1, res.CommandLine)
		}
		turns = append(turns, specs)
	}
	return turns, nil
}

// same refuses a sweep for another objective, or of other pairs. Its time budget may
// be another one.
func (s *session) same(old *result.Sweep) error {
	now := result.Result{}
	s.report(&now)
	if old.Over != now.Sweep.Over || old.Objective != now.Sweep.Objective {
		return errors.New("it searched for another objective; resume with the flags of the first run")
	}
	if !slices.EqualFunc(old.Pairs, now.Sweep.Pairs, func(a, b result.SweepPair) bool { return a.Name == b.Name }) {
		return errors.New("it compared other pairs of policies; resume with the flags of the first run")
	}
	return nil
}

// stray reports whether the result has a round of this turn at a point that was not
// asked for in it.
func (s *session) stray(res *result.Result) bool {
	for i := range res.Cells {
		c := &res.Cells[i]
		if !slices.Contains(s.names, c.Name) && slices.ContainsFunc(c.Rounds, func(r result.Round) bool { return r.Round == s.turn }) {
			return true
		}
	}
	return false
}
