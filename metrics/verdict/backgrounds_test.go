package verdict

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
)

func TestBackgrounds(t *testing.T) {
	cell := func(policy, background, load string, clients int, p99 int64, tps ...float64) result.Cell {
		c := pairCell(policy, 1, clients, load, tps...)
		c.Params.BackgroundIO = background
		for i := range c.Rounds {
			ns := p99 + int64(i)*1000
			c.Rounds[i].LatencyNS.P99 = &ns
		}
		return c
	}
	const some = "read=200MiB/s"
	r := &result.Result{Complete: true, Limit: &result.LimitSummary{Spread: 0.05}, Cells: []result.Cell{
		cell("1", some, result.LoadClosed, 8, 1e6, 500, 501, 502, 503, 504),
		cell("1", "", result.LoadClosed, 8, 1e6, 1000, 1010, 1020, 1030, 1040),
		cell("1", some, result.LoadClosed, 2, 1e6, 1, 2, 3, 4, 5), // of fewer clients: the table has it
	}}
	got := strings.Join(Answer(r), "\n")
	if want := "Beside background I/O of read=200MiB/s, 1/1 carried 0.49 times as many commits/s as without."; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	if !strings.Contains(got, "1/1 carried 1,020 commits/s at 8 clients") || strings.Count(got, "Beside") != 1 {
		t.Errorf("the cell on an idle disk does not answer for its pair, or others are compared:\n%s", got)
	}

	r.Cells = []result.Cell{
		cell("1", some, result.LoadPaced, 8, 5e6, 100, 100, 100, 100, 100),
		cell("1", "", result.LoadPaced, 8, 1e6, 100, 100, 100, 100, 100),
	}
	if got := strings.Join(backgrounds(r), "\n"); !strings.Contains(got, "1/1 had a p99 of 5.0 ms at ") || !strings.Contains(got, "1.0 ms without.") {
		t.Errorf("paced: %s", got)
	}
	if got := strings.Join(Answer(r), "\n"); strings.Count(got, "1/1 at 1,000/s") != 1 {
		t.Errorf("the cell beside background I/O answers for its pair:\n%s", got)
	}
	for i := range r.Cells[0].Rounds {
		r.Cells[0].Rounds[i].LatencyNS.P99 = nil
	}
	if got := backgrounds(r); len(got) != 0 {
		t.Errorf("without a p99: %s", got)
	}
	if got := backgrounds(&result.Result{Cells: r.Cells[:1]}); len(got) != 0 {
		t.Errorf("with nothing to compare with: %s", got)
	}
}
