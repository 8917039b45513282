package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload/lesson"
)

// toldLessons is a result with a lesson of each outcome.
func toldLessons() *result.Result {
	r := crashSample(false)
	return &result.Result{
		Schema: result.Version, Kind: result.KindLesson, Name: "lesson", Complete: true, Started: r.Started, Environment: r.Environment, Seed: 7,
		CommandLine: []string{"flushbench", "lesson", "all"}, Cells: []result.Cell{},
		Lessons: []result.Lesson{
			{
				Name: "lost-commit", Title: "Acknowledged transfers of a bank that a crash takes", Claim: "When COMMIT has returned, the transaction is safe.",
				Rule: "One acknowledged transfer that is gone refutes it.", Outcome: result.LessonDoesNotHold,
				Measured: "Acknowledged transfers, in all crashes: policy 0 lost 811 of 2,014, policy 2 lost 402 of 1,998, policy 1 lost 0 of 1,034.",
				Why:      "under policies 0 and 2 the timer makes a commit safe up to 1 s later, and until then it was only told so",
				Limits:   []string{"The kernel crashes are those of the in-memory disk, which keeps what was flushed and nothing else."},
				Steps: []result.LessonStep{
					{AtNS: 0, Text: "A bank: 200 accounts with 1,000 each. 8 clients move amounts between them, about 500 transfers a second; the timer flushes every 1 s."},
					{AtNS: 2_340_000_000, Text: "Policy 0, process killed: 1,007 transfers told committed, 403 of them are gone, the oldest told so 810 ms before the crash."},
					{AtNS: 2_340_000_000, Text: "  gone: client 3, transfer 112: 35 from account 10 to account 154, told committed 810 ms before the crash"},
					{AtNS: 2_340_000_000, Text: "  account 11: told 657, has 1,000; account 48: told 1,178, has 1,000."},
				},
				Tables: []result.LessonTable{{
					Title: "What the application was told is committed, and what was there afterwards",
					Head:  []string{"policy", "crash", "told committed", "gone", "oldest of them"},
					Rows:  [][]string{{"0", "process killed", "1,007", "403", "810 ms before"}, {"1", "process killed", "517", "0", "-"}},
				}},
				Figures:   []result.LessonFigure{{Name: "lost_policy_0_process", Value: 403, Unit: "commits"}},
				Advice:    "innodb_flush_log_at_trx_commit=1 (--policy 1): each commit is flushed before the client is told; here it lost 0 of 1,034",
				Crashes:   []result.LessonCrash{{Kind: "process", Filesystem: "ext4", Count: 3}, {Kind: "os", Filesystem: result.LessonMemory, Count: 3}},
				DurationS: 21.5,
			},
			{
				Name: "one-flush-for-many", Title: "Group commit: many clients share one flush", Claim: "Many commits share one flush.", Rule: "Twice as many in every round.",
				Outcome: result.LessonHolds, Measured: "64 clients: shared flushes carry 14.1 times the commits of a flush each.", Why: "the next flush takes them all",
				Steps: []result.LessonStep{{AtNS: 12_000_000_000, Text: "64 clients, flushes shared: 15,638 commits/s, 0.03 flushes a commit."}}, DurationS: 20.1,
			},
			{
				Name: "replica-ahead", Title: "A replica that has more than its source", Claim: "A replica is never ahead.", Rule: "One transaction more refutes it.",
				Outcome: result.LessonNotTestable, Why: "it crashes a file system of its own, which needs root", Steps: []result.LessonStep{},
			},
		},
	}
}

func TestLessonScreen(t *testing.T) {
	r := toldLessons()
	golden(t, "lesson-all.golden", lessonScreen(r, "results/20261121T091402Z-laptop-7-lesson", plain))
	r.Lessons, r.Complete, r.Interrupted = r.Lessons[:1], false, true
	golden(t, "lesson-interrupted.golden", lessonScreen(r, "results/20261121T091402Z-laptop-7-lesson", plain))
}

