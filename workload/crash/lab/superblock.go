package lab

import (
	"encoding/binary"
	"fmt"
	"io"
)

// superblock is what a file system says of itself.
type superblock struct {
	fsBytes      int64
	blockBytes   int
	sectorBytes  int   // smallest write to its log
	journalBytes int64 // 0: no journal, or one elsewhere
}

// superblockBytes is how much of a disk readSuperblock looks at.
const superblockBytes = 4096

// readSuperblock reads the superblock of an ext4 or XFS file system.
func readSuperblock(fs FSType, r io.ReaderAt) (superblock, error) {
	b := make([]byte, superblockBytes)
	if _, err := r.ReadAt(b, 0); err != nil {
		return superblock{}, fmt.Errorf("lab: read superblock: %w", err)
	}
	if fs == XFS {
		return parseXFS(b)
	}
	return parseExt4(b[ext4At:])
}

// Offsets in the superblock of ext4, which is little-endian
// (Documentation/filesystems/ext4/super.rst).
const (
	ext4At          = 1024 // where it begins
	ext4Blocks      = 4
	ext4LogBlock    = 24 // block size is 1024 << that
	ext4Magic       = 56
	ext4Compat      = 92
	ext4JnlType     = 253 // 1: the next two are there
	ext4JnlSizeHigh = 268 + 15*4
	ext4JnlSizeLow  = 268 + 16*4
	ext4BlocksHigh  = 336

	ext4MagicNumber = 0xEF53
	ext4HasJournal  = 4
)

func parseExt4(b []byte) (superblock, error) {
	le := binary.LittleEndian
	if le.Uint16(b[ext4Magic:]) != ext4MagicNumber {
		return superblock{}, fmt.Errorf("lab: superblock: not ext4")
	}
	shift := le.Uint32(b[ext4LogBlock:])
	if shift > 6 {
		return superblock{}, fmt.Errorf("lab: ext4 superblock: block size 1024 << %d: must be 64 KiB at most", shift)
	}
	s := superblock{blockBytes: 1024 << shift, sectorBytes: 1024 << shift} // jbd2 writes whole blocks
	blocks := int64(le.Uint32(b[ext4BlocksHigh:])&0xffff)<<32 | int64(le.Uint32(b[ext4Blocks:]))
	s.fsBytes = blocks * int64(s.blockBytes)
	if le.Uint32(b[ext4Compat:])&ext4HasJournal != 0 && b[ext4JnlType] == 1 {
		s.journalBytes = int64(le.Uint32(b[ext4JnlSizeHigh:])&0xffff)<<32 | int64(le.Uint32(b[ext4JnlSizeLow:]))
	}
	return s, nil
}

// Offsets in the superblock of XFS, which is big-endian and begins at 0
// (XFS Algorithms & Data Structures, "Superblocks").
const (
	xfsBlockSize     = 4
	xfsDataBlocks    = 8
	xfsLogBlocks     = 96
	xfsSectorSize    = 102
	xfsLogSectorSize = 194

	xfsMagic = "XFSB"
)

func parseXFS(b []byte) (superblock, error) {
	be := binary.BigEndian
	if string(b[:len(xfsMagic)]) != xfsMagic {
		return superblock{}, fmt.Errorf("lab: superblock: not XFS")
	}
	block := be.Uint32(b[xfsBlockSize:])
	blocks := be.Uint64(b[xfsDataBlocks:])
	if block < 512 || block > 64<<10 || block&(block-1) != 0 || blocks > 1<<47/uint64(block) {
		return superblock{}, fmt.Errorf("lab: XFS superblock: %d blocks of %d bytes: must be a power of two from 512 to 65536, and 128 TiB at most", blocks, block)
	}
	sector := be.Uint16(b[xfsLogSectorSize:])
	if sector == 0 { // the log has the data's sectors
		sector = be.Uint16(b[xfsSectorSize:])
	}
	return superblock{
		fsBytes:      int64(blocks) * int64(block),
		blockBytes:   int(block),
		sectorBytes:  int(sector),
		journalBytes: int64(be.Uint32(b[xfsLogBlocks:])) * int64(block),
	}, nil
}
