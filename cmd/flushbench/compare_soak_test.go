package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield/seeds"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/workload/runner"
)

// interleaved measures a plan for two sides in one run: each round has every cell
// of both, in random order. So whatever the machine does in a round meets a cell of
// a as likely as its partner in b, and equal sides differ by chance alone, however
// busy the machine is. (Two runs in turns, as a user would make them, are minutes
// apart within a round: on a busy machine a cell and its partner then have seen
// different machines, and compare is right to say so.) Each side has a limit loop of
// its own. slower[side] is what the engine's flushes take on top of flush there.
func interleaved(t *testing.T, rounds int, flush time.Duration, slower [2]time.Duration, args ...string) (a, b *result.Result) {
	t.Helper()
	plan := soakPlan(t, rounds, args...)
	cells := len(plan.Specs)
	for _, s := range slices.Clone(plan.Specs) {
		s.Name += sideB
		s.Engine.Capacity += soakApart // for a limit loop of its own
		plan.Specs = append(plan.Specs, s)
	}
	disk := &madeUpDisk{flush: flush, more: slower}
	r, _, err := runner.Run(t.Context(), runner.Config{
		Plan: plan, Base: t.TempDir(), ResultsDir: t.TempDir(), AllowVolatile: true, BesideLiveDatabase: true,
		Name: "soak", Progress: &sideSwitch{disk}, WrapFS: disk.wrap,
	})
	if err != nil {
		t.Fatal(err)
	}
	return sideOf(r, r.Cells[:cells]), sideOf(r, r.Cells[cells:])
}

const (
	sideB     = ",side=b" // ends the names of b's cells
	soakApart = 64 << 10  // bytes by which b's logs are larger
)

// soakPlan is the plan that the flags describe.
func soakPlan(t *testing.T, rounds int, args ...string) runner.Plan {
	t.Helper()
	var o runOptions
	fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
	o.addFlags(fs)
	if err := fs.Parse(append(args, "--rounds", strconv.Itoa(rounds))); err != nil {
		t.Fatal(err)
	}
	if err := o.validate(fs); err != nil {
		t.Fatal(err)
	}
	return runner.PlanOf(&o.s)
}

// sideOf makes a result of its own of one side's cells.
func sideOf(r *result.Result, cells []result.Cell) *result.Result {
	side := *r
	side.Cells, side.Limit = slices.Clone(cells), &result.LimitSummary{FlushMethod: "fdatasync"}
	for i := range side.Cells {
		c := &side.Cells[i]
		if name, of := strings.CutSuffix(c.Name, sideB); of {
			c.Name = name
			c.Params.LogCapacityBytes -= soakApart
		}
	}
	for i := range side.Cells[0].Rounds {
		x := &side.Cells[0].Rounds[i]
		side.Limit.Rounds = append(side.Limit.Rounds, result.LimitRound{Round: x.Round, FlushPerS: x.Limit.FlushPerS})
	}
	return &side
}

// sideSwitch tells the disk which side's cell comes next.
type sideSwitch struct{ disk *madeUpDisk }

func (*sideSwitch) Planned(int64, time.Duration, string) {}
func (*sideSwitch) Note(string)                          {}
func (s *sideSwitch) Step(_, _ int, what string, _ time.Duration) {
	s.disk.isB.Store(strings.HasSuffix(what, sideB))
}

// flushTime is what a flush of the made-up disk takes: so long that what else
// the machine does hardly shows.
const flushTime = 5 * time.Millisecond

// madeUpDisk takes a fixed time for every flush and asks nothing of the real disk,
// whose noise is none of a comparison's business. Flushes of all files but the
// limit loop's take more on top, on each side its own.
type madeUpDisk struct {
	flush time.Duration
	more  [2]time.Duration
	isB   atomic.Bool
}

func (d *madeUpDisk) wrap(fs vfs.FS) vfs.FS { return &madeUpFS{fs, d} }

type madeUpFS struct {
	vfs.FS
	disk *madeUpDisk
}

func (f *madeUpFS) Create(p string, m vfs.Method) (vfs.File, error) { return f.file(f.FS.Create(p, m)) }
func (f *madeUpFS) Open(p string, m vfs.Method) (vfs.File, error)   { return f.file(f.FS.Open(p, m)) }

func (f *madeUpFS) file(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &madeUpFile{file, f.disk, strings.HasPrefix(filepath.Base(file.Name()), "limit.")}, nil
}

type madeUpFile struct {
	vfs.File
	disk  *madeUpDisk
	limit bool // a limit loop's
}

func (f *madeUpFile) Flush() error {
	side := 0
	if f.disk.isB.Load() {
		side = 1
	}
	length := f.disk.flush
	if !f.limit {
		length += f.disk.more[side]
	}
	clock.Sleep(length)
	return nil
}

// soakRun are flags of short closed loops. The log grows, so the limit loop has a
// file of its own.
func soakRun(more ...string) []string {
	return append([]string{"--policy", "1", "--growth", "append", "--warmup", "10ms", "--duration", "150ms", "--log-capacity", "8M", "--log-buffer-size", "1M"}, more...)
}

