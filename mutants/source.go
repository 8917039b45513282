package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// errStale is returned when a mutant no longer fits the code it was written for.
var errStale = errors.New("stale mutant")

// Apply returns src with every edit made. Each old text must occur exactly once,
// counted when the edit's turn comes; otherwise the error wraps errStale.
func (m Mutant) Apply(src string) (string, error) {
	for n, e := range m.Edits {
		if got := strings.Count(src, e.Old); got != 1 {
			return "", fmt.Errorf("%w: %s: the old text of edit %d occurs %d times in %s, want once",
				errStale, m.Name, n+1, got, m.File)
		}
		src = strings.Replace(src, e.Old, e.New, 1)
	}
	return src, nil
}

// Mutated returns the changed source of m, read below the module root. It also
// checks that the pattern names at least one test of the package.
func (m Mutant) Mutated(root string) (string, error) {
	src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.File)))
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", errStale, m.Name, err)
	}
	changed, err := m.Apply(string(src))
	if err != nil {
		return "", err
	}
	names, err := testNames(filepath.Join(root, filepath.FromSlash(m.Package)))
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", errStale, m.Name, err)
	}
	if !m.runsAny(names) {
		return "", fmt.Errorf("%w: %s: no test of %s matches %q", errStale, m.Name, m.Package, m.Run)
	}
	return changed, nil
}

// runsAny reports whether the pattern's part for top-level tests, up to the
// first slash, matches one of names.
func (m Mutant) runsAny(names []string) bool {
	top, _, _ := strings.Cut(m.Run, "/")
	re, err := regexp.Compile(top)
	if err != nil {
		return true // a slash inside a bracket: leave the verdict to go test
	}
	for _, name := range names {
		if re.MatchString(name) {
			return true
		}
	}
	return false
}

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)

// testNames lists the top-level tests in the files of one package folder, those
// of other platforms included.
func testNames(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, match := range testFunc.FindAllSubmatch(src, -1) {
			names = append(names, string(match[1]))
		}
	}
	return names, nil
}

// writeOverlay puts the changed source and the overlay file for go test -overlay
// into dir, which must lie outside the module, and returns the overlay's path.
func (m Mutant) writeOverlay(root, dir, changed string) (string, error) {
	source := filepath.Join(dir, m.Name+"_"+path.Base(m.File))
	if err := os.WriteFile(source, []byte(changed), 0o600); err != nil {
		return "", fmt.Errorf("mutants: %w", err)
	}
	target := filepath.Join(root, filepath.FromSlash(m.File))
	text, err := json.Marshal(map[string]map[string]string{"Replace": {target: source}})
	if err != nil {
		return "", fmt.Errorf("mutants: overlay: %w", err)
	}
	overlay := filepath.Join(dir, m.Name+".json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", fmt.Errorf("mutants: %w", err)
	}
	return overlay, nil
}
