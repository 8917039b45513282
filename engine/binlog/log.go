// Package binlog is the second log: the changes of each transaction as a
// replica or a restore would read them, in MariaDB's format, so that
// mariadb-binlog can print and MariaDB can replay it. It holds the events, the
// cache in which a session collects those of its transaction, the files with
// their index and rotation, and the scan by which recovery learns what has
// been written.
//
// It does not decide when to write or flush or which transactions form a
// group (groupcommit does), nor what a transaction found in it means for the
// engine (recovery does).
//
// One caller at a time has the write right: Write, WriteStatement, Rotate,
// Close. Flush may run at any time.
//
// INVARIANT: flushed <= written; both only grow. A transaction never spans
// two files. A file is named in the index only after its head is durable, and
// a file that is not the last one is whole, durable, and no longer marked as
// in use.
//
// What recovery takes for granted is what the in-memory disk does: a sector of
// 512 bytes is written whole or not at all.
package binlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/vfs"
)

// Observer is told of a watermark just before it moves: the moment at which
// most is at risk. Calls come from the goroutine that has the right to move
// it; one Written and one Flushed may come at the same time. It must be quick
// and must not call the log. State never depends on it.
type Observer interface {
	Written(from, to Pos)
	Flushed(from, to Pos)
}

// NoObserver ignores everything.
type NoObserver struct{}

// Written implements Observer.
func (NoObserver) Written(_, _ Pos) {}

// Flushed implements Observer.
func (NoObserver) Flushed(_, _ Pos) {}

// Defaults and limits of Options.
const (
	DefaultCacheSize = 32 << 10 // binlog_cache_size
	MinCacheSize     = 4 << 10
	DefaultMaxSize   = 1 << 30 // max_binlog_size
	MinMaxSize       = 4 << 10
	MaxMaxSize       = 1 << 30
	DefaultServerID  = 1
)

// Options of a log. Zero values stand for the defaults given.
type Options struct {
	FS  vfs.FS // required
	Dir string // required; an existing directory, best with nothing else in it

	// Method must not be a direct one: events begin and end at any byte (see
	// BufferedMethod).
	Method vfs.Method
	// Growth is how a file gets its blocks. With anything but GrowAppend
	// Preallocate bytes are prepared when a file is begun; beyond them the
	// file grows while it is written. A file that is finished ends with its
	// last event whatever the growth.
	//
	// NB: the zero value is vfs.GrowZero; MariaDB appends.
	Growth      vfs.Growth
	Preallocate int64 // MaxSize

	MaxSize  int64  // DefaultMaxSize; a file is left after the group that reaches it
	ServerID uint32 // DefaultServerID
	Format   Format
	RowImage RowImage
	Table    string // of row events, at most 64 bytes; required
	Width    int    // n of c VARBINARY(n), 1 to MaxWidth; required

	CacheSize    int    // DefaultCacheSize: memory for a transaction
	MaxCacheSize int64  // MaxMaxSize: the largest transaction (max_binlog_cache_size)
	TempDir      string // Dir: where caches spill to

	Clock    func() uint32 // seconds since 1970 for events; the system's clock
	Observer Observer
}

// withDefaults fills in defaults and refuses what is out of range.
func (o Options) withDefaults() (Options, error) {
	set := func(v *int64, def int64) {
		if *v == 0 {
			*v = def
		}
	}
	cache := int64(o.CacheSize)
	set(&cache, DefaultCacheSize)
	set(&o.MaxSize, DefaultMaxSize)
	set(&o.MaxCacheSize, MaxMaxSize)
	set(&o.Preallocate, o.MaxSize)
	o.CacheSize = int(cache)
	if o.ServerID == 0 {
		o.ServerID = DefaultServerID
	}
	if o.TempDir == "" {
		o.TempDir = o.Dir
	}
	if o.Clock == nil {
		o.Clock = func() uint32 { return uint32(time.Now().Unix()) }
	}
	if o.Observer == nil {
		o.Observer = NoObserver{}
	}
	switch {
	case o.Method.Direct():
		return o, fmt.Errorf("binlog: flush method %s: the binlog is written at any byte; legal are the buffered methods, such as %s", o.Method, BufferedMethod(o.Method))
	case o.MaxSize < MinMaxSize || o.MaxSize > MaxMaxSize:
		return o, fmt.Errorf("binlog: largest size of a file %d: must be from %d to %d bytes", o.MaxSize, MinMaxSize, MaxMaxSize)
	case o.CacheSize < MinCacheSize || o.MaxCacheSize < int64(o.CacheSize) || o.MaxCacheSize > MaxMaxSize:
		return o, fmt.Errorf("binlog: cache of %d, at most %d bytes: must be at least %d, and at most %d", o.CacheSize, o.MaxCacheSize, MinCacheSize, MaxMaxSize)
	case o.Preallocate < 0 || o.Preallocate > MaxMaxSize:
		return o, fmt.Errorf("binlog: preallocation of %d bytes: must be from 0 to %d", o.Preallocate, MaxMaxSize)
	case o.Table == "" || len(o.Table) > 64:
		return o, fmt.Errorf("binlog: table name %q: must have 1 to 64 bytes", o.Table)
	case o.Width < 1 || o.Width > MaxWidth:
		return o, fmt.Errorf("binlog: c VARBINARY(%d): must be from 1 to %d", o.Width, MaxWidth)
	}
	return o, nil
}

