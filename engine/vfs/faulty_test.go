package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"flushbench/engine/vfs"
)

func newFaulty(t *testing.T, inner vfs.FS, faults ...vfs.Fault) *vfs.Faulty {
	t.Helper()
	y, err := vfs.NewFaulty(inner, faults)
	must(t, err)
	return y
}

// After a failed flush the data is readable, clean and lost: the next flush
// succeeds and does not bring it back. Only data written later is durable.
func TestFaultyFlushLosesTheData(t *testing.T) {
	for _, method := range []vfs.Method{vfs.Fdatasync, vfs.Fsync, vfs.RWFDsync, vfs.DirectFdatasync} {
		t.Run(method.String(), func(t *testing.T) {
			m := vfs.NewMem()
			y := newFaulty(t, vfs.NewSlow(m, vfs.Latency{}), vfs.Fault{Kind: vfs.FailFlush, Path: "log", N: 2})
			f, err := y.Create("/log", method)
			must(t, err, vfs.Grow(f, vfs.GrowZero, 1<<16), m.SyncDir("/")) // flush 1
			write(t, f, 0, record(0))
			if err := f.Flush(); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "injected") {
				t.Fatalf("Flush = %v; want an injected EIO", err)
			}
			if got := contents(t, m, "log")[:recordSize]; !bytes.Equal(got, record(0)) {
				t.Error("the page cache forgot the data")
			}
			write(t, f, recordSize, record(1))
			must(t, f.Flush())
			for kind, want := range map[vfs.CrashKind]int{vfs.CrashProcess: 2, vfs.CrashOS: 1, vfs.CrashPower: 1} {
				if got := surviving(t, m.CrashWith(kind, keepOldest), "log"); got != want {
					t.Errorf("%s crash kept %d records at worst; want %d: the later one", kind, got, want)
				}
			}
		})
	}
}

// FailNext fails the next flush that matches, once, and tells before it does.
func TestFailNext(t *testing.T) {
	y := newFaulty(t, vfs.NewMem())
	f, err := y.Create("/log", vfs.Fdatasync)
	must(t, err, f.Sync())
	told := 0
	must(t, y.FailNext("lo?", func() { told++ }), y.FailNext("other", func() { t.Error("told of another file") }))
	write(t, f, 0, record(0))
	if told != 0 {
		t.Error("told before anything has failed")
	}
	if err := f.Flush(); !errors.Is(err, syscall.EIO) || told != 1 {
		t.Errorf("Flush = %v, told %d times; want EIO, once", err, told)
	}
	if err := f.Flush(); err != nil || told != 1 {
		t.Errorf("the flush after it = %v, told %d times; want nil, once", err, told)
	}
	if err := y.FailNext("[", nil); err == nil {
		t.Error("a malformed pattern is accepted")
	}
}

func TestFaultyFlushFaults(t *testing.T) {
	durable := func(f vfs.File) error { _, err := f.WriteDurableAt(record(0), 0); return err }
	plain := func(f vfs.File) error { _, err := f.WriteAt(record(0), 0); return err }
	flush := func(f vfs.File) error { return f.Flush() }
	sync := func(f vfs.File) error { return f.Sync() }
	for _, test := range []struct {
		name   string
		method vfs.Method
		do     func(vfs.File) error
		fails  bool
	}{
		{"flush", vfs.Fdatasync, flush, true},
		{"sync", vfs.Fdatasync, sync, true},
		{"durable write", vfs.Fdatasync, durable, true},
		{"plain write", vfs.Fdatasync, plain, false},
		{"durable rwf_dsync", vfs.RWFDsync, durable, true},
		{"plain rwf_dsync", vfs.RWFDsync, plain, false},
		{"write-through", vfs.ODsync, plain, true},
		{"durable write-through", vfs.DirectODsync, durable, true},
		{"flush of write-through", vfs.ODsync, flush, false},
		{"flush of none", vfs.None, flush, false},
		{"durable none", vfs.DirectNone, durable, false},
		{"sync of none", vfs.None, sync, true},
	} {
		m := vfs.NewMem()
		f, err := newFaulty(t, m, vfs.Fault{Kind: vfs.FailFlush, N: 1}).Create("log", test.method)
		must(t, err)
		if err := test.do(f); errors.Is(err, syscall.EIO) != test.fails || (err != nil) != test.fails {
			t.Errorf("%s: %v; want a failure: %v", test.name, err, test.fails)
		}
		must(t, m.SyncDir("/"))
		if kept := surviving(t, m.CrashWith(vfs.CrashPower, keepOldest), "log"); test.fails && kept != 0 {
			t.Errorf("%s: failed and yet durable", test.name)
		}
	}
}

