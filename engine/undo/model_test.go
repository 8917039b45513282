package undo

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/table"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"

	"pgregory.net/rapid"
)

// oracle is the table as a map from key to all versions that were ever committed, with
// the transactions that are under way. It is slow and simple.
type oracle struct {
	committed map[uint64][]version
	seq       int // commits so far
	locks     map[uint64]int
	txns      []*client
}

type version struct {
	seq int
	row string // "-": deleted
}

// client is one session of the model.
type client struct {
	t        Txn
	iso      Isolation
	on       bool
	prepared uint64 // XID
	snapshot int    // commits that the view sees; -1: no view
	own      map[uint64]string
	before   map[uint64][]byte // slots as they were before the first change
}

// world runs random steps on a rig and on the oracle.
type world struct {
	r    *rig
	or   oracle
	keys uint64
	xid  uint64
	// ends: for a crash, where each commit and prepare stands in the log.
	ends  []ending
	maxID uint64 // largest number that a crash left
	// base are the rows at the last recovery.
	base map[uint64]string
	// rolledBack are the XIDs of which a rollback began.
	rolledBack map[uint64]bool
}

// ending is a transaction's PREPARE (own is what it wrote) or its COMMIT.
type ending struct {
	end    lsn.LSN
	xid    uint64
	commit bool
	no     uint64 // of a commit
	own    map[uint64]string
}

func newWorld(r *rig, keys uint64, clients int) *world {
	w := &world{r: r, keys: keys, or: oracle{committed: map[uint64][]version{}, locks: map[uint64]int{}}}
	for range clients {
		w.or.txns = append(w.or.txns, &client{})
	}
	return w
}

// at is the row that a snapshot sees.
func (o *oracle) at(key uint64, snapshot int) string {
	row := "-"
	for _, v := range o.committed[key] {
		if v.seq <= snapshot {
			row = v.row
		}
	}
	return row
}

func (o *oracle) latest(c *client, key uint64) string {
	if row, ok := c.own[key]; ok {
		return row
	}
	return o.at(key, o.seq)
}

// draw is where a world gets its choices from.
type draw func(n int, what string) int

// step does one thing. It returns what is wrong, or the error of a log that has
// stopped.
func (w *world) step(pick draw) error {
	n := pick(len(w.or.txns), "client")
	c := w.or.txns[n]
	if !c.on {
		c.on, c.snapshot, c.own, c.before, c.prepared = true, -1, map[uint64]string{}, map[uint64][]byte{}, 0
		c.iso = Isolation(pick(2, "isolation"))
		return w.r.s.Begin(&c.t, c.iso)
	}
	op := pick(16, "step")
	if c.prepared != 0 && op < 12 {
		op = 12 + op%2
	}
	switch op {
	case 0, 1, 2, 3:
		return w.read(c, pick)
	case 4:
		c.t.NewStatement()
		if c.iso == ReadCommitted {
			c.snapshot = -1
		}
		return nil
	case 5, 6, 7, 8, 9, 10:
		return w.write(n, c, pick)
	case 11:
		w.xid++
		end, err := c.t.Prepare(w.xid)
		if err != nil {
			return err
		}
		c.prepared = w.xid
		if end != 0 {
			w.ends = append(w.ends, ending{end, w.xid, false, 0, c.own})
		}
		return nil
	case 12:
		return w.commit(n, c)
	case 13:
		return w.rollback(n, c)
	case 14:
		_, err := w.r.s.Purge()
		return err
	}
	w.r.pool.Kick()
	return nil
}

func (w *world) read(c *client, pick draw) error {
	key := uint64(pick(int(w.keys), "key"))
	if c.snapshot < 0 {
		c.snapshot = w.or.seq
	}
	want, ok := c.own[key]
	if !ok {
		want = w.or.at(key, c.snapshot)
	}
	var row table.Row
	found, err := c.t.Read(key, &row)
	if err != nil {
		return err
	}
	if got := show(&row, found); got != want {
		return fmt.Errorf("Read(%d) by %v = %s; want %s", key, c.t.ID(), got, want)
	}
	return nil
}

func (w *world) write(n int, c *client, pick draw) error {
	key := uint64(pick(int(w.keys), "key"))
	if holder, locked := w.or.locks[key]; locked && holder != n {
		return nil
	}
	w.or.locks[key] = n
	if _, changed := c.own[key]; !changed {
		c.before[key] = w.r.slotBytes(key)
	}
	old := w.or.latest(c, key)
	row := w.r.rowOf(key, int64(pick(3, "k")), byte(pick(3, "c")))
	var before table.Row
	var err error
	was := "-"
	now := show(row, true)
	switch pick(3, "change") {
	case 0:
		err = c.t.Insert(row)
		if old != "-" {
			if !errors.Is(err, ErrDuplicateKey) {
				return fmt.Errorf("Insert(%d) over %s = %v; want ErrDuplicateKey", key, old, err)
			}
			return w.latest(c, key, old)
		}
		if err != nil {
			return err
		}
		c.own[key] = now
		return w.latest(c, key, now)
	case 1:
		var found, changed bool
		if found, changed, err = c.t.Update(row, &before); err != nil {
			return err
		}
		if found {
			was = show(&before, true)
			if was != now { // else the view may go on seeing an older version
				c.own[key] = now
			}
		} else {
			now = "-"
		}
		if changed != (was != now) {
			return fmt.Errorf("Update(%d) from %s to %s: changed = %v", key, was, now, changed)
		}
	case 2:
		var found bool
		if found, err = c.t.Delete(key, &before); err != nil {
			return err
		}
		if found {
			was, c.own[key] = show(&before, true), "-"
		}
		now = "-"
	}
	if was != old {
		return fmt.Errorf("change of key %d gave the row before as %s; want %s", key, was, old)
	}
	return w.latest(c, key, now)
}

