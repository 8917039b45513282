package report

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// labOnServer is lab's crashes of a server.
func labOnServer() *result.Result {
	r := lab()
	for i := range r.Cells {
		r.Cells[i].Params.Target, r.Cells[i].Params.FlushMethod = "mariadb", ""
		r.Cells[i].Crash.Server = &result.CrashServer{Product: "mariadb", Timer: "innodb_flush_log_at_timeout", TimerNS: 1000 * ms}
	}
	for i := range r.CrashTrials {
		x := &r.CrashTrials[i]
		s := *r.Cells[0].Crash.Server
		s.Version, s.LogFlags, s.LogWritten, s.LogUnwritten, s.RecoveryNS = "10.11.14-MariaDB", "O_DIRECT", ptr(int64(2<<20)), ptr(int64(30<<20)), 420*ms
		x.AtRiskAtCrash, x.Server, x.Lost, x.Missing, x.BinlogAhead = nil, &s, x.BinlogAhead, x.BinlogAhead, 0
	}
	stats.SummarizeCrashes(r)
	return r
}

// manyTrials is a lab of so many trials, the last a violation.
func manyTrials(n int) *result.Result {
	r := lab()
	for len(r.CrashTrials) < n {
		r.CrashTrials = append(r.CrashTrials, r.CrashTrials[len(r.CrashTrials)%4])
	}
	for i := range r.CrashTrials {
		r.CrashTrials[i].Trial = i + 1
	}
	last := &r.CrashTrials[n-1]
	last.Verdict, last.Lost = result.VerdictViolation, 3
	return r
}

// upTo are the numbers from one to the other, both included.
func upTo(from, to int) []int {
	all := []int{}
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

// TestTrialsListed: many trials are folded, in order and none twice, and a page leaves no
// violation out for room.
func TestTrialsListed(t *testing.T) {
	for _, c := range []struct{ n, open, folded, left int }{
		{4, 4, 0, 0}, {maxUnfolded, maxUnfolded, 0, 0}, {maxUnfolded + 1, maxOpen, maxUnfolded + 1 - maxOpen, 0},
		{maxTrials, maxOpen, maxTrials - maxOpen, 0}, {maxTrials + 1, maxOpen, maxTrials - maxOpen, 1}, {3 * maxTrials, maxOpen, maxTrials - maxOpen, 2 * maxTrials},
	} {
		l := trials(manyTrials(c.n))
		numbers := func(t *Table) (all []int) {
			for _, row := range t.Rows {
				n, _ := strconv.Atoi(row[1])
				all = append(all, n)
			}
			return all
		}
		open, folded := numbers(l.Open), []int{}
		if l.Folded != nil {
			folded = numbers(l.Folded)
		}
		if len(open) != c.open || len(folded) != c.folded || l.Left != c.left {
			t.Errorf("%d trials: %d open, %d folded, %d left out; want %+v", c.n, len(open), len(folded), l.Left, c)
		}
		// The first ones and the violation, which is the last, are open.
		want := append(upTo(1, c.open-1), c.n)
		if !slices.Equal(open, want) || !slices.Equal(folded, upTo(c.open, c.open+c.folded-1)) {
			t.Errorf("%d trials: open %v, folded %v; want %v, and those that follow", c.n, open, folded, want)
		}
		if l.Folded != nil && fmt.Sprint(l.Folded.Columns) != fmt.Sprint(l.Open.Columns) {
			t.Errorf("%d trials: folded columns %v, open ones %v", c.n, l.Folded.Columns, l.Open.Columns)
		}
	}
	if trials(run()) != nil {
		t.Error("trials without any")
	}
}

// TestTrialsFolded: HTML folds what Markdown leaves out, and both say how many.
func TestTrialsFolded(t *testing.T) {
	for n, want := range map[int]struct{ html, note, md string }{
		maxUnfolded:     {},
		maxUnfolded + 1: {"<summary>11 more trials</summary>", "", "\n\n11 more trials are in result.json.\n\n"},
		maxTrials + 1:   {"<summary>380 more trials</summary>", ">1 more trial is in result.json.</p>", "\n\n381 more trials are in result.json.\n\n"},
	} {
		r := mustReport(t, Part{Result: manyTrials(n)})
		var html, md bytes.Buffer
		if err := errors.Join(r.WriteHTML(&html), r.WriteMarkdown(&md)); err != nil {
			t.Fatal(err)
		}
		rows, listed := strings.Count(md.String(), "| stopped |")+strings.Count(md.String(), "| running |"), min(n, maxTrials)
		open := listed
		if n > maxUnfolded {
			open = maxOpen
		}
		if rows != open || strings.Count(html.String(), ">stopped<")+strings.Count(html.String(), ">running<") != listed {
			t.Errorf("%d trials: Markdown lists %d; want %d, and HTML %d", n, rows, open, listed)
		}
		for _, x := range []struct{ text, want, mark string }{
			{html.String(), want.html, "more trial"}, {html.String(), want.note, "in result.json."}, {md.String(), want.md, "more trial"},
		} {
			if !strings.Contains(x.text, x.want) || x.want == "" && strings.Contains(x.text, x.mark) {
				t.Errorf("%d trials: not %q", n, x.want)
			}
		}
	}
}

// A server's trials have what is known of it in place of what was at risk.
func TestTrialsOfServers(t *testing.T) {
	for _, c := range []struct {
		r    *result.Result
		want string
	}{
		{lab(), "[cell trial at s clients acknowledged lost oldest at risk engine ahead binlog ahead verdict]"},
		{labOnServer(), "[cell trial at s clients acknowledged lost oldest log unwritten recovery s verdict]"},
	} {
		x := trials(c.r).Open
		var heads []string
		for _, col := range x.Columns {
			heads = append(heads, col.Head)
		}
		if got := fmt.Sprint(heads); got != c.want {
			t.Errorf("columns %s; want %s", got, c.want)
		}
		for _, row := range x.Rows {
			if len(row) != len(heads) {
				t.Errorf("row %q for the columns %q", row, heads)
			}
		}
	}
	if row := trials(labOnServer()).Open.Rows[0]; fmt.Sprint(row[7:10]) != "[O_DIRECT 30.0 MiB 0.42]" {
		t.Errorf("row %q", row)
	}
}
