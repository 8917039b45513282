package workload

import "fmt"

// Generator makes the transactions of a transactional workload. Each is a
// function of (seed, client, n) alone, and so is the first content of each
// row: a judge can make them again and tell what the table must hold. It is
// immutable and safe for concurrent use.
type Generator struct {
	spec    Spec
	seed    uint64 // of the rows
	stream  uint64 // of the transactions
	clients uint64
	keys    *drawer
	text    []byte // every c is a slice of it
}

// groupBytes is how often a c may begin in the text: after each "-".
const groupBytes = 12

// textGroups is at how many places a c may begin.
const textGroups = 4096

// NewGenerator returns the generator for so many clients, numbered from 0.
func NewGenerator(seed uint64, s Spec, clients int) (*Generator, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if clients < 1 {
		return nil, fmt.Errorf("workload: transactions of %d clients: must be at least 1", clients)
	}
	g := &Generator{spec: s, seed: mix(seed), clients: uint64(clients)}
	g.stream = g.seed
	g.keys = newDrawer(s.Keys, s.Rows, g.seed)
	// As sysbench's: groups of eleven digits with a dash between them.
	g.text = make([]byte, textGroups*groupBytes+s.RowBytes)
	r := draws{state: g.seed}
	for i := range g.text {
		g.text[i] = '0' + byte(r.below(10))
		if i%groupBytes == groupBytes-1 {
			g.text[i] = '-'
		}
	}
	return g, nil
}

// Stream returns a generator of other transactions, those of a seed, on the same
// rows: a table that was loaded once serves trials that differ.
func (g *Generator) Stream(seed uint64) *Generator {
	other := *g
	other.stream = mix(g.seed ^ mix(seed))
	return &other
}

// Spec returns what the generator was made with, defaults filled in.
func (g *Generator) Spec() Spec { return g.spec }

// Row returns what the row key, below TableRows, holds before the first
// transaction. c must not be changed. k is InitialBalance for KindBank, else 1
// to Rows; of a note it is 0.
func (g *Generator) Row(key uint64) (k int64, c []byte) {
	r := draws{state: g.seed + key*spread + 1}
	c = g.value(&r)
	if key >= g.spec.Rows {
		return 0, c
	}
	if g.spec.Kind == KindBank {
		return InitialBalance, c
	}
	return g.number(&r), c
}

// Total is the sum of all k of KindBank, at any time between transactions.
func (g *Generator) Total() int64 { return int64(g.spec.Rows) * InitialBalance }

// NewTxn returns a transaction with room for every operation, for Next.
func (g *Generator) NewTxn(client uint32) *Txn {
	return &Txn{Client: client, Ops: make([]Op, 0, g.spec.MaxOps())}
}

// Next makes the n-th transaction of a client, n = 0, 1, ..., in t, whose
// operations it replaces. It allocates nothing if t comes from NewTxn. What
// the operations point to must not be changed.
func (g *Generator) Next(client uint32, n uint64, t *Txn) {
	r := g.draws(client, n)
	t.Client, t.Ops, t.Unsafe = client, t.Ops[:0], false
	var reads bool
	reads, t.Rollback = g.fate(&r)
	if g.spec.Kind == KindReadWrite {
		g.reads(&r, t)
	}
	switch {
	case !reads:
		g.writes(&r, client, n, t)
		g.note(&r, client, n, t)
	case g.spec.Kind != KindReadWrite:
		for range g.rows() {
			g.add(&r, t, Op{Kind: OpRead, Key: g.keys.draw(&r)})
		}
	}
}

// draws is where the draws of a transaction begin.
func (g *Generator) draws(client uint32, n uint64) draws {
	return draws{state: g.stream + (uint64(client)+1)*spread ^ mix(n*golden+1)}
}

