package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"flushbench/workload/process"
)

// A killed PostgreSQL leaves shared memory: files in /dev/shm, which the process's
// map of memory names, and a System V segment of a few bytes, which postmaster.pid
// names. The next start on the same folder would remove both, if there is one.

// sharedName is the only thing that is ever removed outside of a server's folder.
var sharedName = regexp.MustCompile(`^/dev/shm/PostgreSQL\.\d+$`)

// sharedNames returns the files of shared memory of a server.
func sharedNames(main process.ID) (names []string) {
	family, err := main.Family()
	if err != nil {
		return nil
	}
	for _, p := range family {
		text, err := os.ReadFile(process.Path(p.PID, "maps"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			at := strings.IndexByte(line, '/')
			if at < 0 {
				continue
			}
			if name := strings.TrimSpace(line[at:]); sharedName.MatchString(name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// removeShared removes the shared memory of a server that runs no more.
func removeShared(f *folder, names []string) error {
	var errs []error
	for _, name := range names {
		if !sharedName.MatchString(name) {
			continue
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("private server: %w", err))
		}
	}
	return errors.Join(append(errs, removeSegment(f.data()))...)
}

// Line of postmaster.pid that holds key and number of the segment, from 0.
const lineOfSegment = 6

// segmentOf returns number and key of the segment that postmaster.pid names; ok is
// false when there is no such file: not PostgreSQL's folder, or it has tidied up.
func segmentOf(data string) (id, key int, ok bool) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	if err != nil || len(lines) <= lineOfSegment {
		return 0, 0, false
	}
	_, err = fmt.Sscan(lines[lineOfSegment], &key, &id)
	return id, key, err == nil
}

// removeSegment removes that segment, if it belongs to the owner of the data folder
// and nobody has it attached: the number may have been given away again.
func removeSegment(data string) error {
	id, key, ok := segmentOf(data)
	info, err := os.Stat(data)
	if !ok || err != nil {
		return nil //nolint:nilerr // no folder, no segment
	}
	var d unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &d); err != nil {
		return nil //nolint:nilerr // it is gone
	}
	if owner, _ := ownerOf(info); d.Nattch != 0 || d.Perm.Cuid != owner || int(d.Perm.Key) != key {
		return nil
	}
	if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil {
		return fmt.Errorf("private server: shared memory %d: %w", id, err)
	}
	return nil
}
