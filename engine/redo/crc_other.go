//go:build !amd64

package redo

import "hash/crc32"

// crcUpdate is crc32.Update with the table of Castagnoli. Safe for concurrent use.
func crcUpdate(crc uint32, p []byte) uint32 { return crc32.Update(crc, castagnoli, p) }
