package vfs

import (
	"errors"

	"flushbench/engine/axis"
)

// CrashKind is what fails: the process, the kernel, or the power. Each kind
// loses what the one before it loses, and more. The zero value is
// CrashProcess.
type CrashKind uint8

// The crash kinds.
const (
	// CrashProcess kills the process: the page cache lives, every completed
	// write survives.
	CrashProcess CrashKind = iota
	// CrashOS stops the kernel: the page cache is lost, the device's cache is
	// not. Kept for certain: what was flushed, and O_DIRECT overwrites of
	// blocks that were mapped, written and flushed before.
	CrashOS
	// CrashPower cuts the power: the device's volatile cache is lost as well.
	// Kept for certain: what was flushed.
	CrashPower
)

// CrashKinds is the table of the crash-kind axis.
var CrashKinds = axis.Table[CrashKind]{
	Axis: "crash kind",
	Values: []axis.Value[CrashKind]{
		{Value: CrashProcess, Name: "process", Help: "the process is killed: the page cache survives"},
		{Value: CrashOS, Name: "os", Help: "the kernel stops: the page cache is lost, the device's cache is not"},
		{Value: CrashPower, Name: "power", Help: "the power fails: the device's volatile cache is lost too"},
	},
}

// String returns the name of k.
func (k CrashKind) String() string { return CrashKinds.Name(k) }

// MarshalText implements encoding.TextMarshaler.
func (k CrashKind) MarshalText() ([]byte, error) { return CrashKinds.MarshalText(k) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *CrashKind) UnmarshalText(text []byte) error { return CrashKinds.UnmarshalText(k, text) }

// CrashOptions say how a crash goes beyond its kind. The zero value: nothing
// torn, choices drawn from seed 0.
type CrashOptions struct {
	// Torn adds the write that was in flight at the crash (the first call
	// after the point set by CrashAfter, when it is a write): each of its
	// sectors is there or not, whatever the kind.
	Torn bool
	// Garbage turns one unflushed sector, drawn from Seed, into bytes that
	// nobody wrote: the device was writing it when the power failed. Power only.
	Garbage bool
	// Seed draws the choices when Keep is nil, and the garbage.
	Seed uint64
	// Keep makes the choice for unit i of Unflushed: 0 is the durable version,
	// n the n-th newer one in write order; more than there are, or KeepNewest,
	// is the newest; KeepGarbage see there. It is asked only where the kind
	// leaves a choice, and its answer is raised to the oldest version that the
	// kind can leave.
	Keep func(i int) int
}

// Special answers of CrashOptions.Keep.
const (
	// KeepNewest keeps the newest version.
	KeepNewest = -1
	// KeepGarbage leaves garbage in a sector (CrashPower; like KeepNewest for
	// other kinds and for units that are no sector).
	KeepGarbage = -2
)

// Choice is a unit whose fate a crash leaves open: Keep(Unit) in [Lo, Hi].
type Choice struct {
	Unit   int
	Lo, Hi int
}

// ErrCrashed is returned by every operation of a Mem that has crashed, and of
// the files opened on it.
var ErrCrashed = errors.New("the disk has crashed")
