// Package hostinfo says where a figure comes from: the machine, the file
// system and the device under the measured folder, who else uses that device,
// and everything that weakens a figure, as warnings with advice.
//
// It reads text files of /proc and /sys through an fs.FS, so that a test can
// feed it the files of a machine that is not there, the four bytes of one device
// (what idle processors are held to), and makes a handful of system calls on the
// folder itself. It writes nothing and starts no process but
// "zfs get" (on ZFS only). What cannot be found out is "" or nil, never a
// guess; off Linux that is nearly everything, and no call fails for it.
//
// Nothing here touches files of other processes: whose files lie on which
// device is told from /proc/PID/fdinfo and mountinfo, so that a dead network
// file system cannot block it.
package hostinfo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"flushbench/metrics/result"
)

// Facts is what Inspect found: the Environment that goes into the result file
// and what the warnings need besides. It is a plain value.
type Facts struct {
	Env      result.Environment
	Layers   []Layer // Env.Device.Stack in detail, same order
	Mount    Mount   // the mount that holds the folder; zero when unknown
	Path     PathFacts
	Power    Power
	ZFSSync  string // the dataset's sync property; "unknown" on ZFS when it cannot be read, "" elsewhere
	AsRoot   bool   // effective user id 0
	HidesPID bool   // /proc hides other users' processes (hidepid)
}

// Collect returns the environment of the folder dir, which must exist,
// warnings included. It fails only when dir cannot be looked at.
func Collect(ctx context.Context, dir string) (result.Environment, error) {
	f, err := Inspect(ctx, dir)
	return f.Env, err
}

// Inspect is Collect with the details that do not go into the result file.
func Inspect(ctx context.Context, dir string) (Facts, error) { return Real().Inspect(ctx, dir) }

// Inspect collects the facts of the folder dir from s.
func (s Source) Inspect(ctx context.Context, dir string) (Facts, error) {
	var f Facts
	f.Env = s.machine(ctx)
	f.AsRoot = os.Geteuid() == 0
	f.Power = s.power()
	p, err := s.lookAt(ctx, dir)
	if err != nil {
		return f, err
	}
	f.Path = p
	f.Env.Dir = p.Path
	f.Env.FreeBytes = p.FreeBytes
	mounts := s.mounts("self")
	f.HidesPID = hidesPID(mounts)
	if m, ok := findMount(mounts, p.MountID, p.Path); ok {
		f.Mount = m
		f.Env.Filesystem = m.Type
		f.Env.MountPoint = m.Point
		f.Env.MountSource = m.Source
		f.Env.MountOptions = strings.Join(m.Options, ",")
		f.Layers = s.layersOf(m, mounts)
	} else if p.FSType != "" {
		f.Env.Filesystem, f.Env.MountPoint, f.Env.MountSource = p.FSType, p.MountPoint, p.MountSource
	}
	f.Env.Volatile = memoryFS[f.Env.Filesystem]
	f.Env.Device = s.device(f.Layers)
	f.Env.Device.Encrypted = f.Env.Device.Encrypted || p.Encrypted || f.Env.Filesystem == "ecryptfs"
	f.Env.Cgroup = s.cgroup(mounts, leafNumbers(f.Layers))
	if f.Env.Filesystem == "zfs" {
		f.ZFSSync = s.zfsSync(ctx, f.Mount.Source)
	}
	f.Env.Warnings = Warnings(f)
	return f, nil
}

// PathFacts is what the operating system says about a folder.
type PathFacts struct {
	Path       string // absolute, without symbolic links
	MountID    int    // as in the first column of mountinfo; 0: unknown
	FreeBytes  int64  // for ordinary users
	TotalBytes int64  //
	ReadOnly   bool   // the mount is read-only
	Encrypted  bool   // the folder is encrypted by the file system (fscrypt)

	// Filled only where there is no mountinfo (not on Linux).
	FSType, MountPoint, MountSource string
}

// lookAt asks the operating system about dir, and gives up when it does not
// answer before ctx ends: statfs on a dead network file system may hang for
// ever, and then the goroutine that hangs in it is left behind.
func (s Source) lookAt(ctx context.Context, dir string) (PathFacts, error) {
	type answer struct {
		p   PathFacts
		err error
	}
	done := make(chan answer, 1)
	go func() {
		p, err := s.Path(dir)
		done <- answer{p, err}
	}()
	select {
	case a := <-done:
		return a.p, a.err
	case <-ctx.Done():
		return PathFacts{Path: dir}, fmt.Errorf("hostinfo: %s does not answer (a dead network file system?): %w", dir, ctx.Err())
	}
}

// realPath returns dir absolute and without symbolic links.
func realPath(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("hostinfo: %w", err)
	}
	abs, err = filepath.EvalSymlinks(abs)
	if err != nil {
		return "", fmt.Errorf("hostinfo: %w", err)
	}
	return abs, nil
}

// machine fills what does not depend on the folder.
func (s Source) machine(ctx context.Context) result.Environment {
	var e result.Environment
	e.Host, _ = os.Hostname()
	e.OS, e.Arch, e.Go = runtime.GOOS, runtime.GOARCH, runtime.Version()
	e.Kernel = s.kernel()
	e.Virtualization = s.virtualization()
	e.CPU = s.cpu()
	e.MemoryBytes, e.Load1 = s.Memory(ctx), s.Load(ctx)
	if t, ok := s.cpuTimes(); ok {
		e.StealPercent = percent(t.Steal, t.total())
	}
	e.Device.Kind, e.Device.WriteCache = result.DeviceUnknown, result.CacheUnknown
	return e
}
