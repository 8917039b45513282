package verdict

import (
	"testing"

	"flushbench/metrics/result"
)

func TestTimedOneIn(t *testing.T) {
	some := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		rounds []result.Latency
		want   int
	}{
		{nil, 1},
		{[]result.Latency{{Count: 1000}}, 1},
		{[]result.Latency{{Count: 1600, Timed: some(100)}}, 16},
		{[]result.Latency{{Count: 1600, Timed: some(100)}, {Count: 800, Timed: some(51)}}, 16},
		{[]result.Latency{{Count: 1600, Timed: some(0)}}, 1},
	} {
		var cell result.Cell
		for _, l := range c.rounds {
			cell.Rounds = append(cell.Rounds, result.Round{LatencyNS: l})
		}
		if got := TimedOneIn(&cell); got != c.want {
			t.Errorf("%+v: one in %d; want %d", c.rounds, got, c.want)
		}
	}
}
