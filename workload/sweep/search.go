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

// MaxRounds is the most rounds that one search takes, disturbed ones left out.
func (o *Options) MaxRounds() int { return maxRounds * max(o.Rounds, DefaultRounds) }

// MaxTurns is the most rounds that one search takes in all.
func (o *Options) MaxTurns() int { return 2 * o.MaxRounds() }

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
// Rounds that the hypervisor disturbed decide nothing of that, and are asked again. While
// it disturbs nearly all, the search goes by them as well: what holds in spite of it
// holds.
//
// It is plain data without a clock; one goroutine at a time.
type Search struct {
	o     Options
	pair  int
	calm  *evidence // the rounds that nothing disturbed
	all   *evidence // and those with the others
	asked int       // index of the point that Next gave out; scout: -1
	out   bool
	stole theft
	ended string // result.Sweep...; "": it goes on
}

// NewSearch begins the search for the knee of a pair. REQUIRES: o is valid.
func NewSearch(o Options, pair int) *Search {
	s := &Search{o: o, pair: pair}
	grid := o.grid()
	s.calm, s.all = newEvidence(&s.o, grid), newEvidence(&s.o, grid)
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
	case s.stole.calm() >= s.o.MaxRounds(), s.stole.rounds >= s.o.MaxTurns():
		s.ended = result.SweepUnclear
		return Point{}, false
	}
	i, ok := 0, false
	if s.stole.beset() {
		i, ok = s.all.choose(left)
	}
	if !ok {
		i, ok = s.calm.choose(left)
	}
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
		return Point{Pair: s.pair, Clients: int(s.calm.grid[i]), Length: s.o.Length}
	}
	return Point{Pair: s.pair, Rate: s.calm.grid[i], Length: s.o.length(s.calm.grid[i])}
}

// Add takes what was measured at the point that Next gave, and reports whether the
// hypervisor disturbed it.
func (s *Search) Add(m Measured) (disturbed bool) {
	if !s.out {
		return false
	}
	s.out = false
	disturbed = s.o.Objective.disturbed(&m) && s.asked != scout // where to begin is no evidence
	s.stole.add(&m, disturbed)
	s.all.add(s.asked, m)
	if !disturbed {
		s.calm.add(s.asked, m)
	}
	return disturbed
}

// End ends the search from outside: why is a constant of result.Sweep...
func (s *Search) End(why string) {
	if s.ended == "" {
		s.ended = why
	}
}

// length is how long the next round will take, as far as it is known.
func (s *Search) length() time.Duration {
	e := s.calm
	if s.stole.beset() {
		e = s.all
	}
	switch {
	case s.out:
		return s.point(s.asked).Length
	case e.lo >= 0:
		return s.point(e.lo).Length
	case e.carried > 0:
		return s.o.length(e.carried / 2)
	}
	return s.o.Length
}
