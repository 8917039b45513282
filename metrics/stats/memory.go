package stats

import "flushbench/metrics/result"

// minReadings is the least number of readings whose fifths say something: two each.
const minReadings = 10

// ResidentFifths returns the mean resident memory, in bytes, over the first and over the
// last fifth of a cell's readings, its rounds one after the other: what grows from commit
// to commit, or from round to round, shows between the two. ok is false where there are
// fewer than ten readings, as in a merge, an older result, and off Linux.
func ResidentFifths(c *result.Cell) (first, last float64, ok bool) {
	var all []float64
	for i := range c.Rounds {
		if m := c.Rounds[i].Memory; m != nil {
			for _, bytes := range m.Resident {
				all = append(all, float64(bytes))
			}
		}
	}
	if len(all) < minReadings {
		return 0, 0, false
	}
	n := len(all) / 5
	return Mean(all[:n]), Mean(all[len(all)-n:]), true
}
