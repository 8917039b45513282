//go:build !linux

package lab

import (
	"context"
	"errors"
	"fmt"

	"flushbench/engine/vfs"
)

var errLinuxOnly = errors.New("lab: not supported here: file systems that can crash need Linux")

// Enter fails: mount namespaces are Linux's.
func Enter() error { return errLinuxOnly }

// Available says what is missing here for disks of that kind and file system.
func Available(kind vfs.CrashKind, fs FSType) error {
	if kind == vfs.CrashProcess {
		return nil
	}
	return fmt.Errorf("lab: crash kind %s on %s: needs Linux", kind, fs)
}

// Disk is a folder on a file system that can crash; there is none here.
type Disk struct{}

// New fails: file systems that can be shut down are Linux's.
func New(context.Context, Options) (*Disk, error) { return nil, errLinuxOnly }

// Path is the folder in which the files go.
func (d *Disk) Path() string { return "" }

// Crash crashes the disk.
func (d *Disk) Crash() (began, ended int64, err error) { return 0, 0, errLinuxOnly }

// Restart brings the folder back as a reboot would.
func (d *Disk) Restart(context.Context) error { return errLinuxOnly }

// Fill takes the free space of the disk.
func (d *Disk) Fill(int64) error { return errLinuxOnly }

// Relieve gives back what Fill has taken.
func (d *Disk) Relieve() error { return errLinuxOnly }

// Format gives the disk a fresh, empty file system.
func (d *Disk) Format(context.Context) error { return errLinuxOnly }

// Describe says what the disk is made of.
func (d *Disk) Describe() (Description, error) { return Description{}, errLinuxOnly }

// Close removes what New made.
func (d *Disk) Close() error { return nil }

// Cleanup removes what a killed process left in a folder: nothing, here.
func Cleanup(string) (removed []string, err error) { return nil, nil }

// InspectDevice looks at a block device.
func InspectDevice(string) (Device, error) { return Device{}, errLinuxOnly }
