package redo

import (
	"bytes"
	"errors"
	"fmt"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
	"flushbench/engine/yield"
)

// SetCheckpoint makes c the checkpoint: its slot (the one that the last
// checkpoint did not use) is written and flushed, and only then may the space
// below c.LSN be written over. Number, Incarnation, IncStart are filled in;
// Flushed too unless it is set. Calls must be serialized by the caller.
//
// REQUIRES: c.Flushed (or flushed, when it is not set) is a record boundary: a
// log that ends below it counts as damaged. c.LSN <= flushed, not below the
// last checkpoint, and everything that recovery from c.LSN needs elsewhere is
// durable.
func (l *Log) SetCheckpoint(c Checkpoint) error {
	if c.Flushed == 0 {
		c.Flushed = l.Flushed()
	}
	c.Number, c.Incarnation, c.IncStart = l.ckpt.Number+1, l.inc, l.incStart
	if c.LSN < l.ckpt.LSN || c.LSN > c.Flushed || c.Flushed > l.Flushed() {
		panic(fmt.Sprintf("redo: checkpoint at %v, flushed %v: must be from %v to %v", c.LSN, c.Flushed, l.ckpt.LSN, l.Flushed()))
	}
	c.encode(l.slot)
	if err := l.writeSlot(c.Number); err != nil {
		return err
	}
	yield.Point(yield.SlotPublish)
	l.checkpoint.Store(uint64(l.ckpt.LSN))
	l.ckpt = c
	return nil
}

// writeSlot writes and flushes a checkpoint's slot.
func (l *Log) writeSlot(number uint64) error {
	l.slotFlush.Lock()
	defer l.slotFlush.Unlock()
	f := l.c.open[0]
	if _, err := f.WriteAt(l.slot, int64(blockSize*(1+number%2))); err != nil {
		l.slotFlush.err = fmt.Errorf("redo: write checkpoint %d: %w", number, err)
	} else if err := f.Flush(); err != nil {
		l.slotFlush.err = fmt.Errorf("redo: flush checkpoint %d: %w", number, err)
	}
	return l.slotFlush.err
}

// slotError waits for a slot flush that is in flight and returns the error of
// one that has failed: it may have been told what concerned the log's bytes.
func (l *Log) slotError(to lsn.LSN) error {
	l.slotFlush.Lock()
	defer l.slotFlush.Unlock()
	if err := l.slotFlush.err; err != nil {
		return fmt.Errorf("redo: flush up to LSN %v: in the same file: %w", to, err)
	}
	return nil
}

// Slot is one of the two checkpoint slots as it stands on disk.
type Slot struct {
	Checkpoint       // if there is no Damage
	Damage     error // why it is no checkpoint; nil: it is one
	Empty      bool  // it was never written; Damage says so in its way
}

// SlotAt returns the checkpoint that a write of b at an offset of the first file of a
// log puts into a slot; false: it is no slot, or no checkpoint. For those who watch
// a log's writes.
func SlotAt(b []byte, off int64) (Checkpoint, bool) {
	if off != blockSize && off != 2*blockSize || len(b) < blockSize {
		return Checkpoint{}, false
	}
	c, err := decodeCheckpoint(b[:blockSize])
	return c, err == nil
}

// ReadSlots returns both checkpoint slots of the log in dir. What is wrong with
// one of them is no error here.
func ReadSlots(fs vfs.FS, dir string) ([2]Slot, error) {
	c, err := openCircle(fs, dir, fs.OpenRead)
	if err != nil {
		return [2]Slot{}, err
	}
	slots, err := c.readSlots()
	return slots, errors.Join(err, c.close())
}

// Newest returns which of the slots recovery starts from, -1 if both are damaged.
func Newest(slots [2]Slot) int {
	a, z := &slots[0], &slots[1]
	switch {
	case a.Damage != nil && z.Damage != nil:
		return -1
	case a.Damage != nil, z.Damage == nil && z.Number > a.Number:
		return 1
	}
	return 0
}

func (c *circle) readSlots() (slots [2]Slot, err error) {
	f := c.open[0]
	b := vfs.AlignedBuffer(len(slots)*blockSize, f.Align())
	if _, err := f.ReadAt(b, blockSize); err != nil {
		return slots, fmt.Errorf("redo: read checkpoints of %s: %w", f.Name(), err)
	}
	for i := range slots {
		block := b[i*blockSize : (i+1)*blockSize]
		slots[i].Checkpoint, slots[i].Damage = decodeCheckpoint(block)
		slots[i].Empty = bytes.Equal(block, make([]byte, blockSize))
	}
	return slots, nil
}
