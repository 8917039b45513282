package verdict

import (
	"fmt"
	"strings"
	"testing"

	"flushbench/metrics/stats"
)

// diffOf is a comparison of n cells without a difference, changed by change.
func diffOf(n int, change func(*stats.Diff)) *stats.Diff {
	d := &stats.Diff{Limit: &stats.Delta{Ratio: 1.01}}
	for i := range n {
		d.Cells = append(d.Cells, stats.CellDiff{
			Name: fmt.Sprintf("cell %d", i+1), Metric: stats.MetricThroughput, Outcome: stats.Noise, Raw: stats.Delta{Ratio: 1.001}, Change: 1.001,
		})
	}
	if change != nil {
		change(d)
	}
	return d
}

// moved makes cell i of d faster or slower by ratio.
func moved(d *stats.Diff, i int, ratio float64) {
	c := &d.Cells[i]
	c.Raw.Ratio, c.Change, c.Outcome = ratio, ratio, stats.Slower
	if ratio > 1 {
		c.Outcome = stats.Faster
	}
}

func TestCompareSentencesFollowTheData(t *testing.T) {
	for _, c := range []struct {
		name   string
		cells  int
		change func(*stats.Diff)
		want   string
	}{
		{"nothing", 0, nil, "Nothing to compare: no cell of a has a partner with the same parameters in b."},
		{"same", 4, nil, "No difference shows in 4 cells."},
		{"one", 1, nil, "No difference shows in 1 cell."},
		{"slower", 4, func(d *stats.Diff) { moved(d, 1, 0.9); moved(d, 2, 0.8) },
			"Of 4 cells 2 slower, 0 faster in b; no difference shows in 2.\nMost: cell 3, 20 % less commits/s."},
		{"both ways", 3, func(d *stats.Diff) { moved(d, 0, 0.975); moved(d, 2, 1.5) },
			"Of 3 cells 1 slower, 1 faster in b; no difference shows in 1.\nMost: cell 1, 2.5 % less commits/s.\nMost: cell 3, 50 % more commits/s."},
		{"beside the limit", 1, func(d *stats.Diff) { moved(d, 0, 0.8); d.Cells[0].PerLimit = &stats.Delta{Ratio: 0.85} },
			"Of 1 cell 1 slower, 0 faster in b; no difference shows in 0.\nMost: cell 1, 20 % less commits/s (15 % less beside the limit of the same round)."},
		{"a latency", 1, func(d *stats.Diff) { moved(d, 0, 0.8); d.Cells[0].Metric, d.Cells[0].Raw.Ratio = stats.MetricP50, 1.25 },
			"Of 1 cell 1 slower, 0 faster in b; no difference shows in 0.\nMost: cell 1, 25 % more p50 latency."},
		{"chance", 20, nil, "No difference shows in 20 cells.\nOf 20 equal cells up to about 1 would be called different by chance (p < 0.05)."},
		{"drift", 1, func(d *stats.Diff) { d.Drifted, d.Limit.Ratio = true, 0.88 },
			"The disk drifted between the runs: the limit loop gave 12 % less flushes/s in b than in a.\nNo difference shows in 1 cell."},
		{"drift of the binlog's disk", 1, func(d *stats.Diff) { d.BinlogDrifted, d.BinlogLimit = true, &stats.Delta{Ratio: 1.5} },
			"The binlog's disk drifted between the runs: its limit loop gave 50 % more flushes/s in b than in a.\nNo difference shows in 1 cell."},
		{"another setup", 1, func(d *stats.Diff) {
			d.Drifted, d.Limit.Ratio, d.LimitSetups = true, 1.53, []string{"cpu.idle.latency_limit_ns"}
		}, "The limit loop gave 53 % more flushes/s in b than in a, but not with the same setup: cpu.idle.latency_limit_ns differs. So what the disk itself did between the runs cannot be told.\nNo difference shows in 1 cell."},
		{"two of them", 1, func(d *stats.Diff) {
			d.BinlogDrifted, d.BinlogLimit, d.BinlogLimitSetups = true, &stats.Delta{Ratio: 0.5}, []string{"kernel", "devices"}
		}, "The binlog's limit loop gave 50 % less flushes/s in b than in a, but not with the same setup: kernel and devices differ. So what the binlog's disk itself did between the runs cannot be told.\nNo difference shows in 1 cell."},
		{"another machine", 1, func(d *stats.Diff) {
			d.Drifted, d.Limit.Ratio, d.LimitSetups = true, 0.5, []string{"host", "kernel", "filesystem", "device.name", "limit.flush_method"}
			d.Blocked = []string{stats.OtherHost}
		}, "Nothing is claimed: b was measured on another host, so a difference may be the machine's.\nThe limit loop gave 50 % less flushes/s in b than in a, but not with the same setup: host, kernel, filesystem and 2 more differ. So what the disk itself did between the runs cannot be told."},
		{"another setup of the binlog's disk alone", 1, func(d *stats.Diff) {
			d.Drifted, d.Limit.Ratio, d.BinlogLimitSetups = true, 0.88, []string{"devices"}
		}, "The disk drifted between the runs: the limit loop gave 12 % less flushes/s in b than in a.\nNo difference shows in 1 cell."},
		{"another setup, and nothing drifted", 1, func(d *stats.Diff) { d.LimitSetups = []string{"kernel"} }, "No difference shows in 1 cell."},
		{"hidden by another setup", 2, func(d *stats.Diff) { d.Cells[1].Outcome, d.Cells[1].Reason = stats.Inconclusive, stats.ReasonSetup },
			"No difference shows in 1 cell.\nInconclusive in 1 cell: the limit loop had another setup too. Measure both setups twice, in turns: two runs of one of them show what the disk does by itself."},
		{"a noisy limit", 1, func(d *stats.Diff) { d.Cells[0].Outcome, d.Cells[0].Reason = stats.Inconclusive, stats.ReasonNoisy },
			"Nothing can be said about any cell.\nInconclusive in 1 cell: the limit is too noisy to tell a difference from the disk's drift. Measure more rounds (--rounds 20)."},
		{"another host", 2, func(d *stats.Diff) { d.Blocked = []string{stats.OtherHost, stats.OtherDevice} },
			"Nothing is claimed: b was measured on another host and another device, so a difference may be the machine's."},
		{"few rounds", 2, func(d *stats.Diff) {
			for i := range d.Cells {
				d.Cells[i].Outcome, d.Cells[i].Reason = stats.Inconclusive, stats.ReasonFewRounds
			}
		}, "Nothing can be said about any cell.\nInconclusive in 2 cells: too few rounds. Both need 5 rounds or more (--rounds 10)."},
		{"other rate", 2, func(d *stats.Diff) { d.Cells[1].Outcome, d.Cells[1].Reason = stats.Inconclusive, stats.ReasonRate },
			"No difference shows in 1 cell.\nInconclusive in 1 cell: paced at another rate. Give both runs the same --rate."},
		{"hidden", 2, func(d *stats.Diff) { d.Cells[1].Outcome, d.Cells[1].Reason = stats.Inconclusive, stats.ReasonDrift },
			"No difference shows in 1 cell.\nInconclusive in 1 cell: the disk drifted between the runs. Measure both again, close together."},
	} {
		if got := strings.Join(Compare(diffOf(c.cells, c.change)), "\n"); got != c.want {
			t.Errorf("%s: Compare() =\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestChange(t *testing.T) {
	for ratio, want := range map[float64]string{1: "0.0 % more", 0.8: "20 % less", 1.035: "3.5 % more", 0.905: "9.5 % less", 3: "200 % more"} {
		if got := Change(ratio); got != want {
			t.Errorf("Change(%v) = %q; want %q", ratio, got, want)
		}
	}
}
