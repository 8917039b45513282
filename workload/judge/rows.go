package judge

import (
	"hash/maphash"
	"slices"

	"flushbench/engine"
	"flushbench/engine/table"
	"flushbench/workload"
)

// rowState is what a row holds.
type rowState struct {
	k int64
	c uint64 // hash of c
}

// hashSeed makes the hashes of one process comparable; books never leave it.
var hashSeed = maphash.MakeSeed()

func hashOf(c []byte) uint64 { return maphash.Bytes(hashSeed, c) }

// before returns what the rows held when this trial began.
func (t *trial) before() []rowState {
	if t.Before != nil && t.Before.rows != nil {
		return slices.Clone(t.Before.rows)
	}
	rows := make([]rowState, t.txns.Spec().Rows)
	for key := range rows {
		k, c := t.txns.Row(uint64(key))
		rows[key] = rowState{k, hashOf(c)}
	}
	return rows
}

// part is what one client's transactions have made of a row. A client's own
// transactions are one after the other, so of each client only the last word
// may stand.
type part struct {
	setsC bool
	c     uint64
	setsK bool
	k     int64 // as it was set last
	adds  int64 // to k since; 1 each
}

// apply adds an operation.
func (p *part) apply(op *workload.Op) {
	switch op.Kind {
	case workload.OpUpdateK:
		p.adds += op.Delta
	case workload.OpUpdateC:
		p.setsC, p.c = true, hashOf(op.Value)
	case workload.OpInsert: // over a row of the table, which was deleted just before
		p.setsC, p.c = true, hashOf(op.Value)
		p.setsK, p.k, p.adds = true, op.Delta, 0
	}
}

// readContents holds each row of update, write-only and read-write against the
// transactions that are there. In which order the clients changed a row that
// several of them changed is not known: then the last word of any of them will do.
func (t *trial) readContents(conn *engine.Conn) error {
	was := t.before()
	parts, err := t.parts(len(was))
	if err != nil {
		return err
	}
	var row table.Row
	for key := range was {
		found, err := conn.Read(uint64(key), &row)
		if err != nil {
			return err
		}
		is := rowState{row.K, hashOf(row.C)}
		switch {
		case !found:
			t.out.HalfPresent++
			t.out.violate("row %d is gone", key)
			continue
		case !mayHoldC(parts[key], was[key].c, is.c):
			t.out.HalfPresent++
			t.out.violate("row %d holds what none of the %d clients that changed it wrote last", key, len(parts[key]))
		case !mayHoldK(parts[key], was[key].k, is.k):
			t.out.HalfPresent++
			t.out.violate("row %d has the number %d, which the transactions that are there cannot make of %d", key, is.k, was[key].k)
		}
		was[key] = is
	}
	t.found.rows = was
	return nil
}

// parts returns, by row, what each client has made of it.
func (t *trial) parts(rows int) ([][]part, error) {
	all := make([][]part, rows)
	owner := make([]int, rows) // client of the last part, counted from 1
	err := t.eachOp(func(client int, op *workload.Op, _ bool) error {
		if op.Key >= uint64(rows) || !op.Kind.Writes() {
			return nil // a note, or a read
		}
		if owner[op.Key] != client+1 {
			owner[op.Key] = client + 1
			all[op.Key] = append(all[op.Key], part{})
		}
		parts := all[op.Key]
		parts[len(parts)-1].apply(op)
		return nil
	}, false)
	return all, err
}

// mayHoldC reports whether a row may hold is, where it held was.
func mayHoldC(parts []part, was, is uint64) bool {
	untouched := true
	for i := range parts {
		if p := &parts[i]; p.setsC {
			if untouched = false; p.c == is {
				return true
			}
		}
	}
	return untouched && is == was
}

// mayHoldK is mayHoldC for the number. Whoever set it last, its own additions came
// after that; those of the others after their own last setting may have.
func mayHoldK(parts []part, was, is int64) bool {
	adds, set := int64(0), false
	for i := range parts {
		adds += parts[i].adds
		set = set || parts[i].setsK
	}
	if !set {
		return is == was+adds
	}
	return slices.ContainsFunc(parts, func(p part) bool { return p.setsK && is >= p.k+p.adds && is <= p.k+adds })
}
