//go:build ratios

package flushbench

import (
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics"
	"flushbench/metrics/stats"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/probe"
	"flushbench/workload/target/embedded"
)

// The ratios of docs/performance.md, measured: every cell against the limit
// loop of the same round, rounds interleaved in random order.
//
//	go test -tags ratios -run TestRatios -v -timeout 0 .
//	RATIOS_ROUNDS=10 RATIOS_ONLY=policy0 go test -tags ratios ...
//	RATIOS_ONLY='[ol][fe]* n=8' go test -tags ratios ...  # off and leader at 8 clients
//	RATIOS_CPU_LATENCY=0 go test -tags ratios ...         # idle processors poll

func envInt(name string, fallback int) int {
	if v, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return v
	}
	return fallback
}

// sample is one cell in one round.
type sample struct {
	tps, limit, perLimit, perPwrite, cpuNS, group, busy, mallocs float64
}

// ratioCell is one cell and its samples.
type ratioCell struct {
	name    string
	opts    engine.Options
	clients int
	mode    workload.Mode
	think   time.Duration
	measure bool
	length  time.Duration
	samples []sample
}

type ratioRig struct {
	tb     testing.TB
	log    *benchLog
	wide   *benchLog // for cells of policy 0: made when first needed
	limits []probe.LimitResult
	pwrite []float64
	cells  []*ratioCell
	byName map[string]*ratioCell
}

func (r *ratioRig) add(name string, clients int, o engine.Options) *ratioCell {
	c := &ratioCell{name: fmt.Sprintf("%s n=%d", name, clients), opts: o, clients: clients, measure: true, length: 500 * time.Millisecond}
	if only := os.Getenv("RATIOS_ONLY"); only != "" {
		kind, _ := filepath.Match(only, name)
		cell, _ := filepath.Match(only, c.name)
		if !kind && !cell {
			return c
		}
	}
	r.cells = append(r.cells, c)
	r.byName[c.name] = c
	return c
}

func commitOf(p groupcommit.Policy, s groupcommit.Strategy, adaptive bool) groupcommit.Config {
	return groupcommit.Config{Policy: p, Strategy: s, Delay: groupcommit.Delay{Adaptive: adaptive}}
}

// neverFlushed is policy 0 without a flush during a cell, in a log of wideCapacity,
// which a cell does not fill. Eight hundred MB a second go round a smaller circle in a
// cell, and then it shows how fast the disk takes them and not what an append costs.
var neverFlushed = groupcommit.Config{Policy: groupcommit.Policy0, Interval: time.Minute}

const wideCapacity = 4 << 30

// logOf returns the log that a cell runs on.
func (r *ratioRig) logOf(c *ratioCell) *benchLog {
	if c.opts.Commit != neverFlushed {
		return r.log
	}
	if r.wide == nil {
		r.wide = newBenchLog(r.tb, r.log.fs, wideCapacity)
	}
	return r.wide
}

// build lists every cell that the ratios need.
func (r *ratioRig) build() {
	p1 := func(s groupcommit.Strategy, adaptive bool, m vfs.Method) engine.Options {
		return engine.Options{Method: m, Commit: commitOf(groupcommit.Policy1, s, adaptive)}
	}
	for _, n := range []int{1, 2, 4, 8, 64, 512} {
		r.add("off", n, p1(groupcommit.Dedicated, false, vfs.Fdatasync))
		r.add("gather", n, p1(groupcommit.Dedicated, true, vfs.Fdatasync))
		r.add("leader", n, p1(groupcommit.Leader, false, vfs.Fdatasync))
		r.add("serial", n, p1(groupcommit.Serial, false, vfs.Fdatasync))
	}
	for _, think := range []time.Duration{50 * time.Microsecond, 200 * time.Microsecond, time.Millisecond} {
		for _, n := range []int{2, 8, 64} {
			r.add(fmt.Sprintf("think-off %v", think), n, p1(groupcommit.Dedicated, false, vfs.Fdatasync)).think = think
			r.add(fmt.Sprintf("think-gather %v", think), n, p1(groupcommit.Dedicated, true, vfs.Fdatasync)).think = think
		}
	}
	r.add("none-off", 512, p1(groupcommit.Dedicated, false, vfs.None))
	r.add("none-gather", 512, p1(groupcommit.Dedicated, true, vfs.None))
	r.add("none-leader", 512, p1(groupcommit.Leader, false, vfs.None))
	r.add("none-serial", 512, p1(groupcommit.Serial, false, vfs.None))
	r.add("parked", 4096, p1(groupcommit.Dedicated, false, vfs.Fdatasync))
	r.add("pipelined", 4096, p1(groupcommit.Dedicated, false, vfs.Fdatasync)).mode = workload.Pipelined
	r.add("policy2", 1, engine.Options{Commit: commitOf(groupcommit.Policy2, 0, false)})
	r.add("policy2-measured", 8, engine.Options{Commit: commitOf(groupcommit.Policy2, 0, false)})
	for _, n := range []int{1, 2, 512} {
		r.add("policy0", n, engine.Options{Commit: neverFlushed}).measure = n == 512
		r.add("policy0-mutex", n, engine.Options{Commit: neverFlushed, BufferKind: redo.Mutex}).measure = n == 512
	}
}

