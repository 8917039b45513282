package main

import (
	"errors"

	"flushbench/engine/redo"
	"flushbench/engine/vfs"
)

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

// readSlots returns both checkpoint slots of the log in dir. Damage is no error
// here; that of the file that they stand in is theirs too.
func readSlots(files vfs.FS, dir string) (slots [2]slot, err error) {
	found, err := redo.ReadSlots(files, dir)
	var damage *redo.CorruptionError
	if errors.As(err, &damage) {
		for i := range slots {
			slots[i] = slot{state: slotDamaged, reason: damage.Reason}
		}
		return slots, nil
	}
	if err != nil {
		return slots, err
	}
	newest := redo.Newest(found)
	for i, s := range found {
		switch {
		case i == newest:
			slots[i] = slot{state: slotCurrent, Checkpoint: s.Checkpoint}
		case s.Damage == nil:
			slots[i] = slot{state: slotPrevious, Checkpoint: s.Checkpoint}
		case s.Empty:
			slots[i] = slot{state: slotEmpty}
		default:
			slots[i] = slot{state: slotDamaged, reason: s.Damage.Error()}
		}
	}
	return slots, nil
}
