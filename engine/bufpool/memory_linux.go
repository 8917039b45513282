//go:build !race

package bufpool

import (
	"fmt"
	"syscall"
)

// allocFrames maps anonymous memory: page aligned as O_DIRECT wants it, and
// outside the heap, whose collector would otherwise let garbage grow with it.
func allocFrames(size int) ([]byte, func() error, error) {
	mem, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("bufpool: map %d bytes of frames: %w", size, err)
	}
	return mem, func() error { return syscall.Munmap(mem) }, nil
}
