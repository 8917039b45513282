//go:build ratios

package flushbench

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/redo"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/stats"
	"flushbench/workload/driver"
)

// commitCell is one way to commit the smallest transaction under 1/1.
type commitCell struct {
	name    string
	clients int
	growth  vfs.Growth
	stages  groupcommit.StageConfig
	share   []float64 // of the limit, by round
	tps     []float64
}

const (
	// The smallest transaction, about: in the binlog GTID, table map, rows, Xid.
	redoBytes   = 256
	binlogBytes = 448
	cellLength  = 500 * time.Millisecond
	// unevenDisk is from when on a disk is no longer the same: a shared one stands
	// still for whole measurements, and what stands beside such a one says nothing.
	unevenDisk = 1.5
)

// The smallest transaction under 1/1 against the limit that Little's law sets: N
// clients cannot pass N / (flush of the redo log + flush of the binlog). Both are
// taken from bare loops beside each cell. A flush that takes less than 80 us is
// brought to 100 us for both, as in TestRatios.
//
//	go test -tags ratios -run TestCommitRatios -v -timeout 0 .
//	RATIOS_CLIENTS=8 RATIOS_ONLY='serial gather' RATIOS_STAGES=1 go test -tags ratios ...
//
// RATIOS_STAGES=1 prints where the time of a commit goes, RATIOS_PROCS=N sets
// GOMAXPROCS (one for each processor, as a process that Go starts has it).
func TestCommitRatios(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(envInt("RATIOS_PROCS", runtime.NumCPU())))
	defer driver.BatchThreads()() // as a closed loop of the runner has it
	fs, floor := floored(t)
	dir := benchDir(t)
	fmt.Printf("flush floor %v\n", floor)
	o := commitOptions(fs, filepath.Join(dir, "db"))
	if err := errors.Join(os.Mkdir(o.Dir, 0o755), engine.CreateDatabase(o, nil)); err != nil {
		t.Fatal(err)
	}
	var cells []*commitCell
	for _, n := range []int{1, 8, 64, 512} {
		if only := envInt("RATIOS_CLIENTS", 0); only != 0 && only != n {
			continue
		}
		for _, growth := range []vfs.Growth{vfs.GrowAppend, vfs.GrowZero} {
			add := func(name string, s groupcommit.StageConfig) {
				if only := os.Getenv("RATIOS_ONLY"); only != "" && only != name {
					return
				}
				s.SyncBinlog = 1
				cells = append(cells, &commitCell{name: fmt.Sprintf("%s, binlog %v", name, growth), clients: n, growth: growth, stages: s})
			}
			add("overlap", groupcommit.StageConfig{})
			add("serial", groupcommit.StageConfig{Serial: true})
			add("overlap gather", groupcommit.StageConfig{Delay: groupcommit.Delay{Adaptive: true}})
			add("serial gather", groupcommit.StageConfig{Serial: true, Delay: groupcommit.Delay{Adaptive: true}})
		}
	}
	uneven := 0
	for rounds := envInt("RATIOS_ROUNDS", 5); rounds > 0; rounds-- {
		for _, c := range cells {
			before := twoFlushes(t, fs, dir, c.clients)
			tps := c.run(t, o)
			after := twoFlushes(t, fs, dir, c.clients)
			if max(before, after) > unevenDisk*min(before, after) {
				uneven++
				continue
			}
			limit := float64(c.clients) * 2e9 / (before + after)
			c.tps, c.share = append(c.tps, tps), append(c.share, tps/limit)
		}
	}
	fmt.Printf("%d of %d measurements left out: the bare loops before and after them differ by more than %v times\n", uneven, len(cells)*envInt("RATIOS_ROUNDS", 5), unevenDisk)
	best := map[int]float64{}
	for _, c := range cells {
		if len(c.share) == 0 {
			fmt.Printf("%3d clients  %-28s the disk was never even\n", c.clients, c.name)
			continue
		}
		x := stats.Median(c.share)
		fmt.Printf("%3d clients  %-28s %9.0f commits/s  %.3f of the limit (%.3f..%.3f)\n", c.clients, c.name, stats.Median(c.tps), x, slices.Min(c.share), slices.Max(c.share))
		if c.growth == vfs.GrowAppend {
			best[c.clients] = max(best[c.clients], x)
		}
	}
	for _, n := range []int{1, 8} {
		if best[n] == 0 {
			continue // not asked for
		}
		mark := "ok  "
		if best[n] < 0.8 {
			mark = "MISS"
		}
		fmt.Printf("%s 1/1, %d clients: best of the ways on an appending binlog %.3f of N / (redo flush + binlog flush) (bar 0.800)\n", mark, n, best[n])
	}
}

func commitOptions(fs vfs.FS, dir string) engine.DatabaseOptions {
	var o engine.DatabaseOptions
	o.FS, o.Dir, o.Clients, o.Capacity, o.Files = fs, dir, 512, 256<<20, 4
	o.Rows, o.RowBytes = 100_000, engine.DefaultRowBytes
	o.Commit.Policy = groupcommit.Policy1
	o.Binlog = engine.BinlogOptions{Enabled: true, MaxSize: 64 << 20}
	return o
}

