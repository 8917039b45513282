package vfs

import (
	"fmt"
	"path"
	"strings"
	"sync"
	"syscall"
)

// Mem is a disk in memory that can crash at any moment. It keeps, for each
// sector of 512 bytes, the durable version and every unflushed version in
// write order; the same for each file's size and each directory's entries.
//
// What it takes for granted (the assumptions of every proof made with it):
//   - A sector is written whole or not at all (but see CrashOptions.Garbage).
//   - Unflushed sectors become durable in any order and independently.
//   - A flush moves all writes to that file that completed before it started,
//     with the file's size; a write-through write and rwf_dsync move their own
//     sectors and, if it grows, the size. Neither moves another file.
//   - A directory's operations become durable in order, by SyncDir, or any
//     number of the oldest by themselves. A rename within a directory is
//     atomic; between two directories a crash may leave both names or none.
//   - O_DIRECT reads and writes see what buffered ones wrote.
//
// Paths are absolute or relative to the root, which always exists. Safe for
// concurrent use; every operation is one step under one mutex, but a flush has
// a start and an effect, with SetFlushHook between. With one goroutine all is
// deterministic.
type Mem struct {
	counts counters

	mu        sync.Mutex
	root      *memNode
	nextID    int
	seq       uint64 // history position of the last change
	events    int
	stopAfter int // number of events; < 0: never
	crashed   bool
	flushing  int    // flushes between start and effect
	flushHook func() // may be nil
	units     []unit // of a crashed disk: what Unflushed counts
}

// NewMem returns an empty disk.
func NewMem() *Mem {
	m := &Mem{stopAfter: -1}
	m.root = m.newNodeLocked(true)
	return m
}

// Events returns how many writes, flushes and changes of metadata the disk has
// completed. Reads, opens, and flushes that have nothing to do (none and the
// write-through methods) are no events; WriteDurableAt is one where the method
// has a single call for it, else two.
func (m *Mem) Events() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.events
}

// CrashAfter lets the disk stop right after event n of its life (n <= Events()
// stops it now; n < 0 never): every later operation fails with ErrCrashed. If
// the first of them is a write, it is the write in flight that CrashOptions
// can tear. Crash then gives the disk after the crash.
func (m *Mem) CrashAfter(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopAfter = n
}

// SetFlushHook has f called without locks between the start of every flush
// (which fixes the writes that it covers) and its effect. For tests that need
// something to happen during a flush. REQUIRES: set before the first flush.
func (m *Mem) SetFlushHook(f func()) { m.flushHook = f }

// Counts returns what would have been system calls.
func (m *Mem) Counts() Counts { return m.counts.snapshot() }

func (m *Mem) newNodeLocked(dir bool) *memNode {
	n := &memNode{id: m.nextID}
	m.nextID++
	if dir {
		n.dir = &memDir{live: map[string]*memNode{}, dur: map[string]*memNode{}}
	}
	return n
}

// aliveLocked fails once the disk has stopped.
func (m *Mem) aliveLocked() error {
	if m.stopAfter >= 0 && m.events >= m.stopAfter {
		m.crashed = true
	}
	if m.crashed {
		return ErrCrashed
	}
	return nil
}

// eventLocked counts a change and returns its position in the history.
func (m *Mem) eventLocked() uint64 {
	m.events++
	m.seq++
	return m.seq
}

// lookupLocked finds the node at p among the live entries.
func (m *Mem) lookupLocked(p string) (*memNode, error) {
	n := m.root
	for _, name := range strings.Split(cleanPath(p), "/") {
		if name == "" {
			continue
		}
		if n.dir == nil {
			return nil, syscall.ENOTDIR
		}
		next, ok := n.dir.live[name]
		if !ok {
			return nil, ErrNotExist
		}
		n = next
	}
	return n, nil
}

// cleanPath gives absolute and relative spellings of a path one form.
func cleanPath(p string) string { return strings.TrimPrefix(path.Clean("/"+p), "/") }

// parentLocked finds the directory that holds p, and p's base name.
func (m *Mem) parentLocked(p string) (dir *memDir, base string, err error) {
	clean := cleanPath(p)
	if clean == "" {
		return nil, "", syscall.EINVAL
	}
	n, err := m.lookupLocked(path.Dir("/" + clean))
	if err != nil {
		return nil, "", err
	}
	if n.dir == nil {
		return nil, "", syscall.ENOTDIR
	}
	return n.dir, path.Base(clean), nil
}

// Create implements FS.
func (m *Mem) Create(p string, method Method) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.addLocked(p, false)
	if err != nil {
		return nil, fmt.Errorf("vfs: create %s: %w", p, err)
	}
	return newMemFile(m, n, p, method, false), nil
}

