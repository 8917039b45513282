package lesson

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"flushbench/engine/vfs"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/victim"
)

// Env is where a lesson is told. One lesson at a time uses it.
type Env struct {
	// Dir is an absolute folder on the disk that is measured: empty, locked, and
	// removed by whoever made it.
	Dir string
	// Root: os and power crashes can be made, and lab.Enter has been called.
	Root bool
	// Launch says how victims are started; its zero value starts this program again
	// with the argument victim.Command, which a TestMain has to know.
	Launch victim.Launch
	// FSType is the type of the file system of Dir ("ext4").
	FSType string
	Seed   uint64
	// Say tells of progress, one line at a time without its newline; nil: nobody
	// listens.
	Say func(format string, args ...any)
	// Scale multiplies durations and counts: 1 as a user runs it, less in a test.
	Scale float64

	began   time.Time // set by Tell
	folders int       // that Folder has made
	disk    vfs.FS    // what is measured on; nil: the operating system's
}

// fs is what lessons measure on: the operating system's, but for tests. Its counts
// begin at 0.
func (e *Env) fs() vfs.FS {
	if e.disk != nil {
		return e.disk
	}
	return vfs.NewOS()
}

// Scaled is d times Scale.
func (e *Env) Scaled(d time.Duration) time.Duration { return time.Duration(float64(d) * e.scale()) }

// Count is n times Scale, rounded up: at least 1.
func (e *Env) Count(n int) int { return max(1, int(float64(n)*e.scale()+0.999)) }

func (e *Env) scale() float64 {
	if e.Scale <= 0 {
		return 1
	}
	return e.Scale
}

func (e *Env) say(format string, args ...any) {
	if e.Say != nil {
		e.Say(format, args...)
	}
}

// Folder makes a new, empty folder in Dir and returns its path. The lesson may remove
// it to give space back.
func (e *Env) Folder(name string) (string, error) {
	e.folders++
	path := filepath.Join(e.Dir, fmt.Sprintf("%02d-%s", e.folders, name))
	if err := e.fs().Mkdir(path); err != nil {
		return "", fmt.Errorf("lesson: %w", err)
	}
	return path, nil
}

// CanCrash says what is missing for crashes of that kind on a file system of that
// type; nil: they can be made.
func (e *Env) CanCrash(kind vfs.CrashKind, fs lab.FSType) error {
	if kind == vfs.CrashProcess {
		return nil
	}
	if !e.Root {
		return fmt.Errorf("%s crashes need root", kind)
	}
	return lab.Available(kind, fs)
}

// removeFolder removes a folder of Env.Folder with all that is in it.
func removeFolder(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("lesson: %w", err)
	}
	return nil
}
