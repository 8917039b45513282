package writeback

import "errors"

// ErrUnsupported is wrapped by OpenCache where the page cache cannot be asked: off
// Linux, before Linux 6.5, and on file systems that do not tell or are memory.
var ErrUnsupported = errors.New("the page cache cannot be asked here (cachestat, Linux 6.5)")

// Cache tells what of one file the page cache has not written back yet. It is used by
// one goroutine at a time.
type Cache interface {
	// Unclean returns how many pages of [off, off+n) are dirty or being written back.
	// A page that lies only partly in the range counts.
	Unclean(off, n int64) (pages int64, err error)
	// PageBytes is the size of a page.
	PageBytes() int64
	Close() error
}
