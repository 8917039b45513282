package redo

import (
	"errors"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
)

// hookFS calls onWrite at the start of every write.
type hookFS struct {
	vfs.FS
	onWrite func()
}

func (h *hookFS) Open(path string, m vfs.Method) (vfs.File, error) {
	f, err := h.FS.Open(path, m)
	return hookFile{f, h}, err
}

type hookFile struct {
	vfs.File
	h *hookFS
}

func (f hookFile) WriteAt(p []byte, off int64) (int, error) {
	f.h.onWrite()
	return f.File.WriteAt(p, off)
}

func (f hookFile) WriteDurableAt(p []byte, off int64) (int, error) {
	f.h.onWrite()
	return f.File.WriteDurableAt(p, off)
}

// While a write is under way its bytes still belong to the writer: a producer
// that got them would change what goes to the disk.
func TestReleaseAfterWrite(t *testing.T) {
	for _, m := range []vfs.Method{vfs.Fdatasync, vfs.RWFDsync, vfs.DirectFdatasync} {
		mem := vfs.NewMem()
		if err := errors.Join(mem.Mkdir("/log"), mem.SyncDir("/")); err != nil {
			t.Fatal(err)
		}
		hook := &hookFS{FS: mem, onWrite: func() {}}
		r := newRigOn(t, hook, setup{method: m, files: 2})
		writes := 0
		hook.onWrite = func() {
			writes++
			if limit, most := r.log.Buffer().Limit(), r.log.Written()+lsn.LSN(r.log.Buffer().Size()); limit > most {
				t.Errorf("%v: during a write from %v on, producers may fill the buffer up to %v; its bytes are needed up to %v", m, r.log.Written(), limit, most)
			}
		}
		for range 20 {
			r.append(5000)
			r.write(true)
		}
		if writes < 20 {
			t.Errorf("%v: %d writes were seen", m, writes)
		}
	}
}

// A durable write claims nothing that a plain write before it left in the page
// cache.
func TestDurableWriteClaimsItsOwnOnly(t *testing.T) {
	mem := vfs.NewMem()
	if err := errors.Join(mem.Mkdir("/log"), mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	r := newRigOn(t, mem, setup{method: vfs.RWFDsync})
	before := r.log.Flushed()
	r.append(3000)
	r.write(false)
	r.append(3000)
	r.write(true)
	if got := r.log.Flushed(); got != before {
		t.Errorf("Flushed = %v after a plain and a durable write; want %v", got, before)
	}
	r.flush()
	disk := mem.CrashWith(vfs.CrashPower, func(int) int { return 0 })
	r.sameAs(readLog(t, disk))
}

// What Open finds in the page cache, left by a process that died, is durable
// before a checkpoint says that it is.
func TestOpenFlushesWhatItFinds(t *testing.T) {
	for _, files := range []int{1, 4} {
		mem := vfs.NewMem()
		if err := errors.Join(mem.Mkdir("/log"), mem.SyncDir("/")); err != nil {
			t.Fatal(err)
		}
		r := newRigOn(t, mem, setup{files: files})
		for range 60 {
			r.append(2000)
		}
		r.write(false)
		r.close()
		r.open()
		disk := mem.CrashWith(vfs.CrashPower, func(int) int { return 0 })
		if got := readLog(t, disk); got.end != r.log.Flushed() {
			t.Errorf("%d files: after Open and a power cut the log ends at %v; it was opened at %v", files, got.end, r.log.Flushed())
		}
		damage(t, disk, FileName(0), blockSize*(1+int64(r.log.ckpt.Number%2)), 512)
		r.sameAs(readLog(t, disk))
	}
}

// The first direct write after a restart rewrites a block that holds records of
// before: they stay, for whoever starts from the older checkpoint.
func TestDirectTailSurvivesRestart(t *testing.T) {
	for _, m := range []vfs.Method{vfs.DirectFdatasync, vfs.DirectODsync, vfs.DirectNone} {
		r := newRig(t, setup{method: m})
		r.append(500)
		r.append(700)
		r.flush()
		r.reopen()
		r.append(300)
		r.flush()
		r.close()
		damage(t, r.mem, FileName(0), blockSize*(1+int64(r.log.ckpt.Number%2)), 512)
		got := readLog(t, r.mem)
		r.sameAs(got)
		if len(got.records) != 3 {
			t.Errorf("%v: %d records from checkpoint %v on; want 3", m, len(got.records), got.ckpt.LSN)
		}
	}
}

func TestAxes(t *testing.T) {
	for _, k := range BufferKinds.All() {
		var got BufferKind
		if text, err := k.MarshalText(); err != nil || got.UnmarshalText(text) != nil || got != k {
			t.Errorf("log buffer %v does not survive its text", k)
		}
	}
	for _, tail := range Tails.All() {
		var got Tail
		if text, err := tail.MarshalText(); err != nil || got.UnmarshalText(text) != nil || got != tail {
			t.Errorf("tail %v does not survive its text", tail)
		}
	}
	if got := TypeCommit.String() + " " + TypePad.String() + " " + Type(9).String(); got != "commit pad record type(9)" {
		t.Errorf("record types print as %q", got)
	}
	for _, size := range []int{0, MinRecord, MinRecord + 8, 256, 4096} {
		if got := CommitSize(BodySize(size)); got != max(size, MinRecord) {
			t.Errorf("CommitSize(BodySize(%d)) = %d", size, got)
		}
	}
}
