package stats

import (
	"encoding/json"
	"math"

	"flushbench/metrics/result"
)

// Quick reports whether r was a quick look (--quick), which claims no difference
// whatever its rounds show, and however many of them were asked for. A matrix has no
// preset of its own, but its scenario says how long its cells were to take.
func Quick(r *result.Result) bool {
	var s struct {
		Preset string `json:"preset"`
	}
	if len(r.Scenario) > 0 && json.Unmarshal(r.Scenario, &s) != nil {
		return false // a scenario that nobody can read asked for nothing
	}
	const quick = "quick"
	return r.Preset == quick || s.Preset == quick
}

// LimitOf is the limit loop whose spread differences within r are held against, nil
// without one: of a quick look one whose spread hides all of them.
func LimitOf(r *result.Result) *result.LimitSummary {
	if Quick(r) {
		return &result.LimitSummary{Spread: math.Inf(1)}
	}
	return r.Limit
}
