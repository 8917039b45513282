package main

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// TestCompareDoesNotBlameTheDisk: where idle processors were held to another limit, no
// line says that the disk drifted; where only the limit loop differs, they do.
func TestCompareDoesNotBlameTheDisk(t *testing.T) {
	for _, held := range []bool{false, true} {
		a, b := compared(10, 1), compared(10, 1)
		for _, r := range []*result.Result{a, b} {
			ns := int64(result.NoCPULatency)
			r.Environment.CPU.Idle = &result.CPUIdle{Driver: "haltpoll", LatencyLimitNS: &ns}
		}
		if held {
			*b.Environment.CPU.Idle.LatencyLimitNS = 0
		}
		for i := range b.Limit.Rounds {
			b.Limit.Rounds[i].FlushPerS *= 1.5
		}
		for i := range b.Cells { // they keep their speed: less of the limit
			for k := range b.Cells[i].Rounds {
				b.Cells[i].Rounds[k].Limit.FlushPerS *= 1.5
			}
		}
		for _, format := range []string{"table", "markdown"} {
			out, stderr, code := command(t, "compare", saved(t, a), saved(t, b), "--format", format)
			text := strings.ReplaceAll(strings.Join(strings.Fields(out), " "), `\_`, "_")
			if code != 0 {
				t.Fatalf("%s: exit code %d: %s", format, code, stderr)
			}
			for _, blame := range []string{"the disk drifted", "The disk drifted"} {
				if got := strings.Contains(text, blame); got == held {
					t.Errorf("held %v, %s: %q in it: %v; want %v:\n%s", held, format, blame, got, !held, out)
				}
			}
			for _, want := range []string{"not with the same setup", "cpu.idle.latency_limit_ns differs", "the limit loop had another setup too"} {
				if got := strings.Contains(text, want); got != held {
					t.Errorf("held %v, %s: %q in it: %v; want %v:\n%s", held, format, want, got, held, out)
				}
			}
		}
	}
}
