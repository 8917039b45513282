package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
)

// outerMount are the options of the outer file system. Reading the image must
// not change it.
var outerMount = []string{"noatime"}

// target is what the file system that Path is on stands on.
func (d *Disk) target() string {
	if d.o.Device != "" {
		return d.o.Device
	}
	return d.innerImage()
}

// innerImage is the path of the inner image; under CrashPower it is there only
// while the outer file system is mounted.
func (d *Disk) innerImage() string {
	if d.o.Kind == vfs.CrashPower {
		return filepath.Join(d.o.Dir, outerPoint, innerImage)
	}
	return filepath.Join(d.o.Dir, innerImage)
}

// raise attaches and mounts what is not mounted, from the outside in.
func (d *Disk) raise() error {
	if err := d.raiseOuter(); err != nil || d.innerUp {
		return err
	}
	point := filepath.Join(d.o.Dir, innerPoint)
	var err error
	if d.o.Device != "" {
		err = mount(d.o.FS, d.o.Device, point, d.o.MountOptions)
	} else {
		err = mountImage(d.o.FS, d.innerImage(), point, d.o.MountOptions)
	}
	d.innerUp = err == nil
	return err
}

// raiseOuter does that for the outer file system alone, where there is one.
func (d *Disk) raiseOuter() error {
	if d.o.Kind != vfs.CrashPower || d.outerUp {
		return nil
	}
	err := mountImage(Ext4, filepath.Join(d.o.Dir, outerImage), filepath.Join(d.o.Dir, outerPoint), outerMount)
	d.outerUp = err == nil
	return err
}

// lower unmounts what is mounted, from the inside out, and waits until the
// kernel has let go of it. An unmount drops the page cache of its file system, of
// the blocks of its device and, under CrashPower, of the image below.
func (d *Disk) lower(ctx context.Context) error {
	if d.innerUp {
		if err := unmount(ctx, filepath.Join(d.o.Dir, innerPoint)); err != nil {
			return err
		}
		d.innerUp = false
	}
	if d.o.Device != "" {
		return waitReleased(ctx, d.o.Device)
	}
	if d.o.Kind == vfs.CrashOS {
		return waitDetached(ctx, d.innerImage())
	}
	if !d.outerUp {
		return nil
	}
	if err := waitDetached(ctx, d.innerImage()); err != nil {
		return err
	}
	if err := unmount(ctx, filepath.Join(d.o.Dir, outerPoint)); err != nil {
		return err
	}
	d.outerUp = false
	return waitDetached(ctx, filepath.Join(d.o.Dir, outerImage))
}

// waitReleased waits until nobody but us has the device for himself.
func waitReleased(ctx context.Context, device string) error {
	free, err := settle(ctx, func() (bool, error) {
		fd, err := unix.Open(device, unix.O_RDONLY|unix.O_EXCL|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.EBUSY) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return true, unix.Close(fd)
	})
	if err == nil && !free {
		err = fmt.Errorf("still in use %v after its unmount", settleFor)
	}
	if err != nil {
		return fmt.Errorf("lab: device %s: %w", device, err)
	}
	return nil
}

// mountImage attaches an image and mounts it; the mount alone keeps it attached.
func mountImage(fs FSType, image, point string, options []string) error {
	l, err := attach(image)
	if err != nil {
		return err
	}
	err = mount(fs, l.path, point, options)
	return errors.Join(err, l.release())
}
