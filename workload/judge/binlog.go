package judge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"flushbench/engine/binlog"
	"flushbench/workload"
)

// entry is a transaction of the binlog: a client's note goes from one number to
// another.
type entry struct {
	seq      uint64 // of its GTID
	client   int
	from, to uint64
}

// readBinlog reads the binlog of this trial, which was new when it began, and
// holds each client's notes in it against each other.
func (t *trial) readBinlog() (err error) {
	g := t.txns
	o := t.Subject.DatabaseOptions(t.FS, g)
	r, err := binlog.NewReader(t.FS, o.BinlogDir())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	t.found.binlog = make([]uint64, t.Subject.Clients)
	for c := range t.found.binlog {
		t.found.binlog[c] = t.base(c)
	}
	n := notes{first: g.NoteKey(0), clients: uint64(t.Subject.Clients), at: t.found.binlog}
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if done := n.event(e.Payload); done {
			t.enter(&n)
		}
	}
}

// enter adds the transaction that has just ended.
func (t *trial) enter(n *notes) {
	if len(n.seen) != 1 {
		t.out.HalfPresent++
		t.out.violate("transaction %d of the binlog has %d notes: must be 1", n.gtid, len(n.seen))
		return
	}
	e := n.seen[0]
	e.seq, e.from = n.gtid, t.found.binlog[e.client]
	switch next := t.next(e.client, e.from); {
	case e.to <= e.from:
		t.out.Reordered++
		t.out.violate("client %d: sequence %d stands in the binlog after sequence %d (transaction %d)", e.client, e.to, e.from, e.seq)
		return
	case e.to != next:
		t.out.Gaps++
		t.out.violate("client %d: the binlog goes from sequence %d to %d, and lacks %d (transaction %d)", e.client, e.from, e.to, next, e.seq)
	}
	t.found.binlog[e.client] = e.to
	t.found.order = append(t.found.order, e)
	if least, most := t.changes(e.client, e.to); n.changes < least || n.changes > most {
		t.out.HalfPresent++
		t.out.violate("client %d: sequence %d has %d changes in the binlog (transaction %d): must be %s", e.client, e.to, n.changes, e.seq, span(least, most))
	}
}

// span is a range of counts in words: 3, 3 to 5.
func span(least, most int) string {
	if least == most {
		return strconv.Itoa(most)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// changes is how many changes a client's transaction makes. Now and then a row holds
// already what an update of c writes: that changes nothing, and nobody logs it.
func (t *trial) changes(client int, seq uint64) (least, most int) {
	if t.whole == nil {
		t.whole = t.txns.NewTxn(0)
	}
	t.txns.Next(uint32(client), seq-1, t.whole)
	for i := range t.whole.Ops {
		switch kind := t.whole.Ops[i].Kind; {
		case kind == workload.OpUpdateC:
			most++
		case kind.Writes():
			least, most = least+1, most+1
		}
	}
	return least, most
}

// next is the next sequence after seq that changes something.
func (t *trial) next(client int, seq uint64) uint64 {
	for !t.txns.Commits(uint32(client), seq) {
		seq++
	}
	return seq + 1
}

// notes gathers the notes of one transaction after the other.
type notes struct {
	first, clients uint64   // their keys
	at             []uint64 // by client: what its note says before the transaction
	gtid           uint64
	seen           []entry
	changes        int // of rows, or statements
}

// event takes an event and reports whether a transaction has ended with it.
func (n *notes) event(p binlog.Payload) (done bool) {
	switch p := p.(type) {
	case binlog.Begin:
		n.gtid, n.seen, n.changes = p.GTID.Seq, n.seen[:0], 0
	case binlog.Rows:
		n.changes += len(p.Changes)
		if p.Kind != binlog.TypeUpdateRows {
			return false
		}
		for _, ch := range p.Changes {
			n.add(ch.Before.Key, ch.After.K)
		}
	case binlog.Query:
		n.changes++
		if key, delta, ok := parseUpdate(p.SQL); ok && key-n.first < n.clients {
			n.add(key, int64(n.at[key-n.first])+delta)
		}
	case binlog.Xid:
		return true
	}
	return false
}

func (n *notes) add(key uint64, k int64) {
	if key-n.first < n.clients {
		n.seen = append(n.seen, entry{client: int(key - n.first), to: uint64(k)})
	}
}

// parseUpdate reads the statement of an OpUpdateK, see Op.AppendSQL.
func parseUpdate(sql []byte) (key uint64, delta int64, ok bool) {
	rest, ok := bytes.CutPrefix(sql, []byte("UPDATE "+workload.TableName+" SET k=k"))
	if !ok {
		return 0, 0, false
	}
	number, rest, ok := bytes.Cut(rest, []byte(" WHERE id="))
	if !ok {
		return 0, 0, false
	}
	id, _, _ := bytes.Cut(rest, []byte("/")) // a comment may fill it up
	delta, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil {
		return 0, 0, false
	}
	key, err = strconv.ParseUint(string(bytes.TrimSpace(id)), 10, 64)
	return key, delta, err == nil
}
