package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/workload/runner"
)

// interleaved measures a plan for two sides, a round of one after a round of
// the other, so that whatever the machine does meets both. wrap[side] stands
// around the files of a side.
func interleaved(t *testing.T, rounds int, wrap [2]func(vfs.FS) vfs.FS, args ...string) (a, b *result.Result) {
	t.Helper()
	var sides [2]*result.Result
	for n := range rounds {
		for i := range 2 {
			side := (i + n) % 2 // none is always the first
			one := measured(t, wrap[side], args...)
			for c := range one.Cells {
				one.Cells[c].Rounds[0].Round = n + 1
			}
			one.Limit.Rounds[0].Round = n + 1
			if sides[side] == nil {
				sides[side] = one
				continue
			}
			for c := range one.Cells {
				sides[side].Cells[c].Rounds = append(sides[side].Cells[c].Rounds, one.Cells[c].Rounds...)
			}
			sides[side].Limit.Rounds = append(sides[side].Limit.Rounds, one.Limit.Rounds...)
		}
	}
	return sides[0], sides[1]
}

// measured is one round of the run that the flags describe.
func measured(t *testing.T, wrap func(vfs.FS) vfs.FS, args ...string) *result.Result {
	t.Helper()
	var o runOptions
	fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
	o.addFlags(fs)
	if err := fs.Parse(append(args, "--rounds", "1")); err != nil {
		t.Fatal(err)
	}
	if err := o.validate(fs); err != nil {
		t.Fatal(err)
	}
	r, _, err := runner.Run(t.Context(), runner.Config{
		Plan: runner.PlanOf(&o.s), Base: t.TempDir(), ResultsDir: t.TempDir(), AllowVolatile: true, BesideLiveDatabase: true,
		Name: "soak", Progress: &runProgress{bar: newProgress(t.Output(), true)}, WrapFS: wrap,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// flushTime is what a flush of the made-up disk takes: so long that what else
// the machine does hardly shows.
const flushTime = 5 * time.Millisecond

// madeUpDisk takes flushTime for every flush and asks nothing of the real disk,
// whose noise is none of a comparison's business. Flushes of all files but the
// limit loop's take more on top.
func madeUpDisk(more time.Duration) func(vfs.FS) vfs.FS {
	return func(fs vfs.FS) vfs.FS {
		idle := unflushed{fs}
		return split{FS: vfs.NewSlow(idle, vfs.Latency{Floor: flushTime}), engine: vfs.NewSlow(idle, vfs.Latency{Floor: flushTime + more})}
	}
}

// unflushed is a file system that flushes nothing.
type unflushed struct{ vfs.FS }

func (u unflushed) Create(p string, m vfs.Method) (vfs.File, error) {
	return idleFile(u.FS.Create(p, m))
}
func (u unflushed) Open(p string, m vfs.Method) (vfs.File, error) { return idleFile(u.FS.Open(p, m)) }

func idleFile(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return idle{f}, nil
}

type idle struct{ vfs.File }

func (idle) Flush() error { return nil }

// split sends the limit loop's files to FS and all others to engine.
type split struct {
	vfs.FS
	engine vfs.FS
}

func (s split) of(path string) vfs.FS {
	if strings.HasPrefix(filepath.Base(path), "limit.") {
		return s.FS
	}
	return s.engine
}

func (s split) Create(p string, m vfs.Method) (vfs.File, error) { return s.of(p).Create(p, m) }
func (s split) Open(p string, m vfs.Method) (vfs.File, error)   { return s.of(p).Open(p, m) }

// soakRun are flags of short closed loops. The log grows, so the limit loop has a
// file of its own.
func soakRun(more ...string) []string {
	return append([]string{"--policy", "1", "--growth", "append", "--warmup", "10ms", "--duration", "150ms", "--log-capacity", "8M", "--log-buffer-size", "1M"}, more...)
}

// TestSoakSameBinaryIsHardlyEverFlagged: 200 cells, at most 18 of them called
// different.
func TestSoakSameBinaryIsHardlyEverFlagged(t *testing.T) {
	seeds.SoakOnly(t)
	var sizes []string
	for n := 64; n <= 64*25; n += 64 {
		sizes = append(sizes, strconv.Itoa(n))
	}
	a, b := interleaved(t, 10, [2]func(vfs.FS) vfs.FS{madeUpDisk(0), madeUpDisk(0)}, soakRun("--clients", "1,2,4,8", "--group-commit", "dedicated,leader", "--record-bytes", strings.Join(sizes, ","))...)
	d := stats.CompareResults(a, b, false)
	flagged := 0
	for i := range d.Cells {
		if o := d.Cells[i].Outcome; o == stats.Faster || o == stats.Slower {
			flagged++
		}
	}
	t.Logf("%d of %d cells flagged; the limit changed by %s %%", flagged, len(d.Cells), changeText(d.Limit))
	if len(d.Cells) != 200 || flagged > 18 {
		t.Errorf("%d of %d cells flagged; want at most 18 of 200", flagged, len(d.Cells))
	}
}

// TestSoakFindsASlowdownOfTheEngine adds 20 % to the engine's flushes and
// nothing to the limit loop's.
func TestSoakFindsASlowdownOfTheEngine(t *testing.T) {
	seeds.SoakOnly(t)
	a, b := interleaved(t, 20, [2]func(vfs.FS) vfs.FS{madeUpDisk(0), madeUpDisk(flushTime / 5)}, soakRun("--clients", "1,2,4,8")...)
	d := stats.CompareResults(a, b, false)
	t.Logf("the limit changed by %s %%", changeText(d.Limit))
	for i := range d.Cells {
		if c := &d.Cells[i]; c.Outcome != stats.Slower {
			t.Errorf("%s: %s (%s), %s %%; want slower", c.Name, c.Outcome, c.Reason, changeText(&c.Raw))
		}
	}
}
