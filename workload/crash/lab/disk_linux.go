package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
)

// folderMode is that of Path: its maker's alone.
const folderMode = 0o700

// Disk is a folder on a file system that can crash. Its methods must not be
// called concurrently.
type Disk struct {
	o     Options
	state *stateFile

	innerUp bool // innerPoint is mounted
	outerUp bool // outerPoint is mounted, only under CrashPower

	innerMkfs, outerMkfs string // the commands that made the file systems
}

// New makes the disk: images, file systems, mounts. What an earlier process
// left in o.Dir is removed first (Cleanup). Path exists then, is empty and
// flushed. The disk has been crashed and restarted once, so that what cannot crash
// here is known before anybody works on it.
func New(ctx context.Context, o Options) (*Disk, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := Available(o.Kind, o.FS); err != nil {
		return nil, err
	}
	dir, err := filepath.EvalSymlinks(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	o.Dir = dir
	if _, err := Cleanup(dir); err != nil {
		return nil, err
	}
	if err := checkSpace(dir, o.ImageBytes()); err != nil {
		return nil, err
	}
	d := &Disk{o: o}
	if d.state, err = createState(dir); err != nil {
		return nil, err
	}
	if err := d.build(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// build makes everything for the first time.
func (d *Disk) build(ctx context.Context) error {
	if d.o.Kind == vfs.CrashProcess {
		if err := d.state.announce(wordFolder, workFolder); err != nil {
			return err
		}
		return d.makeWork()
	}
	var err error
	switch {
	case d.o.Device != "":
		err = d.claimDevice()
	case d.o.Kind == vfs.CrashPower:
		err = d.makeOuter(ctx)
	default:
		err = d.makeImage(innerImage, d.o.innerBytes())
	}
	if err == nil {
		err = d.makePoint(innerPoint)
	}
	if err == nil {
		err = d.Format(ctx)
	}
	if err == nil && d.o.Kind == vfs.CrashPower {
		err = d.fillOuter(ctx)
	}
	if err == nil {
		_, _, err = d.Crash()
	}
	if err != nil {
		return err
	}
	return d.Restart(ctx)
}

// claimDevice looks at the device once more and writes down that it is ours.
func (d *Disk) claimDevice() error {
	dev, err := InspectDevice(d.o.Device)
	if err != nil {
		return err
	}
	if shown := d.o.Shown; dev != shown {
		return fmt.Errorf("lab: %w: %s is %s, %d bytes, holding %s; shown was %s, %d bytes, holding %s",
			ErrDevice, d.o.Device, dev.Name, dev.Bytes, dev.Signature, shown.Name, shown.Bytes, shown.Signature)
	}
	if need := d.o.Bytes + d.o.Bytes/16; dev.Bytes < need {
		return fmt.Errorf("lab: device %s has %d bytes, %d are needed", dev.Path, dev.Bytes, need)
	}
	d.o.Device = dev.Path
	return d.state.announce(wordDevice, fmt.Sprintf("%d:%d", dev.Major, dev.Minor))
}

// makeImage makes an empty image in the folder.
func (d *Disk) makeImage(name string, size int64) error {
	if err := d.state.announce(wordFile, name); err != nil {
		return err
	}
	return createImage(filepath.Join(d.o.Dir, name), size)
}

// makePoint makes a mount point in the folder.
func (d *Disk) makePoint(name string) error {
	if err := d.state.announce(wordMount, name); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(d.o.Dir, name), folderMode); err != nil {
		return fmt.Errorf("lab: make mount point: %w", err)
	}
	return nil
}

// makeOuter makes the outer file system and the empty inner image on it.
func (d *Disk) makeOuter(ctx context.Context) error {
	if err := d.makeImage(outerImage, d.o.outerBytes()); err != nil {
		return err
	}
	if err := d.makePoint(outerPoint); err != nil {
		return err
	}
	var err error
	d.outerMkfs, err = mkfs(ctx, Ext4, outerOptions, d.o.Dir, filepath.Join(d.o.Dir, outerImage))
	if err != nil {
		return err
	}
	if err := d.raiseOuter(); err != nil {
		return err
	}
	return createImage(d.innerImage(), d.o.innerBytes())
}

// fillOuter writes what of the outer image the inner one has not: its journal
// and tables.
func (d *Disk) fillOuter(ctx context.Context) error {
	if err := d.lower(ctx); err != nil {
		return err
	}
	if err := fillHoles(ctx, filepath.Join(d.o.Dir, outerImage)); err != nil {
		return err
	}
	return d.raise()
}

// Path is the folder in which the files go. It stays the same over Restart and
// Format. Nobody may have a file open below it, or stand in it, while those run.
func (d *Disk) Path() string {
	if d.o.Kind == vfs.CrashProcess {
		return filepath.Join(d.o.Dir, workFolder)
	}
	return filepath.Join(d.o.Dir, innerPoint, workFolder)
}

// Crash crashes the disk while others are at work on it, or stopped. began and
// ended are clock.Now just before and after the call to the kernel. What was
// durable before began survives, and what is written after ended does not. A
// flush that was under way may return success: then it was one, and what it
// covered survives. CrashProcess: does nothing.
func (d *Disk) Crash() (began, ended int64, err error) {
	switch d.o.Kind {
	case vfs.CrashOS:
		return shutdown(filepath.Join(d.o.Dir, innerPoint))
	case vfs.CrashPower:
		return shutdown(filepath.Join(d.o.Dir, outerPoint))
	}
	now := clock.Now()
	return now, now, nil
}

// Restart brings the folder back as a reboot would, whether or not the disk has
// crashed: unmount, detach, attach, mount, which replays the journals. The
// processes that worked on it must be dead and waited for. CrashProcess: does
// nothing.
func (d *Disk) Restart(ctx context.Context) error {
	if d.o.Kind == vfs.CrashProcess {
		return nil
	}
	if err := d.lower(ctx); err != nil {
		return err
	}
	return d.raise()
}

// Format gives the disk a fresh, empty file system on the same image or
// device, with the same options. CrashProcess: empties the folder.
func (d *Disk) Format(ctx context.Context) error {
	if d.o.Kind == vfs.CrashProcess {
		if err := os.RemoveAll(d.Path()); err != nil {
			return fmt.Errorf("lab: empty the folder: %w", err)
		}
		return d.makeWork()
	}
	if err := d.lower(ctx); err != nil {
		return err
	}
	if err := d.raiseOuter(); err != nil {
		return err
	}
	target := d.target()
	var err error
	if d.innerMkfs, err = mkfs(ctx, d.o.FS, d.o.MkfsOptions, d.o.Dir, target); err != nil {
		return err
	}
	if d.o.Device == "" {
		if err := fillHoles(ctx, target); err != nil {
			return err
		}
	}
	if err := d.raise(); err != nil {
		return err
	}
	return d.makeWork()
}

// makeWork makes Path and flushes its file system, and no other.
func (d *Disk) makeWork() (err error) {
	if err := os.Mkdir(d.Path(), folderMode); err != nil {
		return fmt.Errorf("lab: make the folder: %w", err)
	}
	if d.o.Kind == vfs.CrashProcess {
		return flushFolder(d.o.Dir)
	}
	f, err := os.Open(d.Path())
	if err != nil {
		return fmt.Errorf("lab: make the folder: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("lab: flush the file system on %s: %w", d.Path(), err)
	}
	return nil
}

// Close unmounts and removes all that New made; a Device keeps its file system.
// It can be called again, and after an error it tries again.
func (d *Disk) Close() error {
	if d.state == nil {
		return nil
	}
	if _, err := d.state.removeAll(d.o.Dir); err != nil {
		return err
	}
	err := d.state.f.Close()
	d.state, d.innerUp, d.outerUp = nil, false, false
	if err != nil {
		return fmt.Errorf("lab: close state file: %w", err)
	}
	return nil
}
