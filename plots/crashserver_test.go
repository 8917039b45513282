package plots

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// Of servers nobody knows what was at risk: no picture speaks of it, and none compares
// what only an engine has.
func TestCrashesOfServers(t *testing.T) {
	r := crashResult()
	for i := range r.CrashTrials {
		x := &r.CrashTrials[i]
		x.AtRiskAtCrash, x.Server = nil, &result.CrashServer{Product: "mariadb"}
	}
	var names []string
	for _, p := range All(r) {
		names = append(names, p.Name)
		if p.Name == "at-risk" && (p.Title != "What did each crash take?" || strings.Contains(p.Alt, "risk")) {
			t.Errorf("at-risk: title %q, alt %q", p.Title, p.Alt)
		}
	}
	if got := strings.Join(names, " "); got != "at-risk" {
		t.Errorf("pictures %s; want at-risk alone", got)
	}
}