// Mkdir implements FS.
func (m *Mem) Mkdir(p string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.addLocked(p, true); err != nil {
		return fmt.Errorf("vfs: mkdir %s: %w", p, err)
	}
	return nil
}

// addLocked enters a new node at p.
func (m *Mem) addLocked(p string, isDir bool) (*memNode, error) {
	if err := m.aliveLocked(); err != nil {
		return nil, err
	}
	dir, base, err := m.parentLocked(p)
	if err != nil {
		return nil, err
	}
	if _, ok := dir.live[base]; ok {
		return nil, ErrExist
	}
	n := m.newNodeLocked(isDir)
	m.eventLocked()
	dir.change(dirChange{base, n})
	return n, nil
}

// Open implements FS.
func (m *Mem) Open(p string, method Method) (File, error) { return m.open(p, method, false) }

// OpenRead implements FS.
func (m *Mem) OpenRead(p string) (File, error) { return m.open(p, None, true) }

func (m *Mem) open(p string, method Method, readOnly bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.aliveLocked()
	var n *memNode
	if err == nil {
		n, err = m.lookupLocked(p)
	}
	if err == nil && n.dir != nil {
		err = syscall.EISDIR
	}
	if err != nil {
		return nil, fmt.Errorf("vfs: open %s: %w", p, err)
	}
	return newMemFile(m, n, p, method, readOnly), nil
}

// Rename implements FS for files and directories; a directory in the way of
// newPath is an error.
func (m *Mem) Rename(oldPath, newPath string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.renameLocked(oldPath, newPath); err != nil {
		return fmt.Errorf("vfs: rename %s %s: %w", oldPath, newPath, err)
	}
	return nil
}

func (m *Mem) renameLocked(oldPath, newPath string) error {
	if err := m.aliveLocked(); err != nil {
		return err
	}
	from, oldBase, err := m.parentLocked(oldPath)
	if err != nil {
		return err
	}
	to, newBase, err := m.parentLocked(newPath)
	if err != nil {
		return err
	}
	n, ok := from.live[oldBase]
	if !ok {
		return ErrNotExist
	}
	if n.dir != nil && strings.HasPrefix(cleanPath(newPath)+"/", cleanPath(oldPath)+"/") {
		return syscall.EINVAL
	}
	if old, ok := to.live[newBase]; ok && (old.dir != nil || n.dir != nil) {
		return ErrExist
	}
	m.eventLocked()
	switch {
	case from != to:
		to.change(dirChange{newBase, n})
		from.change(dirChange{oldBase, nil})
	case oldBase != newBase:
		from.change(dirChange{oldBase, nil}, dirChange{newBase, n})
	}
	return nil
}

// Remove implements FS for files and empty directories. Open files stay usable.
func (m *Mem) Remove(p string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.removeLocked(p); err != nil {
		return fmt.Errorf("vfs: remove %s: %w", p, err)
	}
	return nil
}

func (m *Mem) removeLocked(p string) error {
	if err := m.aliveLocked(); err != nil {
		return err
	}
	dir, base, err := m.parentLocked(p)
	if err != nil {
		return err
	}
	n, ok := dir.live[base]
	if !ok {
		return ErrNotExist
	}
	if n.dir != nil && len(n.dir.live) > 0 {
		return syscall.ENOTEMPTY
	}
	m.eventLocked()
	dir.change(dirChange{base, nil})
	return nil
}

// List implements FS.
func (m *Mem) List(p string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.dirLocked(p)
	if err != nil {
		return nil, fmt.Errorf("vfs: list %s: %w", p, err)
	}
	return sortedKeys(n.live), nil
}

// SyncDir implements FS. It counts as one Fsync.
func (m *Mem) SyncDir(p string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.dirLocked(p)
	if err != nil {
		return fmt.Errorf("vfs: sync folder %s: %w", p, err)
	}
	m.eventLocked()
	m.counts.fsync.Add(1)
	d.flush(len(d.pend))
	return nil
}

func (m *Mem) dirLocked(p string) (*memDir, error) {
	if err := m.aliveLocked(); err != nil {
		return nil, err
	}
	n, err := m.lookupLocked(p)
	if err != nil {
		return nil, err
	}
	if n.dir == nil {
		return nil, syscall.ENOTDIR
	}
	return n.dir, nil
}

// Stat implements FS.
func (m *Mem) Stat(p string) (size int64, isDir bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var n *memNode
	if err = m.aliveLocked(); err == nil {
		n, err = m.lookupLocked(p)
	}
	if err != nil {
		return 0, false, fmt.Errorf("vfs: stat %s: %w", p, err)
	}
	return n.size, n.dir != nil, nil
}
