package redo

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield"
)

// setups are all combinations that a log can be opened with.
func setups() []setup {
	var all []setup
	for _, m := range vfs.Methods.All() {
		for _, g := range vfs.Growths.All() {
			for _, tail := range Tails.All() {
				kind := BufferKind(len(all) % 2)
				all = append(all, setup{method: m, growth: g, tail: tail, kind: kind, files: []int{1, 4, 3}[len(all)/2%3]})
			}
		}
	}
	return all
}

// What was appended is what is read, through laps of the ring, of the files
// and of the circle, reopenings, partial blocks and every way to write.
func TestLogRoundTrip(t *testing.T) {
	for _, s := range setups() {
		t.Run(s.String(), func(t *testing.T) {
			r := newRig(t, s)
			laps := lsn.LSN(3 * r.log.Capacity())
			if yield.Enabled {
				laps = laps * 2 / 5 // one goroutine: the race detector only makes it slow
			}
			for start := r.log.Buffer().Reserved(); r.log.Buffer().Reserved() < start+laps; {
				n := 4000
				if r.rng.IntN(3) == 0 {
					n = r.rng.IntN(MinBuffer/3) + 1
				}
				if r.room() < uint64(n)+3*blockSize {
					r.flush()
					r.checkpoint(2)
				}
				r.append(n)
				switch r.rng.IntN(12) {
				case 0:
					r.write(false)
				case 1, 2, 3:
					r.flush()
				case 4:
					r.flush()
					r.checkpoint(1)
				case 5:
					r.flush()
					r.sameAs(readLog(t, r.mem))
				case 6:
					r.reopen()
				}
			}
			r.reopen()
			r.close()
			r.sameAs(readLog(t, r.mem))
		})
	}
}

// The circle is filled to the last byte that Capacity allows: nothing that
// recovery may start from is overwritten, whichever slot it takes.
func TestFullCircleKeepsCheckpoint(t *testing.T) {
	for _, s := range setups() {
		if s.growth != vfs.GrowZero {
			continue
		}
		t.Run(s.String(), func(t *testing.T) {
			for _, first := range []int{100, 2000, 3000, 4096 - MinRecord} {
				r := newRig(t, s)
				r.append(first)
				r.flush()
				r.checkpoint(1)
				r.append(500)
				r.flush()
				r.checkpoint(1)
				for r.room() > 5000+2*blockSize {
					r.append(1 + r.rng.IntN(5000))
					if r.rng.IntN(4) == 0 {
						r.flush()
					}
				}
				if n := int(r.room()) - MinRecord; n >= 0 {
					r.append(n &^ 7)
				}
				r.write(false)
				if err := r.log.Flush(); err != nil {
					t.Fatal(err)
				}
				for len(r.want) > 0 && r.want[len(r.want)-1].End > r.log.Written() {
					r.want = r.want[:len(r.want)-1] // its last block was not written: no room to pad
				}
				r.close()
				r.sameAs(readLog(t, r.mem))
				damage(t, r.mem, FileName(0), blockSize*(1+int64(r.log.ckpt.Number%2)), blockSize)
				r.sameAs(readLog(t, r.mem))
			}
		})
	}
}

// damage flips every byte of a range.
func damage(t testing.TB, fs vfs.FS, name string, off, n int64) {
	t.Helper()
	f, err := fs.Open("/log/"+name, vfs.Fdatasync)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := f.ReadAt(b, off); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] ^= 0xa5
	}
	if _, err = f.WriteAt(b, off); err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Any damage to the sectors of one slot leaves the other: everything that was
// acknowledged is still there. Damage to both is reported, never guessed.
func TestSlotDamage(t *testing.T) {
	testenv.Long(t, "every damage by itself, on one goroutine")
	build := func() *rig {
		r := newRig(t, setup{files: 2})
		for range 3 {
			r.append(700)
			r.append(900)
			r.flush()
			r.checkpoint(1)
		}
		r.append(1000)
		r.flush()
		r.close()
		return r
	}
	for slot := range int64(2) {
		for sectors := 1; sectors < 1<<8; sectors += 7 {
			r := build()
			for s := range int64(8) {
				if sectors&(1<<s) != 0 {
					damage(t, r.mem, FileName(0), blockSize*(1+slot)+s*512, 512)
				}
			}
			r.sameAs(readLog(t, r.mem))
			r.open() // and the log goes on
			r.append(10)
			r.flush()
			r.close()
			r.sameAs(readLog(t, r.mem))
		}
	}
	r := build()
	damage(t, r.mem, FileName(0), blockSize, 512)
	damage(t, r.mem, FileName(0), 2*blockSize, 512)
	_, err := readAll(r.mem)
	var broken *CorruptionError
	if !errors.As(err, &broken) || !strings.Contains(err.Error(), "both checkpoint slots") {
		t.Errorf("OpenReader with both slots damaged = %v; want a CorruptionError", err)
	}
}

