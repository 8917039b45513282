package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
)

// nullFS is a disk that forgets what is written once deaf is set: its writes
// allocate nothing.
type nullFS struct {
	vfs.FS
	deaf *atomic.Bool
}

func (n nullFS) Open(path string, m vfs.Method) (vfs.File, error) {
	f, err := n.FS.Open(path, m)
	if err != nil {
		return nil, err
	}
	return nullFile{f, n.deaf}, nil
}

type nullFile struct {
	vfs.File
	deaf *atomic.Bool
}

func (f nullFile) WriteAt(p []byte, off int64) (int, error) {
	if f.deaf.Load() {
		return len(p), nil
	}
	return f.File.WriteAt(p, off)
}

func (f nullFile) Flush() error {
	if f.deaf.Load() {
		return nil
	}
	return f.File.Flush()
}

// Commits allocate nothing, under every policy: fewer than one allocation in a
// thousand commits, the checkpointer's and the runtime's own included.
func TestCommitsDoNotAllocate(t *testing.T) {
	testenv.Long(t, "counts allocations, of which the race detector makes its own")
	commits, most := 1_000_000, uint64(1000)
	if yield.Enabled { // the race detector makes a sync.Pool forget on purpose
		commits, most = 100_000, 10_000
	}
	for _, p := range logPolicies {
		t.Run("policy="+p.String(), func(t *testing.T) {
			o := smallest(nil)
			o.Capacity, o.BufferSize, o.Clients = 16<<20, 1<<20, 8
			o.Commit.Policy, o.Commit.Interval = p, groupcommit.DefaultInterval
			mem := created(t, o)
			var deaf atomic.Bool
			o.FS = nullFS{mem, &deaf}
			e, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			deaf.Store(true)
			defer e.Close()
			body := make([]byte, 216)
			sessions := make([]*Session, o.Clients)
			for c := range sessions {
				if sessions[c], err = e.Session(uint32(c)); err != nil {
					t.Fatal(err)
				}
			}
			round := func(n int) {
				var wg sync.WaitGroup
				for _, s := range sessions {
					wg.Go(func() {
						for range n / o.Clients {
							if err := s.Commit(body); err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
			}
			round(commits / 10)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			round(commits)
			runtime.ReadMemStats(&after)
			if n := after.Mallocs - before.Mallocs; n > most {
				t.Errorf("%d allocations in %d commits; want %d at the most", n, commits, most)
			}
		})
	}
}
