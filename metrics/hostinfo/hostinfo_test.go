package hostinfo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// stackString is "dm-1(dm) nvme0n1(disk)".
func stackString(d result.Device) string {
	var parts []string
	for _, n := range d.Stack {
		parts = append(parts, n.Name+"("+n.Type+")")
	}
	return strings.Join(parts, " ")
}

func flagString(b *bool) string {
	if b == nil {
		return "nil"
	}
	return fmt.Sprint(*b)
}

func codes(all []result.Warning) string {
	var c []string
	for _, w := range all {
		if w.Code != codeNotRoot {
			c = append(c, w.Code)
		}
	}
	return strings.Join(c, " ")
}

func TestInspect(t *testing.T) {
	type facts struct {
		fsType, point, source, device, model, kind, cache, fua, stack, counting, codes, head string
	}
	const evo = "Samsung SSD 970 EVO Plus 2TB"
	for _, test := range []struct {
		name    string
		fixture string
		path    PathFacts
		want    facts
	}{
		{"partition of an nvme disk", "nvme-partition", PathFacts{Path: "/home/u", MountID: 27}, facts{
			"ext4", "/", "/dev/nvme0n1p2", "nvme0n1", evo, "nvme", "write back", "true",
			"nvme0n1p2(part) nvme0n1(disk)", "nvme0n1", "", "ext4 on nvme0n1 (consumer SSD, write-back cache)",
		}},
		{"bind mount", "nvme-partition", PathFacts{Path: "/data/x", MountID: 40}, facts{
			"ext4", "/data", "/dev/nvme0n1p2", "nvme0n1", evo, "nvme", "write back", "true",
			"nvme0n1p2(part) nvme0n1(disk)", "nvme0n1", "", "ext4 on nvme0n1 (consumer SSD, write-back cache)",
		}},
		{"bind mount without mount ids", "nvme-partition", PathFacts{Path: "/data/x"}, facts{
			"ext4", "/data", "/dev/nvme0n1p2", "nvme0n1", evo, "nvme", "write back", "true",
			"nvme0n1p2(part) nvme0n1(disk)", "nvme0n1", "", "ext4 on nvme0n1 (consumer SSD, write-back cache)",
		}},
		{"nested mount with escaped space", "nvme-partition", PathFacts{Path: "/data/with space/inner/d"}, facts{
			"ext4", "/data/with space/inner", "/dev/nvme0n1p1", "nvme0n1", evo, "nvme", "write back", "true",
			"nvme0n1p1(part) nvme0n1(disk)", "nvme0n1", "no-barrier data-journal dirsync-mount", "ext4 on nvme0n1 (consumer SSD, write-back cache)",
		}},
		{"virtio disk", "virtio", PathFacts{Path: "/", MountID: 27}, facts{
			"ext4", "/", "/dev/vda", "vda", "", "virtual", "write back", "false",
			"vda(disk)", "vda", "discard-mount steal", "ext4 on vda (virtual disk, write-back cache)",
		}},
		{"sata hard disk", "sata-hdd", PathFacts{Path: "/", MountID: 27}, facts{
			"xfs", "/", "/dev/sda1", "sda", "WDC WD20EFRX-68E", "hdd", "write back", "false",
			"sda1(part) sda(disk)", "sda", "", "xfs on sda (hard disk, write-back cache)",
		}},
		{"lvm on luks on nvme", "lvm-luks-nvme", PathFacts{Path: "/", MountID: 27}, facts{
			"ext4", "/", "/dev/mapper/vg0-root", "nvme0n1", evo, "nvme", "write back", "true",
			"dm-1(dm) dm-0(dm) nvme0n1p2(part) nvme0n1(disk)", "nvme0n1", "encrypted", "ext4 on dm-1 over nvme0n1 (consumer SSD, write-back cache)",
		}},
		{"md raid 1", "md-raid1", PathFacts{Path: "/", MountID: 27}, facts{
			"ext4", "/", "/dev/md0", "sda", "INTEL SSDSC2BB48", "ssd", "write through", "false",
			"md0(md) sda1(part) sda(disk) sdb1(part) sdb(disk)", "sda sdb", "", "ext4 on md0 over sda (enterprise SSD, write-through)",
		}},
		{"loop device on ext4", "loop", PathFacts{Path: "/mnt/loop/d", MountID: 50}, facts{
			"ext4", "/mnt/loop", "/dev/loop3", "vda", "", "virtual", "write back", "false",
			"loop3(loop) vda(disk)", "loop3 vda", "steal", "ext4 on loop3 over vda (virtual disk, write-back cache)",
		}},
		{"overlay", "overlay", PathFacts{Path: "/tmp", MountID: 27}, facts{
			"overlay", "/", "overlay", "vda", "", "virtual", "write back", "false",
			"vda(disk)", "vda", "overlay-filesystem steal", "overlay on vda (virtual disk, write-back cache)",
		}},
		{"overlay with a hidden upper folder", "overlay-hidden", PathFacts{Path: "/tmp", MountID: 27}, facts{
			"overlay", "/", "overlay", "", "", "unknown", "unknown", "nil",
			"", "", "overlay-filesystem unknown-device steal", "overlay on an unknown device",
		}},
		{"tmpfs", "tmpfs", PathFacts{Path: "/dev/shm/x", MountID: 30}, facts{
			"tmpfs", "/dev/shm", "tmpfs", "", "", "unknown", "unknown", "nil",
			"", "", "memory-filesystem steal", "tmpfs (memory: nothing survives a power cut)",
		}},
		{"nfs", "nfs", PathFacts{Path: "/mnt/nfs", MountID: 30}, facts{
			"nfs4", "/mnt/nfs", "filer:/export/db", "", "", "unknown", "unknown", "nil",
			"", "", "network-filesystem steal", "nfs4 on filer:/export/db (network file system)",
		}},
		{"btrfs subvolume on two devices", "btrfs", PathFacts{Path: "/home/u", MountID: 28}, facts{
			"btrfs", "/home", "/dev/nvme0n1p2", "nvme0n1", "KXG60ZNV512G TOSHIBA", "nvme", "write back", "true",
			"nvme0n1p2(part) nvme0n1(disk) nvme0n1p1(part)", "nvme0n1", "copy-on-write-filesystem", "btrfs on nvme0n1 (consumer SSD, write-back cache)",
		}},
		{"zfs", "zfs", PathFacts{Path: "/srv/x", MountID: 28}, facts{
			"zfs", "/srv", "tank/data", "", "", "unknown", "unknown", "nil",
			"", "", "copy-on-write-filesystem zfs-sync-unknown unknown-device", "zfs on an unknown device",
		}},
		{"cloud volume", "cloud", PathFacts{Path: "/x", MountID: 27, FreeBytes: 1 << 30, TotalBytes: 100 << 30}, facts{
			"xfs", "/", "/dev/nvme0n1p1", "nvme0n1", "Amazon Elastic Block Store", "virtual", "write back", "false",
			"nvme0n1p1(part) nvme0n1(disk)", "nvme0n1", "low-space steal cpu-quota io-limit cpu-governor battery", "xfs on nvme0n1 (virtual disk, write-back cache)",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := fixture(t, test.fixture, test.path)
			f, err := s.Inspect(t.Context(), "ignored")
			if err != nil {
				t.Fatal(err)
			}
			e, d := f.Env, f.Env.Device
			e.CPU.Cores = 2
			f.Env = e
			got := facts{
				e.Filesystem, e.MountPoint, e.MountSource, d.Name, d.Model, d.Kind, d.WriteCache, flagString(d.FUA),
				stackString(d), strings.Join(CountingDevices(d), " "), codesWithoutSteal(Warnings(f), test.want.codes),
				strings.TrimPrefix(Headline(e), e.Host+": "),
			}
			if got != test.want {
				t.Errorf("Inspect =\n%+v; want\n%+v", got, test.want)
			}
		})
	}
}

