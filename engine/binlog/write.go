package binlog

import (
	"errors"
	"fmt"
	"slices"

	"flushbench/engine/yield"
)

// maxBuffer bounds the bytes of one write call; a larger group takes several,
// each of whole events.
const maxBuffer = 8 << 20

// readChunk is how much of a temporary file is read at a time.
const readChunk = 64 << 10

// Write writes the transactions of one group in order: each gets the next
// GTID, its cached events and an Xid event. Empty ones are left out. It
// returns the written position after them. All or nothing of the group is
// written as far as the caller can tell: a failure is final, the log has
// stopped. Nothing is flushed, but by a write-through method.
//
// REQUIRES: the write right; every transaction has an Xid, no open statement
// and no error.
func (l *Log) Write(txns []*Txn) (end Pos, err error) {
	if err := l.Err(); err != nil {
		return 0, err
	}
	count, need := 0, l.size
	for _, t := range txns {
		if t.Empty() {
			continue
		}
		if t.active || t.xid == 0 || t.err != nil {
			panic(fmt.Sprintf("binlog: session %d writes a transaction with Xid %d, within a statement: %v, error: %v", t.session, t.xid, t.active, t.err))
		}
		count++
		need += t.size() + gtidGroupSize + xidSize
	}
	if count == 0 {
		return l.Written(), nil
	}
	if need > maxOffset-1024 { // a Rotate event follows
		return 0, l.fail(fmt.Errorf("binlog: write group: %s would end at offset %d: a file has at most 4 GiB", l.files[len(l.files)-1].Name, need))
	}
	g := group{l: l, now: l.o.Clock(), lag: l.lag()}
	if count > 1 {
		g.commitID = l.seq + 1
	}
	l.buf, l.sealed = l.buf[:0], 0
	for _, t := range txns {
		if t.Empty() {
			continue
		}
		if err := g.add(t); err != nil {
			return 0, l.fail(fmt.Errorf("binlog: write transaction %v: %w", t.gtid, err))
		}
	}
	if err := l.writeOut(); err != nil {
		return 0, err
	}
	g.count(count)
	return l.publishWritten(), nil
}

// WriteStatement writes a statement that is no part of a transaction, such as
// CREATE TABLE, with a GTID of its own. db: the session is in the database.
// REQUIRES: the write right.
func (l *Log) WriteStatement(sql string, db bool) (end Pos, err error) {
	if err := l.Err(); err != nil {
		return 0, err
	}
	g := group{l: l, now: l.o.Clock(), lag: l.lag()}
	l.buf, l.sealed = l.buf[:0], 0
	l.seq++
	l.buf = appendGTID(l.buf, l.o.ServerID, GTID{Seq: l.seq}, gtidStandalone|gtidDDL, 0, g.lag)
	name := ""
	if db {
		name = database
	}
	l.buf = appendQuery(l.buf, l.o.ServerID, 0, name, []byte(sql))
	if err := g.seal(); err != nil {
		return 0, l.fail(fmt.Errorf("binlog: write statement: %w", err))
	}
	if err := l.writeOut(); err != nil {
		return 0, err
	}
	g.count(1)
	return l.publishWritten(), nil
}

// lag is how far the log is known to be flushed, as GTID events say it:
// counted back from the start of the write.
func (l *Log) lag() uint64 {
	if !l.o.Method.Durable() {
		return maxLag
	}
	return l.written.Load() - l.flushed.Load()
}

// publishWritten lets everyone see what was written up to size.
func (l *Log) publishWritten() Pos {
	from := l.Written()
	to := l.base() + Pos(l.size)
	l.o.Observer.Written(from, to)
	yield.Point(yield.WritePublish)
	l.written.Store(uint64(to))
	if l.through {
		// The write has flushed. INVARIANT: a write-through method has no
		// flush of its own, so that nobody else moves flushed.
		l.o.Observer.Flushed(from, to)
		l.flushed.Store(uint64(to))
	}
	return to
}

// base is the position at which the present file begins.
// REQUIRES: the write right.
func (l *Log) base() Pos { return l.files[len(l.files)-1].Base }

