package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestApply(t *testing.T) {
	m := Mutant{Name: "m", File: "a.go", Edits: []Edit{{Old: "b", New: "x"}, {Old: "xc", New: ""}}}
	for _, c := range []struct{ src, want string }{
		{"abcd", "ad"},
		{"acd", ""},   // the first edit finds nothing
		{"abbcd", ""}, // the first edit is ambiguous
		{"abd", ""},   // the second edit finds nothing
	} {
		got, err := m.Apply(c.src)
		if got != c.want || (err == nil) != (c.want != "") || (err != nil && !errors.Is(err, errStale)) {
			t.Errorf("Apply(%q) = %q, %v; want %q", c.src, got, err, c.want)
		}
	}
}

func TestRunsAny(t *testing.T) {
	names := []string{"TestReader", "FuzzLog"}
	for _, c := range []struct {
		run  string
		want bool
	}{
		{"TestReader", true}, {"^TestReader$/lap", true}, {"Fuzz", true}, {"TestWriter", false}, {"reader", false},
	} {
		if got := (Mutant{Run: c.run}).runsAny(names); got != c.want {
			t.Errorf("run %q against %v = %v; want %v", c.run, names, got, c.want)
		}
	}
}

func TestWriteOverlay(t *testing.T) {
	tmp := t.TempDir()
	m := Mutant{Name: "m", File: "engine/a.go"}
	overlay, err := m.writeOverlay("/src", tmp, "changed")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(overlay)
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Replace map[string]string }
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	file := got.Replace[filepath.Join("/src", "engine", "a.go")]
	if src, err := os.ReadFile(file); err != nil || string(src) != "changed" {
		t.Errorf("overlay %s leads to %q, %v; want the changed source", text, src, err)
	}
}

// TestMutantsFitTheSource finds a stale mutant in the run of the ordinary tests,
// long before anybody plants it.
func TestMutantsFitTheSource(t *testing.T) {
	all, err := ReadAll(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no mutants found")
	}
	for _, m := range all {
		if _, err := m.Mutated(".."); err != nil {
			t.Error(err)
		}
	}
}

func TestPageIsCurrent(t *testing.T) {
	all, err := ReadAll(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "mutants.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != markdown(all) {
		t.Error("docs/mutants.md does not match mutants/*.mutant: run go run ./mutants -md")
	}
}

func TestMarkdownEscapesBars(t *testing.T) {
	got := markdown([]Mutant{{Name: "m", File: "a.go", Package: "./a", Run: "A|B", Why: "x|y", Race: true, HangOK: true}})
	want := "| `m` | `a.go` | `A\\|B` in `a`, under -race, or a hang | x\\|y |\n"
	if !strings.HasSuffix(got, want) {
		t.Errorf("markdown ends in %q; want %q", got[max(0, len(got)-120):], want)
	}
}
