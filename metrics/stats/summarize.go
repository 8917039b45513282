package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"flushbench/metrics/result"
)

// wantConfidence is the least coverage of the median that an interval is
// narrowed to.
const wantConfidence = 0.95

// Median returns the median of values, or 0 when there is none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// Summarize returns the median of the rounds and the interval between two
// order statistics: the narrowest symmetric one that covers the true median
// with at least 95 % probability, or lowest to highest where even that covers
// less (up to 5 rounds: 93.75 %). The interval says which it is.
func Summarize(rounds []float64) result.Interval {
	n := len(rounds)
	if n == 0 {
		return result.Interval{Method: "no rounds"}
	}
	s := slices.Sorted(slices.Values(rounds))
	k := 1 // the interval runs from the k-th lowest to the k-th highest
	for 2*(k+1) <= n && coverage(n, k+1) >= wantConfidence {
		k++
	}
	method := fmt.Sprintf("lowest..highest of %d", n)
	if k > 1 {
		method = fmt.Sprintf("%s..%s of %d", ordinal(k), ordinal(n+1-k), n)
	}
	return result.Interval{
		Median: Median(s), Lo: s[k-1], Hi: s[n-k], N: n,
		Method: method, Confidence: coverage(n, k),
	}
}

// coverage returns the probability that the interval from the k-th lowest to
// the k-th highest of n samples covers the median of their distribution.
func coverage(n, k int) float64 {
	if n < 2 {
		return 0
	}
	b := distuv.Binomial{N: float64(n), P: 0.5}
	return 1 - 2*b.CDF(float64(k-1))
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

// RelativeSpread returns the width of the interval over its median, or 0
// without a median.
func RelativeSpread(i result.Interval) float64 {
	if i.Median == 0 {
		return 0
	}
	return (i.Hi - i.Lo) / math.Abs(i.Median)
}

// FullRounds returns the rounds that ran their whole time, or when none did all that
// no failure of a server ended.
func FullRounds(c *result.Cell) []result.Round {
	var full []result.Round
	for _, r := range c.Rounds {
		if !r.Partial {
			full = append(full, r)
		}
	}
	if len(full) > 0 {
		return full
	}
	for i := range c.Rounds {
		if c.Rounds[i].Failure() == "" {
			full = append(full, c.Rounds[i])
		}
	}
	return full
}

// Collect returns of(round) for every full round that has such a figure.
func Collect(c *result.Cell, of func(*result.Round) (float64, bool)) []float64 {
	var out []float64
	rounds := FullRounds(c)
	for i := range rounds {
		if v, ok := of(&rounds[i]); ok {
			out = append(out, v)
		}
	}
	return out
}

// TPS returns the throughput of a round.
func TPS(r *result.Round) (float64, bool) { return r.TPS, true }

// P99 returns the p99 of a round's latency in nanoseconds; false: it had too few
// commits for one.
func P99(r *result.Round) (float64, bool) {
	if r.LatencyNS.P99 == nil {
		return 0, false
	}
	return float64(*r.LatencyNS.P99), true
}

// PerLimit returns a round's throughput divided by the limit loop's rate of
// the same round: what is left when the disk's own drift is taken out.
func PerLimit(r *result.Round) (float64, bool) {
	if r.Limit.FlushPerS <= 0 {
		return 0, false
	}
	return r.TPS / r.Limit.FlushPerS, true
}

// MeanLatency returns a round's mean latency in nanoseconds.
func MeanLatency(r *result.Round) (float64, bool) {
	return float64(r.LatencyNS.Mean), r.LatencyNS.Count > 0
}

// percentile lifts an optional latency figure.
func percentile(of func(*result.Latency) *int64) func(*result.Round) (float64, bool) {
	return func(r *result.Round) (float64, bool) {
		if p := of(&r.LatencyNS); p != nil {
			return float64(*p), true
		}
		return 0, false
	}
}

// P50Latency returns a round's median latency in nanoseconds, where shown.
func P50Latency(r *result.Round) (float64, bool) {
	return percentile(func(l *result.Latency) *int64 { return l.P50 })(r)
}

// optional summarizes the rounds that have the figure, or returns nil.
func optional(c *result.Cell, of func(*result.Round) (float64, bool)) *result.Interval {
	values := Collect(c, of)
	if len(values) == 0 {
		return nil
	}
	i := Summarize(values)
	return &i
}

// SummarizeCell condenses the full rounds of c, or returns nil without one.
func SummarizeCell(c *result.Cell) *result.Summary {
	if len(FullRounds(c)) == 0 {
		return nil
	}
	return &result.Summary{
		TPS: Summarize(Collect(c, TPS)),
		LatencyNS: result.LatencySummary{
			Mean: optional(c, MeanLatency),
			P50:  optional(c, P50Latency),
			P90:  optional(c, percentile(func(l *result.Latency) *int64 { return l.P90 })),
			P99:  optional(c, percentile(func(l *result.Latency) *int64 { return l.P99 })),
			P999: optional(c, percentile(func(l *result.Latency) *int64 { return l.P999 })),
			Max:  optional(c, func(r *result.Round) (float64, bool) { return float64(r.LatencyNS.Max), r.LatencyNS.Count > 0 }),
		},
		PerLimit:  optional(c, PerLimit),
		FlushesPS: Summarize(Collect(c, flushesPerSecond)),
		GroupMean: optional(c, func(r *result.Round) (float64, bool) { return r.GroupSizeMean, r.GroupSizeMean > 0 }),
		BusyShare: optional(c, func(r *result.Round) (float64, bool) {
			if r.FlushBusyShare == nil {
				return 0, false
			}
			return *r.FlushBusyShare, true
		}),
		CPUNS:   optional(c, func(r *result.Round) (float64, bool) { return r.CPUNSPerCommit, r.CPUNSPerCommit > 0 }),
		AtRisk:  worstAtRisk(c.Rounds),
		Settled: settled(c),

		ResidentMax: worstResident(c.Rounds),
	}
}

func flushesPerSecond(r *result.Round) (float64, bool) {
	if r.DurationS <= 0 {
		return 0, false
	}
	return float64(r.Flushes.Syscalls) / r.DurationS, true
}

// worstAtRisk returns the worst figure of any round, partial ones included: a
// loss window is a maximum, and more time can only widen it.
func worstAtRisk(rounds []result.Round) *result.AtRisk {
	var worst *result.AtRisk
	for i := range rounds {
		r := rounds[i].AtRisk
		if r == nil {
			continue
		}
		if worst == nil {
			worst = &result.AtRisk{}
		}
		widen(&worst.Process, &r.Process)
		widen(&worst.OS, &r.OS)
		widen(&worst.Power, &r.Power)
	}
	return worst
}

// worstResident returns the most memory of any round, partial ones included; nil where
// none has it.
func worstResident(rounds []result.Round) (worst *int64) {
	for i := range rounds {
		m := rounds[i].Memory
		if m == nil {
			continue
		}
		if worst == nil {
			worst = new(int64)
		}
		*worst = max(*worst, m.ResidentMax)
	}
	return worst
}

func widen(worst, r *result.Risk) {
	worst.CommitsMax = max(worst.CommitsMax, r.CommitsMax)
	worst.BytesMax = max(worst.BytesMax, r.BytesMax)
	worst.AgeNSMax = max(worst.AgeNSMax, r.AgeNSMax)
	if r.AgeNSP99 != nil && (worst.AgeNSP99 == nil || *r.AgeNSP99 > *worst.AgeNSP99) {
		p := *r.AgeNSP99
		worst.AgeNSP99 = &p
	}
	worst.Samples += r.Samples
	worst.Truncated = worst.Truncated || r.Truncated
	worst.LostMax = max(worst.LostMax, r.LostMax)
	worst.BinlogAheadMax = max(worst.BinlogAheadMax, r.BinlogAheadMax)
	worst.EngineAheadMax = max(worst.EngineAheadMax, r.EngineAheadMax)
}

// SummarizeLimit fills the summary fields of l from its full rounds.
func SummarizeLimit(l *result.LimitSummary) {
	var rate, p50, busy []float64
	for _, partial := range []bool{false, true} {
		for i := range l.Rounds {
			r := &l.Rounds[i]
			if r.Partial != partial {
				continue
			}
			rate = append(rate, r.FlushPerS)
			busy = append(busy, r.BusyShare)
			if r.FlushNS.P50 != nil {
				p50 = append(p50, float64(*r.FlushNS.P50))
			}
		}
		if len(rate) > 0 {
			break // partial rounds speak only when there is no full one
		}
	}
	l.FlushPerS = Summarize(rate)
	l.Spread = RelativeSpread(l.FlushPerS)
	l.FlushNSP50, l.BusyShare = nil, nil
	if len(p50) > 0 {
		i := Summarize(p50)
		l.FlushNSP50 = &i
	}
	if len(busy) > 0 {
		i := Summarize(busy)
		l.BusyShare = &i
	}
}

// SummarizeResult fills every summary of r from its rounds.
func SummarizeResult(r *result.Result) {
	if r.Limit != nil {
		SummarizeLimit(r.Limit)
	}
	if r.BinlogLimit != nil {
		SummarizeLimit(r.BinlogLimit)
	}
	for i := range r.Cells {
		r.Cells[i].Summary = SummarizeCell(&r.Cells[i])
	}
}
