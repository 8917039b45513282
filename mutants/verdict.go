package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// A Verdict says how the tests took a mutant.
type Verdict string

// The verdicts. Only Caught is good.
const (
	Caught   Verdict = "caught"   // a named test failed
	Survived Verdict = "SURVIVED" // the named tests passed
	Hung     Verdict = "HUNG"     // the time limit struck and the mutant does not allow that
	NoBuild  Verdict = "NO BUILD" // the changed source does not compile: says nothing about the tests
	NoTests  Verdict = "NO TESTS" // no named test ran, or each was skipped
	Stale    Verdict = "STALE"    // the edit does not fit the source
	Broken   Verdict = "BROKEN"   // the named tests fail without the mutant, or go test itself did
)

// An outcome is what one go test -json call printed and how it ended.
type outcome struct {
	events  []event
	text    string // everything that was no event, e.g. the go command's own errors
	ok      bool   // exit code 0
	overdue bool   // the runner ended it because it passed its whole time
}

// An event is one line of go test -json; see go doc test2json.
type event struct {
	Action      string
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

// parseEvents splits the output of go test -json into events and other text.
func parseEvents(out []byte) (events []event, text string) {
	var rest strings.Builder
	scan := bufio.NewScanner(bytes.NewReader(out))
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var e event
		if err := json.Unmarshal(scan.Bytes(), &e); err != nil {
			rest.Write(scan.Bytes())
			rest.WriteByte('\n')
			continue
		}
		events = append(events, e)
	}
	if err := scan.Err(); err != nil {
		rest.WriteString("mutants: reading the output of go test: " + err.Error() + "\n")
	}
	return events, rest.String()
}

// tally is what classify needs to know of an outcome.
type tally struct {
	started, passed, skipped int
	failed                   string // first top-level test that failed, or that never ended
	buildFailed, timedOut    bool
}

func (o outcome) tally() tally {
	var t tally
	var open []string // top-level tests that have begun and not ended
	for _, e := range o.events {
		t.buildFailed = t.buildFailed || e.FailedBuild != "" || e.Action == "build-fail"
		t.timedOut = t.timedOut || strings.HasPrefix(e.Output, "panic: test timed out after ")
		if e.Test == "" || strings.Contains(e.Test, "/") {
			continue
		}
		switch e.Action {
		case "run":
			t.started++
			open = append(open, e.Test)
		case "pass", "fail", "skip":
			open = without(open, e.Test)
		}
		switch e.Action {
		case "pass":
			t.passed++
		case "skip":
			t.skipped++
		case "fail":
			if t.failed == "" {
				t.failed = e.Test
			}
		}
	}
	if t.failed == "" && len(open) > 0 {
		t.failed = open[0]
	}
	return t
}

// took returns how long the tests ran. What go test has cached says so test by test
// alone; those that ran beside each other are counted one after the other.
func (o outcome) took() time.Duration {
	var all, sum float64
	for _, e := range o.events {
		switch {
		case e.Action != "pass" && e.Action != "fail" && e.Action != "skip":
		case e.Test == "":
			all = max(all, e.Elapsed)
		case !strings.Contains(e.Test, "/"):
			sum += e.Elapsed
		}
	}
	return time.Duration(max(all, sum) * float64(time.Second))
}

func without(list []string, name string) []string {
	var kept []string
	for _, s := range list {
		if s != name {
			kept = append(kept, s)
		}
	}
	return kept
}

// classify turns the outcome of the mutated tests into a verdict and a short
// detail: the test that caught it, or the reason.
func classify(m Mutant, o outcome) (Verdict, string) {
	t := o.tally()
	switch {
	case t.buildFailed:
		return NoBuild, firstLine(o.output("build-output"), o.text)
	case o.overdue:
		// go test's own limit did not strike, so this was no hanging test.
		return Broken, "go test did not end in time"
	case t.timedOut:
		if m.HangOK {
			return Caught, t.failed + " (hangs)"
		}
		return Hung, t.failed
	case o.ok && t.passed == 0:
		return NoTests, noTestReason(t)
	case o.ok:
		return Survived, ""
	case t.started == 0:
		return Broken, "failed before any test: " + firstLine(o.text, o.output("output"))
	case t.failed == "":
		return Caught, "exit after the last test"
	default:
		return Caught, t.failed
	}
}

// baseline turns the outcome of the unchanged tests into "" (they pass) or the
// verdict and reason why mutants cannot be judged by them.
func baseline(o outcome) (Verdict, string) {
	t := o.tally()
	switch {
	case o.ok && t.passed > 0:
		return "", ""
	case o.ok:
		return NoTests, noTestReason(t)
	case t.buildFailed:
		return Broken, "does not build unchanged: " + firstLine(o.output("build-output"), o.text)
	case t.failed != "":
		return Broken, t.failed + " fails unchanged"
	default:
		return Broken, "fails unchanged: " + firstLine(o.text, o.output("output"))
	}
}

func noTestReason(t tally) string {
	if t.skipped > 0 {
		return "each named test was skipped here"
	}
	return "no test matches"
}

// output joins the text of all events with one action.
func (o outcome) output(action string) string {
	var b strings.Builder
	for _, e := range o.events {
		if e.Action == action {
			b.WriteString(e.Output)
		}
	}
	return b.String()
}

// firstLine returns the first telling line of the first text that has one; the
// compiler's "# package" headings tell nothing.
func firstLine(texts ...string) string {
	for _, text := range texts {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line != "" && !strings.HasPrefix(line, "# ") {
				return line
			}
		}
	}
	return "no output"
}
