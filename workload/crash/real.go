package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"flushbench/engine/vfs"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/subject"
	"flushbench/workload/crash/victim"
)

// Real returns the backend of real disks, processes and recoveries. The program
// must run victim.Main when it is started with the argument victim.Command.
// Disks of the kinds os and power need lab.Enter before.
func Real() Backend { return machine{} }

// RealOn is Real for a matrix with a device of the user's own: d is what the user
// was shown and has agreed to have formatted. No other device is.
func RealOn(d lab.Device) Backend { return machine{shown: d} }

// machine implements Backend.
type machine struct {
	launch victim.Launch // of the victims
	shown  lab.Device    // the one device that may be formatted
}

// options are those of the lab for a disk.
func (s *DiskSpec) options() (lab.Options, error) {
	o := lab.Options{Dir: s.Dir, Kind: s.Kind, MkfsOptions: s.Mkfs, MountOptions: s.Mount, Bytes: s.Bytes, Device: s.Device}
	if s.Kind == vfs.CrashProcess {
		return o, nil
	}
	return o, o.FS.UnmarshalText([]byte(s.FS))
}

// imageBytes is what a disk takes in the folder.
func (s *DiskSpec) imageBytes() int64 {
	o, err := s.options()
	if err != nil || s.Kind == vfs.CrashProcess {
		return s.Bytes // a plain folder; a file system that is not known is refused later
	}
	return o.ImageBytes()
}

// NewDisk implements Backend.
func (m machine) NewDisk(ctx context.Context, s DiskSpec) (Disk, error) {
	o, err := s.options()
	if err != nil {
		return nil, err
	}
	o.Shown = m.shown
	d, err := lab.New(ctx, o)
	if err != nil {
		return nil, err
	}
	return realDisk{d}, nil
}

// Try implements Backend.
func (machine) Try(dir string, m vfs.Method) error {
	disk, path := vfs.NewOS(), filepath.Join(dir, "probe.0")
	f, err := disk.Create(path, m)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), disk.Remove(path))
}

// Clean implements Backend.
func (machine) Clean(dir string) (removed []string, err error) { return lab.Cleanup(dir) }

// realDisk is a disk of the lab.
type realDisk struct{ *lab.Disk }

// Describe implements Disk.
func (d realDisk) Describe() (DiskInfo, error) {
	x, err := d.Disk.Describe()
	info := DiskInfo{FS: x.FS, Mkfs: x.Mkfs, Mounted: x.Mounted, Backing: x.Backing}
	if x.OuterMkfs != "" {
		info.Backing += fmt.Sprintf(" (%s; %s)", x.OuterMkfs, x.OuterMounted)
	}
	return info, err
}

// subject is what victim and judge both work on.
func (j *Job) subject() subject.Subject {
	c := j.Cell
	return subject.Subject{
		Dir: j.Dir, Clients: c.Clients, Seed: j.Seed, Engine: c.Engine, Sizes: c.Sizes, Load: c.Load, Database: c.Database,
		FSType: j.FSType, Simulated: c.Kind != vfs.CrashProcess,
	}
}

// Make implements Backend.
func (machine) Make(_ context.Context, j *Job) error {
	s := j.subject()
	if err := s.Validate(); err != nil {
		return err
	}
	return s.Create(vfs.NewOS())
}

// Start implements Backend.
func (m machine) Start(ctx context.Context, j *Job) (Victim, error) {
	s := victim.Spec{Subject: j.subject(), Rate: j.Rate, Limit: j.Limit, Full: j.Cell.Fault == subject.ENOSPC, Point: j.Cell.Point, PointAfter: j.PointAfter}
	if j.Cell.Fault == subject.EIO {
		s.FaultAfter = j.FaultAfter
	}
	v, err := victim.Start(&s, m.launch)
	if err != nil {
		return nil, err
	}
	if err := v.Ready(ctx); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return realVictim{v}, nil
}

// realVictim is a child process.
type realVictim struct{ *victim.Victim }

// Ready implements Victim.
func (v realVictim) Ready() int64 { return v.Began() }

// Stopped implements PointVictim.
func (v realVictim) Stopped() int64 { return v.Ledger().Stopped() }

// Acked implements Victim.
func (v realVictim) Acked() int64 { return int64(v.Ledger().Acked()) }

// Failure implements Victim.
func (v realVictim) Failure() (text string, at int64) {
	f := v.Ledger().Failure()
	if f == nil {
		return "", 0
	}
	return f.Text, f.At
}

// SaveLedger implements Victim.
func (v realVictim) SaveLedger(path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = v.Ledger().WriteTo(f)
	return err
}
