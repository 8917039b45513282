package rebuild

import (
	"errors"
	"fmt"

	"flushbench/engine/binlog"
)

// player applies the transactions of a log to a table.
type player struct {
	o      Options
	tail   *binlog.Tail
	table  *Table
	report Report

	name    string // of the table; "": not known yet
	width   int    // n of c VARBINARY(n); 0: not known yet
	session session
	stmt    statement

	unit   binlog.Unit
	offset int64 // of the event that is applied
}

// refused is why an event cannot be applied, in words.
type refused string

func (r refused) Error() string { return string(r) }

func refuse(format string, args ...any) error { return refused(fmt.Sprintf(format, args...)) }

// play applies transactions until there is none, Until is reached (nil), or one fails.
func (p *player) play() error {
	r := &p.report
	for !r.Stopped {
		u, err := p.tail.Next()
		if err != nil {
			return err
		}
		if g, want := u.Begin.GTID, p.o.Until.GTID; p.o.Until.Kind == UntilGTID && g.Seq == want.Seq && g != want {
			return fmt.Errorf("rebuild: until %v: the log has %v", want, g)
		}
		if p.o.Until.stops(&u) {
			r.Stopped, r.EndFile, r.EndOffset, r.EndReason = true, u.File, u.Offset, "stopped there"
			return nil
		}
		if err := p.apply(u); err != nil {
			return err
		}
		if p.o.Until.reached(&u) {
			r.Stopped, r.EndFile, r.EndOffset, r.EndReason = true, u.File, u.End, "stopped there"
		}
	}
	return nil
}

// apply executes a transaction.
func (p *player) apply(u binlog.Unit) error {
	r := &p.report
	g := u.Begin.GTID
	r.Bytes = p.tail.Bytes()
	if u.File != p.unit.File {
		r.Files++
	}
	p.unit = u
	if g.Seq <= r.baseSeq {
		r.Skipped++
		return nil
	}
	err := p.tail.Events(p.event)
	var why refused
	if errors.As(err, &why) {
		return &ApplyError{File: u.File, Offset: p.offset, GTID: g, Reason: string(why)}
	}
	if err != nil {
		return err
	}
	r.Transactions++
	r.LastSeq, r.LastGTID, r.LastTime = g.Seq, g, u.Time
	return nil
}

// event applies one event of a transaction.
func (p *player) event(c *binlog.Contents) error {
	p.offset = c.Offset
	switch c.Type {
	case binlog.TypeTableMap:
		return p.mapped(&c.TableMap)
	case binlog.TypeQuery:
		p.report.Statements++
		p.session.time = c.Time
		return p.execute(&c.Query)
	}
	rows := &c.Rows
	p.report.RowEvents += uint64(len(rows.Changes))
	for i := range rows.Changes {
		if err := p.change(rows, &rows.Changes[i]); err != nil {
			return err
		}
	}
	return nil
}

// mapped takes the table that row events change.
func (p *player) mapped(m *binlog.TableMap) error {
	if err := p.use(m.Table); err != nil {
		return err
	}
	switch {
	case p.width == 0:
		p.width = m.Width
	case p.width != m.Width:
		return refuse("c is VARBINARY(%d) in the event, VARBINARY(%d) in the table", m.Width, p.width)
	}
	return nil
}

// use checks that there is a table of that name.
func (p *player) use(name string) error {
	switch {
	case p.name == name:
		return nil
	case p.name != "":
		return refuse("table `%s` does not exist; there is `%s`", name, p.name)
	case p.o.Base.Rows == 0 && p.o.Base.Seq == 0 && !p.o.Base.Images:
		return refuse("table `%s` does not exist: nothing in the log creates it", name)
	}
	p.name = name
	return nil
}

// change applies one row of a row event.
func (p *player) change(rows *binlog.Rows, ch *binlog.Change) error {
	if rows.Kind == binlog.TypeWriteRows {
		return p.insert(&ch.After, rows.After)
	}
	key := ch.Before.Key
	if rows.Before&binlog.ColID == 0 {
		return refuse("a row event without the primary key in its image before the change")
	}
	old, err := p.find(rows, ch)
	if err != nil {
		return err
	}
	if rows.Kind == binlog.TypeDeleteRows {
		p.table.Delete(key)
		return nil
	}
	if rows.After&binlog.ColID != 0 && ch.After.Key != key {
		if _, taken := p.table.Get(ch.After.Key); taken {
			return refuse("row %d becomes row %d, which is there already", key, ch.After.Key)
		}
		c := append([]byte(nil), old.C...)
		p.table.Delete(key)
		p.put(ch.After.Key, old.K, c)
		old.C, key = c, ch.After.Key
	}
	k := old.K
	if rows.After&binlog.ColK != 0 {
		k = ch.After.K
	}
	if rows.After&binlog.ColC == 0 {
		p.table.SetK(key, k)
		return nil
	}
	p.put(key, k, ch.After.C)
	return nil
}

// find returns the row that an update or a delete changes.
func (p *player) find(rows *binlog.Rows, ch *binlog.Change) (binlog.Row, error) {
	key, whole := ch.Before.Key, rows.Before == binlog.ColID|binlog.ColK|binlog.ColC
	old, ok := p.table.Get(key)
	switch {
	case ok && whole && !same(&old, &ch.Before):
		p.report.Mismatched++
	case ok:
	case !p.table.Known(key) && whole:
		p.put(key, ch.Before.K, ch.Before.C)
		old, _ = p.table.Get(key)
	case !p.table.Known(key):
		return old, refuse("row %d is not known: its image before the change has not all columns; a base with the rows is needed", key)
	default:
		return old, refuse("row %d is changed, but it is not there", key)
	}
	return old, nil
}

// insert adds a row.
func (p *player) insert(r *binlog.Row, cols binlog.Columns) error {
	if cols != binlog.ColID|binlog.ColK|binlog.ColC {
		return refuse("a row is inserted without all its columns")
	}
	if _, ok := p.table.Get(r.Key); ok {
		return refuse("row %d is inserted, but it is there already (duplicate key)", r.Key)
	}
	p.put(r.Key, r.K, r.C)
	return nil
}

// put sets a row that the log names.
func (p *player) put(key uint64, k int64, c []byte) {
	p.table.Put(key, k, c)
	if key < p.table.unknown {
		p.table.touch(key)
	}
}
