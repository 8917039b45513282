package hostinfo

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/result"
)

// Neighbour is a database server with files on the measured device.
type Neighbour struct {
	PID     int
	Command string // mysqld, postgres, cassandra ...
	Path    string // one of its files on the device
	Device  string // the disk that both use, e.g. nvme0n1; the server or pool where there is no disk
	Assumed bool   // its files could not be looked at; Path is where its data folder lies or should lie
}

// NeighbourReport is what Neighbours found.
type NeighbourReport struct {
	Found []Neighbour // one a server, ordered by process id
	Notes []string    // what could not be looked at; nothing found means little then
}

// Neighbours looks for database servers that have files open on the device
// of env. It walks /proc, skips this process and what it started, never opens
// or stats another process's files and so cannot be blocked by them. Off
// Linux it finds nothing and says so.
func Neighbours(ctx context.Context, env result.Environment) (NeighbourReport, error) {
	return Real().Neighbours(ctx, env)
}

// process is a candidate: a database server outside our own tree.
type process struct {
	pid, parent int
	name        string
	args        []string
}

// Neighbours looks in the process table of s.
func (s Source) Neighbours(ctx context.Context, env result.Environment) (NeighbourReport, error) {
	var r NeighbourReport
	keys := storageKeys(env)
	if len(keys) == 0 {
		if !env.Volatile {
			r.Notes = append(r.Notes, "the device is unknown: other users of it could not be looked for")
		}
		return r, nil
	}
	mounts := s.mounts("self")
	if len(mounts) == 0 {
		r.Notes = append(r.Notes, "there is no process table to look for other users of the device")
		return r, nil
	}
	if hidesPID(mounts) {
		r.Notes = append(r.Notes, "not all processes could be looked at: /proc hides those of other users (hidepid)")
	}
	if c := s.container(); c != "" {
		r.Notes = append(r.Notes, "not all processes could be looked at: those outside this container cannot be seen")
	}
	denied, servers := 0, s.servers()
	for _, p := range servers {
		if err := ctx.Err(); err != nil {
			return r, fmt.Errorf("hostinfo: looking for other users of the device: %w", err)
		}
		n, found, readable := s.neighbour(p, keys, mounts)
		if found {
			r.Found = append(r.Found, n)
		} else if !readable {
			denied++
		}
	}
	if denied > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("not all processes could be looked at: %d database servers of other users", denied))
	}
	r.Found = onePerServer(r.Found, servers)
	return r, nil
}

// storageKeys names what two folders share when they are on the same storage:
// the disks at the bottom, or the file server or pool where there are none.
func storageKeys(env result.Environment) []string {
	var keys []string
	for _, n := range env.Device.Stack {
		if n.Type == result.StackDisk {
			keys = append(keys, n.Name)
		}
	}
	if len(keys) == 0 && env.Device.Name != "" {
		keys = append(keys, env.Device.Name)
	}
	if len(keys) == 0 && !env.Volatile {
		keys = sourceKeys(env.Filesystem, env.MountSource)
	}
	return keys
}

// sourceKeys is storageKeys for file systems without a block device.
func sourceKeys(fsType, source string) []string {
	switch {
	case fsType == "zfs" && source != "":
		pool, _, _ := strings.Cut(source, "/")
		return []string{"pool " + pool}
	case remoteFS[fsType] != "" && source != "":
		return []string{source}
	}
	return nil
}

// keysOf are the storage keys of a mount.
func (s Source) keysOf(m Mount, mounts []Mount) []string {
	layers := s.layersOf(m, mounts)
	if len(layers) == 0 {
		return sourceKeys(m.Type, m.Source)
	}
	var keys []string
	for _, l := range layers {
		if l.Type == result.StackDisk {
			keys = append(keys, l.Name)
		}
	}
	return keys
}

// neighbour looks at one server. readable is false when its files could not
// be looked at and its data folder is not known to be elsewhere.
func (s Source) neighbour(p process, keys []string, mounts []Mount) (n Neighbour, found, readable bool) {
	n = Neighbour{PID: p.pid, Command: p.name}
	pid := strconv.Itoa(p.pid)
	fds := s.names("proc", pid, "fd")
	theirs := s.mounts(pid)
	if len(theirs) == 0 {
		theirs = mounts
	}
	seen := map[int]string{} // mount id to shared key, "" for none
	for _, fd := range fds {
		readable = true
		file, key := s.openFile(pid, fd, keys, theirs, seen)
		if key != "" {
			n.Path, n.Device = file, key
			return n, true, true
		}
	}
	if readable {
		return n, false, true
	}
	folder := dataFolder(p.name, p.args)
	m, ok := findMount(theirs, 0, folder)
	if folder == "" || !ok {
		return n, false, false
	}
	if key := shared(keys, s.keysOf(m, theirs)); key != "" {
		n.Path, n.Device, n.Assumed = folder, key, true
		return n, true, false
	}
	return n, false, false
}

// openFile returns the path of an open file and the storage that it shares
// with keys, "" for none. Only links and fdinfo are read.
func (s Source) openFile(pid, fd string, keys []string, mounts []Mount, seen map[int]string) (file, key string) {
	target, ok := s.linkText(path.Join("proc", pid, "fd", fd))
	if !ok || !strings.HasPrefix(target, "/") {
		return "", "" // a pipe, a socket, or closed meanwhile
	}
	if dev := s.numberOf(target); dev != "" { // the raw device is open
		w := walker{s: s, mounts: mounts}
		w.device(dev, 0)
		for _, l := range w.layers {
			if slices.Contains(keys, l.Name) {
				return target, l.Name
			}
		}
		return "", ""
	}
	id := parseMountID(s.text("proc", pid, "fdinfo", fd))
	if id == 0 {
		return "", ""
	}
	if key, ok := seen[id]; ok {
		return target, key
	}
	for _, m := range mounts {
		if m.ID == id {
			key = shared(keys, s.keysOf(m, mounts))
		}
	}
	seen[id] = key
	return target, key
}

// shared returns the first of a that is in b, "" for none.
func shared(a, b []string) string {
	for _, k := range a {
		if slices.Contains(b, k) {
			return k
		}
	}
	return ""
}

// onePerServer makes one of the processes of one server (postgres has many): its
// topmost, whether or not that has files open itself, with the path of the first that
// has.
func onePerServer(found []Neighbour, servers []process) []Neighbour {
	of := map[int]process{}
	for _, p := range servers {
		of[p.pid] = p
	}
	slices.SortFunc(found, func(a, b Neighbour) int { return a.PID - b.PID })
	seen := map[int]bool{}
	var kept []Neighbour
	for _, n := range found {
		for range servers { // no more: a table that changed while it was read may have a circle
			if of[of[n.PID].parent].name != n.Command {
				break
			}
			n.PID = of[n.PID].parent
		}
		if !seen[n.PID] {
			seen[n.PID] = true
			kept = append(kept, n)
		}
	}
	slices.SortFunc(kept, func(a, b Neighbour) int { return a.PID - b.PID })
	return kept
}
