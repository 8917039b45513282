package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

const (
	// maxTrials bounds the trials that a page lists: those of the worst verdicts, then
	// the first ones.
	maxTrials = 400
	// maxOpen is how many of them stand there open, by the same rule, where more than
	// maxUnfolded are listed.
	maxOpen, maxUnfolded = 20, 30
)

// trialList are the crashes one by one.
type trialList struct {
	Open   *Table
	Folded *Table // the others that HTML lists; nil: none
	Left   int    // how many stand in no table
}

// more says where n trials are that stand in no table; "" for none.
func more(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 more trial is in result.json."
	}
	return fmt.Sprintf("%d more trials are in result.json.", n)
}

// trials lists the crashes one by one; nil where there were none.
func trials(r *result.Result) *trialList {
	if len(r.CrashTrials) == 0 {
		return nil
	}
	t := trialTable(r)
	var listed []result.CrashTrial
	for _, i := range shown(r.CrashTrials, maxTrials) {
		listed = append(listed, r.CrashTrials[i])
		t.Rows = append(t.Rows, trialRow(&r.CrashTrials[i], t.binlog, t.server))
	}
	t.shorten()
	out := &trialList{Open: &cleanTables([]Table{t.Table})[0], Left: len(r.CrashTrials) - len(listed)}
	if len(listed) <= maxUnfolded {
		return out
	}
	all, open := out.Open.Rows, shown(listed, maxOpen)
	folded := Table{Title: "More crash trials", About: "in the same columns", Columns: out.Open.Columns, Note: more(out.Left)}
	out.Open.Rows = nil
	for i, row := range all {
		if slices.Contains(open, i) {
			out.Open.Rows = append(out.Open.Rows, row)
		} else {
			folded.Rows = append(folded.Rows, row)
		}
	}
	out.Folded = &folded
	return out
}

// trialHeads is a table of trials without rows, and what of them it has columns for.
type trialHeads struct {
	Table
	binlog bool // two logs that were compared
	server bool // servers alone
}

// trialTable returns the table for the trials of r.
func trialTable(r *result.Result) *trialHeads {
	binlog, server := false, true
	for i := range r.CrashTrials {
		x := &r.CrashTrials[i]
		binlog, server = binlog || x.SyncBinlog != nil && x.Server == nil, server && x.Server != nil
	}
	t := &trialHeads{Table: Table{Title: "Crash trials", About: "commits; each trial has a process, a crash and a recovery of its own", Columns: []Column{
		{"cell", true}, {"trial", false}, {"at s", false}, {"clients", true}, {"acknowledged", false}, {"lost", false}, {"oldest", false},
	}}, binlog: binlog, server: server}
	stopped := "Stopped: the clients were stopped first, so that what was at risk is exact. At risk: what the tracker said at that moment."
	if server {
		t.Columns = append(t.Columns, Column{"log", true}, Column{"unwritten", false}, Column{"recovery s", false})
		stopped = "Stopped: the server was stopped first. Log: flags with which the redo log was open. Unwritten: what of it was only reserved when the crash struck. Recovery: from the start of the process to its first answer."
	} else {
		t.Columns = append(t.Columns, Column{"at risk", false})
	}
	if binlog {
		t.Columns = append(t.Columns, Column{"engine ahead", false}, Column{"binlog ahead", false})
		t.Note = "Engine ahead: the binlog lacks it, and so do replicas; binlog ahead: the engine lacks it. "
	}
	t.Columns = append(t.Columns, Column{"verdict", true})
	t.Note += stopped
	return t
}

// shown picks the trials to list, in their order: at most n, no violation left out for
// one that kept everything.
func shown(all []result.CrashTrial, n int) []int {
	var out []int
	room := n
	bad := func(t *result.CrashTrial) bool {
		return !t.Control && t.Verdict != result.VerdictKept && t.Verdict != result.VerdictLostWithin
	}
	for i := range all {
		if bad(&all[i]) {
			room--
		}
	}
	for i := range all {
		if len(out) == n {
			break
		}
		if bad(&all[i]) {
			out = append(out, i)
		} else if room > 0 {
			out = append(out, i)
			room--
		}
	}
	return out
}

func trialRow(t *result.CrashTrial, binlog, server bool) []string {
	clients, atRisk, verdictText := "running", "-", t.Verdict
	if t.Moment.Frozen {
		clients = "stopped"
	}
	if t.AtRiskAtCrash != nil {
		atRisk = verdict.Count(float64(t.AtRiskAtCrash.Commits))
	}
	if t.Control {
		verdictText = "control: not caught"
		if t.Verdict == result.VerdictViolation {
			verdictText = "control: caught"
		}
	}
	oldest := "-"
	if t.Lost > 0 {
		oldest = verdict.Span(t.LostAgeNS)
	}
	row := []string{t.Cell, strconv.Itoa(t.Trial), fmt.Sprintf("%.2f", float64(t.Moment.AtNS)/1e9), clients,
		verdict.Count(float64(t.Acked)), verdict.Count(float64(t.Lost)), oldest}
	if server {
		row = append(row, ofServer(t.Server)...)
	} else {
		row = append(row, atRisk)
	}
	if binlog {
		row = append(row, verdict.Count(float64(t.EngineAhead)), verdict.Count(float64(t.BinlogAhead)))
	}
	return append(row, verdictText)
}

// ofServer is how the redo log was open, what of it was never written, and how long
// recovery took.
func ofServer(s *result.CrashServer) []string {
	unwritten, took := "-", "-"
	if s.LogUnwritten != nil {
		unwritten = hostinfo.Bytes(*s.LogUnwritten)
	}
	if s.RecoveryNS > 0 {
		took = fmt.Sprintf("%.2f", float64(s.RecoveryNS)/1e9)
	}
	return []string{cmp.Or(s.LogFlags, "-"), unwritten, took}
}
