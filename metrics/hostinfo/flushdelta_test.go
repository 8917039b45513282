package hostinfo

import (
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
)

// plain is a machine where a missing flush has no excuse.
func plain() result.Environment {
	no := false
	return result.Environment{
		Host: "laptop-7", OS: "linux", Filesystem: "ext4", MountOptions: "rw,relatime",
		Device: result.Device{Name: "sda", Kind: "ssd", WriteCache: result.CacheWriteBack, FUA: &no, Stack: []result.StackNode{{Name: "sda1", Type: "part"}, {Name: "sda", Type: "disk"}}},
	}
}

func TestExplainFlushDelta(t *testing.T) {
	yes := true
	seen := func(n uint64) *uint64 { return &n }
	for _, test := range []struct {
		name   string
		change func(*result.Environment)
		asked  uint64
		seen   *uint64
		note   string
		shout  bool
	}{
		{"equal", nil, 200, seen(200), "200 flushes, as asked", false},
		{"none asked", nil, 0, seen(0), "as asked", false},
		{"more, journal", nil, 200, seen(204), "4 more than asked: journal commits of ext4, or other processes", false},
		{"more, no journal", func(e *result.Environment) { e.Filesystem = "vfat" }, 200, seen(204), "4 more than asked: other processes", false},
		{"missing without excuse", nil, 200, seen(100), "acknowledges flushes that it was never sent", true},
		{"none seen", nil, 200, seen(0), "0 of 200 flushes: this disk acknowledges", true},
		{"one in a hundred merged", nil, 200, seen(198), "one flush for several", false},
		{"not counted", nil, 200, nil, "no flush counter", false},
		{"write-through", func(e *result.Environment) { e.Device.WriteCache = result.CacheWriteThrough }, 200, seen(0), "expected", false},
		{"cache unknown", func(e *result.Environment) { e.Device.WriteCache = result.CacheUnknown }, 200, seen(0), "unknown", false},
		{"FUA", func(e *result.Environment) { e.Device.FUA = &yes }, 200, seen(0), "FUA", false},
		{"FUA unknown", func(e *result.Environment) { e.Device.FUA = nil }, 200, seen(0), "FUA is unknown", false},
		{"stacked", func(e *result.Environment) {
			e.Device.Stack = append([]result.StackNode{{Name: "dm-0", Type: "dm"}}, e.Device.Stack...)
		}, 200, seen(0), "dm-0 lie between", false},
		{"two disks", func(e *result.Environment) {
			e.Device.Stack = append(e.Device.Stack, result.StackNode{Name: "sdb", Type: "disk"})
		}, 200, seen(100), "several disks", false},
		{"barriers off", func(e *result.Environment) { e.MountOptions = "rw,barrier=0" }, 200, seen(0), "barrier=0", true},
		{"memory", func(e *result.Environment) { e.Volatile, e.Filesystem = true, "tmpfs" }, 200, nil, "tmpfs is memory", false},
		{"network", func(e *result.Environment) { e.Filesystem = "nfs4" }, 200, seen(0), "another machine", false},
		{"no device", func(e *result.Environment) { e.Device = result.Device{} }, 200, seen(0), "device is unknown", false},
	} {
		env := plain()
		if test.change != nil {
			test.change(&env)
		}
		note, shout := ExplainFlushDelta(env, test.asked, test.seen)
		if shout != test.shout || !strings.Contains(note, test.note) {
			t.Errorf("%s: ExplainFlushDelta(%d) = %q, %v; want %q, %v", test.name, test.asked, note, shout, test.note, test.shout)
		}
		if got := FlushDeltaWarning(env, test.asked, test.seen); (len(got) == 1) != test.shout {
			t.Errorf("%s: FlushDeltaWarning = %v; want one: %v", test.name, got, test.shout)
		}
	}
}

func TestFlushTimeWarnings(t *testing.T) {
	for _, test := range []struct {
		change func(*result.Environment)
		p50    time.Duration
		want   int
	}{
		{nil, 12 * time.Microsecond, 1},
		{nil, 20 * time.Microsecond, 0},
		{nil, 0, 0},
		{func(e *result.Environment) { e.Device.WriteCache = result.CacheWriteThrough }, 12 * time.Microsecond, 0},
		{func(e *result.Environment) { e.Volatile = true }, time.Microsecond, 0},
	} {
		env := plain()
		if test.change != nil {
			test.change(&env)
		}
		if got := FlushTimeWarnings(env, test.p50); len(got) != test.want {
			t.Errorf("FlushTimeWarnings(%v) = %v; want %d", test.p50, got, test.want)
		}
	}
}
