// Package bufpool keeps pages of 16 KiB in a bounded memory, ties every change
// of them to the redo log, and brings them back to their data files.
//
// A change goes through a mini-transaction (Mtr): it latches pages, changes
// bytes, and Commit writes one redo record, notes the pages as dirty and
// lets go of the latches. Dirty pages are flushed in batches by the page
// cleaner, by those who need a frame, or by FlushAll: copied, the log flushed
// up to them, written to the doublewrite file, flushed, written in place,
// flushed. Frames are replaced by an LRU list with a midpoint.
//
// It is no transaction system: it knows no rows, no locks, no rollback. It
// does not own the log, and sees it through the small interface Log; taking
// checkpoints is the caller's, who may go up to Oldest.
//
// INVARIANTS:
//   - Every change of an LSN below Oldest() is durable in the data files.
//   - No image of a page is written anywhere before the log is flushed up to
//     its page LSN.
//   - At every moment a page is whole in place or in the doublewrite file
//     (unless that is switched off: then a torn page is found when it is read).
//   - A page whose checksum or identity is wrong is never handed out.
//   - After the first write or flush that fails, nothing is written any more.
//
// A page that is in the pool is found and pinned without a mutex (findPinned).
//
// Order of latches and mutexes: the cleaner's and the forcer's batch.mu; page
// latches; the batch.mu of those who need a frame, who may hold latches and
// never wait for one while they have it; Pool.io; Pool.mu; dirtyList.mu.
package bufpool

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
)

// Log is what the pool needs of the redo log. Safe for concurrent use.
type Log interface {
	// Append writes one record of redo.TypeMtr and returns its range. It is
	// called with page latches held: it must not wait for page flushes. The
	// body is the caller's again when it returns.
	Append(w0, w1 uint64, body []byte) (start, end lsn.LSN, err error)
	// Reserved is the end of the log: the start of the next record or below it.
	// It must not wait.
	Reserved() lsn.LSN
	// FlushUpTo returns when the log is durable up to an LSN.
	FlushUpTo(to lsn.LSN) error
	// Room returns when so many bytes fit between Reserved and the checkpoint
	// (log_free_check), at once when Age leaves that much. The caller holds no
	// latches, and the pool flushes at full urgency meanwhile.
	Room(bytes int) error
	// Age is Reserved less the checkpoint, and how large it may become.
	Age() (age, capacity lsn.LSN)
	// Fail tells that pages cannot be flushed any more: no wait in Room may last
	// for ever then. It must not call the pool; the first error counts.
	Fail(err error)
}

// The limits of Options.
const (
	// DefaultCleanInterval is how often the cleaner looks around by itself.
	DefaultCleanInterval = 100 * time.Millisecond
	// DefaultIOCapacity is the pages a second of adaptive flushing at 1.
	DefaultIOCapacity = 2000
	// DefaultOldTime is InnoDB's innodb_old_blocks_time.
	DefaultOldTime = time.Second
	// MaxBytes bounds the pool: 1 TiB.
	MaxBytes = 1 << 40
)

// Options describe a pool.
type Options struct {
	FS     vfs.FS
	Dir    string
	Method vfs.Method // of the data files and the doublewrite file
	// Bytes is the size of all frames together; it is rounded down to pages and
	// must be at least MinBytes(Mtrs).
	Bytes int64
	// Mtrs is the most mini-transactions at a time, at least 1.
	Mtrs int
	Log  Log // may be nil with ForcePages only
	// NoDoublewrite writes pages in place at once: a torn page is then found
	// when it is read, and beyond repair.
	NoDoublewrite bool
	// ForcePages is a pool without redo: page LSNs are a counter of its own,
	// and a change is durable when ForcePages was called for its page.
	ForcePages bool
	// CleanInterval is how often the cleaner looks around without being
	// kicked; 0: DefaultCleanInterval.
	CleanInterval time.Duration
	// IOCapacity is how many pages a second adaptive flushing writes at an
	// urgency of 1; 0: DefaultIOCapacity.
	IOCapacity int
	// OldTime is how long after its first use a page must be used again to
	// leave the old sublist; 0: DefaultOldTime, below 0: at once.
	OldTime time.Duration
	// Advanced, if not nil, is called after each batch, by the goroutine that
	// flushed it: Oldest may have grown. It must not wait for the pool.
	Advanced func()
	// Failed, if not nil, is told once of the error that stops the pool, by the
	// goroutine that met it, which may hold latches. It must not call the pool.
	Failed func(err error)
}

