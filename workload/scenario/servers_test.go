package scenario

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"flushbench/workload"
	"flushbench/workload/target"
)

// settled parses and validates flags.
func settled(t *testing.T, args string) (Scenario, error) {
	t.Helper()
	s, err := parse(t, strings.Fields(args)...)
	if err == nil {
		err = s.Validate()
	}
	return s, err
}

func TestTargets(t *testing.T) {
	const address = "mysql://me:geheim@unix(/run/s.sock)/db"
	for args, want := range map[string]string{
		"":                                  "engine",
		"--target engine":                   "engine",
		"--target auto":                     "engine",
		"--target engine --target mariadbd": "engine,mariadb",
		"--start mariadbd --start postgres": "mariadb,postgres",
		"--start mariadbd":                  "mariadb",
		"--start mariadbd,postgres":         "mariadb,postgres",
		"--target engine --start mariadbd --binlog off":        "engine,mariadb",
		"--target engine,mariadbd --start mariadbd":            "engine,mariadb",
		"--target " + address:                                  "mysql",
		"--target " + address + ",mysql://me@db7/db,mysqld":    "mysql,mysql-2,mysql-3",
		"--target engine,postgresql://me@h/db --binlog off":    "engine,postgres",
		"--target mariadbd --workload bank --policy 1":         "mariadb",
		"--target postgres --server-set wal_compression=on":    "postgres",
		"--target engine,mariadbd --txn-cpu auto --policy 0,1": "engine,mariadb",
	} {
		s, err := settled(t, args)
		if err != nil {
			t.Errorf("%q: %v", args, err)
			continue
		}
		if got := strings.Join(s.Labels(), ","); got != want {
			t.Errorf("%q: targets %s; want %s", args, got, want)
		}
		text, err := s.Encode()
		if err != nil || strings.Contains(string(text), "geheim") {
			t.Errorf("%q: encoded as %s, %v; want no password", args, text, err)
		}
		if s.Servers() && (!s.Matrix() || !s.Workload.Transactional()) {
			t.Errorf("%q: matrix %v of %v; want a matrix with rows", args, s.Matrix(), s.Workload)
		}
	}
}

func TestRefusedServers(t *testing.T) {
	for args, want := range map[string]string{
		"--target me:geheim@tcp(h)/db":                    "unknown target: legal are engine",
		"--target oracle":                                 "legal are engine, mariadbd",
		"--target mysql://me:geheim@/":                    "want mysql://USER@HOST:PORT/DATABASE",
		"--target mariadbd,mariadb":                       "stands in the list twice",
		"--target mariadbd --target mariadb":              "stands in the list twice",
		"--start mariadbd --server-set Sync_Binlog=5":     "give --sync-binlog",
		"--server-set a=1":                                "without a server",
		"--server-log-buffering on":                       "without a server",
		"--txn-cpu auto":                                  "txn-cpu auto without a server",
		"--target mariadbd --txn-cpu auto":                "add --target engine",
		"--target mariadbd --txn-cpu 5us":                 "a server's work is its own",
		"--target mysql://me@h/db --server-option a=1":    "change a running one with server-set",
		"--target engine,postgres":                        "add --binlog off",
		"--target mariadbd --data-dir /x":                 "a private server lies in dir",
		"--start postgres --server-log-buffering off":     "MariaDB's innodb_log_file_buffering",
		"--start postgres --policy 2":                     "PostgreSQL has 0 and 1",
		"--start mariadbd --long-view hold":               "long-view is the engine's alone",
		"--start mariadbd --client-mode pipelined":        "pipelined clients run workload log only",
		"--start mariadbd --server-set ;drop=1":           "legal is NAME=VALUE",
		"--start mariadbd --server-set nothing":           "legal is NAME=VALUE",
		"--start mariadbd --server-log-buffering off,off": "stands in the list twice",
	} {
		_, err := settled(t, args)
		var invalid *pflag.InvalidValueError // whose text holds the value; commands print its cause
		if errors.As(err, &invalid) {
			err = invalid.Unwrap()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want one line with %q", args, err, want)
		}
	}
}

