// Package crash crashes an engine again and again and says what was lost: a
// matrix over crash kind, file system and setting, several trials each, every
// trial with a real process, a real file system and an independent judge.
//
// A trial: a victim (a child process) commits under load on a disk of its own;
// at a random moment the crash takes the process, the kernel's memory or the
// device's; the disk is restarted; the judge recovers from it alone and compares
// with what was acknowledged. What the crash may take is predicted from the
// victim's shared memory, which outlives it.
//
// The disks, the victims and the judge come through the interfaces Backend,
// Disk and Victim; Real has the real ones. Nothing here mounts, kills or
// recovers by itself, and nothing prints: who wants to see progress hands in a
// Progress.
//
// INVARIANT: a violation stands in the saved result before the next trial begins.
// Other trials follow with the next save: within ten times what a save takes, and
// one trial.
//
// INVARIANT: what a crash left is judged only after a copy of it was made, as long
// as evidence is kept, so that a violation keeps it as it was.
package crash

import (
	"time"

	"flushbench/workload/scenario"
)

// Config is a crash matrix: what, where, and who is told.
type Config struct {
	Plan               Plan
	Base               string // folder whose disk is used; "" is the current one
	ResultsDir         string // where the result folder is made; "" is "results"
	Name               string // last part of its name; "" is "crash"
	AllowVolatile      bool
	BesideLiveDatabase bool
	ToolVersion        string
	CommandLine        []string
	Progress           Progress
	// Backend makes disks, victims and judges; nil: the real ones.
	Backend Backend
	// Reproduce returns the command line that runs one trial again; nil: none is
	// noted.
	Reproduce func(*Cell, Trial, scenario.Rate) string

	limits limits // zero: the usual ones
}

// Progress is told how far a matrix is. Calls come from one goroutine.
type Progress interface {
	// Planned comes once, before anything is written: the most bytes that the
	// disks hold, and about how long it takes.
	Planned(bytes int64, length time.Duration)
	// Step starts step i of n, 1 to n; left is about the time to the end.
	Step(i, n int, what string, left time.Duration)
	// Note is a sentence for the user.
	Note(text string)
}

// silent is a Progress that nobody sees.
type silent struct{}

func (silent) Planned(int64, time.Duration)         {}
func (silent) Step(int, int, string, time.Duration) {}
func (silent) Note(string)                          {}
