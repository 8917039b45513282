package stats

import (
	"slices"
	"testing"

	"flushbench/metrics/result"
)

// TestLimitSetups: which differences the limit loop of a disk meets, and which only the
// cells, the other disk, or nobody.
func TestLimitSetups(t *testing.T) {
	n, half := int64(1000), 0.5
	for _, tc := range []struct {
		name         string
		change       func(e *result.Environment)
		redo, binlog []string
	}{
		{"nothing", func(*result.Environment) {}, nil, nil},
		{"idle processors", func(e *result.Environment) { e.CPU.Idle = idle("intel_idle", 0) }, []string{"cpu.idle.latency_limit_ns"}, []string{"cpu.idle.latency_limit_ns"}},
		{"the kernel", func(e *result.Environment) { e.Kernel = "7" }, []string{"kernel"}, []string{"kernel"}},
		{"another host", func(e *result.Environment) { e.Host = "b" }, []string{"host"}, []string{"host"}},
		{"fewer processors", func(e *result.Environment) { e.CPU.Cores = 1 }, []string{"cpu.cores"}, []string{"cpu.cores"}},
		{"a quota", func(e *result.Environment) { e.Cgroup.CPUQuotaCores = &half }, []string{"cgroup.cpu_quota_cores"}, []string{"cgroup.cpu_quota_cores"}},
		{"an I/O limit", func(e *result.Environment) { e.Cgroup.IOLimits = []result.IOLimit{{Device: "8:0", WriteIOPS: &n}} }, []string{"cgroup.io_limits"}, []string{"cgroup.io_limits"}},
		{"the file system", func(e *result.Environment) { e.Filesystem, e.MountOptions = "xfs", "rw" }, []string{"filesystem", "mount_options"}, nil},
		{"the disk", func(e *result.Environment) { e.Device.Name, e.Device.WriteCache = "sdb", "write through" }, []string{"device.name", "device.write_cache"}, nil},
		{"another disk of the binlog", func(e *result.Environment) {
			e.Devices = []result.Place{{Holds: []string{result.HoldsBinlog}, Filesystem: "xfs"}}
		}, nil, []string{"devices"}},
		{"goroutines, memory and compiler", func(e *result.Environment) { e.CPU.Gomaxprocs, e.MemoryBytes, e.Go = 9, 9, "go2" }, nil, nil},
	} {
		a, b := loops(), loops()
		tc.change(&b.Environment)
		b.ToolVersion = "2"
		d := CompareResults(a, b, false)
		if !slices.Equal(d.LimitSetups, tc.redo) || !slices.Equal(d.BinlogLimitSetups, tc.binlog) {
			t.Errorf("%s: setups of the limits %q and %q; want %q and %q", tc.name, d.LimitSetups, d.BinlogLimitSetups, tc.redo, tc.binlog)
		}
	}
	a, b := loops(), loops()
	b.Limit.FlushMethod, b.Limit.RecordBytes = "o_dsync", 512
	b.BinlogLimit.AddedFlushNS = 9
	d := CompareResults(a, b, false)
	if want, also := []string{"limit.flush_method", "limit.record_bytes"}, []string{"binlog_limit.added_flush_ns"}; !slices.Equal(d.LimitSetups, want) || !slices.Equal(d.BinlogLimitSetups, also) {
		t.Errorf("loops of their own: %q and %q; want %q and %q", d.LimitSetups, d.BinlogLimitSetups, want, also)
	}
	b.Limit, b.BinlogLimit, b.Environment.Kernel = nil, nil, "7"
	if d := CompareResults(a, b, false); len(d.LimitSetups)+len(d.BinlogLimitSetups) > 0 {
		t.Errorf("without a loop: %q and %q; want none", d.LimitSetups, d.BinlogLimitSetups)
	}
}

// loops is a result with both limit loops and nothing else.
func loops() *result.Result {
	return &result.Result{Limit: &result.LimitSummary{FlushMethod: "fdatasync"}, BinlogLimit: &result.LimitSummary{FlushMethod: "fdatasync"}}
}

// TestAnotherSetupIsNoDrift: what the drift of the disk would explain is not put down to
// it where the limit loop had another setup, and nothing more is claimed for that.
func TestAnotherSetupIsNoDrift(t *testing.T) {
	for _, tc := range []struct {
		name   string
		speed  float64 // of b's engine beside its disk
		change func(*result.Environment)
		want   Outcome
		reason string
	}{
		{"follows its limit", 1, func(e *result.Environment) { e.CPU.Idle = idle("intel_idle", 0) }, Noise, ReasonSetup},
		{"follows it less", 1 / 1.4, func(e *result.Environment) { e.CPU.Idle = idle("intel_idle", 0) }, Inconclusive, ReasonSetup},
		{"follows its limit, with more memory", 1, func(e *result.Environment) { e.MemoryBytes = 9 }, Noise, ReasonDrift},
		{"follows it less, with more memory", 1 / 1.4, func(e *result.Environment) { e.MemoryBytes = 9 }, Inconclusive, ReasonDrift},
		{"goes further than its limit", 1.4, func(e *result.Environment) { e.CPU.Idle = idle("intel_idle", 0) }, Faster, ""},
	} {
		m := newMachine(1)
		m.spread = 0.01
		a := m.run(3, 10, 1)
		m.disk *= 1.4
		b := m.run(3, 10, tc.speed)
		tc.change(&b.Environment)
		d := CompareResults(a, b, false)
		for i := range d.Cells {
			if c := &d.Cells[i]; !d.Drifted || c.Outcome != tc.want || c.Reason != tc.reason {
				t.Errorf("%s: %s: differs %v, %s (%s); want %s (%s)", tc.name, c.Name, d.Drifted, c.Outcome, c.Reason, tc.want, tc.reason)
			}
		}
	}
}
