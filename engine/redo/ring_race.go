//go:build race

package redo

import "unsafe"

// allocRing takes heap memory under the race detector, which sees no accesses
// to memory that it did not hand out.
func allocRing(size int) ([]byte, func() error, error) {
	const align = 4096
	raw := make([]byte, size+align)
	skip := int(-uintptr(unsafe.Pointer(&raw[0])) & (align - 1))
	return raw[skip : skip+size : skip+size], func() error { return nil }, nil
}
