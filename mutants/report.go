package main

import (
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// printResult writes one line of the table.
func printResult(w io.Writer, r Result) {
	detail := r.Detail
	switch {
	case r.Verdict == Survived && r.Try > 1:
		detail = fmt.Sprintf("%d tries", r.Try)
	case r.Try > 1:
		detail += fmt.Sprintf(" (try %d)", r.Try)
	}
	if r.Verdict != Broken && r.Unlucky > 0 {
		detail += fmt.Sprintf(" (failed unchanged %d times, then passed)", r.Unlucky)
	}
	fmt.Fprintf(w, "%-9s %-34s %6s  %s\n", r.Verdict, r.Mutant.Name, r.Took.Round(100*time.Millisecond), detail)
}

// printSummary writes the last line and returns how many mutants were not caught.
func printSummary(w io.Writer, results []Result, took time.Duration) int {
	bad, late, unlucky := 0, 0, 0
	for _, r := range results {
		if r.Verdict != Broken && r.Unlucky > 0 {
			unlucky++
		}
		switch {
		case r.Verdict != Caught:
			bad++
		case r.Try > 1:
			late++
		}
	}
	if unlucky > 0 {
		fmt.Fprintf(w, "mutants: the tests of %d failed unchanged before they passed: mend them\n", unlucky)
	}
	fmt.Fprintf(w, "mutants: %d tried, %d caught, %d of them not at the first try, %d not caught, in %s\n",
		len(results), len(results)-bad, late, bad, took.Round(time.Second))
	return bad
}

// printList writes what each mutant is about.
func printList(w io.Writer, ms []Mutant) {
	for _, m := range ms {
		fmt.Fprintf(w, "%-34s %s %s\n", m.Name, m.Package, m.Run)
	}
}

// markdown returns the page docs/mutants.md.
func markdown(ms []Mutant) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Seeded bugs

Each row is a bug that somebody could write one day, kept as a small file in
`+"`mutants/`"+`. `+"`make mutants`"+` plants them one at a time and demands that the named test
fails. A test that no bug can make fail proves nothing; this list is the proof
that ours can. %d bugs; written by `+"`go run ./mutants -md`"+`, do not edit by hand.

| bug | planted in | must be caught by | what it would do |
| --- | --- | --- | --- |
`, len(ms))
	for _, m := range ms {
		how := ""
		if m.Race {
			how += ", under -race"
		}
		if m.HangOK {
			how += ", or a hang"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | `%s` in `%s`%s | %s |\n", m.Name, m.File,
			strings.ReplaceAll(m.Run, "|", `\|`), path.Clean(m.Package), how, strings.ReplaceAll(m.Why, "|", `\|`))
	}
	return b.String()
}