// The space below a checkpoint is free only when both slots lie above it: the
// slot that a crash may bring back is the older one.
func TestCheckpointFreesBehindOlderSlot(t *testing.T) {
	r := newRig(t, setup{})
	before := r.log.CheckpointLSN()
	end := r.append(100)
	r.flush()
	r.checkpoint(1)
	if got := r.log.CheckpointLSN(); got != before {
		t.Errorf("after one checkpoint at %v the log is free up to %v; want %v", end, got, before)
	}
	r.checkpoint(1)
	if got := r.log.CheckpointLSN(); got != end {
		t.Errorf("after two checkpoints at %v the log is free up to %v", end, got)
	}
}

// Before the slot is durable no space may be given free.
func TestCheckpointWaitsForSlotFlush(t *testing.T) {
	mem := vfs.NewMem()
	if err := errors.Join(mem.Mkdir("/log"), mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	r := newRigOn(t, mem, setup{})
	end := r.append(100)
	r.flush()
	r.checkpoint(1)
	calls := 0
	mem.SetFlushHook(func() {
		calls++
		if got := r.log.CheckpointLSN(); got == end {
			t.Errorf("the log was free up to %v before the slot that says so was flushed", got)
		}
	})
	r.checkpoint(1)
	if calls == 0 {
		t.Error("SetCheckpoint flushed nothing")
	}
	if got := r.log.CheckpointLSN(); got != end {
		t.Errorf("the log is free up to %v; want %v", got, end)
	}
}

// Bytes that are written while a flush runs are not claimed by it.
func TestFlushClaimsOnlyWhatWasWrittenBefore(t *testing.T) {
	mem := vfs.NewMem()
	if err := errors.Join(mem.Mkdir("/log"), mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	r := newRigOn(t, mem, setup{})
	first := r.append(100)
	r.write(false)
	armed := true
	mem.SetFlushHook(func() {
		if armed {
			armed = false
			r.append(100)
			if err := r.log.Write(r.log.Cut(1<<20, true, nil), false); err != nil {
				t.Error(err)
			}
		}
	})
	if err := r.log.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := r.log.Flushed(); got != first {
		t.Errorf("Flushed = %v; want %v: the second record was written during the flush", got, first)
	}
	disk := mem.CrashWith(vfs.CrashPower, func(int) int { return 0 })
	got := readLog(t, disk)
	if got.end != r.log.Flushed() {
		t.Errorf("the log ends at %v after a power cut; flushed was %v", got.end, r.log.Flushed())
	}
}

// gossip is a file on which two flushes run at the same time, the first fails,
// and the second, told nothing about it, ends first.
type gossip struct {
	vfs.File
	calls  *atomic.Int32
	second chan struct{}
}

func (g gossip) Flush() error {
	if g.calls.Add(1) == 1 {
		<-g.second
		return syscall.EIO
	}
	close(g.second)
	return nil
}

// The kernel reports a failed write-back once for an open file. If the flush of
// a checkpoint slot takes the report, the log's own flush beside it must not be
// believed.
func TestFailedSlotFlushFailsLogFlush(t *testing.T) {
	r := newRig(t, setup{})
	before := r.log.Flushed()
	r.append(100)
	r.write(false)
	g := gossip{File: r.log.c.open[0], calls: &atomic.Int32{}, second: make(chan struct{})}
	r.log.c.open[0] = g
	slot := make(chan error)
	go func() { slot <- r.log.SetCheckpoint(Checkpoint{LSN: before, Flushed: before}) }()
	for g.calls.Load() == 0 {
		runtime.Gosched()
	}
	if err := r.log.Flush(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Flush = %v beside a slot flush that failed; want EIO", err)
	}
	if err := <-slot; !errors.Is(err, syscall.EIO) {
		t.Errorf("SetCheckpoint = %v; want EIO", err)
	}
	if got := r.log.Flushed(); got != before {
		t.Errorf("Flushed moved from %v to %v", before, got)
	}
}

// A flush covers every file that holds bytes since the last one.
func TestFlushCoversBothFiles(t *testing.T) {
	mem := vfs.NewMem()
	if err := errors.Join(mem.Mkdir("/log"), mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	r := newRigOn(t, mem, setup{files: 4})
	second := FirstLSN + lsn.LSN(r.log.c.data)
	for r.append(3000) < second-9000 {
		r.flush()
	}
	r.flush()
	for r.append(3000) < second+9000 {
		r.write(false)
	}
	r.flush()
	disk := mem.CrashWith(vfs.CrashPower, func(int) int { return 0 })
	r.sameAs(readLog(t, disk))
	if got := readLog(t, disk); got.end != r.log.Flushed() {
		t.Errorf("the log ends at %v after a power cut; flushed was %v", got.end, r.log.Flushed())
	}
}

// Create leaves nothing that a power cut could take back.
func TestCreateIsDurable(t *testing.T) {
	for _, s := range setups() {
		mem := vfs.NewMem()
		if err := errors.Join(mem.Mkdir("/log"), mem.SyncDir("/")); err != nil {
			t.Fatal(err)
		}
		f := Files{FS: mem, Dir: "/log", Method: s.method, Growth: s.growth, Capacity: MinCapacity, Count: 4, LogID: 1}
		if err := Create(f); err != nil {
			t.Fatal(err)
		}
		disk := mem.CrashWith(vfs.CrashPower, func(int) int { return 0 })
		got, err := readAll(disk)
		if err != nil || got.end != FirstLSN {
			t.Errorf("%v: after Create and a power cut the log ends at %v, %v; want %v", s, got.end, err, FirstLSN)
		}
		if err := Create(f); err == nil {
			t.Errorf("%v: Create over a log = nil; want an error", s)
		}
	}
}

// With --tail=pad no write touches a block that holds flushed bytes.
func TestPadNeverTouchesFlushedBlocks(t *testing.T) {
	for _, m := range []vfs.Method{vfs.Fdatasync, vfs.RWFDsync, vfs.ODsync, vfs.DirectFdatasync} {
		r := newRig(t, setup{method: m, tail: TailPad, files: 4})
		for range 60 {
			for range r.rng.IntN(3) {
				r.append(r.rng.IntN(2000))
			}
			if r.room() < 5*blockSize {
				r.checkpoint(2)
			}
			r.flush()
			if at := r.log.Flushed(); at.AlignDown(blockSize) != at {
				t.Fatalf("%v: flushed up to %v, in the middle of a block", m, at)
			}
		}
		r.close()
		r.sameAs(readLog(t, r.mem))
	}
}

// A log that grew by buffered writes can be opened with a direct method.
func TestOpenWithOtherMethod(t *testing.T) {
	for _, g := range vfs.Growths.All() {
		r := newRig(t, setup{growth: g})
		for i, m := range vfs.Methods.All() {
			r.append(100 + i)
			r.flush()
			r.close()
			r.opts.Method = m
			r.open()
		}
		r.append(1)
		r.flush()
		r.close()
		r.sameAs(readLog(t, r.mem))
	}
}

// Limits of the log say what is legal.
func TestGeometryLimits(t *testing.T) {
	for _, c := range []struct {
		capacity int64
		files    int
		want     string
	}{
		{MinCapacity - 1, 1, "log capacity of 262143 bytes: must be 262144 to"},
		{MaxCapacity + 1, 1, "must be 262144 to"},
		{MinCapacity, 0, "0 log files: must be 1 to 128"},
		{MinCapacity, MaxFiles + 1, "129 log files: must be 1 to 128"},
		{MinCapacity, 16, "each file must have at least"},
	} {
		_, err := newGeometry(c.capacity, c.files)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("newGeometry(%d, %d) = %v; want an error with %q", c.capacity, c.files, err, c.want)
		}
	}
	for _, size := range []int{0, 1, MinBuffer - 1, MinBuffer + 1, 3 * MinBuffer, 2 * MaxBuffer} {
		if _, err := NewBuffer(LockFree, size, 0, 1, 1, nil); err == nil || !strings.Contains(err.Error(), "must be a power of two from") {
			t.Errorf("NewBuffer of %d bytes = %v; want an error that names the limits", size, err)
		}
	}
}

// Every byte of the circle has one place, and the places follow each other.
func TestPlace(t *testing.T) {
	for _, files := range []int{1, 2, 4, 5} {
		g, err := newGeometry(MinCapacity, files)
		if err != nil {
			t.Fatal(err)
		}
		if total := g.fileSize * int64(files); total > MinCapacity {
			t.Errorf("%d files take %d bytes of %d", files, total, MinCapacity)
		}
		seen := map[string]bool{}
		for p := FirstLSN; p < FirstLSN+lsn.LSN(g.circle); p += 512 {
			file, off, room := g.place(p)
			at := fmt.Sprintf("%d:%d", file, off)
			if seen[at] || file >= files || off < headSize || off >= g.fileSize || room != uint64(g.fileSize-off) {
				t.Fatalf("%d files: place(%v) = %d, %d, %d", files, p, file, off, room)
			}
			seen[at] = true
			if again, off2, _ := g.place(p + lsn.LSN(g.circle)); again != file || off2 != off {
				t.Fatalf("%d files: place(%v) is not where place(%v) is", files, p+lsn.LSN(g.circle), p)
			}
		}
	}
}
