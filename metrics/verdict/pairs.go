package verdict

import (
	"fmt"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// pairs returns the sentences of a run with a binlog, where a setting is a pair:
// policy and sync_binlog. nil: no cell has a binlog.
func pairs(r *result.Result) []string {
	var paced, closed []*result.Cell
	for i := range r.Cells {
		switch c := &r.Cells[i]; {
		case c.Params.Target != "" && c.Params.Load != result.LoadPaced: // besideSentences has them
		case c.Params.SyncBinlog == nil || len(stats.FullRounds(c)) == 0:
		case c.Params.Load == result.LoadPaced:
			paced = append(paced, c)
		default:
			closed = append(closed, c)
		}
	}
	if len(paced)+len(closed) == 0 {
		return nil
	}
	out := []string{"A setting is policy/sync_binlog: 1/1 flushes both logs before a commit is acknowledged."}
	for _, c := range alone(paced) {
		out = append(out, pacedPair(c))
	}
	if len(paced) == 0 {
		out = append(out, "No paced cell was measured: what each pair may lose at a given rate is not known.")
	}
	return append(out, closedPairs(alone(closed), noise(r))...)
}

// pairText names a cell's pair.
func pairText(p *result.Params) string { return fmt.Sprintf("%s/%d", p.Policy, *p.SyncBinlog) }

// onTarget is the server of a cell before its setting; "": the engine.
func onTarget(p *result.Params) string {
	if p.Target == "" {
		return ""
	}
	return p.Target + " "
}

// pacedPair says what a pair costs and risks at a rate.
func pacedPair(c *result.Cell) string {
	s := stats.SummarizeCell(c)
	f := &facts{cell: c, tps: s.TPS, risk: s.AtRisk}
	text := fmt.Sprintf("%s at %s/s, %d clients", onTarget(&c.Params)+pairText(&c.Params), Count(c.Params.Rate), c.Params.Clients)
	if !f.keptUp() {
		return fmt.Sprintf("%s: did not keep up (%s/s).", text, Count(s.TPS.Median))
	}
	if p := s.LatencyNS.P50; p != nil {
		text += fmt.Sprintf(", p50 %s ms", Milliseconds(p.Median))
	}
	text += ": " + riskWords(f)
	if words := classWords(s.AtRisk); words != "" {
		text += "; " + words
	}
	return text + "."
}

// alone leaves the cells out beside which something else ran, which are compared with
// those without it and not among each other; if there are no others, it returns all.
func alone(cells []*result.Cell) []*result.Cell {
	var plain []*result.Cell
	for _, c := range cells {
		if c.Params.Alone() {
			plain = append(plain, c)
		}
	}
	if len(plain) == 0 {
		return cells
	}
	return plain
}

// basePair is the cell that others are compared with: 1/1, or else the first, of the
// most clients. nil: there is none.
func basePair(cells []*result.Cell) (base *result.Cell) {
	for _, c := range cells {
		switch {
		case base == nil, c.Params.Clients > base.Params.Clients:
			base = c
		case c.Params.Clients == base.Params.Clients && settingText(&c.Params) == "1/1" && settingText(&base.Params) != "1/1":
			base = c
		}
	}
	return base
}

// closedPairs compares the pairs of the most clients with 1/1, or with the first.
func closedPairs(cells []*result.Cell, noise float64) []string {
	base := basePair(cells)
	if base == nil {
		return nil
	}
	tps := func(c *result.Cell) (v []float64) {
		for _, r := range stats.FullRounds(c) {
			v = append(v, r.TPS)
		}
		return v
	}
	out := []string{fmt.Sprintf("%s carried %s commits/s at %d clients (median).", pairText(&base.Params), Count(stats.Median(tps(base))), base.Params.Clients)}
	for _, c := range cells {
		same := c.Params
		same.Policy, same.Policy0Style, same.SyncBinlog = base.Params.Policy, base.Params.Policy0Style, base.Params.SyncBinlog
		if c == base || same != base.Params {
			continue
		}
		cmp := stats.Compare(tps(base), tps(c), noise)
		out = append(out, fmt.Sprintf("%s carried %.2f times as many%s.", pairText(&c.Params), cmp.Ratio, unlessTold(cmp.Outcome)))
	}
	return out
}

// unlessTold adds the outcome to a ratio that is no difference; "" to one that is.
func unlessTold(o stats.Outcome) string {
	if o == stats.Faster || o == stats.Slower {
		return ""
	}
	return fmt.Sprintf(" (%v)", o)
}
