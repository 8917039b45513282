package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A floor is one row of the plan. Both fields are lists parted by blanks; a
// pattern "x/..." stands for x and all that lies in its folder.
type floor struct {
	pkgs string // the packages that live here
	may  string // what of ours they may import
}

// A door says which packages may import a third-party module.
type door struct {
	module string
	pkgs   string
}

// A law is everything that check needs to know.
type law struct {
	module string // path of our module
	floors []floor
	anyone string
	doors  []door
	files  string // who may import os
}

// A source is one Go file and what it imports.
type source struct {
	pkg     string // relative to the module, "." for its root
	name    string // file name
	test    bool
	imports []string
}

// matches reports whether pkg is in the list; "tests" stands for any test file.
func matches(list, pkg string, test bool) bool {
	for pattern := range strings.FieldsSeq(list) {
		base, tree := strings.CutSuffix(pattern, "/...")
		if pkg == base || (tree && strings.HasPrefix(pkg, base+"/")) || (test && pattern == "tests") {
			return true
		}
	}
	return false
}

// row returns the index of the floor that pkg lives on, or -1.
func (l law) row(pkg string) int {
	for i, f := range l.floors {
		if matches(f.pkgs, pkg, false) {
			return i
		}
	}
	return -1
}

// may returns the list of what the packages of row i may import; "below" and
// "below-engine" are spelled out.
func (l law) may(i int) string {
	list := l.anyone
	for word := range strings.FieldsSeq(l.floors[i].may) {
		switch word {
		case "below":
			list += " " + l.below(i, "")
		case "below-engine":
			list += " " + l.below(i, "engine/")
		default:
			list += " " + word
		}
	}
	return strings.TrimSpace(list)
}

// below lists the packages of the rows after i whose names have the prefix.
func (l law) below(i int, prefix string) string {
	var list []string
	for _, f := range l.floors[i+1:] {
		for pkg := range strings.FieldsSeq(f.pkgs) {
			if strings.HasPrefix(pkg, prefix) {
				list = append(list, pkg)
			}
		}
	}
	return strings.Join(list, " ")
}

// check returns one sentence for each offence.
func (l law) check(sources []source) []string {
	var bad []string
	homeless := map[string]bool{}
	for _, s := range sources {
		row := l.row(s.pkg)
		if row < 0 {
			if !homeless[s.pkg] {
				bad = append(bad, fmt.Sprintf("%s has no room in the floor plan: add its row to layers_test.go and docs/map.md", s.pkg))
			}
			homeless[s.pkg] = true
			continue
		}
		for _, path := range s.imports {
			if sentence := l.offence(s, row, path); sentence != "" {
				bad = append(bad, sentence)
			}
		}
	}
	return bad
}

// offence returns what is wrong with one import of a file on the given row, or "".
func (l law) offence(s source, row int, path string) string {
	where := s.pkg + "/" + s.name
	ours, inside := strings.CutPrefix(path, l.module+"/")
	first, _, _ := strings.Cut(path, "/")
	switch {
	case inside:
		// A test in package x_test imports x itself.
		if (s.test && ours == s.pkg) || matches(l.may(row), ours, false) {
			return ""
		}
		return fmt.Sprintf("%s imports %s; of ours, %s may import only: %s", where, ours, s.pkg, l.may(row))
	case strings.Contains(first, "."):
		for _, d := range l.doors {
			if path == d.module || strings.HasPrefix(path, d.module+"/") {
				if matches(d.pkgs, s.pkg, s.test) {
					return ""
				}
				return fmt.Sprintf("%s imports %s; its door is: %s", where, path, d.pkgs)
			}
		}
		return fmt.Sprintf("%s imports %s, which has no door: give it one in layers_test.go, with the reason", where, path)
	case path == "os" || path == "io/ioutil":
		if matches(l.files, s.pkg, s.test) {
			return ""
		}
		return fmt.Sprintf("%s imports %s; files go through engine/vfs, and os belongs to: %s", where, path, l.files)
	}
	return ""
}

// checkItself returns one sentence for each flaw in the table.
func (l law) checkItself() []string {
	var bad []string
	seen := map[string]int{}
	for i, f := range l.floors {
		for pkg := range strings.FieldsSeq(f.pkgs) {
			if _, twice := seen[pkg]; twice {
				bad = append(bad, fmt.Sprintf("%s stands in two rows", pkg))
			}
			seen[pkg] = i
		}
	}
	for i, f := range l.floors {
		for pattern := range strings.FieldsSeq(f.may) {
			if strings.HasPrefix(pattern, "below") || matches(f.pkgs, pattern, false) {
				continue
			}
			if !l.names(pattern, i+1) {
				bad = append(bad, fmt.Sprintf("%s may import %s, which is in no row below", f.pkgs, pattern))
			}
		}
	}
	lists := map[string]string{"files": l.files}
	for _, d := range l.doors {
		lists[d.module] = d.pkgs
	}
	for what, list := range lists {
		for pattern := range strings.FieldsSeq(list) {
			if pattern != "tests" && !l.names(pattern, 0) {
				bad = append(bad, fmt.Sprintf("%s: %s is in no row", what, pattern))
			}
		}
	}
	return bad
}

// names reports whether the pattern stands for at least one package that lives
// on row from or below it.
func (l law) names(pattern string, from int) bool {
	for _, f := range l.floors[min(from, len(l.floors)):] {
		for pkg := range strings.FieldsSeq(f.pkgs) {
			if pkg == pattern || matches(pattern, strings.TrimSuffix(pkg, "/..."), false) {
				return true
			}
		}
	}
	return false
}

// loadSources reads the imports of every Go file of the module. The list of
// packages comes from one call of go list; the files are parsed, not compiled,
// so that those left out by their build tags count too.
func loadSources(t *testing.T) []source {
	t.Helper()
	cmd := exec.Command("go", "list", "-e",
		"-json=ImportPath,Dir,GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var sources []source
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p struct {
			ImportPath, Dir                                              string
			GoFiles, CgoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return sources
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkg := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, theLaw.module), "/")
		if pkg == "" {
			pkg = "."
		}
		for _, list := range [][]string{p.GoFiles, p.CgoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles} {
			for _, name := range list {
				sources = append(sources, parseSource(t, pkg, filepath.Join(p.Dir, name)))
			}
		}
	}
}

func parseSource(t *testing.T, pkg, file string) source {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	s := source{pkg: pkg, name: filepath.Base(file), test: strings.HasSuffix(file, "_test.go")}
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		s.imports = append(s.imports, path)
	}
	return s
}
