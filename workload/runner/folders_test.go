package runner

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/workdir"
)

// below returns the base names of the files in the run folders of a base folder,
// sorted, each once.
func below(base string) (names []string) {
	found, _ := filepath.Glob(filepath.Join(base, workdir.Folder, "run-*", "log-*", "*"))
	more, _ := filepath.Glob(filepath.Join(base, workdir.Folder, "run-*", "log-*", binlogFolder, "*"))
	for _, f := range append(found, more...) {
		if info, err := os.Stat(f); err == nil && !info.IsDir() {
			names = append(names, strings.TrimRight(filepath.Base(f), "0123456789"))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Each part of a database lies where it was asked for, the result says where, and
// all folders are empty in the end.
func TestPartsInTheirFolders(t *testing.T) {
	t.Parallel()
	s := bankSpec(groupcommit.Policy1, 1)
	for _, c := range []struct {
		name               string
		log, pages, binlog int // which of four folders; 0 is Base
		want               [4]string
		holds              []string
	}{
		{name: "all apart", log: 1, pages: 2, binlog: 3,
			want:  [4]string{"", "database.json redo.", "doublewrite table.pages undo.pages", "binlog. binlog.index"},
			holds: []string{"pages", "binlog"}},
		{name: "log apart", log: 1,
			want:  [4]string{"binlog. binlog.index doublewrite table.pages undo.pages", "database.json redo."},
			holds: []string{"pages binlog"}},
		{name: "binlog apart", binlog: 1,
			want:  [4]string{"database.json doublewrite redo. table.pages undo.pages", "binlog. binlog.index"},
			holds: []string{"binlog"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := diskConfig(t, Plan{Specs: []Spec{s}, Rounds: 1, Seed: 7})
			bases := [4]string{cfg.Base, testenv.OnDisk(t), testenv.OnDisk(t), testenv.OnDisk(t)}
			at := func(i int) string {
				if i == 0 {
					return ""
				}
				return bases[i]
			}
			cfg.LogBase, cfg.DataBase, cfg.BinlogBase = at(c.log), at(c.pages), at(c.binlog)
			var seen [4]string
			cfg.WrapFS = func(fs vfs.FS) vfs.FS {
				return &tattler{fs, func() {
					for i, b := range bases {
						if now := strings.Join(below(b), " "); len(now) > len(seen[i]) {
							seen[i] = now
						}
					}
				}}
			}
			res, _ := mustRun(t, cfg)
			if seen != c.want {
				t.Errorf("files\n%q; want\n%q", seen, c.want)
			}
			var holds []string
			for i, p := range res.Environment.Devices {
				holds = append(holds, strings.Join(p.Holds, " "))
				if p.Dir == res.Environment.Dir || p.Filesystem == "" || p.MountPoint == "" {
					t.Errorf("device %d: %+v", i, p)
				}
			}
			if !slices.Equal(holds, c.holds) {
				t.Errorf("devices hold %q; want %q", holds, c.holds)
			}
			r := &res.Cells[0].Rounds[0]
			if !r.Verify.OK || res.BinlogLimit != nil {
				t.Errorf("verified %+v, limit of the binlog's disk %+v; want none on one file system", r.Verify, res.BinlogLimit)
			}
			// All folders are on one device here, so what it counts is compared with all calls.
			if r.Flushes.DeviceSyscalls != nil {
				t.Errorf("%d of %d calls on the device; want all", *r.Flushes.DeviceSyscalls, r.Flushes.Syscalls)
			}
			for _, b := range bases {
				empty(t, b)
			}
		})
	}
}

// tattler tells when the checks after a cell begin: when a binlog is opened for
// reading all files are there.
type tattler struct {
	vfs.FS
	tell func()
}

func (f *tattler) OpenRead(path string) (vfs.File, error) {
	if strings.HasPrefix(filepath.Base(path), "binlog.0") {
		f.tell()
	}
	return f.FS.OpenRead(path)
}

// A folder that cannot be had is refused by its own flag before anything is
// written in another.
func TestFoldersAreRefusedByFlag(t *testing.T) {
	for _, c := range []struct {
		flag string
		set  func(*Config, string)
	}{
		{"--log-dir", func(c *Config, dir string) { c.LogBase = dir }},
		{"--data-dir", func(c *Config, dir string) { c.DataBase = dir }},
		{"--binlog-dir", func(c *Config, dir string) { c.BinlogBase = dir }},
	} {
		cfg := config(t, Plan{Specs: []Spec{bankSpec(groupcommit.Policy1, 1)}, Rounds: 1, Seed: 7})
		c.set(&cfg, filepath.Join(t.TempDir(), "missing"))
		_, folder, err := Run(t.Context(), cfg)
		var r *workdir.Refusal
		if !errors.As(err, &r) || folder != "" || !strings.Contains(r.Error(), "  "+c.flag+" takes an existing folder") {
			t.Errorf("%s: %q, %v; want a refusal", c.flag, folder, err)
		}
		empty(t, cfg.Base)
	}
}

// on returns a folder on a device, as workdir would.
func on(mount string, d result.Device) *workdir.Dir {
	dir := &workdir.Dir{}
	dir.Facts.Env = result.Environment{Dir: mount, MountPoint: mount, MountSource: "/dev/" + d.Name, Device: d}
	return dir
}

func disk(name string) result.Device {
	return result.Device{Name: name, Stack: []result.StackNode{{Name: name, Type: result.StackDisk}}}
}

// Flushes are counted on the devices of both logs, each once, and a call to any other
// is not held against them.
func TestCountedDevices(t *testing.T) {
	a, b, nowhere := disk("vda"), disk("vdb"), result.Device{}
	for _, c := range []struct {
		name               string
		redo, pages, other result.Device
		binlog             bool
		want               string
		whole              bool
	}{
		{"one device", a, a, a, true, "vda:3", true},
		{"binlog apart", a, a, b, true, "vda:2 vdb:1", true},
		{"binlog apart, but none", a, a, b, false, "vda:2", false},
		{"pages apart", a, b, a, true, "vda:2", false},
		{"pages with the binlog", a, b, b, true, "vda:1 vdb:2", true},
		{"unknown log", nowhere, a, a, true, "", false},
		{"unknown binlog", a, a, nowhere, true, "", false},
		{"unknown pages", a, nowhere, a, true, "vda:2", false},
	} {
		var f folders
		for p, d := range []result.Device{c.redo, c.pages, c.other} {
			f.of[p] = on("/"+partNames[p], d)
			f.volumes = append(f.volumes, volume{dir: f.of[p]})
		}
		devices, whole := f.counted(c.binlog)
		var got []string
		for _, d := range devices {
			got = append(got, d.name+":"+itoa(len(d.on)))
		}
		if strings.Join(got, " ") != c.want || whole != c.whole {
			t.Errorf("%s: counted %q, whole %v; want %q, %v", c.name, got, whole, c.want, c.whole)
		}
	}
}

// A result is completed only on the devices that it was begun on.
func TestSameDevices(t *testing.T) {
	a, b := on("/a", disk("vda")), on("/b", disk("vdb"))
	apart := folders{of: [numParts]*workdir.Dir{a, a, b}, volumes: []volume{{dir: a, holds: []part{partRedo, partPages}}, {dir: b, holds: []part{partBinlog}}}}
	together := folders{of: [numParts]*workdir.Dir{a, a, a}, volumes: []volume{{dir: a}}}
	env := func(f *folders) *result.Environment { return &result.Environment{Devices: f.elsewhere()} }
	if got := apart.sameDevices(env(&apart)) + together.sameDevices(env(&together)); got != "" {
		t.Errorf("the same devices: %q", got)
	}
	if got, want := apart.sameDevices(env(&together)), "its binlog lay on the log's device, now on vdb"; got != want {
		t.Errorf("%q; want %q", got, want)
	}
	if got, want := together.sameDevices(env(&apart)), "its binlog lay on vdb, now on the log's device"; got != want {
		t.Errorf("%q; want %q", got, want)
	}
	if !apart.apart(partBinlog) || apart.apart(partPages) || together.apart(partBinlog) {
		t.Error("apart is wrong")
	}
}
