package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal reports whether w is a terminal that understands "\r" and colour.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// bold returns how section heads are set off on w: bold on a terminal, plain
// elsewhere and where NO_COLOR is set (https://no-color.org).
func bold(w io.Writer) func(string) string {
	if os.Getenv("NO_COLOR") != "" || !isTerminal(w) {
		return func(s string) string { return s }
	}
	return func(s string) string { return "\x1b[1m" + s + "\x1b[0m" }
}
