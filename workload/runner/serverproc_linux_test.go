package runner

import "testing"

// The CPU time of a process counts with that of all below it.
func TestSumBelow(t *testing.T) {
	all := map[int]processStat{1: {0, 5}, 10: {1, 100}, 11: {10, 20}, 12: {11, 3}, 20: {1, 7}, 30: {31, 1}, 31: {30, 1}}
	for root, want := range map[int]int64{10: 123, 11: 23, 20: 7, 99: 0, 1: 135} {
		if got := sumBelow(all, root); got != want {
			t.Errorf("sumBelow(%d) = %d; want %d", root, got, want)
		}
	}
	if p, ok := parseStat([]byte("7 (my) S 1 2) S 3 7 7 0 -1 4194560 100 0 0 0 11 22 33 44 20 0 1 0 5\n")); !ok || p.parent != 3 || p.ticks != 110 {
		t.Errorf("parseStat() = %+v, %v; want parent 3, 110 ticks", p, ok)
	}
}
