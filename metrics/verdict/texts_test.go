package verdict

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flushbench/metrics/result"
)

// heard are the other files whose every text must be brought forth, with what does it.
var heard = []struct {
	files     []string
	sentences func() []string
}{
	{[]string{"crash.go", "crash_groups.go", "crash_settings.go", "crash_proofs.go", "diverged.go"}, crashTexts},
	{[]string{"sweep.go"}, func() []string { return spokenIn(&sweepSaid) }},
	{[]string{"soak.go"}, func() []string { return spokenIn(&soakSaid) }},
}

// elsewhere are the files whose sentences follow the data by a test of their own that
// changes one figure after the other, and those that have none: "".
var elsewhere = map[string]string{
	"compare.go": "TestCompareSentencesFollowTheData", "distance.go": "TestDistance", "trace.go": "TestTraceAnswer", "warnings.go": "TestWarnings",
	"nottested.go": "TestNotTested", "safeguards.go": "TestWithout",
	"folklore.go": "TestClaimsFollowTheData", "folklore_cost.go": "TestClaimsFollowTheData", "folklore_loss.go": "TestClaimsFollowTheData",
	"folklore_speed.go": "TestClaimsFollowTheData", "folklore_lesson.go": "TestFolkloreByLessons", "crash_names.go": "TestCrashAnswerOfWorkloads",
	"doc.go": "", "format.go": "", "found.go": "", "headline.go": "", "latency.go": "", "noguide.go": "", "timed.go": "", "wrap.go": "",
}

// spokenIn is all that is said of the worlds of a speaker.
func spokenIn[T any](s *speaker[T]) (all []string) {
	for _, made := range s.made {
		all = append(all, s.says(made())...)
	}
	for seed := range s.seeds {
		all = append(all, s.says(s.world(seed))...)
	}
	return all
}

// crashTexts is what is said of crashes, those included that the oracle does not know:
// at points of a commit, after several faults, of other settings than pairs.
func crashTexts() []string {
	all := spokenIn(&crashSaid)
	for seed := range 60 {
		all = append(all, CrashNotProved(rapid.Custom(drawCrashes).Example(seed))...)
	}
	pairs := []string{"0/0", "0/1", "0/2", "0/3", "0/4", "0/5", "0/6", "0/7", "0/8"}
	all = append(all, CrashAnswer(matrix([]string{"bank"}, pairs, innodb))...)
	r := matrix([]string{"bank"}, pairs[:3], innodb)
	for i := range r.Cells {
		p := &r.Cells[i].Params
		p.FlushMethod, *p.SyncBinlog = []string{"a", "b", "c"}[i/3], 1
	}
	all = append(all, CrashAnswer(r)...)
	for _, where := range []result.CrashCell{{Point: "between-logs"}, {Fault: "eio"}, {Fault: "enospc"}} {
		all = append(all, where.Point, crashPoint(&where)+crashFault(&where), CrashFaultText(where.Fault))
	}
	return all
}

// TestNoTextIsForgotten holds that each text of the files with sentences is brought forth
// by the tests that hold its figures against a slow computation, and that a new file is in
// one of the lists.
func TestNoTextIsForgotten(t *testing.T) {
	known := slices.Concat(comparisons, slices.Collect(maps.Keys(elsewhere)))
	for _, h := range heard {
		known = append(known, h.files...)
		left := texts(t, h.files)
		for _, s := range h.sentences() {
			for name, form := range left {
				if form.MatchString(s) {
					delete(left, name)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(left)) {
			t.Errorf("no result brings forth the text of %s", name)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := ""
	for _, name := range files {
		if !strings.HasSuffix(name, "_test.go") {
			if !slices.Contains(known, name) {
				t.Errorf("%s is in no list: what brings its sentences forth?", name)
			}
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests += string(b)
	}
	for file, test := range elsewhere {
		if test != "" && !strings.Contains(tests, "\nfunc "+test+"(t ") {
			t.Errorf("%s: there is no %s", file, test)
		}
	}
}

// TestPreamblesAreSaid: what Headline passes over is how sentences begin: with another
// wording of them a preamble would be a headline, unseen.
func TestPreamblesAreSaid(t *testing.T) {
	all := append(crashTexts(), spokenIn(&run)...)
	for _, p := range preambles {
		if !slices.ContainsFunc(all, func(s string) bool { return strings.HasPrefix(s, p) }) {
			t.Errorf("no sentence begins with %q", p)
		}
	}
}
