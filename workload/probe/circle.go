package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"flushbench/engine/vfs"
)

// page is the alignment of every write buffer, so that buffered and direct
// loops copy from the same kind of memory.
const page = 4096

// circle writes records one after the other into a range of each file, file
// after file, and starts again after the last one. One goroutine at a time.
type circle struct {
	files  []vfs.File
	from   int64    // first byte of the range in each file
	room   int64    // bytes of the range
	record int64    // bytes of one record
	align  int64    // of the files: 1, or a block for direct ones
	same   bool     // write always at the first place
	places []uint32 // the order of the records' places in the range; nil: one after the other

	file  int
	pos   int64 // in the range, of the next record
	stamp uint64
	buf   []byte // page-aligned; holds a record, or the blocks that it touches
	bytes int64  // written so far
	place int    // index into places, of the next record
}

// newCircle checks the ranges. to = 0 means the size of the smallest file.
func newCircle(files []vfs.File, from, to, record int64, same bool) (*circle, error) {
	if len(files) == 0 {
		return nil, errors.New("probe: no file to write to")
	}
	if record < 1 || record > MaxRecord {
		return nil, fmt.Errorf("probe: record of %d bytes: must be 1 to %d", record, int64(MaxRecord))
	}
	c := &circle{files: files, from: from, record: record, align: 1, same: same}
	for _, f := range files {
		size, err := f.Size()
		if err != nil {
			return nil, fmt.Errorf("probe: %w", err)
		}
		if to == 0 || to > size {
			to = size
		}
		c.align = max(c.align, int64(f.Align()))
	}
	c.from = (from + c.align - 1) &^ (c.align - 1)
	c.room = to&^(c.align-1) - c.from
	if from < 0 || c.room < c.blocks(record) {
		return nil, fmt.Errorf("probe: range %d to %d of %s: must hold a record of %d bytes in whole blocks of %d", from, to, files[0].Name(), record, c.align)
	}
	c.buf = pattern(int(max(c.blocks(record)+c.align, page)))
	return c, nil
}

// blocks is the least number of bytes in whole blocks that holds n bytes.
func (c *circle) blocks(n int64) int64 { return (n + c.align - 1) &^ (c.align - 1) }

// pattern returns a page-aligned buffer of n bytes that no layer can shrink:
// the output of a small generator (xorshift64).
func pattern(n int) []byte {
	buf := vfs.AlignedBuffer(n, page)
	x := uint64(0x9e3779b97f4a7c15)
	for i := range buf {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		buf[i] = byte(x >> 32)
	}
	return buf
}

// next moves to the next place and returns the file, the bytes to write and
// where. A direct file gets the whole blocks that the record touches.
func (c *circle) next() (f vfs.File, p []byte, off int64) {
	if c.places != nil {
		c.pos = int64(c.places[c.place]) * c.record
		if c.place++; c.place == len(c.places) {
			c.place = 0
		}
	}
	if c.pos+c.record > c.room {
		c.pos, c.file = 0, c.file+1
		if c.file == len(c.files) {
			c.file = 0
		}
	}
	start := c.pos &^ (c.align - 1)
	end := c.blocks(c.pos + c.record)
	if !c.same {
		c.pos += c.record
	}
	// No two writes are equal, or a layer below could drop one.
	c.stamp++
	if c.record >= 8 {
		binary.LittleEndian.PutUint64(c.buf, c.stamp)
	}
	c.bytes += end - start
	return c.files[c.file], c.buf[:end-start], c.from + start
}

// write writes the next record, not flushed unless the method writes through.
func (c *circle) write() (vfs.File, error) {
	f, p, off := c.next()
	_, err := f.WriteAt(p, off)
	return f, err
}

// writeDurable writes and flushes the next record by the method's one call.
func (c *circle) writeDurable() error {
	f, p, off := c.next()
	_, err := f.WriteDurableAt(p, off)
	return err
}

// scatter makes a circle of one file go through the places of its range in a
// random order, the same in every lap: each place comes once a lap, so no two
// writes between two flushes hit the same one.
func (c *circle) scatter(seed uint64) {
	c.places = make([]uint32, min(c.room/c.record, maxPlaces))
	random := rand.New(rand.NewPCG(seed, 0x7061676573))
	for i := range c.places {
		j := random.IntN(i + 1)
		c.places[i], c.places[j] = c.places[j], uint32(i)
	}
}

// appendCircle is a circle that never closes: it writes at the end of f from
// the start on. rewind begins anew after the file was cut off.
func appendCircle(f vfs.File, record int64) (*circle, error) {
	align := int64(f.Align())
	if record%align != 0 {
		return nil, fmt.Errorf("probe: append %d bytes to %s: must be whole blocks of %d", record, f.Name(), align)
	}
	return &circle{
		files: []vfs.File{f}, room: math.MaxInt64 - record, record: record, align: align, buf: pattern(int(max(record, page))),
	}, nil
}

// rewind goes back to the first place.
func (c *circle) rewind() { c.file, c.pos = 0, 0 }
