package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"flushbench/workload/scenario"
)

// TestScenarioInit: the file that is written, as it is, is the default run, also for
// the settings of the command itself; and it never replaces another.
func TestScenarioInit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.yaml")
	if _, stderr, code := command(t, "scenario", "init", path); code != exitOK {
		t.Fatalf("scenario init = %d: %s", code, stderr)
	}
	if text, _, _ := command(t, "scenario", "init"); text != fileText(t, path) {
		t.Error("scenario init prints another text than it writes")
	}
	var o, want runOptions
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	o.addFlags(flags)
	want.addFlags(pflag.NewFlagSet("run", pflag.ContinueOnError))
	o.file, want.file = path, path
	if err := o.validate(flags); err != nil || !reflect.DeepEqual(o, want) {
		t.Errorf("a new scenario file: %v, %+v; want the default", err, o)
	}
	// Every line of it taken in.
	text := regexp.MustCompile(`(?m)^#([a-z0-9-]+: .*)$`).ReplaceAllString(fileText(t, path), "$1")
	path = writeText(t, "all.yaml", text)
	o.file, want.file = path, path
	err := readScenario(&o.s, path, flags)
	o.s.Asked = false
	if err != nil || !reflect.DeepEqual(o, want) {
		t.Errorf("all of it: %v, %+v; want the default", err, o)
	}
	before := fileText(t, path)
	if _, stderr, code := command(t, "scenario", "init", path); code != exitUsage || !strings.Contains(stderr, "is there already") || fileText(t, path) != before {
		t.Errorf("over a file = %d: %s; want it left alone", code, stderr)
	}
	if _, _, code := command(t, "scenario", "init", filepath.Join(path, "below")); code != exitUsage {
		t.Errorf("below a file = %d; want %d", code, exitUsage)
	}
}

func fileText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func writeText(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestScenarioMistakes: one line, with file and line, and exit code 2.
func TestScenarioMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"policy: 1\n\npolcy: 2":                `bad.yaml:3: unknown key "polcy": did you mean "policy"?`,
		"policy: 1\nsaok: 2h":                  `bad.yaml:2: unknown key "saok": did you mean "soak"?`,
		"policy: 1\npolicy: 2":                 "bad.yaml:2: policy is given twice",
		"clients: many":                        `bad.yaml:1: clients: "many" is no whole number`,
		"allow-volatile: perhaps":              "bad.yaml:1: allow-volatile: invalid argument",
		"policy: [1\nclients: 2":               "bad.yaml:",
		"policy: 1\n---\nclients: 2":           ": a second document",
		"dry-run: true":                        `bad.yaml:1: unknown key "dry-run"`,
		"soak: 1m\nrounds: 3":                  "--rounds with --soak",
		"rate: 5..1/0":                         "bad.yaml:1: rate:",
		"clients: 0":                           "clients 0: must be 1 to",
		"rate: 1k\nlatency-limit: 1s\nrows: 0": "rows 0: must be 1 to",
	} {
		_, stderr, code := command(t, "run", "--dry-run", "-f", writeText(t, "bad.yaml", text))
		if code != exitUsage || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q = %d: %q; want %d and one line with %q", text, code, stderr, exitUsage, want)
		}
	}
	if _, stderr, code := command(t, "run", "--dry-run", "-f", filepath.Join(t.TempDir(), "none.yaml")); code != exitUsage || !strings.Contains(stderr, "none.yaml") {
		t.Errorf("a file that is not there = %d: %q", code, stderr)
	}
}

// TestFlagsWinOverTheFile holds for the settings of the command itself too.
func TestFlagsWinOverTheFile(t *testing.T) {
	path := writeText(t, "s.yaml", "clients: 7\npolicy: 1\nname: of-the-file\nsoak: 1m\n")
	var o runOptions
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	o.addFlags(flags)
	if err := flags.Parse([]string{"-f", path, "--threads", "9", "--name", "of-the-flag"}); err != nil {
		t.Fatal(err)
	}
	if err := o.validate(flags); err != nil {
		t.Fatal(err)
	}
	if o.s.Clients[0] != 9 || o.name != "of-the-flag" || o.soak.Minutes() != 1 || o.s.Policy.String() != "1" {
		t.Errorf("clients %v, name %s, soak %v, policy %v; want 9, of-the-flag, 1m, 1", o.s.Clients, o.name, o.soak, o.s.Policy)
	}
}

// TestScenarioExamples: each one is legal, is described, prints its dry run, and that
// writes nothing.
func TestScenarioExamples(t *testing.T) {
	dir, err := filepath.Abs(filepath.Join("..", "..", "docs", "scenarios"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d examples, %v; want 4 at least", len(files), err)
	}
	page := fileText(t, filepath.Join(dir, "README.md"))
	t.Chdir(t.TempDir())
	for _, path := range files {
		if name := filepath.Base(path); !strings.Contains(page, "("+name+")") {
			t.Errorf("docs/scenarios/README.md does not say when to take %s", name)
		}
		s := scenario.Default()
		if err := s.Decode([]byte(fileText(t, path)), nil); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		cells, skipped := s.Cells()
		stdout, stderr, code := command(t, "run", "--dry-run", "-f", path)
		if code != exitOK {
			t.Errorf("%s: dry run = %d: %s", path, code, stderr)
			continue
		}
		t.Logf("%s\n%s", filepath.Base(path), stdout)
		for _, c := range cells {
			if !strings.Contains(stdout, c.Name) {
				t.Errorf("%s: the dry run leaves out %s", path, c.Name)
			}
		}
		for _, x := range skipped {
			if x.Reason != "" {
				t.Errorf("%s: %s would not be measured: %s", path, x.Name, x.Reason)
			}
		}
		if !regexp.MustCompile(`\d+ cells, \d+ rounds, about .*; at most .* would be written\.\n$`).MatchString(stdout) {
			t.Errorf("%s: the dry run ends with %q", path, stdout[max(0, len(stdout)-80):])
		}
	}
	if left, _ := filepath.Glob("*"); len(left) > 0 {
		t.Errorf("dry runs left %v", left)
	}
}
