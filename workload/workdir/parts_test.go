package workdir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/metrics/hostinfo"
)

// parts are a log, pages and a binlog in three folders.
func parts(log, pages, binlog string) []Part {
	return []Part{{Flag: "--log-dir", Base: log, NeedBytes: 10}, {Flag: "--data-dir", Base: pages, NeedBytes: 20}, {Flag: "--binlog-dir", Base: binlog, NeedBytes: 40}}
}

func TestAcquireAllSharesFolders(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(one, link); err != nil {
		t.Fatal(err)
	}
	dirs, err := AcquireAll(t.Context(), quiet(Options{}), parts(one, other, link))
	if err != nil {
		t.Fatal(err)
	}
	if dirs[0] != dirs[2] || dirs[0] == dirs[1] || dirs[0].Base() != dirs[2].Base() {
		t.Errorf("folders %q, %q, %q; want the first and the last to be one", dirs[0].Path(), dirs[1].Path(), dirs[2].Path())
	}
	for i, base := range []string{one, other} {
		if err := fill(dirs[i]); err != nil {
			t.Fatal(err)
		}
		if !dirs[i].Within(filepath.Join(dirs[i].Path(), "log", "redo.0")) || dirs[i].Within(dirs[1-i].Path()) || dirs[i].Within(base) {
			t.Errorf("Within of %s is wrong", dirs[i].Path())
		}
		if _, err := Acquire(t.Context(), quiet(Options{Base: base})); err == nil {
			t.Errorf("%s is not locked", base)
		}
	}
	for _, d := range dirs {
		if err := d.Release(); err != nil {
			t.Error(err)
		}
	}
	for _, base := range []string{one, other} {
		if got := list(t, base); got != "" {
			t.Errorf("left in %s: %q; want nothing", base, got)
		}
	}
}

// A refusal names the flag that chose the folder, and no folder keeps anything.
func TestAcquireAllRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct {
		name, first, want string
		spoil             func(t *testing.T, o *Options, p []Part)
	}{
		{"missing", "refused: folder " + missing + " does not exist", "  --binlog-dir takes an existing folder", func(_ *testing.T, _ *Options, p []Part) { p[2].Base = missing }},
		{"locked", "refused: another flushbench", "choose another folder with --data-dir. ", func(t *testing.T, _ *Options, p []Part) { acquire(t, p[1].Base) }},
		{"budget", "refused: --max-write-bytes is 69 B, but the files alone take 70 B", "Raise it", func(_ *testing.T, o *Options, _ []Part) { o.MaxWriteBytes = 69 }},
		{"no flag", "refused: another flushbench", "choose another folder with --dir. ", func(t *testing.T, _ *Options, p []Part) {
			p[1].Flag = ""
			acquire(t, p[1].Base)
		}},
		{"database", "refused: mysqld (pid 7) has files open", "probe --gentle", func(_ *testing.T, o *Options, p []Part) {
			o.Neighbours = func(_ context.Context, f hostinfo.Facts) (r hostinfo.NeighbourReport, _ error) {
				if f.Path.Path == p[2].Base {
					r.Found = []hostinfo.Neighbour{{Command: "mysqld", PID: 7, Device: "vdb"}}
				}
				return r, nil
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, o := parts(t.TempDir(), t.TempDir(), t.TempDir()), Options{}
			bases := []string{p[0].Base, p[2].Base}
			c.spoil(t, &o, p)
			_, err := AcquireAll(t.Context(), quiet(o), p)
			var r *Refusal
			if !errors.As(err, &r) || !strings.HasPrefix(r.Lines[0], c.first) || !strings.Contains(strings.Join(r.Lines[1:], "\n"), c.want) {
				t.Fatalf("AcquireAll = %v; want %q and %q", err, c.first, c.want)
			}
			for _, base := range bases {
				if got := list(t, base); got != "" {
					t.Errorf("left in %s: %q; want nothing", base, got)
				}
			}
		})
	}
}

// Two folders on one file system need what both need.
func TestAcquireAllAddsUpNeeds(t *testing.T) {
	free := int64(0)
	o := quiet(Options{Look: func(ctx context.Context, dir string) (hostinfo.Facts, error) {
		f, err := hostinfo.Inspect(ctx, dir)
		f.Path.FreeBytes, f.Path.TotalBytes = free, 1<<40
		return f, err
	}})
	for _, c := range []struct {
		free int64
		ok   bool
	}{{69, false}, {70, true}} {
		free = c.free
		p := parts(t.TempDir(), t.TempDir(), t.TempDir())
		dirs, err := AcquireAll(t.Context(), o, p)
		if (err == nil) != c.ok {
			t.Errorf("AcquireAll of 70 bytes with %d free = %v; want success %v", free, err, c.ok)
		}
		for _, d := range dirs {
			if err := d.Release(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestRefusalAdviceByFlag(t *testing.T) {
	for _, c := range []struct{ flag, lower, want string }{
		{"", "", "Lower --log-capacity, or choose another folder with --dir."},
		{"", "--rows or --duration", "Lower --rows or --duration, or choose another folder with --dir."},
		{"--log-dir", "", "Lower --log-capacity, or choose another folder with --log-dir."},
		{"--data-dir", "", "Choose another folder with --data-dir."},
		{"--data-dir", "--rows or --duration", "Choose another folder with --data-dir."},
	} {
		o := Options{Flag: c.flag, Lower: c.lower, NeedBytes: 2}
		if got := o.named(o.tooLittleSpace("/x", 1, 3)).Error(); !strings.Contains(got, c.want) {
			t.Errorf("advice for %q, %q: %q; want %q", c.flag, c.lower, got, c.want)
		}
	}
}
