package engine

import (
	"fmt"

	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// Options describe an engine: where its log lies and a value on every axis.
type Options struct {
	FS  vfs.FS
	Dir string // the log's directory; Create makes the files in it

	Method   vfs.Method
	Growth   vfs.Growth
	Capacity int64 // bytes of all log files (redo.DefaultCapacity)
	Files    int   // redo.DefaultFiles
	Tail     redo.Tail

	BufferKind redo.BufferKind
	BufferSize int // bytes, a power of two (redo.DefaultBuffer)

	Commit groupcommit.Config

	// Clients is how many clients there may be, 1 to MaxClients.
	Clients int
	// CheckpointDistance is how many bytes the checkpoint stays behind the
	// flushed LSN: what a judge can check byte for byte. 0: a quarter of the
	// log, at most DefaultDistance.
	CheckpointDistance int64

	Observer redo.Observer // of watermarks; nil: none
}

// Limits and defaults.
const (
	MaxClients      = 1 << 22
	DefaultDistance = 32 << 20
)

// Validate fills in defaults and says what is out of range.
func (o *Options) Validate() error {
	if o.Capacity == 0 {
		o.Capacity = redo.DefaultCapacity
	}
	if o.Files == 0 {
		o.Files = redo.DefaultFiles
	}
	if o.BufferSize == 0 {
		o.BufferSize = redo.DefaultBuffer
	}
	if o.Clients < 1 || o.Clients > MaxClients {
		return fmt.Errorf("engine: %d clients: must be 1 to %d", o.Clients, MaxClients)
	}
	if o.CheckpointDistance == 0 {
		o.CheckpointDistance = min(DefaultDistance, o.Capacity/4)
	}
	if o.CheckpointDistance < 0 || o.CheckpointDistance > o.Capacity*3/4 {
		return fmt.Errorf("engine: checkpoint distance of %d bytes: must be 0 to three quarters of the log capacity (%d)", o.CheckpointDistance, o.Capacity*3/4)
	}
	return o.Commit.Validate()
}

// MaxRecord is the largest record, in bytes of log: half the log buffer, and
// an eighth of the log.
func (o *Options) MaxRecord() int {
	return int(min(int64(o.BufferSize)/2, o.Capacity/8))
}
