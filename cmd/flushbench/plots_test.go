package main

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/plots"
)

// saveProbe keeps a small probe below parent and returns its folder.
func saveProbe(t *testing.T, parent, name string) string {
	t.Helper()
	ns := int64(700_000)
	r := &result.Result{Schema: result.Version, Kind: result.KindProbe, Name: name, Complete: true, Probe: &result.Probe{
		Rows: []result.ProbeRow{{Method: "fdatasync", Op: result.OpOverwrite, SizeBytes: 4096, Durable: true, RatePerS: 1400, MeanNS: ns, P50NS: &ns, MaxNS: ns}},
	}}
	dir, err := new(result.Saver).CreateFolder(parent, r)
	if err != nil {
		t.Fatal(err)
	}
	var s result.Saver
	if err := s.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPlotsCommand(t *testing.T) {
	parent := t.TempDir()
	a, b := saveProbe(t, parent, "a"), saveProbe(t, parent, "b")
	name := "flush-methods"

	out := help(t, "plots", a)
	want := filepath.Join(a, "plots", name+".svg")
	if out != want+"\n" {
		t.Errorf("plots printed %q; want %q", out, want)
	}
	first, err := os.ReadFile(want)
	if err != nil || !bytes.HasPrefix(first, []byte("<svg ")) {
		t.Errorf("%s: %v, begins with %.20q; want an SVG", want, err, first)
	}
	if help(t, "plots", filepath.Join(a, result.FileName)) != out {
		t.Error("plots of a result.json prints other paths than of its folder")
	}
	if again, _ := os.ReadFile(want); !bytes.Equal(again, first) {
		t.Error("the same result was drawn differently")
	}

	to := filepath.Join(parent, "pictures")
	help(t, "plots", "--format", "png", "--out", to, "--dpi", "48", a, b)
	for _, dir := range []string{a, b} {
		f, err := os.Open(filepath.Join(to, filepath.Base(dir), name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		f.Close()
		if err != nil || img.Bounds().Dx() != 480 {
			t.Errorf("picture of %s: %v, %v; want 480 dots wide", dir, err, img.Bounds())
		}
	}
	if got := help(t, "plots", "--results", parent, "latest"); !strings.Contains(got, "-b") {
		t.Errorf("plots latest = %q; want the pictures of b", got)
	}
}

// Results that are files of one folder keep their pictures and exports apart, and
// none may take another's place.
func TestFilesOfOneFolderKeepApart(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"main", "branch"} {
		text, err := os.ReadFile(filepath.Join(saveProbe(t, t.TempDir(), name), result.FileName))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(dir, name+".json"))
		if err := os.WriteFile(files[len(files)-1], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	help(t, "plots", files[0], files[1])
	help(t, "plots", "--out", filepath.Join(dir, "out"), files[0], files[1])
	for _, file := range files {
		help(t, "export", file)
	}
	for _, path := range []string{"main/plots/flush-methods.svg", "branch/plots/flush-methods.svg", "out/main/flush-methods.svg", "out/branch/flush-methods.svg", "main/bench.txt", "branch/bench.txt"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{"plots", "bench.txt"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err == nil {
			t.Errorf("%s was written into the folder of both", path)
		}
	}
	// Folders of one name in two places would meet below --out.
	a, b := filepath.Join(dir, "a", "run"), filepath.Join(dir, "b", "run")
	for _, to := range []string{a, b} {
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(saveProbe(t, filepath.Join(dir, "c"), filepath.Base(filepath.Dir(to))), to); err != nil {
			t.Fatal(err)
		}
	}
	_, stderr, code := command(t, "plots", "--out", filepath.Join(dir, "met"), a, b)
	if code != exitUsage || !strings.Contains(stderr, "would go to one folder") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("two folders of one name: exit code %d, %q", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "met")); err == nil {
		t.Error("pictures were drawn before it was refused")
	}
	help(t, "plots", "--out", filepath.Join(dir, "met"), a, filepath.Join(a, result.FileName))
}

func TestPlotsRefuses(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	if err := os.Mkdir(broken, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, result.FileName), []byte(`{"schema":1,`), 0o644); err != nil {
		t.Fatal(err)
	}
	good := saveProbe(t, dir, "good")
	for _, args := range [][]string{
		{"plots"}, {"plots", filepath.Join(dir, "missing")}, {"plots", broken}, {"plots", "--format", "gif", good},
		{"plots", "--dpi", "1", good}, {"plots", "--dpi", "100000", good},
	} {
		var out, err bytes.Buffer
		if code := executeContext(t.Context(), args, &out, &err); code != exitUsage || strings.Count(err.String(), "\n") != 1 {
			t.Errorf("%q ended with %d: %q; want %d and one line", args, code, err.String(), exitUsage)
		}
	}
}

// TestPlotsOfNothing: a result without a measurement is said to have no
// pictures; no empty folder is left.
func TestPlotsOfNothing(t *testing.T) {
	r := &result.Result{Schema: result.Version, Kind: result.KindRun, Name: "empty"}
	if len(plots.All(r)) != 0 {
		t.Fatal("an empty result has pictures")
	}
	dir, err := new(result.Saver).CreateFolder(t.TempDir(), r)
	if err != nil {
		t.Fatal(err)
	}
	var s result.Saver
	if err := s.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	if got := help(t, "plots", dir); !strings.Contains(got, "nothing to draw") {
		t.Errorf("plots = %q; want a word about it", got)
	}
	if _, err := os.Stat(filepath.Join(dir, plotsFolder)); err == nil {
		t.Error("plots left an empty folder")
	}
}
