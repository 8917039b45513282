package stats

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"flushbench/metrics/result"
)

// The rule by which a host of a fleet stands out. A figure is looked at as its
// logarithm, because times of disks are skewed and a factor is what one asks for. Its
// modified z-score, 0.6745 x (x - median) / MAD, says how far it is from the group in
// terms of the group's own spread; median and median absolute deviation are not moved
// by the outliers themselves as long as they are fewer than half. It is that of
// Iglewicz and Hoaglin (How to Detect and Handle Outliers, ASQC 1993; NIST/SEMATECH
// e-Handbook of Statistical Methods 1.3.5.17), who call an outlier what is beyond 3.5.
const (
	// MinFleet is the fewest hosts of a group that are judged.
	MinFleet = 5
	// outlierScore is the least score of an outlier; many figures of many hosts raise
	// it, so that a fleet without outliers has one named in at most 5 of 100 fleets.
	outlierScore = 3.5
	fleetAlpha   = 0.05
	// outlierRatio is the least distance from the median that is worth a name.
	outlierRatio = 1.5
	// leastMAD keeps hosts that agree better than any measurement does from making an
	// outlier of a few percent.
	leastMAD = 0.02
	// normalMAD makes the score that of a normal distribution: its 75 % quantile.
	normalMAD = 0.6745
)

// JudgeFleet fills Judged and Outliers of each group of m from its pools: of each host
// that stands out the figure that says most, those of the bare flush before those of
// commits, which follow from them. Fast ones are outliers too: a disk of the same kind
// that flushes ten times as fast may not flush at all.
func JudgeFleet(m *result.Merge) {
	for i := range m.Groups {
		g := &m.Groups[i]
		g.Judged, g.Outliers = false, nil
		figures := figuresOf(g)
		tests := 0
		for _, f := range figures {
			tests += len(f.values)
		}
		if tests == 0 {
			continue
		}
		g.Judged = true
		beyond := max(outlierScore, distuv.UnitNormal.Quantile(1-fleetAlpha/2/float64(tests)))
		var found []result.Outlier
		for _, f := range figures {
			found = append(found, f.outliers(beyond)...)
		}
		g.Outliers = oneEach(found)
	}
}

// fleetFigure is one figure of all hosts that have it.
type fleetFigure struct {
	pool   *result.Pool
	figure string
	hosts  []string
	values []float64
}

// figuresOf lists what the hosts of a group are compared by: the percentiles of each
// pool and, of a closed loop, its throughput. A figure that fewer than MinFleet have
// is left out.
func figuresOf(g *result.MergeGroup) []fleetFigure {
	var all []fleetFigure
	for i := range g.Pools {
		p := &g.Pools[i]
		f50, f99, perS := newFigure(p, result.FigureP50), newFigure(p, result.FigureP99), newFigure(p, result.FigurePerS)
		for j, host := range p.Hosts {
			f50.addTime(host, p.P50[j])
			f99.addTime(host, p.P99[j])
			if p.Params != nil && p.Params.Load == result.LoadClosed {
				perS.add(host, p.PerS[j])
			}
		}
		for _, f := range []fleetFigure{f99, f50, perS} {
			if len(f.values) >= MinFleet {
				all = append(all, f)
			}
		}
	}
	return all
}

func newFigure(p *result.Pool, name string) fleetFigure { return fleetFigure{pool: p, figure: name} }

func (f *fleetFigure) addTime(host string, ns *int64) {
	if ns != nil {
		f.add(host, float64(*ns))
	}
}

// add takes a figure that has a logarithm.
func (f *fleetFigure) add(host string, v float64) {
	if v > 0 {
		f.hosts, f.values = append(f.hosts, host), append(f.values, v)
	}
}

// outliers returns the hosts whose score is beyond a bound.
func (f *fleetFigure) outliers(beyond float64) (found []result.Outlier) {
	logs := make([]float64, len(f.values))
	for i, v := range f.values {
		logs[i] = math.Log(v)
	}
	scores := ModifiedZScores(logs)
	median := Median(f.values)
	for i, v := range f.values {
		if ratio := v / median; math.Abs(scores[i]) > beyond && max(ratio, 1/ratio) >= outlierRatio {
			found = append(found, result.Outlier{
				Host: f.hosts[i], Of: f.pool.Of, Pool: f.pool.Name, Figure: f.figure, Value: v, Median: median, Ratio: ratio, Score: scores[i],
			})
		}
	}
	return found
}

// ModifiedZScores returns the modified z-score of each value: its distance from the
// median in median absolute deviations, scaled so that it reads as a z-score where
// the values are normally distributed. A deviation below 0.02 counts as 0.02, so the
// values should be logarithms.
func ModifiedZScores(values []float64) []float64 {
	median := Median(values)
	scores := make([]float64, len(values))
	for i, v := range values {
		scores[i] = math.Abs(v - median)
	}
	mad := max(Median(scores), leastMAD)
	for i, v := range values {
		scores[i] = normalMAD * (v - median) / mad
	}
	return scores
}

// oneEach keeps of each host what says most, the farthest host first.
func oneEach(found []result.Outlier) (out []result.Outlier) {
	distance := func(o *result.Outlier) float64 { return math.Abs(math.Log(o.Ratio)) }
	bare := func(o *result.Outlier) int {
		if o.Of == result.PoolCell {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(found, func(a, b result.Outlier) int {
		return cmp.Or(cmp.Compare(bare(&a), bare(&b)), cmp.Compare(distance(&b), distance(&a)))
	})
	at := map[string]int{}
	for _, o := range found {
		if i, ok := at[o.Host]; ok {
			out[i].Others++
			continue
		}
		at[o.Host] = len(out)
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b result.Outlier) int { return cmp.Compare(distance(&b), distance(&a)) })
	return out
}
