package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"flushbench/engine/redo"
	"flushbench/engine/vfs"
)

// slotBlock is the size of a checkpoint slot and of what stands before the
// first one in the log's first file.
const slotBlock = 4096

// The states of a checkpoint slot.
const (
	slotCurrent  = "current"  // recovery starts here
	slotPrevious = "previous" // recovery would, were the other one damaged
	slotEmpty    = "empty"    // never written
	slotDamaged  = "damaged"
)

// slot is one of the two checkpoint slots of a log.
type slot struct {
	state  string
	reason string // slotDamaged: what is wrong
	redo.Checkpoint
}

// readSlots returns both checkpoint slots of the log in dir. Damaged ones are
// no error here.
func readSlots(files vfs.FS, dir string) (slots [2]slot, err error) {
	for i := range slots {
		if slots[i], err = readSlot(files, dir, i); err != nil {
			return slots, err
		}
	}
	a, z := &slots[0], &slots[1]
	switch {
	case a.state != slotCurrent || z.state != slotCurrent:
	case z.Number > a.Number:
		a.state = slotPrevious
	default:
		z.state = slotPrevious
	}
	return slots, nil
}

// readSlot has the log's own reader look at one slot while it does not see the
// other.
func readSlot(files vfs.FS, dir string, i int) (slot, error) {
	one := oneSlot{FS: files, path: filepath.Join(dir, redo.FileName(0)), shown: i}
	r, err := redo.OpenReader(one, dir)
	var damage *redo.CorruptionError
	switch {
	case err == nil:
		return slot{state: slotCurrent, Checkpoint: r.Checkpoint()}, r.Close()
	case !errors.As(err, &damage):
		return slot{}, err
	}
	if empty, err := one.empty(); err != nil || empty {
		return slot{state: slotEmpty}, err
	}
	reason := damage.Reason
	if _, after, ok := strings.Cut(reason, fmt.Sprintf("slot %d: ", i)); ok {
		reason, _, _ = strings.Cut(after, "; slot ")
	}
	return slot{state: slotDamaged, reason: reason}, nil
}

// oneSlot is a file system on which the log has one checkpoint slot: the other
// reads as zeros.
type oneSlot struct {
	vfs.FS
	path  string // of the file with the slots
	shown int
}

// OpenRead implements vfs.FS.
func (s oneSlot) OpenRead(path string) (vfs.File, error) {
	f, err := s.FS.OpenRead(path)
	if err != nil || path != s.path {
		return f, err
	}
	return slotFile{f, slotBlock * int64(2-s.shown)}, nil
}

// empty reports whether the slot that is shown has never been written.
func (s oneSlot) empty() (bool, error) {
	f, err := s.FS.OpenRead(s.path)
	if err != nil {
		return false, err
	}
	b := make([]byte, slotBlock)
	_, err = f.ReadAt(b, slotBlock*int64(1+s.shown))
	return bytes.Equal(b, make([]byte, slotBlock)), errors.Join(err, f.Close())
}

// slotFile hides the slot at an offset.
type slotFile struct {
	vfs.File
	hidden int64
}

// ReadAt implements vfs.File.
func (f slotFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	from, to := max(f.hidden-off, 0), min(f.hidden+slotBlock-off, int64(n))
	if from < to {
		clear(p[from:to])
	}
	return n, err
}
