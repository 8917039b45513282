package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
)

// Describe says what the disk is made of.
func (d *Disk) Describe() (Description, error) {
	kernel, err := kernelRelease()
	if err != nil {
		return Description{}, err
	}
	t := Description{Kernel: kernel}
	if d.o.Kind == vfs.CrashProcess {
		t.Backing = "folder"
		m, ok := mountOver(d.o.Dir)
		if !ok {
			return t, fmt.Errorf("lab: no mount has %s", d.o.Dir)
		}
		t.FS, t.Mounted = m.Type, strings.Join(m.Options, ",")
		return t, nil
	}
	t.FS, t.Mkfs, t.OuterMkfs = d.o.FS.String(), d.innerMkfs, d.outerMkfs
	if t.Mounted, err = mountedWith(filepath.Join(d.o.Dir, innerPoint)); err != nil {
		return t, err
	}
	switch {
	case d.o.Device != "":
		t.Backing = d.o.Device
	case d.o.Kind == vfs.CrashPower:
		t.Backing = "image on " + Ext4.String()
		if t.OuterMounted, err = mountedWith(filepath.Join(d.o.Dir, outerPoint)); err != nil {
			return t, err
		}
	default:
		t.Backing = "image"
	}
	return t, d.describeSuperblock(&t)
}

func (d *Disk) describeSuperblock(t *Description) (err error) {
	f, err := os.Open(d.target())
	if err != nil {
		return fmt.Errorf("lab: read superblock: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s, err := readSuperblock(d.o.FS, f)
	if err != nil {
		return err
	}
	t.FSBytes, t.BlockBytes, t.SectorBytes, t.JournalBytes = s.fsBytes, s.blockBytes, s.sectorBytes, s.journalBytes
	return nil
}

// mountedWith returns the options of a mount as the kernel shows them.
func mountedWith(point string) (string, error) {
	m, ok := mountAt(point)
	if !ok {
		return "", fmt.Errorf("lab: nothing is mounted on %s", point)
	}
	return strings.Join(m.Options, ","), nil
}

// mountOver returns the mount that a folder lies on.
func mountOver(dir string) (hostinfo.Mount, bool) {
	for {
		if m, ok := mountAt(dir); ok || dir == filepath.Dir(dir) {
			return m, ok
		}
		dir = filepath.Dir(dir)
	}
}

func kernelRelease() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("lab: kernel release: %w", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}