// MinBytes is the smallest pool for so many concurrent mini-transactions:
// 64 frames, and 8 for each of them. They hold at most maxHeld pages each; so
// there is always a frame that nobody holds, and waiting for one ends.
func MinBytes(mtrs int) int64 { return int64(64+8*mtrs) * PageSize }

var errClosed = errors.New("bufpool: the pool is closed")

// Pool is a buffer pool with its data files. Safe for concurrent use.
type Pool struct {
	opts     Options
	log      Log // nil: none
	spaces   [numSpaces]*space
	dw       doublewrite // guarded by io once the pool is open
	frames   []frame
	memory   int64
	release  func() error
	reserved func() lsn.LSN // end of the log

	seq atomic.Uint64 // the LSN counter of a pool without log

	mu         sync.Mutex // page table, LRU list, free list
	table      table
	lru        lru
	free       []int32
	freed      *sync.Cond // a frame may be had; waiters count in starved
	misses     uint64
	frameWaits uint64
	evictions  uint64 // batches flushed by those who need a frame
	starved    atomic.Int32
	hits       atomic.Uint64 // counted when the mini-transaction ends

	dirty dirtyList

	// io is held while a batch is written, doublewrite and in place, and while a
	// file grows.
	io sync.Mutex

	evict   *batch // of those who need a frame
	cleaner cleaner
	force   forcer
	redoing struct {
		sync.Mutex
		m Mtr
	}

	failed atomic.Pointer[error]
	closed atomic.Bool
	stats  counters
}

// Create makes empty data files and an empty doublewrite file in an existing
// directory, zero-filled and flushed, the directory too. It fails when one of
// them exists.
func Create(fs vfs.FS, dir string, m vfs.Method) error {
	for _, name := range spaceFiles {
		if err := createSpace(fs, filepath.Join(dir, name), m); err != nil {
			return err
		}
	}
	if err := createDoublewrite(fs, filepath.Join(dir, DoublewriteFile), m); err != nil {
		return err
	}
	if err := fs.SyncDir(dir); err != nil {
		return fmt.Errorf("bufpool: create files in %s: %w", dir, err)
	}
	return nil
}

// Open opens the files that Create made and starts the page cleaner.
// REQUIRES: after a crash, RepairDoublewrite ran before; the first batch
// overwrites what it would need.
func Open(o Options) (*Pool, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	p := &Pool{opts: o, log: o.Log}
	p.reserved = func() lsn.LSN { return lsn.LSN(p.seq.Load()) }
	p.seq.Store(1)
	if p.log != nil {
		p.reserved = p.log.Reserved
	}
	if err := p.openFiles(); err != nil {
		return nil, errors.Join(err, p.closeFiles())
	}
	if err := p.allocate(); err != nil {
		return nil, errors.Join(err, p.closeFiles())
	}
	p.cleaner.start(p)
	return p, nil
}

func (o *Options) check() error {
	switch {
	case o.Log == nil && !o.ForcePages:
		return errors.New("bufpool: open: no log; a pool without one needs ForcePages")
	case o.Log != nil && o.ForcePages:
		return errors.New("bufpool: open: a log and ForcePages; want one of them")
	case o.Mtrs < 1:
		return fmt.Errorf("bufpool: open: room for %d mini-transactions; want at least 1", o.Mtrs)
	case o.Bytes < MinBytes(o.Mtrs) || o.Bytes > MaxBytes:
		return fmt.Errorf("bufpool: open: a pool of %d bytes; %d mini-transactions need %d to %d bytes", o.Bytes, o.Mtrs, MinBytes(o.Mtrs), int64(MaxBytes))
	case o.CleanInterval < 0 || o.IOCapacity < 0:
		return fmt.Errorf("bufpool: open: clean interval %v, I/O capacity %d; want at least 0", o.CleanInterval, o.IOCapacity)
	}
	if o.CleanInterval == 0 {
		o.CleanInterval = DefaultCleanInterval
	}
	if o.IOCapacity == 0 {
		o.IOCapacity = DefaultIOCapacity
	}
	switch {
	case o.OldTime == 0:
		o.OldTime = DefaultOldTime
	case o.OldTime < 0:
		o.OldTime = 0
	}
	return nil
}

