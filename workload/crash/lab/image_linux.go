package lab

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// chunk is how much of an image is read or written at once, in bytes.
const chunk = 1 << 20

// createImage makes an empty image of a size: a hole, until fillHoles.
func createImage(path string, size int64) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("lab: make image: %w", err)
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		return fmt.Errorf("lab: make image %s of %d bytes: %w", path, size, err)
	}
	return nil
}

// fillHoles writes zeroes wherever the image has no block that was ever written,
// and flushes it. From then on a write to the device changes no metadata below
// it, so a flush costs what it costs on a disk. Nobody may have the image attached.
func fillHoles(ctx context.Context, path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return fmt.Errorf("lab: fill image: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("lab: fill image: %w", err)
	}
	zeroes := make([]byte, chunk)
	for end := int64(0); end < info.Size(); {
		from, err := seek(f, end, unix.SEEK_HOLE, info.Size())
		if err != nil {
			return err
		}
		if end, err = seek(f, from, unix.SEEK_DATA, info.Size()); err != nil {
			return err
		}
		for from < end {
			if err := ctx.Err(); err != nil {
				return err
			}
			n, err := f.WriteAt(zeroes[:min(chunk, end-from)], from)
			if err != nil {
				return fmt.Errorf("lab: fill image: %w", err)
			}
			from += int64(n)
		}
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("lab: fill image: %w", err)
	}
	return nil
}

// seek returns where the next hole or the next data begins, at size at the latest.
func seek(f *os.File, from int64, whence int, size int64) (int64, error) {
	at, err := unix.Seek(int(f.Fd()), from, whence)
	if errors.Is(err, unix.ENXIO) {
		return size, nil // nothing of that kind follows
	}
	if err != nil {
		return 0, fmt.Errorf("lab: look for holes in %s: %w", f.Name(), err)
	}
	return min(at, size), nil
}
