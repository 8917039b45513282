package durability

import "flushbench/engine/axis"

// Kind is a crash kind: what stops, and so what is lost with it.
type Kind uint8

// The crash kinds, mildest first, in the order of the at-risk tracker's.
const (
	Process Kind = iota
	OS
	Power
	NumKinds
)

// Kinds is the table of crash kinds.
var Kinds = axis.Table[Kind]{
	Axis: "crash kind",
	Values: []axis.Value[Kind]{
		{Value: Process, Name: "process", Help: "the process dies, the kernel lives on"},
		{Value: OS, Name: "os", Help: "the kernel dies, the device keeps its power"},
		{Value: Power, Name: "power", Help: "the power goes, and with it the device's volatile cache"},
	},
}

// String returns the name of k.
func (k Kind) String() string { return Kinds.Name(k) }

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return Kinds.MarshalText(k) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(text []byte) error { return Kinds.UnmarshalText(k, text) }

// Watermark is the position of the log below which a crash takes nothing.
type Watermark uint8

// The watermarks. Zero is illegal, so that nothing is safe by omission.
const (
	Written Watermark = iota + 1
	Flushed
	Never
)

// Watermarks is the table of the watermarks.
var Watermarks = axis.Table[Watermark]{
	Axis: "watermark",
	Values: []axis.Value[Watermark]{
		{Value: Written, Name: "written", Help: "a commit is safe once it is written"},
		{Value: Flushed, Name: "flushed", Help: "a commit is safe once it is flushed"},
		{Value: Never, Name: "never", Help: "nothing makes a commit safe"},
	},
}

// String returns the name of w.
func (w Watermark) String() string { return Watermarks.Name(w) }

// Extent is how much of what was acknowledged a crash can take.
type Extent uint8

// The extents, smallest first. Zero is illegal.
const (
	// Nothing: an acknowledged commit is safe.
	Nothing Extent = iota + 1
	// Lag: what the log writer had not followed up on, some milliseconds.
	Lag
	// Interval: about what one flush interval acknowledges. It is more than
	// the interval by the time of the write or flush that ends it, and by how
	// late the timer is: max(T, F1) + F2 + lateness, for an interval T and two
	// flushes of F1 and F2.
	Interval
	// Unbounded: everything since the start of the log, for all that can be
	// promised. Without a timer it is what nothing else has happened to flush.
	Unbounded
)

// Extents is the table of the extents.
var Extents = axis.Table[Extent]{
	Axis: "extent of loss",
	Values: []axis.Value[Extent]{
		{Value: Nothing, Name: "none", Help: "an acknowledged commit is safe"},
		{Value: Lag, Name: "milliseconds", Help: "what the log writer has not followed up on"},
		{Value: Interval, Name: "interval", Help: "about what one flush interval acknowledges"},
		{Value: Unbounded, Name: "unbounded", Help: "nothing is promised"},
	},
}

// String returns the name of e.
func (e Extent) String() string { return Extents.Name(e) }
