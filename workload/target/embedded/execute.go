package embedded

import (
	"bytes"
	"fmt"
	"slices"

	"flushbench/engine"
	"flushbench/engine/table"
	"flushbench/workload"
)

// executor runs operations on a connection. It is used by one goroutine and
// allocates nothing once it has grown.
type executor struct {
	row   table.Row
	sql   []byte
	arena []byte   // c of the rows of a range
	found [][]byte // its parts
	// Sum is what the last sum range added up, Rows what the last range
	// returned: results that nobody asks for would be optimised away.
	Sum  int64
	Rows int
}

// op runs one statement.
func (x *executor) op(c *engine.Conn, op *workload.Op) error {
	if !op.Kind.Writes() {
		c.NewStatement()
		return x.read(c, op)
	}
	if c.LogsText(op.Unsafe) {
		x.sql = op.AppendLogged(x.sql[:0])
	}
	if err := c.StartStatement(x.sql, op.Unsafe); err != nil {
		return err
	}
	if err := x.write(c, op); err != nil {
		c.AbortStatement()
		return err
	}
	c.EndStatement()
	return nil
}

func (x *executor) read(c *engine.Conn, op *workload.Op) error {
	switch {
	case op.Kind == workload.OpRead:
		_, err := c.Read(op.Key, &x.row)
		return err
	case op.Kind == workload.OpReadForUpdate:
		_, err := c.ReadForUpdate(op.Key, &x.row)
		return err
	case op.Kind.Ranges():
		return x.scan(c, op)
	}
	return fmt.Errorf("embedded: operation %v: not of a database", op.Kind)
}

// scan reads the rows of a range and does with them what its kind says.
func (x *executor) scan(c *engine.Conn, op *workload.Op) error {
	x.arena, x.found, x.Sum = x.arena[:0], x.found[:0], 0
	for key := op.Key; key < op.Key+uint64(op.N); key++ {
		found, err := c.Read(key, &x.row)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if op.Kind == workload.OpRangeSum {
			x.Sum += x.row.K
			continue
		}
		at := len(x.arena)
		x.arena = append(x.arena, x.row.C...)
		x.found = append(x.found, x.arena[at:])
	}
	if op.Kind == workload.OpRangeOrder || op.Kind == workload.OpRangeDistinct {
		slices.SortFunc(x.found, bytes.Compare)
	}
	if op.Kind == workload.OpRangeDistinct {
		x.found = slices.CompactFunc(x.found, bytes.Equal)
	}
	x.Rows = len(x.found)
	return nil
}

func (x *executor) write(c *engine.Conn, op *workload.Op) error {
	switch op.Kind {
	case workload.OpUpdateC, workload.OpUpdateK:
		found, err := c.ReadForUpdate(op.Key, &x.row)
		if err != nil || !found {
			return err
		}
		if op.Kind == workload.OpUpdateC {
			x.row.C = append(x.row.C[:0], op.Value...)
		} else {
			x.row.K += op.Delta
		}
		_, err = c.Update(&x.row)
		return err
	case workload.OpInsert:
		x.row.Key, x.row.K = op.Key, op.Delta
		x.row.C = append(x.row.C[:0], op.Value...)
		return c.Insert(&x.row)
	case workload.OpDelete:
		_, err := c.Delete(op.Key)
		return err
	}
	return fmt.Errorf("embedded: operation %v: not of a database", op.Kind)
}
