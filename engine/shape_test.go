package engine

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

// shapeFlushes are what a flush takes in TestGroupCommitShape: a slow disk, on which
// nothing but flushes counts; where it does, for a machine that has other things to
// do, a slower one.
var shapeFlushes = []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond}

// On a slow disk under 1/1 the shape of group commit is the one that was
// published when MySQL's binlog got it (P. Zaitsev, Percona, 2011, eight disks
// without a write cache): without groups the rate is flat from eight clients on,
// with them it grows nearly linearly, and one client gains nothing. The unit of
// time is a bare loop's flush on the same disk beside it, so that a busy machine
// slows both; rates of the same round are compared, and the median of the rounds
// counts, so that what disturbs one of them does not.
func TestGroupCommitShape(t *testing.T) {
	seeds.HeavyOnly(t)
	for i, flush := range shapeFlushes {
		wrong := wrongShape(t, flush)
		switch {
		case wrong == nil:
			return
		case i == len(shapeFlushes)-1:
			t.Error(wrong)
		default:
			t.Logf("flushes of %v: %v", flush, wrong)
		}
	}
}

// wrongShape measures with flushes that take so long and returns what is not as it
// was published.
func wrongShape(t *testing.T, flush time.Duration) (wrong error) {
	t.Helper()
	var rounds [3]map[bool]map[int]float64
	for i := range rounds {
		rate := map[bool]map[int]float64{false: {}, true: {}}
		for _, c := range []struct {
			grouped bool
			clients int
		}{{false, 1}, {true, 1}, {false, 8}, {false, 64}, {false, 256}, {true, 256}} {
			rate[c.grouped][c.clients] = shapeRate(t, flush, c.grouped, c.clients)
			t.Logf("round %d, grouped %v, %3d clients: %7.2f commits in the time of a flush", i+1, c.grouped, c.clients, rate[c.grouped][c.clients])
		}
		rounds[i] = rate
	}
	ratio := func(grouped bool, clients int, toGrouped bool, to int) float64 {
		var all [len(rounds)]float64
		for i, rate := range rounds {
			all[i] = rate[grouped][clients] / rate[toGrouped][to]
		}
		slices.Sort(all[:])
		return all[len(all)/2]
	}
	if r := ratio(true, 1, false, 1); r < 0.8 || r > 1.25 {
		wrong = errors.Join(wrong, fmt.Errorf("one client: %.2f times as fast with groups", r))
	}
	for _, n := range []int{64, 256} {
		if r := ratio(false, n, false, 8); r > 1.5 {
			wrong = errors.Join(wrong, fmt.Errorf("without groups %d clients are %.2f times as fast as 8", n, r))
		}
	}
	if r := ratio(true, 256, true, 1); r < 57 {
		wrong = errors.Join(wrong, fmt.Errorf("with groups 256 clients are %.1f times as fast as one; want 57", r))
	}
	return wrong
}

// shapeRate is how many one-row transactions so many clients commit in the time
// of a flush.
func shapeRate(t *testing.T, flush time.Duration, grouped bool, clients int) float64 {
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
	var stop atomic.Bool
	o.FS = vfs.NewSlow(o.FS, vfs.Latency{Func: func(uint64) time.Duration {
		if stop.Load() { // 256 clients without groups would take seconds to end
			return 0
		}
		return flush
	}})
	db, err := OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	var commits atomic.Int64
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
	time.Sleep(15 * flush)
	from, begin := commits.Load(), flushes.Load()
	time.Sleep(50 * flush)
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