// writeOut writes what is sealed in the buffer to the end of the file and
// keeps the rest.
func (l *Log) writeOut() error {
	if l.sealed == 0 {
		return nil
	}
	if _, err := l.cur.WriteAt(l.buf[:l.sealed], l.size); err != nil {
		return l.fail(fmt.Errorf("binlog: write %d bytes at offset %d: %w", l.sealed, l.size, err))
	}
	l.counts.writes.Add(1)
	l.counts.bytes.Add(uint64(l.sealed))
	l.size += int64(l.sealed)
	rest := copy(l.buf, l.buf[l.sealed:])
	l.buf, l.sealed = l.buf[:rest], 0
	return nil
}

// group is what the transactions of one Write share.
type group struct {
	l        *Log
	now      uint32
	commitID uint64
	lag      uint64 // at the end of the file when the group began

	events, rowBytes, statementBytes, frameBytes uint64
}

// count adds what the group wrote to the log's counts.
func (g *group) count(transactions int) {
	c := &g.l.counts
	c.groups.Add(1)
	c.transactions.Add(uint64(transactions))
	c.events.Add(g.events)
	c.rowBytes.Add(g.rowBytes)
	c.statementBytes.Add(g.statementBytes)
	c.frameBytes.Add(g.frameBytes)
}

// add copies one transaction to the buffer.
func (g *group) add(t *Txn) error {
	l := g.l
	l.seq++
	t.gtid = GTID{Server: l.o.ServerID, Seq: l.seq}
	lag := g.lag
	if lag != maxLag {
		lag += uint64(l.size) + uint64(len(l.buf)) - uint64(l.Written()-l.base())
	}
	l.buf = appendGTID(l.buf, l.o.ServerID, t.gtid, gtidTransactional|gtidParallel, g.commitID, lag)
	if t.spilled > 0 {
		l.counts.spilledTrx.Add(1)
		if err := g.addSpilled(t); err != nil {
			return err
		}
	}
	l.buf = append(l.buf, t.buf...)
	l.buf = appendXid(l.buf, l.o.ServerID, t.xid)
	if err := g.seal(); err != nil {
		return err
	}
	if l.sealed != len(l.buf) {
		return errors.New("the cache ends within an event")
	}
	t.end = l.base() + Pos(l.size) + Pos(len(l.buf))
	if len(l.buf) >= maxBuffer {
		return l.writeOut()
	}
	return nil
}

// addSpilled copies what stands in the temporary file.
func (g *group) addSpilled(t *Txn) error {
	l := g.l
	for off := int64(0); off < t.spilled; {
		n := int(min(readChunk, t.spilled-off))
		at := len(l.buf)
		l.buf = slices.Grow(l.buf, n)[:at+n]
		if _, err := t.file.ReadAt(l.buf[at:], off); err != nil {
			return fmt.Errorf("read the cache back: %w", err)
		}
		off += int64(n)
		if err := g.seal(); err != nil {
			return err
		}
		if l.sealed >= maxBuffer {
			if err := l.writeOut(); err != nil {
				return err
			}
		}
	}
	return nil
}

// seal seals every whole event of the buffer that is not sealed yet.
func (g *group) seal() error {
	l := g.l
	for l.sealed+headerSize <= len(l.buf) {
		event := l.buf[l.sealed:]
		h := parseHeader(event)
		if h.Size < minEvent {
			return fmt.Errorf("the cache is damaged: %v event of %d bytes", h.Type, h.Size)
		}
		if int64(len(event)) < int64(h.Size) {
			return nil
		}
		seal(event[:h.Size], g.now, l.size+int64(l.sealed)+int64(h.Size))
		l.sealed += int(h.Size)
		g.events++
		switch h.Type {
		case TypeQuery:
			g.statementBytes += uint64(h.Size)
		case TypeGTID, TypeXid:
			g.frameBytes += uint64(h.Size)
		default:
			g.rowBytes += uint64(h.Size)
		}
	}
	return nil
}
