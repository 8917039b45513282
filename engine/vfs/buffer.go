package vfs

import (
	"fmt"
	"syscall"
	"unsafe"
)

// minDirectAlign is the least alignment that a direct file asks for: the page
// and the physical block of nearly every device.
const minDirectAlign = 4096

// AlignedBuffer returns size zero bytes of heap memory whose address is a
// multiple of align (a power of two; 1 or less asks for nothing), so that a
// direct file accepts them. Its capacity is size.
func AlignedBuffer(size, align int) []byte {
	if align <= 1 {
		return make([]byte, size)
	}
	if align&(align-1) != 0 {
		panic(fmt.Sprintf("vfs: alignment %d is no power of two", align))
	}
	b := make([]byte, size+align-1)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & uintptr(align-1))
	return b[skip : skip+size : skip+size]
}

// checkAligned returns an error that wraps EINVAL when a direct file cannot
// take p at off: memory, length and offset must be multiples of align.
func checkAligned(op, name string, p []byte, off int64, align int) error {
	addr := uintptr(unsafe.Pointer(unsafe.SliceData(p)))
	mask := uintptr(align - 1)
	if (addr|uintptr(len(p))|uintptr(off))&mask == 0 {
		return nil
	}
	return fmt.Errorf("vfs: %s %s at %d (%d bytes at memory address mod %d = %d): a direct file needs multiples of %d: %w",
		op, name, off, len(p), align, addr&mask, align, syscall.EINVAL)
}
