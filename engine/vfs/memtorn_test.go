package vfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"flushbench/engine/vfs"
)

// A write in flight may be there in part, whatever the kind and the method.
func TestMemTornWrite(t *testing.T) {
	for _, method := range vfs.Methods.All() {
		for _, kind := range vfs.CrashKinds.All() {
			m := vfs.NewMem()
			f, err := m.Create("log", method)
			must(t, err, vfs.Grow(f, vfs.GrowZero, 4096), f.Sync(), m.SyncDir("/"))
			m.CrashAfter(m.Events())
			if _, err := f.WriteAt(record(0), 0); !errors.Is(err, vfs.ErrCrashed) {
				t.Fatalf("%s: %v", method, err)
			}
			if _, err := f.WriteAt(record(1), 0); !errors.Is(err, vfs.ErrCrashed) {
				t.Fatalf("%s: %v", method, err)
			}
			zero := make([]byte, recordSize)
			if got := contents(t, m.CrashWith(kind, keepNewest), "log"); !bytes.Equal(got, zero) {
				t.Errorf("%s, %s crash, not torn: the write in flight is there", method, kind)
			}
			disks := 0
			for after := range m.Crashes(kind, true, 256, 1) {
				disks++
				for k, p := 0, contents(t, after, "log"); k < recordSize; k += 512 {
					if s := p[k : k+512]; !bytes.Equal(s, zero[:512]) && !bytes.Equal(s, record(0)[k:k+512]) {
						t.Fatalf("%s, %s crash: sector %d is torn inside", method, kind, k/512)
					}
				}
			}
			if disks != 256 {
				t.Errorf("%s, %s crash: %d disks; want every subset of 8 sectors", method, kind, disks)
			}
		}
	}
	t.Run("append", func(t *testing.T) {
		m := vfs.NewMem()
		f, err := m.Create("log", vfs.Fdatasync)
		must(t, err, m.SyncDir("/"))
		m.CrashAfter(m.Events())
		if _, err := f.WriteAt(make([]byte, 700), 100); !errors.Is(err, vfs.ErrCrashed) {
			t.Fatal(err)
		}
		for _, kind := range vfs.CrashKinds.All() {
			sizes := map[int]int{}
			for after := range m.Crashes(kind, true, 10, 1) {
				sizes[len(contents(t, after, "log"))]++
			}
			if want := (map[int]int{0: 1, 512: 1, 800: 2}); fmt.Sprint(sizes) != fmt.Sprint(want) {
				t.Errorf("%s crash: sizes %v; want %v", kind, sizes, want)
			}
		}
	})
}

// Garbage is one unflushed sector, under power alone.
func TestMemGarbage(t *testing.T) {
	for _, kind := range vfs.CrashKinds.All() {
		m := vfs.NewMem()
		f, err := m.Create("log", vfs.Fdatasync)
		must(t, err, vfs.Grow(f, vfs.GrowZero, 2*recordSize), m.SyncDir("/"))
		write(t, f, 0, record(0))
		must(t, f.Flush())
		write(t, f, recordSize, record(1))
		for seed := range uint64(20) {
			p := contents(t, m.Crash(kind, vfs.CrashOptions{Seed: seed, Garbage: true}), "log")
			if !bytes.Equal(p[:recordSize], record(0)) {
				t.Fatalf("%s crash, seed %d: a flushed sector is not what was flushed", kind, seed)
			}
			bad := 0
			for k := recordSize; k < len(p); k += 512 {
				if s := p[k : k+512]; !bytes.Equal(s, make([]byte, 512)) && !bytes.Equal(s, record(1)[k-recordSize:][:512]) {
					bad++
				}
			}
			if want := map[bool]int{true: 1}[kind == vfs.CrashPower]; bad != want {
				t.Errorf("%s crash, seed %d: %d sectors of garbage; want %d", kind, seed, bad, want)
			}
		}
		one := m.CrashWith(kind, func(i int) int { return map[bool]int{true: vfs.KeepGarbage, false: vfs.KeepNewest}[i == 3] })
		if same := bytes.Equal(contents(t, one, "log")[recordSize:], record(1)); same != (kind != vfs.CrashPower) {
			t.Errorf("%s crash, KeepGarbage for one sector: all as written = %v", kind, same)
		}
	}
}
