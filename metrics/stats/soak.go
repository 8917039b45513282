package stats

import (
	"math"
	"slices"

	"flushbench/metrics/result"
)

// sameChange is by what share of the soak changes of two figures may lie apart and
// still be one.
const sameChange = 0.03

// SoakOf looks for changes in the rounds of a cell, taken as one series, and says what
// was before and after each. It is nil without a round. It is cheap enough to be
// called after every round.
func SoakOf(c *result.Cell) *result.Soak {
	if len(c.Rounds) == 0 {
		return nil
	}
	first, last := &c.Rounds[0], &c.Rounds[len(c.Rounds)-1]
	s := &result.Soak{SpanNS: last.StartedNS + seconds(last.DurationS) - first.StartedNS, Changes: []result.SoakChange{}}
	for i := range c.Rounds {
		s.ActiveNS += seconds(c.Rounds[i].DurationS)
	}
	fine, whole := soakSeries(c)
	s.Values = len(fine[result.SoakMean].values)
	s.Enough = s.Values >= MinSeries
	var all []result.SoakChange
	for _, figure := range []string{result.SoakTPS, result.SoakMean} {
		all = append(all, fine[figure].changes(figure)...)
	}
	for _, figure := range []string{result.SoakP99, result.SoakFlush} {
		all = append(all, whole[figure].changes(figure)...)
	}
	s.Changes = merge(all, int64(sameChange*float64(s.SpanNS)))
	for i := range s.Changes {
		from, to := int64(math.MinInt64), int64(math.MaxInt64)
		if i > 0 {
			from = s.Changes[i-1].AtNS
		}
		if i+1 < len(s.Changes) {
			to = s.Changes[i+1].AtNS
		}
		x := &s.Changes[i]
		x.TPSBefore, x.P99Before = fine[result.SoakTPS].median(from, x.AtNS), pointer(whole[result.SoakP99].between(from, x.AtNS))
		x.TPSAfter, x.P99After = fine[result.SoakTPS].median(x.AtNS, to), pointer(whole[result.SoakP99].between(x.AtNS, to))
	}
	s.Steady = s.Enough && len(s.Changes) == 0
	return s
}

func seconds(s float64) int64 { return int64(s * 1e9) }

// soakValues is one figure over time.
type soakValues struct {
	at     []int64 // begin of the bucket, since the begin of the soak
	values []float64
}

func (v *soakValues) add(at int64, value float64) {
	v.at, v.values = append(v.at, at), append(v.values, value)
}

// between returns the values in [from, to).
func (v *soakValues) between(from, to int64) []float64 {
	var out []float64
	for i, at := range v.at {
		if at >= from && at < to {
			out = append(out, v.values[i])
		}
	}
	return out
}

func (v *soakValues) median(from, to int64) float64 { return Median(v.between(from, to)) }

// changes finds those of the figure.
func (v *soakValues) changes(figure string) []result.SoakChange {
	var out []result.SoakChange
	for _, c := range Changes(v.values) {
		out = append(out, result.SoakChange{AtNS: v.at[c.At], Figure: figure, Before: c.Before, After: c.After})
	}
	return out
}

// soakSeries returns the figures of each bucket, and those that only whole rounds have.
func soakSeries(c *result.Cell) (fine, whole map[string]*soakValues) {
	fine = map[string]*soakValues{result.SoakTPS: {}, result.SoakMean: {}}
	whole = map[string]*soakValues{result.SoakP99: {}, result.SoakFlush: {}}
	begin := c.Rounds[0].StartedNS
	for i := range c.Rounds {
		r := &c.Rounds[i]
		at := r.StartedNS - begin
		if r.LatencyNS.P99 != nil {
			whole[result.SoakP99].add(at, float64(*r.LatencyNS.P99))
		}
		if r.FlushNS != nil {
			whole[result.SoakFlush].add(at, float64(r.FlushNS.Mean))
		}
		n := 0
		if r.Series != nil && r.Series.IntervalNS > 0 {
			n = min(int(seconds(r.DurationS)/r.Series.IntervalNS), len(r.Series.Commits))
		}
		if n < 2 {
			fine[result.SoakTPS].add(at, r.TPS)
			fine[result.SoakMean].add(at, float64(r.LatencyNS.Mean))
			continue
		}
		for k := range n {
			t := at + int64(k)*r.Series.IntervalNS
			fine[result.SoakTPS].add(t, float64(r.Series.Commits[k])/(float64(r.Series.IntervalNS)/1e9))
			fine[result.SoakMean].add(t, float64(r.Series.LatencyMeanNS[k]))
		}
	}
	return fine, whole
}

// merge makes changes within so many nanoseconds one: that of the figure which changed
// most, at the time that the finest figure among them says.
func merge(all []result.SoakChange, within int64) []result.SoakChange {
	slices.SortStableFunc(all, func(a, b result.SoakChange) int { return int(min(max(a.AtNS-b.AtNS, -1), 1)) })
	out := []result.SoakChange{}
	for _, c := range all {
		n := len(out) - 1
		if n < 0 || c.AtNS-out[n].AtNS > within {
			out = append(out, c)
			continue
		}
		o := &out[n]
		at := o.AtNS
		if rough(o.Figure) && !rough(c.Figure) {
			at = c.AtNS
		}
		if size(&c) > size(o) {
			*o = c
		}
		o.AtNS = at
	}
	return out
}

// rough reports whether a figure is known of whole rounds only.
func rough(figure string) bool { return figure == result.SoakP99 || figure == result.SoakFlush }

// size is by what factor a figure changed, either way.
func size(c *result.SoakChange) float64 {
	if c.Before <= 0 || c.After <= 0 {
		return math.Inf(1)
	}
	return max(c.After/c.Before, c.Before/c.After)
}

// pointer is the median, or nil without values.
func pointer(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	m := Median(values)
	return &m
}
