package verdict

import (
	"fmt"
	"time"

	"flushbench/metrics/result"
)

// SoakBlock says of every cell of a soak whether and when it changed, and what
// remained; nil where nothing was soaked.
func SoakBlock(r *result.Result, width int) []string {
	sentences := soaked(r)
	if len(sentences) == 0 {
		return nil
	}
	return Block("SOAK", sentences, width)
}

// soaked are the sentences about every cell of a soak.
func soaked(r *result.Result) (sentences []string) {
	several := 0
	for i := range r.Cells {
		if r.Cells[i].Soak != nil {
			several++
		}
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Soak == nil {
			continue
		}
		name := "It"
		if several > 1 {
			name = c.Name
		}
		sentences = append(sentences, SoakSentences(name, c.Soak)...)
	}
	return sentences
}

// SoakSentences describe one soak.
func SoakSentences(name string, s *result.Soak) []string {
	active := duration(s.ActiveNS)
	switch {
	case !s.Enough:
		return []string{fmt.Sprintf("%s was under load for %s: too short to tell whether it is steady.", name, active)}
	case s.Steady:
		return []string{fmt.Sprintf("%s was steady for %s under load.", name, active)}
	case len(s.Changes) == 0: // no result of ours
		return []string{fmt.Sprintf("%s was under load for %s, not steady: what changed is not written down.", name, active)}
	}
	var out []string
	for i := range s.Changes {
		c := &s.Changes[i]
		text := fmt.Sprintf("%s changed after %s: %s.", name, duration(c.AtNS), soakText(c))
		if c.Figure != result.SoakTPS && c.TPSBefore > 0 && (c.TPSAfter < 0.95*c.TPSBefore || c.TPSAfter > 1.05*c.TPSBefore) {
			text += fmt.Sprintf(" Commits/s went from %s to %s.", Count(Significant(c.TPSBefore, 3)), Count(Significant(c.TPSAfter, 3)))
		}
		out = append(out, text)
	}
	last := &s.Changes[len(s.Changes)-1]
	text := fmt.Sprintf("What remains: %s commits/s", Count(Significant(last.TPSAfter, 3)))
	if last.P99After != nil {
		text += fmt.Sprintf(", p99 %s ms", Milliseconds(*last.P99After))
	}
	return append(out, text+fmt.Sprintf("; %s under load in all.", active))
}

// soakText is what changed, from what to what.
func soakText(c *result.SoakChange) string {
	if c.Figure == result.SoakTPS {
		return fmt.Sprintf("%s commits/s instead of %s", Count(Significant(c.After, 3)), Count(Significant(c.Before, 3)))
	}
	name := map[string]string{result.SoakMean: "the mean latency", result.SoakP99: "p99", result.SoakFlush: "a flush"}[c.Figure]
	text := fmt.Sprintf("%s takes %s ms instead of %s", name, Milliseconds(c.After), Milliseconds(c.Before))
	if c.Before > 0 && c.After > c.Before {
		text += fmt.Sprintf(" (%.2g times as long)", c.After/c.Before)
	}
	return text
}

// duration is a span as one says it: 42 s, 12 min, 2.0 h.
func duration(ns int64) string {
	switch d := time.Duration(ns); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	default:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
}
