package engine

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

// metronome is the clock of a disk on which nothing but flushes takes time, one tick
// each. It ticks when nobody has done anything for a while, so that however slowly
// processors are given out, what can be done in a tick is done in it.
type metronome struct {
	quiet int // milliseconds in which nothing was done, and this goroutine ran

	stirs atomic.Int64 // what was done
	mu    sync.Mutex
	beat  *sync.Cond
	ticks int  // guarded by mu
	runs  bool // guarded by mu
}

func newMetronome(quiet int) *metronome {
	m := &metronome{quiet: quiet}
	m.beat = sync.NewCond(&m.mu)
	return m
}

// flush takes a tick, and no time while the metronome stands still.
func (m *metronome) flush() {
	m.stirs.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	for at := m.ticks; m.ticks == at && m.runs; {
		m.beat.Wait()
	}
}

// tick waits until nothing stirs, and ends the flushes under way.
func (m *metronome) tick() {
	last := m.stirs.Load()
	for n := 0; n < m.quiet; n++ {
		time.Sleep(time.Millisecond)
		if now := m.stirs.Load(); now != last {
			n, last = -1, now
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ticks++
	m.beat.Broadcast()
}

// set starts or stops it.
func (m *metronome) set(runs bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.runs = runs
	m.beat.Broadcast()
}

// On a slow disk under 1/1 the shape of group commit is the one that was
// published when MySQL's binlog got it (P. Zaitsev, Percona, 2011, eight disks
// without a write cache): without groups the rate is flat from eight clients on,
// with them it grows nearly linearly, and one client gains nothing. The unit of
// time is a flush.
func TestGroupCommitShape(t *testing.T) {
	seeds.HeavyOnly(t)
	for _, quiet := range []int{5, 10, 40} { // longer for a machine that has other things to do
		wrong := wrongShape(t, quiet)
		if wrong == nil {
			return
		}
		t.Logf("ticks after %d ms: %v", quiet, wrong)
	}
	t.Error("the shape is not the one that was published")
}

// wrongShape measures with a metronome and returns what is not as it was published.
func wrongShape(t *testing.T, quiet int) (wrong error) {
	t.Helper()
	rate := map[bool]map[int]float64{false: {}, true: {}}
	for _, c := range []struct {
		grouped bool
		clients int
	}{{false, 1}, {true, 1}, {false, 8}, {true, 8}, {false, 64}, {true, 64}, {false, 256}, {true, 256}} {
		rate[c.grouped][c.clients] = shapeRate(t, quiet, c.grouped, c.clients)
		t.Logf("grouped %v, %3d clients: %7.2f commits in the time of a flush", c.grouped, c.clients, rate[c.grouped][c.clients])
		if rate[c.grouped][c.clients] == 0 {
			return fmt.Errorf("%d clients commit nothing, grouped: %v", c.clients, c.grouped)
		}
	}
	if r := rate[true][1] / rate[false][1]; r < 0.8 || r > 1.25 {
		wrong = errors.Join(wrong, fmt.Errorf("one client: %.2f times as fast with groups", r))
	}
	for _, n := range []int{64, 256} {
		if r := rate[false][n] / rate[false][8]; r > 1.5 {
			wrong = errors.Join(wrong, fmt.Errorf("without groups %d clients are %.2f times as fast as 8", n, r))
		}
	}
	if r := rate[true][256] / rate[true][1]; r < 57 {
		wrong = errors.Join(wrong, fmt.Errorf("with groups 256 clients are %.1f times as fast as one; want 57", r))
	}
	return wrong
}

// shapeRate is how many one-row transactions so many clients commit in the time
// of a flush.
func shapeRate(t *testing.T, quiet int, grouped bool, clients int) float64 {
	t.Helper()
	const first, counted = 15, 50 // ticks
	mem := newDisk(t)
	var o DatabaseOptions
	o.FS, o.Dir, o.Clients = mem, dir, clients
	o.Commit.Policy = groupcommit.Policy1
	o.Capacity, o.Files, o.BufferSize = 64<<20, 2, 1<<20
	o.Rows, o.RowBytes = 10_000, 136
	o.Binlog = BinlogOptions{Enabled: true, Growth: vfs.GrowAppend}
	o.Stages.SyncBinlog, o.Stages.Ungrouped = 1, !grouped
	must(t, CreateDatabase(o, nil))
	m := newMetronome(quiet)
	mem.SetFlushHook(m.flush)
	db := openedUnhurried(t, o)
	m.set(true)
	var commits atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for client := range uint32(clients) {
		c := conn(t, db, client)
		wg.Go(func() {
			r := table.Row{Key: uint64(client) * 37, C: make([]byte, 120)}
			for !stop.Load() {
				r.K++
				if err := oneRow(c, &r); err != nil {
					t.Error(err)
					return
				}
				commits.Add(1)
				m.stirs.Add(1)
			}
		})
	}
	for range first {
		m.tick()
	}
	from := commits.Load()
	for range counted {
		m.tick()
	}
	n := commits.Load() - from
	stop.Store(true)
	m.set(false)
	wg.Wait()
	must(t, db.Close())
	return float64(n) / counted
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
