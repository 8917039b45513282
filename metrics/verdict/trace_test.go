package verdict

import (
	"testing"

	"flushbench/metrics/result"
)

// What a trace answers follows what each crash would do once the commit is acknowledged.
func TestTraceAnswer(t *testing.T) {
	for _, c := range []struct {
		process, os, power string
		want               string
	}{
		{result.FateCommitted, result.FateRecovered, result.FateCommitted, "Acknowledged, and no crash takes it"},
		{result.FateCommitted, result.FateCommitted, result.FateLost, "Acknowledged, and yet not safe from a power cut"},
		{result.FateRolledBack, result.FateEngineAhead, result.FateBinlogAhead, "Acknowledged, and yet not safe from a killed process, a kernel crash or a power cut"},
	} {
		crashes := []result.TraceCrash{{Kind: "process", Outcomes: []string{c.process}}, {Kind: "os", Outcomes: []string{c.os}}, {Kind: "power", Outcomes: []string{c.power}}}
		if got := TraceAnswer(&result.Trace{Steps: []result.TraceStep{{}, {Acked: true, Crashes: crashes}}}); got != c.want {
			t.Errorf("%s, %s, %s: TraceAnswer() = %q; want %q", c.process, c.os, c.power, got, c.want)
		}
	}
	if got, want := TraceAnswer(&result.Trace{}), "A commit that was not acknowledged"; got != want {
		t.Errorf("TraceAnswer() = %q; want %q", got, want)
	}
}
