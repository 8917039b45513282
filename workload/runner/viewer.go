package runner

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"sync/atomic"
	"time"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/table"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// viewer is the extra session of a cell that reads the table through a read view
// which it keeps open. It never writes, and it judges what it reads: one view
// shows the same rows in every pass, and in the bank the same total as all others.
type viewer struct {
	conn  *engine.Conn
	keeps workload.LongView
	keys  uint64
	total int64 // that the rows' k add up to
	known bool  // total is

	quit atomic.Bool
	done chan struct{}
	err  error // of the session; valid when done is closed

	rows          atomic.Int64 // looked up so far; read at the edges of the interval
	views, passes int64        // owned by the session until done is closed

	from, until viewMark // the interval
}

// viewMark is how far the session was at a moment.
type viewMark struct{ at, rows int64 }

// openViewer starts the session of a cell and returns when its first view is open.
func (c *dbCell) openViewer(keeps workload.LongView) error {
	conn, err := c.db.Conn(uint32(c.db.Options().Clients - 1))
	if err != nil {
		return err
	}
	spec := c.txns.Spec()
	v := &viewer{conn: conn, keeps: keeps, keys: spec.Rows, done: make(chan struct{})}
	if spec.Kind == workload.KindBank {
		v.total, v.known = c.txns.Total(), true
	}
	if err := v.open(); err != nil {
		return err
	}
	c.viewer = v
	go func() {
		defer close(v.done)
		v.err = v.run()
	}()
	return nil
}

// stop ends the session and waits for it. v may be nil.
func (v *viewer) stop() error {
	if v == nil {
		return nil
	}
	v.quit.Store(true)
	<-v.done
	return v.err
}

// mark notes an edge of the measured interval. v may be nil.
func (v *viewer) mark(begin bool) {
	switch {
	case v == nil:
	case begin:
		v.from = viewMark{clock.Now(), v.rows.Load()}
	default:
		v.until = viewMark{clock.Now(), v.rows.Load()}
	}
}

func (v *viewer) open() error {
	if err := v.conn.Begin(); err != nil {
		return err
	}
	v.conn.Snapshot()
	v.views++
	return nil
}

// run reads until the cell is over. REQUIRES: a view is open.
func (v *viewer) run() error {
	for {
		if err := v.read(); err != nil {
			return fmt.Errorf("runner: the session with the long view: %w", err)
		}
		if err := v.conn.Commit(); err != nil || v.quit.Load() {
			return err
		}
		if err := v.open(); err != nil {
			return err
		}
	}
}

// lookEvery is after how many rows the session looks at the clock.
const lookEvery = 32

// read goes through the table, over and over, until the view has been open for
// long enough.
func (v *viewer) read() error {
	opened := clock.Now()
	var row table.Row
	var first sight
	for passes := 0; ; passes++ {
		var s sight
		for key := range v.keys {
			if key%lookEvery == 0 && (v.quit.Load() || v.keeps.Over(time.Duration(clock.Now()-opened))) {
				return nil
			}
			found, err := v.conn.Read(key, &row)
			if err != nil {
				return err
			}
			if found {
				s.add(&row)
			}
			v.rows.Add(1)
		}
		if passes == 0 {
			first = s
		}
		if err := v.judge(first, s); err != nil {
			return err
		}
		v.passes++
	}
}

// judge compares what one pass saw with what it must have seen.
func (v *viewer) judge(first, s sight) error {
	switch {
	case s != first:
		return fmt.Errorf("one read view showed two tables: first %v, then %v", first, s)
	case v.known && s.sum != v.total:
		return fmt.Errorf("the accounts of a read view add up to %d; want %d", s.sum, v.total)
	}
	return nil
}

// sight is what one pass saw of the table, added up.
type sight struct {
	rows uint64
	sum  int64 // of k
	crc  uint32
}

var sightTable = crc32.MakeTable(crc32.Castagnoli)

func (s *sight) add(r *table.Row) {
	s.rows++
	s.sum += r.K
	s.crc = crc32.Update(s.crc, sightTable, r.C)
}

// String implements fmt.Stringer.
func (s sight) String() string {
	return fmt.Sprintf("%d rows, sum of k %d, CRC of c %08x", s.rows, s.sum, s.crc)
}

// maxCatchUp bounds how long the end of a cell waits for purge.
const maxCatchUp = 30 * time.Second

// catchUp waits, after a cell with a long view, until purge has worked off what
// the view had kept: the next cell on the same database must not find it. Where it
// gives up, both cells are told of what is left.
func (c *cellRun) catchUp(ctx context.Context) {
	if c.db == nil || c.db.viewer == nil {
		return
	}
	const look = 2 * time.Millisecond
	patience := cmp.Or(c.r.cfg.catchUp, maxCatchUp)
	begin := clock.Now()
	for {
		left := c.db.db.Stats().Undo.HistoryLength
		spent := time.Duration(clock.Now() - begin)
		c.db.caught.CatchUpNS, c.db.caught.Left = int64(spent), left
		c.log.db.left = left
		if left == 0 || spent > patience || ctx.Err() != nil || c.eng.err() != nil || c.r.affords(c.spec.fixedBytes()) != nil {
			return
		}
		clock.Sleep(look)
	}
}

// fillView adds what the session with the long view did.
func (c *dbCell) fillView(d *result.Database) {
	v := c.viewer
	if v == nil {
		return
	}
	out := c.caught
	out.Views, out.Passes = v.views, v.passes
	out.Rows = v.until.rows - v.from.rows
	if length := v.until.at - v.from.at; length > 0 {
		out.RowsPS = float64(out.Rows) / (float64(length) / 1e9)
	}
	d.LongView = &out
}

// fillHistory condenses the samples of the history's length.
func fillHistory(d *result.Database) {
	sum := int64(0)
	for _, n := range d.HistoryLength {
		d.HistoryLengthMax = max(d.HistoryLengthMax, n)
		sum += n
	}
	if n := len(d.HistoryLength); n > 0 {
		d.HistoryLengthMean = float64(sum) / float64(n)
	}
}
