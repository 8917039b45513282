package main

import (
	"fmt"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// pageTable holds page writes against log records. A unit is what one commit
// has to make safe at least: a record, or a page. p50 and p99 are those of a
// turn: all units that share a flush.
func pageTable(p *result.Probe) *grid {
	method := ""
	if len(p.Pages) > 0 {
		method = p.Pages[0].Method
	}
	g := &grid{columns: []column{
		{head: method, left: true}, {head: "units/s"}, {head: "p50 us"}, {head: "p99 us"}, {head: "flushes/s"}, {head: "MiB/s"},
	}}
	for i := range p.Pages {
		r := &p.Pages[i]
		g.add(patternText(r), rate(r.UnitsPerS), optional(r.P50NS, micros), optional(r.P99NS, micros), rate(r.FlushesPerS), rate(r.BytesPerS/(1<<20)))
	}
	return g
}

// patternText says how the units of a row are written.
func patternText(r *result.ProbePages) string {
	size := verdict.Size(r.UnitBytes)
	switch r.Pattern {
	case result.PatternRecord:
		return size + " records, in sequence"
	case result.PatternPageSequential:
		return size + " pages, in sequence"
	case result.PatternPage:
		return size + " pages, at random"
	case result.PatternPageDoublewrite:
		return size + " pages, doublewrite"
	case result.PatternBatch:
		return fmt.Sprintf("%d pages to a flush", r.UnitsPerTurn)
	case result.PatternBatchDoublewrite:
		return fmt.Sprintf("%d pages, doublewrite", r.UnitsPerTurn)
	}
	return r.Pattern
}
