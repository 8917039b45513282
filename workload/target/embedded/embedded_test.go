package embedded

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flushbench/engine"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
)

// reporter is what *testing.T and *rapid.T share.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func options(fs vfs.FS, dir string, commit groupcommit.Config, clients int) engine.Options {
	return engine.Options{FS: fs, Dir: dir, Capacity: 4 << 20, BufferSize: 256 << 10, Commit: commit, Clients: clients}
}

func open(t reporter, o engine.Options, create bool) *Target {
	t.Helper()
	if create {
		if err := engine.Create(o); err != nil {
			t.Fatalf("Create = %v", err)
		}
	}
	e, err := engine.Open(o)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	return New(e)
}

func bodies(t reporter, seed uint64) *workload.Bodies {
	t.Helper()
	b, err := workload.NewBodies(seed, workload.Sizes{Shape: workload.ShapeUniform, Lo: 30, Hi: 900}, Overhead())
	if err != nil {
		t.Fatalf("NewBodies = %v", err)
	}
	return b
}

func txn(b *workload.Bodies, client uint32, seq uint64) *workload.Txn {
	return &workload.Txn{Client: client, Ops: []workload.Op{{Kind: workload.OpAppend, Value: b.Body(client, seq)}}}
}

// The overhead that the driver reckons with is the log's own.
func TestOverheadIsTheLogs(t *testing.T) {
	o := Overhead()
	for body := range 5000 {
		if got, want := o.Bytes(body), redo.CommitSize(body); got != want {
			t.Fatalf("a body of %d bytes takes %d bytes of log, want %d", body, got, want)
		}
	}
	for record := redo.MinRecord; record < 5000; record += 8 {
		if got, want := o.Body(record), redo.BodySize(record); got != want {
			t.Fatalf("a record of %d bytes has a body of %d, want %d", record, got, want)
		}
	}
}

// commitConfigs is one of each way to commit.
func commitConfigs() []groupcommit.Config {
	var all []groupcommit.Config
	for _, s := range groupcommit.Strategies.All() {
		all = append(all, groupcommit.Config{Policy: groupcommit.Policy1, Strategy: s})
	}
	all = append(all, groupcommit.Config{Policy: groupcommit.Policy2})
	for _, s := range groupcommit.Styles.All() {
		all = append(all, groupcommit.Config{Policy: groupcommit.Policy0, Style: s})
	}
	return all
}

// What goes in through sessions and pipelines is what recovery finds, and each
// client's sequence goes on where it had been.
func TestCommitsAreRecovered(t *testing.T) {
	for _, cfg := range commitConfigs() {
		t.Run(fmt.Sprint(cfg.Policy, cfg.Style, cfg.Strategy), func(t *testing.T) {
			const clients, commits = 6, 200
			o := options(vfs.NewOS(), t.TempDir(), cfg, clients)
			b := bodies(t, 5)
			for life := range uint64(2) {
				target := open(t, o, life == 0)
				parked(t, target, b, []uint32{0, 2, 4}, life*commits, commits)
				pipelined(t, target, b, []uint32{1, 3, 5}, life*commits, commits)
				if err := errors.Join(target.Engine().Drain(), target.Close()); err != nil {
					t.Fatal(err)
				}
				rec, err := engine.Recover(o.FS, o.Dir, func(client uint32, seq uint64, body []byte, _ lsn.LSN) error {
					return b.Verify(client, seq, body)
				})
				if err != nil {
					t.Fatal(err)
				}
				for c := range uint32(clients) {
					if got, want := rec.LastSeq(c), (life+1)*commits; got != want {
						t.Errorf("client %d: recovered up to sequence %d, want %d", c, got, want)
					}
				}
			}
		})
	}
}

