package sweep

import (
	"fmt"
	"time"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// Limits and defaults of a search.
const (
	// DefaultRounds is how many rounds show a point: as many as SNIA's window has,
	// and the fewest that a sign test can decide by.
	DefaultRounds = stats.SteadyWindow
	// maxAtPoint bounds the rounds at one point, as a multiple of Options.Rounds.
	maxAtPoint = 2
	// maxRounds bounds one search, as a multiple of Options.Rounds.
	maxRounds = 12
	// DefaultLength is how long a round lasts at least.
	DefaultLength = time.Second
	// maxLength is how long it may last for the sake of enough samples, as a
	// multiple of Options.Length.
	maxLength = 20
)

// Options are what a search looks for, the same for all pairs.
type Options struct {
	// Clients makes it a search over clients of a closed loop, not over rates.
	Clients   bool
	Objective Objective
	// Least and Most bound the points that are tried; 0: MinRate and MaxRate, or
	// MinClients and MaxClients.
	Least, Most float64
	// Start is the first rate that is tried; 0: half of what a closed loop carries.
	// Of clients it is 1.
	Start float64
	// Rounds show a point: at least DefaultRounds, fewer can show nothing; 0: that.
	Rounds int
	// Length is how long a round is measured, at least; rounds at low rates take
	// longer, for the sake of enough samples. 0: DefaultLength.
	Length time.Duration
}

// Validate fills in defaults and says what is out of range.
func (o *Options) Validate() error {
	least, most, unit := MinRate, MaxRate, "a second"
	if o.Clients {
		least, most, unit = MinClients, MaxClients, "clients"
	}
	if o.Least == 0 {
		o.Least = least
	}
	if o.Most == 0 {
		o.Most = most
	}
	if o.Rounds == 0 {
		o.Rounds = DefaultRounds
	}
	if o.Length == 0 {
		o.Length = DefaultLength
	}
	switch {
	case !(o.Least >= least && o.Most <= most && o.Least <= o.Most):
		return fmt.Errorf("sweep: from %v to %v %s: must rise and lie within %v and %v", o.Least, o.Most, unit, least, most)
	case o.Start != 0 && !(o.Start >= o.Least && o.Start <= o.Most):
		return fmt.Errorf("sweep: start at %v: must be %v to %v %s", o.Start, o.Least, o.Most, unit)
	case o.Rounds < DefaultRounds || o.Rounds > 100:
		return fmt.Errorf("sweep: %d rounds: must be %d (fewer can show nothing) to 100", o.Rounds, DefaultRounds)
	case o.Length < 10*time.Millisecond || o.Length > time.Hour:
		return fmt.Errorf("sweep: rounds of %v: must be 10ms to 1h", o.Length)
	}
	if err := o.Objective.Validate(); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	if len(o.grid()) == 0 {
		return fmt.Errorf("sweep: no point of the grid between %v and %v %s: neighbours are %.1f %% apart", o.Least, o.Most, unit, 100*(Step-1))
	}
	return nil
}

// grid is the points that can be tried, rising.
func (o *Options) grid() []float64 {
	if o.Clients {
		return counts(o.Least, o.Most)
	}
	return rates(o.Least, o.Most)
}

// MaxRounds is the most rounds that one search takes.
func (o *Options) MaxRounds() int { return maxRounds * max(o.Rounds, DefaultRounds) }

// length is how long a round at a rate lasts.
func (o *Options) length(rate float64) time.Duration {
	if rate <= 0 {
		return o.Length
	}
	need := time.Duration(o.Objective.samples() / rate * float64(time.Second))
	return min(max(o.Length, need), maxLength*o.Length)
}

// Search looks for the knee of one pair. It first walks in steps of two, up from a
// point that holds or down from one that does not; then halves the gap between the
// highest that holds and the lowest that does not; then measures both ends, and what lies
// between, over and over until all rounds together show them.
//
// It is plain data without a clock; one goroutine at a time.
type Search struct {
	o    Options
	pair int
	grid []float64

	scouted bool
	carried float64 // by the closed loop of the scout
	at      map[int][]Measured
	order   []visit // of the rounds in at
	belief  *belief // of the rounds so far; nil: not needed yet
	asked   int     // index of the point that Next gave out; scout: -1
	out     bool
	rounds  int
	lo, hi  int // indexes: the highest that holds, the lowest that does not
	showing bool
	most    float64
	ended   string // result.Sweep...; "": it goes on
}

// visit names a round: at[at][round].
type visit struct{ at, round int }

// NewSearch begins the search for the knee of a pair. REQUIRES: o is valid.
func NewSearch(o Options, pair int) *Search {
	s := &Search{o: o, pair: pair, grid: o.grid(), at: map[int][]Measured{}}
	s.lo, s.hi = -1, len(s.grid)
	s.scouted = o.Clients || o.Start > 0
	return s
}

// Next returns what to measure, and false when the search is over. left is how many
// more rounds the time allows: when it comes to what showing both ends takes, the
// search stops narrowing. Until Add is called it returns the same point.
func (s *Search) Next(left int) (Point, bool) {
	switch {
	case s.ended != "":
		return Point{}, false
	case s.out:
		return s.point(s.asked), true
	case left <= 0:
		s.ended = result.SweepBudget
		return Point{}, false
	case s.rounds >= s.o.MaxRounds():
		s.ended = result.SweepUnclear
		return Point{}, false
	}
	i, ok := s.choose(left)
	if !ok {
		s.ended = result.SweepClear
		return Point{}, false
	}
	s.asked, s.out = i, true
	return s.point(i), true
}

// scout is the index of the closed loop in Search.asked.
const scout = -1

func (s *Search) point(i int) Point {
	switch {
	case i == scout:
		return Point{Pair: s.pair, Length: s.o.Length / 2, Scout: true}
	case s.o.Clients:
		return Point{Pair: s.pair, Clients: int(s.grid[i]), Length: s.o.Length}
	}
	return Point{Pair: s.pair, Rate: s.grid[i], Length: s.o.length(s.grid[i])}
}

// Add takes what was measured at the point that Next gave.
func (s *Search) Add(m Measured) {
	if !s.out {
		return
	}
	s.out = false
	s.rounds++
	if s.asked == scout {
		s.scouted, s.carried = true, m.Achieved
		return
	}
	s.order = append(s.order, visit{s.asked, len(s.at[s.asked])})
	s.at[s.asked] = append(s.at[s.asked], m)
	if s.plateau() {
		s.most = s.highest()
	}
}

// End ends the search from outside: why is a constant of result.Sweep...
func (s *Search) End(why string) {
	if s.ended == "" {
		s.ended = why
	}
}

// plateau reports whether it is throughput that has to rise.
func (s *Search) plateau() bool { return s.o.Clients && !s.o.Objective.Any() }

// highest is the most throughput that a point carried, the median of its rounds.
func (s *Search) highest() float64 {
	most := 0.0
	for i := range s.at {
		most = max(most, s.median(i))
	}
	return most
}

func (s *Search) median(i int) float64 {
	var tps []float64
	for _, m := range s.at[i] {
		tps = append(tps, m.Achieved)
	}
	return stats.Median(tps)
}

// tally judges the rounds of a point.
func (s *Search) tally(i int) tally { return s.o.Objective.count(s.at[i], s.most) }

// choose returns the index of the point to measure, or false when both ends of the
// interval are shown.
func (s *Search) choose(left int) (int, bool) {
	if !s.scouted {
		return scout, true
	}
	if !s.showing {
		if i, ok := s.narrow(left); ok {
			return i, true
		}
		s.showing = true
	}
	return s.show(left)
}

// narrow walks and halves; false when there is nothing left to narrow, or no time.
func (s *Search) narrow(left int) (int, bool) {
	if s.plateau() {
		return s.climb(left)
	}
	for left > s.reserve() || s.lo < 0 && s.hi == len(s.grid) {
		i := s.middle()
		if i <= s.lo || i >= s.hi {
			return 0, false
		}
		t := s.tally(i)
		switch t.quick() {
		case holds:
			s.lo = i
		case misses:
			s.hi = i
		default:
			return i, true
		}
	}
	return 0, false
}

// reserve is how many rounds are kept for showing: both ends of an interval, or one of
// them while the other has not been met at all.
func (s *Search) reserve() int {
	if s.lo < 0 || s.hi == len(s.grid) {
		return s.o.Rounds
	}
	return 2 * s.o.Rounds
}

// middle is the next point to look at: twice the highest that holds, half of the
// lowest that does not, or what lies between the two.
func (s *Search) middle() int {
	switch {
	case s.lo < 0 && s.hi == len(s.grid):
		return s.first()
	case s.hi == len(s.grid):
		return min(max(atMost(s.grid, 2*s.grid[s.lo]), s.lo+1), len(s.grid)-1)
	case s.lo < 0:
		return max(min(atMost(s.grid, s.grid[s.hi]/2), s.hi-1), 0)
	}
	return (s.lo + s.hi) / 2
}

func (s *Search) first() int {
	switch {
	case s.o.Clients:
		return atMost(s.grid, max(s.o.Start, s.o.Least))
	case s.o.Start > 0:
		return atMost(s.grid, s.o.Start)
	}
	return atMost(s.grid, s.carried/2)
}

// climb doubles the clients until four times as many carry no more, each measured
// three times, because all later rounds are held against the most; then halves. Twice
// as many are no reason to stop: with one flush in flight two clients carry what one
// does.
func (s *Search) climb(left int) (int, bool) {
	const each = 3
	half, quarter := 0.0, 0.0 // what so many clients carried
	for i := s.first(); ; {
		if len(s.at[i]) < each {
			return i, true
		}
		here := s.median(i)
		next := atMost(s.grid, 2*s.grid[i])
		if next == i || quarter > 0 && here < (2-plateau)*quarter {
			break
		}
		half, quarter, i = here, half, next
	}
	s.hi = s.above(-1)
	s.lo = s.below(s.hi)
	if i := (s.lo + s.hi) / 2; s.hi < len(s.grid) && s.hi-s.lo > 1 && left > 2*s.o.Rounds {
		return i, true
	}
	return 0, false
}