func (w *world) latest(c *client, key uint64, want string) error {
	var row table.Row
	found, err := c.t.ReadLatest(key, &row)
	if err != nil {
		return err
	}
	if got := show(&row, found); got != want {
		return fmt.Errorf("ReadLatest(%d) by %v = %s; want %s", key, c.t.ID(), got, want)
	}
	return nil
}

func (w *world) commit(n int, c *client) error {
	end, err := c.t.Commit()
	if err != nil {
		return err
	}
	if end != 0 {
		w.ends = append(w.ends, ending{end, c.prepared, true, uint64(c.t.No()), c.own})
	}
	w.or.seq++
	for key, row := range c.own {
		w.or.committed[key] = append(w.or.committed[key], version{w.or.seq, row})
	}
	w.ended(n, c)
	return nil
}

func (w *world) rollback(n int, c *client) error {
	if c.prepared != 0 && w.rolledBack != nil {
		w.rolledBack[c.prepared] = true
	}
	if _, err := c.t.Rollback(); err != nil {
		return err
	}
	for key := range c.own {
		if got, want := w.r.slotBytes(key), c.before[key]; !bytes.Equal(got, want) {
			return fmt.Errorf("rollback left slot of key %d\n%x; want\n%x", key, got, c.before[key])
		}
	}
	w.ended(n, c)
	return nil
}

func (w *world) ended(n int, c *client) {
	for key, holder := range w.or.locks {
		if holder == n {
			delete(w.or.locks, key)
		}
	}
	c.on = false
}

// finish ends everything, purges, and looks at every slot.
func (w *world) finish(pick draw) error {
	for n, c := range w.or.txns {
		if !c.on {
			continue
		}
		end := w.commit
		if pick(2, "end") == 0 {
			end = w.rollback
		}
		if err := end(n, c); err != nil {
			return err
		}
	}
	return w.settled()
}

// settled demands, of a world in which nobody is active, that purge has nothing
// left to do and that every slot is what was committed, or empty.
func (w *world) settled() error {
	if _, err := w.r.s.Purge(); err != nil {
		return err
	}
	st := w.r.s.Stats()
	if st.HistoryLength != 0 || st.Active != 0 || st.Views != 0 || st.UndoPages > 2*w.r.o.Slots {
		return fmt.Errorf("after purge: %+v; want no history, nobody active, at most two undo pages a slot", st)
	}
	for key := range w.keys {
		slot, want := w.r.slotBytes(key), w.or.at(key, w.or.seq)
		var row table.Row
		table.DecodeRow(slot, &row)
		h := table.DecodeHeader(slot)
		if got := show(&row, h.Live()); got != want || h.Present() != h.Live() {
			return fmt.Errorf("slot of key %d after purge is %s, flags %d; want %s, and no delete-marked row", key, got, h.Flags, want)
		}
	}
	return nil
}

// layouts: no c, some rows a page, a few undo records a page, one row a page.
var layouts = []table.Layout{{RowBytes: table.MinRowBytes}, {RowBytes: 40}, {RowBytes: 3000}, {RowBytes: table.MaxRowBytes}}

// noC gives rows of a layout without c always the same c.
func noC(l table.Layout, pick draw) draw {
	return func(n int, what string) int {
		if what == "c" && l.CBytes() == 0 {
			return 0
		}
		return pick(n, what)
	}
}

// Whatever several transactions do between each other, each reads what a
// map of all versions says, a rollback restores every byte, and with nobody
// there purge leaves nothing.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := small()
		o.Layout = layouts[rapid.IntRange(0, len(layouts)-1).Draw(rt, "layout")]
		pick := noC(o.Layout, func(n int, what string) int { return rapid.IntRange(0, n-1).Draw(rt, what) })
		w := newWorld(newRig(t, o), 5, 5)
		for range rapid.IntRange(1, 150).Draw(rt, "steps") {
			if err := w.step(pick); err != nil {
				rt.Fatal(err)
			}
		}
		if err := w.finish(pick); err != nil {
			rt.Fatal(err)
		}
		_, _ = w.r.s.Close(), w.r.pool.Close()
	})
}

// The same over long random schedules, without rapid's cost a draw.
func TestModelLong(t *testing.T) {
	runs := 60
	switch {
	case yield.Enabled: // the race detector takes its time
		runs = 15
	case seeds.Heavy():
		runs = 600
	}
	seed := seeds.Base(t)
	for i := range uint64(runs) {
		if !t.Run("", func(t *testing.T) { longModel(t, rand.New(rand.NewPCG(seed, i))) }) {
			return
		}
	}
}

func longModel(t *testing.T, rng *rand.Rand) {
	o := small()
	o.Layout = layouts[rng.IntN(len(layouts))]
	pick := noC(o.Layout, func(n int, _ string) int { return rng.IntN(n) })
	w := newWorld(newRig(t, o), 6, 5)
	for range 600 {
		must(t, w.step(pick))
	}
	must(t, w.finish(pick))
}