// run measures the cell once.
func (c *commitCell) run(t *testing.T, o engine.DatabaseOptions) float64 {
	t.Helper()
	o.Binlog.Growth, o.Stages = c.growth, c.stages
	if err := engine.ResetBinlog(o); err != nil {
		t.Fatal(err)
	}
	db, err := engine.OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	counts := make([]atomic.Int64, c.clients*8) // a cache line each
	var wg sync.WaitGroup
	for client := range c.clients {
		conn, err := db.Conn(uint32(client))
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			r := table.Row{Key: uint64(client) * 191, C: make([]byte, 120)}
			for !stop.Load() {
				r.K++
				err := errors.Join(conn.Begin(), conn.StartStatement(nil, false))
				if err == nil {
					_, err = conn.Update(&r)
				}
				conn.EndStatement()
				if err = errors.Join(err, conn.Commit()); err != nil {
					t.Error(err)
					return
				}
				counts[client*8].Add(1)
			}
		})
	}
	sum := func() (n int64) {
		for i := range c.clients {
			n += counts[i*8].Load()
		}
		return n
	}
	time.Sleep(cellLength / 3)
	before := db.Stats().Stages
	from, begin := sum(), clock.Now()
	time.Sleep(cellLength)
	n, took := sum()-from, clock.Now()-begin
	if os.Getenv("RATIOS_STAGES") != "" {
		c.explain(db.Stats().Stages.Sub(before), took)
	}
	stop.Store(true)
	wg.Wait()
	if err := db.Shutdown(); err != nil {
		t.Fatal(err)
	}
	return float64(n) / float64(took) * 1e9
}

// explain prints where the stages spent the time.
func (c *commitCell) explain(st groupcommit.StageStats, took int64) {
	us := func(ns int64, n uint64) float64 { return float64(ns) / float64(max(n, 1)) / 1000 }
	size := func(groups uint64) float64 { return float64(st.Grouped) / float64(max(groups, 1)) }
	fmt.Printf("    %-28s one group each %.0f us; groups of %.1f in FLUSH, %.1f in SYNC; redo flush %.0f, write %.0f, binlog flush %.0f, gathering %.0f us\n", c.name,
		us(took, st.Groups), size(st.FlushGroups), size(st.SyncGroups),
		us(st.PrepareNs, st.FlushGroups), us(st.WriteNs, st.FlushGroups), us(st.FlushNs, st.Flushes), us(st.GatherNs, st.FlushGroups))
}

// twoFlushes returns the mean nanoseconds of a write and flush of what so many
// transactions have in the redo log, which overwrites a zero-filled file, plus those
// of what they have in the binlog, which appends.
func twoFlushes(t *testing.T, fs vfs.FS, dir string, transactions int) float64 {
	t.Helper()
	return bareFlush(t, fs, dir, transactions*redoBytes, vfs.GrowZero) + bareFlush(t, fs, dir, transactions*binlogBytes, vfs.GrowAppend)
}

func bareFlush(t *testing.T, fs vfs.FS, dir string, n int, growth vfs.Growth) float64 {
	t.Helper()
	path := filepath.Join(dir, "limit.1")
	f, err := fs.Create(path, vfs.Fdatasync)
	if err != nil {
		t.Fatal(err)
	}
	const size = 16 << 20
	if err := vfs.Grow(f, growth, size); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	begin, flushes, off := clock.Now(), 0, int64(0)
	for ; clock.Now()-begin < int64(100*time.Millisecond); flushes++ {
		if growth == vfs.GrowZero {
			off %= size - int64(n)
		}
		if _, err := f.WriteAt(b, off); err != nil {
			t.Fatal(err)
		}
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
		off += int64(n)
	}
	took := clock.Now() - begin
	if err := errors.Join(f.Close(), fs.Remove(path)); err != nil {
		t.Fatal(err)
	}
	return float64(took) / float64(flushes)
}

// The scan of recovery against a bare loop on one core that reads the same files
// and takes CRC-32C of pieces of 256 bytes, page cache warm.
//
//	go test -tags ratios -run TestScanSpeed -v -timeout 0 .
func TestScanSpeed(t *testing.T) {
	const capacity = 1 << 30
	fs, dir := vfs.NewOS(), benchDir(t)
	o := engine.Options{FS: fs, Dir: dir, Capacity: capacity + 64<<20, Clients: 8, CheckpointDistance: capacity * 3 / 4,
		Commit: groupcommit.Config{Policy: groupcommit.Policy0}}
	if err := engine.Create(o); err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Session(0)
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, redo.BodySize(256))
	for range capacity / 256 * 3 / 4 {
		if err := s.Commit(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(e.Drain(), e.Close()); err != nil {
		t.Fatal(err)
	}
	var ratios []float64
	for range envInt("RATIOS_ROUNDS", 5) {
		start := clock.Now()
		r, err := redo.OpenReader(fs, dir)
		if err != nil {
			t.Fatal(err)
		}
		from := r.Pos()
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		scanned := float64(r.Pos() - from)
		scan := scanned / float64(clock.Now()-start)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		bare := bareScan(t, fs, dir)
		ratios = append(ratios, scan/bare)
		fmt.Printf("scan %.2f GB/s of %.2f GiB, bare loop %.2f GB/s: %.3f\n", scan, scanned/(1<<30), bare, scan/bare)
	}
	fmt.Printf("recovery's scan / bare loop: median %.3f (bar 0.700)\n", stats.Median(ratios))
}

// bareScan reads the log's files and returns bytes a nanosecond.
func bareScan(t *testing.T, fs vfs.FS, dir string) float64 {
	t.Helper()
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	buf := make([]byte, 1<<20)
	total, sum := int64(0), uint32(0)
	start := clock.Now()
	for i := range redo.DefaultFiles {
		f, err := fs.OpenRead(filepath.Join(dir, redo.FileName(i)))
		if err != nil {
			t.Fatal(err)
		}
		for off := int64(0); ; {
			n, err := f.ReadAt(buf, off)
			for b := buf[:n]; len(b) >= 256; b = b[256:] {
				sum ^= crc32.Update(0, castagnoli, b[:256])
			}
			off += int64(n)
			total += int64(n)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	took := clock.Now() - start
	runtime.KeepAlive(sum)
	return float64(total) / float64(took)
}
