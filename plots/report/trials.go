package report

import (
	"cmp"
	"fmt"
	"strconv"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// maxTrials bounds the trials that a page lists: those of the worst verdicts, then
// the first ones.
const maxTrials = 400

// trials lists the crashes one by one; nil where there were none.
func trials(r *result.Result) *Table {
	if len(r.CrashTrials) == 0 {
		return nil
	}
	binlog, server := false, true // two logs that were compared; servers alone
	for i := range r.CrashTrials {
		x := &r.CrashTrials[i]
		binlog, server = binlog || x.SyncBinlog != nil && x.Server == nil, server && x.Server != nil
	}
	t := &Table{Title: "Crash trials", About: "commits; each trial has a process, a crash and a recovery of its own", Columns: []Column{
		{"cell", true}, {"trial", false}, {"at s", false}, {"clients", true}, {"acknowledged", false}, {"lost", false}, {"oldest", false},
	}}
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
	for _, i := range shown(r.CrashTrials) {
		t.Rows = append(t.Rows, trialRow(&r.CrashTrials[i], binlog, server))
	}
	if more := len(r.CrashTrials) - len(t.Rows); more > 0 {
		t.Note += fmt.Sprintf(" %d more trials are in result.json.", more)
	}
	t.shorten()
	return &cleanTables([]Table{*t})[0]
}

// shown picks the trials to list, in their order: at most maxTrials, no violation
// left out for one that kept everything.
func shown(all []result.CrashTrial) []int {
	var out []int
	room := maxTrials
	bad := func(t *result.CrashTrial) bool {
		return !t.Control && t.Verdict != result.VerdictKept && t.Verdict != result.VerdictLostWithin
	}
	for i := range all {
		if bad(&all[i]) {
			room--
		}
	}
	for i := range all {
		if len(out) == maxTrials {
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
