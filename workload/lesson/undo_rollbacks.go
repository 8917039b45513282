package lesson

import (
	"errors"

	"flushbench/engine"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// rollbacks is a small database on the in-memory disk.
type rollbacks struct{ o engine.DatabaseOptions }

func newRollbacks() (*rollbacks, error) {
	mem := vfs.NewMem()
	r := &rollbacks{engine.DatabaseOptions{Rows: 20, BufferPool: 16 << 20}}
	r.o.FS, r.o.Dir, r.o.Clients, r.o.Capacity, r.o.BufferSize = mem, memoryFolder, 2, 4<<20, 1<<20
	r.o.Commit.Policy = groupcommit.Policy1
	if err := errors.Join(mem.Mkdir(memoryFolder), mem.SyncDir("/")); err != nil {
		return nil, err
	}
	return r, engine.CreateDatabase(r.o, func(row *table.Row) { row.K = 100 + int64(row.Key) })
}

// rollback adds 1 to a row, rolls back, and reads it again.
func (r *rollbacks) rollback(key uint64) (before, after int64, err error) {
	db, err := engine.OpenDatabase(r.o)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, db.Shutdown()) }()
	conn, err := db.Conn(0)
	if err != nil {
		return 0, 0, err
	}
	if before, err = addTo(conn, key); err != nil {
		return 0, 0, err
	}
	if err := conn.Rollback(); err != nil {
		return 0, 0, err
	}
	after, err = valueOf(conn, key)
	return before, after, err
}

// crash adds 1 to a row without a commit, lets a neighbour commit, which flushes the
// log up to its own end, and cuts the power. The disk keeps what was flushed.
func (r *rollbacks) crash(key uint64) (before, after int64, rolledBack int, err error) {
	db, err := engine.OpenDatabase(r.o)
	if err != nil {
		return 0, 0, 0, err
	}
	open, err := db.Conn(0)
	if err != nil {
		return 0, 0, 0, err
	}
	neighbour, err := db.Conn(1)
	if err != nil {
		return 0, 0, 0, err
	}
	if before, err = addTo(open, key); err != nil {
		return 0, 0, 0, err
	}
	if _, err := addTo(neighbour, key+1); err != nil {
		return 0, 0, 0, err
	}
	if err := neighbour.Commit(); err != nil {
		return 0, 0, 0, err
	}
	mem := r.o.FS.(*vfs.Mem)
	after, rolledBack, err = r.recovered(mem.Crash(vfs.CrashPower, vfs.CrashOptions{Keep: func(int) int { return 0 }}), key)
	_ = db.Close() // its disk is gone
	return before, after, rolledBack, err
}

// recovered opens what a crash has left and reads a row.
func (r *rollbacks) recovered(disk *vfs.Mem, key uint64) (value int64, rolledBack int, err error) {
	o := r.o
	o.FS = disk
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rolledBack = db.Report().RolledBack
	conn, err := db.Conn(0)
	if err != nil {
		return 0, 0, err
	}
	value, err = valueOf(conn, key)
	return value, rolledBack, err
}

// addTo begins a transaction that adds 1 to a row, and returns what it was.
func addTo(conn *engine.Conn, key uint64) (before int64, err error) {
	var row table.Row
	if err := conn.Begin(); err != nil {
		return 0, err
	}
	if _, err := conn.ReadForUpdate(key, &row); err != nil {
		return 0, err
	}
	before = row.K
	row.K++
	_, err = conn.Update(&row)
	return before, err
}

// valueOf reads a row in a transaction of its own.
func valueOf(conn *engine.Conn, key uint64) (int64, error) {
	var row table.Row
	if err := conn.Begin(); err != nil {
		return 0, err
	}
	if _, err := conn.Read(key, &row); err != nil {
		return 0, err
	}
	return row.K, conn.Commit()
}
