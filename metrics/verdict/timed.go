package verdict

import (
	"math"

	"flushbench/metrics/result"
)

// TimedOneIn returns how many commits of a cell there are to one that was timed, rounded;
// 1: each was.
func TimedOneIn(c *result.Cell) int {
	commits, timed := int64(0), int64(0)
	for i := range c.Rounds {
		l := &c.Rounds[i].LatencyNS
		commits += l.Count
		if l.Timed != nil {
			timed += *l.Timed
		} else {
			timed += l.Count
		}
	}
	if timed == 0 {
		return 1
	}
	return int(math.Round(float64(commits) / float64(timed)))
}
