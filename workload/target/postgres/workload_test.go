package postgres

import (
	"bytes"
	"sync"
	"testing"

	"flushbench/workload"
)

// ledger is what the clients of a test had acknowledged.
type ledger struct {
	n       []uint64 // by client: how many transactions were run
	retries int
}

// runClients lets clients run n transactions each, and retries what may be.
func runClients(t *testing.T, s *server, g *workload.Generator, clients, n int) ledger {
	t.Helper()
	tg, err := s.Target(g, clients, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := ledger{n: make([]uint64, clients)}
	var mu sync.Mutex
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			x, err := tg.Connect(uint32(c))
			if err != nil {
				t.Error(err)
				return
			}
			txn := g.NewTxn(uint32(c))
			for range n {
				g.Next(uint32(c), x.Seq(), txn)
				err := x.Run(txn)
				for ; workload.Retryable(err); err = x.Run(txn) {
					mu.Lock()
					l.retries++
					mu.Unlock()
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
			l.n[c] = x.Seq()
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := tg.Close(); err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.FailNow()
	}
	return l
}

// cell is what a row may hold after the transactions of a ledger, in whatever order
// they were.
type cell struct {
	k     []int64 // k when it was inserted, or at first
	added []int64 // to k
	c     [][]byte
	gone  bool // deleted and inserted again: what was added before is lost
}

// modelOf is what the table must hold.
func modelOf(g *workload.Generator, l ledger) map[uint64]*cell {
	m := map[uint64]*cell{}
	at := func(key uint64) *cell {
		if m[key] == nil {
			m[key] = &cell{}
		}
		return m[key]
	}
	for key := range g.TableRows() {
		k, c := g.Row(key)
		*at(key) = cell{k: []int64{k}, c: [][]byte{c}}
	}
	for client, n := range l.n {
		txn := g.NewTxn(uint32(client))
		for i := range n {
			g.Next(uint32(client), i, txn)
			if txn.Rollback {
				continue
			}
			for j := range txn.Ops {
				op := &txn.Ops[j]
				switch op.Kind {
				case workload.OpUpdateC:
					at(op.Key).c = append(at(op.Key).c, op.Value)
				case workload.OpUpdateK:
					at(op.Key).added = append(at(op.Key).added, op.Delta)
				case workload.OpInsert:
					at(op.Key).k, at(op.Key).c = append(at(op.Key).k, op.Delta), append(at(op.Key).c, op.Value)
				case workload.OpDelete:
					at(op.Key).gone = true
				}
			}
		}
	}
	return m
}

// allows reports whether a row may look like this.
func (x *cell) allows(k int64, c []byte) bool {
	okC := false
	for _, have := range x.c {
		okC = okC || bytes.Equal(have, c)
	}
	sum := int64(0)
	for _, d := range x.added {
		sum += d
	}
	for _, base := range x.k {
		if x.gone && k >= base && k <= base+sum || !x.gone && k == base+sum {
			return okC
		}
	}
	return false
}

// checkTable compares the table with what the ledger makes of it.
func checkTable(t *testing.T, s *server, g *workload.Generator, l ledger) {
	t.Helper()
	m := modelOf(g, l)
	total, last, n := int64(0), uint64(0), 0
	err := s.Rows(t.Context(), func(key uint64, k int64, c []byte) error {
		switch row := m[key]; {
		case n > 0 && key <= last:
			t.Errorf("row %d after row %d", key, last)
		case row == nil:
			t.Errorf("row %d: nobody inserted it", key)
		case !row.allows(k, c):
			t.Errorf("row %d: k %d, c %q: no order of the transactions leaves that: %+v", key, k, c, row)
		}
		last, total, n = key, total+k, n+1
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != len(m) {
		t.Errorf("%d rows; want %d", n, len(m))
	}
	sums, err := s.Sums(t.Context())
	if err != nil || sums.Rows != int64(n) || sums.K != total {
		t.Errorf("Sums() = %+v, %v; the rows come to %d, %d", sums, err, n, total)
	}
	if !g.Spec().Notes {
		return
	}
	for client, n := range l.n {
		k := m[g.NoteKey(uint32(client))]
		sum := k.k[0]
		for _, d := range k.added {
			sum += d
		}
		if want := int64(g.Noted(uint32(client), n)); sum != want {
			t.Errorf("note of client %d: %d; want %d", client, sum, want)
		}
	}
}

func TestServerWorkloads(t *testing.T) {
	s := opened(t, shared(t).Address())
	for _, v := range workload.Kinds.Values {
		if !v.Value.Transactional() {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			// Few rows, so that the clients get into each other's way.
			g, err := workload.NewGenerator(7, workload.Spec{
				Kind: v.Value, Rows: 40, Notes: true, RollbackShare: workload.Share(0.1), ReadShare: workload.Share(0.1),
			}, 8)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Create(t.Context(), g); err != nil {
				t.Fatal(err)
			}
			checkTable(t, s, g, ledger{n: make([]uint64, 8)})
			before, err := s.Counters(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			l := runClients(t, s, g, 8, 60)
			checkTable(t, s, g, l)
			after, err := s.Counters(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d retries, %+v", l.retries, after.Sub(before))
			if got := after.Sub(before); got.Commits < 8*60*7/10 || got.RedoBytes <= 0 || got.Rollbacks <= 0 {
				t.Errorf("counters rose by %+v", got)
			}
			if err := s.Drop(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Drop(t.Context()); err != nil {
				t.Errorf("a second time: %v", err)
			}
		})
	}
}

// TestServerAutocommit: transactions of one statement are sent without BEGIN.
func TestServerAutocommit(t *testing.T) {
	s := opened(t, shared(t).Address())
	for _, kind := range []workload.Kind{workload.KindUpdate, workload.KindInsert} {
		g, err := workload.NewGenerator(8, workload.Spec{Kind: kind, Rows: 100, RollbackShare: workload.Share(0.1)}, 8)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Create(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		checkTable(t, s, g, runClients(t, s, g, 8, 60))
	}
	if err := s.Drop(t.Context()); err != nil {
		t.Error(err)
	}
}
