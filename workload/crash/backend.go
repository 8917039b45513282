package crash

import (
	"context"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload/judge"
)

// Backend makes what a matrix works with. Its methods are called by one
// goroutine. All times here are clock.Now.
type Backend interface {
	// NewDisk makes a disk, empty and flushed.
	NewDisk(ctx context.Context, s DiskSpec) (Disk, error)
	// Try reports whether files in dir can be written with a flush method. The
	// error wraps vfs.ErrMethodRefused when the file system refuses it.
	Try(dir string, m vfs.Method) error
	// Clean removes what a killed process left of a disk in the folder dir but
	// files: mounts and loop devices, and says what. It must be safe to call on a
	// folder without any. After an error dir must be left alone.
	Clean(dir string) (removed []string, err error)
	// Make makes the engine's files in the job's empty folder, and flushes them.
	Make(ctx context.Context, j *Job) error
	// Start starts a victim and returns when it is under load.
	Start(ctx context.Context, j *Job) (Victim, error)
	// Judge recovers what stands in the job's folder and compares it with what
	// the victim, which is dead, had acknowledged. An error means that nobody could
	// judge; a recovery that fails is an outcome, a violation.
	Judge(ctx context.Context, j *Job, v Victim, c Crash) (judge.Outcome, error)
}

// DiskSpec says what disk is wanted. Cells whose specs are equal share one, each
// in a folder of its own.
type DiskSpec struct {
	Dir   string // an empty folder for what the disk is made of
	Kind  vfs.CrashKind
	FS    string
	Mkfs  []string
	Mount []string
	// Device is a partition to be used instead of an image; "": an image.
	Device string
	Bytes  int64 // that files may take on it
}

// Disk is a folder on a file system that can crash.
type Disk interface {
	// Path is the folder, which must exist again after Restart.
	Path() string
	// Crash takes what a crash of the disk's kind takes; of the kind process
	// nothing. It returns when that began and ended.
	Crash() (began, ended int64, err error)
	// Fill takes the free space of the disk but for about so many bytes, while others
	// work on it, and Relieve gives it back; without Fill that does nothing. A disk
	// of the kind process is never filled.
	Fill(room int64) error
	Relieve() error
	// Restart brings the disk back as a reboot does: nothing of it is left in
	// memory. Nobody may use it meanwhile.
	Restart(ctx context.Context) error
	// Describe says how the file system was made and mounted.
	Describe() (DiskInfo, error)
	// Close removes the disk. A second call does nothing.
	Close() error
}

// DiskInfo is what the result says of a disk.
type DiskInfo struct {
	FS      string // type
	Mkfs    string // the command that made it; "" when none did
	Mounted string // mount options as the kernel shows them
	Backing string // what it stands on, in words
}

// Job is what a victim does and a judge judges.
type Job struct {
	Cell *Cell
	Dir  string // of the engine's files
	// Before is what the judge of the trial before knows of the folder; nil: Make
	// has made it for this one.
	Before *judge.Books
	Seed   uint64
	Rate   float64       // commits a second of all clients; 0: closed loop
	Limit  time.Duration // the victim ends by itself after so long
	// FaultAfter is when the cell's fault comes, after the begin of the load; 0: it has
	// none. With subject.EIO the next flush fails; with subject.ENOSPC the disk is
	// filled (Disk.Fill).
	FaultAfter time.Duration
	// PointAfter is from when on whoever comes to the cell's crash point is stopped
	// there, counted from the begin of the load.
	PointAfter time.Duration
	// FSType is the type of the file system under Dir, which decides what a
	// direct write survives.
	FSType string
}

// Victim is a process under load. What it acknowledged is kept outside of it
// and can be read when it is dead.
type Victim interface {
	// Ready is when the load began.
	Ready() int64
	// Ended is closed when the process has ended, by Kill or by itself.
	Ended() <-chan struct{}
	// Freeze stops it, all of its threads, so that nothing happens any more.
	Freeze(ctx context.Context) error
	// Kill kills it and waits until it is gone. Killing a dead one is no error.
	Kill() error
	// Acked is the number of commits acknowledged so far.
	Acked() int64
	// Failure is the first flush error that the engine met, and when; "" when it
	// met none.
	Failure() (text string, at int64)
	// SaveLedger writes what was acknowledged to a file, as evidence.
	SaveLedger(path string) error
	// Close gives the ledger back. The victim must be dead.
	Close() error
}

// PointVictim is what a Victim also implements if it can be stopped at a crash point.
type PointVictim interface {
	// Stopped is since when somebody stands there; 0: nobody does.
	Stopped() int64
}

// ServerVictim is what a Victim also implements if it is a server.
type ServerVictim interface {
	// Server says what it was, how its log stood at the crash and, after Judge,
	// how it came up again.
	Server() *result.CrashServer
}

// Crash is when it struck.
type Crash struct {
	Frozen       bool
	Began, Ended int64 // clock.Now just before and after
}
