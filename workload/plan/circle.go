package plan

import (
	"fmt"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// LogCircle is what was measured of a pair with redo logs of several capacities.
type LogCircle struct {
	Pair Pair `json:"pair"`
	// Enough is the smallest capacity in bytes in which nobody waited for the
	// checkpoint, at TPS commits and LogPS bytes of log a second; 0: none was shown.
	Enough int64   `json:"enough"`
	TPS    float64 `json:"tps"`
	LogPS  float64 `json:"log_bytes_per_s"`
	Tight  int64   `json:"too_small"` // the largest in which somebody did; 0: none
}

// circlesOf returns the loads of a result with several log capacities.
func circlesOf(r *result.Result) (out []LogCircle) {
	all := stats.Circles(r)
	for i := range all {
		c := &all[i]
		l := LogCircle{Pair: Pair{c.Params.Policy, c.Params.SyncBinlog}}
		if c.Tight >= 0 {
			l.Tight = c.Points[c.Tight].Capacity
		}
		if c.Enough >= 0 {
			p := &c.Points[c.Enough]
			l.Enough, l.TPS, l.LogPS = p.Capacity, p.TPS.Median, p.LogPS
		}
		out = append(out, l)
	}
	return out
}

// logEnough is the capacity that is shown to be enough for the need with a pair, and
// what is to be said of it. Evidence of a lower rate is none: the circle is gone round
// the faster the more is written.
func (d *decision) logEnough(of Pair) (bytes float64, note string) {
	var best, below *LogCircle
	for i := range d.disk.Circles {
		switch c := &d.disk.Circles[i]; {
		case c.Pair.String() != of.String():
		case c.Enough > 0 && c.TPS >= d.o.need()*(1-nearShare):
			if best == nil || c.TPS < best.TPS {
				best = c
			}
		case below == nil || c.TPS > below.TPS:
			below = c
		}
	}
	const measure = "flushbench run --workload update --log-capacity 64MiB,256MiB,1GiB,4GiB shows it."
	switch {
	case best != nil:
		note = fmt.Sprintf("A redo log of %s was enough at %s/s (%s MB/s of log)", verdict.Size(best.Enough), count(best.TPS), verdict.Decimal(best.LogPS/1e6))
		if best.Tight > 0 {
			note += fmt.Sprintf("; in %s clients waited for the checkpoint", verdict.Size(best.Tight))
		}
		return float64(best.Enough), note + "."
	case below != nil && below.Enough > 0:
		return 0, fmt.Sprintf("A redo log of %s was enough at %s/s; at %s/s it was not measured.", verdict.Size(below.Enough), count(below.TPS), count(d.o.need()))
	case below != nil && below.Tight > 0:
		return 0, fmt.Sprintf("A redo log of %s is too small, and none that was measured was shown to be enough.", verdict.Size(below.Tight))
	}
	return 0, "Which redo log capacity this rate needs was not measured: " + measure
}
