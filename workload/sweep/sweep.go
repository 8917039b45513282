package sweep

import (
	"fmt"
	"time"

	"flushbench/metrics/result"
)

// Sweep searches the knees of several pairs at once: each of its turns measures one
// point for every pair whose search goes on. One goroutine at a time.
type Sweep struct {
	o        Options
	overhead time.Duration
	searches []*Search
	left     int // rounds that the time allowed for, at the last turn
}

// New begins a sweep over so many pairs. overhead is what a round takes beside the
// measuring: warm-up, opening and closing. o must be valid.
func New(o Options, pairs int, overhead time.Duration) *Sweep {
	s := &Sweep{o: o, overhead: overhead}
	for i := range pairs {
		s.searches = append(s.searches, NewSearch(o, i))
	}
	return s
}

// Next returns the points of the next turn, one for each pair that is not done, or
// none when all are. left is how long the whole sweep may still take, and shared how
// long a turn takes for all pairs together (the limit loop).
func (s *Sweep) Next(left, shared time.Duration) []Point {
	turn := shared
	for _, x := range s.searches {
		if x.ended == "" {
			turn += x.length() + s.overhead
		}
	}
	if turn <= 0 {
		return nil // all are done
	}
	return s.turn(int(left / turn))
}

// turn returns the points of a turn when the time allows for so many more.
func (s *Sweep) turn(left int) []Point {
	s.left = left
	var points []Point
	for _, x := range s.searches {
		if p, ok := x.Next(left); ok {
			points = append(points, p)
		}
	}
	return points
}

// Add takes what a turn measured. Points that are missing stay to be measured.
func (s *Sweep) Add(measured []Measured) {
	for _, m := range measured {
		s.searches[m.Pair].Add(m)
	}
}

// End ends every search that still goes on, for the given reason (result.Sweep...).
func (s *Sweep) End(why string) {
	for _, x := range s.searches {
		x.End(why)
	}
}

// Knee and Points describe the search of a pair as far as it came.
func (s *Sweep) Knee(pair int) result.SweepKnee      { return s.searches[pair].Knee() }
func (s *Sweep) Points(pair int) []result.SweepPoint { return s.searches[pair].Points() }

// Least is the shortest time that a sweep over so many pairs can be given: a walk, a
// few halvings, and the rounds that show both ends.
func Least(o Options, pairs int, overhead, shared time.Duration) time.Duration {
	return time.Duration(6+2*o.Rounds) * (time.Duration(pairs)*(o.Length+overhead) + shared)
}

// checkBudget refuses a budget that cannot show anything.
func checkBudget(budget, least time.Duration) error {
	if budget < least {
		return fmt.Errorf("sweep: time budget %v: must be at least %v for so many pairs, rounds and seconds a round; shorten the lists or the rounds", budget, least.Round(time.Second))
	}
	return nil
}
