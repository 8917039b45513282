package lesson

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/rebuild"
	"flushbench/engine/vfs"
)

// replica follows a source on the in-memory disk. It is told where a server's thread
// that sends is woken up: once a group is written to the binlog, or, if the source
// waits, once that is flushed; and it reads as far as that thread does.
type replica struct {
	m        *memory
	waits    bool
	follower *rebuild.Follower
	db       *engine.Database

	mu    sync.Mutex // held while it reads
	sent  sent
	err   error
	polls int    // at 0 stop is called; below 0 never
	stop  func() // may be nil
}

// follow begins with the binlog of an open database, before its load.
func (r *replica) follow(mem *vfs.Mem, db *engine.Database) (err error) {
	dir := db.Options().BinlogDir()
	r.db, r.sent = db, sent{FS: mem, upTo: math.MaxInt64}
	if r.sent.last, r.sent.before, err = lastBinlog(mem, dir); err != nil {
		return err
	}
	r.follower, err = rebuild.NewFollower(rebuild.Options{FS: &r.sent, Dir: dir, Base: baseOf(r.m.txns), Seed: 1})
	return err
}

// hook is told of the crash points of the source.
func (r *replica) hook(at engine.CrashPoint) {
	if r.follower == nil || at != r.woken() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waits {
		r.sent.upTo = int64(r.db.Marks().BinlogFlushed)
	}
	if r.err == nil {
		_, r.err = r.follower.Poll()
	}
	if r.polls--; r.polls == 0 && r.stop != nil {
		r.stop()
	}
}

// woken is when something is sent.
func (r *replica) woken() engine.CrashPoint {
	if r.waits {
		return engine.BeforeEngine
	}
	return engine.BeforeSync
}

// ended ends the replica, whose source has stopped. That the disk has stopped is no
// failure of its own.
func (r *replica) ended() error {
	err := errors.Join(r.err, r.follower.Close())
	if errors.Is(err, vfs.ErrCrashed) {
		return nil
	}
	return err
}

// sent is the binlog as far as it was sent: its last file seems to end there.
type sent struct {
	vfs.FS
	last   string // base name of the file that is written
	before int64  // bytes of the files before it
	upTo   int64  // position in the log
}

// OpenRead implements vfs.FS.
func (s *sent) OpenRead(path string) (vfs.File, error) {
	f, err := s.FS.OpenRead(path)
	if err != nil || filepath.Base(path) != s.last {
		return f, err
	}
	return &sentFile{f, s}, nil
}

type sentFile struct {
	vfs.File
	log *sent
}

// Size implements vfs.File.
func (f *sentFile) Size() (int64, error) {
	size, err := f.File.Size()
	return min(size, max(0, f.log.upTo-f.log.before)), err
}

// lastBinlog names the file of a binlog that is being written, and says how many bytes
// the files before it have.
func lastBinlog(fs vfs.FS, dir string) (last string, before int64, err error) {
	names, err := fs.List(dir)
	if err != nil {
		return "", 0, err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasPrefix(name, strings.TrimRight(binlog.FileName(0), "0")) || name == binlog.IndexName
	})
	if len(names) == 0 {
		return "", 0, errors.New("lesson: there is no binlog in " + dir)
	}
	for _, name := range names[:len(names)-1] {
		size, _, err := fs.Stat(filepath.Join(dir, name))
		if err != nil {
			return "", 0, err
		}
		before += size
	}
	return names[len(names)-1], before, nil
}
