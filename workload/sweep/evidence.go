package sweep

import "flushbench/metrics/stats"

// evidence is a set of rounds of a search, and where they put its knee: what is to be
// asked next, and what can be said. It is plain data without a clock.
type evidence struct {
	o    *Options
	grid []float64

	scouted bool
	carried float64 // by the closed loop of the scout
	at      map[int][]Measured
	order   []visit // of the rounds in at
	belief  *belief // of the rounds so far; nil: not needed yet
	lo, hi  int     // indexes: the highest that holds, the lowest that does not
	showing bool
	most    float64
}

// visit names a round: at[at][round].
type visit struct{ at, round int }

// newEvidence is that of no rounds. REQUIRES: o is valid.
func newEvidence(o *Options, grid []float64) *evidence {
	return &evidence{o: o, grid: grid, at: map[int][]Measured{}, lo: -1, hi: len(grid), scouted: o.Clients || o.Start > 0}
}

// add takes a round that was measured at a point of the grid, or the scout's.
func (e *evidence) add(at int, m Measured) {
	if at == scout {
		e.scouted, e.carried = true, m.Achieved
		return
	}
	e.order = append(e.order, visit{at, len(e.at[at])})
	e.at[at] = append(e.at[at], m)
	if e.plateau() {
		e.most = e.highest()
	}
}

// plateau reports whether it is throughput that has to rise.
func (e *evidence) plateau() bool { return e.o.Clients && !e.o.Objective.Any() }

// highest is the most throughput that a point carried, the median of its rounds.
func (e *evidence) highest() float64 {
	most := 0.0
	for i := range e.at {
		most = max(most, e.median(i))
	}
	return most
}

func (e *evidence) median(i int) float64 {
	var tps []float64
	for _, m := range e.at[i] {
		tps = append(tps, m.Achieved)
	}
	return stats.Median(tps)
}

// tally judges the rounds of a point.
func (e *evidence) tally(i int) tally { return e.o.Objective.count(e.at[i], e.most) }

// choose returns the index of the point to measure, or false when both ends of the
// interval are shown.
func (e *evidence) choose(left int) (int, bool) {
	if !e.scouted {
		return scout, true
	}
	if !e.showing {
		if i, ok := e.narrow(left); ok {
			return i, true
		}
		e.showing = true
	}
	return e.show(left)
}

// narrow walks and halves; false when there is nothing left to narrow, or no time.
func (e *evidence) narrow(left int) (int, bool) {
	if e.plateau() {
		return e.climb(left)
	}
	for left > e.reserve() || e.lo < 0 && e.hi == len(e.grid) {
		i := e.middle()
		if i <= e.lo || i >= e.hi {
			return 0, false
		}
		t := e.tally(i)
		switch t.quick() {
		case holds:
			e.lo = i
		case misses:
			e.hi = i
		default:
			return i, true
		}
	}
	return 0, false
}

// reserve is how many rounds are kept for showing: both ends of an interval, or one of
// them while the other has not been met at all.
func (e *evidence) reserve() int {
	if e.lo < 0 || e.hi == len(e.grid) {
		return e.o.Rounds
	}
	return 2 * e.o.Rounds
}

// middle is the next point to look at: twice the highest that holds, half of the
// lowest that does not, or what lies between the two.
func (e *evidence) middle() int {
	switch {
	case e.lo < 0 && e.hi == len(e.grid):
		return e.first()
	case e.hi == len(e.grid):
		return min(max(atMost(e.grid, 2*e.grid[e.lo]), e.lo+1), len(e.grid)-1)
	case e.lo < 0:
		return max(min(atMost(e.grid, e.grid[e.hi]/2), e.hi-1), 0)
	}
	return (e.lo + e.hi) / 2
}

func (e *evidence) first() int {
	switch {
	case e.o.Clients:
		return atMost(e.grid, max(e.o.Start, e.o.Least))
	case e.o.Start > 0:
		return atMost(e.grid, e.o.Start)
	}
	return atMost(e.grid, e.carried/2)
}

// climb doubles the clients until four times as many carry no more, each measured
// three times, because all later rounds are held against the most; then halves. Twice
// as many are no reason to stop: with one flush in flight two clients carry what one
// does.
func (e *evidence) climb(left int) (int, bool) {
	const each = 3
	half, quarter := 0.0, 0.0 // what so many clients carried
	for i := e.first(); ; {
		if len(e.at[i]) < each {
			return i, true
		}
		here := e.median(i)
		next := atMost(e.grid, 2*e.grid[i])
		if next == i || quarter > 0 && here < (2-plateau)*quarter {
			break
		}
		half, quarter, i = here, half, next
	}
	e.hi = e.above(-1)
	e.lo = e.below(e.hi)
	if i := (e.lo + e.hi) / 2; e.hi < len(e.grid) && e.hi-e.lo > 1 && left > 2*e.o.Rounds {
		return i, true
	}
	return 0, false
}
