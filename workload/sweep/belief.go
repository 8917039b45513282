package sweep

import (
	"math"
	"slices"
	"sync"

	"flushbench/metrics/stats"
)

// belief is what all rounds of a search say together about where its knee lies: the
// load at which half of the rounds hold. A single point has few rounds, and on a disk
// that is never twice the same they contradict each other; but a round that holds says
// something about every lower load, and one that does not about every higher one.
//
// It is Bayes' rule over a table. The chance that a round holds falls with the load along
// a logistic curve: steep on a quiet disk, flat on a noisy one, and below its height
// by the share of rounds that a stall spoils at any load. That is how thresholds are
// found in psychophysics, from answers that are as unsure (Watson and Pelli, QUEST,
// Perception and Psychophysics 33, 1983; Kontsevich and Tyler, Vision Research 39, 1999).
//
// Two things make an interval honest that would otherwise only be narrow:
//
//   - The limit loop of the same turn. Whether the knee moves with it is one more unknown,
//     which the rounds decide. Where it does, a bad moment of the disk excuses the round, and
//     the interval is widened by what the limit loop itself drifted.
//   - Rounds that come in runs, good ones and bad ones, are fewer rounds than they seem.
//     They count for as many as they are worth.
type belief struct {
	rounds []observed
	alike  []observed // the same without limit loops, those that gave the same together
	first  int        // index of the grid at which knees begins
	knees  []float64  // knees[i]: probability that the knee lies within a step above first + i
	apart  float64    // steps by which the limit loop of the two halves differs, as far as it counts
}

// observed is a round as the belief sees it.
type observed struct {
	at     int // index of the grid
	held   bool
	weight float64 // 2: it collapsed, which says more
	limit  float64 // of the limit loop, against the median; 0: not known
	moved  int     // the same in quarters of a step
}

// The curves that are thought possible.
const (
	perStep = 2    // knees that are tried within a step of the grid
	beyond  = 12   // steps that are tried beyond what was measured
	byLuck  = 0.02 // share of the rounds above the knee that hold all the same
	doubt   = 0.05 // chance that is left to knees outside of the interval, both sides together
	// withLimit is how likely it is beforehand that the knee moves as the limit loop does;
	// else it does not at all.
	withLimit = 0.4
)

var (
	// slopes are how many steps the curve takes to fall from 3/4 to 1/4, about half of them.
	slopes = []float64{0.1, 0.35, 1, 2.5, 6, 15}
	// stalls are shares of the rounds that fail at any load, with how likely each is.
	stalls = []struct{ share, prior float64 }{{0.02, 0.6}, {0.1, 0.25}, {0.25, 0.15}}
)

// newBelief weighs rounds of a grid of so many points, in the order in which they were
// measured. REQUIRES: there is one.
func newBelief(rounds []observed, grid int) *belief {
	b := &belief{rounds: rounds, alike: together(rounds)}
	lowest, highest := grid, 0
	for _, r := range rounds {
		lowest, highest = min(lowest, r.at), max(highest, r.at)
	}
	b.first = max(lowest-beyond, -1)
	b.weigh(min(highest+beyond, grid)-b.first, 1)
	return b
}

// hypothesis is where a knee may lie, along which curve.
type hypothesis struct {
	curve  *curveTable
	middle int  // in quarters of a step
	moves  bool // with the limit loop
}

// weigh fills knees over so many steps, each round counting for its share.
func (b *belief) weigh(steps int, share float64) {
	most, best := math.Inf(-1), hypothesis{}
	logs := make([]float64, 0, 2*len(curves())*steps*perStep)
	b.each(steps, func(h hypothesis, prior float64) {
		log := prior + share*b.log(h)
		logs = append(logs, log)
		if log > most {
			most, best = log, h
		}
	})
	if worth := b.worth(best); share == 1 && worth < 1 {
		b.weigh(steps, worth)
		return
	}
	b.knees = make([]float64, steps)
	var sum, moving float64
	n := 0
	b.each(steps, func(h hypothesis, _ float64) {
		p := math.Exp(logs[n] - most)
		n++
		knee := float64(h.middle)/quarters - h.curve.half
		b.knees[min(max(int(math.Floor(knee))-b.first, 0), steps-1)] += p
		sum += p
		if h.moves {
			moving += p
		}
	})
	for i := range b.knees {
		b.knees[i] /= sum
	}
	b.apart = moving / sum * b.halves()
}

// each calls visit with every hypothesis and the logarithm of what is thought of it
// beforehand.
func (b *belief) each(steps int, visit func(h hypothesis, prior float64)) {
	for _, moves := range []bool{false, true} {
		prior := math.Log(1 - withLimit)
		if moves {
			if !b.limited() {
				return
			}
			prior = math.Log(withLimit)
		}
		for _, c := range curves() {
			for i := range steps * perStep {
				visit(hypothesis{c, quarters*b.first + quarters*i/perStep + quarters/perStep/2, moves}, prior+c.prior)
			}
		}
	}
}

