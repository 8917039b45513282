package sweep

import (
	"errors"
	"fmt"
	"time"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// MaxObjective bounds each limit of an objective.
const MaxObjective = 10 * time.Minute

// Objective is what a load must hold, beside being carried at all. 0 is no limit;
// the zero value asks for the point of saturation.
type Objective struct {
	P99, P999, Mean time.Duration
}

// Validate says which limit cannot be meant.
func (o Objective) Validate() error {
	for _, l := range []struct {
		name string
		d    time.Duration
	}{{"p99", o.P99}, {"p999", o.P999}, {"mean", o.Mean}} {
		if l.d < 0 || l.d > MaxObjective {
			return fmt.Errorf("%s %v: must be above 0 and at most %v, or 0 for no limit", l.name, l.d, MaxObjective)
		}
	}
	if o.P999 > 0 && o.P99 > o.P999 {
		return fmt.Errorf("p99 %v with p999 %v: the 99th percentile is never above the 99.9th; give p99 the smaller one", o.P99, o.P999)
	}
	if o.Mean > 0 && o.P999 > 0 && o.Mean >= 2*o.P999 {
		return errors.New("mean above p999: such a limit never counts; leave one out")
	}
	return nil
}

// Any reports whether there is a limit.
func (o Objective) Any() bool { return o != Objective{} }

// samples is how many commits a round needs so that each figure with a limit is
// shown: 10 samples above a percentile, and some to spare.
func (o Objective) samples() float64 {
	switch {
	case o.P999 > 0:
		return 12_000
	case o.P99 > 0:
		return 1_200
	}
	return 200
}

// Point is one load for one pair, to be measured in one round.
type Point struct {
	Pair    int           // index in the sweep
	Rate    float64       // commits/s of all clients; 0: a closed loop
	Clients int           // 0: as many as the pair has
	Length  time.Duration // to measure, the warm-up left out
	// Scout marks the closed loop that tells a search over rates where to begin. It
	// is no point of the grid and no evidence.
	Scout bool
}

// Measured is what one round at a point gave.
type Measured struct {
	Point
	Cell     string  // of the result
	Achieved float64 // commits/s acknowledged
	Commits  int64   // likewise, in the interval
	Asked    int64   // transactions that the schedule began in it; 0: Rate x Length
	// Latencies in nanoseconds, from the intended start. A percentile that too few
	// samples stand behind is nil; Max takes its place, which is never less.
	P99, P999 *int64
	Mean, Max int64
	// Overloaded says that the load generator itself called the round overloaded.
	Overloaded bool
	// Backlog is how many transactions should have started and had not at the end.
	Backlog int64
	FlushNS float64 // mean time of a flush; 0: there was none, or it is not known
	LimitPS float64 // flushes a second of the limit loop of the same turn; 0: there was none
	// What the hypervisor took in the interval: processor time, summed over processors (0:
	// nothing, or not known), and its share of all of theirs, 0 to 100.
	Stolen       time.Duration
	StealPercent float64
	CPU          time.Duration // processor time of this process; 0: not known
	// What bounded the round, as result.Cell says it.
	Bound, BoundText string
}

const (
	// noise is by what share a round may fall short of its rate and still have
	// carried it: an interval's edges cut commits off.
	noise = 0.01
	// edge is how many commits it may be short of in any case.
	edge = 3
	// collapse is the share below which no later round will carry the rate.
	collapse = 0.90
	// plateau is the share of the most throughput from which on more clients carry
	// no more.
	plateau = 0.95
)

// asked is how many commits a round at a rate should have had.
func (m *Measured) asked() float64 {
	if m.Asked > 0 {
		return float64(m.Asked)
	}
	return max(m.Rate*m.Length.Seconds(), 1)
}

// verdict is one round against the objective.
type verdict struct {
	miss string // result.Miss...; "": it held
	hard bool   // so clearly that two such rounds are enough
}

// judge holds one round against the objective. most is the most throughput seen, for
// a sweep over clients without an objective; else 0.
func (o Objective) judge(m *Measured, most float64) verdict {
	if m.Rate > 0 {
		asked := m.asked()
		short := 1 - float64(m.Commits)/asked
		late := float64(m.Backlog)
		switch {
		case short > 1-collapse:
			return verdict{result.MissSaturated, true}
		case m.Overloaded, short > noise && short*asked > edge,
			late > noise*asked && late > edge+m.Rate*o.longest().Seconds():
			return verdict{result.MissSaturated, false}
		}
	}
	for _, l := range []struct {
		limit time.Duration
		ns    int64
		miss  string
	}{{o.P999, orMax(m.P999, m.Max), result.MissP999}, {o.P99, orMax(m.P99, m.Max), result.MissP99}, {o.Mean, m.Mean, result.MissMean}} {
		if l.limit > 0 && l.ns > int64(l.limit) {
			return verdict{miss: l.miss}
		}
	}
	if most > 0 && m.Achieved >= plateau*most {
		return verdict{miss: result.MissPlateau}
	}
	return verdict{}
}

// longest is the largest limit: what may be under way at the end without being late.
func (o Objective) longest() time.Duration {
	return max(o.P99, o.P999, o.Mean, 100*time.Millisecond)
}

func orMax(p *int64, most int64) int64 {
	if p != nil {
		return *p
	}
	return most
}

// tally is what the rounds of one point say together.
type tally struct {
	rounds     []Measured
	held, hard int
	misses     map[string]int
}

// count judges all rounds.
func (o Objective) count(rounds []Measured, most float64) tally {
	t := tally{rounds: rounds, misses: map[string]int{}}
	for i := range rounds {
		v := o.judge(&rounds[i], most)
		switch {
		case v.miss == "":
			t.held++
		default:
			t.misses[v.miss]++
		}
		if v.hard {
			t.hard++
		}
	}
	return t
}

// answer is what a point's rounds allow to be said.
type answer uint8

const (
	unknown answer = iota
	holds
	misses
)

// quick is what a first look says: one round that holds is enough, one that does not
// is asked again, since any disk may stall for a moment; two of three decide.
func (t *tally) quick() answer {
	missed := len(t.rounds) - t.held
	switch {
	case missed >= 2 && missed > t.held:
		return misses
	case t.held > missed:
		return holds
	}
	return unknown
}

// shown is what is shown: most rounds hold, or most do not, by a sign test. Two
// rounds that collapse are enough where none holds.
func (t *tally) shown() answer {
	n := len(t.rounds)
	switch {
	case stats.SignP(t.held, n) < stats.Alpha:
		return holds
	case stats.SignP(n-t.held, n) < stats.Alpha, t.hard >= 2 && t.held == 0:
		return misses
	}
	return unknown
}

// miss is why most rounds that missed did.
func (t *tally) miss() string {
	best, most := "", 0
	for _, m := range []string{result.MissSaturated, result.MissP999, result.MissP99, result.MissMean, result.MissPlateau} {
		if t.misses[m] > most {
			best, most = m, t.misses[m]
		}
	}
	return best
}
