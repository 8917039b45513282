package binlog

import (
	"errors"
	"fmt"

	"flushbench/engine/vfs"
)

// ErrCacheFull is wrapped when a transaction needs more than MaxCacheSize
// bytes. It can only be rolled back.
var ErrCacheFull = errors.New("transaction larger than the largest binlog cache")

// rowsEventMax is about the largest row event (binlog_row_event_max_size): a
// row that would pass it begins a new event.
const rowsEventMax = 8192

// Txn is the binlog cache of one session: the events of its transaction, from
// the first statement to the commit, in memory of a bounded size and beyond
// that in a temporary file. It is reused for one transaction after the other
// and does not allocate once it has grown. One goroutine at a time.
//
//	t.StartStatement(sql, unsafe)   says whether rows are wanted
//	t.Insert, t.Update, t.Delete    each row that was changed
//	t.EndStatement()                or AbortStatement, when it failed
//	t.SetXid(id); log.Write(...)    the commit
//	t.Reset()                       after commit or rollback
type Txn struct {
	l       *Log
	session uint32
	xid     uint64
	err     error // the first failure; nothing can be added after it

	// The cached events: first spilled bytes of file, then buf.
	// INVARIANT: the open row event is wholly in buf.
	buf     []byte
	spilled int64
	file    vfs.File // nil before the first spill

	active bool  // within a statement
	rows   bool  // it is logged as rows
	begin  int64 // where its events begin
	mapped bool  // its table map is in the cache
	open   int   // where the open row event begins in buf; < 0: none
	kind   Type  // of the open event
	before Columns
	after  Columns

	gtid GTID // since the last Write
	end  Pos
}

// NewTxn returns an empty cache for the session of that number, which must be
// the only one of its number. Any goroutine.
func (l *Log) NewTxn(session uint32) *Txn { return &Txn{l: l, session: session, open: -1} }

// Rows reports whether StartStatement will ask for rows: then it needs no SQL.
func (t *Txn) Rows(unsafe bool) bool { return t.l.o.Format.Rows(unsafe) }

// StartStatement begins a statement and reports whether it is logged as rows.
// If so, sql is not used and each row that the statement changes has to be
// given; else the text is logged and rows are ignored. unsafe: replaying the
// text might change other rows.
func (t *Txn) StartStatement(sql []byte, unsafe bool) (rows bool, err error) {
	if t.active {
		panic("binlog: statement within a statement")
	}
	t.active, t.rows, t.mapped = true, t.Rows(unsafe), false
	t.begin = t.size()
	if t.rows {
		return true, t.err
	}
	if unsafe {
		t.l.counts.unsafeText.Add(1)
	}
	if err := t.makeRoom(querySize(database, len(sql))); err != nil {
		return false, err
	}
	t.buf = appendQuery(t.buf, t.l.o.ServerID, t.session, database, sql)
	return false, nil
}

// EndStatement ends the statement.
func (t *Txn) EndStatement() {
	t.closeRows(true)
	t.active = false
}

// AbortStatement takes back all that was logged of the statement, which ends.
// A failure of the cache stays.
func (t *Txn) AbortStatement() {
	t.open, t.active = -1, false
	if t.begin >= t.spilled {
		t.buf = t.buf[:t.begin-t.spilled]
		return
	}
	t.spilled, t.buf = t.begin, t.buf[:0]
}

// Insert logs a row that the statement inserted.
func (t *Txn) Insert(row Row) error {
	return t.add(TypeWriteRows, nil, &row, 0, allColumns)
}

// Update logs a row that the statement changed.
func (t *Txn) Update(before, after Row) error {
	if t.l.o.RowImage == ImageFull {
		return t.add(TypeUpdateRows, &before, &after, allColumns, allColumns)
	}
	var changed Columns
	if before.Key != after.Key {
		changed |= ColID
	}
	if string(before.C) != string(after.C) {
		changed |= ColC
	}
	if before.K != after.K || changed == 0 { // an image has at least one column
		changed |= ColK
	}
	return t.add(TypeUpdateRows, &before, &after, ColID, changed)
}

// Delete logs a row that the statement deleted.
func (t *Txn) Delete(before Row) error {
	if t.l.o.RowImage == ImageFull {
		return t.add(TypeDeleteRows, &before, nil, allColumns, 0)
	}
	return t.add(TypeDeleteRows, &before, nil, ColID, 0)
}

