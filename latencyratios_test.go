//go:build ratios

package flushbench

import (
	"os"
	"testing"
	"time"

	"flushbench/metrics/hostinfo"
	"flushbench/workload/runner"
)

// idleAwake holds idle processors as flushbench run --cpu-latency does until the test
// ends, if RATIOS_CPU_LATENCY (0, 20us) says so, and prints what is in force.
func idleAwake(t *testing.T) {
	if text := os.Getenv("RATIOS_CPU_LATENCY"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		release, err := runner.HoldCPULatency(d)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := release(); err != nil {
				t.Error(err)
			}
		})
		t.Logf("CPU latency held at %v", d)
	}
	env, err := hostinfo.Collect(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("idle processors: %s", hostinfo.IdleText(env))
}
