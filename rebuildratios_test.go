//go:build ratios

package flushbench

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/rebuild"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/target/embedded"
)

const (
	rebuildClients = 8
	rebuildTxns    = 1_000_000
	rebuildPoints  = 20
)

// binlogged is a transaction by its place in the binlog.
type binlogged struct {
	seq    uint64
	client uint32
	n      uint64
}

// A million transactions, made again from their binlog, are the engine's rows, in ROW and
// MIXED, and at 20 random points in time the model's. Prints the rate of the rebuild
// beside that of mariadb-binlog decoding the same files.
//
//	go test -tags ratios -run TestRebuildRatios -v -timeout 0 .
func TestRebuildRatios(t *testing.T) {
	for _, format := range []binlog.Format{binlog.FormatRow, binlog.FormatMixed} {
		for _, kind := range []workload.Kind{workload.KindUpdate, workload.KindBank} {
			t.Run(fmt.Sprintf("%v/%v", kind, format), func(t *testing.T) {
				spec := workload.Spec{Kind: kind, Rows: 100_000}
				if format == binlog.FormatMixed {
					spec.UnsafeShare = 0.1
				}
				rebuildMillion(t, spec, format)
			})
		}
	}
}

func rebuildMillion(t *testing.T, spec workload.Spec, format binlog.Format) {
	g, err := workload.NewGenerator(1, spec, rebuildClients)
	if err != nil {
		t.Fatal(err)
	}
	o := engine.DatabaseOptions{Rows: g.TableRows(), RowBytes: table.MinRowBytes + g.Spec().RowBytes, Untracked: true}
	o.FS, o.Dir, o.Capacity, o.Files, o.Clients = vfs.NewOS(), filepath.Join(benchDir(t), "db"), 256<<20, 4, rebuildClients
	o.Commit = groupcommit.Config{Policy: groupcommit.Policy0}
	o.Binlog = engine.BinlogOptions{Enabled: true, Growth: vfs.GrowAppend, Format: format, MaxSize: 128 << 20}
	if err := errors.Join(os.Mkdir(o.Dir, 0o755), embedded.CreateDatabase(o, g)); err != nil {
		t.Fatal(err)
	}
	done := runMillion(t, o, g)
	ro := rebuild.Options{FS: o.FS, Dir: o.Dir, Base: rebuild.Base{Rows: g.TableRows(), Row: func(key uint64, r *binlog.Row) (bool, error) {
		r.K, r.C = g.Row(key)
		return true, nil
	}}}
	got, rep, err := rebuild.Run(ro)
	if err != nil {
		t.Fatal(err)
	}
	tps, rate := rep.Rate()
	fmt.Printf("%-8v %-6v rebuild         %9.0f transactions/s %7.1f MB/s (%d transactions, %d MB)\n", spec.Kind, format, tps, rate/1e6, rep.Transactions, rep.Bytes>>20)
	decodeWithMariaDB(t, o.Dir, &rep, fmt.Sprintf("%-8v %-6v", spec.Kind, format))
	if int(rep.Transactions) != len(done)+2 || !rep.Closed || rep.Mismatched > 0 {
		t.Errorf("%+v; want %d transactions", rep, len(done)+2)
	}
	db, err := engine.OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(0)
	if err == nil {
		err = c.Begin()
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := rebuild.Compare(got, c, g.TableRows(), 3)
	if err != nil || d.Total() != 0 || d.Equal != g.TableRows() {
		t.Errorf("held against the engine: %+v, %v", d, err)
	}
	if err := errors.Join(c.Commit(), db.Shutdown()); err != nil {
		t.Fatal(err)
	}
	pointsOfMillion(t, ro, g, done)
}

// runMillion runs the transactions and returns them in the order of the binlog.
func runMillion(t *testing.T, o engine.DatabaseOptions, g *workload.Generator) []binlogged {
	t.Helper()
	db, err := engine.OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	target := embedded.NewDatabase(db, nil)
	var wg sync.WaitGroup
	var done [rebuildClients][]binlogged
	for client := range uint32(rebuildClients) {
		wg.Go(func() {
			session, err := target.Connect(client)
			txn := g.NewTxn(client)
			for n := uint64(0); err == nil && n < rebuildTxns/rebuildClients; n++ {
				g.Next(client, n, txn)
				for err = session.Run(txn); workload.Retryable(err); err = session.Run(txn) {
				}
				seq := uint64(session.LastEnd())
				if all := done[client]; len(all) == 0 || seq > all[len(all)-1].seq { // c may be what it was: then nothing is logged
					done[client] = append(all, binlogged{seq, client, n})
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := db.Shutdown(); err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(done[:]...)
	slices.SortFunc(all, func(a, b binlogged) int { return int(a.seq) - int(b.seq) })
	return all
}

// decodeWithMariaDB prints how long mariadb-binlog takes for the same files.
func decodeWithMariaDB(t *testing.T, dir string, rep *rebuild.Report, name string) {
	t.Helper()
	program, err := exec.LookPath("mariadb-binlog")
	if err != nil {
		t.Log("mariadb-binlog is missing")
		return
	}
	files, err := filepath.Glob(filepath.Join(dir, "binlog.[0-9]*"))
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd := exec.Command(program, append([]string{"--verify-binlog-checksum"}, files...)...)
	cmd.Stderr = &errs
	start := time.Now()
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Fatalf("mariadb-binlog: %v, %s", err, errs.String())
	}
	s := time.Since(start).Seconds()
	fmt.Printf("%s mariadb-binlog  %9.0f transactions/s %7.1f MB/s (prints, executes nothing)\n", name, float64(rep.Transactions)/s, float64(rep.Bytes)/s/1e6)
}

// pointsOfMillion rebuilds at random points in time.
func pointsOfMillion(t *testing.T, ro rebuild.Options, g *workload.Generator, done []binlogged) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	points := make([]int, rebuildPoints)
	for i := range points {
		points[i] = rng.IntN(len(done))
	}
	slices.Sort(points)
	model := make([]binlog.Row, g.TableRows())
	for key := range model {
		model[key].K, model[key].C = g.Row(uint64(key))
	}
	next, txn := 0, g.NewTxn(0)
	for _, at := range points {
		for ; next <= at; next++ {
			g.Next(done[next].client, done[next].n, txn)
			for _, op := range txn.Ops {
				if op.Kind == workload.OpUpdateC {
					model[op.Key].C = op.Value
				} else {
					model[op.Key].K += op.Delta
				}
			}
		}
		ro.Until = rebuild.Until{Kind: rebuild.UntilGTID, GTID: binlog.GTID{Server: binlog.DefaultServerID, Seq: done[at].seq}}
		got, rep, err := rebuild.Run(ro)
		if err != nil || rep.LastSeq != done[at].seq || got.Len() != uint64(len(model)) {
			t.Fatalf("until %v: %+v, %v", ro.Until, rep, err)
		}
		for r := range got.All() {
			if want := &model[r.Key]; r.K != want.K || !bytes.Equal(r.C, want.C) {
				t.Fatalf("until %v: row %d is %d %.20q, want %d %.20q", ro.Until, r.Key, r.K, r.C, want.K, want.C)
			}
		}
	}
}
