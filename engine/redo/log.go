// Package redo is the redo log: the log buffer that any number of goroutines
// append to without a lock, the records, the circle of files that they are
// written to, its checkpoints, and the reader that recovery starts with.
//
// It does not decide when to write or to flush (groupcommit does) nor what a
// checkpoint may forget (engine does). It holds these watermarks, each with
// one owner and each only growing:
//
//	reserved   any producer                            Buffer
//	ready      the holder of the advance right         Buffer
//	written    the holder of the write right           Log.Write
//	flushed    whoever flushes, one at a time          Log.Flush, Log.Write
//	checkpoint the checkpointer                        Log.SetCheckpoint
//
// INVARIANT: checkpoint <= flushed <= written <= ready <= reserved, and
// written - checkpoint <= the circle.
package redo

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
	"flushbench/engine/yield"
)

// Observer is told of a watermark just before it moves: the moment at which
// most is at risk. Calls come from the goroutine that wrote or flushed, with
// no lock held; two of them may come at the same time (one Written, one
// Flushed). It must be quick. State never depends on it.
type Observer interface {
	Written(from, to lsn.LSN)
	Flushed(from, to lsn.LSN)
}

// NoObserver ignores everything.
type NoObserver struct{}

// Written implements Observer.
func (NoObserver) Written(_, _ lsn.LSN) {}

// Flushed implements Observer.
func (NoObserver) Flushed(_, _ lsn.LSN) {}

// Options of an open log.
type Options struct {
	FS         vfs.FS
	Dir        string
	Method     vfs.Method
	Tail       Tail
	BufferKind BufferKind
	BufferSize int
	Space      Space // see Space; REQUIRED
	Observer   Observer
}

// Log is an open redo log. See the package comment for who may call what.
type Log struct {
	c    *circle
	buf  Buffer
	tail Tail
	obs  Observer

	inc      uint32
	incStart lsn.LSN
	method   vfs.Method
	direct   bool
	side     []byte // aligned, for the last partial block of a direct write
	last     holder // where the last write went; by the holder of the write right
	slot     []byte // aligned, for a checkpoint block

	_          [cacheLines]byte
	written    atomic.Uint64 // by the holder of the write right
	_          [cacheLines - 8]byte
	flushed    atomic.Uint64 // by whoever flushes
	_          [cacheLines - 8]byte
	checkpoint atomic.Uint64 // by the checkpointer: the LSN of the older slot
	ckpt       Checkpoint    // the last one; guarded by the caller's serialisation

	// slot flushes and log flushes may go to the same file at the same time,
	// and the kernel reports a failed write-back to one of them only. So nobody
	// believes a flush before the slot flush beside it has ended well.
	slotFlush struct {
		sync.Mutex
		err error // of the first that failed
	}
}

