package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/workdir"
)

// part is what of a run's files may lie in a folder of its own, on another
// device.
type part int

const (
	partRedo   part = iota // the redo log, and what describes the database
	partPages              // table, undo and doublewrite
	partBinlog             //
	numParts
)

// partNames are the parts as the result names them.
var partNames = [numParts]string{result.HoldsRedo, result.HoldsPages, result.HoldsBinlog}

// parts says which parts the plan writes.
func (p *Plan) parts() (used [numParts]bool) {
	used[partRedo] = true
	for i := range p.Specs {
		s := &p.Specs[i]
		if s.onServer() {
			continue
		}
		used[partPages] = used[partPages] || s.transactional()
		used[partBinlog] = used[partBinlog] || s.transactional() && s.Database.Binlog.Enabled
	}
	return used
}

// volume is one folder that the run works in, and the calls that went there.
type volume struct {
	dir   *workdir.Dir
	fs    vfs.FS
	holds []part
}

// folders are where the parts of a run lie. The first volume is the redo log's.
type folders struct {
	of      [numParts]*workdir.Dir // parts that nobody writes lie where the redo log does
	volumes []volume               // each folder once
}

// acquireFolders checks and locks the folders that cfg names.
func acquireFolders(ctx context.Context, cfg *Config, o workdir.Options) (folders, error) {
	bases := [numParts]struct{ flag, base string }{
		partRedo: {"--log-dir", cfg.LogBase}, partPages: {"--data-dir", cfg.DataBase}, partBinlog: {"--binlog-dir", cfg.BinlogBase},
	}
	needs, used := cfg.Plan.needsWithin(cfg.MaxWriteBytes), cfg.Plan.parts()
	var wanted []workdir.Part
	var whose []part
	for p, b := range bases {
		if !used[p] {
			continue
		}
		if b.base == "" {
			b.flag, b.base = "", cfg.Base
		}
		wanted = append(wanted, workdir.Part{Flag: b.flag, Base: b.base, NeedBytes: needs[p]})
		whose = append(whose, part(p))
	}
	dirs, err := workdir.AcquireAll(ctx, o, wanted)
	if err != nil {
		return folders{}, err
	}
	var f folders
	for i, d := range dirs {
		f.of[whose[i]] = d
		k := slices.IndexFunc(f.volumes, func(v volume) bool { return v.dir == d })
		if k < 0 {
			k, f.volumes = len(f.volumes), append(f.volumes, volume{dir: d, fs: vfs.NewOS()})
		}
		f.volumes[k].holds = append(f.volumes[k].holds, whose[i])
	}
	for p, d := range f.of {
		f.of[p] = cmp.Or(d, f.of[partRedo])
	}
	return f, nil
}

// env describes the folder of a part.
func (f *folders) env(p part) *result.Environment { return &f.of[p].Facts.Env }

// apart reports whether a part lies on another file system than the redo log.
func (f *folders) apart(p part) bool {
	a, b := f.env(p), f.env(partRedo)
	return f.of[p] != f.of[partRedo] && (a.MountPoint != b.MountPoint || a.MountSource != b.MountSource)
}

// release removes what the run made and gives the locks back. A second call does
// nothing but return the same.
func (f *folders) release() error {
	var errs []error
	for _, v := range f.volumes {
		errs = append(errs, v.dir.Release())
	}
	return errors.Join(errs...)
}

// notes are those of all folders, each once.
func (f *folders) notes() (all []string) {
	for _, v := range f.volumes {
		for _, n := range v.dir.Notes() {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all
}

// mkdir makes the folder name in each volume.
func (f *folders) mkdir(name string) error {
	for _, v := range f.volumes {
		if _, err := v.dir.Mkdir(name); err != nil {
			return err
		}
	}
	return nil
}

// path is where a part of the log called name lies. REQUIRES: mkdir(name).
func (f *folders) path(p part, name string) string { return filepath.Join(f.of[p].Path(), name) }

// elsewhere describes the folders beside the redo log's, for the result. What
// their warnings say of the whole machine stands in the redo log's already.
func (f *folders) elsewhere() (out []result.Place) {
	first := f.env(partRedo)
	for _, v := range f.volumes[1:] {
		e := &v.dir.Facts.Env
		p := result.Place{
			Dir: e.Dir, Filesystem: e.Filesystem, MountPoint: e.MountPoint, MountSource: e.MountSource, MountOptions: e.MountOptions,
			FreeBytes: e.FreeBytes, Volatile: e.Volatile, Device: e.Device, IOLimits: e.Cgroup.IOLimits,
		}
		for _, h := range v.holds {
			p.Holds = append(p.Holds, partNames[h])
		}
		for _, w := range e.Warnings {
			if !slices.Contains(first.Warnings, w) {
				p.Warnings = append(p.Warnings, w)
			}
		}
		out = append(out, p)
	}
	return out
}

// sameDevices says, as a sentence, where the folders of an earlier result lay on
// other devices; "" if they did not.
func (f *folders) sameDevices(old *result.Environment) string {
	was, now := map[string]string{}, map[string]string{}
	for _, p := range old.Devices {
		for _, h := range p.Holds {
			was[h] = p.Device.Name
		}
	}
	for _, p := range f.elsewhere() {
		for _, h := range p.Holds {
			now[h] = p.Device.Name
		}
	}
	for _, h := range partNames {
		a, apart := was[h]
		b, also := now[h]
		if a != b || apart != also {
			return fmt.Sprintf("its %s lay on %s, now on %s", h, cmp.Or(a, "the log's device"), cmp.Or(b, "the log's device"))
		}
	}
	return ""
}

// countedDevice is a device whose own count of flushes is compared with ours.
type countedDevice struct {
	name string
	env  *result.Environment
	on   []vfs.FS // the calls that go there
}

// counted are the devices of the redo log and, if there is one, of the binlog.
// nil: one of them counts nothing. whole: every call goes to one of them.
func (f *folders) counted(binlog bool) (devices []countedDevice, whole bool) {
	add := func(d *workdir.Dir) bool {
		names := hostinfo.CountingDevices(d.Facts.Env.Device)
		if len(names) == 0 {
			return false
		}
		if !slices.ContainsFunc(devices, func(c countedDevice) bool { return c.name == names[0] }) {
			devices = append(devices, countedDevice{name: names[0], env: &d.Facts.Env})
		}
		return true
	}
	if !add(f.of[partRedo]) || binlog && !add(f.of[partBinlog]) {
		return nil, false
	}
	whole = true
	for _, v := range f.volumes {
		names := hostinfo.CountingDevices(v.dir.Facts.Env.Device)
		k := slices.IndexFunc(devices, func(c countedDevice) bool { return len(names) > 0 && c.name == names[0] })
		if k < 0 {
			whole = false
			continue
		}
		devices[k].on = append(devices[k].on, v.fs)
	}
	return devices, whole
}
