package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// TestNamedResult: every command finds a result by its name below --results, where
// nothing of that name is here; what is neither here nor there is said in one line.
func TestNamedResult(t *testing.T) {
	folder := saved(t, compared(5, 1))
	results, name := filepath.Dir(folder), filepath.Base(folder)
	here := t.TempDir()
	t.Chdir(here)
	out := filepath.Join(here, "out")
	for _, args := range []string{
		"show NAME", "compare NAME NAME", "export NAME --as csv", "report NAME --out " + out, "plots NAME --out " + out,
		"merge NAME " + folder + " --out " + filepath.Join(out, "merged"), "plan --tps 100 --from NAME", "show " + filepath.Join("NAME", result.FileName),
	} {
		call := func(name string) (stderr string, code int) {
			_, stderr, code = command(t, append(strings.Fields(strings.ReplaceAll(args, "NAME", name)), "--results", results)...)
			return stderr, code
		}
		// A plan may find that nothing fits; a merge refuses one host twice. Both have read it.
		if stderr, code := call(name); strings.Contains(stderr, "there is no result") || code != exitOK && !strings.HasPrefix(args, "plan") && !strings.HasPrefix(args, "merge") {
			t.Errorf("%s: exit code %d, %q; want it found below %s", args, code, stderr, results)
		}
		if stderr, code := call("missing"); code != exitUsage || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, `there is no result "missing`) || !strings.Contains(stderr, "neither as a path nor below "+results) {
			t.Errorf("%s of what is not there: exit code %d, %q; want %d and one line that says where it was looked for", args, code, stderr, exitUsage)
		}
	}
	// What is here comes first, even if it is no result.
	if err := os.Mkdir(name, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := command(t, "show", name, "--results", results); code != exitUsage || !strings.Contains(stderr, "folder "+name+" holds no result.json") {
		t.Errorf("a folder of that name here: exit code %d, %q; want it named", code, stderr)
	}
	// No name leads out of the folder.
	if err := os.Rename(folder, filepath.Join(filepath.Dir(results), "outside")); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := command(t, "show", "../outside", "--results", results); code != exitUsage || !strings.Contains(stderr, "there is no result") {
		t.Errorf("a name with ..: exit code %d, %q; want it refused", code, stderr)
	}
}

// TestResumeByName: --resume takes such a name too.
func TestResumeByName(t *testing.T) {
	results := t.TempDir()
	folder := filepath.Join(results, "a-run")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for arg, want := range map[string]string{"a-run": folder, "": "", "b-run": "b-run", folder: folder, "../" + filepath.Base(results): "../" + filepath.Base(results)} {
		if got := namedFolder(arg, results); got != want {
			t.Errorf("namedFolder(%q) = %q; want %q", arg, got, want)
		}
	}
}
