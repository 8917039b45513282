package bufpool

import (
	"testing"
	"unsafe"

	"flushbench/engine/vfs"
)

// Frames and batches share one piece of memory, and no byte of it twice. All of it is
// aligned as the files want it, be that more than a page of the system.
func TestMemoryOfPages(t *testing.T) {
	log := newFakeLog(1 << 30)
	p := open(t, smallest(created(t, vfs.DirectFdatasync), log, 4))
	owner := map[uintptr]string{}
	pages := func(who string, b []byte, n int) {
		t.Helper()
		if len(b) != n*PageSize || cap(b) != len(b) {
			t.Errorf("%s: %d bytes, room for %d; want %d pages", who, len(b), cap(b), n)
		}
		for i := range n {
			at := uintptr(unsafe.Pointer(&b[i*PageSize]))
			if at%frameAlign != 0 {
				t.Errorf("%s: page %d stands at %#x; want a multiple of %d", who, i, at, frameAlign)
			}
			if old := owner[at]; old != "" {
				t.Errorf("%s: page %d is memory of %s, too", who, i, old)
			}
			owner[at] = who
		}
	}
	for i := range p.frames {
		pages("a frame", p.frames[i].buf, 1)
	}
	for who, b := range map[string]*batch{"those who need a frame": p.evict, "the cleaner": p.cleaner.batch, "the forcer": p.force.batch} {
		pages(who, b.buf, 1+b.limit())
	}
	if got := p.Stats().MemoryBytes; got != int64(len(owner))*PageSize {
		t.Errorf("MemoryBytes = %d; want that of %d pages", got, len(owner))
	}
	for _, align := range []int{frameAlign, 1 << 14, 1 << 20} {
		for range 2 { // one after the other, they cannot both be aligned by luck
			mem, release, err := allocFrames(3*PageSize, align)
			if err != nil {
				t.Fatal(err)
			}
			if at := uintptr(unsafe.Pointer(&mem[0])); at%uintptr(align) != 0 || len(mem) != 3*PageSize {
				t.Errorf("allocFrames(%d, %d) = %d bytes at %#x", 3*PageSize, align, len(mem), at)
			}
			clear(mem) // all of it can be written
			defer func() {
				if err := release(); err != nil {
					t.Errorf("release of memory aligned to %d: %v", align, err)
				}
			}()
		}
	}
}
