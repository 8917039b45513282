package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// A Mutant is one seeded bug: edits to one source file, and the tests that must
// notice them.
type Mutant struct {
	Name    string // the file name without ".mutant"
	File    string // source file to change, slash-separated, relative to the module
	Package string // package to test, "./" and a path relative to the module
	Run     string // pattern for go test -run
	Why     string // what a user would suffer if nobody noticed, one sentence or two
	Tags    string // build tags, comma-separated, or ""
	Race    bool   // the tests run under the race detector
	HangOK  bool   // a test that runs into its time limit counts as caught
	Edits   []Edit // at least one
}

// An Edit replaces the one occurrence of Old by New.
type Edit struct {
	Old string // exact text, never empty, no final newline
	New string // exact text, differs from Old
}

const (
	suffix    = ".mutant"
	markerOld = "--- old"
	markerNew = "--- new"
	markerEnd = "--- end"
)

var nameOK = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// ReadAll parses every *.mutant file in the root of dir, in name order. The
// error names every malformed file, not only the first.
func ReadAll(dir fs.FS) ([]Mutant, error) {
	names, err := fs.Glob(dir, "*"+suffix)
	if err != nil {
		return nil, fmt.Errorf("mutants: list files: %w", err)
	}
	var all []Mutant
	var bad []error
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("mutants: %w", err)
		}
		m, err := Parse(name, string(text))
		if err != nil {
			bad = append(bad, err)
			continue
		}
		all = append(all, m)
	}
	return all, errors.Join(bad...)
}

// Parse reads one mutant file. Its form: "key: value" lines ("#" starts a
// comment line, an indented line continues the value above it), then one or more
// blocks of
//
//	--- old
//	text that occurs exactly once in the file
//	--- new
//	text that takes its place (may be empty)
//
// and a last line "--- end". Errors name the file, the line and what is legal.
func Parse(fileName, text string) (Mutant, error) {
	m := Mutant{Name: strings.TrimSuffix(path.Base(fileName), suffix)}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	body, err := parseHeader(&m, fileName, lines)
	if err != nil {
		return Mutant{}, err
	}
	if err := parseEdits(&m, fileName, lines, body); err != nil {
		return Mutant{}, err
	}
	if err := m.validate(fileName); err != nil {
		return Mutant{}, err
	}
	return m, nil
}

// parseHeader fills m from the "key: value" lines and returns the index of the
// first marker line.
func parseHeader(m *Mutant, fileName string, lines []string) (int, error) {
	values := map[string]string{}
	last := ""
	for i, line := range lines {
		fail := func(format string, args ...any) (int, error) {
			return 0, fmt.Errorf("mutants: %s:%d: %s", fileName, i+1, fmt.Sprintf(format, args...))
		}
		trimmed := strings.TrimSpace(line)
		switch {
		case line == markerOld:
			return i, m.setAll(fileName, values)
		case trimmed == "" || strings.HasPrefix(line, "#"):
			last = ""
		case line[0] == ' ' || line[0] == '\t':
			if last == "" {
				return fail("an indented line continues nothing")
			}
			values[last] += " " + trimmed
		default:
			key, value, ok := strings.Cut(line, ":")
			if !ok {
				return fail("want \"key: value\" or %q, got %q", markerOld, line)
			}
			if _, twice := values[key]; twice {
				return fail("%q stands here a second time", key)
			}
			values[key], last = strings.TrimSpace(value), key
		}
	}
	return 0, fmt.Errorf("mutants: %s: no line %q", fileName, markerOld)
}

// setAll stores the header values; an unknown key is an error.
func (m *Mutant) setAll(fileName string, values map[string]string) error {
	for key, value := range values {
		var err error
		switch key {
		case "file":
			m.File = value
		case "package":
			m.Package = value
		case "run":
			m.Run = value
		case "why":
			m.Why = value
		case "tags":
			m.Tags = value
		case "race":
			m.Race, err = flagValue(value, "yes")
		case "hang":
			m.HangOK, err = flagValue(value, "ok")
		default:
			err = errors.New("unknown key: legal are file, package, run, why, tags, race, hang")
		}
		if err != nil {
			return fmt.Errorf("mutants: %s: %s: %w", fileName, key, err)
		}
	}
	return nil
}

// flagValue accepts the one word that switches a key on.
func flagValue(value, on string) (bool, error) {
	if value != on {
		return false, fmt.Errorf("got %q, want %q or no such line", value, on)
	}
	return true, nil
}

// parseEdits reads the blocks that begin at lines[i], up to the end marker.
func parseEdits(m *Mutant, fileName string, lines []string, i int) error {
	var edit *Edit
	var into *string
	var block []string
	flush := func() {
		if into != nil {
			*into = strings.Join(block, "\n")
		}
		block = nil
	}
	for ; i < len(lines); i++ {
		switch line := lines[i]; line {
		case markerOld, markerEnd:
			flush()
			if edit != nil {
				if into != &edit.New {
					return fmt.Errorf("mutants: %s:%d: %q before %q", fileName, i+1, line, markerNew)
				}
				m.Edits = append(m.Edits, *edit)
			}
			if line == markerEnd {
				return onlyBlank(fileName, lines, i+1)
			}
			edit = new(Edit)
			into = &edit.Old
		case markerNew:
			flush()
			if into != &edit.Old {
				return fmt.Errorf("mutants: %s:%d: %q twice in one block", fileName, i+1, line)
			}
			into = &edit.New
		default:
			block = append(block, line)
		}
	}
	return fmt.Errorf("mutants: %s: no line %q", fileName, markerEnd)
}

func onlyBlank(fileName string, lines []string, from int) error {
	for i := from; i < len(lines); i++ {
		if strings.TrimSpace(lines[i]) != "" {
			return fmt.Errorf("mutants: %s:%d: text after %q", fileName, i+1, markerEnd)
		}
	}
	return nil
}

// validate checks what Parse has read and fills in the package when it is that
// of the changed file.
func (m *Mutant) validate(fileName string) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("mutants: %s: %s", fileName, fmt.Sprintf(format, args...))
	}
	if !nameOK.MatchString(m.Name) {
		return fail("name %q: want lower-case words joined by hyphens", m.Name)
	}
	if !fs.ValidPath(m.File) || path.Ext(m.File) != ".go" {
		return fail("file %q: want a Go file, its path relative to the module", m.File)
	}
	if m.Package == "" {
		m.Package = "./" + path.Dir(m.File)
	}
	rel, ok := strings.CutPrefix(m.Package, "./")
	if !ok || !fs.ValidPath(rel) || strings.Contains(rel, "...") {
		return fail("package %q: want \"./\" and one package's folder", m.Package)
	}
	if m.Run == "" {
		return fail("run: missing: want a pattern for go test -run")
	}
	if _, err := regexp.Compile(m.Run); err != nil {
		return fail("run: %v", err)
	}
	if m.Why == "" {
		return fail("why: missing: want what goes wrong for a user")
	}
	for n, e := range m.Edits {
		if strings.TrimSpace(e.Old) == "" {
			return fail("edit %d: the old text is empty", n+1)
		}
		if e.Old == e.New {
			return fail("edit %d: old and new text are the same", n+1)
		}
	}
	return nil
}
