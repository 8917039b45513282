//go:build !race

package bufpool

import (
	"fmt"
	"syscall"
	"unsafe"
)

// allocFrames maps anonymous memory for frames and batches: aligned as O_DIRECT wants
// it, taken from the system page by page as it is used, and outside the heap, whose
// collector would otherwise let garbage grow with it.
func allocFrames(size, align int) ([]byte, func() error, error) {
	spare := 0 // what the system gives is aligned to its pages
	if align > syscall.Getpagesize() {
		spare = align
	}
	all, err := syscall.Mmap(-1, 0, size+spare, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("bufpool: map %d bytes of frames: %w", size, err)
	}
	mem := all
	if spare > 0 {
		skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(all))) & uintptr(align-1))
		mem = all[skip:]
	}
	return mem[:size:size], func() error { return syscall.Munmap(all) }, nil
}