// log is the logarithm of the chance of what all rounds gave.
func (b *belief) log(h hypothesis) float64 {
	rounds := b.alike
	if h.moves {
		rounds = b.rounds
	}
	var sum float64
	for i := range rounds {
		r := &rounds[i]
		sum += r.weight * h.curve.log(r, h)
	}
	return sum
}

// together puts rounds that gave the same at one point into one, with the sum of their
// weights.
func together(rounds []observed) []observed {
	type key struct {
		at   int
		held bool
	}
	var all []observed
	index := map[key]int{}
	for _, r := range rounds {
		k := key{r.at, r.held}
		i, ok := index[k]
		if !ok {
			index[k] = len(all)
			all = append(all, observed{at: r.at, held: r.held, weight: r.weight})
			continue
		}
		all[i].weight += r.weight
	}
	return all
}

// limited reports whether every round has a limit loop beside it.
func (b *belief) limited() bool {
	return !slices.ContainsFunc(b.rounds, func(r observed) bool { return r.limit <= 0 })
}

// halves is by how many steps the limit loop's median differs between the first half
// of the rounds and the second.
func (b *belief) halves() float64 {
	if !b.limited() || len(b.rounds) < 4 {
		return 0
	}
	var of [2][]float64
	for i := range b.rounds {
		h := 2 * i / len(b.rounds)
		of[h] = append(of[h], b.rounds[i].limit)
	}
	return math.Abs(math.Log(stats.Median(of[0])/stats.Median(of[1]))) / math.Log(Step)
}

// worth is for how many independent rounds each counts, 1 or less: what its neighbour in
// time foretells of it is no news. The share that is left is that of a series in which
// each value remembers the one before (AR(1)): (1 - r) / (1 + r).
func (b *belief) worth(h hypothesis) float64 {
	var together, alone, before float64
	for i := range b.rounds {
		r := &b.rounds[i]
		p := math.Exp(h.curve.log(&observed{at: r.at, held: true, moved: r.moved}, h))
		got := 0.0
		if r.held {
			got = 1
		}
		off := min(max((got-p)/math.Sqrt(p*(1-p)), -3), 3)
		together += off * before
		alone += off * off
		before = off
	}
	r := min(max(together/(alone+4), 0), 0.4) // 4: a few rounds prove no memory
	return (1 - r) / (1 + r)
}

// interval returns the indexes of the interval that the knee lies in, but for doubt: lo
// may be -1 and hi the end of the grid.
func (b *belief) interval() (lo, hi int) {
	below, above := 0.0, 0.0
	i, j := 0, len(b.knees)-1
	for ; i < j && below+b.knees[i] <= doubt/2; i++ {
		below += b.knees[i]
	}
	for ; j > i && above+b.knees[j] <= doubt/2; j-- {
		above += b.knees[j]
	}
	wider := int(b.apart/2 + 0.25)
	return b.first + i - wider, b.first + j + 1 + wider
}

// middle returns the point between lo and hi, neither of them, below and above which the
// knee is about as likely to lie. REQUIRES: hi - lo is above 1.
func (b *belief) middle(lo, hi int) int {
	below := 0.0
	i := 0
	for ; i < len(b.knees)-1 && below+b.knees[i] < 0.5; i++ {
		below += b.knees[i]
	}
	if below+b.knees[i]/2 < 0.5 {
		i++ // the end of the step that is nearer
	}
	return min(max(b.first+i, lo+1), hi-1)
}

// curveTable is a curve along which the chance to hold falls, by the distance from its
// middle in quarters of a step.
type curveTable struct {
	prior float64 // logarithm
	half  float64 // steps below the middle at which half of the rounds hold
	logs  [2][2*farthest + 1]float64
}

const (
	quarters = 4
	farthest = 100 * quarters // a curve is taken for level from there on
)

// curves are all that are thought possible.
var curves = sync.OnceValue(func() []*curveTable {
	var all []*curveTable
	for _, stall := range stalls {
		for _, slope := range slopes {
			top := 1 - stall.share
			c := &curveTable{prior: math.Log(stall.prior), half: slope * math.Log((0.5-byLuck)/(top-0.5))}
			for i := range c.logs[0] {
				p := byLuck + (top-byLuck)/(1+math.Exp(float64(i-farthest)/quarters/slope))
				c.logs[0][i], c.logs[1][i] = math.Log(1-p), math.Log(p)
			}
			all = append(all, c)
		}
	}
	return all
})

// log is the logarithm of the chance of what a round gave.
func (c *curveTable) log(r *observed, h hypothesis) float64 {
	at := quarters*r.at - h.middle
	if h.moves {
		at -= r.moved
	}
	held := 0
	if r.held {
		held = 1
	}
	return c.logs[held][min(max(at, -farthest), farthest)+farthest]
}
