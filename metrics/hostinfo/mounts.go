package hostinfo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Mount is one line of a mountinfo file (proc(5)).
type Mount struct {
	ID      int
	Dev     string   // major:minor of st_dev; the major number is 0 for anonymous devices (btrfs, nfs, tmpfs)
	Root    string   // what of the file system is mounted here: not "/" for bind mounts and subvolumes
	Point   string   // where, as the process sees it
	Type    string   // ext4, btrfs, fuse.sshfs ...
	Source  string   // what the mount command was given, e.g. /dev/sda1, tank/data, host:/export
	Options []string // of the mount and of the file system, "ro" or "rw" first
}

// option returns the value of name=value, and whether name is there at all.
func (m Mount) option(name string) (value string, ok bool) {
	for _, o := range m.Options {
		key, v, _ := strings.Cut(o, "=")
		if key == name {
			return v, true
		}
	}
	return "", false
}

// mounts reads the mount table of a process ("self" or a process id); nil
// when it cannot be read. Lines that make no sense are left out.
func (s Source) mounts(process string) []Mount {
	var all []Mount
	for line := range strings.SplitSeq(s.text("proc", process, "mountinfo"), "\n") {
		if m, err := parseMount(line); err == nil {
			all = append(all, m)
		}
	}
	return all
}

// parseMount reads one line of mountinfo:
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
func parseMount(line string) (Mount, error) {
	front, back, ok := strings.Cut(line, " - ")
	f, b := strings.Fields(front), strings.Fields(back)
	if !ok || len(f) < 6 || len(b) < 1 {
		return Mount{}, fmt.Errorf("hostinfo: mountinfo line %q: want 6 fields or more, \" - \" and 3 fields", line)
	}
	id, err := strconv.Atoi(f[0])
	if err != nil {
		return Mount{}, fmt.Errorf("hostinfo: mountinfo line %q: mount id: %w", line, err)
	}
	m := Mount{ID: id, Dev: f[2], Root: unescape(f[3]), Point: unescape(f[4]), Type: b[0]}
	// An empty source is printed as an empty field, so count from the end.
	rest := strings.Split(strings.TrimPrefix(back, b[0]+" "), " ")
	if len(rest) > 1 {
		m.Source = unescape(rest[0])
	}
	m.Options = mergeOptions(f[5], rest[len(rest)-1])
	return m, nil
}

// mergeOptions joins the options of the mount and of the file system as
// /proc/mounts does: read-only when either is, no option twice.
func mergeOptions(mount, super string) []string {
	mode := "rw"
	merged := []string{mode}
	for o := range strings.SplitSeq(mount+","+super, ",") {
		switch {
		case o == "ro":
			mode = "ro"
		case o == "rw" || o == "" || slices.Contains(merged, unescape(o)):
		default:
			merged = append(merged, unescape(o))
		}
	}
	merged[0] = mode
	return merged
}

// unescape undoes the kernel's octal escapes of space, tab, newline and
// backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// findMount returns the mount with the id, and without a known id the one
// with the longest mount point above path; of two with the same mount point
// the later one, which hides the earlier.
func findMount(mounts []Mount, id int, path string) (Mount, bool) {
	for _, m := range mounts {
		if id != 0 && m.ID == id {
			return m, true
		}
	}
	var best Mount
	found := false
	for _, m := range mounts {
		if isBelow(path, m.Point) && (!found || len(m.Point) >= len(best.Point)) {
			best, found = m, true
		}
	}
	return best, found
}

// isBelow reports whether path is dir or lies below it.
func isBelow(path, dir string) bool {
	return dir == "/" || path == dir || strings.HasPrefix(path, dir+"/")
}

// hidesPID reports whether /proc shows a user only the user's own processes.
func hidesPID(mounts []Mount) bool {
	for _, m := range mounts {
		if m.Type == "proc" && m.Point == "/proc" {
			v, _ := m.option("hidepid")
			return v == "1" || v == "2" || v == "invisible" || v == "noaccess" || v == "ptraceable"
		}
	}
	return false
}

// parseMountID finds "mnt_id:" in the text of a fdinfo file; 0 when absent.
func parseMountID(fdinfo string) int {
	for line := range strings.SplitSeq(fdinfo, "\n") {
		if v, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			id, _ := strconv.Atoi(strings.TrimSpace(v))
			return id
		}
	}
	return 0
}

// Mounts returns the mounts that this process sees, in the order in which they
// were made; nil off Linux.
func Mounts() []Mount { return Real().mounts("self") }

// MountsBelow returns the mount points below dir, dir itself left out; nil
// off Linux.
func MountsBelow(dir string) []string {
	var points []string
	for _, m := range Real().mounts("self") {
		if m.Point != dir && isBelow(m.Point, dir) {
			points = append(points, m.Point)
		}
	}
	return points
}
