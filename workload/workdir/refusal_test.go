package workdir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/hostinfo"
)

func itoa(n int) string { return strconv.Itoa(n) }

// wantRefusal checks that err is a Refusal whose first line begins with
// first, and that its lines are fit for the screen.
func wantRefusal(t *testing.T, err error, first string) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) {
		t.Fatalf("error %v; want a refusal", err)
	}
	if !strings.HasPrefix(r.Lines[0], first) {
		t.Errorf("refusal %q; want %q", r.Lines[0], first)
	}
	if last := r.Lines[len(r.Lines)-1]; len(r.Lines) < 2 || !strings.HasSuffix(last, nothingWritten) {
		t.Errorf("refusal %q; want advice, and at last that nothing was written", r.Lines)
	}
	for _, line := range r.Lines[1:] {
		if !strings.HasPrefix(line, "  ") || len(line) > 80 {
			t.Errorf("refusal line %q; want two blanks first and 80 characters at most", line)
		}
	}
}

// changed returns a Look that changes what hostinfo found.
func changed(change func(*hostinfo.Facts)) func(context.Context, string) (hostinfo.Facts, error) {
	return func(ctx context.Context, dir string) (hostinfo.Facts, error) {
		f, err := hostinfo.Inspect(ctx, dir)
		change(&f)
		return f, err
	}
}

func TestRefusals(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, base, "file")
	report := func(found ...hostinfo.Neighbour) func(context.Context, hostinfo.Facts) (hostinfo.NeighbourReport, error) {
		return func(context.Context, hostinfo.Facts) (hostinfo.NeighbourReport, error) {
			return hostinfo.NeighbourReport{Found: found}, nil
		}
	}
	mysqld := hostinfo.Neighbour{PID: 2214, Command: "mysqld", Path: "/var/lib/mysql/ibdata1", Device: "nvme0n1"}
	for _, test := range []struct {
		name  string
		o     Options
		first string
	}{
		{"missing", Options{Base: base + "/none"}, "refused: folder " + base + "/none does not exist"},
		{"a file", Options{Base: file}, "refused: " + file + " is not a folder"},
		{"read-only", Options{Look: changed(func(f *hostinfo.Facts) {
			f.Path.ReadOnly, f.Env.Filesystem, f.Env.MountPoint = true, "ext4", "/ro"
		})}, "refused: " + base + " is on a read-only file system (ext4 on /ro)"},
		{"memory", Options{Look: changed(func(f *hostinfo.Facts) { f.Env.Volatile, f.Env.Filesystem = true, "tmpfs" })},
			"refused: " + base + " is on tmpfs, which is memory: nothing is durable there"},
		{"memory device", Options{Look: changed(func(f *hostinfo.Facts) {
			f.Env.Volatile, f.Env.Device.Volatile, f.Env.Device.Name = false, true, "zram0"
		})}, "refused: " + base + " is on zram0, which is memory"},
		{"space", Options{NeedBytes: 10 << 30, Look: changed(func(f *hostinfo.Facts) {
			f.Env.Volatile, f.Path.FreeBytes, f.Path.TotalBytes = false, 10<<30, 20<<30
		})}, "refused: " + base + " has 10.0 GiB free, this run needs 10.0 GiB and leaves 256 MiB"},
		{"budget", Options{NeedBytes: 2 << 20, MaxWriteBytes: 1 << 20}, "refused: --max-write-bytes is 1.00 MiB, but the files alone take 2.00 MiB"},
		{"database", Options{Neighbours: report(mysqld), Look: changed(func(f *hostinfo.Facts) { f.Env.Volatile = false })},
			"refused: mysqld (pid 2214) has files open on this device (nvme0n1)"},
		{"databases", Options{
			Neighbours: report(hostinfo.Neighbour{PID: 1, Command: "mongod", Path: "/srv", Device: "sda", Assumed: true}, mysqld, mysqld, mysqld, mysqld, mysqld),
			Look:       changed(func(f *hostinfo.Facts) { f.Env.Volatile = false }),
		}, "refused: mongod (pid 1) keeps its data in /srv on this device (sda)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.o.Base == "" {
				test.o.Base = base
			}
			if test.o.Neighbours == nil {
				test.o.Neighbours = report()
			}
			_, err := Acquire(t.Context(), test.o)
			wantRefusal(t, err, test.first)
			if got := list(t, base); got != "file" {
				t.Errorf("a refused run left %q", got)
			}
		})
	}
}

func TestDatabaseScreen(t *testing.T) {
	r := liveDatabase([]hostinfo.Neighbour{{PID: 2214, Command: "mysqld", Device: "nvme0n1"}})
	want := `refused: mysqld (pid 2214) has files open on this device (nvme0n1)
  A full run would slow its commits. Gentle look (20 flushes/s, 10 s):
      flushbench probe --gentle
  To run anyway: --beside-live-database. Nothing was written.`
	if r.Error() != want {
		t.Errorf("screen\n%s\nwant\n%s", r.Error(), want)
	}
}

