package main

import (
	"fmt"
	"math"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// What stands above and below the table of memory.
const (
	memoryTitle = "MEMORY"
	memoryAbout = "of the whole process, MiB resident (RSS), read once a second"
	memoryNote  = "peak: the largest reading of all rounds; fifths: means of the first and of the last fifth of the readings, rounds one after the other; " +
		"log buffer, pool: what was asked for, of which the pool is taken as pages are read"
)

// memoryLine is the most memory that the process had in a cell with rows, and how it
// grew; "" where that is not known, as off Linux and in older results.
func memoryLine(cells []*result.Cell) string {
	var most *result.Cell
	growth, judged := math.Inf(-1), 0
	for _, c := range cells {
		peak := residentMax(c)
		if peak == nil || c.Params.Rows == 0 {
			continue
		}
		if most == nil || *peak > *residentMax(most) {
			most = c
		}
		if first, last, ok := stats.ResidentFifths(c); ok && first > 0 {
			growth, judged = max(growth, last/first-1), judged+1
		}
	}
	if most == nil {
		return ""
	}
	p := &most.Params
	text := fmt.Sprintf("peak RSS %s MiB; pool %s, log buffer %s", verdict.Count(float64(*residentMax(most))/(1<<20)), verdict.Size(p.BufferPoolBytes), verdict.Size(p.LogBufferBytes))
	if judged > 0 {
		text += "; first to last fifth "
		if judged > 1 {
			text += "at most "
		}
		text += fmt.Sprintf("%+.1f %%", math.Round(1000*growth)/10+0) // never -0.0
	}
	return wrapped(text)
}

// residentMax is the most memory of a cell on the engine; nil: not known, or the cell
// ran on a server, whose memory is another process's.
func residentMax(c *result.Cell) *int64 {
	if c.Summary == nil || c.Params.Target != "" {
		return nil
	}
	return c.Summary.ResidentMax
}

// memoryGrid has a row for each cell on the engine whose memory is known.
func memoryGrid(cells []*result.Cell) *grid {
	g := &grid{columns: []column{
		{head: "policy", left: true}, {head: "clients"}, {head: "load"}, {head: "begin"}, {head: "end"}, {head: "peak"},
		{head: "first fifth"}, {head: "last fifth"}, {head: "log buffer"}, {head: "pool"},
	}}
	varied := append(variedAxes(cells), variedRows(cells)...)
	rows := false
	for _, c := range cells {
		peak := residentMax(c)
		if peak == nil {
			continue
		}
		// over is the median over the rounds.
		over := func(of func(*result.Memory) int64) string {
			v := stats.Collect(c, func(r *result.Round) (float64, bool) {
				if r.Memory == nil {
					return 0, false
				}
				return float64(of(r.Memory)), true
			})
			if len(v) == 0 {
				return none
			}
			return mebibytes(stats.Median(v))
		}
		first, last := none, none
		if a, z, ok := stats.ResidentFifths(c); ok {
			first, last = mebibytes(a), mebibytes(z)
		}
		pool := none
		if c.Params.BufferPoolBytes > 0 {
			pool, rows = mebibytes(float64(c.Params.BufferPoolBytes)), true
		}
		g.add(pairName(c, varied), verdict.Count(float64(c.Params.Clients)), rateName(&c.Params),
			over(func(m *result.Memory) int64 { return m.ResidentBegin }), over(func(m *result.Memory) int64 { return m.ResidentEnd }),
			mebibytes(float64(*peak)), first, last, mebibytes(float64(c.Params.LogBufferBytes)), pool)
	}
	if !rows {
		g.without(len(g.columns) - 1) // workload log has no pages
	}
	return g
}

// mebibytes shows bytes in MiB, with a decimal.
func mebibytes(bytes float64) string { return decimal1(bytes / (1 << 20)) }
