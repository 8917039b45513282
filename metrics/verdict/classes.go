package verdict

import (
	"fmt"
	"strings"

	"flushbench/metrics/result"
)

// classWords says which log would lack what a crash takes of two, for the crash
// that sets the logs apart the most: "up to 900 only in the engine (replicas lack
// them)". "": neither log would be ahead of the other.
func classWords(r *result.AtRisk) string {
	if r == nil {
		return ""
	}
	worst := r.Process
	for _, k := range []result.Risk{r.OS, r.Power} {
		if k.EngineAheadMax+k.BinlogAheadMax > worst.EngineAheadMax+worst.BinlogAheadMax {
			worst = k
		}
	}
	var parts []string
	if n := worst.EngineAheadMax; n > 0 {
		parts = append(parts, fmt.Sprintf("up to %s only in the engine (replicas lack them)", Count(float64(n))))
	}
	if n := worst.BinlogAheadMax; n > 0 {
		parts = append(parts, fmt.Sprintf("up to %s only in the binlog (replicas have them)", Count(float64(n))))
	}
	return strings.Join(parts, ", ")
}
