package durability

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// Which watermark makes safe: flush method, place ("overwrite": written blocks
// on ext4 or XFS and no loop device below; "other"), then one a crash kind.
const wantWatermarks = `
fdatasync           overwrite  written  flushed  flushed
fdatasync           other      written  flushed  flushed
fsync               overwrite  written  flushed  flushed
fsync               other      written  flushed  flushed
o_sync              overwrite  written  flushed  flushed
o_sync              other      written  flushed  flushed
o_dsync             overwrite  written  flushed  flushed
o_dsync             other      written  flushed  flushed
rwf_dsync           overwrite  written  flushed  flushed
rwf_dsync           other      written  flushed  flushed
o_direct+fdatasync  overwrite  written  written  flushed
o_direct+fdatasync  other      written  flushed  flushed
o_direct+o_dsync    overwrite  written  written  flushed
o_direct+o_dsync    other      written  flushed  flushed
none                overwrite  written  never    never
none                other      written  never    never
o_direct+none       overwrite  written  written  never
o_direct+none       other      written  never    never
`

// What a crash takes: method, place, policy, then one a crash kind.
const wantLosses = `
fdatasync           overwrite  1             none          none          none
fdatasync           overwrite  2             none          about 1 s     about 1 s
fdatasync           overwrite  0 classic     about 1 s     about 1 s     about 1 s
fdatasync           overwrite  0 continuous  milliseconds  about 1 s     about 1 s
fdatasync           other      1             none          none          none
fdatasync           other      2             none          about 1 s     about 1 s
fdatasync           other      0 classic     about 1 s     about 1 s     about 1 s
fdatasync           other      0 continuous  milliseconds  about 1 s     about 1 s
fsync               overwrite  1             none          none          none
fsync               overwrite  2             none          about 1 s     about 1 s
fsync               overwrite  0 classic     about 1 s     about 1 s     about 1 s
fsync               overwrite  0 continuous  milliseconds  about 1 s     about 1 s
fsync               other      1             none          none          none
fsync               other      2             none          about 1 s     about 1 s
fsync               other      0 classic     about 1 s     about 1 s     about 1 s
fsync               other      0 continuous  milliseconds  about 1 s     about 1 s
o_sync              overwrite  1             none          none          none
o_sync              overwrite  2             none          none          none
o_sync              overwrite  0 classic     about 1 s     about 1 s     about 1 s
o_sync              overwrite  0 continuous  milliseconds  milliseconds  milliseconds
o_sync              other      1             none          none          none
o_sync              other      2             none          none          none
o_sync              other      0 classic     about 1 s     about 1 s     about 1 s
o_sync              other      0 continuous  milliseconds  milliseconds  milliseconds
o_dsync             overwrite  1             none          none          none
o_dsync             overwrite  2             none          none          none
o_dsync             overwrite  0 classic     about 1 s     about 1 s     about 1 s
o_dsync             overwrite  0 continuous  milliseconds  milliseconds  milliseconds
o_dsync             other      1             none          none          none
o_dsync             other      2             none          none          none
o_dsync             other      0 classic     about 1 s     about 1 s     about 1 s
o_dsync             other      0 continuous  milliseconds  milliseconds  milliseconds
rwf_dsync           overwrite  1             none          none          none
rwf_dsync           overwrite  2             none          about 1 s     about 1 s
rwf_dsync           overwrite  0 classic     about 1 s     about 1 s     about 1 s
rwf_dsync           overwrite  0 continuous  milliseconds  about 1 s     about 1 s
rwf_dsync           other      1             none          none          none
rwf_dsync           other      2             none          about 1 s     about 1 s
rwf_dsync           other      0 classic     about 1 s     about 1 s     about 1 s
rwf_dsync           other      0 continuous  milliseconds  about 1 s     about 1 s
o_direct+fdatasync  overwrite  1             none          none          none
o_direct+fdatasync  overwrite  2             none          none          about 1 s
o_direct+fdatasync  overwrite  0 classic     about 1 s     about 1 s     about 1 s
o_direct+fdatasync  overwrite  0 continuous  milliseconds  milliseconds  about 1 s
o_direct+fdatasync  other      1             none          none          none
o_direct+fdatasync  other      2             none          about 1 s     about 1 s
o_direct+fdatasync  other      0 classic     about 1 s     about 1 s     about 1 s
o_direct+fdatasync  other      0 continuous  milliseconds  about 1 s     about 1 s
o_direct+o_dsync    overwrite  1             none          none          none
o_direct+o_dsync    overwrite  2             none          none          none
o_direct+o_dsync    overwrite  0 classic     about 1 s     about 1 s     about 1 s
o_direct+o_dsync    overwrite  0 continuous  milliseconds  milliseconds  milliseconds
o_direct+o_dsync    other      1             none          none          none
o_direct+o_dsync    other      2             none          none          none
o_direct+o_dsync    other      0 classic     about 1 s     about 1 s     about 1 s
o_direct+o_dsync    other      0 continuous  milliseconds  milliseconds  milliseconds
none                overwrite  1             none          unbounded     unbounded
none                overwrite  2             none          unbounded     unbounded
none                overwrite  0 classic     about 1 s     unbounded     unbounded
none                overwrite  0 continuous  milliseconds  unbounded     unbounded
none                other      1             none          unbounded     unbounded
none                other      2             none          unbounded     unbounded
none                other      0 classic     about 1 s     unbounded     unbounded
none                other      0 continuous  milliseconds  unbounded     unbounded
o_direct+none       overwrite  1             none          none          unbounded
o_direct+none       overwrite  2             none          none          unbounded
o_direct+none       overwrite  0 classic     about 1 s     about 1 s     unbounded
o_direct+none       overwrite  0 continuous  milliseconds  milliseconds  unbounded
o_direct+none       other      1             none          unbounded     unbounded
o_direct+none       other      2             none          unbounded     unbounded
o_direct+none       other      0 classic     about 1 s     unbounded     unbounded
o_direct+none       other      0 continuous  milliseconds  unbounded     unbounded
`

