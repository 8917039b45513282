package probe

import (
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics"
	"flushbench/metrics/result"
)

// told is a cell of which every turn took ns, in rounds whose rates differ by
// a little.
func told(m vfs.Method, op string, size int64, pair bool, ns int64) *cell {
	c := &cell{method: m, op: op, size: size, pair: pair, loop: &loop{turn: metrics.NewHistogram()}}
	for i := range 5 {
		c.rates = append(c.rates, 1e9/float64(ns)*(1+float64(i)/1000))
		for range 10 {
			c.loop.turn.Record(ns)
		}
	}
	return c
}

// disk is a healthy consumer SSD, changed by the cases.
func disk() findings {
	yes := false
	return findings{
		size: MainSize,
		env: result.Environment{Filesystem: "xfs", Device: result.Device{
			Name: "nvme0n1", Kind: result.DeviceNVMe, WriteCache: result.CacheWriteBack, FUA: &yes,
			Stack: []result.StackNode{{Name: "nvme0n1", Type: result.StackDisk}},
		}},
		cells: []*cell{
			told(vfs.None, result.OpOverwrite, 4096, false, 2_000),
			told(vfs.Fdatasync, result.OpOverwrite, 4096, false, 700_000),
			told(vfs.Fdatasync, result.OpAppend, 4096, false, 1_400_000),
			told(vfs.Fdatasync, result.OpOverwrite, 65536, false, 900_000),
			told(vfs.ODsync, result.OpOverwrite, 4096, false, 690_000),
			told(vfs.Fdatasync, result.OpOverwrite, 4096, true, 730_000),
			told(vfs.ODsync, result.OpOverwrite, 4096, true, 1_390_000),
		},
	}
}

// set changes the time of the cell.
func (f *findings) set(m vfs.Method, op string, pair bool, ns int64) {
	for i, c := range f.cells {
		if c.method == m && c.op == op && c.size == f.size && c.pair == pair {
			f.cells[i] = told(m, op, c.size, pair, ns)
		}
	}
}

func status(checks []result.ProbeCheck, code string) string {
	for _, c := range checks {
		if c.Code == code {
			return c.Status
		}
	}
	return "missing"
}

func TestChecksAndVerdict(t *testing.T) {
	count := func(n uint64) *uint64 { return &n }
	for _, c := range []struct {
		name    string
		change  func(*findings)
		asked   uint64
		seen    *uint64
		code    string
		status  string
		verdict string
	}{
		{"healthy", func(*findings) {}, 100, count(100), CheckDeviceFlushes, result.CheckOK, "Nothing suspicious, nothing proven. 0.700 ms a flush fits a drive that empties a volatile cache."},
		{"no counter", func(*findings) {}, 0, nil, CheckDeviceFlushes, result.CheckUnknown, "Nothing suspicious"},
		{"swallowed flushes", func(*findings) {}, 100, count(3), CheckDeviceFlushes, result.CheckSuspect, "SUSPICIOUS: device saw 3 of 100"},
		{"flush free", func(f *findings) { f.set(vfs.Fdatasync, result.OpOverwrite, true, 1_400_000) }, 1, count(1), CheckPairOneFlush, result.CheckSuspect, "SUSPICIOUS: 2 writes + 1 flush cost 2.00 of one"},
		{"second write free", func(f *findings) { f.set(vfs.ODsync, result.OpOverwrite, true, 700_000) }, 1, count(1), CheckPairTwoDsync, result.CheckSuspect, "SUSPICIOUS: 2 O_DSYNC writes cost 1.01"},
		{"noisy pair", func(f *findings) { f.set(vfs.ODsync, result.OpOverwrite, true, 2_800_000) }, 1, count(1), CheckPairTwoDsync, result.CheckUnknown, "Nothing suspicious"},
		{"flush does nothing", func(f *findings) { f.set(vfs.None, result.OpOverwrite, false, 600_000) }, 1, count(1), CheckFlushCosts, result.CheckSuspect, "SUSPICIOUS: write + fdatasync costs 1.17 times"},
		{"too fast", func(f *findings) { f.set(vfs.Fdatasync, result.OpOverwrite, false, 9_000) }, 1, count(1), CheckFlushTime, result.CheckSuspect, "SUSPICIOUS"},
		{"fast hard disk", func(f *findings) { f.env.Device.Kind = result.DeviceHDD }, 1, count(1), CheckFlushTime, result.CheckSuspect, "no disk turns so fast"},
		{"hard disk", func(f *findings) {
			f.env.Device.Kind = result.DeviceHDD
			f.set(vfs.Fdatasync, result.OpOverwrite, false, 8_300_000)
			f.set(vfs.Fdatasync, result.OpOverwrite, true, 8_300_000)
		}, 1, count(1), CheckFlushTime, result.CheckOK, "8.3 ms a flush fits a turning disk"},
		{"protected drive", func(f *findings) {
			f.env.Device.WriteCache = result.CacheWriteThrough
			f.set(vfs.Fdatasync, result.OpOverwrite, false, 26_000)
			f.set(vfs.Fdatasync, result.OpOverwrite, true, 28_000)
		}, 1, count(0), CheckFlushTime, result.CheckOK, "a drive that lies looks the same"},
		{"virtual disk", func(f *findings) { f.env.Device.Kind = result.DeviceVirtual }, 1, count(1), CheckFlushTime, result.CheckOK, "cannot be seen from here"},
		{"memory", func(f *findings) { f.env.Volatile = true }, 1, count(1), CheckFlushTime, result.CheckOK, "Memory, not a disk"},
		{"no device", func(f *findings) { f.env.Device.Name = "" }, 1, nil, CheckDeviceFlushes, result.CheckUnknown, "its cache is unknown"},
		{"nothing durable", func(f *findings) { f.cells = f.cells[:1] }, 0, nil, CheckPairOneFlush, result.CheckSkipped, "No durable method was measured"},
	} {
		f := disk()
		c.change(&f)
		checks := f.checks(c.asked, c.seen)
		if got := status(checks, c.code); got != c.status {
			t.Errorf("%s: check %s is %s; want %s", c.name, c.code, got, c.status)
		}
		if got := f.verdict(checks); !strings.Contains(got, c.verdict) {
			t.Errorf("%s: verdict %q; want %q", c.name, got, c.verdict)
		}
	}
}