// fate makes the first two draws of a transaction, whatever the shares are, so
// that these change no key.
func (g *Generator) fate(r *draws) (reads, rollback bool) {
	reads = r.chance(g.spec.ReadShare)
	rollback = r.chance(g.spec.RollbackShare) && !reads
	return reads, rollback
}

// rows is how many rows a transaction of this kind changes.
func (g *Generator) rows() int {
	if g.spec.Kind == KindWriteOnly {
		return 3 * g.spec.RowsPerTxn
	}
	return g.spec.RowsPerTxn
}

// reads adds the statements of sysbench's oltp_read_only. A range that begins
// near the end of the table is shorter.
func (g *Generator) reads(r *draws, t *Txn) {
	for range PointSelects {
		g.add(r, t, Op{Kind: OpRead, Key: g.keys.draw(r)})
	}
	for _, kind := range rangeKinds {
		g.add(r, t, Op{Kind: kind, Key: g.keys.draw(r), N: RangeRows})
	}
}

// writes adds the statements that change rows.
func (g *Generator) writes(r *draws, client uint32, n uint64, t *Txn) {
	per := g.spec.RowsPerTxn
	switch g.spec.Kind {
	case KindBank:
		for range per / 2 {
			g.transfer(r, t)
		}
	case KindUpdate:
		g.updateC(r, t)
	case KindInsert:
		for i := range uint64(per) {
			// The clients in turn, above the rows that are there already.
			key := g.TableRows() + (n*uint64(per)+i)*g.clients + uint64(client)
			g.add(r, t, Op{Kind: OpInsert, Key: key, Delta: g.number(r), Value: g.value(r)})
		}
	case KindWriteOnly, KindReadWrite:
		for range per {
			g.add(r, t, Op{Kind: OpUpdateK, Key: g.keys.draw(r), Delta: 1})
		}
		g.updateC(r, t)
		for range per {
			key := g.keys.draw(r)
			g.add(r, t, Op{Kind: OpDelete, Key: key})
			g.add(r, t, Op{Kind: OpInsert, Key: key, Delta: g.number(r), Value: g.value(r)})
		}
	}
}

// updateC overwrites c of some rows.
func (g *Generator) updateC(r *draws, t *Txn) {
	for range g.spec.RowsPerTxn {
		g.add(r, t, Op{Kind: OpUpdateC, Key: g.keys.draw(r), Value: g.value(r)})
	}
}

// transfer moves an amount from one row to another.
func (g *Generator) transfer(r *draws, t *Txn) {
	from, to := g.keys.draw(r), g.keys.draw(r)
	for range 8 { // a distribution may like one row only
		if to != from {
			break
		}
		to = g.keys.draw(r)
	}
	if to == from {
		to = (from + 1) % g.spec.Rows
	}
	amount := int64(r.below(MaxAmount)) + 1
	g.add(r, t, Op{Kind: OpUpdateK, Key: from, Delta: -amount})
	g.add(r, t, Op{Kind: OpUpdateK, Key: to, Delta: amount})
}

// add completes an operation and appends it.
func (g *Generator) add(r *draws, t *Txn, op Op) {
	op.Table = TableName
	op.SQLBytes = max(op.sqlBytes(), g.spec.StatementBytes)
	if op.Kind.Writes() && g.spec.UnsafeShare > 0 && !g.isNote(op.Key) { // what a judge reads in the binlog says what was done
		// Apart from the other draws, so that the share changes no key.
		u := draws{state: r.state ^ spread}
		op.Unsafe = u.chance(g.spec.UnsafeShare)
		t.Unsafe = t.Unsafe || op.Unsafe
	}
	t.Ops = append(t.Ops, op)
}

// value draws a c.
func (g *Generator) value(r *draws) []byte {
	off, n := int(r.below(textGroups))*groupBytes, g.spec.RowBytes
	return g.text[off : off+n : off+n]
}

// number draws a k, as sysbench does.
func (g *Generator) number(r *draws) int64 { return int64(r.below(g.spec.Rows)) + 1 }
