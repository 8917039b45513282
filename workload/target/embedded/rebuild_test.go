package embedded

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/rebuild"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/workload"
)

// tableModel is what a table holds, as the operations say.
type tableModel map[uint64]binlog.Row

// committed is a transaction as its client knows it.
type committed struct {
	seq uint64 // in the binlog
	ops []workload.Op
}

// apply executes a transaction.
func (m tableModel) apply(c committed) {
	for i := range c.ops {
		op := &c.ops[i]
		r, there := m[op.Key]
		switch {
		case op.Kind == workload.OpInsert && !there:
			m[op.Key] = binlog.Row{Key: op.Key, K: op.Delta, C: op.Value}
		case op.Kind == workload.OpDelete:
			delete(m, op.Key)
		case op.Kind == workload.OpUpdateC && there:
			r.C = op.Value
			m[op.Key] = r
		case op.Kind == workload.OpUpdateK && there:
			r.K += op.Delta
			m[op.Key] = r
		}
	}
}

// differs says in what a rebuilt table is not the model; "" for nothing.
func (m tableModel) differs(t *rebuild.Table) string {
	if t.Len() != uint64(len(m)) {
		return fmt.Sprintf("%d rows, want %d", t.Len(), len(m))
	}
	for r := range t.All() {
		want, ok := m[r.Key]
		if !ok || r.K != want.K || !bytes.Equal(r.C, want.C) {
			return fmt.Sprintf("row %d is %d %.20q, want %v: %d %.20q", r.Key, r.K, r.C, ok, want.K, want.C)
		}
	}
	return ""
}

// source is a database that clients have worked on, and the model of it.
type source struct {
	o     engine.DatabaseOptions
	g     *workload.Generator
	rows  tableModel // at first
	done  []committed
	ticks atomic.Uint32
}

func newSource(t testing.TB, fs vfs.FS, dir string, spec workload.Spec, format binlog.Format, image binlog.RowImage) *source {
	t.Helper()
	g, err := workload.NewGenerator(11, spec, dbClients)
	if err != nil {
		t.Fatal(err)
	}
	s := &source{g: g, rows: tableModel{}}
	s.o = dbOptions(fs, dir, g.Spec())
	s.o.Rows = g.TableRows()
	s.o.Binlog.Format, s.o.Binlog.RowImage, s.o.Binlog.MaxSize = format, image, 60_000
	s.o.Binlog.Clock = func() uint32 { return 1_700_000_000 + s.ticks.Add(1)/7 } // a second is seven groups
	for key := range g.TableRows() {
		k, c := g.Row(key)
		s.rows[key] = binlog.Row{Key: key, K: k, C: c}
	}
	return s
}

// base is what the table was loaded with.
func (s *source) base() rebuild.Base {
	return rebuild.Base{Rows: s.g.TableRows(), Row: func(key uint64, r *binlog.Row) (bool, error) {
		r.K, r.C = s.g.Row(key)
		return true, nil
	}}
}

// run makes the database and runs n transactions of each client.
func (s *source) run(t testing.TB, n int) {
	t.Helper()
	if err := CreateDatabase(s.o, s.g); err != nil {
		t.Fatal(err)
	}
	db, err := engine.OpenDatabase(s.o)
	if err != nil {
		t.Fatal(err)
	}
	target := NewDatabase(db, nil)
	var wg sync.WaitGroup
	var done [dbClients][]committed
	for client := range uint32(dbClients) {
		wg.Go(func() { done[client] = s.client(t, target, client, n) })
	}
	wg.Wait()
	if err := db.Shutdown(); err != nil {
		t.Fatal(err)
	}
	s.done = slices.Concat(done[:]...)
	slices.SortFunc(s.done, func(a, b committed) int { return int(a.seq) - int(b.seq) })
}

