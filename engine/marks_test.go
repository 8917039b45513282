package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
)

// Whoever looks while others commit never sees a transaction in one log alone that is
// on its way through both: under policy 2 a killed process loses nothing and leaves
// neither log ahead.
func TestMarksBesideCommits(t *testing.T) {
	o := bankOptions(vfs.NewMem())
	if err := o.FS.Mkdir(dir); err != nil {
		t.Fatal(err)
	}
	o.Commit.Policy, o.Stages.SyncBinlog, o.Capacity = groupcommit.Policy2, 0, 16<<20
	if err := CreateDatabase(o, bankRow); err != nil {
		t.Fatal(err)
	}
	db := opened(t, o)
	defer yield.Shuffle(1)()
	var stop atomic.Bool
	var committed atomic.Int64
	var wg sync.WaitGroup
	for client := range uint32(2) {
		c := conn(t, db, client)
		wg.Go(func() {
			for k := int64(1); !stop.Load(); k++ {
				if err := set(c, uint64(client), k); err != nil {
					t.Error(err)
					return
				}
				committed.Add(1)
			}
		})
	}
	const enough = 2000
	for committed.Load() < enough && !t.Failed() {
		m := db.Marks()
		k := db.KeepsOf(m.Written, m.Earlier.Written, m.BinlogWritten)
		if k.EngineAhead() > 0 || k.BinlogAhead() > 0 {
			t.Errorf("after %d commits a crash would leave %d in the engine alone and %d in the binlog: %+v", committed.Load(), k.EngineAhead(), k.BinlogAhead(), k)
		}
		runtime.Gosched()
	}
	stop.Store(true)
	wg.Wait()
}
