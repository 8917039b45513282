package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
	"flushbench/plots/report"
)

// pageOf is the page of a result, as HTML.
func pageOf(t *testing.T, part report.Part) string {
	t.Helper()
	page, err := report.New(part)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := page.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// inOrder holds that the page has all of these texts, one after the other.
func inOrder(t *testing.T, name, page string, texts ...string) {
	t.Helper()
	at := 0
	for _, text := range texts {
		i := strings.Index(page[at:], text)
		if i < 0 {
			t.Errorf("%s: no %q behind the %d-th byte", name, text, at)
			return
		}
		at += i
	}
}

// TestPagesBeginWithAFinding: the sentence in large type answers what was asked; it
// does not explain a word, or say that the tool works.
func TestPagesBeginWithAFinding(t *testing.T) {
	first := regexp.MustCompile(`(?s)class="answer".*?<p>(.*?)</p>`)
	for name, r := range map[string]*result.Result{"crash": crashSample(false), "pairs crashed": crashSample(true), "pairs": bankResult(), "lessons": toldLessons()} {
		m := first.FindStringSubmatch(pageOf(t, reportPart(r)))
		if m == nil {
			t.Fatalf("%s: no answer", name)
		}
		for _, preamble := range []string{"The lab can see", "A setting is policy", "A server shows nobody", "No paced cell", "lost-commit: "} {
			if strings.HasPrefix(m[1], preamble) {
				t.Errorf("%s: the page begins with %q", name, m[1])
			}
		}
		if said := verdict.Headline(r); said == "" || r.Kind != result.KindLesson && !slices.Contains(verdict.Found(r), said) {
			t.Errorf("%s: headline %q is none of what was found", name, said)
		}
	}
	if got := verdict.Headline(&result.Result{}); got == "" {
		t.Error("an empty result has no headline")
	}
}

// TestLessonPage: what a lesson comes to stands before how it went, which is folded up.
func TestLessonPage(t *testing.T) {
	inOrder(t, "lessons", pageOf(t, reportPart(toldLessons())), "<dt>lost-commit</dt>", "Claim: When COMMIT", "Here: ", "<details><summary>Step by step", "0.0 s: A bank: 200 accounts", "</details>", "<dt>")
}

// TestPlanPage: what to use, the pairs, and only then the rest.
func TestPlanPage(t *testing.T) {
	t.Parallel()
	p := planned(t, "sata", "--tps 1000 --p99 20ms --max-loss process=0,os=0")
	part := reportPart(planDisk(t, "sata"))
	planPart(p, &part)
	inOrder(t, "plan", pageOf(t, part), "Use innodb_flush_log_at_trx_commit = 1, sync_binlog = 1.", "<strong>PAIRS</strong>", "<strong>IF</strong>", `class="notes"`, "<dt>MySQL, MariaDB</dt>", `id="p1-figures"`, "<strong>")
	none := planned(t, "hdd", "--tps 1000000 --p99 1ms --max-loss process=0,os=0")
	if got := useSentence(none); strings.HasPrefix(got, "Use") {
		t.Errorf("a plan that nothing meets says %q", got)
	}
}

// TestMergePage: what stands out is the answer and stands first among the hosts, and
// a pool is one row however long its name is.
func TestMergePage(t *testing.T) {
	var parts []result.Part
	for i := range 8 {
		r := hostRun(t, fmt.Sprintf("db-%d", i), nvme, 1e5, 2, 1500)
		r.Cells[0].Name = "policy=1,clients=8,delay=adaptive,growth=fallocate,record_bytes=lognormal:256"
		parts = append(parts, result.Part{Source: fmt.Sprint("in/", i), Result: r})
	}
	merged, err := result.MergeParts(parts, "class", groupByClass.of)
	if err != nil {
		t.Fatal(err)
	}
	merged.Merge.Groups[0].Judged = true
	merged.Merge.Groups[0].Outliers = []result.Outlier{{Host: "db-5", Of: result.PoolLimit, Figure: "p50", Value: 9e5, Median: 1e5, Ratio: 9}}
	part := reportPart(merged)
	page := pageOf(t, part)
	inOrder(t, "merge", page, `class="answer"`, "<p>1 of 8 hosts stands out of its group.</p>", "<p>db-5: its ", "<strong>HOSTS</strong>", `>db-5</span>`, `>db-0</span>`)
	for _, row := range part.Tables[0].Rows {
		if row[1] == "" {
			t.Errorf("%q is a row of its own, and no pool", row[0])
		}
	}
	if strings.Contains(page, "Not tested") {
		t.Error("a merge speaks of what one host alone has not tested")
	}
}

// TestTracePage: a trace has its steps and crashes as tables, too: a picture is no help
// to who does not see it.
func TestTracePage(t *testing.T) {
	r := traceResult(t, "bank")
	page := pageOf(t, reportPart(r))
	inOrder(t, "trace", page, "policy 2, sync_binlog 1", "<strong>STEPS</strong>", ">acknowledged</td>", "<strong>CRASHES</strong>", ">rolled back</td>", ">committed</td>")
	part := reportPart(r)
	if n := len(part.Tables[0].Rows); n != len(r.Trace.Steps) {
		t.Errorf("%d rows of %d steps", n, len(r.Trace.Steps))
	}
	if !strings.Contains(page, "rolled back or recovered") {
		t.Error("a crash with two outcomes shows one")
	}
}
