package process

import "testing"

// The CPU time of a process counts with that of all below it.
func TestTicksBelow(t *testing.T) {
	all := map[int]stat{1: {parent: 0, ticks: 5}, 10: {parent: 1, ticks: 60, waited: 40}, 11: {parent: 10, ticks: 20}, 12: {parent: 11, waited: 3}, 20: {parent: 1, ticks: 7}, 30: {parent: 31, ticks: 1}, 31: {parent: 30, ticks: 1}}
	for root, want := range map[int]uint64{10: 123, 11: 23, 20: 7, 99: 0, 1: 135} {
		if got := ticksBelow(all, root); got != want {
			t.Errorf("ticksBelow(%d) = %d; want %d", root, got, want)
		}
	}
	s, err := parseStat("7 (my) S 1 2) S 3 7 7 0 -1 4194560 100 0 0 0 11 22 33 44 20 0 1 0 5 0 0\n")
	if err != nil || s.parent != 3 || s.ticks+s.waited != 110 {
		t.Errorf("parseStat() = %+v, %v; want parent 3, 110 ticks", s, err)
	}
}
