package workload

import "flushbench/engine/axis"

// Mode is how clients wait for their commits. The zero value is Parked.
type Mode uint8

// The client modes.
const (
	Parked Mode = iota
	Pipelined
)

// How many commits there are to one that is timed, where commits take hardly longer
// than a reading of the clock.
const (
	DefaultTimeOneIn = 16
	MaxTimeOneIn     = 1 << 10
)

// Modes is the table of the client-mode axis.
var Modes = axis.Table[Mode]{
	Axis: "client mode",
	Values: []axis.Value[Mode]{
		{Value: Parked, Name: "parked", Help: "one goroutine a client, which waits for its commit"},
		{Value: Pipelined, Name: "pipelined", Help: "a few workers drive many logical clients through the asynchronous commit"},
	},
}

// String returns the name of m.
func (m Mode) String() string { return Modes.Name(m) }

// MarshalText implements encoding.TextMarshaler.
func (m Mode) MarshalText() ([]byte, error) { return Modes.MarshalText(m) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mode) UnmarshalText(text []byte) error { return Modes.UnmarshalText(m, text) }
