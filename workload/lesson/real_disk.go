package lesson

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/workload"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/subject"
	"flushbench/workload/crash/victim"
)

// realDisk is a disk of the crash lab with one database after the other on it.
type realDisk struct {
	kind vfs.CrashKind
	fs   string // type of its file system
	disk *lab.Disk
	dir  string
	made int // databases
}

// newRealDisk makes a disk that crashes as the kind says: for a process crash a folder
// on the disk of env, else an ext4 of its own.
func newRealDisk(ctx context.Context, env *Env, kind vfs.CrashKind) (*realDisk, error) {
	dir, err := env.Folder("disk-" + kind.String())
	if err != nil {
		return nil, err
	}
	d := &realDisk{kind: kind, dir: dir, fs: env.FSType}
	if kind != vfs.CrashProcess {
		d.fs = lab.Ext4.String()
	}
	d.disk, err = lab.New(ctx, lab.Options{Dir: dir, Kind: kind, FS: lab.Ext4, Bytes: 256 << 20})
	return d, err
}

// create makes the files of a database in a folder of its own, which it sets in sub, and
// restarts the disk: all of that is durable.
func (d *realDisk) create(ctx context.Context, sub *subject.Subject) (*workload.Generator, error) {
	d.made++
	sub.Dir = filepath.Join(d.disk.Path(), fmt.Sprintf("db-%d", d.made))
	sub.FSType, sub.Simulated = d.fs, d.kind != vfs.CrashProcess
	sub.Engine.Capacity, sub.Database.BufferPool = 16<<20, 16<<20
	g, err := sub.Generator()
	if err != nil {
		return nil, err
	}
	fs := vfs.NewOS()
	if err := errors.Join(fs.Mkdir(sub.Dir), sub.Create(fs), fs.SyncDir(d.disk.Path())); err != nil {
		return nil, err
	}
	return g, d.disk.Restart(ctx)
}

// crash crashes the disk, and its victim with it. It returns when that began and
// ended.
func (d *realDisk) crash(v *victim.Victim) (began, ended int64, err error) {
	began = clock.Now()
	if d.kind != vfs.CrashProcess {
		if began, ended, err = d.disk.Crash(); err != nil {
			return began, ended, err
		}
	}
	err = v.Kill()
	if d.kind == vfs.CrashProcess {
		ended = clock.Now()
	}
	return began, ended, err
}

// close removes the disk.
func (d *realDisk) close() error { return errors.Join(d.disk.Close(), removeFolder(d.dir)) }
