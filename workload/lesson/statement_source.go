package lesson

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/rebuild"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// driftClass is a statement, as text and as what it does at the source. It has rows of
// its own.
type driftClass struct {
	name   string
	unsafe bool   // as a server marks it
	set    string // what follows SET
	span   uint64 // it changes so many rows from the first on; 0: one row, by its key
	limit  int    // of these, so many; 0: all
	change func(d *drift, r *table.Row)
}

// The rows of a class, and the width of c: of a UUID.
const (
	driftRows  = 60
	driftWidth = 36
)

var driftClasses = []driftClass{
	{name: "k=k+7", set: "k=k+7", change: func(_ *drift, r *table.Row) { r.K += 7 }},
	{name: "k=k+1, 50 rows", set: "k=k+1", span: 50, change: func(_ *drift, r *table.Row) { r.K++ }},
	{name: "UNIX_TIMESTAMP()", set: "k=UNIX_TIMESTAMP()", change: func(d *drift, r *table.Row) { r.K = int64(d.now) }},
	{name: "SYSDATE(6)", unsafe: true, set: "c=RPAD(SYSDATE(6), 36, ' ')", change: func(_ *drift, r *table.Row) {
		r.C = fmt.Appendf(r.C[:0], "%-36s", time.Now().Format("2006-01-02 15:04:05.000000"))
	}},
	{name: "RAND()", unsafe: true, set: "k=FLOOR(RAND()*1000000)", change: func(d *drift, r *table.Row) { r.K = d.rng.Int64N(1_000_000) }},
	{name: "UUID()", unsafe: true, set: "c=UUID()", change: func(d *drift, r *table.Row) {
		r.C = fmt.Appendf(r.C[:0], "%08x-%04x-4%03x-8%03x-%012x", d.rng.Uint32(), d.rng.Uint32N(1<<16), d.rng.Uint32N(1<<12), d.rng.Uint32N(1<<12), d.rng.Uint64N(1<<48))
	}},
	{name: "LIMIT 3, no ORDER", unsafe: true, set: "k=k+1", span: 20, limit: 3, change: func(_ *drift, r *table.Row) { r.K++ }},
}

// drift is a source with a binlog of one format, and what a table made from it has
// that the source has not. By class: rows that differ, bytes of binlog, and one of
// these rows in words.
type drift struct {
	format  binlog.Format
	n       int // transactions of each class
	differ  []uint64
	bytes   []int64
	example []string

	rng *rand.Rand
	now uint32 // the time of the present statement, in seconds
}

func (d *drift) total() (n uint64) {
	for _, x := range d.differ {
		n += x
	}
	return n
}

func (d *drift) allBytes() (n int64) {
	for _, x := range d.bytes {
		n += x
	}
	return n
}

// safe is how many rows differ of statements that are not unsafe.
func (d *drift) safe() (n uint64) {
	for i, x := range d.differ {
		if !driftClasses[i].unsafe {
			n += x
		}
	}
	return n
}

// newDrift runs n transactions of each class on a source, which is drawn from seed and
// the same for all formats, and compares.
func newDrift(format binlog.Format, n int, seed uint64) (d *drift, err error) {
	classes := len(driftClasses)
	d = &drift{format: format, n: n, differ: make([]uint64, classes), bytes: make([]int64, classes), example: make([]string, classes),
		rng: rand.New(rand.NewPCG(seed, 0)), now: 1_700_000_000}
	o := d.options(vfs.NewMem())
	err = errors.Join(o.FS.Mkdir(o.Dir), o.FS.SyncDir("/"), engine.CreateDatabase(o, func(r *table.Row) { r.K, r.C = driftRow(r.Key, r.C) }))
	if err != nil {
		return nil, err
	}
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Shutdown()) }()
	c, err := db.Conn(0)
	if err != nil {
		return nil, err
	}
	for range n {
		for class := range driftClasses {
			if err := d.transaction(c, class, db.Marks().BinlogWritten); err != nil {
				return nil, err
			}
		}
	}
	return d, d.compare(o, c)
}

