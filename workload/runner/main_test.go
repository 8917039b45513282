package runner

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// TestMain: what a run is made of waits for a disk and for the end of its cells.
func TestMain(m *testing.M) {
	testenv.Waiting()
	testenv.FewCollections()
	os.Exit(m.Run())
}

// spec is a small cell: an 8 MiB log, 256-byte records, 20 ms measured.
func spec(name string, p groupcommit.Policy, clients int) Spec {
	return Spec{
		Name: name, Clients: clients, Sizes: workload.FixedSize(256), Warmup: 5 * time.Millisecond, Duration: 20 * time.Millisecond,
		Track: p == groupcommit.Policy1,
		Engine: engine.Options{
			Capacity: 8 << 20, Files: 2, BufferSize: 1 << 20, Clients: clients, CheckpointDistance: 1 << 20,
			Commit: groupcommit.Config{Policy: p, Interval: 100 * time.Millisecond},
		},
	}
}

// smallPlan is n rounds of three cells and a short limit loop.
func smallPlan(n int) Plan {
	return Plan{
		Specs:  []Spec{spec("one", groupcommit.Policy1, 1), spec("four", groupcommit.Policy1, 4), spec("two", groupcommit.Policy2, 2)},
		Rounds: n, Seed: 7, Limit: 10 * time.Millisecond, Scenario: map[string]int{"small": n},
	}
}

// config runs p in new folders, without waiting for flushes.
func config(t *testing.T, p Plan) Config {
	t.Helper()
	cfg := diskConfig(t, p)
	cfg.WrapFS = func(fs vfs.FS) vfs.FS { return &lazy{FS: fs} }
	return cfg
}

// diskConfig runs p in new folders as a user's run does.
func diskConfig(t *testing.T, p Plan) Config {
	t.Helper()
	return Config{Plan: p, Base: testenv.OnDisk(t), ResultsDir: t.TempDir(), AllowVolatile: true, BesideLiveDatabase: true, Name: "test"}
}

// mustRun carries out a run that succeeds.
func mustRun(t *testing.T, cfg Config) (*result.Result, string) {
	t.Helper()
	res, folder, err := Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	empty(t, cfg.Base)
	return res, folder
}

// empty holds that a run left nothing in its base folder.
func empty(t *testing.T, base string) {
	t.Helper()
	left, err := os.ReadDir(base)
	if err != nil || len(left) != 0 {
		t.Errorf("left in %s: %v, %v; want nothing", base, left, err)
	}
}

// saved loads what a run wrote.
func saved(t *testing.T, folder string) *result.Result {
	t.Helper()
	r, err := result.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// counting is a vfs.FS whose counts a test reads after the run.
type counting struct{ vfs.FS }

// watch makes cfg tell its counts to the returned function.
func watch(cfg *Config) func() vfs.Counts {
	c := &counting{}
	inner := cfg.WrapFS
	cfg.WrapFS = func(fs vfs.FS) vfs.FS {
		if inner != nil {
			fs = inner(fs)
		}
		c.FS = fs
		return c
	}
	return func() vfs.Counts { return c.FS.Counts() }
}

// steps is a Progress that keeps what it is told and may cancel the run.
type steps struct {
	what   []string
	bytes  int64
	length time.Duration
	notes  []string
	on     func(i int)
}

func (s *steps) Planned(bytes int64, length time.Duration, _ string) {
	s.bytes, s.length = bytes, length
}
func (s *steps) Note(text string) { s.notes = append(s.notes, text) }
func (s *steps) Step(i, _ int, what string, _ time.Duration) {
	s.what = append(s.what, what)
	if s.on != nil {
		s.on(i)
	}
}

// fullRounds counts the rounds of a cell that ran their whole time.
func fullRounds(c *result.Cell) int {
	n := 0
	for i := range c.Rounds {
		if !c.Rounds[i].Partial {
			n++
		}
	}
	return n
}

// numbers are the numbers of a cell's rounds.
func numbers(c *result.Cell) []int {
	var n []int
	for i := range c.Rounds {
		n = append(n, c.Rounds[i].Round)
	}
	slices.Sort(n)
	return n
}
