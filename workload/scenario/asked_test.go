package scenario

import (
	"reflect"
	"strings"
	"testing"
	"time"

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
