// Package testenv is what the tests of several packages need around them: a folder
// on a real disk, a way to say what the machine lacks and what takes long, golden
// files. Only tests import it.
package testenv

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// Update reports whether golden files are to be written.
func Update() bool { return *update }

// Lack ends a test for what the machine does not have: it skips the test, or fails
// it where FLUSHBENCH_CI says that everything must be there. .ci/run runs each
// package that calls it once more, and accepts no skip.
func Lack(t testing.TB, what ...any) {
	t.Helper()
	if os.Getenv("FLUSHBENCH_CI") != "" {
		t.Fatal(what...)
	}
	t.Skip(what...)
}

// Long ends a test, or a part of it, under go test -short: what it shows is shown as
// well without the race detector, whose step alone is run with -short. why says what
// that is, for instance "measures proportions of time". Whatever runs goroutines
// against each other is not long, and is made shorter instead (testing.Short).
func Long(t testing.TB, why string) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out by -short: " + why)
	}
}

// Attempts lets a check that depends on the machine, on its scheduler or on how fast it
// is, fail so many times but one: a fault of the program fails every time. The check
// is told which attempt it is, from 0.
func Attempts(t testing.TB, most int, check func(attempt int) error) {
	t.Helper()
	for i := range most {
		err := check(i)
		switch {
		case err == nil:
			return
		case i == most-1:
			t.Fatal(err)
		}
		t.Logf("attempt %d of %d: %v", i+1, most, err)
	}
}

// OnDisk returns the absolute path of a new folder on the disk that holds the
// package under test, which ends with the test. The temporary folder may be memory,
// which has no device and says nothing about flushes.
func OnDisk(t testing.TB) string {
	t.Helper()
	dir, err := MakeIn(".", ".testdisk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// largest is the length from which Golden shows only where two texts part.
const largest = 10_000

// Golden compares got with testdata/<name>, or rewrites that with -update.
func Golden(t testing.TB, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test -update in this package writes it)", err)
	}
	switch {
	case got == string(want):
	case max(len(got), len(want)) > largest:
		t.Errorf("%s differs at byte %d (go test -update in this package, then look at it)", file, firstDifference(got, string(want)))
	default:
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", file, got, want)
	}
}

func firstDifference(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