func TestBesideLiveDatabase(t *testing.T) {
	o := quiet(Options{Base: t.TempDir(), BesideLiveDatabase: true})
	o.Neighbours = func(context.Context, hostinfo.Facts) (hostinfo.NeighbourReport, error) {
		return hostinfo.NeighbourReport{Found: []hostinfo.Neighbour{{PID: 7, Command: "etcd", Device: "sda"}}, Notes: []string{"a note"}}, nil
	}
	d, err := Acquire(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if notes := d.Notes(); len(notes) != 2 || notes[0] != "a note" || !strings.HasPrefix(notes[1], "etcd (pid 7) uses this device (sda)") {
		t.Errorf("Notes() = %q", notes)
	}
	if err := d.Release(); err != nil {
		t.Fatal(err)
	}
}

// TestFakeServer runs a copy of this binary called mysqld that holds a file
// open on the device, and looks for it in the real process table.
func TestFakeServer(t *testing.T) {
	base := testenv.OnDisk(t)
	facts, err := hostinfo.Inspect(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if facts.Env.Device.Name == "" {
		testenv.Lack(t, "the package's folder is on no known block device")
	}
	server := copyOf(t, self(t), filepath.Join(t.TempDir(), "mysqld"))
	data := write(t, base, "ibdata1")
	cmd, _ := child(t, server, "open", data)
	source := hostinfo.Real()
	source.Self = 0 // the server is our child, which would be left out
	o := Options{Base: base, Neighbours: func(ctx context.Context, f hostinfo.Facts) (hostinfo.NeighbourReport, error) {
		r, err := source.Neighbours(ctx, f.Env)
		for _, n := range r.Found {
			if n.PID == cmd.Process.Pid { // the machine may have servers of its own
				return hostinfo.NeighbourReport{Found: []hostinfo.Neighbour{n}}, err
			}
		}
		return hostinfo.NeighbourReport{}, err
	}}
	_, err = Acquire(t.Context(), o)
	wantRefusal(t, err, fmt.Sprintf("refused: mysqld (pid %d) has files open on this device (", cmd.Process.Pid))
	if got := list(t, base); got != "ibdata1" {
		t.Errorf("a refused run left %q", got)
	}
	// With its parent known, it is ours and no neighbour.
	if r, err := hostinfo.Neighbours(t.Context(), facts.Env); err != nil {
		t.Error(err)
	} else {
		for _, n := range r.Found {
			if n.PID == cmd.Process.Pid {
				t.Errorf("our own child is reported: %+v", n)
			}
		}
	}
}

func copyOf(t *testing.T, from, to string) string {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }() // opened for reading only
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestForeignWorkFolder(t *testing.T) {
	elsewhere := t.TempDir()
	write(t, elsewhere, "redo.0")
	for _, test := range []struct {
		name string
		make func(work string) error
		why  string
	}{
		{"symbolic link", func(work string) error { return os.Symlink(elsewhere, work) }, "it is a symbolic link"},
		{"file", func(work string) error { return os.WriteFile(work, nil, 0o644) }, "it is not a folder"},
		{"open to others", func(work string) error { return errors.Join(os.Mkdir(work, 0o755), os.Chmod(work, 0o777)) }, "other users may write to it"},
		{"files, no lock file", func(work string) error {
			return errors.Join(os.Mkdir(work, 0o711), os.WriteFile(work+"/redo.0", nil, 0o644))
		}, "it has files but no flushbench.lock"},
		{"another lock file", func(work string) error {
			return errors.Join(os.Mkdir(work, 0o711), os.WriteFile(work+"/"+LockName, []byte("mine"), 0o644))
		}, "flushbench.lock in it is not flushbench's"},
		{"empty lock file beside files", func(work string) error {
			return errors.Join(os.Mkdir(work, 0o711), os.WriteFile(work+"/"+LockName, nil, 0o644), os.WriteFile(work+"/redo.0", nil, 0o644))
		}, "flushbench.lock in it is not flushbench's"},
		{"lock file is a link", func(work string) error {
			return errors.Join(os.Mkdir(work, 0o711), os.Symlink(elsewhere+"/redo.0", work+"/"+LockName))
		}, "flushbench.lock in it is no ordinary file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			base, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			work := filepath.Join(base, Folder)
			if err := test.make(work); err != nil {
				t.Fatal(err)
			}
			before := list(t, base)
			_, err = Acquire(t.Context(), quiet(Options{Base: base}))
			wantRefusal(t, err, "refused: "+work+" was not made by flushbench: "+test.why)
			if got := list(t, base); got != before {
				t.Errorf("a refused run changed %q to %q", before, got)
			}
		})
	}
	if b, err := os.ReadFile(filepath.Join(elsewhere, "redo.0")); err != nil || string(b) != "precious" {
		t.Errorf("behind the link: %q, %v", b, err)
	}
}

func TestCannotWrite(t *testing.T) {
	var r *Refusal
	if err := cannotWrite("/x", &fs.PathError{Op: "mkdir", Path: "/x", Err: fs.ErrPermission}); !errors.As(err, &r) {
		t.Errorf("permission denied gives %v; want a refusal", err)
	}
	if err := cannotWrite("/x", io.ErrUnexpectedEOF); errors.As(err, &r) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an unexplained error gives %v; want it wrapped", err)
	}
	if os.Geteuid() == 0 {
		return // root may write anywhere
	}
	base := t.TempDir()
	if err := os.Chmod(base, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := Acquire(t.Context(), quiet(Options{Base: base}))
	wantRefusal(t, err, "refused: no permission to write in ")
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{{Name: "A"}, {Name: "a/b"}, {Name: ".."}, {Name: strings.Repeat("x", 40)}, {NeedBytes: -1}} {
		o.Base = t.TempDir()
		if _, err := Acquire(t.Context(), quiet(o)); err == nil || !strings.HasPrefix(err.Error(), "workdir: ") {
			t.Errorf("Acquire(%+v) = %v; want an error", o, err)
		}
		if got := list(t, o.Base); got != "" {
			t.Errorf("a failed Acquire left %q", got)
		}
	}
}

func TestDefaultReserve(t *testing.T) {
	for total, want := range map[int64]int64{0: 1 << 20, 16 << 20: 1 << 20, 1 << 30: (1 << 30) / 20, 1 << 40: 256 << 20} {
		if got := DefaultReserve(total); got != want {
			t.Errorf("DefaultReserve(%d) = %d; want %d", total, got, want)
		}
	}
}
