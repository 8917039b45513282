package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// mostSwept is how many pairs ToSweep names: the recommended one and the runner-up.
const mostSwept = 2

// ToSweep are the pairs whose knee the answer hangs on, the one that matters most first:
// what is recommended and what comes next to it, but before them a safer pair that may
// do as well; where nothing is recommended the pairs that may do, or, where none
// does, the one that comes closest. A pair that may lose too much is none of them: no
// speed would help it.
func (p *Plan) ToSweep() []Pair {
	var rows []*Row
	use := p.row(p.Use)
	for i := range p.Rows {
		r := &p.Rows[i]
		if len(r.Misses) > 0 || r.Pair.flushes().Flushes() == 0 && r != use {
			continue
		}
		if r.Verdict == Yes || r.Capacity.Lo < p.NeedTPS {
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b *Row) int { return safer(a, b) })
	if r := closest(p); len(rows) == 0 && r != nil {
		rows = append(rows, r)
	}
	if i := slices.Index(rows, use); i >= mostSwept {
		rows[mostSwept-1] = use // of all that may do, what is recommended is not left out
	}
	var out []Pair
	for _, r := range rows[:min(len(rows), mostSwept)] {
		out = append(out, r.Pair)
	}
	return out
}

// sweptText says what sweeps measured, whose rate they say nothing of, and what was
// left out; nothing where nothing was swept.
func (p *Plan) sweptText() []string {
	var out, others []string
	for i := range p.Rows {
		r := &p.Rows[i]
		switch {
		case r.Swept != nil:
			out = append(out, r.sweptText(p.LimitText()))
		case r.Capacity.Model >= 1:
			others = append(others, r.Name)
		}
	}
	if len(out) > 0 && len(others) > 0 {
		out = append(out, fmt.Sprintf("Not swept: %s. How much more %s than the cells show is modelled.", strings.Join(others, ", "), carries(len(others))))
	}
	return append(out, p.Unswept...)
}

func carries(n int) string {
	if n == 1 {
		return "it carries"
	}
	return "they carry"
}

// sweptText is what a sweep says of a pair, limits being those of latency.
func (r *Row) sweptText(limits string) string {
	k := r.Swept
	at := ""
	if limits != "" {
		at = " at " + limits
	}
	var text string
	switch {
	case k.Lo > 0 && k.Hi > 0:
		text = fmt.Sprintf("%s sustains %s..%s/s%s", r.Name, count(k.Lo), count(k.Hi), at)
	case k.Lo > 0:
		text = fmt.Sprintf("%s sustains at least %s/s%s, and more was not shown to be too much", r.Name, count(k.Lo), at)
	case k.Hi > 0:
		text = fmt.Sprintf("%s sustains less than %s/s%s, and how much was not shown", r.Name, count(k.Hi), at)
	default:
		text = fmt.Sprintf("%s: a sweep showed neither end", r.Name)
	}
	text += fmt.Sprintf(", measured: a sweep of %d rounds", k.Rounds)
	switch {
	case k.Ended == result.SweepBudget:
		text += ", ended by the time budget"
	case k.Ended == result.SweepDisturbed:
		text += ", from most of which the hypervisor took too much time to show it more exactly"
	case k.Ended == result.SweepUnclear:
		text += ", which differ too much to show it more exactly"
	}
	if !k.Settled && k.Lo > 0 {
		text += "; those at the lower rate did not settle"
	}
	if c := r.Capacity; k.Lo > 0 && math.Min(c.Lo, k.Lo) < k.Lo {
		text += fmt.Sprintf("; cells contradict it, so no more than %s/s counts", count(c.Lo))
	}
	return text + "."
}
