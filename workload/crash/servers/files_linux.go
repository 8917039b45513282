package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// copyServer copies the folder of a server that was shut down into the empty folder
// to: files and folders with their owners, and nothing else. Of the redo log, which
// the patterns name, blocks of zeroes become blocks that are reserved and were never
// written, as in a new log; if lapped is set they are written, as in one that was
// full before.
func copyServer(ctx context.Context, to, from string, redo []string, lapped bool) error {
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		out := filepath.Join(to, below)
		switch {
		case below == ".":
			return os.Chmod(to, info.Mode().Perm())
		case e.IsDir():
			err = os.Mkdir(out, info.Mode().Perm())
		case info.Mode().IsRegular():
			err = copyFile(out, path, info, isRedo(redo, below) && !lapped)
		default:
			return nil // the socket of a server that is gone
		}
		if err != nil {
			return err
		}
		return give(out, info)
	})
	if err != nil {
		return fmt.Errorf("crash: copy the files of a server: %w", err)
	}
	return nil
}

// give hands a file to the owner of another.
func give(path string, like fs.FileInfo) error {
	st, ok := like.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, int(st.Uid), int(st.Gid))
}

// copyFile copies one file. With reserved its blocks are reserved first, and those
// that hold nothing but zeroes are not written.
func copyFile(to, from string, info fs.FileInfo, reserved bool) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if info.Size() == 0 {
		return nil
	}
	if reserved {
		err := unix.Fallocate(int(out.Fd()), 0, 0, info.Size())
		if err != nil && !errors.Is(err, unix.EOPNOTSUPP) { // then they are holes, which are as easily lost
			return &os.PathError{Op: "fallocate", Path: to, Err: err}
		}
	}
	buf, zeroes := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); ; {
		n, err := io.ReadFull(in, buf)
		if n > 0 && !(reserved && bytes.Equal(buf[:n], zeroes[:n])) {
			if _, err := out.WriteAt(buf[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return out.Truncate(at)
		}
		if err != nil {
			return err
		}
	}
}

// syncFolder makes a folder's mode durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// syncDisk flushes the file system of a folder, which is the lab's own, and no other.
func syncDisk(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = unix.Syncfs(int(d.Fd()))
	if err != nil {
		err = &os.PathError{Op: "syncfs", Path: path, Err: err}
	}
	return errors.Join(err, d.Close())
}
