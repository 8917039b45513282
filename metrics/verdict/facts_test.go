package verdict

import (
	"testing"

	"flushbench/metrics/stats"
)

// A saving whose own interval reaches beyond zero is none, though the two sides differ.
func TestSavingAcrossZero(t *testing.T) {
	rounds := []int{1, 2, 3, 4, 5, 6}
	dear := &facts{rounds: rounds, latency: []float64{10, 11, 12, 13, 14, 15}}
	for first, want := range map[float64]stats.Outcome{9.5: stats.Faster, 10.5: stats.Noise} {
		cheap := &facts{rounds: rounds, latency: []float64{first, 1, 2, 3, 4, 5}}
		if got := compare(dear, cheap, 0); got.outcome != want {
			t.Errorf("one round of %v against 10: %v; want %v", first, got.outcome, want)
		}
		if got := compare(cheap, dear, 0); (got.outcome == stats.Slower) != (want == stats.Faster) {
			t.Errorf("turned round, one round of %v against 10: %v", first, got.outcome)
		}
	}
}