func cpuNow() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// against relates the last sample to the bare loops on both sides of it.
func (c *ratioCell) against(before, after bare) {
	s := &c.samples[len(c.samples)-1]
	s.limit = (before.limit + after.limit) / 2
	s.perLimit = s.tps / s.limit
	s.perPwrite = 2 * s.tps / (before.pwrite + after.pwrite)
}

// run measures the cell once.
func (r *ratioRig) run(c *ratioCell) {
	o := c.opts
	o.Clients = c.clients
	e := r.logOf(c).open(r.tb, o)
	cfg := driver.Config{Target: embedded.New(e), Clients: c.clients, Mode: c.mode, ThinkTime: c.think, Sizes: workload.FixedSize(256),
		Seed: 1, Warmup: 200 * time.Millisecond, Duration: c.length, Measure: c.measure, Batch: true}
	if !o.Commit.Policy.Flushes() {
		cfg.TimeOneIn = workload.DefaultTimeOneIn // as a run does
	}
	stop := func() {}
	if c.measure && c.opts.Commit.Policy != groupcommit.Policy0 {
		tracker, err := metrics.NewTracker(metrics.TrackerConfig{Lanes: cfg.Lanes(), Capacity: max(1<<10, 1<<21/cfg.Lanes()), MinGapNS: 500_000})
		if err != nil {
			r.tb.Fatal(err)
		}
		cfg.Lane = tracker.Lane
		stop = sampled(tracker, e)
	}
	type edge struct {
		cpu     int64
		st      engine.Stats
		mallocs uint64
	}
	edges := make(chan edge, 2)
	take := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		edges <- edge{cpuNow(), e.Stats(), m.Mallocs}
	}
	cfg.OnStart = func(metrics.Window, *metrics.RecorderSet) {
		time.AfterFunc(cfg.Warmup, take)
		time.AfterFunc(cfg.Warmup+cfg.Duration-20*time.Millisecond, take)
	}
	out, err := driver.Run(r.tb.Context(), cfg)
	stop()
	if err != nil {
		r.tb.Fatal(c.name, err)
	}
	a, z := <-edges, <-edges
	st := z.st.Sub(a.st)
	share := float64(c.length-20*time.Millisecond) / float64(c.length)
	commits := float64(out.Commits) * share
	s := sample{tps: out.TPS, cpuNS: float64(z.cpu-a.cpu) / commits, mallocs: float64(z.mallocs-a.mallocs) / commits}
	if st.Groups > 0 {
		s.group = float64(st.Grouped) / float64(st.Groups)
	}
	if st.WaitedNs > 0 {
		s.busy = float64(st.FlushNs[groupcommit.ReasonCommit]) / float64(st.WaitedNs)
	}
	c.samples = append(c.samples, s)
	if err := e.Drain(); err != nil {
		r.tb.Fatal(err)
	}
	if err := e.Close(); err != nil {
		r.tb.Fatal(err)
	}
}

