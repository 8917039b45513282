package victim

import (
	"strings"
	"syscall"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/workload/judge"
)

// The first call on a log that finds no room is told of, once; those on other files
// and other errors are not.
func TestTellsFull(t *testing.T) {
	for _, c := range []struct {
		name  string
		path  string
		fault vfs.Fault
		do    func(vfs.File) error
		want  int
	}{
		{"a write", "redo.0", vfs.Fault{Kind: vfs.FailSpace}, write, 1},
		{"of the binlog", "binlog.000001", vfs.Fault{Kind: vfs.FailSpace}, write, 1},
		{"of which some fits", "redo.1", vfs.Fault{Kind: vfs.FailSpace, N: 6000}, write, 1},
		{"cut short by the kernel", "redo.1", vfs.Fault{Kind: vfs.FailShort, N: 1}, write, 1},
		{"blocks", "redo.0", vfs.Fault{Kind: vfs.FailSpace}, func(f vfs.File) error { return f.Allocate(8192) }, 1},
		{"durable", "redo.0", vfs.Fault{Kind: vfs.FailSpace}, func(f vfs.File) error { _, err := f.WriteDurableAt(make([]byte, 8192), 0); return err }, 1},
		{"pages", "data.0", vfs.Fault{Kind: vfs.FailSpace}, write, 0},
		{"the index", "binlog.index", vfs.Fault{Kind: vfs.FailSpace}, write, 0},
		{"another error", "redo.0", vfs.Fault{Kind: vfs.FailFlush, N: 1}, vfs.File.Flush, 0},
	} {
		faulty, err := vfs.NewFaulty(vfs.NewMem(), vfs.Faults{c.fault})
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		f, err := tellsFull(faulty, func() { told++ }).Create("/"+c.path, vfs.Fdatasync)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.do(f); err == nil {
			t.Errorf("%s: no error", c.name)
		}
		_ = c.do(f) // whatever it says now
		if told != c.want {
			t.Errorf("%s: told %d times; want %d", c.name, told, c.want)
		}
	}
}

func write(f vfs.File) error { _, err := f.WriteAt(make([]byte, 8192), 0); return err }

// On a disk that runs full the engine acknowledges nothing more, and a crash takes
// what it may, whichever file came to the end.
func TestMemFull(t *testing.T) {
	testenv.Long(t, "judges windows of time")
	for name, s := range map[string]*Spec{
		"log/1":    logSpec("", groupcommit.Policy1),
		"log/2":    logSpec("", groupcommit.Policy2),
		"log/0":    logSpec("", groupcommit.Policy0),
		"bank/1/1": bankSpec("", groupcommit.Policy1, 1),
		"bank/1/0": bankSpec("", groupcommit.Policy1, 0),
		"bank/2/1": bankSpec("", groupcommit.Policy2, 1),
	} {
		file := "redo.*"
		if s.Binlog() {
			file = "binlog.0*"
		}
		s.Full = true
		for seed := range uint64(3) {
			m := &memTrial{spec: s, kind: vfs.CrashPower, seed: seed, after: -1, full: true, liar: func(fs vfs.FS) vfs.FS {
				full, err := vfs.NewFaulty(fs, vfs.Faults{{Kind: vfs.FailSpace, Path: file, N: 100_000 + 777*int64(seed)}})
				if err != nil {
					t.Fatal(err)
				}
				return full
			}}
			o := inGrace(func() judge.Outcome {
				o, err := m.run()
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				return o
			})
			if o.Struck == 0 || !strings.Contains(o.Failure, syscall.ENOSPC.Error()) {
				t.Errorf("%s: the disk was full at %d, the engine says %q", name, o.Struck, o.Failure)
			}
			if o.AckedAfter != 0 || !allowed(&o) {
				t.Errorf("%s: %s, %+v", name, o.Verdict, o)
			}
			if o.Acked == 0 {
				t.Errorf("%s: nothing was acknowledged before %s", name, o.Failure)
			}
		}
	}
}
