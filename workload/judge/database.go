package judge

import (
	"bytes"
	"errors"

	"flushbench/engine"
	"flushbench/engine/table"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
)

// readDatabase recovers the database, reads its notes, holds its rows against
// them, and reads the binlog.
func (t *trial) readDatabase() (err error) {
	db, g, err := t.Subject.OpenDatabase(t.FS)
	t.txns = g
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Shutdown()) }()
	rep := db.Report()
	t.out.Report = rep.String()
	t.found.end = uint64(rep.End)
	t.found.engineAhead, t.found.binlogAhead = rep.EngineAhead, rep.BinlogAhead
	if t.found.engine, err = subject.Notes(db, g); err != nil {
		return err
	}
	if err := t.readRows(db); err != nil {
		return err
	}
	t.out.Books = &Books{Seqs: t.found.engine, rows: t.found.rows}
	if t.Subject.Binlog() {
		return t.readBinlog()
	}
	return nil
}

// readRows holds the rows against the transactions that the notes name, as far as
// these say what the rows must be.
func (t *trial) readRows(db *engine.Database) error {
	conn, err := db.Conn(0)
	if err != nil {
		return err
	}
	if err := conn.Begin(); err != nil {
		return err
	}
	switch t.txns.Spec().Kind {
	case workload.KindBank:
		err = t.readBank(conn)
	case workload.KindInsert:
		err = t.readInserts(conn)
	case workload.KindUpdate, workload.KindWriteOnly, workload.KindReadWrite:
		err = t.readContents(conn)
	}
	if err != nil {
		return err
	}
	return conn.Commit()
}

// readBank holds each account against the transfers since the last judgement:
// they only add, so their order among each other does not matter.
func (t *trial) readBank(conn *engine.Conn) error {
	g := t.txns
	want := t.before()
	sum := int64(0)
	for key := range want {
		sum -= want[key].k
	}
	err := t.eachOp(func(_ int, op *workload.Op, _ bool) error {
		if op.Kind == workload.OpUpdateK && op.Key < g.Spec().Rows {
			want[op.Key].k += op.Delta
		}
		return nil
	}, false)
	if err != nil {
		return err
	}
	var row table.Row
	for key := range want {
		found, err := conn.Read(uint64(key), &row)
		if err != nil {
			return err
		}
		if !found {
			t.out.HalfPresent++
			t.out.violate("account %d is gone", key)
			continue
		}
		sum += row.K
		if row.K != want[key].k {
			t.out.HalfPresent++
			t.out.violate("account %d has %d, the transfers that are there make it %d", key, row.K, want[key].k)
		}
		if hashOf(row.C) != want[key].c {
			t.out.HalfPresent++
			t.out.violate("account %d holds other bytes, which no transfer changes", key)
		}
	}
	t.found.rows = want
	if sum != 0 {
		t.out.TotalOff = sum
		t.out.violate("the accounts add up to %+d more than they should", sum)
	}
	return nil
}

// readInserts holds each row that this trial may have inserted against the notes:
// those of transactions that are there must be there, and no other.
func (t *trial) readInserts(conn *engine.Conn) error {
	var row table.Row
	return t.eachOp(func(_ int, op *workload.Op, there bool) error {
		if op.Kind != workload.OpInsert {
			return nil
		}
		found, err := conn.Read(op.Key, &row)
		switch {
		case err != nil:
			return err
		case found != there:
			t.out.HalfPresent++
			t.out.violate("row %d is there: %v; by the client's note it must be %v", op.Key, found, there)
		case found && (row.K != op.Delta || !bytes.Equal(row.C, op.Value)):
			t.out.HalfPresent++
			t.out.violate("row %d is not what was inserted", op.Key)
		}
		return nil
	}, true)
}

// eachOp visits the operations of the transactions of this trial, and says whether
// the client's note has them: of all that were begun, those that are rolled back too,
// or with gone false of those alone that are there. One client comes after the other,
// each with its transactions in their order.
func (t *trial) eachOp(visit func(client int, op *workload.Op, there bool) error, gone bool) error {
	for client := range t.State.Clients {
		c := &t.State.Clients[client]
		there := t.found.engine[client]
		end := there
		if gone {
			end = max(end, c.Begun)
		}
		txn := t.txns.NewTxn(uint32(client))
		for n := t.base(client); n < end; n++ {
			t.txns.Next(uint32(client), n, txn)
			if txn.Rollback && !gone {
				continue
			}
			for i := range txn.Ops {
				if err := visit(client, &txn.Ops[i], n < there && !txn.Rollback); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
