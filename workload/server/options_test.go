package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flushbench/workload/target"
)

// TestArguments: every start shuts out the network and the system's settings files,
// holds no password, and lets the caller's options come last.
func TestArguments(t *testing.T) {
	f := &folder{path: "/disk/s"}
	for _, c := range []struct {
		kind *kind
		want string
	}{
		{mariadb, "--no-defaults --basedir=/opt/x --datadir=/disk/s/data --socket=../run/mysqld.sock --pid-file=/disk/s/run/pid --tmpdir=/disk/s/run --skip-networking --skip-name-resolve --last"},
		{mysql, "--no-defaults --basedir=/opt/x --datadir=/disk/s/data --socket=../run/mysqld.sock --pid-file=/disk/s/run/pid --tmpdir=/disk/s/run --skip-networking --skip-name-resolve --loose-mysqlx=OFF --last"},
		{postgres, "-D /disk/s/data -c listen_addresses= -c port=5432 -c unix_socket_directories=../run -c unix_socket_permissions=0700 -c logging_collector=off -c log_destination=stderr --last"},
	} {
		s := &Server{kind: c.kind, folder: f, config: Config{Binary: "/opt/x/bin/server", Options: []string{"--last"}}}
		if got := strings.Join(c.kind.arguments(s), " "); got != c.want {
			t.Errorf("%v:\n%s; want\n%s", c.kind.product, got, c.want)
		}
	}
}

func TestInitialize(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"mariadb-install-db", "initdb"} {
		if err := os.WriteFile(filepath.Join(bin, name), nil, 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	f := &folder{path: t.TempDir()}
	c := Config{
		Binary: filepath.Join(bin, "server"), Database: "base", Init: []string{"--mine"},
		Options: []string{"--innodb-page-size=4k", "--sync-binlog=1", "--innodb_undo_tablespaces=3"},
	}
	const shape = " --innodb-page-size=4k --innodb_undo_tablespaces=3"
	for _, k := range []struct {
		kind *kind
		want []string // the end of each command, and its input
	}{
		{mariadb, []string{"--skip-name-resolve --loose-innodb-flush-method=nosync" + shape + " --mine|", "--bootstrap --loose-innodb-flush-method=nosync" + shape + "|CREATE DATABASE base;\n"}},
		{mysql, []string{"--initialize-insecure --init-file=" + f.path + "/database.sql" + shape + " --mine|"}},
		{postgres, []string{"--auth-local=trust --auth-host=reject --locale=C --encoding=UTF8 --no-sync --no-instructions --mine|", " postgres|CREATE DATABASE base;\n\n"}},
	} {
		steps, err := k.kind.initialize(&Server{kind: k.kind, folder: f, config: c})
		if err != nil || len(steps) != len(k.want) {
			t.Fatalf("%v: %v, %v", k.kind.product, steps, err)
		}
		for i, s := range steps {
			if got := strings.Join(s.args, " ") + "|" + s.input; !strings.HasSuffix(got, k.want[i]) {
				t.Errorf("%v: %s; want its end %s", k.kind.product, got, k.want[i])
			}
			if k.kind != postgres && s.args[0] != "--no-defaults" {
				t.Errorf("%v: %s comes before --no-defaults", k.kind.product, s.args[0])
			}
		}
	}
	if sql, err := os.ReadFile(filepath.Join(f.path, "database.sql")); err != nil || string(sql) != "CREATE DATABASE base;\n" {
		t.Errorf("MySQL runs %q, %v", sql, err)
	}
}

func TestTuning(t *testing.T) {
	const mib = 1 << 20
	all := Tuning{RedoBytes: 64 * mib, PoolBytes: 32 * mib, Binlog: true}
	for _, c := range []struct {
		product target.Product
		version string
		tuning  Tuning
		want    string // options, or of an error what it says after "private server: "
	}{
		{target.MariaDB, "10.11.6-MariaDB", Tuning{}, "--skip-log-bin"},
		{target.MariaDB, "10.11.6-MariaDB", all, "--innodb-buffer-pool-size=33554432 --innodb-log-file-size=67108864 --log-bin=binlog --server-id=1"},
		{target.MariaDB, "10.4.34-MariaDB", Tuning{RedoBytes: 64 * mib}, "--innodb-log-file-size=33554432 --skip-log-bin"},
		{target.MariaDB, "10.8.4-MariaDB", Tuning{LogBuffering: On}, "--skip-log-bin --innodb-log-file-buffering=ON"},
		{target.MariaDB, "11.4.2-MariaDB", Tuning{LogBuffering: Off}, "--skip-log-bin --innodb-log-file-buffering=OFF"},
		{target.MariaDB, "10.8.3-MariaDB", Tuning{LogBuffering: Off}, "log buffering is a setting of MariaDB from 10.8.4 on; this is mariadb 10.8.3-MariaDB"},
		{target.MySQL, "8.0.36", Tuning{LogBuffering: On}, "log buffering is a setting of MariaDB from 10.8.4 on; this is mysql 8.0.36"},
		{target.MySQL, "8.0.29", Tuning{RedoBytes: 64 * mib}, "--innodb-log-file-size=33554432 --skip-log-bin"},
		{target.MySQL, "8.0.30", Tuning{RedoBytes: 64 * mib}, "--innodb-redo-log-capacity=67108864 --skip-log-bin"},
		{target.MySQL, "8.4.0", Tuning{RedoBytes: 64 * mib}, "--innodb-redo-log-capacity=67108864 --skip-log-bin"},
		{target.MySQL, "5.7.44", Tuning{RedoBytes: 64 * mib}, "--innodb-log-file-size=33554432 --skip-log-bin"},
		{target.PostgreSQL, "15.5", Tuning{}, ""},
		{target.PostgreSQL, "15.5", Tuning{RedoBytes: 64 * mib, PoolBytes: 32 * mib}, "-c shared_buffers=32768kB -c max_wal_size=64MB -c min_wal_size=64MB"},
		{target.PostgreSQL, "15.5", all, "PostgreSQL has no binlog and no switch for log buffering"},
		{target.PostgreSQL, "15.5", Tuning{LogBuffering: Off}, "PostgreSQL has no binlog and no switch for log buffering"},
		{target.MariaDB, "10.11.6", Tuning{PoolBytes: -1}, "sizes of 0 and -1 bytes: want 0 (the server's default) or more"},
	} {
		o, err := c.tuning.options(c.product, c.version)
		got := strings.Join(o, " ")
		if err != nil {
			got = strings.TrimPrefix(err.Error(), "private server: ")
		}
		if got != c.want {
			t.Errorf("%v %s %+v: %s; want %s", c.product, c.version, c.tuning, got, c.want)
		}
	}
}

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]struct {
		kind    *kind
		version string
	}{
		"mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)\n": {mariadb, "10.11.6-MariaDB-0+deb12u1"},
		"mysqld  Ver 10.3.39-MariaDB for Linux on x86_64 (MariaDB Server)\n":                   {mariadb, "10.3.39-MariaDB"},
		"/usr/sbin/mysqld  Ver 8.0.36-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))\n":       {mysql, "8.0.36-0ubuntu0.22.04.1"},
		"mysqld  Ver 5.7.44 for Linux on x86_64 (MySQL Community Server (GPL))\n":              {mysql, "5.7.44"},
		"postgres (PostgreSQL) 15.5 (Debian 15.5-0+deb12u1)\n":                                 {postgres, "15.5"},
		"postgres (PostgreSQL) 18beta1\n":                                                      {postgres, "18beta1"},
		"sleep (GNU coreutils) 9.1\n":                                                          {nil, ""},
		"":                                                                                     {nil, ""},
	} {
		for _, k := range kinds {
			version, err := parseVersion(k, []byte(text))
			if is := k == want.kind; is != (err == nil) || is && version != want.version {
				t.Errorf("%q taken for a %v: %q, %v", text, k.product, version, err)
			}
		}
	}
}

