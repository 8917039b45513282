package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
)

// ballastFile stands in the way of what grows, beside the folder that is worked in.
const ballastFile = "ballast"

// Fill takes the free space of the file system that Path is on, all but about room
// bytes: the files in Path can grow by no more than that. Others may be at work on
// it. It lasts until Relieve, or until a crash has taken it. Calling it again takes
// what has become free since. CrashProcess: an error, since that file system is not
// ours.
//
// NB: XFS may have reserved room behind the end of files that grow, which they still
// get.
func (d *Disk) Fill(room int64) (err error) {
	if d.o.Kind == vfs.CrashProcess {
		return fmt.Errorf("lab: fill: crash kind %v has no file system of its own; legal are %v, %v", d.o.Kind, vfs.CrashOS, vfs.CrashPower)
	}
	if room < 0 {
		return fmt.Errorf("lab: fill: room of %d bytes: must be 0 or above", room)
	}
	f, err := os.OpenFile(d.ballast(), os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("lab: fill: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := fill(f, room); err != nil {
		return fmt.Errorf("lab: fill %s: %w", d.ballast(), err)
	}
	return nil
}

// fill lets f grow until room bytes are left. What the kernel calls free is not all
// to be had: some of it goes into the metadata of f itself. So it takes smaller
// pieces, down to a block, until none fits.
func fill(f *os.File, room int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	for piece := int64(1) << 40; ; {
		var st unix.Statfs_t
		if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
			return &os.PathError{Op: "statfs", Path: f.Name(), Err: err}
		}
		block := st.Bsize
		want := min(int64(st.Bavail)*block-room, piece)
		if want -= want % block; want <= 0 {
			return nil
		}
		switch err := unix.Fallocate(int(f.Fd()), 0, size, want); {
		case err == nil:
			size += want
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOSPC) && want > block:
			piece = want / 2
		case errors.Is(err, unix.ENOSPC):
			return nil
		default:
			return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
		}
	}
}

// Relieve gives back what Fill has taken: when it returns, that is free. Without Fill
// it does nothing.
func (d *Disk) Relieve() error {
	if d.o.Kind == vfs.CrashProcess {
		return nil
	}
	// XFS gives the room of a file that is removed back when it likes, that of one which
	// is cut off at once.
	err := os.Truncate(d.ballast(), 0)
	if err == nil {
		err = os.Remove(d.ballast())
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("lab: give back what fills the disk: %w", err)
	}
	return nil
}

func (d *Disk) ballast() string { return filepath.Join(d.o.Dir, innerPoint, ballastFile) }
