package lab

import (
	"errors"
	"fmt"
	"strings"
)

// ErrDevice is in the error of New when Options.Device is not, or no longer, what
// Options.Shown says. Nothing was written then.
var ErrDevice = errors.New("not the device that was shown")

// Device is what InspectDevice found out about a block device.
type Device struct {
	Path      string // with symbolic links resolved
	Name      string // the kernel's name, e.g. sdb1: what a user has to type
	Bytes     int64  // its size
	Signature string // what it seems to hold, e.g. `ext "data"`, or that it is zero
	Partition bool   // a partition, not a whole disk

	Major, Minor uint32
}

// usage is how a device is in use, as far as the system tells.
type usage struct {
	readOnly   bool
	partitions []string // of a whole disk
	holders    []string // devices that stand on it: RAID, LVM, dm-crypt
	mounted    []string // where, in this mount namespace
	swap       bool
	busy       bool // somebody has it for himself, wherever
}

// refusal is why a device must not be formatted, or nil.
func (d Device) refusal(u usage) error {
	var why string
	switch {
	case len(u.mounted) > 0:
		why = "it is mounted on " + u.mounted[0] + "; unmount it, or give another one"
	case u.swap:
		why = "it is in use as swap"
	case len(u.partitions) > 0:
		why = "it is a whole disk with partitions (" + strings.Join(u.partitions, ", ") + "); give one of them, or an empty disk"
	case len(u.holders) > 0:
		why = "other devices stand on it (" + strings.Join(u.holders, ", ") + ")"
	case u.busy:
		why = "it is in use: mounted in another mount namespace, or part of another device"
	case u.readOnly:
		why = "it is read-only"
	case d.Bytes == 0:
		why = "it has no size: no medium, or not attached"
	default:
		return nil
	}
	return fmt.Errorf("lab: device %s: must not be formatted: %s", d.Path, why)
}