// flagged counts the cells that are called different.
func flagged(d *stats.Diff) (n int) {
	for i := range d.Cells {
		if o := d.Cells[i].Outcome; o == stats.Faster || o == stats.Slower {
			n++
		}
	}
	return n
}

const (
	// soakParts is how many runs share the 200 cells: a result is saved after each cell,
	// whole, and one of 400 cells takes longer to save than a cell to measure.
	soakParts = 5
	// shortFlush gives a cell as many flushes in 60 ms as flushTime in 150 ms. Short cells
	// scatter more, which makes it no easier to call equal ones equal.
	shortFlush = 2 * time.Millisecond
)

// TestSoakSameBinaryIsHardlyEverFlagged: 200 cells, at most 18 of them called
// different. Both sides of a cell are in the same run. About ten minutes.
func TestSoakSameBinaryIsHardlyEverFlagged(t *testing.T) {
	seeds.SoakOnly(t)
	cells, n := 0, 0
	for part := range soakParts {
		var sizes []string
		for i := range 25 / soakParts {
			sizes = append(sizes, strconv.Itoa(64*(1+part+i*soakParts)))
		}
		a, b := interleaved(t, 10, shortFlush, [2]time.Duration{}, soakRun("--clients", "1,2,4,8", "--group-commit", "dedicated,leader",
			"--duration", "60ms", "--record-bytes", strings.Join(sizes, ","))...)
		d := stats.CompareResults(a, b, false)
		cells, n = cells+len(d.Cells), n+flagged(&d)
		t.Logf("%d of %d cells flagged so far; the limit changed by %s %%", n, cells, changeText(d.Limit))
	}
	if cells != 200 || n > 18 {
		t.Errorf("%d of %d cells flagged; want at most 18 of 200", n, cells)
	}
}

// TestSoakFindsASlowdownOfTheEngine adds 20 % to the engine's flushes and
// nothing to the limit loop's. How many rounds that takes depends on what else the
// machine does, so a control goes along: the rounds of a against themselves show how
// far apart equal cells may seem. Where that hides a fifth nothing can be said of compare;
// everywhere else it must find the slowdown.
func TestSoakFindsASlowdownOfTheEngine(t *testing.T) {
	seeds.SoakOnly(t)
	const rounds = 24
	a, b := interleaved(t, rounds, flushTime, [2]time.Duration{0, flushTime / 5}, soakRun("--clients", "1,2,4,8")...)
	d := stats.CompareResults(a, b, false)
	t.Logf("the limit changed by %s %%", changeText(d.Limit))
	judged := 0
	for i := range d.Cells {
		c := &d.Cells[i]
		if width := stats.NewDelta(stats.Collect(&a.Cells[i], stats.TPS), stats.Collect(&a.Cells[i], stats.TPS)); width.Lo < 0.9 {
			t.Logf("%s: equal rounds differ by %s %%, too much to see a fifth", c.Name, changeText(&width))
			continue
		}
		judged++
		if c.Outcome != stats.Slower {
			t.Errorf("%s: %s (%s), %s %%; want slower", c.Name, c.Outcome, c.Reason, changeText(&c.Raw))
		}
	}
	if judged == 0 {
		t.Skip("this machine is too busy: no cell repeats within 10 %")
	}
}

// noise are recorded rounds of equal cells: what each got, and the limit loop of
// its round, on a machine with two processors that had eight other things to do.
type noise struct {
	Cells []struct {
		Name  string    `json:"name"`
		TPS   []float64 `json:"tps"`
		Limit []float64 `json:"limit"`
	} `json:"cells"`
}

// noiseFile holds them; TestSoakRecordNoise writes it.
const noiseFile = "compare-noise.json"

// TestSoakRecordNoise records the rounds that TestCompareRecordedNoise deals, when
// asked to by -update: 20 cells, 20 rounds.
func TestSoakRecordNoise(t *testing.T) {
	seeds.SoakOnly(t)
	if !testenv.Update() {
		t.Skip("writes " + noiseFile + " with -update alone")
	}
	a, b := interleaved(t, 10, flushTime, [2]time.Duration{}, soakRun("--clients", "1,2,4,8,16", "--group-commit", "dedicated,leader", "--log-buffer", "lockfree,mutex", "--duration", "60ms")...)
	var n noise
	n.Cells = slices.Grow(n.Cells, len(a.Cells))[:len(a.Cells)]
	for i := range n.Cells {
		n.Cells[i].Name = a.Cells[i].Name
		for _, x := range append(slices.Clone(a.Cells[i].Rounds), b.Cells[i].Rounds...) {
			n.Cells[i].TPS = append(n.Cells[i].TPS, decimals(x.TPS))
			n.Cells[i].Limit = append(n.Cells[i].Limit, decimals(x.Limit.FlushPerS))
		}
	}
	data, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", noiseFile), append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func decimals(v float64) float64 {
	short, err := strconv.ParseFloat(fmt.Sprintf("%.5g", v), 64)
	if err != nil {
		return v
	}
	return short
}