// TestFind: along PATH first, then the newest; what is not the product is passed
// over; nothing found says what to install.
func TestFind(t *testing.T) {
	root := t.TempDir()
	k := *postgres
	k.folders = []string{filepath.Join(root, "pg-*", "bin")}
	t.Setenv("PATH", filepath.Join(root, "path")+":/usr/bin:/bin")
	program := func(folder, says string) string {
		t.Helper()
		dir := filepath.Join(root, folder)
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a folder of programs
			t.Fatal(err)
		}
		path := filepath.Join(dir, "postgres")
		if err := os.WriteFile(path, []byte("#!/bin/sh\necho '"+says+"'\n"), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		return path
	}
	check := func(wantPath, wantVersion string) {
		t.Helper()
		path, version, err := find(t.Context(), &k, "")
		if err != nil || path != wantPath || version != wantVersion {
			t.Errorf("found %s %s, %v; want %s %s", path, version, err, wantPath, wantVersion)
		}
	}
	_, _, err := find(t.Context(), &k, "")
	if err == nil || !strings.Contains(err.Error(), "no postgres found") || !strings.HasSuffix(err.Error(), ": install postgresql") {
		t.Errorf("nothing there: %v", err)
	}
	nine := program("pg-9/bin", "postgres (PostgreSQL) 9.6.24")
	check(nine, "9.6.24")
	check(program("pg-15/bin", "postgres (PostgreSQL) 15.5"), "15.5")
	broken := program("pg-16/bin", "library missing")
	check(filepath.Join(root, "pg-15/bin/postgres"), "15.5")
	check(program("path", "postgres (PostgreSQL) 14.1"), "14.1")

	if path, version, err := find(t.Context(), &k, nine); err != nil || path != nine || version != "9.6.24" {
		t.Errorf("asked for %s: %s %s, %v", nine, path, version, err)
	}
	if _, _, err := find(t.Context(), &k, broken); err == nil || !strings.Contains(err.Error(), "is no postgres") {
		t.Errorf("asked for a broken one: %v", err)
	}
	if _, _, err := Find(0); err == nil {
		t.Error("Find of no product")
	}
}

// TestEnvironment: nothing of ours speaks of another server or skips flushes.
func TestEnvironment(t *testing.T) {
	for _, name := range []string{"LD_PRELOAD", "PGDATA", "PGOPTIONS", "MYSQL_HOME", "MYSQL_UNIX_PORT", "FLUSHBENCH_PASSWORD"} {
		t.Setenv(name, "/x")
	}
	t.Setenv("LD_LIBRARY_PATH", "/opt/lib")
	var names []string
	for _, e := range environment("/home") {
		name, _, _ := strings.Cut(e, "=")
		names = append(names, name)
	}
	if want := []string{"LC_ALL", "TZ", "PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"}; !slices.Equal(names, want) {
		t.Errorf("environment of %v; want %v", names, want)
	}
}
