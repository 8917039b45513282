package engine

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
)

var memoryFor = flag.Duration("memory-for", 0, "how long TestMemorySteady lets the bank work; 0: a fixed number of transfers")

// What a database has in memory does not grow with the transactions that it has
// carried: transfers of 64 clients with rollbacks, deadlocks, inserts and deletes,
// purge behind them and binlog files that end. The heap is weighed between two
// rounds of the same work, when nobody is at it. The short form counts transfers, so
// that it weighs the same on a slow machine; the long one prints heap and resident
// memory ten times:
//
//	go test -run TestMemorySteady -memory-for 5m -v -timeout 0 ./engine
func TestMemorySteady(t *testing.T) {
	if yield.Enabled && *memoryFor == 0 {
		t.Skip("weighs the heap: the race detector's is another")
	}
	const clients, round, rounds = 64, 12_000, 4
	o := DatabaseOptions{Rows: 2000, RowBytes: DefaultRowBytes, BufferPool: 16 << 20}
	o.FS, o.Dir, o.Clients, o.Capacity = vfs.NewOS(), filepath.Join(t.TempDir(), "db"), clients, 32<<20
	o.Commit = groupcommit.Config{Policy: groupcommit.Policy2}
	o.Binlog = BinlogOptions{Enabled: true, Growth: vfs.GrowAppend, MaxSize: 4 << 20}
	must(t, os.Mkdir(o.Dir, 0o755))
	must(t, CreateDatabase(o, nil))
	db := opened(t, o)
	conns := make([]*Conn, clients)
	for i := range conns {
		conns[i] = conn(t, db, uint32(i))
	}
	work := func(until func() bool) {
		var wg sync.WaitGroup
		for i, c := range conns {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), 5))
				for !until() {
					if err := transferAnything(c, rng, o.Rows); err != nil {
						t.Errorf("client %d: %v", i, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	if *memoryFor > 0 {
		for i := range 10 {
			end := time.Now().Add(*memoryFor / 10)
			work(func() bool { return time.Now().After(end) })
			t.Logf("after %v: %d binlog files, history %d; heap %d KiB, resident %d KiB", *memoryFor/10*time.Duration(i+1),
				len(db.BinlogFiles()), db.Stats().Undo.HistoryLength, heapInUse()>>10, resident(t)>>10)
		}
		return
	}
	weigh := func() int64 {
		var left atomic.Int64
		left.Store(round)
		work(func() bool { return left.Add(-1) < 0 })
		return heapInUse()
	}
	first := weigh() // everything has its size by then
	last := first
	for range rounds {
		last = weigh()
	}
	t.Logf("heap %d KiB, after %d transactions more %d KiB", first>>10, rounds*round, last>>10)
	// 8 bytes a transaction that stay would be 384 KiB.
	if grown := last - first; grown > 256<<10 {
		t.Errorf("after %d transactions more the heap is larger by %d bytes, %.1f each; want it steady", rounds*round, grown, float64(grown)/(rounds*round))
	}
}

// transferAnything is one transaction: two rows change, or one goes and comes; one of
// eight is rolled back, and so is who must give way.
func transferAnything(c *Conn, rng *rand.Rand, rows uint64) error {
	r := table.Row{Key: rng.Uint64N(rows), K: rng.Int64(), C: make([]byte, DefaultRowBytes-table.MinRowBytes)}
	err := begin(c)
	for range 2 {
		if err != nil {
			break
		}
		switch rng.IntN(4) {
		case 0:
			_, err = c.Delete(r.Key)
		case 1:
			if err = c.Insert(&r); errors.Is(err, ErrDuplicateKey) {
				err = nil
			}
		default:
			_, err = c.Update(&r)
		}
		r.Key = rng.Uint64N(rows)
	}
	switch {
	case errors.Is(err, ErrDeadlock), errors.Is(err, ErrLockWaitTimeout):
		c.AbortStatement()
		return c.Rollback()
	case err != nil:
		return err
	}
	c.EndStatement()
	if rng.IntN(8) == 0 {
		return c.Rollback()
	}
	return c.Commit()
}

// heapInUse is what the collector leaves, in bytes.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what pools kept over the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// resident is the resident set in bytes; 0 where the system does not say.
func resident(t *testing.T) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	must(t, err)
	var size, pages int64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
