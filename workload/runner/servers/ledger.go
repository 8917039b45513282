package servers

import (
	"context"
	"errors"
	"fmt"

	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/target"
)

// ledger is what the clients of a server were told, over all cells on one set of
// tables.
type ledger struct {
	seqs []uint64 // by client: how many transactions it has started
	// Rows that were inserted for good: at least those that were acknowledged, at most
	// those that were asked for.
	least, most int64
}

// rowsOf is how many rows the n-th transaction of a client leaves behind.
func rowsOf(g *workload.Generator, client uint32, n uint64) int64 {
	spec := g.Spec()
	if spec.Kind != workload.KindInsert || !g.Commits(client, n) {
		return 0
	}
	return int64(spec.RowsPerTxn)
}

// add takes over what a cell's clients did.
func (l *ledger) add(g *workload.Generator, o *driver.Outcome) {
	for client := range o.Submitted {
		if client >= len(l.seqs) {
			break
		}
		for n := l.seqs[client]; n < o.Submitted[client]; n++ {
			rows := rowsOf(g, uint32(client), n)
			l.most += rows
			if n < o.Acked[client] {
				l.least += rows
			}
		}
		l.seqs[client] = max(l.seqs[client], o.Submitted[client])
	}
}

// check compares what the tables come to with what they must.
func (l *ledger) check(g *workload.Generator, s target.Sums) error {
	rows := int64(g.TableRows())
	if s.Rows < rows+l.least || s.Rows > rows+l.most {
		return fmt.Errorf("the table has %d rows; want %d, or up to %d of those whose commit was not answered more", s.Rows, rows+l.least, l.most-l.least)
	}
	if want := g.Total(); g.Spec().Kind == workload.KindBank && s.K != want {
		return fmt.Errorf("the accounts add up to %d; want %d", s.K, want)
	}
	return nil
}

// tables makes the tables of a server's cells, unless they are there.
func (v *Live) tables(ctx context.Context, load *workload.Spec) error {
	if v.gen != nil {
		return nil
	}
	clients := v.roster.cfg.Clients
	for _, c := range v.cells() {
		clients = max(clients, c.Clients)
	}
	g, err := workload.NewGenerator(v.roster.cfg.Seed, *load, clients)
	if err != nil {
		return err
	}
	// Tables of many rows take their time.
	if err := v.conn.Create(ctx, g); err != nil {
		return err
	}
	v.gen, v.ledger = g, ledger{seqs: make([]uint64, clients)}
	return nil
}

// Verify reads the tables after a cell and holds them against the ledger.
func (v *Live) Verify(ctx context.Context) result.Verify {
	ctx, cancel := call(ctx)
	defer cancel()
	sums, err := v.conn.Sums(ctx)
	if err == nil {
		err = v.ledger.check(v.gen, sums)
	}
	out := result.Verify{OK: err == nil, Records: sums.Rows}
	if err != nil {
		out.Error = err.Error()
	}
	return out
}

// verifyRows reads every row at the end of the run: each key that must be there, each
// once, each with a value of its length.
func (v *Live) verifyRows(ctx context.Context) error {
	if v.gen == nil {
		return nil
	}
	var rows, sum int64
	last, first := uint64(0), true
	bytes := v.gen.Spec().RowBytes
	err := v.conn.Rows(ctx, func(key uint64, k int64, c []byte) error {
		switch {
		case !first && key <= last:
			return fmt.Errorf("row %d comes after row %d", key, last)
		case key < v.gen.TableRows() && key != uint64(rows):
			return fmt.Errorf("row %d is gone", rows)
		case len(c) != bytes:
			return fmt.Errorf("row %d has %d bytes; want %d", key, len(c), bytes)
		}
		last, first = key, false
		rows++
		sum += k
		return nil
	})
	if err == nil {
		err = v.ledger.check(v.gen, target.Sums{Rows: rows, K: sum})
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("runner: %s: the tables are not what was committed: %w", v.name, err)
	}
	return err
}
