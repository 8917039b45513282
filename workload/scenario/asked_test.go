package scenario

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"flushbench/workload"
)

// What was asked for by name is had or refused.
func TestAskedByName(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--log-dir /x", ""},
		{"--workload bank --log-dir /x --data-dir /y --binlog-dir /z", ""},
		{"--workload bank --log-dir /x --data-dir /x --binlog-dir /x", ""},
		{"--workload bank --binlog off --data-dir /y --long-view hold", ""},
		{"--long-view 0", ""},
		{"--data-dir /y", "data-dir /y with workload log"},
		{"--binlog-dir /z", "binlog-dir /z with workload log"},
		{"--workload bank --binlog off --binlog-dir /z", "binlog-dir /z with binlog off"},
		{"--workload bank --durability force-pages --binlog-dir /z", "binlog-dir /z with durability force-pages"},
		{"--workload bank --durability force-pages --log-dir /x", "log-dir /x with durability force-pages"},
		{"--workload bank --durability force-pages --data-dir /y", "data-dir /y with durability force-pages"},
		{"--workload bank --durability force-pages --long-view 1s", "long-view 1s with durability force-pages"},
		{"--long-view 0,hold", "long-view 0,hold with workload log"},
	} {
		s, err := parse(t, strings.Fields(c.args)...)
		if err == nil {
			err = s.Validate()
		}
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v; want it accepted", c.args, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %v; want one line with %q", c.args, err, c.want)
		}
	}
}

// Settings of rows that were asked for where there are none are refused, however they
// were asked for; those that only stand in a file at what they are anyway are not.
func TestRowsAskedForOfALog(t *testing.T) {
	const legal = "choose a workload that has: bank, update, insert, write-only, read-write"
	for _, c := range []struct{ args, file, want string }{
		{"", "", ""},
		{"--policy 1 --record-bytes 512 --log-files 2", "workload: log\nclients: 3\n", ""},
		{"--rows 5 --workload bank", "", ""},
		{"--rows 5 --sync-binlog 0,1 --binlog off", "workload: bank\n", ""},
		{"", "workload: update\nrows: 7\nsync_binlog: [0, 1]\n", ""},
		{"", "rows: 100000\nsync-binlog: 1\nbinlog: on\nkey-distribution: uniform\n", ""},
		{"--start mariadbd --rows 500", "", ""},
		{"--rows 100000", "", "scenario: rows with workload log: it has no rows and no binlog; leave it out, or " + legal},
		{"--workload log --table-size 5 --table-size 6", "", "scenario: rows with workload log: it has no rows and no binlog; leave it out, or " + legal},
		{"--sync-binlog 0,1 --workload log --binlog off", "", "scenario: sync-binlog and binlog with workload log: it has no rows and no binlog; leave them out, or " + legal},
		{"--isolation read-committed", "read-share: 50%\nworkload: log\nsync_binlog: 0\n", "scenario: isolation, read-share and sync-binlog with workload log: it has no rows and no binlog; leave them out, or " + legal},
		{"--workload log", "workload: bank\nrows: 7\n", "scenario: rows with workload log: it has no rows and no binlog; leave it out, or " + legal},
	} {
		s := Default()
		fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
		s.AddFlags(fs)
		err := fs.Parse(strings.Fields(c.args))
		if err == nil {
			err = s.Decode([]byte(c.file), fs.Changed)
		}
		if err == nil {
			err = s.Validate()
		}
		if err != nil {
			t.Fatalf("%s, and %q: %v", c.args, c.file, err)
		}
		got := ""
		if err := s.CheckGiven(s.Workload); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s, and %q: CheckGiven = %q; want %q", c.args, c.file, got, c.want)
		}
		if err := s.CheckGiven(KindLog, workload.KindBank); err != nil {
			t.Errorf("%s, and %q, with bank beside log: %v", c.args, c.file, err)
		}
	}
}

// The long view is an axis like any other, in flags and in YAML.
func TestLongViewIsAnAxis(t *testing.T) {
	s, err := parse(t, strings.Fields("--workload bank --policy 1 --clients 2 --long-view 0,1s,hold")...)
	if err != nil {
		t.Fatal(err)
	}
	cells, _ := s.Cells()
	want := []string{"policy=1,clients=2,view=0", "policy=1,clients=2,view=1s", "policy=1,clients=2,view=hold"}
	if got := names(cells); !reflect.DeepEqual(got, want) || cells[1].LongView != workload.LongView(time.Second) || cells[2].LongView != workload.HoldView {
		t.Errorf("cells %q; want %q", got, want)
	}
	text, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again := Default()
	if err := again.Decode(text, nil); err != nil || !reflect.DeepEqual(again.LongView, s.LongView) {
		t.Errorf("read back %v, %v; want %v", again.LongView, err, s.LongView)
	}
}
