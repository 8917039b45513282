package mysql

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"flushbench/workload"
	"flushbench/workload/target"
)

const testClients = 8

// runClients runs so many transactions on each session, again where a client
// would, and returns how often it had to.
func runClients(t testing.TB, g *workload.Generator, sessions []workload.Session, txns int) (again int) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for client, x := range sessions {
		wg.Go(func() {
			txn, n := g.NewTxn(uint32(client)), 0
			for range txns {
				g.Next(uint32(client), x.Seq(), txn)
				err := x.Run(txn)
				for ; workload.Retryable(err); n++ {
					err = x.Run(txn)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
			mu.Lock()
			again += n
			mu.Unlock()
		})
	}
	wg.Wait()
	return again
}

// sessions connects all clients of a target.
func sessions(t testing.TB, tg *Target, clients int) []workload.Session {
	t.Helper()
	all := make([]workload.Session, clients)
	for i := range all {
		all[i] = connect(t, tg, uint32(i))
	}
	return all
}

// Every workload leaves what the generator says: as many rows, each with something
// that was written to it, the notes of the clients, the total of the bank.
func TestServerWorkloads(t *testing.T) {
	s := openServer(t, sharedServer(t).Address())
	for _, kind := range workload.Kinds.All() {
		if !kind.Transactional() {
			continue
		}
		t.Run(kind.String(), func(t *testing.T) {
			const txns = 60
			g := withTables(t, s, workload.Spec{Kind: kind, Rows: 120, RowBytes: 40, RollbackShare: 0.1, ReadShare: 0.1, Notes: true, StatementBytes: 120}, testClients)
			tg := newTarget(t, s, g, testClients)
			all := sessions(t, tg, testClients)
			again := runClients(t, g, all, txns)
			for client, x := range all {
				if x.Seq() != txns {
					t.Errorf("client %d: Seq() = %d after %d transactions", client, x.Seq(), txns)
				}
				if err := errors.Join(x.Close(), x.Close()); err != nil {
					t.Error(err)
				}
			}
			t.Logf("%d again", again)
			checkRows(t, s, g, txns)
		})
	}
}

// checkRows holds the table against a model of what was committed.
func checkRows(t *testing.T, s *Server, g *workload.Generator, txns uint64) {
	t.Helper()
	may := map[uint64][][]byte{} // by key: every c that was written
	k := int64(0)
	for key := range g.TableRows() {
		v, c := g.Row(key)
		k += v
		may[key] = append(may[key], c)
	}
	for client := range uint32(testClients) {
		txn := g.NewTxn(client)
		for n := range txns {
			g.Next(client, n, txn)
			for _, op := range txn.Ops {
				if txn.Rollback || !op.Kind.Writes() {
					continue
				}
				if op.Kind == workload.OpUpdateK || op.Kind == workload.OpInsert {
					k += op.Delta
				}
				if op.Value != nil {
					may[op.Key] = append(may[op.Key], op.Value)
				}
			}
		}
	}
	sums, err := s.Sums(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if int(sums.Rows) != len(may) {
		t.Errorf("Sums() = %+v; want %d rows", sums, len(may))
	}
	switch g.Spec().Kind {
	case workload.KindWriteOnly, workload.KindReadWrite: // k of a row that was deleted is gone
	default:
		if sums.K != k {
			t.Errorf("Sums() = %+v; want k %d", sums, k)
		}
	}
	rows, last := 0, uint64(0)
	err = s.Rows(t.Context(), func(key uint64, k int64, c []byte) error {
		written := false
		for _, w := range may[key] {
			written = written || bytes.Equal(c, w)
		}
		if !written {
			t.Errorf("row %d has c %q, which nobody wrote", key, c)
		}
		if rows > 0 && key <= last {
			t.Errorf("row %d after row %d", key, last)
		}
		if client := key - g.Spec().Rows; key >= g.Spec().Rows && client < testClients && k != int64(g.Noted(uint32(client), txns)) {
			t.Errorf("note of client %d says %d, want %d", client, k, g.Noted(uint32(client), txns))
		}
		rows, last = rows+1, key
		return nil
	})
	if err != nil || rows != len(may) {
		t.Errorf("Rows() = %d rows, %v; want %d", rows, err, len(may))
	}
	enough := errors.New("enough")
	if err := s.Rows(t.Context(), func(uint64, int64, []byte) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("Rows() = %v; want the error of f", err)
	}
}

// inTime fails the test when f takes a minute.
func inTime(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal(what + " hangs")
	}
}

// untilLost runs transactions until the session ends, and returns how many were
// acknowledged.
func untilLost(t testing.TB, g *workload.Generator, client uint32, x workload.Session, one func()) (acked uint64) {
	acked = x.Seq()
	txn := g.NewTxn(client)
	for {
		g.Next(client, acked, txn)
		err := x.Run(txn)
		switch {
		case err == nil:
			acked++
			one()
		case workload.Retryable(err):
		case !errors.Is(err, target.ErrConnectionLost):
			t.Errorf("client %d: %v; want %v", client, err, target.ErrConnectionLost)
			return acked
		default:
			if again := x.Run(txn); !errors.Is(again, target.ErrConnectionLost) {
				t.Errorf("client %d, once more: %v; want %v", client, again, target.ErrConnectionLost)
			}
			if seq := x.Seq(); seq != acked && seq != acked+1 {
				t.Errorf("client %d: Seq() = %d with %d acknowledged", client, seq, acked)
			}
			return acked
		}
	}
}

// crash runs the clients, calls f once some have committed, and waits until every
// session says that it was lost.
func crash(t *testing.T, g *workload.Generator, all []workload.Session, f func()) (acked []uint64) {
	t.Helper()
	acked = make([]uint64, len(all))
	begun := make(chan struct{}, 1)
	inTime(t, "a session of a server that is gone", func() {
		var wg sync.WaitGroup
		for client, x := range all {
			wg.Go(func() {
				acked[client] = untilLost(t, g, uint32(client), x, func() {
					select {
					case begun <- struct{}{}:
					default:
					}
				})
			})
		}
		for range 20 {
			<-begun
		}
		f()
		wg.Wait()
	})
	return acked
}

// A server that is killed in mid-run: every session says so, none hangs, the
// Server connects again, what was acknowledged under 1/1 is there, and the clients
// go on where they were.
func TestServerKilled(t *testing.T) {
	private := startServer(t, "--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1", "--max-connections=30")
	s := openServer(t, private.Address())
	g := withTables(t, s, workload.Spec{Kind: workload.KindWriteOnly, Rows: 500, RowBytes: 40, Notes: true}, testClients)
	tg := newTarget(t, s, g, testClients)
	all := sessions(t, tg, testClients)
	acked := crash(t, g, all, func() {
		if err := private.Kill(); err != nil {
			t.Error(err)
		}
	})
	if _, err := tg.Connect(0); !errors.Is(err, target.ErrConnectionLost) {
		t.Errorf("Connect() = %v; want %v", err, target.ErrConnectionLost)
	}
	if _, err := s.Sums(t.Context()); !errors.Is(err, target.ErrConnectionLost) {
		t.Errorf("Sums() = %v; want %v", err, target.ErrConnectionLost)
	}
	private.start(t)
	notes := readNotes(t, s, g)
	for client, n := range notes {
		if n != acked[client] && n != acked[client]+1 || n > all[client].Seq() {
			t.Errorf("client %d: the table has %d transactions, %d were acknowledged, Seq() = %d", client, n, acked[client], all[client].Seq())
		}
	}
	made, err := s.Target(g, testClients, notes)
	if err != nil {
		t.Fatal(err)
	}
	runClients(t, g, sessions(t, made.(*Target), testClients), 5)
	for client, n := range readNotes(t, s, g) {
		if n != notes[client]+5 {
			t.Errorf("client %d: %d transactions after 5 more than %d", client, n, notes[client])
		}
	}
	// The same when it shuts down properly.
	crash(t, g, sessions(t, newTargetAt(t, s, g, readNotes(t, s, g)), testClients), func() {
		if err := private.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	private.start(t)
}

func newTargetAt(t testing.TB, s *Server, g *workload.Generator, seqs []uint64) *Target {
	t.Helper()
	made, err := s.Target(g, testClients, seqs)
	if err != nil {
		t.Fatal(err)
	}
	return made.(*Target)
}

// readNotes returns how many transactions of each client the table holds.
func readNotes(t testing.TB, s *Server, g *workload.Generator) []uint64 {
	t.Helper()
	notes := make([]uint64, testClients)
	err := s.Rows(t.Context(), func(key uint64, k int64, _ []byte) error {
		if client := key - g.Spec().Rows; key >= g.Spec().Rows && client < testClients {
			notes[client] = uint64(k)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return notes
}

// A server that does not answer any more does not keep the clients for ever.
func TestServerInterrupt(t *testing.T) {
	private := sharedServer(t)
	s := openServer(t, private.Address())
	g := withTables(t, s, workload.Spec{Kind: workload.KindBank, Rows: 100, RowBytes: 40, Notes: true}, testClients)
	tg := newTarget(t, s, g, testClients)
	defer func() {
		if err := private.Thaw(); err != nil {
			t.Error(err)
		}
	}()
	crash(t, g, sessions(t, tg, testClients), func() {
		if err := private.Freeze(); err != nil {
			t.Error(err)
		}
		tg.Interrupt()
		tg.Interrupt()
	})
	if _, err := tg.Connect(0); !errors.Is(err, target.ErrConnectionLost) {
		t.Errorf("Connect() = %v; want %v", err, target.ErrConnectionLost)
	}
}

func TestServerTargetRefuses(t *testing.T) {
	s := openServer(t, sharedServer(t).Address())
	g := withTables(t, s, workload.Spec{Kind: workload.KindInsert, Rows: 10, RowBytes: 10}, 1)
	if _, err := s.Target(g, 0, nil); err == nil {
		t.Error("Target() for no clients; want an error")
	}
	tg := newTarget(t, s, g, 1)
	if _, err := tg.Connect(1); err == nil {
		t.Error("Connect(1) of 1 client; want an error")
	}
	x := connect(t, tg, 0)
	if err := x.Run(&workload.Txn{Ops: []workload.Op{{Kind: workload.OpAppend}}}); err == nil || target.Failure(err) != "other" {
		t.Errorf("Run(append) = %v; want it refused", err)
	}
	// A row that is there already: in autocommit nothing was committed.
	x = connect(t, tg, 0)
	err := x.Run(&workload.Txn{Ops: []workload.Op{{Kind: workload.OpInsert, Key: 3, Value: []byte("c")}}})
	if number(err) != erDupEntry {
		t.Errorf("Run(insert of a row that is there) = %v; want error %d", err, erDupEntry)
	}
}
