package verdict

import (
	"slices"

	"flushbench/metrics/result"
)

// TraceAnswer says what an acknowledged commit that was traced is sure of: a sentence
// without its full stop, so that a picture can have it as its title.
func TraceAnswer(t *result.Trace) string {
	for i := range t.Steps {
		s := &t.Steps[i]
		if !s.Acked {
			continue
		}
		var takes []string
		for _, c := range s.Crashes {
			kind := map[string]string{"process": "a killed process", "os": "a kernel crash", "power": "a power cut"}[c.Kind]
			if kind != "" && slices.ContainsFunc(c.Outcomes, func(o string) bool { return o != result.FateCommitted && o != result.FateRecovered }) {
				takes = append(takes, kind)
			}
		}
		if len(takes) == 0 {
			return "Acknowledged, and no crash takes it"
		}
		return "Acknowledged, and yet not safe from " + list(takes)
	}
	return "A commit that was not acknowledged"
}
