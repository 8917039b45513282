package workdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// list returns what lies below dir, folders with a slash.
func list(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err == nil && p != dir {
			name, _ := filepath.Rel(dir, p)
			if e.IsDir() {
				name += "/"
			}
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func acquire(t *testing.T, base string) *Dir {
	t.Helper()
	d, err := Acquire(t.Context(), quiet(Options{Base: base}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Release() }) // the test looks at the error where it matters
	return d
}

func write(t *testing.T, name ...string) string {
	t.Helper()
	path := filepath.Join(name...)
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAcquireRelease(t *testing.T) {
	base := t.TempDir()
	keep := write(t, base, "somebody-elses")
	d := acquire(t, base)
	if rel, err := filepath.Rel(d.base, d.Path()); err != nil || !strings.HasPrefix(rel, Folder+"/run-") {
		t.Errorf("Path() = %q; want a run folder in %s", d.Path(), Folder)
	}
	if err := fill(d); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup // Release from several goroutines, as a signal would
	for range 4 {
		group.Go(func() {
			if err := d.Release(); err != nil {
				t.Errorf("Release() = %v", err)
			}
		})
	}
	group.Wait()
	if got := list(t, base); got != filepath.Base(keep) {
		t.Errorf("after Release: %q; want only %q", got, filepath.Base(keep))
	}
	if notes := d.Notes(); len(notes) != 0 {
		t.Errorf("Notes() = %q; want none", notes)
	}
	if err := d.Claim("late"); err == nil {
		t.Error("Claim after Release succeeded")
	}
}

// What is no file is taken out of a tree before its files are removed, at the end
// of a run and after one that was killed; if it cannot be, the tree stays.
func TestTreesAreCleaned(t *testing.T) {
	base := t.TempDir()
	cmd, killed := child(t, self(t), "acquire", base)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	var cleaned []string
	var fails error
	o := quiet(Options{Base: base, Clean: func(tree string) ([]string, error) {
		if _, err := os.Stat(filepath.Join(tree, "ibdata1")); err != nil {
			t.Errorf("%s was cleaned too late: %v", tree, err)
		}
		cleaned = append(cleaned, tree)
		return nil, fails
	}})
	fails = errors.New("a mount stays")
	d, err := Acquire(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(killed, "server")
	if want := left + ": a mount stays: left alone"; len(d.Notes()) != 1 || d.Notes()[0] != want {
		t.Errorf("notes %q; want %q alone", d.Notes(), want)
	}
	if got := list(t, killed); got != ".flushbench server/ server/a/ server/a/b/ server/a/b/c server/ibdata1" {
		t.Errorf("the killed run's folder holds %q; want the tree as it was", got)
	}
	if err := fill(d); err != nil {
		t.Fatal(err)
	}
	fails = nil
	if err := d.Release(); err != nil {
		t.Fatal(err)
	}
	next, err := Acquire(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Release(); err != nil {
		t.Fatal(err)
	}
	if want := []string{left, filepath.Join(d.Path(), "server"), left}; !slices.Equal(cleaned, want) {
		t.Errorf("cleaned %q; want %q", cleaned, want)
	}
	if got := list(t, base); got != "" {
		t.Errorf("left: %q; want nothing", got)
	}
}

func TestForeignFilesStay(t *testing.T) {
	base := t.TempDir()
	d := acquire(t, base)
	if err := fill(d); err != nil {
		t.Fatal(err)
	}
	outside := write(t, t.TempDir(), "outside")
	write(t, d.Path(), "notes.txt")
	write(t, d.Path(), "log", "other")
	if err := os.Mkdir(filepath.Join(d.Path(), "their-folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, d.Path(), "their-folder", "redo.0") // our name, not our folder
	for _, link := range []string{"redo.7", "link"} {
		if err := os.Symlink(outside, filepath.Join(d.Path(), link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Release(); err != nil {
		t.Fatal(err)
	}
	check := func(when string, notes []string) {
		t.Helper()
		want := ".flushbench link log/ log/other notes.txt redo.7 their-folder/ their-folder/redo.0"
		if got := list(t, d.Path()); got != want {
			t.Errorf("%s: left %q; want %q", when, got, want)
		}
		if len(notes) != 5 || !strings.HasSuffix(notes[4], "/their-folder was not made by flushbench: left alone") {
			t.Errorf("%s: notes %q; want five", when, notes)
		}
		if b, err := os.ReadFile(outside); err != nil || string(b) != "precious" {
			t.Errorf("%s: the file that a link points to: %q, %v", when, b, err)
		}
	}
	check("Release", d.Notes())
	next := acquire(t, base)
	check("the next Acquire", next.Notes())
}

func TestLinksInTrees(t *testing.T) {
	base, elsewhere := t.TempDir(), t.TempDir()
	outside := write(t, elsewhere, "outside")
	d := acquire(t, base)
	dir, err := d.Tree("server")
	if err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"file": outside, "folder": elsewhere, "dead": "/nowhere", "up": "../.."} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Release(); err != nil {
		t.Fatal(err)
	}
	if got := list(t, base); got != "" {
		t.Errorf("after Release: %q; want nothing", got)
	}
	if got := list(t, elsewhere); got != "outside" {
		t.Errorf("where the links pointed: %q; want the file", got)
	}
}

func TestKilledRunIsCleaned(t *testing.T) {
	base := t.TempDir()
	cmd, path := child(t, self(t), "acquire", base)
	foreign := write(t, base, Folder, "unknown")

	// While it lives nothing of it is touched, and a second run is refused.
	before := list(t, base)
	_, err := Acquire(t.Context(), quiet(Options{Base: base}))
	wantRefusal(t, err, "refused: another flushbench (pid "+itoa(cmd.Process.Pid)+") works in "+filepath.Join(base, Folder))
	if got := list(t, base); got != before {
		t.Errorf("a refused run changed %q to %q", before, got)
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if _, err := os.Stat(filepath.Join(path, "redo.0")); err != nil {
		t.Fatalf("the killed run left nothing to clean: %v", err)
	}
	d := acquire(t, base)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what the killed run left is still there: %q", list(t, path))
	}
	if notes := strings.Join(d.Notes(), "\n"); !strings.Contains(notes, path+" was left by a killed run: removed") || !strings.Contains(notes, foreign+" was not made by flushbench") {
		t.Errorf("Notes() = %q", notes)
	}
	if err := d.Release(); err != nil {
		t.Fatal(err)
	}
	if got := list(t, base); got != Folder+"/ "+Folder+"/"+LockName+" "+Folder+"/unknown" {
		t.Errorf("at the end: %q; want the foreign file and what marks the folder", got)
	}
}

// TestKilledEarly lays out what a process that was killed between two steps
// of its start leaves; the next run must find its way.
func TestKilledEarly(t *testing.T) {
	const run = Folder + "/run-0123abcd"
	for _, test := range []struct {
		name  string
		files map[string]string // a name that ends in / is a folder
		left  string
	}{
		{"before the lock file", map[string]string{Folder + "/": ""}, ""},
		{"before the lock was written", map[string]string{Folder + "/" + LockName: ""}, ""},
		{"before the manifest", map[string]string{Folder + "/" + LockName: lockMagic + "\n", run + "/": ""}, ""},
		{"before the manifest was written", map[string]string{Folder + "/" + LockName: lockMagic + "\n", run + "/" + manifestName: ""}, ""},
		{"in the middle of a claim", map[string]string{
			Folder + "/" + LockName: lockMagic + "\n", run + "/" + manifestName: manifestMagic + "\nname \"a\"\nname \"b", run + "/a": "x",
		}, ""},
		{"a run folder that is not ours", map[string]string{Folder + "/" + LockName: lockMagic + "\n", run + "/redo.0": "x"}, run + "/redo.0"},
		{"a manifest that leads out", map[string]string{
			Folder + "/" + LockName: lockMagic + "\n", run + "/" + manifestName: manifestMagic + "\ntree \"..\"\nname \"../../precious\"\ntree \".\"\n", "precious": "x", run + "/x": "x",
		}, "precious"},
	} {
		t.Run(test.name, func(t *testing.T) {
			base := t.TempDir()
			for name, text := range test.files {
				path := filepath.Join(base, name)
				folder := filepath.Dir(path)
				if strings.HasSuffix(name, "/") {
					folder = path
				}
				if err := os.MkdirAll(folder, 0o711); err != nil {
					t.Fatal(err)
				}
				if folder == path {
					continue
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			d := acquire(t, base)
			if err := d.Release(); err != nil {
				t.Fatal(err)
			}
			if got := list(t, base); test.left == "" && got != "" || !strings.Contains(got, test.left) {
				t.Errorf("left %q; want %q", got, test.left)
			}
		})
	}
}

func TestClaims(t *testing.T) {
	d := acquire(t, t.TempDir())
	for _, bad := range []string{"", ".", "..", "../x", "/etc/passwd", "a/../b", "a//b", manifestName} {
		if err := d.Claim(bad); err == nil {
			t.Errorf("Claim(%q) succeeded; want an error", bad)
		}
		if _, err := d.Tree(bad); err == nil {
			t.Errorf("Tree(%q) succeeded; want an error", bad)
		}
	}
	for _, good := range []string{"a", "a/b", "with space", "new\nline", `quo"te`} {
		if err := d.Claim(good); err != nil {
			t.Errorf("Claim(%q) = %v", good, err)
		}
	}
	c, ok := readManifest(d.run)
	if !ok || len(c) != 5 || c["new\nline"] != claimName {
		t.Errorf("readManifest = %v, %v; want the five claims", c, ok)
	}
	if _, err := d.Mkdir("twice"); err != nil {
		t.Error(err)
	}
	if _, err := d.Mkdir("twice"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second Mkdir = %v; want %v", err, fs.ErrExist)
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(manifestMagic + "\nname \"a\"\ntree \"b/c\"\n")
	f.Add(manifestMagic + "\ntree \"../x\"\nname \"\\")
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := parseManifest(text)
		if !ok && len(c) != 0 {
			t.Errorf("parseManifest(%q) = %v without the first line", text, c)
		}
		for name := range c {
			if !filepath.IsLocal(name) {
				t.Errorf("parseManifest(%q) claims %q", text, name)
			}
		}
	})
}

// TestLockOfARemovedFile is the moment at which one run opens the lock file and
// another, which ends, removes it: the lock of a file that is gone, or that a
// third one replaced, protects nothing.
func TestLockOfARemovedFile(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		dir := t.TempDir()
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, LockName)
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if replaced {
			if err := os.WriteFile(name, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		l := &lockFile{f: f}
		if err := l.take(root, dir); !errors.Is(err, errVanished) {
			t.Errorf("replaced %v: take() = %v; want %v", replaced, err, errVanished)
		}
		if err := errors.Join(l.close(), root.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestConcurrentRuns lets several runs come and go in one base folder: at any
// moment at most one holds it, all others are refused, none fails otherwise.
func TestConcurrentRuns(t *testing.T) {
	base := t.TempDir()
	var holders, wins sync.Map
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 20 {
				d, err := Acquire(t.Context(), quiet(Options{Base: base}))
				var refusal *Refusal
				if errors.As(err, &refusal) {
					continue
				}
				if err != nil {
					t.Errorf("Acquire = %v", err)
					return
				}
				if other, held := holders.LoadOrStore("lock", i); held {
					t.Errorf("%d holds the folder together with %v", i, other)
				}
				wins.Store(i, true)
				write(t, d.Path(), "redo.0")
				holders.Delete("lock")
				if err := d.Release(); err != nil {
					t.Errorf("Release = %v", err)
				}
			}
		})
	}
	group.Wait()
	won := 0
	wins.Range(func(any, any) bool { won++; return true })
	if won == 0 {
		t.Error("no run ever got the folder")
	}
	if got := list(t, base); got != "" {
		t.Errorf("at the end: %q; want nothing", got)
	}
}