// sampled looks at what is at risk once a millisecond, as a run does, until it is
// stopped.
func sampled(tracker *metrics.Tracker, e *engine.Engine) (stop func()) {
	var all sync.WaitGroup
	var over atomic.Bool
	all.Go(func() {
		for !over.Load() {
			time.Sleep(time.Millisecond)
			tracker.SampleWith(clock.Now(), func() metrics.Watermarks {
				w := e.Watermarks()
				return metrics.Watermarks{w.Written, w.Flushed, w.Flushed}
			})
		}
	})
	return func() {
		over.Store(true)
		all.Wait()
	}
}

// bareLoops runs the limit loop and the bare pwrite loop on the log's own files.
func (r *ratioRig) bareLoops() bare {
	rec, err := engine.Recover(r.log.fs, r.log.dir, nil)
	if err != nil {
		r.tb.Fatal(err)
	}
	path, from, to, err := redo.FreeFile(r.log.fs, r.log.dir, rec.End)
	if err != nil {
		r.tb.Fatal(err)
	}
	cfg := probe.LimitConfig{FS: r.log.fs, Paths: []string{path}, From: from, To: to, RecordBytes: 256, Duration: 150 * time.Millisecond}
	l, err := probe.Limit(r.tb.Context(), cfg)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.limits = append(r.limits, l)
	w, err := probe.WriteLoop(r.tb.Context(), cfg)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.pwrite = append(r.pwrite, w.Rate)
	return bare{l.Rate, w.Rate}
}

// bare is what two loops reach, a second.
type bare struct{ limit, pwrite float64 }

func TestRatios(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 1))
	idleAwake(t)
	fs, floor := floored(t)
	r := &ratioRig{tb: t, log: newBenchLog(t, fs, benchCapacity), byName: map[string]*ratioCell{}}
	r.build()
	rounds := envInt("RATIOS_ROUNDS", 5)
	seed := uint64(envInt("RATIOS_SEED", 1))
	t.Logf("%d cells, %d rounds, seed %d, flush floor %v, GOMAXPROCS %d", len(r.cells), rounds, seed, floor, runtime.GOMAXPROCS(0))
	// A cell of policy 0 leaves the disk a gigabyte to take in, and what is behind it
	// goes on with that when the flush is over. So these have their rounds after the others'.
	var light, heavy []*ratioCell
	for _, c := range r.cells {
		if c.opts.Commit == neverFlushed {
			heavy = append(heavy, c)
		} else {
			light = append(light, c)
		}
	}
	for _, cells := range [][]*ratioCell{light, heavy} {
		for n := range rounds {
			r.round(cells, rand.New(rand.NewPCG(seed, uint64(n))))
		}
	}
	r.print(t)
}

// round measures each of the cells once, in random order. A shared disk drifts within a
// round: each cell is held against the limit loops right before and right after it.
func (r *ratioRig) round(cells []*ratioCell, rng *rand.Rand) {
	if len(cells) == 0 {
		return
	}
	before := r.bareLoops()
	for _, i := range rng.Perm(len(cells)) {
		c := cells[i]
		r.run(c)
		after := r.bareLoops()
		c.against(before, after)
		before = after
	}
}

