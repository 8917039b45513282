package beside

import (
	"errors"
	"path/filepath"
	"strings"

	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/workload"
)

const small = workload.MaxBlock

func onMemory(t *testing.T, loads ...workload.Background) (*Disk, *vfs.Mem) {
	t.Helper()
	mem := vfs.NewMem()
	if err := mem.Mkdir("/d"); err != nil {
		t.Fatal(err)
	}
	d, err := New(Config{FS: mem, Dir: "/d", Loads: loads, FileBytes: small, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return d, mem
}

// atLeast runs a load until it has done so many operations of each kind: a disk may let
// the writes wait while it reads.
func atLeast(t *testing.T, d *Disk, load workload.Background, operations int64) Report {
	t.Helper()
	x := d.Start(load)
	for {
		fewest := operations
		for _, k := range x.kinds {
			if k != nil {
				k.mu.Lock()
				fewest = min(fewest, k.done.Operations)
				k.mu.Unlock()
			}
		}
		if fewest >= operations {
			break
		}
		time.Sleep(time.Millisecond)
	}
	r, err := x.Stop()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is done is what was asked, no more: an operation is never before its moment.
// Only the kinds that were asked for are done, in pieces of the size asked for, and
// nothing is flushed.
func TestLoad(t *testing.T) {
	loads := []workload.Background{
		{Read: 4 << 20, Block: 16 << 10},
		{Write: 64 << 20},
		{Read: 8 << 20, Write: 4 << 20, Block: 4096},
	}
	d, mem := onMemory(t, loads...)
	for _, load := range loads {
		before := mem.Counts()
		r := atLeast(t, d, load, 20)
		wrote := mem.Counts().Sub(before)
		for _, k := range []struct {
			name  string
			asked int64
			done  Done
		}{{"read", load.Read, r.Read}, {"write", load.Write, r.Write}} {
			most := float64(k.asked)*r.Lasted.Seconds() + float64(load.Piece()) + float64(depth*load.Piece())
			if k.asked == 0 {
				most = 0
			}
			if float64(k.done.Bytes) > most || k.done.Bytes != k.done.Operations*load.Piece() {
				t.Errorf("%v: %s: %d bytes in %d operations; at most %.0f were due", load, k.name, k.done.Bytes, k.done.Operations, most)
			}
			if k.asked > 0 && k.done.Latency.Count() != k.done.Operations {
				t.Errorf("%v: %s: %d latencies of %d operations", load, k.name, k.done.Latency.Count(), k.done.Operations)
			}
		}
		if int64(wrote.Bytes) != r.Write.Bytes || wrote.Flushes() != 0 {
			t.Errorf("%v: the disk counts %+v; want %d bytes and no flush", load, wrote, r.Write.Bytes)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if left, err := mem.List("/d"); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// stuck is a disk whose reads wait until they are let go.
type stuck struct {
	vfs.FS
	gate  chan struct{}
	reads atomic.Int64
}

func (s *stuck) Create(path string, m vfs.Method) (vfs.File, error) {
	f, err := s.FS.Create(path, m)
	return &stuckFile{f, s}, err
}

type stuckFile struct {
	vfs.File
	of *stuck
}

func (f *stuckFile) ReadAt(p []byte, at int64) (int, error) {
	f.of.reads.Add(1)
	<-f.of.gate
	return f.File.ReadAt(p, at)
}

// A disk that does not keep up gets no more than depth operations at a time; what is
// more than a second late is left out, and the share that was done is told.
func TestBehind(t *testing.T) {
	mem := vfs.NewMem()
	s := &stuck{FS: mem, gate: make(chan struct{})}
	load := workload.Background{Read: 64 << 20, Block: 4096}
	d, err := New(Config{FS: s, Dir: "/", Loads: []workload.Background{load}, FileBytes: small})
	if err != nil {
		t.Fatal(err)
	}
	// All but the last of them are too late; so many that the share which is done stays
	// small also where this test waits for a processor meanwhile.
	const began = 100
	x := d.start(load, clock.Now()-int64(began*time.Second))
	for s.reads.Load() < depth {
		time.Sleep(time.Millisecond)
	}
	k := x.kinds[0]
	k.mu.Lock()
	skipped := k.done.Skipped
	k.mu.Unlock()
	if s.reads.Load() != depth {
		t.Errorf("%d reads are under way; want %d", s.reads.Load(), depth)
	}
	close(s.gate)
	r, err := x.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if late := int64((began - 1) * 64 << 20 / 4096); skipped < late*9/10 {
		t.Errorf("%d left out; want about %d", skipped, late)
	}
	if a := r.Achieved(); a > 0.2 {
		t.Errorf("%.2f of it was done", a)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// The write budget ends the writing, and the reading goes on; a disk that fails is
// told.
func TestErrors(t *testing.T) {
	mem := vfs.NewMem()
	budget, full := int64(small*2+1<<20), errors.New("no more")
	var spent atomic.Int64
	load := workload.Background{Read: 64 << 20, Write: 64 << 20, Block: 64 << 10}
	d, err := New(Config{FS: mem, Dir: "/", Loads: []workload.Background{load}, FileBytes: small, Spend: func(n int64) error {
		if spent.Add(n) > budget {
			return full
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	x := d.Start(load)
	for done := false; !done; time.Sleep(time.Millisecond) {
		k := x.kinds[1]
		k.mu.Lock()
		done = k.err != nil
		k.mu.Unlock()
	}
	r, err := x.Stop()
	if !errors.Is(err, full) || r.Write.Bytes > 1<<20 {
		t.Errorf("Stop() = %v after %d bytes; want %v after at most 1 MiB", err, r.Write.Bytes, full)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}

	if _, err := New(Config{FS: mem, Dir: "/", Loads: []workload.Background{load}, FileBytes: small, Spend: func(int64) error { return full }}); !errors.Is(err, full) {
		t.Errorf("New() without a budget = %v", err)
	}
	if left, err := mem.List("/"); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := New(Config{FS: mem, Dir: "/", Loads: []workload.Background{{Block: 7}}}); err == nil {
		t.Error("New() with an illegal load: no error")
	}
	if _, err := New(Config{FS: mem, Dir: "/", FileBytes: 12345}); err == nil || !strings.Contains(err.Error(), "multiple") {
		t.Errorf("New() with an odd size = %v", err)
	}
}

func TestNeeds(t *testing.T) {
	r, w := workload.Background{Read: 1 << 20}, workload.Background{Write: 1 << 20}
	for want, loads := range map[int64][]workload.Background{
		0: {{}}, small: {r, r}, 2 * small: {r, w},
	} {
		if got := Needs(loads, small); got != want {
			t.Errorf("Needs(%v) = %d; want %d", loads, got, want)
		}
	}
	if Needs([]workload.Background{w}, 0) != DefaultFileBytes {
		t.Error("Needs() does not know the default")
	}
}

// On a real disk, direct: everything that was asked reaches the system.
func TestOnDisk(t *testing.T) {
	dir := testenv.OnDisk(t)
	load := workload.Background{Read: 16 << 20, Write: 4 << 20, Block: 16 << 10}
	d, err := New(Config{FS: vfs.NewOS(), Dir: dir, Loads: []workload.Background{load}, FileBytes: small})
	if errors.Is(err, vfs.ErrMethodRefused) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r := atLeast(t, d, load, 20); r.Read.Operations == 0 || r.Write.Operations == 0 {
		t.Errorf("%d reads, %d writes", r.Read.Operations, r.Write.Operations)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