// place is a combination of everything that decides whether a direct write
// overwrites in place, with the answer written out.
type place struct {
	growth    vfs.Growth
	lapped    bool
	fs        FileSystem
	device    Device
	overwrite bool // for methods that flush
	unflushed bool // for methods that do not: a lap proves nothing
}

func places() []place {
	ext4, journal, xfs := FileSystem{Type: "ext4"}, FileSystem{Type: "ext4", JournalData: true}, FileSystem{Type: "xfs"}
	disk, loop, lab := Device{}, Device{Loop: true}, Device{Loop: true, Simulated: true}
	list := []place{
		{vfs.GrowZero, false, ext4, disk, true, true},
		{vfs.GrowZero, false, xfs, disk, true, true},
		{vfs.GrowZero, true, ext4, disk, true, true},
		{vfs.GrowZero, false, ext4, Device{WriteThrough: true}, true, true},
		{vfs.GrowZero, false, ext4, lab, true, true},
		{vfs.GrowFallocate, true, xfs, disk, true, false},
		{vfs.GrowAppend, true, ext4, disk, true, false},

		{vfs.GrowZero, false, journal, disk, false, false},
		{vfs.GrowZero, false, ext4, loop, false, false},
		{vfs.GrowZero, false, xfs, loop, false, false},
		{vfs.GrowFallocate, false, ext4, disk, false, false},
		{vfs.GrowFallocate, false, xfs, disk, false, false},
		{vfs.GrowAppend, false, ext4, disk, false, false},
		{vfs.GrowAppend, false, ext4, lab, false, false},
	}
	for _, other := range []string{"", "ext3", "btrfs", "zfs", "overlay", "tmpfs", "nfs4", "apfs"} {
		list = append(list, place{vfs.GrowZero, true, FileSystem{Type: other}, disk, false, false})
	}
	return list
}

func (p place) setting(m vfs.Method) (Setting, string) {
	s := Setting{Method: m, Growth: p.growth, Lapped: p.lapped, FileSystem: p.fs, Device: p.device, Policy: groupcommit.Policy1}
	overwrite := p.overwrite
	if !m.Durable() {
		overwrite = p.unflushed
	}
	if overwrite {
		return s, "overwrite"
	}
	return s, "other"
}

