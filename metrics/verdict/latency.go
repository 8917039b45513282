package verdict

import (
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// Latencies holds what a commit took in the full rounds of a cell.
type Latencies struct {
	Rounds []int     // their numbers, in the order of the result
	NS     []float64 // one for each of Rounds: its median, or its mean
}

// LatenciesOf returns what a commit took in the full rounds of each cell, and
// whether the figures are medians. They are means for all cells as soon as one
// round of one of them timed commits but shows no median: a median and a mean
// must not be compared. Rounds that timed no commit are left out.
//
// Whoever names what policies cost at the same rate, in a sentence or in a
// picture, takes it from here, with all the cells that are compared.
func LatenciesOf(cells []*result.Cell) (of []Latencies, medians bool) {
	medians = true
	for _, c := range cells {
		rounds := stats.FullRounds(c)
		for i := range rounds {
			_, timed := stats.MeanLatency(&rounds[i])
			_, shown := stats.P50Latency(&rounds[i])
			medians = medians && (shown || !timed)
		}
	}
	figure := stats.MeanLatency
	if medians {
		figure = stats.P50Latency
	}
	of = make([]Latencies, len(cells))
	for i, c := range cells {
		rounds := stats.FullRounds(c)
		for k := range rounds {
			if ns, ok := figure(&rounds[k]); ok {
				of[i].Rounds = append(of[i].Rounds, rounds[k].Round)
				of[i].NS = append(of[i].NS, ns)
			}
		}
	}
	return of, medians
}
