package bufpool

import (
	"errors"
	"path/filepath"
	"testing"

	"flushbench/engine/vfs"
)

// Damaged names exactly the pages whose images were torn, in every file and in the
// order of the files, and takes pages that were never written for sound.
func TestDamaged(t *testing.T) {
	mem := vfs.NewMem()
	const dir = "/data"
	if err := errors.Join(mem.Mkdir(dir), mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	torn := []PageID{{SpaceTable, 1}, {SpaceTable, 4}, {SpaceUndo, 0}, {SpaceUndo, 3}}
	for space := range uint8(numSpaces) {
		f, err := mem.Create(filepath.Join(dir, FileName(space)), vfs.Fdatasync)
		if err != nil {
			t.Fatal(err)
		}
		for no := range uint32(5) {
			b := make([]byte, PageSize)
			if no != 2 { // that one was never written
				stamp(b, PageID{space, no}, 7)
				b[PageSize/2] = byte(no)
				seal(b)
			}
			for _, id := range torn {
				if id == (PageID{space, no}) {
					b[PageSize-1] ^= 1
				}
			}
			if _, err := f.WriteAt(b, int64(no)*PageSize); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	bad, err := Damaged(mem, dir)
	if err != nil || len(bad) != len(torn) {
		t.Fatalf("Damaged = %v, %v; want pages %v", bad, err, torn)
	}
	for i, d := range bad {
		if d.ID != torn[i] || d.Offset != torn[i].offset() || d.File != filepath.Join(dir, FileName(torn[i].Space)) || d.Reason == "" {
			t.Errorf("Damaged[%d] = %+v; want page %v", i, d, torn[i])
		}
	}
	if err := mem.Remove(filepath.Join(dir, FileName(SpaceUndo))); err != nil {
		t.Fatal(err)
	}
	if _, err := Damaged(mem, dir); !errors.Is(err, vfs.ErrNotExist) {
		t.Errorf("without the undo file: %v; want %v", err, vfs.ErrNotExist)
	}
}
