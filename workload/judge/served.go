package judge

import (
	"fmt"

	"flushbench/workload"
)

// Rows is the model of a table's rows: what they must be, given how many
// transactions of each client there are. It is for a judge who reads the rows of a
// server, since it asks for nothing but keys and values. Not safe for concurrent
// use.
type Rows struct {
	g      *workload.Generator
	want   []rowState // of bank; else what the rows were
	parts  [][]part   // by row, of update, write-only and read-write
	insert map[uint64]rowState
	inside []uint64 // by client, how many of its transactions are there
	seen   int64    // rows below Spec.Rows
	sum    int64    // of bank: of all k
	notes  int
}

// NewRows returns the model of a table that was loaded from g and has seen the
// first inside[c] transactions of each client c, and no other.
func NewRows(g *workload.Generator, inside []uint64) *Rows {
	m := &Rows{g: g, inside: inside, insert: map[uint64]rowState{}}
	m.want = make([]rowState, g.Spec().Rows)
	for key := range m.want {
		k, c := g.Row(uint64(key))
		m.want[key] = rowState{k, hashOf(c)}
	}
	m.parts = make([][]part, len(m.want))
	owner := make([]int, len(m.want)) // client of the last part, counted from 1
	for client := range inside {
		txn := g.NewTxn(uint32(client))
		for n := range inside[client] {
			g.Next(uint32(client), n, txn)
			if txn.Rollback {
				continue
			}
			for i := range txn.Ops {
				m.apply(client, &txn.Ops[i], owner)
			}
		}
	}
	return m
}

// apply adds an operation of a transaction that is there.
func (m *Rows) apply(client int, op *workload.Op, owner []int) {
	rows := uint64(len(m.want))
	switch {
	case !op.Kind.Writes() || op.Key >= rows && op.Kind != workload.OpInsert: // a read, a note
	case op.Key >= rows:
		m.insert[op.Key] = rowState{op.Delta, hashOf(op.Value)}
	case m.g.Spec().Kind == workload.KindBank:
		m.want[op.Key].k += op.Delta // the order of additions does not matter
	default:
		if owner[op.Key] != client+1 {
			owner[op.Key] = client + 1
			m.parts[op.Key] = append(m.parts[op.Key], part{})
		}
		parts := m.parts[op.Key]
		parts[len(parts)-1].apply(op)
	}
}

// Row holds a row of the table against the model and returns what is wrong with it,
// "" for nothing. Every row is to be shown once, in any order, the notes too.
func (m *Rows) Row(key uint64, k int64, c []byte) string {
	if key >= uint64(len(m.want)) {
		return m.beyond(key, k, c)
	}
	m.seen++
	m.sum += k
	was, is, parts := m.want[key], rowState{k, hashOf(c)}, m.parts[key]
	switch {
	case m.g.Spec().Kind == workload.KindBank && is.k != was.k:
		return fmt.Sprintf("account %d has %d, the transfers that are there make it %d", key, is.k, was.k)
	case !mayHoldC(parts, was.c, is.c):
		return fmt.Sprintf("row %d holds what none of the %d clients that changed it wrote last", key, len(parts))
	case !mayHoldK(parts, was.k, is.k):
		return fmt.Sprintf("row %d has the number %d, which the transactions that are there cannot make of %d", key, is.k, was.k)
	}
	return ""
}

// beyond is Row for notes and inserted rows.
func (m *Rows) beyond(key uint64, k int64, c []byte) string {
	if key < m.g.TableRows() {
		m.notes++
		client := key - m.g.Spec().Rows
		if want := m.g.Noted(uint32(client), m.inside[client]); uint64(k) != want {
			return fmt.Sprintf("client %d: its note says %d, want %d", client, k, want)
		}
		return ""
	}
	want, ok := m.insert[key]
	if !ok {
		return fmt.Sprintf("row %d is there; by the clients' notes nobody has inserted it", key)
	}
	delete(m.insert, key)
	if is := (rowState{k, hashOf(c)}); is != want {
		return fmt.Sprintf("row %d is not what was inserted", key)
	}
	return ""
}

// End returns what is wrong with the table as a whole, after every row was shown:
// rows that are missing, and of bank by how much the total is off.
func (m *Rows) End() (wrong []string, totalOff int64) {
	if missing := int64(len(m.want)) - m.seen; missing != 0 {
		wrong = append(wrong, fmt.Sprintf("%d of %d rows are there", m.seen, len(m.want)))
	}
	if m.notes != len(m.inside) {
		wrong = append(wrong, fmt.Sprintf("%d of %d notes are there", m.notes, len(m.inside)))
	}
	if n := len(m.insert); n > 0 {
		first := uint64(0)
		for key := range m.insert {
			if first == 0 || key < first {
				first = key
			}
		}
		wrong = append(wrong, fmt.Sprintf("%d rows that were inserted are gone, the first of them row %d", n, first))
	}
	if m.g.Spec().Kind == workload.KindBank {
		if totalOff = m.sum - m.g.Total(); totalOff != 0 {
			wrong = append(wrong, fmt.Sprintf("the accounts add up to %+d more than they should", totalOff))
		}
	}
	return wrong, totalOff
}
