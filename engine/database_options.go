package engine

import (
	"fmt"
	"time"

	"flushbench/engine/axis"
	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/lock"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/table"
	"flushbench/engine/undo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// Durability is what makes a commit's changes outlive a crash. The zero value
// is DurabilityRedo.
type Durability uint8

// The durabilities.
const (
	DurabilityRedo Durability = iota
	// DurabilityForcePages has no redo log: a baseline that shows what one is for.
	DurabilityForcePages
)

// Durabilities is the table of the durability axis.
var Durabilities = axis.Table[Durability]{
	Axis: "durability",
	Values: []axis.Value[Durability]{
		{Value: DurabilityRedo, Name: "redo", Help: "commits go to the redo log; pages follow when there is time"},
		{Value: DurabilityForcePages, Name: "force-pages", Help: "no redo log: each commit writes and flushes the pages that it changed"},
	},
}

// String returns the name of d.
func (d Durability) String() string { return Durabilities.Name(d) }

// MarshalText implements encoding.TextMarshaler.
func (d Durability) MarshalText() ([]byte, error) { return Durabilities.MarshalText(d) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Durability) UnmarshalText(text []byte) error { return Durabilities.UnmarshalText(d, text) }

// Isolation is how long a read view lives: undo's axis, for those above who see
// the engine only.
type Isolation = undo.Isolation

// Isolations is the table of the isolation axis.
var Isolations = undo.Isolations

// DatabaseOptions describe a database: the log of Options (whose checkpoint
// distance means nothing here) and what stands above it.
type DatabaseOptions struct {
	Options

	// DataDir holds the pages; "": Dir. It must exist.
	DataDir string
	// Rows are loaded by CreateDatabase under the keys 0 to Rows-1.
	Rows uint64
	// RowBytes is the length of a row's columns (DefaultRowBytes).
	RowBytes int
	// BufferPool is the size of the buffer pool in bytes (DefaultBufferPool).
	BufferPool int64
	// CleanInterval is how often the page cleaner writes pages when nothing
	// presses; 0: bufpool's default.
	CleanInterval time.Duration
	// NoDoublewrite leaves pages unprotected from torn writes.
	NoDoublewrite bool
	Durability    Durability

	Isolation   Isolation
	LockTimeout time.Duration // innodb_lock_wait_timeout; lock.DefaultTimeout

	// Binlog switches the second log on, and with it the stages of a commit that
	// goes to both, by default a two-phase one.
	Binlog BinlogOptions
	Stages groupcommit.StageConfig

	// Untracked leaves out what Keeps looks at: nobody will ask.
	Untracked bool

	// Hook is told of the crash points of a commit; nil: nobody is. For tests.
	Hook func(CrashPoint)
	// Steps is told of the steps of each transaction; nil: nobody is.
	Steps StepObserver
}

// BinlogOptions describe the second log.
type BinlogOptions struct {
	Enabled   bool
	Dir       string // "": the engine's Dir. It must exist.
	Method    vfs.Method
	Growth    vfs.Growth
	Format    binlog.Format
	RowImage  binlog.RowImage
	MaxSize   int64
	CacheSize int
	// MaxCacheSize is the largest transaction (max_binlog_cache_size); 0: as
	// large as a file may be.
	MaxCacheSize int64
	Table        string // name of the table in events; "": DefaultTable
	Observer     binlog.Observer
	Clock        func() uint32
}

// Limits and defaults of a database.
const (
	DefaultRowBytes   = 136 // id, k, and sysbench's c of 120 bytes
	DefaultBufferPool = 128 << 20
	// MaxSessions is how many sessions may write at the same time.
	MaxSessions = undo.MaxSlots
	// spareMtrs are mini-transactions that belong to no session: purge, ids,
	// recovery, a judge.
	spareMtrs = 8
	// maxPad is the largest pad record: what is left of a block of the log, and
	// a block more if that is too little for a record.
	maxPad = 4096 + redo.MinRecord
	// DefaultTable is the name of the table in the binlog: the one that the
	// statements of the workloads name.
	DefaultTable = "sbtest1"
)

// CrashPoint is a moment of a commit with a binlog; crashes there have different
// outcomes.
type CrashPoint uint8

// The crash points of a group's commit, in their order: under binlog-first nothing is
// prepared; under redo-first D and E come before B, which finds COMMIT as safe as
// the policy asks.
const (
	BeforeRedoFlush  CrashPoint = iota // A: prepared, nothing flushed
	BeforeBinlog                       // B: PREPARE as safe as the policy asks
	BeforeSync                         // C: in the binlog, not flushed there
	BeforeEngine                       // D: the binlog is as safe as sync_binlog asks
	AfterEngine                        // E: committed in the engine, not flushed there
	AfterAcknowledge                   // F
)

// BetweenLogs is the crash point at which the first log of a protocol has the group,
// as safe as it will be before it is acknowledged, and the second one has nothing of
// it. With two-phase commit that is B: the redo log has its PREPAREs.
func BetweenLogs(p groupcommit.Protocol) CrashPoint {
	if p == groupcommit.BinlogFirst {
		return BeforeEngine
	}
	return BeforeBinlog
}

// Validate fills in defaults and says what is out of range.
func (o *DatabaseOptions) Validate() error {
	if err := o.Options.Validate(); err != nil {
		return err
	}
	if o.DataDir == "" {
		o.DataDir = o.Dir
	}
	if o.RowBytes == 0 {
		o.RowBytes = DefaultRowBytes
	}
	if o.BufferPool == 0 {
		o.BufferPool = max(DefaultBufferPool, bufpool.MinBytes(o.mtrs()))
	}
	if o.Clients > MaxSessions {
		return fmt.Errorf("engine: %d clients: a database serves at most %d", o.Clients, MaxSessions)
	}
	layout := table.Layout{RowBytes: o.RowBytes}
	if err := layout.Validate(); err != nil {
		return err
	}
	if o.Rows > 0 && o.Rows-1 > layout.MaxKey() {
		return fmt.Errorf("engine: %d rows of %d bytes: must be at most %d", o.Rows, o.RowBytes, layout.MaxKey()+1)
	}
	if need := bufpool.MinBytes(o.mtrs()); o.BufferPool < need {
		return fmt.Errorf("engine: buffer pool of %d bytes: %d clients need at least %d", o.BufferPool, o.Clients, need)
	}
	if o.Durability == DurabilityForcePages && o.Binlog.Enabled {
		return fmt.Errorf("engine: durability %v with a binlog: without a redo log nothing can be prepared", o.Durability)
	}
	if o.Stages.Protocol != groupcommit.TwoPhase && !o.Binlog.Enabled {
		return fmt.Errorf("engine: commit protocol %v without a binlog: there is one log only", o.Stages.Protocol)
	}
	if need := 4 * int64(o.headroom()); o.Durability == DurabilityRedo && o.Capacity < need {
		return fmt.Errorf("engine: log capacity of %d bytes: %d clients with rows of %d bytes need at least %d", o.Capacity, o.Clients, o.RowBytes, need)
	}
	if o.LockTimeout != 0 && (o.LockTimeout < lock.MinTimeout || o.LockTimeout > lock.MaxTimeout) {
		return fmt.Errorf("engine: lock wait timeout %v: must be %v to %v", o.LockTimeout, lock.MinTimeout, lock.MaxTimeout)
	}
	return o.Stages.Validate()
}

func (o *DatabaseOptions) layout() table.Layout { return table.Layout{RowBytes: o.RowBytes} }

// mtrs is how many mini-transactions there may be at a time.
func (o *DatabaseOptions) mtrs() int { return o.Clients + spareMtrs }

// headroom is what the mini-transactions of all sessions may add to the log at a
// time: each a row and its undo record, whole. It also has room for the one
// large kind, which loads a page and runs alone.
func (o *DatabaseOptions) headroom() lsn.LSN {
	each := redo.CommitSize(2*o.layout().SlotBytes() + 512)
	if o.Tail == redo.TailPad {
		each += maxPad // it may be flushed alone
	}
	return lsn.LSN(o.mtrs()*each + redo.CommitSize(bufpool.MaxMtr))
}

// pageMethod is how pages are flushed: past the page cache if the log is.
func (o *DatabaseOptions) pageMethod() vfs.Method {
	switch {
	case o.Method == vfs.None:
		return vfs.None
	case o.Method.Direct():
		return vfs.DirectFdatasync
	}
	return vfs.Fdatasync
}

func (o *DatabaseOptions) poolOptions(log bufpool.Log, advanced func()) bufpool.Options {
	return bufpool.Options{FS: o.FS, Dir: o.DataDir, Method: o.pageMethod(), Bytes: o.BufferPool, Mtrs: o.mtrs(), Log: log, CleanInterval: o.CleanInterval,
		NoDoublewrite: o.NoDoublewrite, ForcePages: o.Durability == DurabilityForcePages, Advanced: advanced}
}

func (o *DatabaseOptions) undoOptions() undo.Options {
	return undo.Options{Layout: o.layout(), Slots: o.Clients, TrackPages: o.Durability == DurabilityForcePages}
}

func (o *DatabaseOptions) binlogOptions() binlog.Options {
	b := &o.Binlog
	dir, name := b.Dir, b.Table
	if dir == "" {
		dir = o.Dir
	}
	if name == "" {
		name = DefaultTable
	}
	return binlog.Options{FS: o.FS, Dir: dir, Method: binlog.BufferedMethod(b.Method), Growth: b.Growth, MaxSize: b.MaxSize, CacheSize: b.CacheSize, MaxCacheSize: b.MaxCacheSize,
		Format: b.Format, RowImage: b.RowImage, Table: name, Width: max(1, o.layout().CBytes()), Observer: b.Observer, Clock: b.Clock}
}

// BinlogDir is where the binlog stands.
func (o *DatabaseOptions) BinlogDir() string { return o.binlogOptions().Dir }

// ResetBinlog makes a binlog folder as it is when a database is created: RESET
// MASTER. REQUIRES: the database was shut down cleanly, so that nothing in it
// waits for what the binlog says.
func ResetBinlog(o DatabaseOptions) error {
	if err := o.Validate(); err != nil {
		return err
	}
	// Whoever opens the database after a crash in here finds one without a binlog.
	o.Binlog.Enabled = false
	if err := writeMeta(&o); err != nil {
		return err
	}
	if err := binlog.Remove(o.FS, o.BinlogDir()); err != nil {
		return err
	}
	if err := (&Database{opts: o}).createBinlog(); err != nil {
		return err
	}
	o.Binlog.Enabled = true
	return writeMeta(&o)
}
