package result

import (
	"encoding/csv"
	"strings"
	"testing"
)

func TestTrialsCSV(t *testing.T) {
	sync := 100
	r := &Result{Kind: KindCrash, CrashTrials: []CrashTrial{
		{Cell: "os,fs=ext4,policy=2", Trial: 1, Kind: "os", Lost: 3, Verdict: VerdictLostWithin, AtRiskAtCrash: &RiskAtCrash{Commits: 4, AgeNS: 9}, Seed: 1 << 60},
		{Cell: "process", Trial: 2, SyncBinlog: &sync, Verdict: VerdictViolation, Violations: []string{"client 1: a", "client 2: b"}},
	}}
	var b strings.Builder
	if err := WriteCellsCSV(&b, r); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v; want the head and two trials", len(rows), err)
	}
	for i, want := range []map[string]string{
		{"cell": "os,fs=ext4,policy=2", "lost": "3", "sync_binlog": "", "at_risk_commits": "4", "seed": "1152921504606846976", "violations": ""},
		{"trial": "2", "sync_binlog": "100", "at_risk_commits": "", "violations": "client 1: a; client 2: b", "verdict": "violation"},
	} {
		for k, name := range rows[0] {
			if w, ok := want[name]; ok && rows[i+1][k] != w {
				t.Errorf("trial %d, %s: %q; want %q", i+1, name, rows[i+1][k], w)
			}
		}
	}
}
