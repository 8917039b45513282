package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// attributes are the mount options that belong to the mount, not to the file
// system (mount_setattr(2)); those that are the default stand for 0.
var attributes = map[string]int{
	"noatime":     unix.MOUNT_ATTR_NOATIME,
	"relatime":    unix.MOUNT_ATTR_RELATIME,
	"strictatime": unix.MOUNT_ATTR_STRICTATIME,
	"nodiratime":  unix.MOUNT_ATTR_NODIRATIME,
	"nosuid":      unix.MOUNT_ATTR_NOSUID,
	"nodev":       unix.MOUNT_ATTR_NODEV,
	"noexec":      unix.MOUNT_ATTR_NOEXEC,
	"defaults":    0,
}

// mount mounts a block device on a folder. It uses fsopen(2) and its kin, which
// say in words what they do not like. The mount appears at the very end.
func mount(fs FSType, device, point string, options []string) error {
	if err := mountWith(fs, device, point, options); err != nil {
		return fmt.Errorf("lab: %w: %s (%s) on %s%s: %w", ErrMount, device, fs, point, withOptions(options), err)
	}
	return nil
}

func withOptions(options []string) string {
	if len(options) == 0 {
		return ""
	}
	return " with " + strings.Join(options, ",")
}

func mountWith(fs FSType, device, point string, options []string) (err error) {
	config, err := unix.Fsopen(fs.String(), unix.FSOPEN_CLOEXEC)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(config)) }()
	if err := unix.FsconfigSetString(config, "source", device); err != nil {
		return explained(config, err)
	}
	attrs := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	for _, o := range options {
		name, value, valued := strings.Cut(o, "=")
		attr, ofMount := attributes[o]
		var err error
		switch {
		case ofMount:
			attrs |= attr
		case valued:
			err = unix.FsconfigSetString(config, name, value)
		default:
			err = unix.FsconfigSetFlag(config, name)
		}
		if err != nil {
			return fmt.Errorf("option %s: %w", o, explained(config, err))
		}
	}
	if err := unix.FsconfigCreate(config); err != nil {
		return explained(config, err)
	}
	tree, err := unix.Fsmount(config, unix.FSMOUNT_CLOEXEC, attrs)
	if err != nil {
		return explained(config, err)
	}
	defer func() { err = errors.Join(err, unix.Close(tree)) }()
	return unix.MoveMount(tree, "", unix.AT_FDCWD, point, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// explained adds what the kernel wrote into the log of the configuration.
func explained(config int, err error) error {
	var said []string
	line := make([]byte, 1024)
	for {
		n, readErr := unix.Read(config, line)
		if readErr != nil || n == 0 {
			break // ENODATA: that was all
		}
		// "e text", "w text" or "i text"
		_, text, ok := strings.Cut(string(line[:n]), " ")
		if ok && line[0] != 'i' {
			said = append(said, strings.TrimSpace(text))
		}
	}
	if len(said) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s", err, strings.Join(said, "; "))
}

// unmount unmounts what is on the folder. Files that a process which has just
// died had open may take a moment to be closed.
func unmount(ctx context.Context, point string) error {
	gone, err := settle(ctx, func() (bool, error) {
		err := unix.Unmount(point, unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EBUSY) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("lab: unmount %s: %w", point, err)
	}
	if !gone {
		return fmt.Errorf("lab: unmount %s: still in use after %v: a process has a file open there or stands in it", point, settleFor)
	}
	return nil
}
