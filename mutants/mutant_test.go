package main

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

const wellFormed = `# about the bug
file: engine/redo/reader.go
run:  TestReader/lap
why:  a record of an earlier lap comes back
  after a crash
race: yes
hang: ok
tags: yieldpoints

--- old
	if lap != want {
		return errLap
	}
--- new
--- old
one
--- new

two
--- end
`

func TestParse(t *testing.T) {
	want := Mutant{
		Name: "stale-lap", File: "engine/redo/reader.go", Package: "./engine/redo", Run: "TestReader/lap",
		Why:  "a record of an earlier lap comes back after a crash",
		Tags: "yieldpoints", Race: true, HangOK: true,
		Edits: []Edit{{Old: "\tif lap != want {\n\t\treturn errLap\n\t}"}, {Old: "one", New: "\ntwo"}},
	}
	for name, text := range map[string]string{
		"unix": wellFormed,
		"dos":  strings.ReplaceAll(wellFormed, "\n", "\r\n"),
	} {
		got, err := Parse("mutants/stale-lap.mutant", text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: Parse = %+v, %v\nwant %+v", name, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	replace := func(old, with string) string { return strings.Replace(wellFormed, old, with, 1) }
	for _, c := range []struct{ name, text, want string }{
		{"x.mutant", "", `no line "--- old"`},
		{"x.mutant", replace("why:  ", "whence: "), "unknown key"},
		{"x.mutant", replace("race: yes", "race: no"), `got "no", want "yes"`},
		{"x.mutant", replace("hang: ok", "hang: maybe"), `got "maybe", want "ok"`},
		{"x.mutant", replace("race: yes", "file: a.go"), "a second time"},
		{"x.mutant", replace("file:", "  file:"), "continues nothing"},
		{"x.mutant", replace("race: yes", "race"), `x.mutant:6: want "key: value"`},
		{"x.mutant", replace("--- end\n", ""), `no line "--- end"`},
		{"x.mutant", wellFormed + "more\n", "text after"},
		{"x.mutant", replace("--- new\n--- old", "--- old"), `before "--- new"`},
		{"x.mutant", replace("--- new\n--- old", "--- new\n--- new"), "twice in one block"},
		{"x.mutant", replace("one\n", "\n"), "old text is empty"},
		{"x.mutant", replace("\n\ntwo", "\none"), "are the same"},
		{"x.mutant", replace("run:", "#run:"), "run: missing"},
		{"x.mutant", replace("TestReader", "Test(Reader"), "run: error parsing regexp"},
		{"x.mutant", replace("why:  a record of an earlier lap comes back\n  after a crash\n", ""), "why: missing"},
		{"x.mutant", replace("engine/redo/reader.go", "../reader.go"), "want a Go file"},
		{"x.mutant", replace("engine/redo/reader.go", "go.mod"), "want a Go file"},
		{"x.mutant", replace("run:", "package: ./...\nrun:"), "one package's folder"},
		{"x.mutant", replace("run:", "package: engine\nrun:"), "one package's folder"},
		{"X_Y.mutant", wellFormed, "joined by hyphens"},
	} {
		if _, err := Parse(c.name, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Parse(%q ...) = %v; want an error with %q", c.name, err, c.want)
		}
	}
}

func TestReadAllNamesEveryBadFile(t *testing.T) {
	dir := fstest.MapFS{
		"a.mutant": {Data: []byte("nonsense")}, "b.mutant": {Data: []byte(wellFormed)},
		"c.mutant": {Data: []byte("")}, "d.txt": {Data: []byte("nonsense")},
	}
	got, err := ReadAll(dir)
	if len(got) != 1 || got[0].Name != "b" {
		t.Errorf("ReadAll = %v; want b alone", got)
	}
	if err == nil || !strings.Contains(err.Error(), "a.mutant") || !strings.Contains(err.Error(), "c.mutant") {
		t.Errorf("ReadAll error = %v; want a.mutant and c.mutant named", err)
	}
}

// FuzzParse holds that whatever Parse accepts can be applied without a panic and
// keeps what Mutant promises.
func FuzzParse(f *testing.F) {
	f.Add(wellFormed)
	f.Add("file: a.go\nrun: T\nwhy: w\n--- old\na\n--- new\nb\n--- end\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse("x.mutant", text)
		if err != nil {
			return
		}
		if len(m.Edits) == 0 || m.File == "" || m.Run == "" || m.Why == "" || !strings.HasPrefix(m.Package, "./") {
			t.Fatalf("Parse accepts %+v", m)
		}
		src := ""
		for _, e := range m.Edits {
			src += e.Old + "\x00"
		}
		_, _ = m.Apply(src)
	})
}