func (d *drift) options(fs vfs.FS) engine.DatabaseOptions {
	o := engine.DatabaseOptions{Rows: uint64(len(driftClasses)) * driftRows, RowBytes: table.MinRowBytes + driftWidth, BufferPool: 4 << 20}
	o.FS, o.Dir, o.Capacity, o.Files, o.BufferSize, o.Clients = fs, memoryFolder, 4<<20, 1, 256<<10, 1
	o.Commit.Policy = groupcommit.Policy1
	o.Binlog = engine.BinlogOptions{Enabled: true, Growth: vfs.GrowAppend, Format: d.format, Clock: func() uint32 { return d.now }}
	o.Stages.SyncBinlog = 1
	return o
}

// driftRow is what a row holds before the first transaction.
func driftRow(key uint64, c []byte) (int64, []byte) {
	return int64(key * 7919 % 1000), fmt.Appendf(c[:0], "%036d", key)
}

// transaction runs one statement of a class as a transaction of its own.
func (d *drift) transaction(c *engine.Conn, class int, before binlog.Pos) error {
	x := &driftClasses[class]
	d.now++
	first := uint64(class)*driftRows + d.rng.Uint64N(driftRows-max(x.span, 1)+1)
	if err := c.Begin(); err != nil {
		return err
	}
	if err := c.StartStatement(x.sql(first), x.unsafe); err != nil {
		return err
	}
	rows, err := x.rows(c, first)
	if err != nil {
		return err
	}
	for i := range rows {
		x.change(d, &rows[i])
		if _, err := c.Update(&rows[i]); err != nil {
			return err
		}
	}
	c.EndStatement()
	if err := c.Commit(); err != nil {
		return err
	}
	d.bytes[class] += int64(c.BinlogEnd() - before)
	return nil
}

// sql is the text of the statement.
func (x *driftClass) sql(first uint64) []byte {
	b := fmt.Appendf(nil, "UPDATE %s SET %s WHERE id", engine.DefaultTable, x.set)
	if x.span == 0 {
		return fmt.Appendf(b, "=%d", first)
	}
	b = fmt.Appendf(b, " BETWEEN %d AND %d", first, first+x.span-1)
	if x.limit > 0 {
		b = fmt.Appendf(b, " LIMIT %d", x.limit)
	}
	return b
}

// rows locks and reads the rows that the statement changes at the source. Where LIMIT
// leaves a choice, that comes by an index on k, from its end: so a server reads that has
// one.
func (x *driftClass) rows(c *engine.Conn, first uint64) ([]table.Row, error) {
	rows := make([]table.Row, max(x.span, 1))
	for i := range rows {
		rows[i].Key = first + uint64(i)
		if _, err := c.ReadForUpdate(rows[i].Key, &rows[i]); err != nil {
			return nil, err
		}
	}
	if x.limit > 0 {
		slices.SortStableFunc(rows, func(a, b table.Row) int { return cmp.Compare(b.K, a.K) })
		rows = rows[:x.limit]
	}
	return rows, nil
}

// compare makes a table from the binlog and holds it against the source.
func (d *drift) compare(o engine.DatabaseOptions, c *engine.Conn) error {
	t, _, err := rebuild.Run(rebuild.Options{FS: o.FS, Dir: o.BinlogDir(), Base: rebuild.Base{Rows: o.Rows, Row: func(key uint64, r *binlog.Row) (bool, error) {
		r.K, r.C = driftRow(key, r.C)
		return true, nil
	}}})
	if err != nil {
		return err
	}
	if err := c.Begin(); err != nil {
		return err
	}
	diff, err := rebuild.Compare(t, c, o.Rows, int(o.Rows))
	if err != nil {
		return err
	}
	for i := range diff.Rows {
		r := &diff.Rows[i]
		class := r.Key / driftRows
		if d.differ[class]++; d.differ[class] == 1 {
			d.example[class] = fmt.Sprintf("row %d holds %s at the source and %s in the copy", r.Key, shown(r.Engine, r.Binlog), shown(r.Binlog, r.Engine))
		}
	}
	return c.Commit()
}

// shown is the column in which a row differs from another.
func shown(r, other *binlog.Row) string {
	switch {
	case r == nil:
		return "nothing"
	case other != nil && r.K != other.K:
		return fmt.Sprintf("k=%d", r.K)
	}
	return fmt.Sprintf("c=%q", bytes.TrimRight(r.C, " "))
}
