package hostinfo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// proc adds a process to a fixture tree: fds maps a descriptor to what its
// link says and the mount id in its fdinfo. A nil map is a process whose
// descriptors may not be listed.
func proc(t *testing.T, root string, pid, parent int, comm, cmdline string, fds map[int][2]string) {
	t.Helper()
	dir := fmt.Sprintf("proc/%d", pid)
	text := fmt.Sprintf("-- %s/comm --\n%s\n-- %s/stat --\n%d (%s) S %d 1 1\n", dir, comm, dir, pid, comm, parent)
	text += fmt.Sprintf("-- %s/cmdline --\n%s\n", dir, strings.ReplaceAll(cmdline, " ", "\x00")+"\x00")
	for fd, f := range fds {
		text += fmt.Sprintf("-- %s/fd/%d -> %s --\n-- %s/fdinfo/%d --\npos:\t0\nflags:\t02\nmnt_id:\t%s\n", dir, fd, f[0], dir, fd, f[1])
	}
	layOut(t, root, text)
}

// addMount appends a line to the mount table of a fixture.
func addMount(t *testing.T, root, line string) {
	t.Helper()
	name := filepath.Join(root, "proc/self/mountinfo")
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(strings.TrimSpace(string(have))+"\n"+line+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestNeighboursInFixture(t *testing.T) {
	s, root := fixtureRoot(t, "loop", PathFacts{Path: "/home", MountID: 27}) // vda: / = 27, loop3 on it = 50
	addMount(t, root, "60 27 0:50 / /mnt/nfs rw - nfs4 filer:/db rw")
	s.Self = 900
	onDisk := map[int][2]string{3: {"/var/lib/mysql/ibdata1", "27"}}
	proc(t, root, 1, 0, "systemd", "/sbin/init", onDisk)
	proc(t, root, 2214, 1, "mysqld", "/usr/sbin/mysqld", map[int][2]string{0: {"/dev/null", "24"}, 1: {"socket:[5]", "9"}, 7: {"/var/lib/mysql/ib_logfile0", "27"}})
	proc(t, root, 300, 1, "etcd", "etcd --data-dir=/mnt/loop/e", map[int][2]string{3: {"/mnt/loop/e/wal", "50"}})
	proc(t, root, 301, 1, "redis-server", "redis-server", map[int][2]string{3: {"/mnt/nfs/dump.rdb", "60"}})
	proc(t, root, 302, 1, "oracle", "oracleORCL", map[int][2]string{3: {"/dev/vda", "24"}})
	proc(t, root, 400, 1, "postgres", "/usr/bin/postgres -D /pg", map[int][2]string{3: {"/pg/postmaster.pid", "27"}})
	proc(t, root, 401, 400, "postgres", "postgres: walwriter ", map[int][2]string{3: {"/pg/pg_wal/0", "27"}})
	// One that was killed: its parent has not asked for it yet.
	proc(t, root, 405, 1, "postgres", "", nil)
	if err := os.WriteFile(filepath.Join(root, "proc/405/cmdline"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A postmaster with no file open, whose processes have some.
	proc(t, root, 410, 1, "postgres", "/usr/bin/postgres -D /pg2", map[int][2]string{3: {"socket:[7]", "0"}})
	proc(t, root, 411, 410, "postgres", "postgres: checkpointer ", map[int][2]string{3: {"/pg2/base/1", "27"}})
	proc(t, root, 412, 410, "postgres", "postgres: walwriter ", map[int][2]string{3: {"/pg2/pg_wal/0", "27"}})
	proc(t, root, 500, 1, "mongod", "mongod --dbpath=/srv/m", nil)
	proc(t, root, 501, 1, "cockroach", "cockroach start", nil)
	proc(t, root, 900, 1, "flushbench", "flushbench run", onDisk)
	proc(t, root, 901, 900, "sh", "sh", onDisk)
	proc(t, root, 902, 901, "mysqld", "mysqld", onDisk)
	f, err := s.Inspect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Neighbours(t.Context(), f.Env)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range r.Found {
		got = append(got, fmt.Sprintf("%s %d %s on %s assumed %v", n.Command, n.PID, n.Path, n.Device, n.Assumed))
	}
	want := []string{
		"etcd 300 /mnt/loop/e/wal on vda assumed false",
		"oracle 302 /dev/vda on vda assumed false",
		"postgres 400 /pg/postmaster.pid on vda assumed false",
		"postgres 410 /pg2/base/1 on vda assumed false",
		"mongod 500 /srv/m on vda assumed true",
		"mysqld 2214 /var/lib/mysql/ib_logfile0 on vda assumed false",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("Neighbours found\n%s; want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(r.Notes) != 1 || r.Notes[0] != "not all processes could be looked at: 1 database servers of other users" {
		t.Errorf("notes %q", r.Notes)
	}

	// On the network mount only the one that is there too.
	f.Env.Filesystem, f.Env.MountSource, f.Env.Device.Name, f.Env.Device.Stack = "nfs4", "filer:/db", "", nil
	r, err = s.Neighbours(t.Context(), f.Env)
	if err != nil || len(r.Found) != 1 || r.Found[0].PID != 301 || r.Found[0].Device != "filer:/db" {
		t.Errorf("Neighbours on nfs = %+v, %v; want redis-server (301)", r, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Neighbours(ctx, f.Env); !errors.Is(err, context.Canceled) {
		t.Errorf("Neighbours with a cancelled context = %v", err)
	}
}

func TestNeighboursNotes(t *testing.T) {
	s, root := fixtureRoot(t, "overlay", PathFacts{Path: "/", MountID: 27})
	f, err := s.Inspect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Neighbours(t.Context(), f.Env)
	if err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "outside this container") {
		t.Errorf("in a container: %+v, %v", r, err)
	}
	layOut(t, root, "-- proc/2/comm --\nkthreadd\n")
	if r, err = s.Neighbours(t.Context(), f.Env); err != nil || len(r.Notes) != 0 {
		t.Errorf("a machine that was made from a container image: %+v, %v; want no note", r, err)
	}
	s = fixture(t, "overlay-hidden", PathFacts{Path: "/", MountID: 27})
	if f, err = s.Inspect(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if r, err = s.Neighbours(t.Context(), f.Env); err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "device is unknown") {
		t.Errorf("unknown device: %+v, %v", r, err)
	}
	s.Root = os.DirFS(t.TempDir())
	f.Env.Device.Name = "sda"
	if r, err = s.Neighbours(t.Context(), f.Env); err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "no process table") {
		t.Errorf("no /proc: %+v, %v", r, err)
	}
}

// A process table changes while it is read: two that name each other as parent are
// listed, and hold nobody up.
func TestNeighboursInCircle(t *testing.T) {
	s, root := fixtureRoot(t, "loop", PathFacts{Path: "/home", MountID: 27})
	for pid, parent := range map[int]int{500: 501, 501: 500} {
		proc(t, root, pid, parent, "postgres", "postgres: walwriter ", map[int][2]string{3: {"/pg/pg_wal/0", "27"}})
	}
	f, err := s.Inspect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Neighbours(t.Context(), f.Env)
	if err != nil || len(r.Found) == 0 || r.Found[0].Command != "postgres" {
		t.Errorf("Neighbours = %+v, %v; want postgres", r, err)
	}
}
