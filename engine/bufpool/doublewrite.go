package bufpool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
)

// The doublewrite file holds the newest batch of pages, so that each exists
// whole in one of two places at every moment:
//
//  1. header and copies are written here and flushed;
//  2. the pages are written in place and the data files are flushed;
//  3. only then may the next batch overwrite this one.
//
// A crash in 1 leaves the data files alone: what is torn is this file, and its
// checksums say so. A crash in 2 leaves whole copies here.
//
// The header also holds how far the data files have grown: what lies behind
// was being filled with zeros, and is whatever a crash left of that. Growth is
// flushed, then noted in a header without copies, and only then used. The
// header page, little-endian:
//
//	 0  u64  magic
//	 8  u32  CRC-32C of bytes 12 to dwHeaderSize
//	12  u32  number of copies
//	16  u64  batch number
//	32  u64  size in bytes of the table file, then of the undo file
//	64  one entry of 24 bytes for each copy:
//	     0  u32  page number
//	     4  u32  the copy's own CRC
//	     8  u64  the copy's page LSN
//	    16  u8   space, then zero bytes
//
// Copy i stands in page 1+i of the file.
const (
	dwMagic      = 0x31574c4244424c46 // "FLBDBLW1"
	dwHeaderSize = 4096
	dwSizes      = 32
	dwEntries    = 64
	dwEntrySize  = 24
)

// maxBatch is the most pages that are flushed together.
const maxBatch = 64

// dwHeader is the decoded header page.
type dwHeader struct {
	number  uint64
	sizes   [numSpaces]int64
	entries []dwEntry
}

// dwEntry says which page a copy is of.
type dwEntry struct {
	id  PageID
	crc uint32
	lsn lsn.LSN
}

// encodeDoublewrite writes the header of a batch whose sealed copies stand one
// after the other.
func encodeDoublewrite(b []byte, number uint64, sizes [numSpaces]int64, ids []PageID, copies []byte) {
	h := b[:dwHeaderSize]
	clear(h)
	le := binary.LittleEndian
	le.PutUint64(h, dwMagic)
	le.PutUint32(h[12:], uint32(len(ids)))
	le.PutUint64(h[16:], number)
	for i, size := range sizes {
		le.PutUint64(h[dwSizes+8*i:], uint64(size))
	}
	for i, id := range ids {
		e, c := h[dwEntries+i*dwEntrySize:], copies[i*PageSize:]
		le.PutUint32(e, id.No)
		copy(e[4:8], c[:4])
		le.PutUint64(e[8:], uint64(pageLSN(c)))
		e[16] = id.Space
	}
	le.PutUint32(h[8:], crc32.Checksum(h[12:], castagnoli))
}

// decodeDoublewrite decodes a header page; ok is false when it is torn or
// there never was one.
func decodeDoublewrite(b []byte) (h dwHeader, ok bool) {
	le := binary.LittleEndian
	if len(b) < dwHeaderSize || le.Uint64(b) != dwMagic || le.Uint32(b[8:]) != crc32.Checksum(b[12:dwHeaderSize], castagnoli) {
		return dwHeader{}, false
	}
	n := le.Uint32(b[12:])
	if n > maxBatch {
		return dwHeader{}, false
	}
	h.number = le.Uint64(b[16:])
	for i := range h.sizes {
		h.sizes[i] = int64(le.Uint64(b[dwSizes+8*i:]))
	}
	for i := range int(n) {
		e := b[dwEntries+i*dwEntrySize:]
		entry := dwEntry{id: PageID{e[16], le.Uint32(e)}, crc: le.Uint32(e[4:]), lsn: lsn.LSN(le.Uint64(e[8:]))}
		if !entry.id.legal() {
			return dwHeader{}, false
		}
		h.entries = append(h.entries, entry)
	}
	return h, true
}

// doublewrite is the open doublewrite file. Its user serializes all calls.
type doublewrite struct {
	file   vfs.File
	number uint64
	head   []byte // one page
}

// createDoublewrite makes the file, whole and zero-filled, so that a batch
// changes no metadata.
func createDoublewrite(fs vfs.FS, path string, m vfs.Method) error {
	f, err := fs.Create(path, m)
	if err != nil {
		return fmt.Errorf("bufpool: create %s: %w", path, err)
	}
	if err := vfs.Grow(f, vfs.GrowZero, (1+maxBatch)*PageSize); err != nil {
		return errors.Join(fmt.Errorf("bufpool: create %s: %w", path, err), f.Close())
	}
	return f.Close()
}

// open opens the file and returns its header, if there is a whole one.
func (d *doublewrite) open(fs vfs.FS, path string, m vfs.Method) (h dwHeader, ok bool, err error) {
	f, err := fs.Open(path, m)
	if err != nil {
		return dwHeader{}, false, fmt.Errorf("bufpool: open %s: %w", path, err)
	}
	d.file, d.head = f, vfs.AlignedBuffer(PageSize, max(frameAlign, f.Align()))
	if err := readFull(f, d.head, 0); err != nil {
		return dwHeader{}, false, err
	}
	h, ok = decodeDoublewrite(d.head)
	d.number = h.number
	return h, ok, nil
}

// note writes a header without copies, durably: the old batch is done with,
// and the data files are so large.
func (d *doublewrite) note(sizes [numSpaces]int64) error {
	d.number++
	encodeDoublewrite(d.head, d.number, sizes, nil, nil)
	return d.write(d.head)
}

// put writes a batch, header and copies in one piece, durably. buf has a page
// for the header before the sealed copies.
func (d *doublewrite) put(sizes [numSpaces]int64, ids []PageID, buf []byte) error {
	d.number++
	buf = buf[:(1+len(ids))*PageSize]
	encodeDoublewrite(buf, d.number, sizes, ids, buf[PageSize:])
	return d.write(buf)
}

func (d *doublewrite) write(b []byte) error {
	if _, err := d.file.WriteAt(b, 0); err != nil {
		return fmt.Errorf("bufpool: write batch %d of %d pages to %s: %w", d.number, len(b)/PageSize-1, d.file.Name(), err)
	}
	if err := d.file.Flush(); err != nil {
		return fmt.Errorf("bufpool: flush batch %d of %d pages in %s: %w", d.number, len(b)/PageSize-1, d.file.Name(), err)
	}
	return nil
}
