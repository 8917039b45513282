package result

import (
	"io"
	"strconv"
	"strings"
)

// trialColumn is one column of the table of crash trials.
type trialColumn struct {
	name  string
	value func(*CrashTrial) string
}

// trialColumns is the one table of cells.csv of a crash matrix: one row a trial.
var trialColumns = []trialColumn{
	{"cell", func(t *CrashTrial) string { return t.Cell }},
	{"trial", func(t *CrashTrial) string { return strconv.Itoa(t.Trial) }},
	{"kind", func(t *CrashTrial) string { return t.Kind }},
	{"control", func(t *CrashTrial) string { return strconv.FormatBool(t.Control) }},
	{"filesystem", func(t *CrashTrial) string { return t.Filesystem }},
	{"workload", func(t *CrashTrial) string { return t.Workload }},
	{"policy", func(t *CrashTrial) string { return t.Policy }},
	{"sync_binlog", func(t *CrashTrial) string {
		if t.SyncBinlog == nil {
			return ""
		}
		return strconv.Itoa(*t.SyncBinlog)
	}},
	{"flush_method", func(t *CrashTrial) string { return t.FlushMethod }},
	{"frozen", func(t *CrashTrial) string { return strconv.FormatBool(t.Moment.Frozen) }},
	{"at_ns", func(t *CrashTrial) string { return integer(t.Moment.AtNS) }},
	{"acked", func(t *CrashTrial) string { return integer(t.Acked) }},
	{"recovered", func(t *CrashTrial) string { return integer(t.Recovered) }},
	{"lost", func(t *CrashTrial) string { return integer(t.Lost) }},
	{"engine_ahead", func(t *CrashTrial) string { return integer(t.EngineAhead) }},
	{"binlog_ahead", func(t *CrashTrial) string { return integer(t.BinlogAhead) }},
	{"missing", func(t *CrashTrial) string { return integer(t.Missing) }},
	{"safe_gone", func(t *CrashTrial) string { return integer(t.SafeGone) }},
	{"lost_age_ns", func(t *CrashTrial) string { return integer(t.LostAgeNS) }},
	{"at_risk_commits", predicted(func(r *RiskAtCrash) int64 { return r.Commits })},
	{"at_risk_age_ns", predicted(func(r *RiskAtCrash) int64 { return r.AgeNS })},
	{"at_risk_lost", predicted(func(r *RiskAtCrash) int64 { return r.Lost })},
	{"sample_age_ns", predicted(func(r *RiskAtCrash) int64 { return r.SampleAgeNS })},
	{"verdict", func(t *CrashTrial) string { return t.Verdict }},
	{"violations", func(t *CrashTrial) string { return strings.Join(t.Violations, "; ") }},
	{"commit_protocol", func(t *CrashTrial) string { return t.CommitProtocol }},
	{"point", func(t *CrashTrial) string { return t.Moment.Point }},
	{"diverged_rows", func(t *CrashTrial) string { return strconv.Itoa(t.DivergedRowCount) }},
	{"seed", func(t *CrashTrial) string { return strconv.FormatUint(t.Seed, 10) }},
}

// predicted is a column that is empty where nothing was predicted.
func predicted(of func(*RiskAtCrash) int64) func(*CrashTrial) string {
	return func(t *CrashTrial) string {
		if t.AtRiskAtCrash == nil {
			return ""
		}
		return integer(of(t.AtRiskAtCrash))
	}
}

// writeTrialsCSV writes one row a crash trial.
func writeTrialsCSV(w io.Writer, trials []CrashTrial) error {
	rows := [][]string{nil}
	for _, col := range trialColumns {
		rows[0] = append(rows[0], col.name)
	}
	for i := range trials {
		row := make([]string, len(trialColumns))
		for k, col := range trialColumns {
			row[k] = col.value(&trials[i])
		}
		rows = append(rows, row)
	}
	return writeCSV(w, rows)
}
