package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/workload/audit"
	"flushbench/workload/durability"
	"flushbench/workload/plan"
)

// TestAuditAddress: the database may be missing, all else may not.
func TestAuditAddress(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"mysql://u@h", "mysql://u@h:3306/information_schema"},
		{"mysql://u:p@h:1/", "mysql://u@h:1/information_schema"},
		{"mysql://u@unix(/x/y.sock)?tls=false", "mysql://u@unix(/x/y.sock)/information_schema"},
		{"postgres://u@h/", "postgres://u@h:5432/postgres"},
		{"postgres://u@unix(/x/.s.PGSQL.5432)/d", "postgres://u@unix(/x/.s.PGSQL.5432)/d"},
		{"mysql://u@h/a/b", ""},
		{"mysql://h", ""},
		{"engine", ""},
		{"", ""},
	} {
		a, err := auditAddress(c.in)
		if c.want == "" && err == nil || c.want != "" && (err != nil || a.String() != c.want) {
			t.Errorf("auditAddress(%q) = %v, %v; want %q", c.in, a, err, c.want)
		}
	}
}

// TestAuditRefuses: bad input and servers that are not there end with one line and
// exit code 2.
func TestAuditRefuses(t *testing.T) {
	there := filepath.Join(t.TempDir(), "there.yaml")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "must be one"},
		{[]string{"mysql://u:hush@h", "mysql://u:hush@h"}, "2 addresses"},
		{[]string{"sqlite://u:hush@h/d"}, "mysql://"},
		{[]string{"mysql://u:hush@h/d", "--observe", "1ms"}, "--observe 1ms"},
		{[]string{"mysql://u:hush@h/d", "--max-loss", "kernel=1s"}, "no figure"},
		{[]string{"mysql://u:hush@h/d", "--format", "csv"}, "legal values are table, json"},
		{[]string{"mysql://u:hush@h/d", "--write-scenario", there}, "left alone"},
		{[]string{"mysql://u:hush@unix(/nonexistent/s)/d"}, "/nonexistent/s"},
		{[]string{"postgres://u:hush@127.0.0.1:1/d"}, "127.0.0.1:1"},
	} {
		var out, err bytes.Buffer
		code := executeContext(t.Context(), append([]string{"audit"}, c.args...), &out, &err)
		text := err.String()
		if code != exitUsage || out.Len() > 0 || strings.Count(text, "\n") != 1 || !strings.Contains(text, c.want) || strings.Contains(text, "hush") {
			t.Errorf("audit %q: exit code %d, %q, %q; want %d and one line with %q", c.args, code, out.String(), text, exitUsage, c.want)
		}
	}
}

// TestAuditGate: exit code 4 when a crash of a kind that was asked for may take more.
func TestAuditGate(t *testing.T) {
	second := audit.Loss{Extent: audit.Interval, Seconds: 1, Most: 1.1}
	none := audit.Loss{Extent: audit.Nothing}
	r := &audit.Report{Crashes: []audit.Crash{{Kind: durability.Process, Tables: none}, {Kind: durability.OS, Tables: second}, {Kind: durability.Power, Tables: second}}}
	for _, c := range []struct {
		limits plan.Losses
		want   string
	}{
		{nil, ""},
		{plan.Losses{plan.Process: {}}, ""},
		{plan.Losses{plan.OS: {Age: 2 * time.Second}}, ""},
		{plan.Losses{plan.OS: {Age: time.Second}}, "kernel crash may take about the last 1 s: more than --max-loss os=1s"},
		{plan.Losses{plan.Power: {}}, "power cut may take about the last 1 s: more than --max-loss power=0"},
		{plan.Losses{plan.OS: {Commits: 500}}, "the rate is not known: more than --max-loss os=500"},
	} {
		err := auditGate(r, c.limits)
		var coded *codeError
		if (err == nil) != (c.want == "") || err != nil && (!errors.As(err, &coded) || coded.code != exitGate || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("auditGate(%v) = %v; want %q", &c.limits, err, c.want)
		}
	}
}

// TestAuditHelp: the whole of it.
func TestAuditHelp(t *testing.T) { golden(t, "help-audit.golden", help(t, "audit", "--help")) }

// TestPlanScenario: plan takes the rate and the workload of a scenario; flags win.
func TestPlanScenario(t *testing.T) {
	file := filepath.Join(t.TempDir(), "load.yaml")
	if err := os.WriteFile(file, []byte("workload: update\nrate: 1230\nrow-bytes: 77\nclients: 7\npolicy: [2, 1]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	never := func(string) bool { return false }
	m := planMeasure{file: file, dir: ".", budget: defaultPlanBudget}
	var o plan.Objectives
	if err := m.readScenario(&o, never); err != nil || o.TPS != 1230 {
		t.Fatalf("readScenario: %v, --tps %v; want 1230", err, o.TPS)
	}
	s, err := m.scenario(&o)
	if err != nil || s.Workload.String() != "update" || s.RowBytes != 77 || s.Rate[1] != 1230 || s.Validate() != nil {
		t.Errorf("it measures %v with rows of %d bytes at %v/s, %v; want the scenario's", s.Workload, s.RowBytes, s.Rate, err)
	}
	o.TPS = 5
	if err := m.readScenario(&o, func(name string) bool { return name == "tps" }); err != nil || o.TPS != 5 {
		t.Errorf("with --tps 5: %v, %v; want the flag to win", o.TPS, err)
	}
	m.file = filepath.Join(t.TempDir(), "none")
	if err := m.readScenario(&o, never); err == nil {
		t.Error("a file that is not there: no error")
	}
}
