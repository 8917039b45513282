//go:build race || !linux

package bufpool

import "flushbench/engine/vfs"

// allocFrames takes heap memory under the race detector, which sees no accesses
// to memory that it did not hand out, and where there is no mmap.
func allocFrames(size int) ([]byte, func() error, error) {
	return vfs.AlignedBuffer(size, frameAlign), func() error { return nil }, nil
}
