package verdict

import (
	"strings"

	"flushbench/metrics/result"
)

// Found is what a result of any kind found: its answer, one sentence each, the most
// important first.
func Found(r *result.Result) []string {
	switch {
	case r.Kind == result.KindCrash:
		return CrashAnswer(r)
	case r.Kind == result.KindLesson:
		return []string{LessonsAnswer(r)}
	case r.Probe != nil:
		return probeAnswer(r.Probe)
	case r.Sweep != nil:
		return SweepSentences(r.Sweep)
	case r.Trace != nil:
		return []string{TraceAnswer(r.Trace) + "."}
	}
	return append(soaked(r), Answer(r)...)
}

// probeAnswer is what a probe found, as its screen says it.
func probeAnswer(p *result.Probe) []string {
	var out []string
	for _, s := range []string{p.Verdict, strings.Join(p.Advice, " "), p.PagesText} {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
