package main

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
	"flushbench/plots/report"
)

// smallSweep are the flags of a sweep of two pairs that tries one rate alone, in 5 to
// 10 rounds of 200 ms.
func smallSweep(more ...string) []string {
	return append([]string{"sweep", "--policy", "1,2", "--clients", "2", "--from", "2000", "--to", "2000", "--warmup", "5ms", "--duration", "100ms", "--flush-interval", "100ms",
		"--log-capacity", "8M", "--log-buffer-size", "1M", "--allow-volatile", "--beside-live-database", "--results", "results"}, more...)
}

// interruptedSweep interrupts a sweep after its first rounds; another one, if this
// test had no processor until it was done.
func interruptedSweep(t *testing.T) (dir string, l *live, code int) {
	t.Helper()
	for again := 4; ; again-- {
		dir = t.TempDir()
		l = startRun(t, dir, 3, append([]string{binary}, smallSweep("--rounds", "8")...)...)
		if err := l.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		code = l.wait(t)
		if r, _ := onlyResult(t, dir); !r.Complete || again == 0 {
			return dir, l, code
		}
		t.Log("the sweep was done before it was interrupted")
	}
}

// TestSweepInterruptAndResume: Ctrl-C keeps what was found; --resume goes on from its
// rounds to the end, and makes the report.
func TestSweepInterruptAndResume(t *testing.T) {
	t.Parallel()
	dir, l, code := interruptedSweep(t)
	if code != 130 || !strings.Contains(l.out.String(), "PARTIAL") || strings.Contains(l.out.String(), "Report ") {
		t.Errorf("exit code %d, printed %q and %q; want 130, a partial screen and no report", code, l.out.String(), l.errOut.String())
	}
	first, folder := onlyResult(t, dir)
	rel, err := filepath.Rel(dir, folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{smallSweep("--rounds", "8", "--p99", "1s", "--resume", rel), "another objective"},
		{smallSweep("--rounds", "8", "--record-bytes", "512", "--resume", rel), "with other settings"},
		{smallRun("--resume", rel), "is no run but a sweep"},
	} {
		if stdout, stderr, code := runBinary(t, dir, c.args...); code != 2 || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit code %d, %q, %q; want %q", c.args, code, stdout, stderr, c.want)
		}
	}
	stdout, stderr, code := runBinary(t, dir, smallSweep("--rounds", "8", "--resume", rel)...)
	done, _ := onlyResult(t, dir)
	if code != 0 || !done.Complete || done.Interrupted || done.Seed != first.Seed || done.Sweep.SpentNS <= first.Sweep.SpentNS {
		t.Fatalf("resumed: exit code %d, complete %v, %d ns after %d: %s", code, done.Complete, done.Sweep.SpentNS, first.Sweep.SpentNS, stderr)
	}
	if path := filepath.Join(rel, report.HTMLFile); !strings.HasSuffix(stdout, "Report  "+path+"\n") {
		t.Errorf("resumed: printed %q; want the report's path %s at its end", stdout, path)
	}
	keptRounds(t, first, done)
	for i := range done.Sweep.Pairs {
		if k := &done.Sweep.Pairs[i].Knee; k.Ended == result.SweepInterrupted || k.Rounds < first.Sweep.Pairs[i].Knee.Rounds {
			t.Errorf("%s: %+v; want the end of the search", done.Sweep.Pairs[i].Name, k)
		}
	}
	made := reportFiles(t, folder)
	if !strings.Contains(made["knee.svg"], "dotted: all of them") || !strings.Contains(made[report.MarkdownFile], "**KNEE**") {
		t.Errorf("the report has %d files and lacks the picture of the search or its table", len(made))
	}
	if _, stderr, code := runBinary(t, dir, smallSweep("--rounds", "8", "--resume", rel)...); code != 2 || !strings.Contains(stderr, "complete: there is nothing to resume") {
		t.Errorf("resumed again: exit code %d, %q", code, stderr)
	}
}

// keptRounds holds that every finished round of first is in done as it was.
func keptRounds(t *testing.T, first, done *result.Result) {
	t.Helper()
	for i := range first.Cells {
		c := &first.Cells[i]
		d := done.Find(func(d *result.Cell) bool { return d.Name == c.Name })
		for _, x := range c.Rounds {
			if !x.Partial && !slices.ContainsFunc(d.Rounds, func(y result.Round) bool {
				return y.Round == x.Round && y.StartedNS == x.StartedNS && y.Commits == x.Commits
			}) {
				t.Errorf("%s: round %d is not kept", c.Name, x.Round)
			}
		}
	}
}

// TestSweepReport: the page has what the screen has, from result.json alone.
func TestSweepReport(t *testing.T) {
	page, err := report.New(reportPart(sweepResult()))
	if err != nil {
		t.Fatal(err)
	}
	var md strings.Builder
	if err := page.WriteMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	text, _, ok := strings.Cut(md.String(), "## Folklore")
	if !ok {
		t.Fatal("no folklore in the page")
	}
	testenv.Golden(t, "sweep-report.md", text)
}