func (s *source) client(t testing.TB, target *Database, client uint32, n int) (done []committed) {
	session, err := target.Connect(client)
	if err != nil {
		t.Error(err)
		return nil
	}
	for i := range uint64(n) {
		txn := s.g.NewTxn(client)
		s.g.Next(client, i, txn)
		err := session.Run(txn)
		for workload.Retryable(err) {
			err = session.Run(txn)
		}
		if err != nil {
			t.Error(err)
			return done
		}
		last := uint64(0)
		if len(done) > 0 {
			last = done[len(done)-1].seq
		}
		// One that changed no row, such as c to what it was, leaves nothing in the binlog.
		if txn.Writes() && !txn.Rollback && uint64(session.LastEnd()) > last {
			done = append(done, committed{uint64(session.LastEnd()), txn.Ops})
		}
	}
	return done
}

// model is what the table holds after the transactions up to seq.
func (s *source) model(seq uint64) tableModel {
	m := maps.Clone(s.rows)
	for _, c := range s.done {
		if c.seq <= seq {
			m.apply(c)
		}
	}
	return m
}

func (s *source) options() rebuild.Options {
	return rebuild.Options{FS: s.o.FS, Dir: s.o.BinlogDir(), Base: s.base(), Seed: 1}
}

func memory(t testing.TB) vfs.FS {
	t.Helper()
	fs := vfs.NewMem()
	if err := fs.Mkdir("/d"); err != nil {
		t.Fatal(err)
	}
	return fs
}

// specs is one of each workload.
func specs(unsafe workload.Share) (all []workload.Spec) {
	for _, kind := range workload.Kinds.All() {
		if kind.Transactional() {
			all = append(all, workload.Spec{Kind: kind, Rows: 60, RowBytes: 40, RollbackShare: 0.1, ReadShare: 0.1, UnsafeShare: unsafe, Notes: true})
		}
	}
	return all
}

// What is made again from the binlog alone is the table: the model's and the recovered
// engine's, for every workload, format and row image, unsafe statements among them
// where they are logged as rows; and at any point in time it is what the model was there.
func TestRebuild(t *testing.T) {
	for _, format := range binlog.Formats.All() {
		unsafe := workload.Share(0.3)
		if format == binlog.FormatStatement {
			unsafe = 0
		}
		for _, spec := range specs(unsafe) {
			for _, image := range binlog.RowImages.All() {
				if image == binlog.ImageMinimal && format == binlog.FormatStatement {
					continue
				}
				t.Run(fmt.Sprintf("%v/%v/%v", spec.Kind, format, image), func(t *testing.T) {
					s := newSource(t, memory(t), "/d", spec, format, image)
					s.run(t, 60)
					s.check(t)
					s.checkPoints(t, 20)
				})
			}
		}
	}
}

// check rebuilds the whole table.
func (s *source) check(t *testing.T) {
	t.Helper()
	last := s.done[len(s.done)-1].seq
	got, rep, err := rebuild.Run(s.options())
	if err != nil {
		t.Fatal(err)
	}
	if wrong := s.model(last).differs(got); wrong != "" {
		t.Error(wrong)
	}
	if rep.Transactions != uint64(len(s.done))+2 || rep.LastSeq != last || !rep.Closed || rep.TornBytes != 0 || rep.Mismatched != 0 || rep.Anew.Total() != 0 || rep.Files < 2 && len(s.done) > 250 {
		t.Errorf("report %+v of %d transactions, the last %d", rep, len(s.done), last)
	}
	if d := s.compare(t, got); d.Total() != 0 || d.Equal != got.Len() || d.Unknown != 0 {
		t.Errorf("held against the engine: %+v", d)
	}
}