// Open opens the log for appending at LSN end, which a Reader found to be the
// end of the log, under a new incarnation. Before it returns, a checkpoint
// that announces the incarnation is durable, and what stands at end is
// flushed. last is the checkpoint that the Reader started from; area is the
// engine's side area to go with it (see Checkpoint), at a record boundary
// LSN that is not above end.
func Open(o Options, last Checkpoint, seen uint32, end lsn.LSN, base Checkpoint) (*Log, error) {
	c, err := openCircle(o.FS, o.Dir, func(path string) (vfs.File, error) { return o.FS.Open(path, o.Method) })
	if err != nil {
		return nil, err
	}
	l := &Log{c: c, tail: o.Tail, obs: o.Observer, inc: max(seen, last.Incarnation) + 1, incStart: end, method: o.Method, direct: o.Method.Direct(), ckpt: last}
	if l.obs == nil {
		l.obs = NoObserver{}
	}
	l.side = vfs.AlignedBuffer(blockSize, blockSize)
	l.slot = vfs.AlignedBuffer(blockSize, blockSize)
	for _, f := range c.open {
		if f.Align() > blockSize {
			return nil, errors.Join(fmt.Errorf("redo: open %s: direct writes need an alignment of %d, the log has blocks of %d", f.Name(), f.Align(), blockSize), c.close())
		}
		// What the last incarnation left in the page cache counts from now on.
		if err := f.Sync(); err != nil {
			return nil, errors.Join(fmt.Errorf("redo: open %s: %w", f.Name(), err), c.close())
		}
	}
	l.buf, err = NewBuffer(o.BufferKind, o.BufferSize, end, c.logID, l.inc, o.Space)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	l.written.Store(uint64(end))
	l.flushed.Store(uint64(end))
	l.checkpoint.Store(uint64(last.LSN))
	base.Flushed = end
	err = l.preloadTail(end)
	if err == nil {
		err = l.SetCheckpoint(base)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// preloadTail brings the bytes of a partly filled last block into the ring:
// a direct write rewrites the whole block.
func (l *Log) preloadTail(end lsn.LSN) error {
	start := end.AlignDown(blockSize)
	if !l.direct || start == end {
		return nil
	}
	file, off, _ := l.c.place(start)
	block := vfs.AlignedBuffer(blockSize, blockSize)
	// A file that grew by buffered writes may end inside the block.
	if _, err := l.c.open[file].ReadAt(block, off); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("redo: read the last block of %s: %w", l.c.open[file].Name(), err)
	}
	a, b := l.buf.Slices(start, end)
	n := copy(a, block)
	copy(b, block[n:])
	l.buf.Release(start)
	return nil
}

// Buffer returns the log buffer.
func (l *Log) Buffer() Buffer { return l.buf }

// Incarnation of the records that this Log appends.
func (l *Log) Incarnation() uint32 { return l.inc }

// Capacity is how many bytes of log may be written beyond the checkpoint: the
// circle less a block, because a direct write fills up its last block with
// zeros, which must not be the block that the checkpoint stands in.
func (l *Log) Capacity() uint64 { return l.c.circle - blockSize }

// Written returns the written LSN. Any goroutine.
func (l *Log) Written() lsn.LSN { return lsn.LSN(l.written.Load()) }

// Flushed returns the flushed LSN. Any goroutine. With a method that makes
// nothing durable it says only which flush was asked for.
func (l *Log) Flushed() lsn.LSN { return lsn.LSN(l.flushed.Load()) }

// CheckpointLSN returns the LSN of the older of the two valid checkpoints:
// only the log below it may be written over, so recovery can start from either
// slot. Any goroutine.
func (l *Log) CheckpointLSN() lsn.LSN { return lsn.LSN(l.checkpoint.Load()) }

// Cut returns up to where the log can be written now: the end of the
// contiguous published prefix, taking about maxBytes at the most. With
// --tail=pad every write ends a block, because anyone may flush what is written
// next: pad says that the last, partly filled block is wanted too and is filled
// up with a pad record; without it only whole blocks are taken. Runs that stand in the
// way of all (see Producer) are closed where pad says so.
// REQUIRES: the write right and the advance right.
func (l *Log) Cut(maxBytes int, pad bool, visit Visit) lsn.LSN {
	cut := l.cut(maxBytes, pad, visit)
	if pad && cut == l.Written() && cut < l.buf.Reserved() {
		// It may be a producer's run that is in the way.
		l.buf.CloseRuns()
		cut = l.cut(maxBytes, pad, visit)
	}
	return cut
}

func (l *Log) cut(maxBytes int, pad bool, visit Visit) lsn.LSN {
	if l.tail == TailRewrite {
		return l.buf.Advance(maxBytes, visit)
	}
	if pad && l.buf.Reserved() > l.Written() {
		l.buf.Pad(blockSize)
	}
	return max(l.buf.Advance(maxBytes, visit).AlignDown(blockSize), l.Written())
}

// Write writes [written, to) to the files, publishes written and gives the
// buffer space back. With durable set the bytes are also made durable where
// the method can do that with the write itself, and flushed follows; a Flush
// is still needed unless flushed has reached to afterwards.
//
// REQUIRES: the write right; to <= ready; to - checkpoint <= Capacity.
func (l *Log) Write(to lsn.LSN, durable bool) error {
	from := l.Written()
	if to <= from {
		return nil
	}
	if uint64(to-l.CheckpointLSN()) > l.Capacity() {
		panic(fmt.Sprintf("redo: write up to %v would overwrite the log after checkpoint %v (capacity %d)", to, l.CheckpointLSN(), l.Capacity()))
	}
	durable = durable && l.method == vfs.RWFDsync
	at := from
	if l.direct {
		at = from.AlignDown(blockSize)
	}
	// The calls stand here and not in a function of their own: returning from one
	// is slow after a system call, which has made the processor forget the way back.
	for at < to {
		p, h := l.piece(at, to), l.holder(at)
		p = p[:min(lsn.LSN(len(p)), h.to-at)]
		var err error
		if durable {
			_, err = h.file.WriteDurableAt(p, h.off+int64(at-h.from))
		} else {
			_, err = h.file.WriteAt(p, h.off+int64(at-h.from))
		}
		if err != nil {
			return fmt.Errorf("redo: write %d bytes at LSN %v: %w", len(p), at, err)
		}
		at += lsn.LSN(len(p))
	}
	l.obs.Written(from, to)
	yield.Point(yield.WritePublish)
	l.written.Store(uint64(to))
	yield.Point(yield.WrittenFlushed)
	if l.method.WriteThrough() || durable && l.Flushed() == from {
		if err := l.publishFlushed(to); err != nil {
			return err
		}
	}
	if l.direct {
		l.buf.Release(to.AlignDown(blockSize))
	} else {
		l.buf.Release(to)
	}
	return nil
}

// piece returns memory that holds the log from at on, at the most up to to: more
// follows where the ring wraps. Of a direct write it is whole blocks from the ring,
// and then the last, partial one from the side buffer, filled up with zeros.
func (l *Log) piece(at, to lsn.LSN) []byte {
	if l.direct {
		if whole := to.AlignDown(blockSize); at < whole {
			to = whole
		} else {
			return l.lastBlock(at, to)
		}
	}
	a, _ := l.buf.Slices(at, to)
	return a
}

// lastBlock copies [at, to) to the side buffer and clears the rest of it.
func (l *Log) lastBlock(at, to lsn.LSN) []byte {
	a, b := l.buf.Slices(at, to)
	n := copy(l.side, a)
	n += copy(l.side[n:], b)
	clear(l.side[n:])
	return l.side
}

// holder is the file that holds the log of [from, to), from offset off on.
type holder struct {
	file     vfs.File
	from, to lsn.LSN
	off      int64
}

// holder returns the file that at is written to. It is mostly that of the last
// write, which spares two divisions. REQUIRES: the write right.
func (l *Log) holder(at lsn.LSN) *holder {
	if h := &l.last; h.from <= at && at < h.to {
		return h
	}
	i, off, room := l.c.place(at)
	l.last = holder{file: l.c.open[i], from: at, to: at + lsn.LSN(room), off: off}
	return &l.last
}

// Flush makes everything that was written before the call durable and
// publishes flushed. It flushes even when nothing is new: a log without group
// commit has a flush for each commit. One caller at a time. A failure is final: the kernel may
// have dropped the pages, so the caller must stop the log and not retry.
func (l *Log) Flush() error {
	// NB: read before the flush. Bytes written while it runs are not covered.
	target := l.Written()
	if l.method.WriteThrough() {
		// The write has flushed, and its writer publishes that right after
		// written. If both of us did, flushed could go backwards.
		for l.Flushed() < target {
			if err := l.slotError(target); err != nil {
				return err
			}
			runtime.Gosched()
		}
		return nil
	}
	from := l.Flushed()
	yield.Point(yield.SnapshotFlush)
	if err := l.flushFiles(from, target); err != nil {
		return err
	}
	yield.Point(yield.FlushPublish)
	if target > from {
		return l.publishFlushed(target)
	}
	return nil
}

// flushFiles flushes every file that holds bytes of [from, to), oldest first,
// and at least the one that from is in.
func (l *Log) flushFiles(from, to lsn.LSN) error {
	first, _, room := l.c.place(from)
	files := 1
	if n := uint64(to - from); n > room {
		files += int((n - room + l.c.data - 1) / l.c.data)
	}
	for i := range min(files, l.c.files) {
		if err := l.c.open[(first+i)%l.c.files].Flush(); err != nil {
			return fmt.Errorf("redo: flush up to LSN %v: %w", to, err)
		}
	}
	return nil
}

func (l *Log) publishFlushed(to lsn.LSN) error {
	if err := l.slotError(to); err != nil {
		return err
	}
	l.obs.Flushed(l.Flushed(), to)
	l.flushed.Store(uint64(to))
	return nil
}

// Close closes files and buffer without writing or flushing anything.
// REQUIRES: no producer, writer or flusher is running.
func (l *Log) Close() error {
	err := l.c.close()
	if l.buf != nil {
		err = errors.Join(err, l.buf.Close())
		l.buf = nil
	}
	return err
}
