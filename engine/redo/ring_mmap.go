//go:build !race

package redo

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// allocRing maps anonymous memory: page aligned as O_DIRECT wants it, and
// outside the heap, so the garbage collector never looks at it.
func allocRing(size int) ([]byte, func() error, error) {
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("redo: map a log buffer of %d bytes: %w", size, err)
	}
	// Large pages spare producers, writer and kernel a page walk for every few
	// records; a kernel that has none to give, or knows none, is no error: the memory
	// is the same, at some percent of an append, and a flush takes a thousand times that.
	_ = adviseHuge(mem)
	for i := 0; i < size; i += 4096 {
		mem[i] = 0 // first touch here, not in a measured commit
	}
	return mem, func() error { return unix.Munmap(mem) }, nil
}
