package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// maxLog bounds how much of a log is looked at: its end.
const maxLog = 1 << 20

// log returns what the server has said since this start.
func (s *Server) log() string {
	f, err := os.Open(filepath.Join(s.folder.path, logName))
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	from := max(s.logFrom, info.Size()-maxLog)
	text := make([]byte, max(0, info.Size()-from))
	n, _ := f.ReadAt(text, from) // what could be read is shown
	return string(text[:n])
}

// Log returns what the server has said since it was started, the last mebibyte at
// most.
func (s *Server) Log() string { return s.log() }

// died is the error of a server that is not there any more.
//
// REQUIRES: the process has ended.
func (s *Server) died(what string, words error) error {
	exit := errors.New("exit status 0")
	if s.exit != nil {
		exit = s.exit
	}
	return fmt.Errorf("%s: %s (%w): %w", s.kind.program, what, exit, words)
}

// Lines of the logs, after what stands before the message:
//
//	2026-11-21 21:27:29 0 [Note] InnoDB: 128 rollback segments are active.
//	2024-01-25T10:00:00.123456Z 0 [System] [MY-010116] [Server] mysqld starting
//	2026-11-21 21:27:17.430 UTC [12788] LOG:  checkpoint starting
var (
	linePrefix = regexp.MustCompile(`^\d{4}-\d\d-\d\d[ T][^\[]*(?:\[[A-Za-z]+\] (?:\[MY-\d+\] \[\w+\] )?|\[\d+\] (?:LOG:  )?)`)
	isError    = regexp.MustCompile(`\[ERROR\]|(?:^|\] )(?:FATAL|PANIC|ERROR):|^(?:initdb|postgres): error|^FATAL|unknown (?:variable|option)|No space left`)
)

func message(line string) string {
	return strings.TrimSpace(linePrefix.ReplaceAllString(line, ""))
}

// How many lines an error takes over, and how long it may get by them.
const (
	maxLines = 4
	maxBytes = 600
)

// causes are the first errors in a text: those that follow, follow from them.
// Without any they are its last words.
func causes(text string) error {
	var bad []string
	for line := range strings.SplitSeq(text, "\n") {
		if isError.MatchString(line) && !strings.Contains(line, "the database system is starting up") && len(bad) < maxLines {
			bad = append(bad, message(line))
		}
	}
	if len(bad) == 0 {
		return lastWords(text)
	}
	said := strings.Join(bad, "; ")
	if len(said) > maxBytes {
		said = strings.ToValidUTF8(said[:maxBytes], "") + "..."
	}
	return errors.New("it said: " + said)
}

// lastWords are the last lines of a text, as one.
func lastWords(text string) error {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		if m := message(line); m != "" {
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return errors.New("it said nothing")
	}
	said := strings.Join(all[max(0, len(all)-maxLines):], "; ")
	if len(said) > maxBytes {
		said = "..." + strings.ToValidUTF8(said[len(said)-maxBytes:], "")
	}
	return errors.New("it said: " + said)
}

// recovery reads how a server came up out of its log.
func (k *kind) recovery(log string) Recovery {
	var r Recovery
	for line := range strings.SplitSeq(log, "\n") {
		m := message(line)
		r.Crashed = r.Crashed || holdsAny(m, k.crashed)
		if holdsAny(m, k.recovered) || holdsAny(m, k.crashed) {
			r.Said = append(r.Said, m)
		}
	}
	return r
}

func holdsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
