package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"flushbench/metrics/result"
)

// fleet is a merge of one group: per host a flush p99 and a p50 of half of it.
func fleet(p99 ...float64) *result.Merge {
	pool := result.Pool{Of: result.PoolLimit, Name: "redo log"}
	for i, ns := range p99 {
		high, half := int64(ns), int64(ns/2)
		pool.Hosts = append(pool.Hosts, fmt.Sprintf("host%d", i))
		pool.P50, pool.P99, pool.PerS = append(pool.P50, &half), append(pool.P99, &high), append(pool.PerS, 1e9/ns)
	}
	return &result.Merge{Groups: []result.MergeGroup{{Name: "ssd", Hosts: pool.Hosts, Pools: []result.Pool{pool}}}}
}

func outliersOf(m *result.Merge) (names []string) {
	JudgeFleet(m)
	for _, o := range m.Groups[0].Outliers {
		names = append(names, o.Host)
	}
	return names
}

func TestJudgeFleet(t *testing.T) {
	even := slices.Repeat([]float64{1e6}, 9)
	for name, c := range map[string]struct {
		p99    []float64
		want   []string
		judged bool
	}{
		"too few to judge":              {[]float64{1e6, 1e6, 1e6, 50e6}, nil, false},
		"no spread at all":              {even, nil, true},
		"a few percent are no outlier":  {append(slices.Clone(even), 1.2e6), nil, true},
		"one slow":                      {append(slices.Clone(even), 9e6), []string{"host9"}, true},
		"slow and suspiciously fast":    {append(slices.Clone(even), 9e6, 0.02e6), []string{"host10", "host9"}, true},
		"two fifths do not hide":        {[]float64{1e6, 1.1e6, 0.9e6, 1e6, 1.05e6, 1e6, 9e6, 9e6, 9e6, 9e6}, []string{"host6", "host7", "host8", "host9"}, true},
		"a wide group has a wide right": {[]float64{1e6, 2e6, 4e6, 8e6, 16e6, 32e6, 64e6}, nil, true},
	} {
		m := fleet(c.p99...)
		got := outliersOf(m)
		if !slices.Equal(got, c.want) || m.Groups[0].Judged != c.judged {
			t.Errorf("%s: outliers %v, judged %v; want %v, %v", name, got, m.Groups[0].Judged, c.want, c.judged)
		}
	}
	m := fleet(append(slices.Clone(even), 9e6)...)
	JudgeFleet(m)
	if o := m.Groups[0].Outliers[0]; o.Ratio != 9 || o.Median != 1e6 || o.Value != 9e6 && o.Value != 4.5e6 || o.Others != 1 || o.Score < outlierScore {
		t.Errorf("outlier = %+v; want 9 x the median of 1 ms, and its other percentile", o)
	}
}

// TestBareFlushFirst: a slow flush slows the commits; the flush is what is named.
func TestBareFlushFirst(t *testing.T) {
	m := fleet(1e6, 1e6, 1e6, 1e6, 1e6, 3e6)
	cell := m.Groups[0].Pools[0]
	cell.Of, cell.Name, cell.Params = result.PoolCell, "policy=1", &result.Params{Load: result.LoadClosed}
	cell.P99 = slices.Clone(cell.P99)
	slow := int64(40e6)
	cell.P99[5] = &slow
	m.Groups[0].Pools = append(m.Groups[0].Pools, cell)
	JudgeFleet(m)
	if got := m.Groups[0].Outliers; len(got) != 1 || got[0].Of != result.PoolLimit || got[0].Others != 4 {
		t.Errorf("outliers = %+v; want one, of the limit loop, with 4 others", got)
	}
}

// TestFleetOfLikeHosts: hosts that differ by chance alone are seldom named. 200 fleets
// of 40 may have 5 of 100 with a false alarm; 20 would be four times as many.
func TestFleetOfLikeHosts(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	alarms := 0
	for range 200 {
		p99 := make([]float64, 40)
		for i := range p99 {
			p99[i] = 1e6 * math.Exp(0.6*rng.NormFloat64())
		}
		if len(outliersOf(fleet(p99...))) > 0 {
			alarms++
		}
	}
	if alarms > 20 {
		t.Errorf("%d of 200 fleets of like hosts have an outlier; want about 10 at most", alarms)
	}
}

// TestFleetScale: a unit of time must not matter, nor the order of the hosts.
func TestFleetScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(1e5, 1e8), MinFleet, 30).Draw(t, "p99")
		scale := rapid.Float64Range(0.1, 10).Draw(t, "scale")
		logs, scaled := make([]float64, len(values)), make([]float64, len(values))
		for i, v := range values {
			logs[i], scaled[len(values)-1-i] = math.Log(v), math.Log(v*scale)
		}
		a, b := ModifiedZScores(logs), ModifiedZScores(scaled)
		for i := range a {
			if d := math.Abs(a[i] - b[len(b)-1-i]); d > 1e-6*(1+math.Abs(a[i])) {
				t.Fatalf("score %v; scaled by %v: %v", a[i], scale, b[len(b)-1-i])
			}
		}
	})
}
