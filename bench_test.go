// Package flushbench holds the benchmarks of the whole: commits through the
// embedded engine on a real disk, by policy, clients, flush method, log buffer
// and group strategy.
//
//	go test -bench . -run '^$'                        the current folder's disk
//	FLUSHBENCH_DIR=/mnt/nvme go test -bench Commit/policy=1 -run '^$' another one, policy 1
//
// Compare with benchstat: names are key=value. For figures to decide by, use
// the tool itself (flushbench run): it interleaves rounds and knows the limit.
package flushbench

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics"
)

// benchDir makes a folder of its own on the disk under FLUSHBENCH_DIR or the
// current folder.
func benchDir(tb testing.TB) string {
	base := os.Getenv("FLUSHBENCH_DIR")
	if base == "" {
		base = "."
	}
	dir, err := testenv.MakeIn(base, ".bench-")
	if err != nil {
		tb.Fatalf("FLUSHBENCH_DIR: %v", err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}

// benchLog is a log that is made once and reopened by each cell.
type benchLog struct {
	fs       vfs.FS
	dir      string
	capacity int64
}

func newBenchLog(tb testing.TB, fs vfs.FS, capacity int64) *benchLog {
	l := &benchLog{fs: fs, dir: benchDir(tb), capacity: capacity}
	if err := engine.Create(l.options(engine.Options{Clients: 1})); err != nil {
		tb.Fatal(err)
	}
	return l
}

const benchCapacity = 256 << 20

func (l *benchLog) options(o engine.Options) engine.Options {
	o.FS, o.Dir, o.Capacity = l.fs, l.dir, l.capacity
	return o
}

func (l *benchLog) open(tb testing.TB, o engine.Options) *engine.Engine {
	e, err := engine.Open(l.options(o))
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// benchCell is one combination of the axes.
type benchCell struct {
	policy   groupcommit.Policy
	clients  int
	method   vfs.Method
	buffer   redo.BufferKind
	strategy groupcommit.Strategy
	delay    groupcommit.Delay
}

func (c benchCell) name() string {
	return fmt.Sprintf("policy=%v/clients=%d/method=%v/buffer=%v/group=%v/delay=%v", c.policy, c.clients, c.method, c.buffer, c.strategy, c.delay)
}

func (c benchCell) options() engine.Options {
	return engine.Options{
		Method: c.method, BufferKind: c.buffer, Clients: c.clients,
		Commit: groupcommit.Config{Policy: c.policy, Strategy: c.strategy, Delay: c.delay},
	}
}

// benchCells varies one axis at a time around policy 1, fdatasync.
func benchCells() []benchCell {
	var cells []benchCell
	for _, p := range groupcommit.Policies.All() {
		for _, n := range []int{1, 8, 64} {
			cells = append(cells, benchCell{policy: p, clients: n})
		}
	}
	for _, m := range vfs.Methods.All()[1:] {
		cells = append(cells, benchCell{policy: groupcommit.Policy1, clients: 8, method: m})
	}
	for _, n := range []int{1, 8, 64} {
		cells = append(cells,
			benchCell{policy: groupcommit.Policy1, clients: n, delay: groupcommit.Delay{Adaptive: true}},
			benchCell{policy: groupcommit.Policy1, clients: n, strategy: groupcommit.Leader},
			benchCell{policy: groupcommit.Policy1, clients: n, strategy: groupcommit.Serial},
			benchCell{policy: groupcommit.Policy0, clients: n, buffer: redo.Mutex})
	}
	return cells
}

// BenchmarkCommit commits b.N records of 256 bytes.
func BenchmarkCommit(b *testing.B) {
	l := newBenchLog(b, vfs.NewOS(), benchCapacity)
	for _, c := range benchCells() {
		b.Run(c.name(), func(b *testing.B) { c.run(b, l) })
	}
}

func (c benchCell) run(b *testing.B, l *benchLog) {
	e := l.open(b, c.options())
	sessions := make([]*engine.Session, c.clients)
	hists := make([]*metrics.Histogram, c.clients)
	for i := range sessions {
		s, err := e.Session(uint32(i))
		if err != nil {
			b.Fatal(err)
		}
		sessions[i], hists[i] = s, metrics.NewHistogram()
	}
	body := make([]byte, redo.BodySize(256))
	before := e.Stats()
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, s := range sessions {
		n := b.N / c.clients
		if i < b.N%c.clients {
			n++
		}
		wg.Go(func() {
			last := clock.Now()
			for range n {
				if err := s.Commit(body); err != nil {
					b.Error(err)
					return
				}
				now := clock.Now()
				hists[i].Record(now - last)
				last = now
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	c.report(b, e.Stats().Sub(before), hists)
	if err := e.Drain(); err != nil {
		b.Error(err)
	}
	if err := e.Close(); err != nil {
		b.Error(err)
	}
}

func (c benchCell) report(b *testing.B, st engine.Stats, hists []*metrics.Histogram) {
	all := metrics.NewHistogram()
	for _, h := range hists {
		all.Merge(h)
	}
	var flushes uint64
	for _, n := range st.Flushes {
		flushes += n
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tps")
	for _, q := range []struct {
		q    float64
		unit string
	}{{0.5, "p50-ns"}, {0.99, "p99-ns"}} {
		if v, ok := all.Quantile(q.q); ok {
			b.ReportMetric(float64(v), q.unit)
		}
	}
	b.ReportMetric(float64(flushes)/float64(b.N), "flushes/op")
	if st.Groups > 0 {
		b.ReportMetric(float64(st.Grouped)/float64(st.Groups), "commits/flush")
	}
}
