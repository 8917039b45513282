package hostinfo

import (
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// servers returns the database servers that run and are not part of our own
// process tree.
func (s Source) servers() []process {
	parent := s.parents()
	var all []process
	for pid, up := range parent {
		if s.isOurs(pid, parent) {
			continue
		}
		dir := strconv.Itoa(pid)
		line := s.text("proc", dir, "cmdline")
		if line == "" {
			continue // it is ending, or dead and nobody has asked for it yet
		}
		args := strings.Split(strings.TrimRight(line, "\x00"), "\x00")
		if name := serverName(s.text("proc", dir, "comm"), args); name != "" {
			all = append(all, process{pid: pid, parent: up, name: name, args: args})
		}
	}
	return all
}

// parents maps every process id to that of its parent.
func (s Source) parents() map[int]int {
	parent := map[int]int{}
	for _, name := range s.names("proc") {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		parent[pid] = parentOf(s.text("proc", name, "stat"))
	}
	return parent
}

// parentOf reads the parent's id from the text of /proc/PID/stat; the command
// in brackets before it may hold spaces and brackets itself. 0 when unknown.
func parentOf(stat string) int {
	_, after, _ := cutLast(stat, ")")
	f := strings.Fields(after)
	if len(f) < 2 {
		return 0
	}
	pid, _ := strconv.Atoi(f[1])
	return pid
}

// isOurs reports whether pid is s.Self or descends from it.
func (s Source) isOurs(pid int, parent map[int]int) bool {
	return below(pid, parent, []int{s.Self})
}

// below reports whether pid is one of the roots or descends from it. The process 0,
// above all others, is no root.
func below(pid int, parent map[int]int, roots []int) bool {
	for range len(parent) + 1 {
		if pid != 0 && slices.Contains(roots, pid) {
			return true
		}
		up, ok := parent[pid]
		if !ok {
			return false
		}
		pid = up
	}
	return false // the table changed while it was read and has a circle
}

// linkText returns what a symbolic link says, without following it.
func (s Source) linkText(name string) (string, bool) {
	target, err := fs.ReadLink(s.Root, name)
	return target, err == nil
}