// floored brings the flush up to 100 us where it takes less than 80, for the
// engine and the bare loop alike.
func floored(t *testing.T) (vfs.FS, time.Duration) {
	fs := vfs.FS(vfs.NewOS())
	path := filepath.Join(benchDir(t), "limit.0")
	f, err := fs.Create(path, vfs.Fdatasync)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := vfs.Grow(f, vfs.GrowZero, 16<<20); err != nil {
		t.Fatal(err)
	}
	l, err := probe.Limit(t.Context(), probe.LimitConfig{Files: []vfs.File{f}, RecordBytes: 256, Duration: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	p50 := l.FlushP50
	t.Logf("bare flush p50 %v", time.Duration(*p50))
	if *p50 >= 80_000 {
		return fs, 0
	}
	return vfs.NewSlow(fs, vfs.Latency{Floor: 100 * time.Microsecond}), 100 * time.Microsecond
}

func column(c *ratioCell, of func(sample) float64) []float64 {
	var v []float64
	for _, s := range c.samples {
		v = append(v, of(s))
	}
	return v
}

func (r *ratioRig) print(t *testing.T) {
	var rate, share []float64
	for _, l := range r.limits {
		rate, share = append(rate, l.Rate), append(share, l.FlushShare)
	}
	fmt.Printf("limit %.0f/s (%.0f..%.0f), flush share %.3f; bare pwrite %.0f/s\n", stats.Median(rate), slices.Min(rate), slices.Max(rate), stats.Median(share), stats.Median(r.pwrite))
	fmt.Printf("%-26s %11s %8s %18s %8s %7s %7s %9s\n", "cell", "commits/s", "x limit", "(range)", "CPU ns", "group", "busy", "mallocs")
	for _, c := range r.cells {
		x := column(c, func(s sample) float64 { return s.perLimit })
		fmt.Printf("%-26s %11.0f %8.2f %18s %8.0f %7.1f %7.3f %9.5f\n", c.name, stats.Median(column(c, func(s sample) float64 { return s.tps })), stats.Median(x),
			fmt.Sprintf("(%.2f..%.2f)", slices.Min(x), slices.Max(x)), stats.Median(column(c, func(s sample) float64 { return s.cpuNS })),
			stats.Median(column(c, func(s sample) float64 { return s.group })), stats.Median(column(c, func(s sample) float64 { return s.busy }))/stats.Median(share),
			stats.Median(column(c, func(s sample) float64 { return s.mallocs })))
	}
	r.bars(t, stats.Median(share))
}

// bars prints every ratio with what it should reach.
func (r *ratioRig) bars(_ *testing.T, limitShare float64) {
	med := func(name string, of func(sample) float64) float64 {
		c := r.byName[name]
		if c == nil || len(c.samples) == 0 {
			return math.NaN()
		}
		return stats.Median(column(c, of))
	}
	x := func(name string) float64 { return med(name, func(s sample) float64 { return s.perLimit }) }
	tps := func(name string) float64 { return med(name, func(s sample) float64 { return s.tps }) }
	cpu := func(name string) float64 { return med(name, func(s sample) float64 { return s.cpuNS }) }
	rounds := func(a, b string, of func(sample) float64) float64 { // median of the ratios round by round
		ca, cb := r.byName[a], r.byName[b]
		if ca == nil || cb == nil {
			return math.NaN()
		}
		var v []float64
		for i := range ca.samples {
			v = append(v, of(ca.samples[i])/of(cb.samples[i]))
		}
		return stats.Median(v)
	}
	pair := func(a, b string) float64 { return rounds(a, b, func(s sample) float64 { return s.perLimit }) }
	// Policy 0 flushes nothing in its cells: what a limit loop beside them takes is noise.
	unflushed := func(a, b string) float64 { return rounds(a, b, func(s sample) float64 { return s.tps }) }
	bar := func(what string, got, want float64, atMost bool) {
		ok := got >= want
		if atMost {
			ok = got <= want
		}
		if math.IsNaN(got) {
			return // not measured
		}
		mark := "ok  "
		if !ok {
			mark = "MISS"
		}
		fmt.Printf("%s %-64s %8.3f (bar %.3f)\n", mark, what, got, want)
	}
	bar("policy 1, 1 client / limit", x("off n=1"), 0.95, false)
	bar("policy 1, 8 clients / limit", x("off n=8"), 3.7, false)
	bar("policy 1, 64 clients / limit", x("off n=64"), 22, false)
	bar("gathering, 8 clients / limit", x("gather n=8"), 6.8, false)
	bar("gathering, 64 clients / limit", x("gather n=64"), 36, false)
	bar("leader, 8 clients / limit", x("leader n=8"), 3.6, false)
	bar("leader, 64 clients / limit", x("leader n=64"), 17, false)
	for _, g := range []string{"off", "gather"} {
		if r.byName[g+" n=512"] == nil || r.byName["none-"+g+" n=512"] == nil {
			continue
		}
		limit := stats.Median(column(r.byName[g+" n=512"], func(s sample) float64 { return s.tps / s.perLimit }))
		bar(g+", 512 clients / min(256 limit, own rate with none)", tps(g+" n=512")/min(256*limit, tps("none-"+g+" n=512")), 0.6, false)
		for _, other := range []string{"leader", "serial"} {
			bar(g+", none, 512 clients / "+other, pair("none-"+g+" n=512", "none-"+other+" n=512"), 1, false)
		}
		for _, n := range []int{1, 2, 4, 8, 64, 512} {
			for _, other := range []string{"leader", "serial"} {
				bar(fmt.Sprintf("%s, %d clients / %s", g, n, other), pair(fmt.Sprintf("%s n=%d", g, n), fmt.Sprintf("%s n=%d", other, n)), 1, false)
			}
		}
	}
	if r.byName["leader n=512"] != nil && r.byName["policy0 n=512"] != nil {
		r.cpuBar(cpu, bar)
	}
	bar("flush in flight at 8 clients / limit loop's own share", med("off n=8", func(s sample) float64 { return s.busy })/limitShare, 0.95, false)
	bar("pipelined / parked, 4096 clients", pair("pipelined n=4096", "parked n=4096"), 1.6, false)
	bar("policy 2, 1 client / bare pwrite", med("policy2 n=1", func(s sample) float64 { return s.perPwrite }), 0.7, false)
	bar("policy 0, 1 client: lock-free / mutex", unflushed("policy0 n=1", "policy0-mutex n=1"), 1, false)
	bar("policy 0, 2 clients: lock-free / mutex", unflushed("policy0 n=2", "policy0-mutex n=2"), 1, false)
	for _, c := range r.cells {
		var think string
		if n, err := fmt.Sscanf(c.name, "think-gather %s", &think); n == 1 && err == nil {
			off := r.byName[fmt.Sprintf("think-off %s n=%d", think, c.clients)]
			if off == nil {
				continue
			}
			get := func(s sample) float64 { return s.perLimit }
			cmp := stats.Compare(column(off, get), column(c, get), 0.05)
			fmt.Printf("     gathering against none, think time %s, %d clients: %+v\n", think, c.clients, cmp)
		}
	}
	for _, n := range []int{1, 2, 4, 8, 64, 512} {
		get := func(s sample) float64 { return s.perLimit }
		off, gather := r.byName[fmt.Sprintf("off n=%d", n)], r.byName[fmt.Sprintf("gather n=%d", n)]
		if off != nil && gather != nil {
			fmt.Printf("     gathering against none, %d clients: %+v\n", n, stats.Compare(column(off, get), column(gather, get), 0.05))
		}
	}
}

func (r *ratioRig) cpuBar(cpu func(string) float64, bar func(string, float64, float64, bool)) {
	floor := cpu("policy0 n=512")
	bar("CPU a commit at 512, less policy 0's, / leader's", (cpu("off n=512")-floor)/(cpu("leader n=512")-floor), 0.65, true)
}

// TestPolicy0Parts compares policy 0's CPU a commit at one client with the sum
// of what it cannot do without, each measured alone: reserve, copy, checksum,
// publish, and one kernel copy into the same files.
//
//	go test -tags ratios -run TestPolicy0Parts -v .
func TestPolicy0Parts(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 1))
	r := &ratioRig{tb: t, log: newBenchLog(t, vfs.NewOS(), wideCapacity), byName: map[string]*ratioCell{}}
	var ratios []float64
	parts := newParts(t)
	for range envInt("RATIOS_ROUNDS", 5) {
		ns := parts.measure(t, r)
		sum := 0.0
		for _, p := range ns {
			sum += p
		}
		got := enginePart(t, r)
		ratios = append(ratios, got/sum)
		fmt.Printf("reserve %.1f copy %.1f crc %.1f publish %.1f kernel %.1f = %.1f ns; engine %.1f ns; ratio %.2f\n", ns[0], ns[1], ns[2], ns[3], ns[4], sum, got, got/sum)
	}
	fmt.Printf("policy 0, 1 client: CPU a commit / sum of its parts: median %.3f (bar 1.300)\n", stats.Median(ratios))
}

