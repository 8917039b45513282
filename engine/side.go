package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"

	"flushbench/engine/redo"
	"flushbench/engine/vfs"
)

// sideName is the file with the checkpoints' client sequences.
const sideName = "checkpoint.seq"

const (
	sideBlock = 4096
	// areaHead precedes the sequences: the checkpoint's number and a count.
	areaHead = 16
)

// sideFile holds two areas that take turns: checkpoint N writes area N mod 2
// while the slot on disk still names the other. Area 0 fills even and area 1
// odd 4 KiB blocks, so that both can grow with the number of clients.
type sideFile struct {
	f   vfs.File
	buf []byte
}

var sideTable = crc32.MakeTable(crc32.Castagnoli)

// SideFile returns the base name of the file beside the log that Create makes.
func SideFile() string { return sideName }

func createSide(fs vfs.FS, dir string, m vfs.Method) error {
	path := filepath.Join(dir, sideName)
	f, err := fs.Create(path, m)
	if err != nil {
		return fmt.Errorf("engine: create %s: %w", path, err)
	}
	err = errors.Join(f.Sync(), f.Close())
	if err == nil {
		err = fs.SyncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("engine: create %s: %w", path, err)
	}
	return nil
}

func openSide(fs vfs.FS, dir string, m vfs.Method) (*sideFile, error) {
	path := filepath.Join(dir, sideName)
	f, err := fs.Open(path, m)
	if err != nil {
		return nil, fmt.Errorf("engine: open %s: %w", path, err)
	}
	return &sideFile{f: f}, nil
}

// write saves the sequences for checkpoint number and flushes them. It
// returns what the slot must say about the area.
func (s *sideFile) write(number uint64, seqs []uint64) (area, n, crc uint32, err error) {
	area = uint32(number % 2)
	size := areaHead + 8*len(seqs)
	s.buf = s.buf[:0]
	s.buf = binary.LittleEndian.AppendUint64(s.buf, number)
	s.buf = binary.LittleEndian.AppendUint64(s.buf, uint64(len(seqs)))
	for _, v := range seqs {
		s.buf = binary.LittleEndian.AppendUint64(s.buf, v)
	}
	for off := 0; off < size; off += sideBlock {
		b := s.buf[off:min(size, off+sideBlock)]
		if _, err := s.f.WriteAt(b, areaOffset(area, off)); err != nil {
			return 0, 0, 0, fmt.Errorf("engine: checkpoint %d: %w", number, err)
		}
	}
	if err := s.f.Flush(); err != nil {
		return 0, 0, 0, fmt.Errorf("engine: checkpoint %d: %w", number, err)
	}
	return area, uint32(size), crc32.Checksum(s.buf, sideTable), nil
}

// areaOffset is where byte off of an area stands in the file.
func areaOffset(area uint32, off int) int64 {
	return int64(off/sideBlock*2+int(area))*sideBlock + int64(off%sideBlock)
}

// readSide reads the sequences that belong to a checkpoint. A checkpoint of
// an empty log has none.
func readSide(fs vfs.FS, dir string, c redo.Checkpoint) ([]uint64, error) {
	if c.AreaLen == 0 {
		return nil, nil
	}
	path := filepath.Join(dir, sideName)
	damaged := func(reason string) error {
		return fmt.Errorf("engine: %s: area %d of checkpoint %d is damaged: %s", path, c.Area, c.Number, reason)
	}
	if c.Area > 1 || c.AreaLen < areaHead || (c.AreaLen-areaHead)%8 != 0 || c.AreaLen > areaHead+8*MaxClients {
		return nil, damaged(fmt.Sprintf("impossible length %d", c.AreaLen))
	}
	f, err := fs.OpenRead(path)
	if err != nil {
		return nil, fmt.Errorf("engine: open %s: %w", path, err)
	}
	buf := make([]byte, c.AreaLen)
	for off := 0; off < len(buf) && err == nil; off += sideBlock {
		_, err = f.ReadAt(buf[off:min(len(buf), off+sideBlock)], areaOffset(c.Area, off))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, damaged(err.Error())
	}
	if crc := crc32.Checksum(buf, sideTable); crc != c.AreaCRC {
		return nil, damaged(fmt.Sprintf("checksum %08x, the checkpoint says %08x", crc, c.AreaCRC))
	}
	seqs := make([]uint64, (c.AreaLen-areaHead)/8)
	for i := range seqs {
		seqs[i] = binary.LittleEndian.Uint64(buf[areaHead+8*i:])
	}
	return seqs, nil
}

func (s *sideFile) close() error { return s.f.Close() }
