package verdict

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// circleCell is a made-up cell of 5 rounds with a log of so many MiB.
func circleCell(policy string, mib int64, tps, stalled, laps float64) result.Cell {
	c := result.Cell{Params: result.Params{Workload: "update", Policy: policy, Clients: 4, LogCapacityBytes: mib << 20}}
	for i := range 5 {
		c.Rounds = append(c.Rounds, result.Round{Round: i + 1, DurationS: 2, TPS: tps + float64(i), LatencyNS: result.Latency{P99: new(int64(8e9 / tps))}, Limit: result.RoundLimit{FlushPerS: 1000},
			Database: &result.Database{RedoBytes: int64(laps * float64(mib<<20)), FreeCheckNS: int64(stalled * 4 * 2e9)}})
	}
	return c
}

func TestCircleSentences(t *testing.T) {
	tight, fits, unfilled := circleCell("1", 4, 1000, 0.4, 30), circleCell("1", 64, 5000, 0, 5), circleCell("1", 1024, 5000, 0, 0.3)
	hurried, alone := circleCell("1", 4, 3000, 0, 30), circleCell("2", 4, 9000, 0, 30)
	loose, both := circleCell("2", 64, 9000, 0, 3), circleCell("1", 64, 3000, 0.2, 8)
	for name, c := range map[string]struct {
		cells []result.Cell
		want  []string
	}{
		"too small, enough": {[]result.Cell{tight, fits}, []string{
			"In a redo log of 4 MiB the write position meets the checkpoint: clients wait for room for 40.0 % of their time, 1,000 commits/s of the 5,000 with 64 MiB, p99 8.0 ms instead of 1.6. 64 MiB is enough at 5,000/s (168 MB/s of log)."}},
		"none gone round": {[]result.Cell{tight, unfilled}, []string{
			"In a redo log of 4 MiB the write position meets the checkpoint: clients wait for room for 40.0 % of their time, 1,000 commits/s of the 5,000 with 1 GiB, p99 8.0 ms instead of 1.6. No larger one was gone round in a round: which is enough is not shown."}},
		"hurried": {[]result.Cell{hurried, fits}, []string{
			"A redo log of 4 MiB makes the page cleaner hurry, though nobody waits for room, 3,000 commits/s of the 5,000 with 64 MiB, p99 2.7 ms instead of 1.6. 64 MiB is enough at 5,000/s (168 MB/s of log)."}},
		"all too small": {[]result.Cell{tight, both}, []string{
			"In a redo log of 4 MiB the write position meets the checkpoint: clients wait for room for 40.0 % of their time, 1,000 commits/s of the 3,000 with 64 MiB, p99 8.0 ms instead of 2.7. 64 MiB is too small too. A larger one was not tried: which is enough is not known."}},
		"nothing gone round": {[]result.Cell{circleCell("1", 512, 10, 0, 0.1), unfilled}, []string{
			"No redo log of those tried was gone round in a round: which is enough is not shown."}},
		"no slower": {[]result.Cell{circleCell("1", 4, 5000, 0.1, 30), fits}, []string{
			"In a redo log of 4 MiB the write position meets the checkpoint: clients wait for room for 10.0 % of their time, not clearly fewer commits/s than with 64 MiB (noise), p99 1.6 ms instead of 1.6 (noise). 64 MiB is enough"}},
		"two loads": {[]result.Cell{tight, fits, alone, loose}, []string{"policy 1, 4 clients: In a redo log", "policy 2, 4 clients: A redo log of 4 MiB is enough at 9,000/s (62.9 MB/s of log); a smaller one was not tried."}},
		"the same for two": {[]result.Cell{circleCell("1", 512, 10, 0, 0.1), unfilled, circleCell("2", 512, 10, 0, 0.1), circleCell("2", 1024, 5000, 0, 0.3)}, []string{
			"No redo log of those tried was gone round in a round: which is enough is not shown."}},
		"one capacity": {[]result.Cell{tight, alone}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := CircleSentences(&result.Result{Cells: c.cells})
			if len(got) != len(c.want) {
				t.Fatalf("CircleSentences() = %q; want %q", got, c.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("CircleSentences()[%d] =\n%s; want\n%s", i, got[i], c.want[i])
				}
			}
		})
	}
}
