package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/server"
	"flushbench/workload/target"
)

// look finds out what is below the server, where that is this machine. What it
// cannot see it says.
func (f *Facts) look(ctx context.Context) {
	if !f.Info.Local {
		f.Unknown = append(f.Unknown, "the disk below the server (it is on another machine: run audit there)")
		return
	}
	if f.Info.PID > 0 && !isServer(f.Info.PID) {
		f.Unknown = append(f.Unknown, "the disk below the server (its process is not seen from here, as in a container: run audit inside)")
		return
	}
	if f.Info.PID == 0 {
		f.Unknown = append(f.Unknown, "the server's process: its folders are taken to be this machine's, not a container's")
	}
	if f.Info.DataDir == "" && f.Info.PID > 0 && f.Info.Product == target.PostgreSQL {
		// It works in its data folder, and names that to few users.
		f.Info.DataDir, _ = os.Readlink(filepath.Join("/proc", strconv.Itoa(f.Info.PID), "cwd"))
		if f.Info.DataDir != "" {
			f.Info.LogDir = filepath.Join(f.Info.DataDir, "pg_wal")
		}
	}
	f.Writeback = writeback()
	f.lookAtPlaces(ctx)
	f.lookAtLog()
}

// isServer reports whether a process of this machine is called as a server is.
func isServer(pid int) bool {
	name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return false
	}
	return slices.Contains([]string{"mariadbd", "mysqld", "postgres", "postmaster"}, strings.TrimSpace(string(name)))
}

// lookAtPlaces inspects the folders, those on one file system once.
func (f *Facts) lookAtPlaces(ctx context.Context) {
	logDir := f.Info.LogDir
	if logDir == "" {
		logDir = f.Info.DataDir
	}
	folders := []struct{ holds, dir string }{
		{result.HoldsRedo, absolute(logDir, f.Info.DataDir)}, {result.HoldsPages, f.Info.DataDir}, {result.HoldsBinlog, absolute(f.Info.BinlogDir, f.Info.DataDir)},
	}
	for _, folder := range folders {
		if folder.dir == "" {
			if folder.holds != result.HoldsBinlog {
				f.Unknown = append(f.Unknown, fmt.Sprintf("the disk below the %s (the server does not name the folder to this user)", holdsNames(f.Info.Product)[folder.holds]))
			}
			continue
		}
		found, err := hostinfo.Inspect(ctx, folder.dir)
		if err != nil {
			f.Unknown = append(f.Unknown, fmt.Sprintf("the disk below the %s (%s)", holdsNames(f.Info.Product)[folder.holds], why(folder.dir, err)))
			continue
		}
		f.addPlace(folder.holds, &found.Env)
	}
}

// absolute makes a folder that is named below the data folder a path of its own.
func absolute(dir, data string) string {
	if dir == "" || filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(data, dir)
}

// addPlace notes what lies in a folder, with others on the same file system.
func (f *Facts) addPlace(holds string, env *result.Environment) {
	for i := range f.Places {
		p := &f.Places[i]
		if p.MountPoint == env.MountPoint && p.MountSource == env.MountSource && p.Filesystem == env.Filesystem {
			p.Holds = append(p.Holds, holds)
			return
		}
	}
	f.Places = append(f.Places, result.Place{
		Holds: []string{holds}, Dir: env.Dir, Filesystem: env.Filesystem, MountPoint: env.MountPoint, MountSource: env.MountSource,
		MountOptions: env.MountOptions, FreeBytes: env.FreeBytes, Volatile: env.Volatile, Device: env.Device,
		IOLimits: env.Cgroup.IOLimits, Warnings: env.Warnings,
	})
}

// lookAtLog finds how InnoDB has its redo log open. PostgreSQL's is buffered.
func (f *Facts) lookAtLog() {
	if f.Info.Product == target.PostgreSQL || f.Info.DataDir == "" {
		return
	}
	const what = "how the redo log is open, and whether its blocks were written before"
	dir := f.Info.LogDir
	if dir == "" {
		dir = f.Info.DataDir
	}
	dir = absolute(dir, f.Info.DataDir)
	if f.Info.PID == 0 {
		f.Unknown = append(f.Unknown, what)
		return
	}
	path, flags, failed := server.OpenRedo(f.Info.PID, f.Info.Product, dir)
	if path != "" {
		f.Redo = RedoLog{Path: path, FlagsKnown: true, Direct: flags.Direct, Sync: flags.Dsync}
		if x, err := server.Extents(path); err == nil {
			f.Redo.LayoutKnown = true
			f.Redo.UnwrittenBytes = x.Unwritten + x.Delayed + x.Hole
			f.Redo.Bytes = x.Written + f.Redo.UnwrittenBytes
		}
		return
	}
	reason := "it is not among the server's open files"
	if failed != nil {
		reason = why(dir, failed)
	}
	f.Unknown = append(f.Unknown, what+" ("+reason+")")
}

// why says in few words what kept us from looking at a folder.
func why(dir string, err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "no permission to look at it: run audit as root or as the server's user"
	case errors.Is(err, fs.ErrNotExist):
		return dir + " is not on this machine"
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// writeback reads how long the kernel keeps written bytes, in seconds; 0: unknown.
func writeback() (seconds float64) {
	for _, name := range []string{"dirty_expire_centisecs", "dirty_writeback_centisecs"} {
		text, err := os.ReadFile(filepath.Join("/proc/sys/vm", name))
		n, errNumber := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
		if err != nil || errNumber != nil || n <= 0 {
			return 0
		}
		seconds += n / 100
	}
	return seconds
}
