// Package durability knows what each crash kind keeps: for a flush policy, a
// flush method and the device below, which watermark of the log makes a commit
// safe, and so what is at risk once it is acknowledged.
//
// It is the one place that knows. The at-risk tracker, the judge, the result
// and the screens all ask here. It promises nothing of its own: what must hold
// for its answers is in Assumes. With a second log see WithBinlog.
package durability

import (
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// Setting is everything that what a crash keeps depends on.
type Setting struct {
	Policy   groupcommit.Policy
	Style    groupcommit.Style    // heeded by policy 0 alone
	Interval time.Duration        // of the timer flush; 0: groupcommit.DefaultInterval
	NoTimer  bool                 // there is none: Interval means nothing
	Protocol groupcommit.Protocol // heeded by WithBinlog alone
	// NoDoublewrite: pages that a kernel crash or a power cut tears stay torn. False for a
	// log alone, which has no pages.
	NoDoublewrite bool
	Method        vfs.Method
	Growth        vfs.Growth
	// Lapped: the log has been round its circle and was flushed since, so all
	// of its blocks are written, whatever Growth says.
	Lapped     bool
	FileSystem FileSystem
	Device     Device
}

// FileSystem is what holds the log.
type FileSystem struct {
	Type        string // as in /proc/self/mountinfo: "ext4", "xfs", ...
	JournalData bool   // ext4 mounted with data=journal
}

// Device is what the file system stands on.
type Device struct {
	Loop         bool // a loop device is somewhere in the stack
	WriteThrough bool // the kernel says that it has no volatile write cache
	// Simulated: the crash is a shutdown of the file system itself, as the
	// crash lab does it. Its loop device survives and keeps what it was given.
	Simulated bool
}

// Watermark returns which position of the log makes a commit safe from kind.
// It does not depend on the policy, which decides only when a commit is
// acknowledged.
func (s Setting) Watermark(kind Kind) Watermark {
	switch {
	case kind == Process:
		return Written // the page cache and the device outlive the process
	case kind == OS && s.DirectOverwrite():
		return Written
	case s.Method.Durable():
		return Flushed
	}
	return Never
}

// Watermarks returns the watermark of each kind.
func (s Setting) Watermarks() (out [NumKinds]Watermark) {
	for k := range NumKinds {
		out[k] = s.Watermark(k)
	}
	return out
}

// Position returns the position of a log that w means: below it nothing is lost.
// It is 0 for Never.
func Position[P ~uint64 | ~int64](w Watermark, written, flushed P) P {
	switch w {
	case Written:
		return written
	case Flushed:
		return flushed
	}
	return 0
}

// DirectOverwrite reports whether a write goes to the device itself (O_DIRECT)
// and changes nothing else: its block was allocated, written and flushed
// before, the file system overwrites in place, and no kernel that may crash
// stands between it and the device. Then a kernel crash does not undo it.
func (s Setting) DirectOverwrite() bool {
	return s.Method.Direct() && s.mapped() && s.FileSystem.overwrites() && (!s.Device.Loop || s.Device.Simulated)
}

// mapped reports whether every block of the log was written and flushed
// before. Zero-filled files are flushed when they are made, whatever the
// method; a lap is flushed only by a method that flushes.
func (s Setting) mapped() bool {
	return s.Growth == vfs.GrowZero || s.Lapped && s.Method.Durable()
}

// overwrites reports whether the file system is known to overwrite blocks in
// place and without journaling their data.
func (f FileSystem) overwrites() bool {
	switch f.Type {
	case "ext4":
		return !f.JournalData
	case "xfs":
		return true
	}
	return false
}

// Extent returns how much of what was acknowledged a crash of the kind can
// take.
func (s Setting) Extent(kind Kind) Extent {
	mark := s.Watermark(kind)
	if mark == Never || s.NoDoublewrite && kind != Process {
		return Unbounded
	}
	// Where every write is durable, what is written is flushed.
	onWrite := mark == Written || s.Method.WriteThrough()
	switch s.Policy {
	case groupcommit.Policy1, groupcommit.Policy3:
		return Nothing // written and flushed before it is acknowledged
	case groupcommit.Policy2:
		if onWrite {
			return Nothing
		}
	case groupcommit.Policy0:
		if onWrite && s.Style == groupcommit.Continuous {
			return Lag
		}
	}
	if s.NoTimer {
		return Unbounded
	}
	return Interval
}

// Tier is which crashes an acknowledged commit survives, and what the others
// take.
type Tier struct {
	Process, OS, Power bool
	Loss               [NumKinds]string // words for a table cell; "none" when it survives
	Words              string           // the tier in one sentence, without a full stop
}

// Tier returns the durability tier.
func (s Setting) Tier() Tier {
	var t Tier
	for k := range NumKinds {
		t.Loss[k] = s.Loss(k)
	}
	t.Process = s.Extent(Process) == Nothing
	t.OS = s.Extent(OS) == Nothing
	t.Power = s.Extent(Power) == Nothing
	t.Words = s.words()
	return t
}
