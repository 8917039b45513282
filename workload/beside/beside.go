// Package beside makes I/O on the measured disk that has nothing to do with the
// commits: a neighbour, a backup, the pages of a server. It asks what flushes take on
// a disk that is not idle.
//
// All of it is direct (O_DIRECT), so that each read and write reaches the device, and
// paced: an operation has a moment of its own, whether or not earlier ones are done.
// What is later than a second is left out and counted. It never flushes.
//
// INVARIANT: only files that New made are touched.
package beside

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"

	"flushbench/engine/vfs"
	"flushbench/workload"
)

// DefaultFileBytes is the size of each of the two files: more than a disk's cache
// holds for long, little enough to be made at each start.
const DefaultFileBytes = 256 << 20

// The files.
const (
	readFile  = "background.read"
	writeFile = "background.write"
)

// Config describes where the I/O goes.
type Config struct {
	FS  vfs.FS // of the disk that is measured
	Dir string // existing folder
	// Loads are all that will be asked for: they say which files are needed.
	Loads []workload.Background
	// FileBytes is the size of each file, a multiple of workload.MaxBlock; 0:
	// DefaultFileBytes.
	FileBytes int64
	// Spend is asked before n bytes are written; its error ends the writing. nil: no
	// limit.
	Spend func(n int64) error
	// Seed chooses the random places.
	Seed uint64
}

// Needs is how many bytes New holds on the disk, and writes, for these loads.
func Needs(loads []workload.Background, fileBytes int64) (n int64) {
	if fileBytes == 0 {
		fileBytes = DefaultFileBytes
	}
	if slices.ContainsFunc(loads, func(b workload.Background) bool { return b.Read > 0 }) {
		n += fileBytes
	}
	if slices.ContainsFunc(loads, func(b workload.Background) bool { return b.Write > 0 }) {
		n += fileBytes
	}
	return n
}

// Disk is the files on a disk beside which something else is measured. One goroutine
// at a time uses it.
type Disk struct {
	cfg         Config
	read, write vfs.File // nil: no load needs it
}

// New makes the files and fills them, so that every block has been written. A file
// system without O_DIRECT refuses them (vfs.ErrMethodRefused): I/O through the page
// cache would not be on the disk at its moment. On error nothing is left.
func New(cfg Config) (*Disk, error) {
	if cfg.FileBytes == 0 {
		cfg.FileBytes = DefaultFileBytes
	}
	if cfg.FileBytes < workload.MaxBlock || cfg.FileBytes%workload.MaxBlock != 0 {
		return nil, fmt.Errorf("beside: files of %d bytes: must be a multiple of %d", cfg.FileBytes, workload.MaxBlock)
	}
	d := &Disk{cfg: cfg}
	for _, l := range cfg.Loads {
		err := l.Validate()
		if err == nil && l.Read > 0 && d.read == nil {
			d.read, err = d.fill(readFile)
		}
		if err == nil && l.Write > 0 && d.write == nil {
			d.write, err = d.fill(writeFile)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("beside: background I/O: %w", err), d.Close())
		}
	}
	return d, nil
}

// fill makes a file of random bytes, which no device shrinks.
func (d *Disk) fill(name string) (vfs.File, error) {
	f, err := d.cfg.FS.Create(path.Join(d.cfg.Dir, name), vfs.DirectNone)
	if err != nil {
		return nil, err
	}
	piece := vfs.AlignedBuffer(workload.SequentialBlock, f.Align())
	random := rand.NewChaCha8([32]byte{byte(d.cfg.Seed), byte(d.cfg.Seed >> 8)})
	_, _ = random.Read(piece) // it never fails
	for at := int64(0); at < d.cfg.FileBytes && err == nil; at += int64(len(piece)) {
		piece[0], piece[1] = byte(at>>20), byte(at>>28) // no two are the same
		if err = d.spend(int64(len(piece))); err == nil {
			_, err = f.WriteAt(piece, at)
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), d.cfg.FS.Remove(f.Name()))
	}
	return f, nil
}

func (d *Disk) spend(n int64) error {
	if d.cfg.Spend == nil {
		return nil
	}
	return d.cfg.Spend(n)
}

// Close removes the files. REQUIRES: nothing runs.
func (d *Disk) Close() error {
	var errs []error
	for _, f := range []*vfs.File{&d.read, &d.write} {
		if *f != nil {
			errs = append(errs, (*f).Close(), d.cfg.FS.Remove((*f).Name()))
			*f = nil
		}
	}
	return errors.Join(errs...)
}