// rows splits an expected table into a map from key (the first n columns) to
// the rest.
func rows(t *testing.T, table string, n int) map[string][]string {
	t.Helper()
	m := make(map[string][]string)
	for line := range strings.Lines(strings.TrimSpace(table)) {
		var cells []string
		for cell := range strings.SplitSeq(strings.TrimSpace(line), "  ") {
			if cell = strings.TrimSpace(cell); cell != "" {
				cells = append(cells, cell)
			}
		}
		if len(cells) != n+int(NumKinds) {
			t.Fatalf("row %q has %d cells, want %d", line, len(cells), n+int(NumKinds))
		}
		m[strings.Join(cells[:n], "|")] = cells[n:]
	}
	return m
}

func TestWatermark(t *testing.T) {
	want := rows(t, wantWatermarks, 2)
	seen := map[string]bool{}
	for _, m := range vfs.Methods.All() {
		for _, p := range places() {
			s, at := p.setting(m)
			key := m.String() + "|" + at
			seen[key] = true
			for _, policy := range groupcommit.Policies.All() {
				s.Policy = policy
				for k := range NumKinds {
					if got := s.Watermark(k).String(); got != want[key][k] {
						t.Errorf("Watermark(%v) of %+v = %s, want %s", k, s, got, want[key][k])
					}
				}
			}
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d combinations of method and place were met, the table has %d", len(seen), len(want))
	}
}

func TestTier(t *testing.T) {
	want := rows(t, wantLosses, 3)
	policies := []struct {
		name   string
		policy groupcommit.Policy
		styles []groupcommit.Style
	}{
		{"1", groupcommit.Policy1, groupcommit.Styles.All()},
		{"1", groupcommit.Policy3, groupcommit.Styles.All()}, // of one log it keeps what 1 keeps
		{"2", groupcommit.Policy2, groupcommit.Styles.All()},
		{"0 classic", groupcommit.Policy0, []groupcommit.Style{groupcommit.Classic}},
		{"0 continuous", groupcommit.Policy0, []groupcommit.Style{groupcommit.Continuous}},
	}
	seen := map[string]bool{}
	for _, m := range vfs.Methods.All() {
		for _, p := range places() {
			for _, pol := range policies {
				s, at := p.setting(m)
				key := strings.Join([]string{m.String(), at, pol.name}, "|")
				seen[key] = true
				for _, style := range pol.styles {
					s.Policy, s.Style = pol.policy, style
					tier := s.Tier()
					survives := [NumKinds]bool{tier.Process, tier.OS, tier.Power}
					for k := range NumKinds {
						if got := tier.Loss[k]; got != want[key][k] {
							t.Errorf("Tier of %+v: %v takes %q, want %q", s, k, got, want[key][k])
						}
						if got := survives[k]; got != (want[key][k] == "none") {
							t.Errorf("Tier of %+v: survives %v = %v, but it takes %q", s, k, got, want[key][k])
						}
					}
				}
			}
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d combinations of method, place and policy were met, the table has %d", len(seen), len(want))
	}
}

// A worse crash never takes less.
func TestExtentGrowsWithTheCrash(t *testing.T) {
	for _, m := range vfs.Methods.All() {
		for _, p := range places() {
			for _, policy := range groupcommit.Policies.All() {
				for _, style := range groupcommit.Styles.All() {
					s, _ := p.setting(m)
					s.Policy, s.Style = policy, style
					if s.Extent(Process) > s.Extent(OS) || s.Extent(OS) > s.Extent(Power) {
						t.Errorf("%+v: extents %v, %v, %v do not grow", s, s.Extent(Process), s.Extent(OS), s.Extent(Power))
					}
				}
			}
		}
	}
}

func TestPosition(t *testing.T) {
	s := Setting{Policy: groupcommit.Policy1, Method: vfs.DirectNone, Growth: vfs.GrowZero, FileSystem: FileSystem{Type: "ext4"}}
	var got [NumKinds]int64
	for k, w := range s.Watermarks() {
		got[k] = Position(w, int64(8), 5)
	}
	if want := [NumKinds]int64{Process: 8, OS: 8, Power: 0}; got != want {
		t.Errorf("written up to 8, flushed up to 5, without flushes: %v is safe; want %v", got, want)
	}
	if p := Position(Flushed, uint64(8), 5); p != 5 {
		t.Errorf("Position(flushed, 8, 5) = %d; want 5", p)
	}
	if p := Position(Watermark(0), uint64(8), 5); p != 0 {
		t.Errorf("Position(0, 8, 5) = %d; want 0: nothing is safe by omission", p)
	}
}

func TestWords(t *testing.T) {
	ext4 := FileSystem{Type: "ext4"}
	for _, c := range []struct {
		s    Setting
		want string
	}{
		{Setting{Policy: groupcommit.Policy1, FileSystem: ext4}, "survives a process crash, a kernel crash and a power cut"},
		{Setting{Policy: groupcommit.Policy2, FileSystem: ext4}, "survives a process crash; a kernel crash or a power cut takes about the last 1 s"},
		{Setting{Policy: groupcommit.Policy2, FileSystem: ext4, Interval: 200 * time.Millisecond}, "survives a process crash; a kernel crash or a power cut takes about the last 200 ms"},
		{Setting{Policy: groupcommit.Policy2, FileSystem: ext4, Method: vfs.DirectFdatasync}, "survives a process crash and a kernel crash; a power cut takes about the last 1 s"},
		{Setting{Policy: groupcommit.Policy2, FileSystem: ext4, Method: vfs.ODsync}, "survives a process crash, a kernel crash and a power cut"},
		{Setting{Policy: groupcommit.Policy0, FileSystem: ext4, Interval: 2500 * time.Millisecond}, "a process crash or a kernel crash or a power cut takes about the last 2.5 s"},
		{Setting{Policy: groupcommit.Policy0, Style: groupcommit.Continuous, FileSystem: ext4}, "a process crash takes the last milliseconds; a kernel crash or a power cut takes about the last 1 s"},
		{Setting{Policy: groupcommit.Policy1, FileSystem: ext4, Method: vfs.None}, "survives a process crash; a kernel crash or a power cut takes anything that was acknowledged"},
		{Setting{Policy: groupcommit.Policy0, FileSystem: ext4, Method: vfs.DirectNone}, "a process crash or a kernel crash takes about the last 1 s; a power cut takes anything that was acknowledged"},
	} {
		if got := c.s.Tier().Words; got != c.want {
			t.Errorf("Tier().Words of %+v = %q, want %q", c.s, got, c.want)
		}
	}
}

func TestAssumes(t *testing.T) {
	const (
		sectors = "a sector is written whole or not at all"
		flushes = "the device honours flushes"
		cache   = "the device has no volatile cache, as it says; then a power cut takes less than is counted here, where only a flush makes safe"
	)
	for _, c := range []struct {
		s    Setting
		want []string
	}{
		{Setting{FileSystem: FileSystem{Type: "ext4"}}, []string{sectors, flushes}},
		{Setting{FileSystem: FileSystem{Type: "ext4"}, Device: Device{WriteThrough: true}}, []string{sectors, flushes, cache}},
		{Setting{FileSystem: FileSystem{Type: "xfs"}, Method: vfs.DirectFdatasync}, []string{sectors, flushes, "xfs overwrites blocks in place, so a direct write outlives the kernel"}},
		{Setting{FileSystem: FileSystem{Type: "btrfs"}, Method: vfs.DirectFdatasync}, []string{sectors, flushes}},
		{Setting{FileSystem: FileSystem{Type: "ext4"}, Device: Device{Loop: true}}, []string{sectors, flushes, "a flush of the loop device reaches the disk below it"}},
		{Setting{FileSystem: FileSystem{Type: "ext4"}, Device: Device{Loop: true, Simulated: true}}, []string{sectors, flushes, "the simulated crash takes what a real one would: all that is in the kernel, nothing that the device has"}},
		{Setting{FileSystem: FileSystem{Type: "ext4"}, Method: vfs.None}, []string{sectors, "flush method none makes nothing durable: what the kernel writes back by itself counts for nothing"}},
	} {
		if got := fmt.Sprint(c.s.Assumes()); got != fmt.Sprint(c.want) {
			t.Errorf("Assumes of %+v = %s, want %v", c.s, got, c.want)
		}
	}
}
