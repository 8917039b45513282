package verdict

import (
	"reflect"
	"testing"

	"flushbench/metrics/result"
)

// roundsWith returns a cell whose rounds have the given medians, -1: none, and
// means one higher. 0 is a round without a commit.
func roundsWith(medians ...int64) *result.Cell {
	c := &result.Cell{}
	for i, ns := range medians {
		r := result.Round{Round: i + 1}
		if ns != 0 {
			r.LatencyNS = result.Latency{Count: 5, Mean: int64(100*(i+1) + 1)}
		}
		if ns > 0 {
			r.LatencyNS.P50, r.LatencyNS.Mean = &ns, ns+1
		}
		c.Rounds = append(c.Rounds, r)
	}
	return c
}

// TestLatenciesOf: medians of all, or means of all.
func TestLatenciesOf(t *testing.T) {
	for _, c := range []struct {
		name    string
		cells   []*result.Cell
		want    []Latencies
		medians bool
	}{
		{"nothing", nil, []Latencies{}, true},
		{"medians", []*result.Cell{roundsWith(10, 20), roundsWith(30)}, []Latencies{{[]int{1, 2}, []float64{10, 20}}, {[]int{1}, []float64{30}}}, true},
		{"one of one is missing", []*result.Cell{roundsWith(10, 20), roundsWith(30, -1)},
			[]Latencies{{[]int{1, 2}, []float64{11, 21}}, {[]int{1, 2}, []float64{31, 201}}}, false},
		{"a round without a commit", []*result.Cell{roundsWith(0, 20), roundsWith(30, 40)},
			[]Latencies{{[]int{2}, []float64{20}}, {[]int{1, 2}, []float64{30, 40}}}, true},
		{"no round at all", []*result.Cell{{}, roundsWith(30)}, []Latencies{{}, {[]int{1}, []float64{30}}}, true},
	} {
		got, medians := LatenciesOf(c.cells)
		if !reflect.DeepEqual(got, c.want) || medians != c.medians {
			t.Errorf("%s: LatenciesOf = %v, %v; want %v, %v", c.name, got, medians, c.want, c.medians)
		}
	}
}

// TestCompareSameRounds: a difference is taken between the same rounds of both,
// also behind a round that one of them spent without a commit.
func TestCompareSameRounds(t *testing.T) {
	g := &group{policy: map[string]*facts{}}
	for policy, c := range map[string]*result.Cell{"1": roundsWith(1000, 2000, 3000), "2": roundsWith(0, 1900, 2900)} {
		g.policy[policy] = &facts{cell: c, full: c.Rounds}
	}
	g.pickLatency()
	if got := compare(g.policy["1"], g.policy["2"], 0).ns; got.Median != 100 || got.N != 2 {
		t.Errorf("compare = %+v; want 100 ns in each of 2 rounds", got)
	}
}