func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*findings)
		want   string
	}{
		{"append dear", func(*findings) {}, "Preallocated, zero-filled files: 2.0 x append."},
		{"append equal", func(f *findings) { f.set(vfs.Fdatasync, result.OpAppend, false, 701_000) }, "no clear difference"},
		{"append cheap", func(f *findings) { f.set(vfs.Fdatasync, result.OpAppend, false, 350_000) }, "Appending: 2.0 x overwriting"},
		{"no better method", func(*findings) {}, "fdatasync: no method here is clearly faster."},
		{"better method", func(f *findings) { f.set(vfs.ODsync, result.OpOverwrite, false, 350_000) }, "o_dsync: 2.0 x fdatasync."},
		{"worse method", func(f *findings) { f.set(vfs.ODsync, result.OpOverwrite, false, 900_000) }, "fdatasync: no method here is faster."},
		{"groups", func(*findings) {}, "One flush of 64 KiB costs 1.29 x one of 4 KiB"},
	} {
		f := disk()
		c.change(&f)
		if got := strings.Join(f.advice(), " "); !strings.Contains(got, c.want) {
			t.Errorf("%s: advice %q; want %q", c.name, got, c.want)
		}
	}
	few := disk()
	few.cells[1].rates, few.cells[4].rates = few.cells[1].rates[:2], []float64{9e9, 9e9}
	if got := strings.Join(few.advice(), " "); strings.Contains(got, "o_dsync") || strings.Contains(got, "append.") {
		t.Errorf("two rounds: advice %q; want no claim", got)
	}
	none := findings{size: MainSize}
	if got := none.advice(); len(got) != 0 {
		t.Errorf("nothing measured: advice %q; want none", got)
	}
}

func TestFioLine(t *testing.T) {
	for _, c := range []struct {
		m    vfs.Method
		op   string
		size int64
		want string
	}{
		{vfs.Fdatasync, result.OpOverwrite, 4096, "fio --name=x --rw=write --bs=4k --size=64m --overwrite=1 --fdatasync=1"},
		{vfs.DirectODsync, result.OpOverwrite, 1 << 20, "fio --name=x --rw=write --bs=1m --size=64m --overwrite=1 --direct=1 --sync=dsync"},
		{vfs.Fsync, result.OpAppend, 512, "fio --name=x --rw=write --bs=512 --size=64m --file_append=1 --fallocate=none --fsync=1"},
		{vfs.None, result.OpOverwrite, 4096, "fio --name=x --rw=write --bs=4k --size=64m --overwrite=1"},
		{vfs.RWFDsync, result.OpOverwrite, 4096, ""},
	} {
		if got := FioLine(c.m, c.op, c.size); got != c.want {
			t.Errorf("FioLine(%v, %s, %d) = %q; want %q", c.m, c.op, c.size, got, c.want)
		}
	}
}

func TestMilliseconds(t *testing.T) {
	for ns, want := range map[int64]string{26_000: "0.026 ms", 706_000: "0.706 ms", 8_345_000: "8.35 ms", 48_000_000: "48 ms"} {
		if got := milliseconds(ns); got != want {
			t.Errorf("milliseconds(%v) = %q; want %q", time.Duration(ns), got, want)
		}
	}
}