// TestLessonBold: on a terminal the name and the labels stand out, and nothing else
// is different.
func TestLessonBold(t *testing.T) {
	r := toldLessons()
	mark := func(s string) string { return "<" + s + ">" }
	for i := range r.Lessons {
		got := lessonStory(&r.Lessons[i], mark)
		name := strings.ToUpper(r.Lessons[i].Name)
		if !strings.HasPrefix(got, "<"+name+">  ") || !strings.Contains(got, "\n<CLAIM>     ") || !strings.Contains(got, "\n<HERE>      ") {
			t.Errorf("the story does not begin with <%s>, or has no bold labels:\n%s", name, got)
		}
		if without := strings.NewReplacer("<", "", ">", "").Replace(got); without != lessonStory(&r.Lessons[i], plain) {
			t.Errorf("bold changed the layout:\n%s", got)
		}
	}
}

func TestLessonList(t *testing.T) {
	lessons := []lesson.Lesson{
		{Name: "lost-commit", Title: "Acknowledged transfers of a bank that a crash takes", WithRoot: "x", Takes: 22 * time.Second},
		{Name: "one-flush-for-many", Title: "Group commit: many clients share one flush", Takes: 20 * time.Second},
		{Name: "who-flushes", Title: "How long the kernel keeps data back", Needs: lesson.NeedsRoot, Takes: 58 * time.Second},
	}
	var b bytes.Buffer
	if err := listLessons(&b, lessons, formatTable); err != nil {
		t.Fatal(err)
	}
	golden(t, "lesson-list.golden", b.String())
	b.Reset()
	if err := listLessons(&b, lessons, formatJSON); err != nil {
		t.Fatal(err)
	}
	var back []map[string]any
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || len(back) != 3 || back[2]["needs_root"] != true || back[0]["name"] != "lost-commit" || back[0]["takes_ns"] != 22e9 {
		t.Errorf("the list as JSON: %v, %v", back, err)
	}
	// The list of the program fits a screen, whatever the lessons are called.
	b.Reset()
	if err := listLessons(&b, lesson.All(), formatTable); err != nil {
		t.Fatal(err)
	}
	fitsScreen(t, "flushbench lesson", b.String())
	for _, name := range lesson.Names() {
		if !strings.Contains(b.String(), name+" ") {
			t.Errorf("the list lacks %s:\n%s", name, b.String())
		}
	}
}

// TestLessonCommand tells one as a user does: a screen, a folder, a report, show.
func TestLessonCommand(t *testing.T) {
	dir := t.TempDir()
	_, stderr, code := runBinary(t, dir, "lesson", "lost-comit")
	if code != exitUsage || !strings.Contains(stderr, "lost-commit, ") || strings.Count(strings.TrimSpace(stderr), "\n") > 0 {
		t.Errorf("an unknown name: code %d, %q; want %d and the legal names in a line", code, stderr, exitUsage)
	}
	_, stderr, code = runBinary(t, dir, "lesson", "statement-drift", "undo-and-readers", "--max-write-bytes", "1500M", "--allow-volatile", "--beside-live-database", "--format", "json")
	if code != exitOK {
		t.Fatalf("code %d: %s", code, stderr)
	}
	folders, err := filepath.Glob(filepath.Join(dir, "results", "*-lesson"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("result folders %q, %v; want one", folders, err)
	}
	r, err := result.Load(folders[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Lessons) != 2 || r.Lessons[1].Name != "undo-and-readers" || r.Lessons[1].Outcome != result.LessonNotTestable || r.Kind != result.KindLesson {
		t.Errorf("lessons %+v; want that it is not testable with so few bytes", r.Lessons)
	}
	page, err := os.ReadFile(filepath.Join(folders[0], "report.html"))
	if err != nil || !bytes.Contains(page, []byte("undo-and-readers")) {
		t.Errorf("the report: %v", err)
	}
	shown, stderr, code := runBinary(t, dir, "show", "latest")
	if code != exitOK || !strings.Contains(shown, "HERE      Not testable here") {
		t.Errorf("show: code %d, %s%s", code, shown, stderr)
	}
	if out, stderr, code := runBinary(t, dir, "plots", "latest"); code != exitOK || !strings.Contains(out, "nothing to draw") {
		t.Errorf("plots: code %d, %s%s", code, out, stderr)
	}
	if out, stderr, code := runBinary(t, dir, "export", "latest"); code != exitOK {
		t.Errorf("export: code %d, %s%s", code, out, stderr)
	}
}
