package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	loopControl  = "/dev/loop-control"
	attachTries  = 64                   // how often another process may take the free device first
	settleStep   = 2 * time.Millisecond // between two looks
	loopSector   = 512                  // logical block of our loop devices, in bytes
	loopNameSize = len(unix.LoopInfo64{}.File_name)
)

// settleFor bounds each wait for the kernel, or for a process that has just been
// killed, to let go: the last unmount writes back what the file system still has, to a
// disk that may be busy with others. Only tests change it.
var settleFor = 30 * time.Second

// loop is a loop device over an image. It is attached so that the kernel detaches
// it when nobody has it open or mounted any more: by the end of this process at
// the latest, whatever ends it.
type loop struct {
	path string // /dev/loopN
	f    *os.File
}

// attach puts the image on a free loop device, through the page cache: a write is
// done when it is in the cache of the file system below, and a flush flushes the
// image there.
func attach(image string) (*loop, error) {
	backing, err := os.OpenFile(image, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("lab: attach: %w", err)
	}
	defer func() { _ = backing.Close() }() // the kernel has its own reference
	control, err := os.OpenFile(loopControl, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("lab: attach %s: %w", image, err)
	}
	defer func() { _ = control.Close() }() // nothing is written to it
	for range attachTries {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("lab: attach %s: no free loop device: %w", image, err)
		}
		l, err := configure(n, backing)
		if errors.Is(err, unix.EBUSY) {
			continue // somebody else got it
		}
		return l, err
	}
	return nil, fmt.Errorf("lab: attach %s: %d free loop devices were taken by others at the last moment", image, attachTries)
}

// configure sets up loop device n over backing; EBUSY when it is no longer free.
func configure(n int, backing *os.File) (*loop, error) {
	path := fmt.Sprintf("/dev/loop%d", n)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("lab: attach %s: %w", backing.Name(), err)
	}
	config := unix.LoopConfig{Fd: uint32(backing.Fd()), Size: loopSector}
	config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
	copy(config.Info.File_name[:loopNameSize-1], backing.Name()) // for losetup; the kernel keeps the path itself
	if err := unix.IoctlLoopConfigure(int(f.Fd()), &config); err != nil {
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) {
			err = fmt.Errorf("%w (LOOP_CONFIGURE needs Linux 5.8)", err)
		}
		return nil, errors.Join(fmt.Errorf("lab: attach %s to %s: %w", backing.Name(), path, err), f.Close())
	}
	return &loop{path: path, f: f}, nil
}

// release gives up this process's own hold: from now on a mount alone keeps the
// device attached.
func (l *loop) release() error {
	if err := l.f.Close(); err != nil {
		return fmt.Errorf("lab: close %s: %w", l.path, err)
	}
	return nil
}

// identity names a file over the lifetime of a file system.
type identity struct{ dev, ino uint64 }

// identify returns the identity of the file at path, not following a link.
func identify(path string) (identity, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return identity{}, fmt.Errorf("lab: look at %s: %w", path, err)
	}
	return identity{dev: uint64(st.Dev), ino: st.Ino}, nil
}

// backingOf returns which file a loop device stands on; ok is false when it is
// not attached or gone. Loop numbers are reused, so a name proves nothing.
func backingOf(device string) (id identity, ok bool) {
	f, err := os.OpenFile(device, os.O_RDONLY, 0)
	if err != nil {
		return identity{}, false
	}
	defer func() { _ = f.Close() }() // opened to be asked only
	info, err := unix.IoctlLoopGetStatus64(int(f.Fd()))
	if err != nil {
		return identity{}, false
	}
	return identity{dev: info.Device, ino: info.Inode}, true
}

// attachedTo returns the loop devices that stand on the file.
func attachedTo(id identity) []string {
	// Only an attached device has this file, so no other one is opened.
	files, _ := filepath.Glob("/sys/block/loop*/loop/backing_file") // the pattern is sound
	var devices []string
	for _, f := range files {
		device := "/dev/" + strings.Split(f, "/")[3]
		if got, ok := backingOf(device); ok && got == id {
			devices = append(devices, device)
		}
	}
	return devices
}

// waitDetached waits until no loop device stands on the image: the kernel may do
// that part of an unmount after the call has returned.
func waitDetached(ctx context.Context, image string) error {
	id, err := identify(image)
	if err != nil {
		return err
	}
	var devices []string
	gone, err := settle(ctx, func() (bool, error) {
		devices = attachedTo(id)
		return len(devices) == 0, nil
	})
	if err == nil && !gone {
		err = fmt.Errorf("lab: %s is still attached to %s, %v after its unmount: another process has it open",
			image, strings.Join(devices, ", "), settleFor)
	}
	return err
}

// settle looks until done says yes (true) or settleFor is over (false).
func settle(ctx context.Context, done func() (bool, error)) (bool, error) {
	for deadline := time.Now().Add(settleFor); ; {
		ok, err := done()
		if ok || err != nil {
			return ok, err
		}
		if time.Now().After(deadline) {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(settleStep):
		}
	}
}
