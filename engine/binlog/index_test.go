package binlog

import (
	"bytes"
	"runtime"
	"testing"
)

// Reading the index takes memory in proportion to it: a log that was rotated often is
// read at every start, and by every look of a Tail.
func TestReadIndexOnce(t *testing.T) {
	const files = 4096
	var text bytes.Buffer
	for n := range files {
		text.WriteString("./" + FileName(n+1) + "\n")
	}
	disk := diskWith(t, map[string][]byte{IndexName: text.Bytes()})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	numbers, err := readIndex(disk, dir)
	runtime.ReadMemStats(&after)
	if err != nil || len(numbers) != files || numbers[0] != 1 || numbers[files-1] != files {
		t.Fatalf("readIndex = %d files, %v; want 1 to %d", len(numbers), err, files)
	}
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(20*text.Len()); got > most {
		t.Errorf("an index of %d bytes took %d bytes of memory; want at most %d", text.Len(), got, most)
	}
}
