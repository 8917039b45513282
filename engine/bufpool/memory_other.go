//go:build race || !linux

package bufpool

import "flushbench/engine/vfs"

// allocFrames takes heap memory under the race detector, which sees no accesses
// to memory that it did not hand out, and where there is no mmap.
func allocFrames(size, align int) ([]byte, func() error, error) {
	return vfs.AlignedBuffer(size, align), func() error { return nil }, nil
}
