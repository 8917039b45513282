package report

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// again is how a result is measured once more.
type again struct {
	Command string // the exact command line, "" when it was not kept
	Notes   []string
	Fio     string // a fio command that measures the same as a probe
}

func newAgain(r *result.Result) again {
	a := again{Command: clean(commandLine(r.CommandLine))}
	if r.ToolVersion != "" {
		a.Notes = append(a.Notes, clean("Measured by flushbench "+r.ToolVersion+"."))
	}
	seeded := slices.ContainsFunc(r.CommandLine, func(s string) bool { return s == "--seed" || strings.HasPrefix(s, "--seed=") })
	if r.Seed != 0 && !seeded && a.Command != "" {
		a.Notes = append(a.Notes, fmt.Sprintf("The order of cells and the load were drawn with seed %d: add --seed %d for the same.", r.Seed, r.Seed))
	}
	if r.Interrupted || !r.Complete {
		a.Notes = append(a.Notes, "This run ended early: the command above measures all that had been asked for.")
	}
	if r.Probe != nil && !r.Probe.Gentle {
		a.Fio = clean(r.Probe.Fio)
	}
	return a
}

// commandLine quotes arguments for a shell. The program is called by its name,
// wherever it lay and whatever it was called.
func commandLine(args []string) string {
	if len(args) == 0 {
		return ""
	}
	words := []string{"flushbench"}
	for _, a := range args[1:] {
		words = append(words, quote(a))
	}
	return strings.Join(words, " ")
}

// quote returns s as one word of a POSIX shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./,:=+@%", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
