package plots

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// traceResult is a trace that was made on the disk in memory, with round times.
func traceResult() *result.Result {
	r := newResult(result.KindTrace)
	data, err := os.ReadFile("testdata/trace-bank.json")
	if err != nil {
		panic(err)
	}
	r.Trace = &result.Trace{}
	if err := json.Unmarshal(data, r.Trace); err != nil {
		panic(err)
	}
	return r
}

// TestCommitTrace: the picture says what is not safe, shows each step, and stays in
// its frame with more steps than it has rows and with every outcome at once.
func TestCommitTrace(t *testing.T) {
	r := traceResult()
	p := named(t, r, "commit-trace")
	if want := "Acknowledged, and yet not safe from a kernel crash or a power cut"; p.Title != want {
		t.Errorf("title %q; want %q", p.Title, want)
	}
	text := svg(t, &p)
	for _, s := range r.Trace.Steps {
		if !strings.Contains(text, ">"+s.Name+"<") {
			t.Errorf("the picture lacks step %q", s.Name)
		}
	}
	for _, want := range []string{"committed by recovery or only the binlog has it", "LSN 3041952"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing to point at says %q", want)
		}
	}
	safe := traceResult()
	for i := range safe.Trace.Steps {
		for j := range safe.Trace.Steps[i].Crashes {
			safe.Trace.Steps[i].Crashes[j].Outcomes = []string{result.FateCommitted}
		}
	}
	if p := named(t, safe, "commit-trace"); p.Title != "Acknowledged, and no crash takes it" {
		t.Errorf("title %q", p.Title)
	}
	// Twice as many steps as there are rows: statements are left out, and that is said.
	many := traceResult()
	first := many.Trace.Steps[0]
	for i := range 2 * maxTraceRows {
		first.Name = fmt.Sprint("a long name of a step that fits nowhere ", i)
		first.BeganNS, first.EndedNS = -1, 1<<62
		for j := range first.Crashes {
			first.Crashes[j].Outcomes = result.Fates()
		}
		many.Trace.Steps = append([]result.TraceStep{first}, many.Trace.Steps...)
	}
	p = named(t, many, "commit-trace")
	if want := "more steps not drawn"; !strings.Contains(p.subtitle, want) {
		t.Errorf("subtitle %q; want %q in it", p.subtitle, want)
	}
	for _, c := range p.complaints() {
		t.Error(c)
	}
	if text := svg(t, &p); !strings.Contains(text, ">checkpoint<") || !strings.Contains(text, ">acknowledged<") {
		t.Error("the end of the commit is left out")
	}
	many.Trace.Steps = nil
	if p := named(t, many, "commit-trace"); !strings.Contains(p.Alt, "Nothing to show") {
		t.Errorf("without steps: %q", p.Alt)
	}
}
