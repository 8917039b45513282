package binlog

import (
	"errors"
	"fmt"

	"flushbench/engine/yield"
)

// Flush makes everything that was written before the call durable and moves
// flushed: the flush of a SYNC group. It flushes even when nothing is new. A
// failure is final: the kernel may have dropped the pages, so every later
// call returns it. Any goroutine, while another one writes.
func (l *Log) Flush() error { return l.FlushFor(ReasonCommit) }

// FlushFor is Flush, counted under another reason.
func (l *Log) FlushFor(why Reason) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	return l.flushLocked(why)
}

// flushLocked flushes the present file.
// REQUIRES: flushing.
func (l *Log) flushLocked(why Reason) error {
	if err := l.Err(); err != nil {
		return err
	}
	l.counts.flushes[why].Add(1)
	if l.through {
		return nil // the write has flushed
	}
	// NB: read before the flush. Bytes written while it runs are not covered.
	target := l.Written()
	yield.Point(yield.SnapshotFlush)
	if err := l.cur.Flush(); err != nil {
		return l.fail(fmt.Errorf("binlog: flush %s up to position %d: %w", l.cur.Name(), target, err))
	}
	yield.Point(yield.FlushPublish)
	if from := l.Flushed(); target > from {
		l.o.Observer.Flushed(from, target)
		l.flushed.Store(uint64(target))
	}
	return nil
}

// NeedsRotate reports whether the present file has reached its largest size.
// REQUIRES: the write right.
func (l *Log) NeedsRotate() bool { return l.size >= l.o.MaxSize }

// Rotate ends the present file and begins the next one. Everything written so
// far is durable when it returns, and so is the new file's place in the index.
// A failure is final.
//
// REQUIRES: the write right. Recovery looks for Xids in the last file only, so
// every transaction written so far must be committed in the engine, durably.
func (l *Log) Rotate() error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if err := l.Err(); err != nil {
		return err
	}
	n, _ := fileNumber(l.files[len(l.files)-1].Name)
	now := l.o.Clock()
	if err := l.endFile(appendRotate(l.buf[:0], l.o.ServerID, FileName(n+1)), now, ReasonRotation); err != nil {
		return l.fail(err)
	}
	if err := l.cur.Close(); err != nil {
		return l.fail(fmt.Errorf("binlog: close %s: %w", l.cur.Name(), err))
	}
	if err := l.beginFile(n+1, 0, ReasonRotation); err != nil {
		return l.fail(err)
	}
	l.counts.rotations.Add(1)
	return nil
}

// endFile writes the last event of the present file, makes the file end with
// it, durably, and only then marks it as closed.
// REQUIRES: flushing and the write right.
func (l *Log) endFile(event []byte, now uint32, why Reason) error {
	l.buf, l.sealed = event, len(event)
	seal(event, now, l.size+int64(len(event)))
	if err := l.writeOut(); err != nil {
		return err
	}
	l.counts.events.Add(1)
	if size, err := l.cur.Size(); err != nil {
		return fmt.Errorf("binlog: end %s: %w", l.cur.Name(), err)
	} else if size > l.size { // it was preallocated
		if err := l.cur.Truncate(l.size); err != nil {
			return fmt.Errorf("binlog: end %s at %d: %w", l.cur.Name(), l.size, err)
		}
		if l.through { // its flush does nothing, and the size is not durable yet
			l.counts.flushes[why].Add(1)
			if err := l.cur.Sync(); err != nil {
				return fmt.Errorf("binlog: end %s at %d: %w", l.cur.Name(), l.size, err)
			}
		}
	}
	l.publishWritten()
	if err := l.flushLocked(why); err != nil {
		return err
	}
	return clearInUse(l.cur, func() error {
		l.counts.writes.Add(1)
		l.counts.bytes.Add(2)
		return l.flushLocked(why)
	})
}

// clearInUse marks a file as closed, durably.
// REQUIRES: all of the file is durable; else a crash could leave a file that
// is marked as closed and lacks its end.
func clearInUse(f interface {
	WriteAt(p []byte, off int64) (int, error)
	Name() string
}, flush func() error) error {
	if _, err := f.WriteAt([]byte{0, 0}, inUseOffset); err != nil {
		return fmt.Errorf("binlog: mark %s as closed: %w", f.Name(), err)
	}
	return flush()
}

// Close ends the last file so that the next start has nothing to recover:
// Stop event, flush, in-use mark cleared, flush. After a failure it only
// closes the file and returns the failure. A second Close does nothing.
// REQUIRES: the write right; nobody flushes.
func (l *Log) Close() error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	err := l.Err()
	if err == nil {
		if err = l.endFile(appendStop(l.buf[:0], l.o.ServerID), l.o.Clock(), ReasonClose); err != nil {
			err = l.fail(err)
		}
	}
	return errors.Join(err, l.cur.Close())
}

// Abandon closes the file and leaves it as a crash would. For ends that must
// look like one. REQUIRES: as for Close.
func (l *Log) Abandon() error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return l.cur.Close()
}
