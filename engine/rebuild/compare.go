package rebuild

import (
	"fmt"

	"flushbench/engine/binlog"
	"flushbench/engine/table"
)

// Source is a table that is read row by row, such as a transaction of an engine's
// connection.
type Source interface {
	// Read copies the row of a key and reports whether there is one.
	Read(key uint64, r *table.Row) (found bool, err error)
}

// DiffKind is in what a row differs.
type DiffKind uint8

// The kinds of differences.
const (
	OnlyEngine DiffKind = iota // the engine has the row, the binlog does not give it
	OnlyBinlog                 // the binlog gives the row, the engine does not have it
	Different                  // both have it, with other columns
)

// String is the kind in words.
func (k DiffKind) String() string {
	switch k {
	case OnlyEngine:
		return "only in engine"
	case OnlyBinlog:
		return "only in binlog"
	case Different:
		return "different"
	}
	return fmt.Sprintf("difference(%d)", uint8(k))
}

// RowDiff is a row that differs. A side that lacks it is nil.
type RowDiff struct {
	Key            uint64
	Kind           DiffKind
	Engine, Binlog *binlog.Row
}

// Diff is what Compare has found. All but Rows are numbers of rows.
type Diff struct {
	Equal                             uint64
	OnlyEngine, OnlyBinlog, Different uint64
	// Unknown are rows of the engine that a partial table says nothing about.
	Unknown uint64
	Rows    []RowDiff // the first ones, by key
}

// Total is how many rows differ.
func (d *Diff) Total() uint64 { return d.OnlyEngine + d.OnlyBinlog + d.Different }

// Compare holds a rebuilt table against an engine's, row by row: the keys below
// keys, which must be as many as the engine may hold, and all that t has beyond.
// It keeps the first most differences.
func Compare(t *Table, engine Source, keys uint64, most int) (Diff, error) {
	var d Diff
	c := comparer{t: t, engine: engine, diff: &d, most: most}
	for key := range keys {
		if err := c.row(key); err != nil {
			return d, err
		}
	}
	for r := range t.from(keys) {
		if err := c.row(r.Key); err != nil {
			return d, err
		}
	}
	return d, nil
}

type comparer struct {
	t      *Table
	engine Source
	diff   *Diff
	most   int
	buf    table.Row
}

// row compares the rows of one key.
func (c *comparer) row(key uint64) error {
	found, err := c.engine.Read(key, &c.buf)
	if err != nil {
		return fmt.Errorf("rebuild: read row %d of the engine: %w", key, err)
	}
	theirs := binlog.Row(c.buf)
	theirs.Key = key
	ours, ok := c.t.Get(key)
	switch {
	case !found && !ok:
	case !c.t.Known(key):
		c.diff.Unknown++
	case !ok:
		c.diff.OnlyEngine++
		c.note(RowDiff{Key: key, Kind: OnlyEngine, Engine: &theirs})
	case !found:
		c.diff.OnlyBinlog++
		c.note(RowDiff{Key: key, Kind: OnlyBinlog, Binlog: &ours})
	case same(&ours, &theirs):
		c.diff.Equal++
	default:
		c.diff.Different++
		c.note(RowDiff{Key: key, Kind: Different, Engine: &theirs, Binlog: &ours})
	}
	return nil
}

// note keeps a difference with copies of its rows.
func (c *comparer) note(d RowDiff) {
	if len(c.diff.Rows) >= c.most {
		return
	}
	for _, r := range []**binlog.Row{&d.Engine, &d.Binlog} {
		if *r != nil {
			own := **r
			own.C = append([]byte(nil), own.C...)
			*r = &own
		}
	}
	c.diff.Rows = append(c.diff.Rows, d)
}