// The engine's axes are not multiplied for a server, nor the server's for the engine.
func TestCellsOfServers(t *testing.T) {
	for args, want := range map[string][]string{
		"--target engine,mariadbd --policy 1 --clients 8 --flush-method fdatasync,fsync": {
			"target=engine,policy=1,clients=8,method=fdatasync", "target=engine,policy=1,clients=8,method=fsync", "target=mariadb,policy=1,clients=8",
		},
		"--target engine,mariadbd --policy 2 --clients 8 --server-log-buffering off,on": {
			"target=engine,policy=2,clients=8", "target=mariadb,policy=2,clients=8,log-buffering=off", "target=mariadb,policy=2,clients=8,log-buffering=on",
		},
		"--start mariadbd --policy 1,2 --clients 1": {"policy=1,clients=1", "policy=2,clients=1"},
		"--target engine,postgres --binlog off --policy 0,1,2 --clients 1": {
			"target=engine,policy=0,clients=1", "target=engine,policy=1,clients=1", "target=engine,policy=2,clients=1",
			"target=postgres,policy=0,clients=1", "target=postgres,policy=1,clients=1",
		},
		"--start mariadbd,postgres --policy 1 --clients 1 --sync-binlog 0,1": {
			"target=mariadb,policy=1,clients=1,sync_binlog=0", "target=mariadb,policy=1,clients=1,sync_binlog=1", "target=postgres,policy=1,clients=1,sync_binlog=0",
		},
	} {
		s, err := settled(t, args)
		if err != nil {
			t.Errorf("%q: %v", args, err)
			continue
		}
		cells, _ := s.Cells()
		if got := names(cells); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: cells %q; want %q", args, got, want)
		}
		for _, c := range cells {
			if p := s.Pair(c); c.Target.Private == target.PostgreSQL && p.SyncBinlog != -1 || p.Policy != int(c.Policy) {
				t.Errorf("%q: %s asks for %v", args, c.Name, p)
			}
		}
	}
}

// Workload log is none of a server's.
func TestWorkloadOfServers(t *testing.T) {
	s, err := settled(t, "--start mariadbd")
	if err != nil || s.Workload != workload.KindUpdate {
		t.Errorf("workload %v, %v; want update", s.Workload, err)
	}
}

func TestAssignments(t *testing.T) {
	var a Assignments
	for _, text := range []string{"sql_mode=A,B,wait=1", " wait=2 ", "", "x="} {
		if err := a.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if got := target.Settings(a).String(); got != "sql_mode=A,B, wait=2, x=" {
		t.Errorf("assignments %s", got)
	}
	for text, want := range map[string]int{
		"fsync=off": 1, "FSYNC=0": 1, "fsync=on": 0, "innodb-doublewrite=OFF": 1, "full_page_writes=no,fsync=false": 2,
		"innodb_flush_method=nosync": 1, "innodb_flush_method=O_DIRECT": 0, "skip-innodb-doublewrite=": 1, "sync_binlog=0": 0,
	} {
		var a Assignments
		if err := a.UnmarshalText([]byte(text)); err != nil || len(a.Unsafe()) != want {
			t.Errorf("%s: unsafe %v, %v; want %d", text, a.Unsafe(), err, want)
		}
	}
}

// What is accepted reads back as it was, without a password.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"engine", "mariadbd", "postgres", "mysql://a:b@h:1/d", "postgres://a@unix(/x/y)/d?sslmode=off", "a=b,c,d=e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var x, back Target
		if x.UnmarshalText([]byte(in)) == nil {
			text, err := x.MarshalText()
			if err != nil || back.UnmarshalText(text) != nil || back.String() != x.String() {
				t.Errorf("%q = %q, which reads back as %q", in, text, back)
			}
		}
		var a, again Assignments
		if a.UnmarshalText([]byte(in)) == nil {
			text, err := a.MarshalText()
			if err != nil || again.UnmarshalText(text) != nil || !reflect.DeepEqual(again, a) {
				t.Errorf("%q = %q, which reads back as %q", in, text, again)
			}
		}
	})
}
