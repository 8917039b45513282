package runner

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"flushbench/engine/vfs"
	"flushbench/workload/workdir"
)

// tooLarge is a record that the log cannot hold.
type tooLarge struct{ size, max int }

// Error implements error.
func (e *tooLarge) Error() string {
	return fmt.Sprintf("record of %d bytes: must be at most %d (half the log buffer, an eighth of the log capacity)", e.size, e.max)
}

// checkMethods makes and removes a file with each flush method of the plan, so
// that one which this file system refuses is refused before the run.
func (r *run) checkMethods() error {
	seen := map[vfs.Method]bool{}
	for i := range r.plan.Specs {
		m := r.plan.Specs[i].Engine.Method
		if seen[m] || r.plan.Specs[i].onServer() {
			continue
		}
		seen[m] = true
		path := filepath.Join(r.dir.Path(), "probe.0")
		f, err := r.fs.Create(path, m)
		if errors.Is(err, vfs.ErrMethodRefused) || errors.Is(err, vfs.ErrNotSupported) {
			return &workdir.Refusal{Lines: []string{err.Error()}}
		}
		if err != nil {
			return err
		}
		if err := errors.Join(f.Close(), r.fs.Remove(path)); err != nil {
			return err
		}
	}
	return nil
}

func itoa(n int) string { return strconv.Itoa(n) }
