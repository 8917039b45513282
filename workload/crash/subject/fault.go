package subject

import "flushbench/engine/axis"

// Fault is what goes wrong before a crash. The zero value is NoFault.
type Fault uint8

// The faults.
const (
	NoFault Fault = iota
	// EIO: a flush of a log fails. The error is made up, in the engine's own process.
	EIO
	// ENOSPC: the file system has no room left. The kernel gives the error.
	ENOSPC
)

// Faults is the table of the axis.
var Faults = axis.Table[Fault]{
	Axis: "fault",
	Values: []axis.Value[Fault]{
		{Value: NoFault, Name: "none", Help: "nothing fails before the crash"},
		{Value: EIO, Name: "eio", Help: "a flush fails with EIO"},
		{Value: ENOSPC, Name: "enospc", Help: "the file system runs full"},
	},
}

// String returns the name of f.
func (f Fault) String() string { return Faults.Name(f) }

// MarshalText implements encoding.TextMarshaler.
func (f Fault) MarshalText() ([]byte, error) { return Faults.MarshalText(f) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Fault) UnmarshalText(text []byte) error { return Faults.UnmarshalText(f, text) }
