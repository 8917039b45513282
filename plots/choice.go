package plots

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// choice is the combination of settings that pictures show, and what was left
// out for it.
type choice struct {
	cells  []cell
	others int      // combinations that are not shown
	named  []string // the values of the settings in which they differ
}

// choose returns the combination with the fewest special settings; of several
// the one that has most policies, then most cells, then comes first.
func choose(cells []*result.Cell, key func(result.Params) result.Params) choice {
	var order []result.Params
	groups := map[result.Params][]*result.Cell{}
	for _, c := range cells {
		k := key(c.Params)
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], c)
	}
	if len(order) == 0 {
		return choice{}
	}
	policies := func(k result.Params) int {
		seen := map[string]bool{}
		for _, c := range groups[k] {
			seen[c.Params.Policy] = true
		}
		return len(seen)
	}
	best := slices.MinFunc(order, func(a, b result.Params) int {
		return cmp.Or(cmp.Compare(len(specials(&a)), len(specials(&b))),
			cmp.Compare(policies(b), policies(a)), cmp.Compare(len(groups[b]), len(groups[a])))
	})
	out := choice{others: len(order) - 1, named: apart(&best, order)}
	if best.Target == "" && !slices.Contains(out.named, onEngine) && slices.ContainsFunc(order, func(k result.Params) bool { return k.Target != "" }) {
		out.named = append([]string{onEngine}, out.named...) // said even where something else tells it too
	}
	for _, c := range groups[best] {
		out.cells = append(out.cells, cell{c, stats.SummarizeCell(c)})
	}
	return out
}

// apart names the settings that tell a combination from all the others: each
// one in which it differs from a combination that those before it, and what is
// special about it, do not tell it from. So a binlog is named, and not also its
// format where the others have none.
func apart(of *result.Params, order []result.Params) []string {
	special := func(s *setting) bool { return s.special != nil && s.special(of) } // about says them
	others := slices.Clone(order)
	var out []string
	for _, said := range []bool{true, false} {
		for i := range settings {
			s := &settings[i]
			name := s.name(of)
			if name == "" || special(s) != said {
				continue
			}
			before := len(others)
			others = slices.DeleteFunc(others, func(o result.Params) bool { return s.name(&o) != name })
			if !said && len(others) < before {
				out = append(out, name)
			}
		}
	}
	return out
}

// specials names the settings of a combination that are special.
func specials(p *result.Params) []string {
	var out []string
	for _, s := range settings {
		if s.special != nil && s.special(p) {
			out = append(out, s.name(p))
		}
	}
	return out
}

// about says what was measured, for a subtitle.
func (ch *choice) about() string {
	if len(ch.cells) == 0 {
		return ""
	}
	p := &ch.cells[0].Params
	parts := []string{"workload " + p.Workload}
	if p.Rows > 0 {
		parts = append(parts, verdict.Count(float64(p.Rows))+" rows")
	} else if p.RecordBytes > 0 {
		parts = append(parts, size(p.RecordBytes)+" a commit")
	}
	parts = append(parts, p.FlushMethod)
	return strings.Join(nonEmpty(append(parts, specials(p)...)), ", ")
}

// rounds says what the points and bars are.
func (ch *choice) rounds() string {
	n := 0
	for _, c := range ch.cells {
		n = max(n, c.sum.TPS.N)
	}
	if n < 2 {
		return "one round, so no range"
	}
	return fmt.Sprintf("median of %d rounds, bars:\u00a0lowest..highest", n)
}

// rest says what was left out; "" when nothing was.
func (ch *choice) rest() string {
	if ch.others == 0 {
		return ""
	}
	left := count(ch.others, "more combination") + " in result.json"
	if len(ch.named) == 0 {
		return left
	}
	return "shown: " + strings.Join(ch.named, ", ") + "; " + left
}
