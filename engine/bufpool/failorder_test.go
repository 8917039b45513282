package bufpool

import (
	"errors"
	"syscall"
	"testing"
)

// The pool has failed before another batch may write: that one would overwrite the
// copies of pages that perhaps stand half-written in place.
func TestFailsBeforeTheNextBatch(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		call func(p *Pool) error
	}{
		"doublewrite": {DoublewriteFile, (*Pool).FlushAll},
		"in place":    {FileName(SpaceTable), (*Pool).FlushAll},
		"extend":      {DoublewriteFile, func(p *Pool) error { return p.Extend(SpaceTable, 1000) }},
	} {
		spy := &spyFS{FS: created(t, 0)}
		o := smallest(spy, newFakeLog(1<<30), 1)
		var p *Pool
		told, early := 0, false
		o.Failed = func(error) {
			told++
			if p.io.TryLock() {
				early = true
				p.io.Unlock()
			}
		}
		p = open(t, o)
		var m Mtr
		set(t, p, &m, tp(3), 1)
		spy.onFlush = func(file string) error {
			if file == c.file {
				return syscall.EIO
			}
			return nil
		}
		if err := c.call(p); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v; want the injected error", name, err)
		}
		if told != 1 || early {
			t.Errorf("%s: told %d times of the failure; others could write before: %v", name, told, early)
		}
	}
}
