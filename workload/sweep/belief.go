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
//   - The limit loop of the same turn. Whether the knee moves with it, at once or over some
//     turns, is one more unknown, which the rounds decide. Where it does, a bad moment of
//     the disk excuses the round, and the knee was at several rates while the disk
//     drifted; where it does not, it was several times the limit.
//   - Rounds that come in runs, good ones and bad ones, are fewer rounds than they seem.
//     They count for as many as they are worth.
type belief struct {
	rounds []observed
	alike  []observed // the same without limit loops, those that gave the same together
	drift  []int      // of the limit loop in each part of the sweep, in quarters of a step
	latest int        // of the knee with it, at the end, where it moves; likewise
	first  int        // index of the grid at which the spreads begin

	now   spread // where the next round would find the knee
	rate  spread // where it was at any time of the sweep
	times spread // the same in times the limit beside it, as the rate that this is at its median
}

// spread says how likely the knee lies where: at i within a step above first + i.
type spread []float64

// add gives the probability p to a knee, those beyond the ends to the last ones.
func (s spread) add(knee, p float64) {
	s[min(max(int(math.Floor(knee)), 0), len(s)-1)] += p
}

// observed is a round as the belief sees it.
type observed struct {
	at     int // index of the grid
	held   bool
	weight float64   // 2: it collapsed, which says more
	limit  float64   // of the limit loop, against the median; 0: not known
	moved  [ways]int // by which the knee was moved if it moves so, in quarters of a step
}

// How a knee may move with the limit loop.
const (
	stays   = iota // not at all
	follows        // with the median of neighbouring turns
	jumps          // with that of the same turn
	ways
)

// likely is what is thought of each way beforehand.
var likely = [ways]float64{stays: 0.5, follows: 0.25, jumps: 0.25}

// The curves that are thought possible.
const (
	perStep = 2    // knees that are tried within a step of the grid
	beyond  = 12   // steps that are tried beyond what was measured
	byLuck  = 0.02 // share of the rounds above the knee that hold all the same
	doubt   = 0.05 // chance that is left to knees outside of the interval, both sides together
	parts   = 3    // of a sweep, whose limit loops tell how far the disk drifted
	near    = 2    // turns on either side that follows takes for neighbours
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
	b.follow()
	lowest, highest := grid, 0
	for _, r := range rounds {
		lowest, highest = min(lowest, r.at), max(highest, r.at)
	}
	far := beyond + (slices.Max(b.drift)-slices.Min(b.drift))/quarters
	b.first = max(lowest-far, -1)
	b.weigh(min(highest+far, grid)-b.first, 1)
	return b
}

// hypothesis is where a knee may lie, along which curve.
type hypothesis struct {
	curve  *curveTable
	middle int // in quarters of a step
	way    int // stays, follows, jumps
}

// weigh fills the spreads over so many steps, each round counting for its share.
func (b *belief) weigh(steps int, share float64) {
	most, best := math.Inf(-1), hypothesis{}
	middles := steps * perStep
	logs := make([]float64, ways*len(curves())*middles)
	tried := 0
	b.each(func(c *curveTable, way int, prior float64) {
		part := logs[tried : tried+middles]
		tried += middles
		b.log(part, c, way, prior, share)
		for i, log := range part {
			if log > most {
				most, best = log, hypothesis{c, b.middleOf(i), way}
			}
		}
	})
	if worth := b.worth(best); share == 1 && worth < 1 {
		b.weigh(steps, worth)
		return
	}
	var sum float64
	for i := range logs[:tried] {
		logs[i] = math.Exp(logs[i] - most)
		sum += logs[i]
	}
	b.now, b.rate, b.times = make(spread, steps), make(spread, steps), make(spread, steps)
	b.each(func(c *curveTable, way int, _ float64) {
		for i, p := range logs[:middles] {
			b.add(float64(b.middleOf(i))/quarters-c.half-float64(b.first), p/sum, way != stays)
		}
		logs = logs[middles:]
	})
}

