//go:build !linux

package writeback

import "fmt"

// OpenCache fails: only Linux tells.
func OpenCache(path string) (Cache, error) {
	return nil, fmt.Errorf("writeback: %s: %w", path, ErrUnsupported)
}

// forget does nothing.
func forget(string) error { return nil }

// Settle fails: only Linux needs it.
func Settle(dir string) error {
	return fmt.Errorf("writeback: settle %s: %w", dir, ErrUnsupported)
}
