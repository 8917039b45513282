package verdict

import (
	"fmt"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// Distance tells how far a closed-loop cell whose commits wait for a flush is from
// what the disk can do at all. Each figure is a median over rounds; one that no
// round has is nil.
type Distance struct {
	Cell *result.Cell
	// PerLimit is the throughput divided by the limit loop's of the same round:
	// below 1 for one client, above for groups.
	PerLimit *result.Interval
	// FlushesPerLimit is the same for flushes, whatever each of them carried.
	FlushesPerLimit *float64
	// Busy is the share of time with a flush in flight while somebody waited for
	// one, LimitBusy the limit loop's own.
	Busy, LimitBusy *float64
	// FlushTimes is the mean latency of a commit in mean flush times: 1 for a lone
	// client, 1 to 2 is what group commit allows.
	FlushTimes *float64
}

// Distances returns that of every closed-loop cell of the policies 1 and 3 that
// has full rounds, in the order of the result.
func Distances(r *result.Result) []Distance {
	var out []Distance
	for i := range r.Cells {
		c := &r.Cells[i]
		p := &c.Params
		if p.Load != result.LoadClosed || p.Policy != "1" && p.Policy != "3" || len(stats.FullRounds(c)) == 0 {
			continue
		}
		d := Distance{Cell: c}
		if v := stats.Collect(c, stats.PerLimit); len(v) > 0 {
			s := stats.Summarize(v)
			d.PerLimit = &s
		}
		d.FlushesPerLimit = median(c, func(r *result.Round) (float64, bool) {
			if r.Limit.FlushPerS <= 0 || r.DurationS <= 0 {
				return 0, false
			}
			return float64(r.Flushes.Syscalls) / r.DurationS / r.Limit.FlushPerS, true
		})
		d.Busy = median(c, func(r *result.Round) (float64, bool) { return share(r.FlushBusyShare) })
		d.LimitBusy = median(c, func(r *result.Round) (float64, bool) { return share(r.Limit.BusyShare) })
		d.FlushTimes = median(c, func(r *result.Round) (float64, bool) {
			if r.FlushNS == nil || r.FlushNS.Mean <= 0 || r.LatencyNS.Mean <= 0 {
				return 0, false
			}
			return float64(r.LatencyNS.Mean) / float64(r.FlushNS.Mean), true
		})
		out = append(out, d)
	}
	return out
}

// median of what the full rounds of c have; nil: none has it.
func median(c *result.Cell, of func(*result.Round) (float64, bool)) *float64 {
	v := stats.Collect(c, of)
	if len(v) == 0 {
		return nil
	}
	m := stats.Median(v)
	return &m
}

func share(s *float64) (float64, bool) {
	if s == nil {
		return 0, false
	}
	return *s, true
}

// DistanceWords says how close the lone client and the most clients come to the
// limit of the disk, and what holds them back. nil: there is no limit loop, or no
// cell that waits for a flush.
func DistanceWords(r *result.Result) []string {
	var lone, most *Distance
	all := Distances(r)
	for i := range all {
		d := &all[i]
		p := &d.Cell.Params
		if d.PerLimit == nil || p.Policy != "1" || p.GroupDelay != "off" && p.GroupDelay != "" || p.ThinkTimeNS > 0 {
			continue
		}
		if p.Clients == 1 && lone == nil {
			lone = d
		}
		if p.Clients > 1 && (most == nil || p.Clients > most.Cell.Params.Clients ||
			p.Clients == most.Cell.Params.Clients && settingText(p) == "1/1" && settingText(&most.Cell.Params) != "1/1") {
			most = d
		}
	}
	var out []string
	if lone != nil {
		out = append(out, fmt.Sprintf("One client (%s) carried %s of the limit loop's rate%s.", settingText(&lone.Cell.Params), ratioRange(*lone.PerLimit), lone.why()))
	}
	if most != nil {
		text := fmt.Sprintf("%s clients (%s) carried %s times the limit loop's rate", Count(float64(most.Cell.Params.Clients)), settingText(&most.Cell.Params), ratioRange(*most.PerLimit))
		if most.FlushTimes != nil {
			text += fmt.Sprintf("; a commit took %.1f flush times (1 to 2 is what group commit allows)", *most.FlushTimes)
		}
		out = append(out, text+most.why()+".")
	}
	return out
}

// why says how much of the time the disk worked, and what bounds the cell.
func (d *Distance) why() string {
	text := ""
	if d.Busy != nil {
		text = fmt.Sprintf("; a flush was in flight for %s of the time", Percent(*d.Busy))
		if d.LimitBusy != nil {
			text += fmt.Sprintf(", in the limit loop for %s", Percent(*d.LimitBusy))
		}
	}
	if d.Cell.BoundText != "" {
		text += "; bound: " + d.Cell.BoundText
	}
	return text
}

// ratioRange formats a ratio with its interval: 0.95 (0.93..0.98).
func ratioRange(i result.Interval) string {
	if i.N < 2 || fmt.Sprintf("%.2f", i.Lo) == fmt.Sprintf("%.2f", i.Hi) {
		return fmt.Sprintf("%.2f", i.Median)
	}
	return fmt.Sprintf("%.2f (%.2f..%.2f)", i.Median, i.Lo, i.Hi)
}
