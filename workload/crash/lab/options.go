package lab

import (
	"fmt"
	"path/filepath"
	"strings"

	"flushbench/engine/axis"
	"flushbench/engine/vfs"
)

// FSType is the type of the file system that the crashing process works on.
// The zero value is Ext4.
type FSType uint8

// The file-system types. Others refuse the ioctl that shuts them down (btrfs),
// or keep nothing anyway (tmpfs).
const (
	// Ext4 has a journal of metadata, and writes the data of newly allocated
	// blocks before the metadata that reaches them (data=ordered).
	Ext4 FSType = iota
	// XFS has a log of metadata.
	XFS
)

// FSTypes is the table of the file-system axis.
var FSTypes = axis.Table[FSType]{
	Axis: "file system",
	Values: []axis.Value[FSType]{
		{Value: Ext4, Name: "ext4", Help: "ext4 with a journal, data=ordered"},
		{Value: XFS, Name: "xfs", Help: "XFS; an image takes 320 MiB at least"},
	},
}

// String returns the name of t.
func (t FSType) String() string { return FSTypes.Name(t) }

// MarshalText implements encoding.TextMarshaler.
func (t FSType) MarshalText() ([]byte, error) { return FSTypes.MarshalText(t) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *FSType) UnmarshalText(text []byte) error { return FSTypes.UnmarshalText(t, text) }

// Options say what disk New makes.
type Options struct {
	// Dir is an existing folder that nobody else uses: images, mount points and
	// the state file go there. Each Disk needs a folder of its own.
	Dir string
	// Kind is the crash that the disk must be able to have. CrashProcess: a plain
	// folder in Dir, and FS, the mkfs and mount options and Device do not count.
	Kind vfs.CrashKind
	// FS is the file system that Path is on.
	FS FSType
	// MkfsOptions are further arguments of mkfs for that file system, after ours,
	// so that they win. Under CrashPower they are not for the outer one.
	MkfsOptions []string
	// MountOptions are options of that file system's mount, "name" or
	// "name=value" each, e.g. barrier=0. They are not for the outer one.
	MountOptions []string
	// Bytes is the room that the files in Path may take, in bytes; > 0. Of a
	// Device only this is checked.
	Bytes int64
	// Device is a block device to be formatted instead of an image, only with
	// CrashOS. Everything on it is lost. The caller has shown its contents
	// (InspectDevice) and was told to go on.
	Device string
	// Shown is what InspectDevice said of Device then. New looks again and refuses
	// (ErrDevice) what is not the same: a path may have come to mean another one.
	Shown Device
}

// Sizes of images, in bytes.
const (
	mib         = 1 << 20
	minXFSBytes = 320 * mib // mkfs.xfs refuses less than 300 MiB
)

// ImageBytes is the space in Dir that the disk needs, in bytes: what the images
// take, written in full. 0 for CrashProcess and for a Device.
func (o Options) ImageBytes() int64 {
	if o.Kind == vfs.CrashProcess || o.Device != "" {
		return 0
	}
	if o.Kind == vfs.CrashOS {
		return o.innerBytes()
	}
	return o.outerBytes()
}

// innerBytes is the size of the image with the file system that Path is on:
// room for the files, for the metadata and for the journal of mkfs's choice.
func (o Options) innerBytes() int64 {
	n := o.Bytes + o.Bytes/16
	if o.FS == XFS {
		return max(roundMiB(n)+128*mib, minXFSBytes)
	}
	return roundMiB(n) + 48*mib
}

// outerBytes is the size of the outer image: room for the inner one, for few
// inodes and for a small journal.
func (o Options) outerBytes() int64 {
	n := o.innerBytes()
	return roundMiB(n+n/32) + 32*mib
}

func roundMiB(n int64) int64 { return (n + mib - 1) / mib * mib }

// validate checks what can be checked without looking at the machine.
func (o Options) validate() error {
	if o.Dir == "" || !filepath.IsAbs(o.Dir) {
		return fmt.Errorf("lab: folder %q: must be an absolute path", o.Dir)
	}
	if _, err := o.Kind.MarshalText(); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if o.Kind == vfs.CrashProcess {
		return nil
	}
	if _, err := o.FS.MarshalText(); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if o.Bytes <= 0 || o.Bytes > 1<<42 {
		return fmt.Errorf("lab: %d bytes: a disk has more than 0 and at most 4 TiB", o.Bytes)
	}
	if o.Device != "" && o.Kind != vfs.CrashOS {
		return fmt.Errorf("lab: device %s with crash kind %s: only %s can use a device, the others need an image", o.Device, o.Kind, vfs.CrashOS)
	}
	return CheckOptions(o.MkfsOptions, o.MountOptions)
}

// CheckOptions returns an error if options of mkfs or mount would touch anything
// but the disk itself, as New does.
func CheckOptions(mkfs, mount []string) error {
	if err := checkMkfsOptions(mkfs); err != nil {
		return err
	}
	return checkMountOptions(mount)
}

// elsewhere are what mkfs.ext4 and mkfs.xfs call a log, a journal or data that lie
// on another device or in a file, and the tags that libblkid finds devices by.
var elsewhere = []string{"device=", "dev=", "name=", "file=", "UUID=", "LABEL="}

// checkMkfsOptions refuses what would make mkfs write elsewhere than on the disk.
func checkMkfsOptions(options []string) error {
	for _, o := range options {
		if o == "" || strings.ContainsAny(o, "\x00\n") {
			return fmt.Errorf("lab: mkfs option %q: must be one argument on one line", o)
		}
		if strings.Contains(o, "/") {
			return fmt.Errorf("lab: mkfs option %q: must not name a path: only the disk itself is formatted", o)
		}
		for _, name := range elsewhere {
			if strings.Contains(o, name) {
				return fmt.Errorf("lab: mkfs option %q: %s names another device or a file: only the disk itself is formatted", o, name)
			}
		}
	}
	return nil
}

// checkMountOptions refuses what would mount something else, or nothing that
// can be written to.
func checkMountOptions(options []string) error {
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		switch {
		case name == "" || strings.ContainsAny(o, ",\x00\n"):
			return fmt.Errorf("lab: mount option %q: must be one option, name or name=value", o)
		case name == "ro" || name == "norecovery" || name == "noload":
			return fmt.Errorf("lab: mount option %q: the disk must be writable and its journal replayed", o)
		case name == "bind" || name == "rbind" || name == "loop" || name == "remount" || strings.Contains(value, "/"):
			return fmt.Errorf("lab: mount option %q: only options of the file system itself are possible", o)
		}
	}
	return nil
}
