package undo

import "flushbench/engine/axis"

// Isolation says how long a read view lives.
type Isolation uint8

// The isolation levels. RepeatableRead is the zero value, and MariaDB's default.
const (
	// RepeatableRead: one view, from the first read to the end.
	RepeatableRead Isolation = iota
	// ReadCommitted: one view a statement.
	ReadCommitted
)

// Isolations is the table of the isolation axis.
var Isolations = axis.Table[Isolation]{
	Axis: "isolation",
	Values: []axis.Value[Isolation]{
		{Value: RepeatableRead, Name: "repeatable-read", Help: "one read view a transaction"},
		{Value: ReadCommitted, Name: "read-committed", Help: "one read view a statement"},
	},
}

// String returns the name of i.
func (i Isolation) String() string { return Isolations.Name(i) }

// MarshalText implements encoding.TextMarshaler.
func (i Isolation) MarshalText() ([]byte, error) { return Isolations.MarshalText(i) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *Isolation) UnmarshalText(text []byte) error { return Isolations.UnmarshalText(i, text) }
