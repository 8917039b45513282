package verdict

import (
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// What was taken away from all cells is said once; where some have it, their names say
// which. A policy without a timer lacks none.
func TestWithout(t *testing.T) {
	one := 1
	bank := result.Params{Policy: "2", SyncBinlog: &one, BufferPoolBytes: 1, FlushIntervalNS: 1e9, LogCapacityBytes: 1 << 20}
	with := func(change func(*result.Params)) result.Cell {
		p := bank
		change(&p)
		return result.Cell{Params: p}
	}
	bare := with(func(p *result.Params) { p.NoDoublewrite, p.CommitProtocol = true, "redo-first" })
	noTimer := with(func(p *result.Params) { p.NoTimer, p.FlushIntervalNS = true, 0 })
	noTimer1 := with(func(p *result.Params) { p.NoTimer, p.FlushIntervalNS, p.Policy = true, 0, "1" })
	plain := with(func(*result.Params) {})
	log := with(func(p *result.Params) { p.SyncBinlog, p.BufferPoolBytes = nil, 0 })
	for name, c := range map[string]struct {
		cells []result.Cell
		want  []string
	}{
		"nothing":          {[]result.Cell{plain, log}, nil},
		"two safeguards":   {[]result.Cell{bare, log}, []string{"no two-phase commit (redo-first)", "no doublewrite"}},
		"some have them":   {[]result.Cell{bare, plain}, nil},
		"no timer":         {[]result.Cell{noTimer, noTimer1}, []string{"no flush timer"}},
		"policy 1 alone":   {[]result.Cell{noTimer1}, nil},
		"a control beside": {[]result.Cell{bare, {Params: bank, Crash: &result.CrashCell{Control: "none"}}}, []string{"no two-phase commit (redo-first)", "no doublewrite"}},
	} {
		if got := Without(&result.Result{Cells: c.cells}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q; want %q", name, got, c.want)
		}
	}
	var names []string
	for _, axis := range SafeguardAxes() {
		names = append(names, axis(&bare.Params))
	}
	if got := strings.Join(names, "|"); got != "redo-first|timer 1.00 s|no dblwr||log 1 MiB||pool 1 B" {
		t.Errorf("axes of a cell: %q", got)
	}
	if got := Protocol(&plain.Params) + Timer(&noTimer.Params) + Timer(&noTimer1.Params) + Doublewrite(&log.Params) + Protocol(&log.Params); got != "2pcno timer" {
		t.Errorf("axes: %q", got)
	}
}

// Logs that differ are no loss, unless something was lost too.
func TestCrashDiverged(t *testing.T) {
	x := result.CrashTrial{Kind: "os", Policy: "1", CommitProtocol: "binlog-first", Verdict: result.VerdictDiverged, BinlogAhead: 2,
		Differences: []result.Difference{{Log: "binlog", Client: 4, Seq: 9, Acked: true, Rows: []uint64{1, 2, 3, 4, 5, 6}}}}
	got := strings.Join(CrashAnswer(crashed(x, x)), "\n")
	for _, want := range []string{
		"Policy 1 left its logs different, and lost nothing acknowledged, after a simulated kernel crash in 2 of 2 (up to 2 binlog ahead).",
		"the binlog has transaction 9 of client 4, the engine lacks it (the client had been told of it). So rows 1, 2, 3, 4 and 2 more are not the same on a replica, or after a restore.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	lost := x
	lost.Verdict, lost.Lost, lost.LostAgeNS = result.VerdictLostWithin, 3, 1e6
	if got := strings.Join(CrashAnswer(crashed(x, lost)), "\n"); strings.Contains(got, "lost nothing") || !strings.Contains(got, "Policy 1 lost to a simulated kernel crash up to 3 (1.0 ms) and 2 binlog ahead in 2 of 2") {
		t.Errorf("with a loss: %q", got)
	}
	if got := rowsAre([]uint64{7}); got != "row 7 is" {
		t.Errorf("one row: %q", got)
	}
	c := &result.CrashCell{Point: "between-logs"}
	if got := crashPoint(c); got != ", crashed between its logs," {
		t.Errorf("point: %q", got)
	}
	if c.Point = "before-sync"; crashPoint(c) != ", crashed before sync," || crashPoint(&result.CrashCell{}) != "" {
		t.Errorf("point: %q", crashPoint(c))
	}
}

// Without a timer a window is as long as somebody watched, and the answer says so.
func TestRiskWithoutTimer(t *testing.T) {
	f := &facts{cell: &result.Cell{}, risk: &result.AtRisk{OS: result.Risk{CommitsMax: 10, AgeNSMax: 3e9}}}
	if got := riskWords(f); strings.Contains(got, "timer") {
		t.Errorf("with a timer: %q", got)
	}
	f.cell.Params.NoTimer = true
	if got := riskWords(f); !strings.HasSuffix(got, "(10 commits); there is no timer, so that grows until something else flushes") {
		t.Errorf("without: %q", got)
	}
}
