package bufpool

import (
	"errors"
	"fmt"
	"path/filepath"

	"flushbench/engine/vfs"
)

// Damaged reads every page of the data files in dir, which no pool has open, and
// returns those whose image is damaged: file by file, in the order of the pages. It
// repairs nothing; what the doublewrite file could mend is among them. Errors are
// those of the file system.
func Damaged(fs vfs.FS, dir string) ([]DamageError, error) {
	var all []DamageError
	for space := range uint8(numSpaces) {
		path := filepath.Join(dir, FileName(space))
		bad, err := damagedIn(fs, path, space)
		if err != nil {
			return all, err
		}
		all = append(all, bad...)
	}
	return all, nil
}

func damagedIn(fs vfs.FS, path string, space uint8) (bad []DamageError, err error) {
	size, _, err := fs.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("bufpool: %w", err)
	}
	f, err := fs.OpenRead(path)
	if err != nil {
		return nil, fmt.Errorf("bufpool: open %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := make([]byte, PageSize)
	for off := int64(0); off < size; off += PageSize {
		if err := readFull(f, b, off); err != nil {
			return bad, err
		}
		id := PageID{Space: space, No: uint32(off / PageSize)}
		if wrong := verify(b, id); wrong != "" {
			bad = append(bad, DamageError{File: path, Offset: off, ID: id, Reason: wrong})
		}
	}
	return bad, nil
}