func parked(t *testing.T, target *Target, b *workload.Bodies, clients []uint32, from, n uint64) {
	t.Helper()
	for _, c := range clients {
		s, err := target.Connect(c)
		if err != nil {
			t.Fatal(err)
		}
		if s.Seq() != from {
			t.Fatalf("client %d starts after sequence %d, want %d", c, s.Seq(), from)
		}
		last := lsn.LSN(0)
		for seq := from + 1; seq <= from+n; seq++ {
			if err := s.Run(txn(b, c, seq)); err != nil {
				t.Fatal(err)
			}
			if s.Seq() != seq || s.LastEnd() <= last {
				t.Fatalf("after sequence %d: Seq() = %d, LastEnd() = %v after %v", seq, s.Seq(), s.LastEnd(), last)
			}
			last = s.LastEnd()
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func pipelined(t *testing.T, target *Target, b *workload.Bodies, clients []uint32, from, n uint64) {
	t.Helper()
	p, err := target.NewPipeline(clients)
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for i, c := range clients {
		if p.Seq(i) != from {
			t.Fatalf("client %d starts after sequence %d, want %d", c, p.Seq(i), from)
		}
		if err := p.Submit(i, txn(b, c, from+1)); err != nil {
			t.Fatal(err)
		}
		left++
	}
	buf := make([]workload.Done, 2)
	ends := make([]lsn.LSN, len(clients))
	for left > 0 {
		k := p.Poll(buf)
		if k == 0 {
			k = p.Wait(buf)
		}
		if k < 1 {
			t.Fatal("Wait returned nothing")
		}
		for _, d := range buf[:k] {
			left--
			if d.Err != nil || d.End <= ends[d.Client] {
				t.Fatalf("Done %+v after end %v", d, ends[d.Client])
			}
			ends[d.Client] = d.End
			if seq := p.Seq(d.Client); seq < from+n {
				if err := p.Submit(d.Client, txn(b, clients[d.Client], seq+1)); err != nil {
					t.Fatal(err)
				}
				left++
			}
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// Many goroutines, sampling or not, on a disk in memory: run with -race.
func TestConcurrentClients(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := rapid.SampledFrom(commitConfigs()).Draw(t, "commit")
		workers := rapid.IntRange(1, 6).Draw(t, "workers")
		commits := rapid.Uint64Range(1, 60).Draw(t, "commits")
		sample := rapid.IntRange(1, 7).Draw(t, "sample every")
		mem := vfs.NewMem()
		if err := mem.Mkdir("/log"); err != nil {
			t.Fatalf("Mkdir = %v", err)
		}
		o := options(mem, "/log", cfg, workers)
		o.Capacity = redo.MinCapacity
		target := open(t, o, true)
		b := bodies(t, 9)
		errs := make(chan error, workers)
		for c := range uint32(workers) {
			go func() { errs <- runClient(target, b, c, commits, sample) }()
		}
		for range workers {
			if err := <-errs; err != nil {
				t.Errorf("a client failed: %v", err)
			}
		}
		if err := errors.Join(target.Engine().Drain(), target.Close()); err != nil {
			t.Fatalf("Close = %v", err)
		}
	})
}

func runClient(target *Target, b *workload.Bodies, client uint32, commits uint64, sample int) error {
	s, err := target.Connect(client)
	if err != nil {
		return err
	}
	sampler := s.(workload.Sampler)
	for seq := uint64(1); seq <= commits; seq++ {
		want := seq%uint64(sample) == 0
		if want {
			sampler.SampleNext()
		}
		if err := s.Run(txn(b, client, seq)); err != nil {
			return err
		}
		if st, ok := sampler.Stages(); want && (!ok || st.Buffer+st.Group+st.Write+st.Flush+st.Wakeup < -4) {
			return fmt.Errorf("stages %+v, %v", st, ok)
		}
	}
	return s.Close()
}

func TestRefusals(t *testing.T) {
	target := open(t, options(vfs.NewOS(), t.TempDir(), groupcommit.Config{Policy: groupcommit.Policy1}, 2), true)
	if _, err := target.Connect(2); err == nil || !strings.Contains(err.Error(), "embedded: engine: client 2") {
		t.Errorf("Connect beyond the clients = %v", err)
	}
	if _, err := target.NewPipeline([]uint32{0, 7}); err == nil || !strings.Contains(err.Error(), "client 7") {
		t.Errorf("NewPipeline beyond the clients = %v", err)
	}
	s, err := target.Connect(0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := target.NewPipeline([]uint32{1})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []*workload.Txn{{}, {Ops: []workload.Op{{}}}, {Ops: make([]workload.Op, 2)}} {
		if s.Run(bad) == nil || p.Submit(0, bad) == nil {
			t.Errorf("transaction %+v was taken", bad)
		}
	}
	huge := &workload.Txn{Ops: []workload.Op{{Kind: workload.OpAppend, Value: make([]byte, 1<<20)}}}
	if err := s.Run(huge); !errors.Is(err, engine.ErrTooLarge) {
		t.Errorf("Run of 1 MiB = %v, want %v", err, engine.ErrTooLarge)
	}
	if err := errors.Join(target.Close(), target.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if err := s.Run(txn(bodies(t, 1), 0, 1)); err == nil {
		t.Error("a commit was acknowledged after Close")
	}
}

// Memory a logical client: a million of them must fit.
func TestPipelineIsSmall(t *testing.T) {
	const clients = 20_000
	target := open(t, options(vfs.NewOS(), t.TempDir(), groupcommit.Config{Policy: groupcommit.Policy2, Interval: time.Minute}, clients), true)
	ids := make([]uint32, clients)
	for i := range ids {
		ids[i] = uint32(i)
	}
	goroutines := runtime.NumGoroutine()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p, err := target.NewPipeline(ids)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if per := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / clients; per > 600 {
		t.Errorf("a pipelined client takes %d bytes, want at most 600", per)
	}
	// One of an engine before may have been on its way out, and one of the runtime's come.
	if n := runtime.NumGoroutine(); n > goroutines+clients/1000 {
		t.Errorf("%d goroutines more for %d pipelined clients", n-goroutines, clients)
	}
	if err := errors.Join(p.Close(), target.Close()); err != nil {
		t.Error(err)
	}
}
