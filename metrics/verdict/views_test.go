package verdict

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// viewCell is a closed-loop cell of the bank with a long-open read view, or without.
func viewCell(policy, view string, clients int, history int64, tps ...float64) result.Cell {
	c := pairCell(policy, 1, clients, result.LoadClosed, tps...)
	c.Params.LongView = view
	for i := range c.Rounds {
		c.Rounds[i].Database = &result.Database{HistoryLengthMax: history - int64(i)}
	}
	return c
}

func TestViews(t *testing.T) {
	r := &result.Result{Complete: true, Cells: []result.Cell{
		viewCell("1", "1s", 8, 7_000, 500, 501, 502, 503, 504),
		viewCell("1", "hold", 8, 9_000, 1000, 1010, 1020, 1031, 1041),
		viewCell("1", "", 8, 40, 1000, 1010, 1020, 1030, 1040),
		viewCell("2", "1s", 8, 7_000, 100, 101, 102, 103, 104),
		viewCell("1", "1s", 2, 5, 5, 5, 5, 5, 5),
	}}
	r.Limit = &result.LimitSummary{Spread: 0.05}
	got := strings.Join(Answer(r), "\n")
	for _, want := range []string{
		"1/1 carried 1,020 commits/s at 8 clients (median).",
		"With a read view held for 1s, 1/1 kept up to 7,000 undo logs and carried 0.49 times as many commits/s as without.",
		"With a read view held to the end, 1/1 kept up to 9,000 undo logs and carried 1.00 times as many commits/s as without (noise).",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Count(got, "read view") != 2 || strings.Count(got, "carried") != 3 {
		t.Errorf("more than the cells of the most clients and of 1/1 are compared:\n%s", got)
	}
	r.Cells = r.Cells[:1]
	if got := strings.Join(Answer(r), "\n"); !strings.Contains(got, "kept up to 7,000 undo logs.") {
		t.Errorf("without a cell to compare with:\n%s", got)
	}
	r.Cells[0].Params.SyncBinlog = nil
	if got := strings.Join(Answer(r), "\n"); !strings.Contains(got, "held for 1s, policy 1 kept") {
		t.Errorf("without a binlog:\n%s", got)
	}
}

// A paced pair says which log would lack what, where it matters.
func TestClassesInTheAnswer(t *testing.T) {
	five := []float64{1000, 1000, 1000, 1000, 1000}
	one, n, two := pairCell("1", 1, 8, result.LoadPaced, five...), pairCell("1", 100, 8, result.LoadPaced, five...), pairCell("2", 1, 8, result.LoadPaced, five...)
	for i := range five {
		n.Rounds[i].AtRisk.OS.EngineAheadMax, n.Rounds[i].AtRisk.OS.LostMax = int64(450+i), 8
		two.Rounds[i].AtRisk.Power.BinlogAheadMax = int64(900 - i)
	}
	got := strings.Join(Answer(&result.Result{Complete: true, Cells: []result.Cell{one, n, two}}), "\n")
	for _, want := range []string{
		"1/1 at 1,000/s, 8 clients, p50 0.30 ms: nothing was at risk.\n",
		"(900 commits); up to 454 only in the engine (replicas lack them).\n",
		"(900 commits); up to 900 only in the binlog (replicas have them).",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// A run that its write budget cut short says so.
func TestWriteBudgetIsNamed(t *testing.T) {
	r := &result.Result{Cells: []result.Cell{{Partial: true, Bound: result.BoundWriteBudget}}}
	if got := Answer(r)[0]; !strings.HasPrefix(got, "The write budget cut the run short") {
		t.Errorf("first %q", got)
	}
	r.Cells[0].Bound = result.BoundFlush
	if got := Answer(r)[0]; !strings.HasPrefix(got, "The run was cut short") {
		t.Errorf("first %q", got)
	}
}
