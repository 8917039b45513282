package binlog

import (
	"errors"
	"fmt"
	"path/filepath"

	"flushbench/engine/vfs"
)

// Truncate cuts the last file at the end of its last complete transaction,
// ends it with a Stop event and marks it as closed, all of it durable, and
// returns what Scan would then find. Doing it again, or after a crash in
// between, comes to the same. A clean log is left alone.
//
// REQUIRES: r is what Scan has just found; the engine has durably decided
// every transaction that it found prepared.
func Truncate(fs vfs.FS, dir string, r Recovered) (Recovered, error) {
	if r.Clean {
		return r, nil
	}
	path := filepath.Join(dir, r.Last())
	f, err := fs.Open(path, vfs.Fdatasync)
	if err != nil {
		return r, fmt.Errorf("binlog: truncate %s: %w", path, err)
	}
	size, err := cut(f, r)
	if err = errors.Join(err, f.Close()); err != nil {
		return r, fmt.Errorf("binlog: truncate %s at %d: %w", path, r.ValidPos, err)
	}
	r.Files = append([]File(nil), r.Files...)
	r.Files[len(r.Files)-1].Size = size
	r.Clean, r.Ended, r.ValidPos, r.Reason = true, true, size, "end of file"
	r.DroppedEvents, r.DroppedTrx = 0, 0
	return r, nil
}

// cut does the work of Truncate and returns the file's size.
func cut(f vfs.File, r Recovered) (int64, error) {
	size := r.ValidPos
	if err := f.Truncate(size); err != nil {
		return 0, err
	}
	// NB: what was cut off must not come back after the Stop event.
	if err := f.Sync(); err != nil {
		return 0, err
	}
	if !r.Ended {
		stop := appendStop(nil, r.serverID)
		seal(stop, r.time, size+int64(len(stop)))
		if _, err := f.WriteAt(stop, size); err != nil {
			return 0, err
		}
		if err := f.Flush(); err != nil {
			return 0, err
		}
		size += int64(len(stop))
	}
	return size, clearInUse(f, f.Flush)
}
