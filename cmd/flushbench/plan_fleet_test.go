package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/workload/plan"
)

// planHost is what a host measured whose disk is like a simulated one, and calls
// itself as another does.
func planHost(t *testing.T, host, disk, like string) *result.Result {
	t.Helper()
	r := *planDisk(t, disk)
	r.Environment.Host, r.Environment.Device = host, planDisk(t, like).Environment.Device
	return &r
}

// TestPlanOfAMerge: one answer for each kind of disk, the hosts that it is not for by
// name and with an answer of their own, and what holds for all.
func TestPlanOfAMerge(t *testing.T) {
	t.Parallel()
	var folders []string
	for n := range 7 {
		disk := "sata"
		if n == 3 {
			disk = "hdd"
		}
		r := planHost(t, fmt.Sprintf("db-%d", n), disk, "sata")
		folders = append(folders, saveRun(t, r))
	}
	folders = append(folders, saveRun(t, planHost(t, "edge-1", "nvme-plp", "nvme-plp")))
	out := filepath.Join(t.TempDir(), "fleet")
	if _, stderr, code := command(t, append([]string{"merge", "--no-report", "--out", out}, folders...)...); code != exitOK {
		t.Fatalf("merge = %d: %s", code, stderr)
	}
	page := filepath.Join(t.TempDir(), "page")
	stdout, stderr, code := command(t, "plan", "--tps", "5000", "--p99", "10ms", "--max-loss", "process=0,os=1s", "--from", out, "--out", page)
	if code != exitGate || !strings.Contains(stderr, "on host db-3 of") {
		t.Errorf("plan = %d: %s; want %d because of db-3", code, stderr, exitGate)
	}
	screen, at, found := strings.Cut(stdout, "\nReport  ")
	golden(t, "plan-fleet.golden", screen)
	if !found || filepath.Dir(strings.TrimSpace(at)) != page {
		t.Errorf("the screen ends with %q; want a page below %s", at, page)
	}
	if text := fileText(t, filepath.Join(page, planMarkdownFile)); strings.Count(text, "# Plan:") != 3 {
		t.Errorf("%s has %d plans; want those of the groups and of db-3", planMarkdownFile, strings.Count(text, "# Plan:"))
	}
	if text := fileText(t, filepath.Join(page, "report.html")); !strings.Contains(text, "flushbench plan for consumer SSD") || !strings.Contains(text, "db-3") {
		t.Error("the page names neither the group nor db-3")
	}
	var plans []plan.Plan
	if err := json.Unmarshal([]byte(fileText(t, filepath.Join(page, planJSONFile))), &plans); err != nil || len(plans) != 2 || plans[0].Group == nil || len(plans[0].Group.Exceptions) != 1 ||
		plans[0].Group.Exceptions[0].Plan.Verdict != plan.No || len(plans[0].Group.Hosts) != 6 {
		t.Errorf("%s: %v, %d plans; want 2, the first of 6 hosts with an exception", planJSONFile, err, len(plans))
	}
}