// parts measures the parts of a policy-0 commit over a ring as large as the
// engine's, so that each meets the caches as it does there.
type parts struct {
	ring []byte
	src  []byte
	word atomic.Uint64
	sink uint32
}

func newParts(t *testing.T) *parts {
	return &parts{ring: vfs.AlignedBuffer(redo.DefaultBuffer, 4096), src: make([]byte, 64<<10)}
}

// enginePart commits partRounds records by one client under policy 0 and
// returns the process's CPU time for each, the log writer's included.
func enginePart(t *testing.T, r *ratioRig) float64 {
	e := r.log.open(t, engine.Options{Clients: 1, Commit: neverFlushed})
	s, err := e.Session(0)
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, redo.BodySize(partRecord))
	ns := cpuPer(partRounds, func() {
		for range partRounds {
			if err := s.Commit(body); err != nil {
				t.Fatal(err)
			}
		}
	})
	if err := e.Drain(); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return ns
}

const (
	partRecord = 256
	partRounds = 4 << 20
)

// cpu runs f and returns its CPU time for each of n steps, in nanoseconds.
func cpuPer(n int, f func()) float64 {
	start := cpuNow()
	f()
	return float64(cpuNow()-start) / float64(n)
}

func (p *parts) measure(t *testing.T, r *ratioRig) [5]float64 {
	table := crc32.MakeTable(crc32.Castagnoli)
	mask := len(p.ring) - 1
	body := redo.BodySize(partRecord)
	var out [5]float64
	out[0] = cpuPer(partRounds, func() {
		for range partRounds {
			p.word.Add(partRecord)
		}
	})
	out[1] = cpuPer(partRounds, func() {
		for i := range partRounds {
			at := i * partRecord & mask
			copy(p.ring[at:at+body], p.src[i*64&(32<<10-1):])
		}
	})
	out[2] = cpuPer(partRounds, func() {
		for range partRounds {
			p.sink = crc32.Update(p.sink, table, p.src[:partRecord-12])
		}
	})
	out[3] = cpuPer(partRounds, func() {
		for i := range partRounds {
			p.word.Store(uint64(i))
		}
	})
	rec, err := engine.Recover(r.log.fs, r.log.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	path, from, to, err := redo.FreeFile(r.log.fs, r.log.dir, rec.End)
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.log.fs.Open(path, vfs.Fdatasync)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const chunk = 1 << 20
	n := partRounds / (chunk / partRecord)
	out[4] = cpuPer(partRounds, func() {
		off := from
		for i := range n {
			if off+chunk > to {
				off = from
			}
			if _, err := f.WriteAt(p.ring[i*chunk&mask:][:chunk], off); err != nil {
				t.Fatal(err)
			}
			off += chunk
		}
	})
	return out
}

// TestMeasuringCost shows what clocks, histograms, counters and the tracker
// cost at 8 clients: pairs of the same cell with measuring on and off. RATIOS_ONLY=2
// is policy 2 alone.
//
//	go test -tags ratios -run TestMeasuringCost -v -timeout 0 .
func TestMeasuringCost(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 1))
	fs, floor := floored(t)
	r := &ratioRig{tb: t, log: newBenchLog(t, fs, benchCapacity), byName: map[string]*ratioCell{}}
	fmt.Printf("flush floor %v\n", floor)
	for _, policy := range []groupcommit.Policy{groupcommit.Policy1, groupcommit.Policy2} {
		if only := os.Getenv("RATIOS_ONLY"); only != "" && only != policy.String() {
			continue
		}
		var ratios []float64
		for i := range envInt("RATIOS_PAIRS", 30) {
			pair := [2]*ratioCell{}
			for k := range pair {
				on := (i+k)%2 == 0 // the order alternates, so drift cancels
				c := &ratioCell{name: policy.String(), opts: engine.Options{Commit: commitOf(policy, 0, false)}, clients: 8, measure: on, length: 500 * time.Millisecond}
				r.run(c)
				if on {
					pair[0] = c
				} else {
					pair[1] = c
				}
			}
			ratios = append(ratios, pair[1].samples[0].tps/pair[0].samples[0].tps-1)
		}
		mean, upper := stats.UpperBound95(ratios)
		median, medianUpper := stats.MedianBound95(ratios)
		fmt.Printf("policy %v, 8 clients, %d pairs: measuring costs %.2f %% of TPS, upper 95 %% bound %.2f %%; median %.2f %%, its bound %.2f %% (bar 5)\n",
			policy, len(ratios), 100*mean, 100*upper, 100*median, 100*medianUpper)
	}
}
