package main

import (
	"strings"
	"testing"
)

// lines builds what go test -json prints; the texts were taken from real runs.
func lines(s ...string) []byte { return []byte(strings.Join(s, "\n") + "\n") }

const (
	evStart   = `{"Action":"start","Package":"x"}`
	evRun     = `{"Action":"run","Package":"x","Test":"TestA"}`
	evPass    = `{"Action":"pass","Package":"x","Test":"TestA"}`
	evFail    = `{"Action":"fail","Package":"x","Test":"TestA"}`
	evSkip    = `{"Action":"skip","Package":"x","Test":"TestA"}`
	evSubRun  = `{"Action":"run","Package":"x","Test":"TestA/sub"}`
	evSubFail = `{"Action":"fail","Package":"x","Test":"TestA/sub"}`
	evTimeout = `{"Action":"output","Package":"x","Test":"TestA","Output":"panic: test timed out after 1s\n"}`
	evPanic   = `{"Action":"output","Package":"x","Test":"TestA","Output":"panic: x\n"}`
	evPkgPass = `{"Action":"pass","Package":"x"}`
	evPkgFail = `{"Action":"fail","Package":"x"}`
	evOut     = `{"Action":"output","Package":"x","Output":"boom\n"}`
	evBuild1  = `{"ImportPath":"x","Action":"build-output","Output":"# x\n"}`
	evBuild2  = `{"ImportPath":"x","Action":"build-output","Output":"./a.go:1:23: undefined: z\n"}`
	evBuild3  = `{"ImportPath":"x","Action":"build-fail"}`
	evBuilt   = `{"Action":"fail","Package":"x","FailedBuild":"x"}`
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		name    string
		out     []byte
		ok      bool
		overdue bool
		hangOK  bool
		want    Verdict
		detail  string
	}{
		{"fails", lines(evStart, evRun, evSubRun, evSubFail, evFail, evPkgFail), false, false, false, Caught, "TestA"},
		{"panics", lines(evStart, evRun, evPanic, evPkgFail), false, false, false, Caught, "TestA"},
		{"passes", lines(evStart, evRun, evPass, evPkgPass), true, false, false, Survived, ""},
		{"hangs", lines(evStart, evRun, evTimeout, evPkgFail), false, false, false, Hung, "TestA"},
		{"may hang", lines(evStart, evRun, evTimeout, evPkgFail), false, false, true, Caught, "TestA (hangs)"},
		{"no build", lines(evBuild1, evBuild2, evBuild3, evStart, evBuilt), false, false, true, NoBuild, "./a.go:1:23: undefined: z"},
		{"no test", lines(evStart, evPkgPass), true, false, false, NoTests, "no test matches"},
		{"skipped", lines(evStart, evRun, evSkip, evPkgPass), true, false, false, NoTests, "each named test was skipped here"},
		{"no start", lines(evStart, evOut, evPkgFail), false, false, false, Broken, "failed before any test: boom"},
		{"no package", lines("stat /x/nope: directory not found"), false, false, false, Broken, "failed before any test: stat /x/nope: directory not found"},
		{"overdue", lines(evStart, evRun), false, true, true, Broken, "go test did not end in time"},
		{"late exit", lines(evStart, evRun, evPass, evPkgFail), false, false, false, Caught, "exit after the last test"},
	} {
		events, text := parseEvents(c.out)
		o := outcome{events: events, text: text, ok: c.ok, overdue: c.overdue}
		got, detail := classify(Mutant{HangOK: c.hangOK}, o)
		if got != c.want || detail != c.detail {
			t.Errorf("%s: classify = %s %q; want %s %q", c.name, got, detail, c.want, c.detail)
		}
	}
}

func TestBaseline(t *testing.T) {
	for _, c := range []struct {
		name   string
		out    []byte
		ok     bool
		want   Verdict
		detail string
	}{
		{"passes", lines(evStart, evRun, evPass, evPkgPass), true, "", ""},
		{"fails", lines(evStart, evRun, evFail, evPkgFail), false, Broken, "TestA fails unchanged"},
		{"hangs", lines(evStart, evRun, evTimeout, evPkgFail), false, Broken, "TestA fails unchanged"},
		{"no build", lines(evBuild1, evBuild2, evBuild3, evStart, evBuilt), false, Broken, "does not build unchanged: ./a.go:1:23: undefined: z"},
		{"no test", lines(evStart, evPkgPass), true, NoTests, "no test matches"},
		{"skipped", lines(evStart, evRun, evSkip, evPkgPass), true, NoTests, "each named test was skipped here"},
		{"no start", lines(evStart, evOut, evPkgFail), false, Broken, "fails unchanged: boom"},
	} {
		events, text := parseEvents(c.out)
		got, detail := baseline(outcome{events: events, text: text, ok: c.ok})
		if got != c.want || detail != c.detail {
			t.Errorf("%s: baseline = %s %q; want %s %q", c.name, got, detail, c.want, c.detail)
		}
	}
}