// compare holds a table against the recovered engine.
func (s *source) compare(t *testing.T, got *rebuild.Table) rebuild.Diff {
	t.Helper()
	db, err := engine.OpenDatabase(s.o)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn(0)
	if err == nil {
		err = c.Begin()
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := rebuild.Compare(got, c, s.g.TableRows()+1000, 5)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// units are the transactions of the log.
func (s *source) units(t *testing.T) (all []binlog.Unit) {
	t.Helper()
	tail, err := binlog.NewTail(s.o.FS, s.o.BinlogDir())
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	for {
		u, err := tail.Next()
		if err != nil {
			return all
		}
		all = append(all, u)
	}
}

// checkPoints rebuilds the table at random points in time: by GTID, position and clock.
func (s *source) checkPoints(t *testing.T, n int) {
	t.Helper()
	units := s.units(t)
	rng := rand.New(rand.NewPCG(5, 5))
	for i := range n {
		at := rng.IntN(len(units))
		u := units[at]
		o, want := s.options(), u.Begin.GTID.Seq
		switch i % 4 {
		case 0:
			o.Until = rebuild.Until{Kind: rebuild.UntilGTID, GTID: u.Begin.GTID}
		case 1:
			o.Until = rebuild.Until{Kind: rebuild.UntilPos, File: u.File, Pos: u.End}
		case 2: // within the transaction
			o.Until, want = rebuild.Until{Kind: rebuild.UntilPos, File: u.File, Pos: u.End - 1 - rng.Int64N(u.End-u.Offset-1)}, want-1
		case 3: // all of earlier seconds
			o.Until = rebuild.Until{Kind: rebuild.UntilTime, Time: time.Unix(int64(u.Time), 0)}
			want = units[slices.IndexFunc(units, func(v binlog.Unit) bool { return v.Time >= u.Time })].Begin.GTID.Seq - 1
		}
		text := o.Until.String()
		var err error
		if o.Until, err = rebuild.ParseUntil(text, time.UTC); err != nil {
			t.Fatal(err)
		}
		got, rep, err := rebuild.Run(o)
		if err != nil {
			t.Fatalf("until %s: %v", text, err)
		}
		if rep.LastSeq != want || !rep.Stopped {
			t.Errorf("until %s: it ends with %d (%v), want %d", text, rep.LastSeq, rep.Stopped, want)
		}
		if wrong := s.model(want).differs(got); wrong != "" {
			t.Errorf("until %s: %s", text, wrong)
		}
	}
}

// Unsafe statements in format STATEMENT drift: rows differ, and only such that an unsafe
// statement may have touched. Of a bank the total stays all the same.
func TestRebuildDrift(t *testing.T) {
	for _, spec := range specs(0.3) {
		t.Run(spec.Kind.String(), func(t *testing.T) {
			s := newSource(t, memory(t), "/d", spec, binlog.FormatStatement, binlog.ImageFull)
			s.run(t, 60)
			got, rep, err := rebuild.Run(s.options())
			if err != nil {
				t.Fatal(err)
			}
			d := s.compare(t, got)
			if d.Different == 0 || d.OnlyBinlog+d.OnlyEngine != 0 || rep.Anew.Total() == 0 {
				t.Errorf("%+v, %+v; want rows that differ, and none that one side lacks", d, rep.Anew)
			}
			unsafe := map[uint64]bool{}
			for _, c := range s.done {
				for _, op := range c.ops {
					if op.Unsafe && op.Kind == workload.OpUpdateK {
						unsafe[op.Key&^7] = true // whichever comes first
					}
					unsafe[op.Key] = unsafe[op.Key] || op.Unsafe
				}
			}
			sum := int64(0)
			for r := range got.All() {
				want := s.model(rep.LastSeq)[r.Key]
				sum += r.K - want.K
				if !unsafe[r.Key] && (r.K != want.K || !bytes.Equal(r.C, want.C)) {
					t.Errorf("row %d differs, and no unsafe statement touched it", r.Key)
				}
			}
			if spec.Kind == workload.KindBank && sum != 0 {
				t.Errorf("the accounts add up to %+d more", sum)
			}
		})
	}
}

var _ rebuild.Source = (*engine.Conn)(nil)
var _ = table.Row{}