// add gives the spreads a hypothesis. Its knee is the rate at the median of the limit
// loop: at any other time either that moved, or how many times the limit it is.
func (b *belief) add(knee, p float64, moves bool) {
	latest, moved, still, sign := 0, b.times, b.rate, -1.0
	if moves {
		latest, moved, still, sign = b.latest, b.rate, b.times, 1
	}
	b.now.add(knee+float64(latest)/quarters, p)
	still.add(knee, p)
	for _, d := range b.drift {
		moved.add(knee+sign*float64(d)/quarters, p/float64(len(b.drift)))
	}
}

// each calls visit with every curve and way, and the logarithm of what is thought of them
// beforehand.
func (b *belief) each(visit func(c *curveTable, way int, prior float64)) {
	for way := range ways {
		if way > stays && !b.limited() {
			return
		}
		for _, c := range curves() {
			visit(c, way, math.Log(likely[way])+c.prior)
		}
	}
}

// middleOf is the i-th middle of a curve that is tried, in quarters of a step.
func (b *belief) middleOf(i int) int {
	return quarters*b.first + quarters/perStep*i + quarters/perStep/2
}

// log fills in the logarithms of the chance of what all rounds gave, by the middle of the
// curve.
func (b *belief) log(logs []float64, c *curveTable, way int, prior, share float64) {
	for i := range logs {
		logs[i] = prior
	}
	rounds := b.alike
	if way != stays {
		rounds = b.rounds
	}
	for i := range rounds {
		r := &rounds[i]
		weight, chances, at := share*r.weight, r.chances(c), r.distance(hypothesis{c, b.middleOf(0), way})
		for k := range logs {
			logs[k] += weight * chances[within(at-quarters/perStep*k)]
		}
	}
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

// follow notes by how much the limit loop moved: from turn to turn, over some turns, and
// over the parts of the sweep.
func (b *belief) follow() {
	b.drift = make([]int, 1)
	if !b.limited() {
		return
	}
	n := len(b.rounds)
	limits := make([]float64, n)
	for i := range b.rounds {
		limits[i] = b.rounds[i].limit
	}
	level := func(from, to int) int {
		return int(math.Round(quarters * math.Log(stats.Median(limits[max(from, 0):min(to, n)])) / math.Log(Step)))
	}
	for i := range b.rounds {
		b.rounds[i].moved = [ways]int{follows: level(i-near, i+near+1), jumps: level(i, i+1)}
	}
	b.latest = level(n-2*near-1, n)
	b.drift = b.drift[:0]
	for i := range min(parts, n) {
		b.drift = append(b.drift, level(i*n/min(parts, n), (i+1)*n/min(parts, n)))
	}
}

// worth is for how many independent rounds each counts, 1 or less: what its neighbour in
// time foretells of it is no news. The share that is left is that of a series in which
// each value remembers the one before (AR(1)): (1 - r) / (1 + r).
func (b *belief) worth(h hypothesis) float64 {
	var together, alone, before float64
	for i := range b.rounds {
		r := &b.rounds[i]
		p := math.Exp(h.curve.logs[1][within(r.distance(h))])
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
func (b *belief) interval(s spread) (lo, hi int) {
	below, above := 0.0, 0.0
	i, j := 0, len(s)-1
	for ; i < j && below+s[i] <= doubt/2; i++ {
		below += s[i]
	}
	for ; j > i && above+s[j] <= doubt/2; j-- {
		above += s[j]
	}
	return b.first + i, b.first + j + 1
}

// middle returns the point between lo and hi, neither of them, below and above which the
// knee is about as likely to lie. REQUIRES: hi - lo is above 1.
func (b *belief) middle(lo, hi int) int {
	below := 0.0
	i := 0
	for ; i < len(b.now)-1 && below+b.now[i] < 0.5; i++ {
		below += b.now[i]
	}
	if below+b.now[i]/2 < 0.5 {
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

// chances are those of what the round gave, along a curve.
func (r *observed) chances(c *curveTable) *[2*farthest + 1]float64 {
	if r.held {
		return &c.logs[1]
	}
	return &c.logs[0]
}

// distance is how far above the middle of a curve the round was, in quarters of a step.
func (r *observed) distance(h hypothesis) int { return quarters*r.at - h.middle - r.moved[h.way] }

// within is the index of a distance in the table of a curve.
func within(distance int) int { return min(max(distance, -farthest), farthest) + farthest }
