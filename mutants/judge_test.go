package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// module writes a module of one package with a test that knows Sum.
func module(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":    "module example.test\n\ngo 1.26\n",
		"a/a.go":    "package a\n\nfunc Sum(a, b int) int {\n\treturn a + b\n}\n",
		"a/sum.txt": "",
		"a/a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestSum(t *testing.T) {\n\tif Sum(1, 2) != 3 {\n\t\tt.Fatal()\n\t}\n}\n" +
			"\nfunc TestBad(t *testing.T) { t.Fatal() }\n",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func sumMutant(name, old, with string) Mutant {
	return Mutant{Name: name, File: "a/a.go", Package: "./a", Run: "TestSum", Edits: []Edit{{Old: old, New: with}}}
}

// TestJudgeWithRealGoTest plants bugs in a small module and lets go test decide.
func TestJudgeWithRealGoTest(t *testing.T) {
	root := module(t)
	before, err := os.ReadFile(filepath.Join(root, "a", "a.go"))
	if err != nil {
		t.Fatal(err)
	}
	badTest := sumMutant("bad-test", "a + b", "a - b")
	badTest.Run = "TestBad"
	ms := []Mutant{
		sumMutant("wrong", "a + b", "a - b"),
		sumMutant("harmless", "a + b", "b + a"),
		sumMutant("broken", "a + b", "a + c"),
		sumMutant("gone", "a * b", "a + b"),
		badTest,
	}
	seen := 0
	j := judge{root: root, tmp: t.TempDir(), jobs: 2, tries: 2, limit: time.Minute, test: goTest(root), observe: func(Result) { seen++ }}
	results, err := j.tryAll(t.Context(), ms)
	if err != nil {
		t.Fatal(err)
	}
	want := []Verdict{Caught, Survived, NoBuild, Stale, Broken}
	for i, r := range results {
		if r.Verdict != want[i] {
			t.Errorf("%s: %s (%s); want %s", ms[i].Name, r.Verdict, r.Detail, want[i])
		}
	}
	if seen != len(ms) {
		t.Errorf("%d results observed; want %d", seen, len(ms))
	}
	after, err := os.ReadFile(filepath.Join(root, "a", "a.go"))
	if err != nil || string(after) != string(before) {
		t.Errorf("the source tree has changed: %q, %v", after, err)
	}
}

// TestJudgeRunsEachBaselineOnce holds that mutants with the same tests share the
// proof that these pass unchanged.
func TestJudgeRunsEachBaselineOnce(t *testing.T) {
	root := module(t)
	var mu sync.Mutex
	var bases []testRun
	fake := func(_ context.Context, r testRun, overlay string, _ time.Duration) (outcome, error) {
		mu.Lock()
		defer mu.Unlock()
		events, _ := parseEvents(lines(evStart, evRun, evPass, evPkgPass))
		if overlay == "" {
			bases = append(bases, r)
		}
		return outcome{events: events, ok: true}, nil
	}
	raced := sumMutant("c", "a + b", "a - b")
	raced.Race = true
	ms := []Mutant{sumMutant("a", "a + b", "a - b"), sumMutant("b", "a + b", "a * b"), raced}
	j := judge{root: root, tmp: t.TempDir(), jobs: 1, tries: 1, test: fake, observe: func(Result) {}}
	if _, err := j.tryAll(t.Context(), ms); err != nil {
		t.Fatal(err)
	}
	if want := []testRun{ms[0].testRun(), raced.testRun()}; !slices.Equal(bases, want) {
		t.Errorf("unchanged runs %v; want %v", bases, want)
	}
}

// TestJudgeTriesASurvivorAgain holds that a mutant has survived when its tests have
// passed as often as the judge may try, and is caught by the first that fails.
func TestJudgeTriesASurvivorAgain(t *testing.T) {
	for _, c := range []struct {
		failing, tries int // which of the runs fails; 0: none
		verdict        Verdict
		runs           int
	}{
		{1, 3, Caught, 1}, {2, 3, Caught, 2}, {3, 3, Caught, 3}, {0, 3, Survived, 3}, {2, 1, Survived, 1},
	} {
		runs := 0
		fake := func(_ context.Context, _ testRun, overlay string, _ time.Duration) (outcome, error) {
			if overlay != "" {
				runs++
			}
			if failed := overlay != "" && runs == c.failing; failed {
				events, _ := parseEvents(lines(evStart, evRun, evFail, evPkgFail))
				return outcome{events: events}, nil
			}
			events, _ := parseEvents(lines(evStart, evRun, evPass, evPkgPass))
			return outcome{events: events, ok: true}, nil
		}
		j := judge{root: module(t), tmp: t.TempDir(), jobs: 1, tries: c.tries, test: fake, observe: func(Result) {}}
		results, err := j.tryAll(t.Context(), []Mutant{sumMutant("a", "a + b", "a - b")})
		if err != nil {
			t.Fatal(err)
		}
		if r := results[0]; r.Verdict != c.verdict || r.Try != c.runs || runs != c.runs {
			t.Errorf("run %d fails, %d tries: %s in try %d after %d runs; want %s after %d", c.failing, c.tries, r.Verdict, r.Try, runs, c.verdict, c.runs)
		}
	}
}

// TestJudgeTriesUnchangedTestsAgain holds that tests which fail unchanged are broken
// when they have failed as often as the judge may try; one that passes before is used,
// and its failures are told. What hangs or does not build is not tried again.
func TestJudgeTriesUnchangedTestsAgain(t *testing.T) {
	fails := lines(evStart, evRun, evFail, evPkgFail)
	for _, c := range []struct {
		name    string
		output  []byte
		failing int // how many of the first runs say so
		verdict Verdict
		unlucky int
		runs    int // unchanged
	}{
		{"passes", fails, 0, Caught, 0, 1}, {"fails once", fails, 1, Caught, 1, 2}, {"fails twice", fails, 2, Caught, 2, 3}, {"fails", fails, 9, Broken, 3, 3},
		{"hangs", lines(evStart, evRun, evTimeout, evPkgFail), 9, Broken, 0, 1},
		{"no build", lines(evBuild1, evBuild2, evBuild3, evStart, evBuilt), 9, Broken, 0, 1},
	} {
		runs := 0
		fake := func(_ context.Context, _ testRun, overlay string, _ time.Duration) (outcome, error) {
			text := fails // the mutant is caught
			ok := false
			if overlay == "" {
				if runs++; runs > c.failing {
					text, ok = lines(evStart, evRun, evPass, evPkgPass), true
				} else {
					text = c.output
				}
			}
			events, rest := parseEvents(text)
			return outcome{events: events, text: rest, ok: ok}, nil
		}
		j := judge{root: module(t), tmp: t.TempDir(), jobs: 1, tries: 3, test: fake, observe: func(Result) {}}
		results, err := j.tryAll(t.Context(), []Mutant{sumMutant("a", "a + b", "a - b")})
		if err != nil {
			t.Fatal(err)
		}
		if r := results[0]; r.Verdict != c.verdict || r.Unlucky != c.unlucky || runs != c.runs {
			t.Errorf("%s: %s (%s), %d times unlucky, %d runs unchanged; want %s, %d, %d", c.name, r.Verdict, r.Detail, r.Unlucky, runs, c.verdict, c.unlucky, c.runs)
		}
	}
}

// TestJudgeGivesTime holds that a mutant has ten times as long as its tests took
// unchanged, and these ten times the least limit: what is slow does not hang.
func TestJudgeGivesTime(t *testing.T) {
	for _, c := range []struct {
		passed string // event
		want   time.Duration
	}{
		{`{"Action":"pass","Package":"x","Test":"TestA","Elapsed":2}`, time.Minute},
		{`{"Action":"pass","Package":"x","Test":"TestA","Elapsed":30.5}`, 305 * time.Second},
	} {
		var limits []time.Duration
		fake := func(_ context.Context, _ testRun, overlay string, limit time.Duration) (outcome, error) {
			limits = append(limits, limit)
			events, _ := parseEvents(lines(evStart, evRun, c.passed, `{"Action":"pass","Package":"x","Elapsed":0.1}`))
			return outcome{events: events, ok: overlay == ""}, nil
		}
		j := judge{root: module(t), tmp: t.TempDir(), jobs: 1, tries: 1, limit: time.Minute, test: fake, observe: func(Result) {}}
		if _, err := j.tryAll(t.Context(), []Mutant{sumMutant("a", "a + b", "a - b")}); err != nil {
			t.Fatal(err)
		}
		if want := []time.Duration{10 * time.Minute, c.want}; !slices.Equal(limits, want) {
			t.Errorf("after %s the limits are %v; want %v", c.passed, limits, want)
		}
	}
}

// TestJudgeEndsOnError holds that a go command that cannot run ends the whole
// call with its error and starts nothing new.
func TestJudgeEndsOnError(t *testing.T) {
	boom := errors.New("boom")
	calls := 0
	fake := func(context.Context, testRun, string, time.Duration) (outcome, error) {
		calls++
		return outcome{}, boom
	}
	other := sumMutant("b", "a + b", "a * b")
	other.Run = "TestBad"
	j := judge{root: module(t), tmp: t.TempDir(), jobs: 1, tries: 1, test: fake, observe: func(Result) { t.Error("a result") }}
	_, err := j.tryAll(t.Context(), []Mutant{sumMutant("a", "a + b", "a - b"), other})
	if !errors.Is(err, boom) || calls != 1 {
		t.Errorf("tryAll = %v after %d calls; want boom after 1", err, calls)
	}
}

func TestTestRunArgs(t *testing.T) {
	r := testRun{pkg: "./a", run: "TestSum", tags: "yieldpoints", race: true}
	got := r.args("o.json", time.Minute)
	want := []string{"test", "-json", "-vet=off", "-run", "TestSum", "-timeout", "1m0s",
		"-race", "-tags", "yieldpoints", "-overlay", "o.json", "-count=1", "./a"}
	if !slices.Equal(got, want) {
		t.Errorf("args = %q; want %q", got, want)
	}
}