func TestFaultyWrites(t *testing.T) {
	for _, test := range []struct {
		name   string
		method vfs.Method
		fault  vfs.Fault
		wrote  []int // by write of 8 KiB; -1: all, without error
		is     error
	}{
		{"second write", vfs.Fdatasync, vfs.Fault{Kind: vfs.FailWrite, N: 2}, []int{-1, 0, -1}, syscall.EIO},
		{"from the second on", vfs.Fdatasync, vfs.Fault{Kind: vfs.FailWrite, N: 2, Sticky: true}, []int{-1, 0, 0}, syscall.EIO},
		{"other file", vfs.Fdatasync, vfs.Fault{Kind: vfs.FailWrite, N: 1, Path: "binlog.*"}, []int{-1}, nil},
		{"pattern", vfs.Fdatasync, vfs.Fault{Kind: vfs.FailWrite, N: 1, Path: "l?g"}, []int{0}, syscall.EIO},
		{"short", vfs.Fdatasync, vfs.Fault{Kind: vfs.FailShort, N: 1}, []int{4096, -1}, io.ErrShortWrite},
		{"short, direct", vfs.DirectFdatasync, vfs.Fault{Kind: vfs.FailShort, N: 1}, []int{4096, -1}, io.ErrShortWrite},
		{"space", vfs.Fdatasync, vfs.Fault{Kind: vfs.FailSpace, N: 10000}, []int{-1, 1808, 0}, syscall.ENOSPC},
		{"space, direct", vfs.DirectFdatasync, vfs.Fault{Kind: vfs.FailSpace, N: 10000}, []int{-1, 0, 0}, syscall.ENOSPC},
		{"no space", vfs.ODsync, vfs.Fault{Kind: vfs.FailSpace}, []int{0}, syscall.ENOSPC},
	} {
		for _, durably := range []bool{false, true} {
			m := vfs.NewMem()
			f, err := newFaulty(t, m, test.fault).Create("log", test.method)
			must(t, err)
			end := int64(0)
			for i, want := range test.wrote {
				do := f.WriteAt
				if durably {
					do = f.WriteDurableAt
				}
				n, err := do(pattern(8192, byte(i)), int64(i)*8192)
				if want < 0 {
					if n != 8192 || err != nil {
						t.Errorf("%s, write %d = %d, %v; want all", test.name, i, n, err)
					}
				} else if n != want || !errors.Is(err, test.is) {
					t.Errorf("%s, write %d = %d, %v; want %d, %v", test.name, i, n, err, want, test.is)
				}
				if n > 0 {
					end = int64(i*8192 + n)
				}
				if size, _, err := m.Stat("log"); size != end || err != nil {
					t.Errorf("%s, write %d: the file has %d bytes, %v; want %d", test.name, i, size, err, end)
				}
			}
		}
	}
}

func TestFaultyOthers(t *testing.T) {
	y := newFaulty(t, vfs.NewMem(), vfs.Fault{Kind: vfs.FailDir, Path: "d", N: 1}, vfs.Fault{Kind: vfs.FailSpace, N: 100})
	must(t, y.Mkdir("d"), y.SyncDir("/"))
	if err := y.SyncDir("/d"); !errors.Is(err, syscall.EIO) {
		t.Errorf("SyncDir = %v; want EIO", err)
	}
	must(t, y.SyncDir("/d"))
	f, err := y.Create("d/a", vfs.None)
	must(t, err, f.Allocate(100))
	if err := f.Allocate(101); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Allocate(101) = %v; want ENOSPC", err)
	}
	for _, bad := range []vfs.Fault{
		{Kind: vfs.FailFlush}, {Kind: vfs.FailWrite, N: -1}, {Kind: vfs.FailSpace, N: -1},
		{Kind: vfs.FailFlush, N: 1, Path: "["}, {Kind: vfs.FaultKind(99), N: 1},
	} {
		if _, err := vfs.NewFaulty(vfs.NewMem(), vfs.Faults{bad}); err == nil {
			t.Errorf("NewFaulty took %+v", bad)
		}
	}
}

// Every axis of the package reads back what it writes and names its values.
func TestAxes(t *testing.T) {
	for _, names := range [][]string{vfs.Methods.Names(), vfs.Growths.Names(), vfs.CrashKinds.Names(), vfs.FaultKinds.Names()} {
		for _, name := range names {
			var m vfs.Method
			var g vfs.Growth
			var c vfs.CrashKind
			var k vfs.FaultKind
			took := 0
			for _, v := range []interface {
				UnmarshalText([]byte) error
				MarshalText() ([]byte, error)
				String() string
			}{&m, &g, &c, &k} {
				err := v.UnmarshalText([]byte(strings.ToUpper(name)))
				if err != nil {
					if !strings.Contains(err.Error(), "legal values are") {
						t.Errorf("%q: %v does not tell the legal values", name, err)
					}
					continue
				}
				took++
				if text, err := v.MarshalText(); string(text) != name || v.String() != name || err != nil {
					t.Errorf("%q came back as %q, %q, %v", name, text, v.String(), err)
				}
			}
			if took == 0 {
				t.Errorf("no axis takes its own name %q", name)
			}
		}
	}
}
