package verdict

import (
	"cmp"
	"slices"

	"flushbench/metrics/result"
)

// Axes names on screens what a cell is set to on the axes that take a safeguard away
// or give it another size; each is "" where the cell has no such thing.
var (
	// Protocol is the commit protocol of two logs.
	Protocol = func(p *result.Params) string {
		if p.SyncBinlog == nil || p.Target != "" {
			return ""
		}
		return cmp.Or(p.CommitProtocol, "2pc")
	}
	// Timer is how the timer flush stands under the policies that have one.
	Timer = func(p *result.Params) string {
		switch {
		case p.Policy != "0" && p.Policy != "2":
			return ""
		case p.NoTimer:
			return "no timer"
		case p.FlushIntervalNS == 0:
			return ""
		}
		return "timer " + Span(p.FlushIntervalNS)
	}
	// Doublewrite is the protection of pages, short enough for a column.
	Doublewrite = func(p *result.Params) string {
		switch {
		case p.NoDoublewrite:
			return "no dblwr"
		case p.BufferPoolBytes == 0:
			return ""
		}
		return "dblwr"
	}
	// Forced is what makes a commit durable.
	Forced = func(p *result.Params) string { return p.Durability }
	// LogCapacity, LogBufferSize and BufferPool are sizes.
	LogCapacity   = func(p *result.Params) string { return sized("log", p.LogCapacityBytes) }
	LogBufferSize = func(p *result.Params) string { return sized("buffer", p.LogBufferBytes) }
	BufferPool    = func(p *result.Params) string { return sized("pool", p.BufferPoolBytes) }
)

func sized(what string, bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return what + " " + Size(bytes)
}

// SafeguardAxes are all of these, in the order in which a cell's name has them.
func SafeguardAxes() []func(*result.Params) string {
	return []func(*result.Params) string{Protocol, Timer, Doublewrite, Forced, LogCapacity, LogBufferSize, BufferPool}
}

// Without returns the safeguards that were taken away from every cell that could have
// them, in words. Where only some cells lack one, their names say so.
func Without(r *result.Result) (words []string) {
	for _, s := range []struct{ axis, off func(*result.Params) string }{
		{Protocol, func(p *result.Params) string {
			if p.CommitProtocol == "" {
				return ""
			}
			return "no two-phase commit (" + p.CommitProtocol + ")"
		}},
		{Timer, func(p *result.Params) string {
			if !p.NoTimer {
				return ""
			}
			return "no flush timer"
		}},
		{Doublewrite, func(p *result.Params) string {
			if !p.NoDoublewrite {
				return ""
			}
			return "no doublewrite"
		}},
	} {
		var seen []string
		for i := range r.Cells {
			p := &r.Cells[i].Params
			if c := r.Cells[i].Crash; c != nil && c.Control != "" || s.axis(p) == "" {
				continue
			}
			if text := s.off(p); !slices.Contains(seen, text) {
				seen = append(seen, text)
			}
		}
		if len(seen) == 1 && seen[0] != "" {
			words = append(words, seen[0])
		}
	}
	return words
}
