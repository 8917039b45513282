package verdict

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// Warnings returns what weakens the figures of a result, each once, in the order
// of screens and pages: of the run, of its cells, of its servers and host, of other
// folders.
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
	others := busyCells(r)
	all = append(all, others...)
	for _, w := range r.Environment.Warnings {
		if len(others) == 0 || w.Code != "busy-during-run" { // which says the same of the whole run
			all = append(all, w)
		}
	}
	for i := range r.Environment.Devices {
		p := &r.Environment.Devices[i]
		for _, w := range p.Warnings {
			w.Text = strings.Join(p.Holds, " and ") + ": " + w.Text
			all = append(all, w)
		}
	}
	return all
}

// othersLimit is from which share of the processors' time on, in percent, other processes
// are warned of.
const othersLimit = 10

// busyCells warns of cells in which other processes took more of the processors than
// othersLimit over all their rounds. Of rounds that did not record it nothing is said.
func busyCells(r *result.Result) []result.Warning {
	busy, worst, most := 0, "", 0.0
	for i := range r.Cells {
		taken, length := 0.0, 0.0
		for j := range r.Cells[i].Rounds {
			if x := &r.Cells[i].Rounds[j]; x.OtherCPUPercent != nil {
				taken, length = taken+*x.OtherCPUPercent*x.DurationS, length+x.DurationS
			}
		}
		if length == 0 || taken/length <= othersLimit {
			continue
		}
		if busy++; taken/length > most {
			worst, most = r.Cells[i].Name, taken/length
		}
	}
	if busy == 0 {
		return nil
	}
	return []result.Warning{{Code: "busy-cells",
		Text:   fmt.Sprintf("other processes took more than %d %% of the processors' time in %d of %d cells, the most in %s: %.0f %%", othersLimit, busy, len(r.Cells), worst, most),
		Advice: "Stop what else runs, then measure again."}}
}

// WarningText is a warning as one paragraph: what is, then what to do.
func WarningText(w result.Warning) string {
	return strings.TrimSpace(strings.TrimSuffix(w.Text, ".") + ". " + w.Advice)
}
