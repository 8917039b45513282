package writeback

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
)

// Options describe a Log.
type Options struct {
	FS     vfs.FS
	Path   string
	Growth vfs.Growth
	// Records is the most that it gets; > 0.
	Records int
	// Open opens the page cache's side of it; nil: OpenCache. The Log closes it.
	Open func(path string) (Cache, error)
	// Now is the time in nanoseconds; nil: clock.Now.
	Now func() int64
}

// Log is a file that gets records in sequence and is asked which of them the kernel
// has written back. One goroutine at a time uses it.
type Log struct {
	o     Options
	file  vfs.File
	cache Cache
	buf   []byte

	written []int64 // when each record was handed to the kernel
	// floor is the oldest record that was not seen written back. It only grows: each
	// record is written once.
	floor   int
	sampled int64 // when the last sample began
	falling bool  // the last sample saw the floor move
	falls   []Fall
	queries int64
	cost    int64 // ns of all queries
}

// Fall is a moment at which the oldest record that was held back was written back.
type Fall struct {
	Record int // its number
	// Its age when it was last seen held back, and when it was first seen written back:
	// its true age at that moment lies between them.
	Min, Max time.Duration
}

// Create makes the file, which must not exist, grown and flushed, its folder too.
func Create(o Options) (*Log, error) {
	if o.Records <= 0 {
		return nil, fmt.Errorf("writeback: %d records: must be more than 0", o.Records)
	}
	ofKernel := o.Open == nil
	if ofKernel {
		o.Open = OpenCache
	}
	if o.Now == nil {
		o.Now = clock.Now
	}
	f, err := o.FS.Create(o.Path, vfs.Fdatasync)
	if err != nil {
		return nil, fmt.Errorf("writeback: %w", err)
	}
	l := &Log{o: o, file: f, buf: make([]byte, RecordBytes), written: make([]int64, 0, o.Records)}
	err = l.prepare()
	if err == nil && ofKernel {
		err = forget(o.Path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Log) prepare() error {
	if err := vfs.Grow(l.file, l.o.Growth, int64(l.o.Records)*RecordBytes); err != nil {
		return fmt.Errorf("writeback: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("writeback: %w", err)
	}
	if err := l.o.FS.SyncDir(filepath.Dir(l.o.Path)); err != nil {
		return fmt.Errorf("writeback: %w", err)
	}
	var err error
	l.cache, err = l.o.Open(l.o.Path)
	return err
}

// Append writes the next record, without a flush. A file that is full is an error.
func (l *Log) Append() error {
	i := len(l.written)
	if i == l.o.Records {
		return fmt.Errorf("writeback: %s is full: %d records", l.o.Path, i)
	}
	encode(l.buf, i)
	at := l.o.Now()
	if _, err := l.file.WriteAt(l.buf, int64(i)*RecordBytes); err != nil {
		return fmt.Errorf("writeback: %w", err)
	}
	l.written = append(l.written, at)
	return nil
}

// Flush makes what was appended durable: the safeguard that is otherwise left out.
func (l *Log) Flush() error {
	if err := l.file.Flush(); err != nil {
		return fmt.Errorf("writeback: %w", err)
	}
	return nil
}

// Records is how many records were written.
func (l *Log) Records() int { return len(l.written) }

// WrittenAt is when record i was handed to the kernel.
func (l *Log) WrittenAt(i int) int64 { return l.written[i] }

// Held is the number of the oldest record that the last sample saw held back; that of
// all records then when there was none.
func (l *Log) Held() int { return l.floor }

// Age is how old the oldest record is, at the time now, that the last sample saw held
// back; 0 when there was none.
func (l *Log) Age(now int64) time.Duration {
	if l.floor >= len(l.written) {
		return 0
	}
	return time.Duration(now - l.written[l.floor])
}

// Falls returns the write-backs that were seen, each once: one that the samples saw
// under way counts by its first record.
func (l *Log) Falls() []Fall { return l.falls }

// Cost is how many questions were asked and how long one took in the mean.
func (l *Log) Cost() (queries int64, each time.Duration) {
	if l.queries == 0 {
		return 0, 0
	}
	return l.queries, time.Duration(l.cost / l.queries)
}

// Close closes the file without flushing it. Safe to call twice.
func (l *Log) Close() error {
	err := l.file.Close()
	if l.cache != nil {
		err = errors.Join(err, l.cache.Close())
		l.cache = nil
	}
	return err
}