// BufferedMethod returns the flush method nearest to m that the binlog can use.
func BufferedMethod(m vfs.Method) vfs.Method {
	switch m {
	case vfs.DirectFdatasync:
		return vfs.Fdatasync
	case vfs.DirectODsync:
		return vfs.ODsync
	case vfs.DirectNone:
		return vfs.None
	}
	return m
}

// Log is an open binlog. See the package comment for who may call what.
type Log struct {
	o        Options
	tableMap []byte // of row events, not sealed
	through  bool
	counts   counters

	written atomic.Uint64 // Pos; by the holder of the write right
	flushed atomic.Uint64 // Pos; by the holder of flushing

	// Of the write right.
	seq    uint64 // last GTID given
	buf    []byte // of a group
	sealed int    // see write.go
	size   int64  // of the events in cur

	// flushing serializes all flushes, and what must not come between a flush
	// and the news of its failure: of two flushes of one file at the same time
	// the kernel tells only one that pages were lost.
	flushing sync.Mutex
	cur      vfs.File // written with flushing and the write right held
	closed   bool

	failure atomic.Pointer[error] // the first one; set once

	filesMu sync.Mutex
	files   []File // guarded by filesMu; written by the write right
}

// Create makes a new log in a directory without one. A file that a crash
// during Create left is replaced.
func Create(o Options) (*Log, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	switch _, _, err := o.FS.Stat(filepath.Join(o.Dir, IndexName)); {
	case err == nil:
		return nil, fmt.Errorf("binlog: create log in %s: %s: %w", o.Dir, IndexName, vfs.ErrExist)
	case !errors.Is(err, vfs.ErrNotExist):
		return nil, fmt.Errorf("binlog: create log in %s: %w", o.Dir, err)
	}
	return begin(o, 1, nil, 0)
}

// Open goes on with a log that Scan has read, in a new file, as MariaDB does
// after every start. The last file must be clean: closed, or cut by Truncate.
//
// REQUIRES: the engine has durably committed or rolled back every transaction
// that it found prepared; the file that tells which is no longer the last.
func Open(o Options, r Recovered) (*Log, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if !r.Clean {
		return nil, fmt.Errorf("binlog: open log in %s: %s was not closed; it must be truncated first", o.Dir, r.Last())
	}
	n, _ := fileNumber(r.Last())
	return begin(o, n+1, r.Files, r.LastSeq)
}

// begin opens a log whose next file is the n-th one.
func begin(o Options, n int, files []File, seq uint64) (*Log, error) {
	l := &Log{o: o, through: o.Method.WriteThrough(), seq: seq, files: append([]File(nil), files...)}
	l.tableMap = appendTableMap(nil, o.ServerID, o.Table, o.Width)
	var end Pos
	if len(files) > 0 {
		last := files[len(files)-1]
		end = last.Base + Pos(last.Size)
	}
	l.written.Store(uint64(end))
	l.flushed.Store(uint64(end))
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if err := removeOrphan(o.FS, o.Dir, n); err != nil {
		return nil, err
	}
	if err := l.beginFile(n, o.Clock(), ReasonOpen); err != nil {
		if l.cur != nil {
			err = errors.Join(err, l.cur.Close())
		}
		return nil, err
	}
	return l, nil
}

// CreateTable returns the statements that make the log's table, to be given to
// WriteStatement (the first without, the second with the database).
func (l *Log) CreateTable() (createDatabase, createTable string) {
	table := strings.ReplaceAll(l.o.Table, "`", "``")
	return "CREATE DATABASE IF NOT EXISTS " + database,
		fmt.Sprintf("CREATE TABLE `%s` (id BIGINT PRIMARY KEY, k BIGINT NOT NULL, c VARBINARY(%d) NOT NULL) ENGINE=InnoDB", table, l.o.Width)
}

// Written returns the written position. Any goroutine.
func (l *Log) Written() Pos { return Pos(l.written.Load()) }

// Flushed returns the flushed position. Any goroutine. With a method that
// makes nothing durable it says only which flush was asked for.
func (l *Log) Flushed() Pos { return Pos(l.flushed.Load()) }

// Stats returns the counts. Any goroutine.
func (l *Log) Stats() Stats { return l.counts.snapshot() }

// Err returns why the log has stopped, nil while it works. Any goroutine.
func (l *Log) Err() error {
	if p := l.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// fail stops the log: nothing is written or flushed any more. It returns the
// first failure.
func (l *Log) fail(err error) error {
	l.failure.CompareAndSwap(nil, &err)
	return l.Err()
}

// Files returns the files of the log, oldest first. Any goroutine.
func (l *Log) Files() []File {
	l.filesMu.Lock()
	defer l.filesMu.Unlock()
	files := append([]File(nil), l.files...)
	last := &files[len(files)-1]
	last.Size = int64(l.Written() - last.Base)
	return files
}

// Locate returns the file and the offset of a position. Any goroutine.
func (l *Log) Locate(p Pos) (name string, off int64) {
	l.filesMu.Lock()
	defer l.filesMu.Unlock()
	return Locate(l.files, p)
}

// LastGTID returns the last GTID given. REQUIRES: the write right.
func (l *Log) LastGTID() GTID { return GTID{Server: l.o.ServerID, Seq: l.seq} }
