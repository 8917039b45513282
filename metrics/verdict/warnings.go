package verdict

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// Warnings returns what weakens the figures of a result, each once, in the order
// of screens and pages: of the run, of its cells, of its host, of other folders.
func Warnings(r *result.Result) []result.Warning {
	all := slices.Clone(r.Warnings)
	unsettled := 0
	for i := range r.Cells {
		for _, w := range r.Cells[i].Warnings {
			if w.Code == "not-settled" {
				unsettled++
				continue
			}
			all = append(all, w)
		}
	}
	if unsettled > 0 {
		all = append(all, result.Warning{Code: "not-settled", Text: fmt.Sprintf("throughput still drifted within a round in %d of %d cells", unsettled, len(r.Cells)), Advice: "Measure longer: --thorough."})
	}
	for i := range r.Environment.Servers {
		all = append(all, r.Environment.Servers[i].Warnings...)
	}
	all = append(all, r.Environment.Warnings...)
	for i := range r.Environment.Devices {
		p := &r.Environment.Devices[i]
		for _, w := range p.Warnings {
			w.Text = strings.Join(p.Holds, " and ") + ": " + w.Text
			all = append(all, w)
		}
	}
	return all
}

// WarningText is a warning as one paragraph: what is, then what to do.
func WarningText(w result.Warning) string {
	return strings.TrimSpace(strings.TrimSuffix(w.Text, ".") + ". " + w.Advice)
}