// codesWithoutSteal leaves the steal warning out where a test does not name
// it: every fixture has the same 3 % in its /proc/stat.
func codesWithoutSteal(all []result.Warning, want string) string {
	if !strings.Contains(want, codeSteal) {
		all = withoutCodes(all, codeSteal)
	}
	return codes(all)
}

func TestZFSSyncDisabled(t *testing.T) {
	for _, test := range []struct{ out, want string }{
		{"disabled", "disabled"}, {"standard", "standard"}, {"always", "always"}, {"-", "unknown"}, {"", "unknown"},
	} {
		s := fixture(t, "zfs", PathFacts{Path: "/srv/x", MountID: 28})
		var asked string
		s.Run = func(_ context.Context, name string, arg ...string) (string, error) {
			asked = name + " " + strings.Join(arg, " ")
			return test.out, nil
		}
		f, err := s.Inspect(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if f.ZFSSync != test.want || asked != "zfs get -H -o value sync tank/data" {
			t.Errorf("zfs says %q: ZFSSync = %q after %q; want %q", test.out, f.ZFSSync, asked, test.want)
		}
		if has := strings.Contains(codes(f.Env.Warnings), codeZFSDisabled); has != (test.want == "disabled") {
			t.Errorf("zfs says %q: warnings %q", test.out, codes(f.Env.Warnings))
		}
	}
}

func TestMachineFacts(t *testing.T) {
	s := fixture(t, "cloud", PathFacts{Path: "/x", MountID: 27})
	f, err := s.Inspect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	e := f.Env
	if e.Kernel != "6.18.44-test" || e.CPU.Model != "Test CPU @ 2.50GHz" || e.CPU.MHz != 2500 || e.MemoryBytes != 8<<30 || e.Virtualization != "aws" {
		t.Errorf("Inspect = kernel %q cpu %+v memory %d in %q", e.Kernel, e.CPU, e.MemoryBytes, e.Virtualization)
	}
	if e.StealPercent != 3 {
		t.Errorf("StealPercent = %v; want 3", e.StealPercent)
	}
	if f.Power != (Power{Governor: "powersave", Driver: "acpi-cpufreq", OnBattery: true, Throttled: 3, ThrottleOK: true}) {
		t.Errorf("Power = %+v", f.Power)
	}
	if v := fixture(t, "overlay", PathFacts{}).virtualization(); v != "vm+docker" {
		t.Errorf("virtualization = %q; want vm+docker", v)
	}
	if v := fixture(t, "zfs", PathFacts{}).virtualization(); v != "" {
		t.Errorf("virtualization of a real machine = %q; want none", v)
	}
}

func TestCgroup(t *testing.T) {
	for _, test := range []struct {
		fixture, limits string
		quota           float64
		throttled       int64
	}{
		{"cloud", "259:0 500 writes/s, 1.00 MiB/s written", 1.5, 7},
		{"cgroup-v1", "254:0 100 writes/s, 2.00 MiB/s written", 0.5, 4},
	} {
		f, err := fixture(t, test.fixture, PathFacts{Path: "/x", MountID: 27}).Inspect(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		c := f.Env.Cgroup
		if c.CPUQuotaCores == nil || *c.CPUQuotaCores != test.quota || c.Throttled != test.throttled || len(c.IOLimits) != 1 || limitText(c.IOLimits[0]) != test.limits {
			t.Errorf("%s: cgroup = %s, throttled %d; want %v processors; %s, throttled %d", test.fixture, limitsText(c), c.Throttled, test.quota, test.limits, test.throttled)
		}
	}
	f, err := fixture(t, "virtio", PathFacts{Path: "/", MountID: 27}).Inspect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if c := f.Env.Cgroup; c.CPUQuotaCores != nil || c.IOLimits == nil || len(c.IOLimits) != 0 {
		t.Errorf("no cgroup: %+v; want no quota and an empty list", c)
	}
}

func TestInspectFails(t *testing.T) {
	s := fixture(t, "virtio", PathFacts{})
	broken := errors.New("gone")
	s.Path = func(string) (PathFacts, error) { return PathFacts{}, broken }
	if _, err := s.Inspect(t.Context(), "/x"); !errors.Is(err, broken) {
		t.Errorf("Inspect of a folder that is gone = %v; want %v", err, broken)
	}
	release := make(chan struct{})
	defer close(release)
	s.Path = func(string) (PathFacts, error) { <-release; return PathFacts{}, nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Inspect(ctx, "/mnt/dead"); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "/mnt/dead does not answer") {
		t.Errorf("Inspect of a folder that hangs = %v; want a cancelled context and the folder's name", err)
	}
}

// TestThisMachine runs everything on the machine at hand: it must not fail,
// whatever the machine is, and what it prints must fit the screen.
func TestThisMachine(t *testing.T) {
	dir := t.TempDir()
	env, err := Collect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range Describe(env) {
		t.Log(line)
		if n := len([]rune(line)); n > lineWidth {
			t.Errorf("%d characters: %q", n, line)
		}
	}
	if env.Dir == "" || env.FreeBytes < 0 || env.CPU.Cores < 1 || env.Warnings == nil {
		t.Errorf("Collect = %+v", env)
	}
	if env.OS == "linux" && (env.Filesystem == "" || env.MountPoint == "" || env.Kernel == "") {
		t.Errorf("on Linux: file system %q mounted on %q, kernel %q", env.Filesystem, env.MountPoint, env.Kernel)
	}
	if _, err := Neighbours(t.Context(), env); err != nil {
		t.Error(err)
	}
	for _, name := range CountingDevices(env.Device) {
		if c, err := Real().DiskCounters(name); err == nil && c.Name != name {
			t.Errorf("counters of %q; want those of %q", c.Name, name)
		}
	}
	if _, err := Collect(t.Context(), dir+"/missing"); err == nil {
		t.Error("Collect of a missing folder succeeded")
	}
}