// add appends one row to the open row event, or begins one.
func (t *Txn) add(kind Type, before, after *Row, beforeCols, afterCols Columns) error {
	if !t.active {
		panic("binlog: row outside a statement")
	}
	if !t.rows || t.err != nil {
		return t.err
	}
	width := t.l.o.Width
	size := 0
	for _, image := range [...]struct {
		row  *Row
		cols Columns
	}{{before, beforeCols}, {after, afterCols}} {
		if image.row == nil {
			continue
		}
		if len(image.row.C) > width {
			return t.fail(fmt.Errorf("binlog: row %d: %d bytes do not fit c VARBINARY(%d)", image.row.Key, len(image.row.C), width))
		}
		size += imageSize(image.row, image.cols, width)
	}
	if t.open >= 0 && (t.kind != kind || t.before != beforeCols || t.after != afterCols ||
		len(t.buf)-t.open+size+trailerSize > rowsEventMax || len(t.buf)+size+trailerSize > t.l.o.CacheSize) {
		t.closeRows(false)
	}
	if t.open < 0 {
		if err := t.openRows(kind, beforeCols, afterCols, size); err != nil {
			return err
		}
	} else if t.size()+int64(size)+trailerSize > t.l.o.MaxCacheSize {
		return t.tooLarge()
	}
	if before != nil {
		t.buf = appendImage(t.buf, before, beforeCols, width)
	}
	if after != nil {
		t.buf = appendImage(t.buf, after, afterCols, width)
	}
	return nil
}

// openRows begins a row event that has room for size bytes of rows, after the
// table map if it is the statement's first.
func (t *Txn) openRows(kind Type, before, after Columns, size int) error {
	need := rowsFrame + rowsFrameWider + size
	if !t.mapped {
		need += len(t.l.tableMap)
	}
	if err := t.makeRoom(need); err != nil {
		return err
	}
	if !t.mapped {
		t.buf = append(t.buf, t.l.tableMap...)
		t.mapped = true
	}
	t.open, t.kind, t.before, t.after = len(t.buf), kind, before, after
	t.buf = appendRowsHead(t.buf, kind, t.l.o.ServerID, before, after)
	return nil
}

// closeRows ends the open row event, if there is one.
func (t *Txn) closeRows(last bool) {
	if t.open < 0 {
		return
	}
	if last {
		t.buf[t.open+atRowsFlags] |= rowsStmtEnd
	}
	t.buf = closeEvent(t.buf, t.open)
	t.open = -1
}

// SetXid says by which number the engine knows the transaction; not 0.
func (t *Txn) SetXid(id uint64) { t.xid = id }

// Xid returns it.
func (t *Txn) Xid() uint64 { return t.xid }

// Empty reports whether nothing is logged: then there is nothing to write.
func (t *Txn) Empty() bool { return t.size() == 0 }

// Bytes returns how many bytes of events are cached, without the GTID and Xid
// events that Write adds.
func (t *Txn) Bytes() int64 { return t.size() }

// GTID returns what the last Write has given to the transaction.
func (t *Txn) GTID() GTID { return t.gtid }

// End returns the position after the transaction that the last Write wrote.
func (t *Txn) End() Pos { return t.end }

// Err returns why nothing can be added any more, nil normally.
func (t *Txn) Err() error { return t.err }

func (t *Txn) size() int64 { return t.spilled + int64(len(t.buf)) }

func (t *Txn) fail(err error) error {
	if t.err == nil {
		t.err = err
	}
	return t.err
}

func (t *Txn) tooLarge() error {
	return t.fail(fmt.Errorf("binlog: session %d: %w: more than %d bytes", t.session, ErrCacheFull, t.l.o.MaxCacheSize))
}

// Reset empties the cache for the next transaction.
func (t *Txn) Reset() {
	t.buf, t.open, t.active, t.xid, t.err = t.buf[:0], -1, false, 0, nil
	if t.spilled == 0 {
		return
	}
	t.spilled = 0
	// The space on the disk goes back. If that fails it is only lost until
	// Close: what stands in the file is written over.
	_ = t.file.Truncate(0)
}

// Close gives the temporary file back.
func (t *Txn) Close() error {
	if t.file == nil {
		return nil
	}
	err := t.file.Close()
	t.file = nil
	t.spilled, t.buf, t.open = 0, t.buf[:0], -1
	return err
}
