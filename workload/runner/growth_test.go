package runner

import (
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/target/embedded"
)

// heavySpecs are transactional cells whose transactions are small, large, and as large
// as a page takes.
func heavySpecs() (all []Spec) {
	for _, kind := range []workload.Kind{workload.KindBank, workload.KindInsert, workload.KindUpdate, workload.KindWriteOnly, workload.KindReadWrite} {
		for _, rowBytes := range []int{1, 120, 8_300, table.MaxRowBytes - table.MinRowBytes} {
			for _, rows := range []int{2, 50} {
				if rows > 2 && rowBytes > 120 && kind != workload.KindInsert {
					continue // the same, and slow
				}
				s := bankSpec(groupcommit.Policy2, 0)
				s.Load = workload.Spec{Kind: kind, Rows: 300, RowBytes: rowBytes, RowsPerTxn: rows, Notes: true, StatementBytes: rowBytes % 7 * 300}
				if err := s.Load.Validate(); err != nil {
					panic(err)
				}
				all = append(all, s)
			}
		}
	}
	return all
}

// TestTransactionsWriteNoMoreThanPlanned: what a transaction is said to write and leave is
// more than it does, whatever it is, with a view that lets nothing be purged.
func TestTransactionsWriteNoMoreThanPlanned(t *testing.T) {
	t.Parallel()
	const txns = 40
	for _, s := range heavySpecs() {
		disk := vfs.NewMem()
		for _, dir := range []string{"/db", "/db/binlog"} {
			if err := disk.Mkdir(dir); err != nil {
				t.Fatal(err)
			}
		}
		g, err := workload.NewGenerator(7, s.Load, 2)
		if err != nil {
			t.Fatal(err)
		}
		o := s.Database
		o.Options = s.Engine
		o.FS, o.Dir, o.Clients, o.Capacity, o.Binlog.Dir = disk, "/db", 2, 64<<20, "/db/binlog"
		o.Rows, o.RowBytes, o.Binlog.Format = g.TableRows(), table.MinRowBytes+s.Load.RowBytes, binlog.FormatRow
		if err := embedded.CreateDatabase(o, g); err != nil {
			t.Fatal(err)
		}
		db, err := engine.OpenDatabase(o)
		if err != nil {
			t.Fatal(err)
		}
		view, err := db.Conn(1)
		if err != nil || view.Begin() != nil {
			t.Fatal(err)
		}
		view.Snapshot()
		target := embedded.NewDatabase(db, nil)
		session, err := target.Connect(0)
		if err != nil {
			t.Fatal(err)
		}
		begin, logged := db.Stats(), db.Marks().Reserved
		txn := g.NewTxn(0)
		for n := range uint64(txns) {
			g.Next(0, n, txn)
			if err := session.Run(txn); err != nil {
				t.Fatal(err)
			}
		}
		end := db.Stats()
		most := s.txnBytes()
		for what, x := range map[string][2]float64{
			"redo":   {float64(db.Marks().Reserved - logged), most.redo},
			"undo":   {float64(end.Undo.UndoPages-begin.Undo.UndoPages-1) * bufpool.PageSize, most.undo},
			"binlog": {float64(end.Binlog.Bytes - begin.Binlog.Bytes), most.events},
		} {
			if x[0] > x[1]*txns {
				t.Errorf("%v, %d rows of %d bytes: %s of %.0f bytes a transaction; planned %.0f", s.Load.Kind, s.Load.RowsPerTxn, s.Load.RowBytes, what, x[0]/txns, x[1])
			}
			if s.Load.RowBytes <= 120 && what != "undo" && x[1]*txns > 10*x[0]+txns*txnHead {
				t.Errorf("%v, %d rows of %d bytes: %s of %.0f bytes a transaction; planned %.0f, many times that", s.Load.Kind, s.Load.RowsPerTxn, s.Load.RowBytes, what, x[0]/txns, x[1])
			}
		}
		if err := target.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNeedsFollowTheLoad: a load that is paced, or pauses, needs room for what it adds and
// no more; a closed loop for what the machine may write; and none for more than the
// write budget.
func TestNeedsFollowTheLoad(t *testing.T) {
	s := bankSpec(groupcommit.Policy1, 1)
	s.Load.Rows, s.Load.RowBytes, s.Duration = 1000, 120, 300*time.Second
	plan := func(change func(s *Spec)) *Plan {
		c := s
		change(&c)
		return &Plan{Specs: []Spec{c}, Rounds: 3, Seed: 7}
	}
	files := plan(func(s *Spec) { s.Duration, s.Warmup = 1, 0 }).needBytes()
	closed := plan(func(*Spec) {})
	paced := plan(func(s *Spec) { s.Rate = 2000 })
	pauses := plan(func(s *Spec) { s.Clients, s.Think = 16, 8*time.Millisecond }) // 2,000/s at most
	inserts := plan(func(s *Spec) { s.Rate, s.Load.Kind = 2000, workload.KindInsert })
	if got := closed.needBytes(); got < 40<<30 {
		t.Errorf("a closed loop needs %d bytes; want those of %v at %.0f bytes/s", got, s.Duration, float64(databaseRate))
	}
	for name, p := range map[string]*Plan{"paced": paced, "with pauses": pauses} {
		most := p.Specs[0].txnBytes()
		least := files + int64(2000*s.Duration.Seconds()*(most.undo+most.events))
		if got := p.needBytes(); got < least || got > least+least/5 || got > 4<<30 {
			t.Errorf("%s: needs %d bytes; want about %d", name, got, least)
		}
		if got := p.Bytes(); got < p.needBytes() {
			t.Errorf("%s: writes %d bytes and holds %d", name, got, p.needBytes())
		}
	}
	one := *inserts
	one.Rounds = 1
	if got, want := inserts.needBytes()-one.needBytes(), 2*int64(2000*s.Duration.Seconds()*inserts.Specs[0].txnBytes().rows); got < want {
		t.Errorf("two rounds more that insert: %d bytes more; want at least %d", got, want)
	}
	sum := func(parts [numParts]int64) (n int64) {
		for _, x := range parts {
			n += x
		}
		return n
	}
	for limit, want := range map[int64]int64{0: closed.needBytes(), 1 << 40: closed.needBytes(), files + 5<<30: files + 5<<30, 1: files} {
		if got := sum(closed.needsWithin(limit)); got > want || got < want-want/100-4 {
			t.Errorf("with a write budget of %d bytes it needs %d; want %d", limit, got, want)
		}
	}
}