func (p *Pool) openFiles() error {
	o := &p.opts
	h, ok, err := p.dw.open(o.FS, filepath.Join(o.Dir, DoublewriteFile), o.Method)
	if err != nil {
		return err
	}
	for i, name := range spaceFiles {
		noted := int64(-1)
		if ok {
			noted = h.sizes[i]
		}
		s, err := openSpace(o.FS, o.Dir, name, o.Method, noted)
		if err != nil {
			return err
		}
		p.spaces[i] = s
	}
	// The old batch is forgotten. It would be overwritten anyway, but not by a
	// pool without doublewrite: after a later crash its copies could then pass
	// for the newest images of pages that were torn in place.
	return p.dw.note(p.sizes())
}

// allocate makes frames and batches. All memory of pages is one piece, so that none of
// it is on the heap.
func (p *Pool) allocate() error {
	n := int(p.opts.Bytes / PageSize)
	evict, clean, force := min(maxBatch/4, n/8), min(maxBatch, n/4), min(maxBatch, n/8)
	size := (n + 3 + evict + clean + force) * PageSize // a batch has a header page, too
	mem, release, err := allocFrames(size, max(frameAlign, p.dw.file.Align()))
	if err != nil {
		return err
	}
	p.release, p.memory = release, int64(size)
	p.frames = make([]frame, n)
	p.free = make([]int32, n)
	for i := range p.frames {
		f := &p.frames[i]
		f.buf, f.self = mem[i*PageSize:(i+1)*PageSize:(i+1)*PageSize], int32(i)
		p.free[n-1-i] = int32(i)
	}
	p.table = newTable(p.frames)
	p.lru.init(p.frames, int64(p.opts.OldTime))
	p.freed = sync.NewCond(&p.mu)
	p.dirty.init(p.frames)
	mem = mem[n*PageSize:]
	p.evict, mem = newBatch(evict, mem)
	p.cleaner.batch, mem = newBatch(clean, mem)
	p.force.batch, _ = newBatch(force, mem)
	return nil
}

// Oldest returns the LSN up to which every change is in the data files,
// durably: a checkpoint may go there, and no further. It never decreases.
func (p *Pool) Oldest() lsn.LSN { return p.dirty.oldest(p.reserved) }

// Extend makes the file of a space large enough for so many pages, zero-filled
// and flushed, so that later flushes change no metadata. An error is final.
func (p *Pool) Extend(space uint8, pages int64) error {
	if space >= numSpaces || pages < 0 || pages > MaxPageNo {
		return fmt.Errorf("bufpool: extend space %d to %d pages: no such space, or beyond %d pages", space, pages, int64(MaxPageNo))
	}
	p.io.Lock()
	defer p.io.Unlock()
	if err := p.Err(); err != nil {
		return err
	}
	if err := p.grow(p.spaces[space], pages*PageSize); err != nil {
		return p.fail(err)
	}
	return nil
}

// Err returns the error that stopped the pool, nil while it works.
func (p *Pool) Err() error {
	if e := p.failed.Load(); e != nil {
		return *e
	}
	return nil
}

// fail stops the pool for good and returns the error that did. Whoever waits
// for a frame or a flush is woken.
func (p *Pool) fail(err error) error {
	if p.failed.CompareAndSwap(nil, &err) {
		if p.log != nil {
			p.log.Fail(err)
		}
		if p.opts.Failed != nil {
			p.opts.Failed(err)
		}
	}
	p.mu.Lock()
	p.freed.Broadcast()
	p.mu.Unlock()
	p.dirty.mu.Lock()
	p.dirty.done.Broadcast()
	p.dirty.mu.Unlock()
	return p.Err()
}

// flushLog is the WAL rule.
func (p *Pool) flushLog(to lsn.LSN) error {
	if p.log == nil {
		return nil
	}
	if err := p.log.FlushUpTo(to); err != nil {
		return fmt.Errorf("bufpool: flush the log up to page LSN %v: %w", to, err)
	}
	return nil
}

// Close stops the cleaner and closes the files. It flushes nothing: call
// FlushAll before for a clean end. It returns the error that stopped the pool,
// if any. A second Close does nothing.
// REQUIRES: no mini-transaction is under way; the log still works.
func (p *Pool) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	p.cleaner.end()
	err := p.Err()
	p.failed.CompareAndSwap(nil, &errClosed) // nobody touches a frame from here on
	return errors.Join(err, p.closeFiles(), p.release())
}

func (p *Pool) closeFiles() error {
	var err error
	for _, s := range p.spaces {
		if s != nil {
			err = errors.Join(err, s.file.Close())
		}
	}
	if p.dw.file != nil {
		err = errors.Join(err, p.dw.file.Close())
	}
	return err
}
