package engine

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

// shapeFlush is what a flush takes in TestGroupCommitShape: a slow disk, on which
// nothing but flushes counts.
const shapeFlush = 10 * time.Millisecond

// On a slow disk under 1/1 the shape of group commit is the one that was
// published when MySQL's binlog got it (P. Zaitsev, Percona, 2011, eight disks
// without a write cache): without groups the rate is flat from eight clients on,
// with them it grows nearly linearly, and one client gains nothing. The unit of
// time is a bare loop's flush on the same disk beside it, so that a busy machine
// slows both.
func TestGroupCommitShape(t *testing.T) {
	seeds.HeavyOnly(t)
	rate := map[bool]map[int]float64{false: {}, true: {}}
	for _, grouped := range []bool{false, true} {
		for _, clients := range []int{1, 8, 64, 256} {
			rate[grouped][clients] = shapeRate(t, grouped, clients)
			t.Logf("grouped %v, %3d clients: %7.2f commits in the time of a flush", grouped, clients, rate[grouped][clients])
		}
	}
	alone, grouped := rate[false], rate[true]
	if r := grouped[1] / alone[1]; r < 0.8 || r > 1.25 {
		t.Errorf("one client: %.2f times as fast with groups", r)
	}
	for _, n := range []int{64, 256} {
		if r := alone[n] / alone[8]; r > 1.5 {
			t.Errorf("without groups %d clients are %.2f times as fast as 8", n, r)
		}
	}
	if r := grouped[256] / grouped[1]; r < 57 {
		t.Errorf("with groups 256 clients are %.1f times as fast as one; want 57", r)
	}
}

// shapeRate is how many one-row transactions so many clients commit in the time
// of a flush.
func shapeRate(t *testing.T, grouped bool, clients int) float64 {
	t.Helper()
	var o DatabaseOptions
	o.FS, o.Dir, o.Clients = vfs.NewOS(), t.TempDir(), clients
	o.Commit.Policy = groupcommit.Policy1
	o.Capacity, o.Files, o.BufferSize = 64<<20, 2, 1<<20
	o.Rows, o.RowBytes = 10_000, 136
	o.Binlog = BinlogOptions{Enabled: true, Growth: vfs.GrowAppend}
	o.Stages.SyncBinlog, o.Stages.Ungrouped = 1, !grouped
	if err := CreateDatabase(o, nil); err != nil {
		t.Fatal(err)
	}
	o.FS = vfs.NewSlow(o.FS, vfs.Latency{Floor: shapeFlush})
	db, err := OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	var commits atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for client := range uint32(clients) {
		c, err := db.Conn(client)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			r := table.Row{Key: uint64(client) * 37, C: make([]byte, 120)}
			for !stop.Load() {
				r.K++
				if err := oneRow(c, &r); err != nil {
					t.Error(err)
					return
				}
				commits.Add(1)
			}
		})
	}
	flushes := bareFlushes(t, o.FS, &stop, &wg)
	time.Sleep(20 * shapeFlush)
	from, begin := commits.Load(), flushes.Load()
	time.Sleep(150 * shapeFlush)
	n, ticks := commits.Load()-from, flushes.Load()-begin
	stop.Store(true)
	wg.Wait()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	return float64(n) / float64(max(ticks, 1))
}

// bareFlushes counts the flushes of a loop that does nothing else.
func bareFlushes(t *testing.T, fs vfs.FS, stop *atomic.Bool, wg *sync.WaitGroup) *atomic.Int64 {
	t.Helper()
	f, err := fs.Create(filepath.Join(t.TempDir(), "bare"), vfs.Fdatasync)
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	wg.Go(func() {
		defer f.Close()
		for !stop.Load() {
			if _, err := f.WriteAt(make([]byte, 512), 0); err != nil {
				t.Error(err)
				return
			}
			if err := f.Flush(); err != nil {
				t.Error(err)
				return
			}
			n.Add(1)
		}
	})
	return &n
}

// oneRow is the smallest transaction: one row is changed.
func oneRow(c *Conn, r *table.Row) error {
	if err := c.Begin(); err != nil {
		return err
	}
	if err := c.StartStatement(nil, false); err != nil {
		return err
	}
	if _, err := c.Update(r); err != nil {
		return err
	}
	c.EndStatement()
	return c.Commit()
}
