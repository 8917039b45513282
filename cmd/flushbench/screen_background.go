package main

import (
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
	"flushbench/workload"
)

// What stands above and below the table of background I/O.
const (
	backgroundTitle = "BACKGROUND"
	backgroundAbout = "I/O on the same disk beside the commits, past the page cache"
	backgroundNote  = "r200M+w50M/16k: 200 MiB/s of reads and 50 MiB/s of writes, 16 KiB at random"
)

// shortBackground makes r200M+w50M/16k of read=200MiB/s,write=50MiB/s,random=16KiB.
var shortBackground = strings.NewReplacer("read=", "r", ",write=", "+w", "write=", "w", ",random=", "/", "/s", "", "GiB", "G", "MiB", "M", "KiB", "k")

// backgroundName is the background I/O of a cell in few letters.
func backgroundName(p *result.Params) string {
	b := backgroundOf(p)
	if !b.Runs() {
		return "idle"
	}
	return shortBackground.Replace(b.String())
}

// backgroundOf is the background I/O of a cell; none if there is none that we know.
func backgroundOf(p *result.Params) (b workload.Background) {
	if p.BackgroundIO != "" {
		_ = b.UnmarshalText([]byte(p.BackgroundIO)) // none then
	}
	return b
}

// backgroundTable shows what the I/O beside the cells came to. "": no cell has any.
func backgroundTable(cells []*result.Cell) string {
	g := backgroundGrid(cells)
	if len(g.rows) == 0 {
		return ""
	}
	return g.String() + backgroundNote + "\n"
}

// backgroundGrid has a row for the reads and one for the writes of each cell that has
// them.
func backgroundGrid(cells []*result.Cell) *grid {
	g := &grid{columns: []column{
		{head: "pair", left: true}, {head: "clients"}, {head: "load"}, {head: "background", left: true}, {head: "kind", left: true}, {head: "MiB/s"}, {head: "p50 ms"}, {head: "p99 ms"}, {head: "left out"},
	}}
	for _, c := range cells {
		load := backgroundOf(&c.Params)
		for _, k := range []struct {
			name  string
			asked int64
			of    func(*result.Background) *result.BackgroundKind
		}{
			{"read", load.Read, func(b *result.Background) *result.BackgroundKind { return b.Read }},
			{"write", load.Write, func(b *result.Background) *result.BackgroundKind { return b.Write }},
		} {
			// over is the median over the rounds of a figure; none where no round has it.
			over := func(show func(float64) string, of func(*result.BackgroundKind) *float64) string {
				i := stats.Summarize(stats.Collect(c, func(r *result.Round) (float64, bool) {
					if r.Background == nil || k.of(r.Background) == nil {
						return 0, false
					}
					v := of(k.of(r.Background))
					if v == nil {
						return 0, false
					}
					return *v, true
				}))
				if i.N == 0 {
					return none
				}
				return show(i.Median)
			}
			time := func(ns *int64) *float64 {
				if ns == nil {
					return nil
				}
				v := float64(*ns)
				return &v
			}
			if k.asked == 0 {
				continue
			}
			g.add(pairName(c, nil), verdict.Count(float64(c.Params.Clients)), rateName(&c.Params), backgroundName(&c.Params), k.name,
				over(decimal1, func(b *result.BackgroundKind) *float64 { v := b.BytesPS / (1 << 20); return &v }),
				over(millis, func(b *result.BackgroundKind) *float64 { return time(b.LatencyNS.P50) }),
				over(millis, func(b *result.BackgroundKind) *float64 { return time(b.LatencyNS.P99) }),
				over(verdict.Count, func(b *result.BackgroundKind) *float64 { v := float64(b.Skipped); return &v }))
		}
	}
	return g
}
