package runner

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/metrics"
	"flushbench/metrics/result"
)

// looking is a file system that looks at a board when a file is opened, written
// or flushed, from whichever goroutine does it: so it sees every phase.
type looking struct {
	vfs.FS
	look func(path string)
}

func (l *looking) Create(path string, m vfs.Method) (vfs.File, error) {
	return l.file(l.FS.Create(path, m))
}
func (l *looking) Open(path string, m vfs.Method) (vfs.File, error) {
	return l.file(l.FS.Open(path, m))
}

func (l *looking) OpenRead(path string) (vfs.File, error) { return l.file(l.FS.OpenRead(path)) }

func (l *looking) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	l.look(f.Name())
	return &lookingFile{f, l}, nil
}

type lookingFile struct {
	vfs.File
	l *looking
}

func (f *lookingFile) Flush() error { f.l.look(f.Name()); return f.File.Flush() }
func (f *lookingFile) WriteAt(p []byte, off int64) (int, error) {
	f.l.look(f.Name())
	return f.File.WriteAt(p, off)
}

// sights are what lookers saw, in order for each of them. Safe for concurrent use.
type sights struct {
	mu   sync.Mutex
	seen []result.Live
}

func (s *sights) add(l result.Live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, l)
}

// boardConfig runs p with a board that every call of the run looks at.
func boardConfig(t *testing.T, p Plan) (Config, *sights) {
	t.Helper()
	s := &sights{}
	cfg := config(t, p)
	cfg.Board = NewBoard()
	inner := cfg.WrapFS
	cfg.WrapFS = func(fs vfs.FS) vfs.FS {
		return &looking{inner(fs), func(string) { s.add(cfg.Board.Snapshot()) }}
	}
	return cfg, s
}

// TestBoardShowsTheRun holds what is shown of a run that succeeds: each phase of
// each cell, under its own name, and figures that belong to it. A machine that stands
// still may let a warm-up go by without a call: then there are longer ones.
func TestBoardShowsTheRun(t *testing.T) {
	t.Parallel()
	want := map[string]bool{result.PhaseSetup: true, result.PhaseWarmup: true, result.PhaseMeasured: true, result.PhaseVerify: true}
	for warmup := 20 * time.Millisecond; ; warmup *= 3 {
		p := smallPlan(2)
		for i := range p.Specs {
			p.Specs[i].Warmup, p.Specs[i].Duration = warmup, max(warmup, 100*time.Millisecond)
		}
		var unseen []string
		phases := shown(t, p)
		for i := range p.Specs {
			for phase := range want {
				if name := p.Specs[i].Name; !phases[name][phase] {
					unseen = append(unseen, name+": "+phase)
				}
			}
		}
		if got := phases[""]; !got[result.PhaseLimit] || got[result.PhaseMeasured] {
			t.Errorf("outside of cells: phases %v; want the limit loop too", got)
		}
		if unseen == nil {
			return
		}
		if warmup > 500*time.Millisecond {
			t.Fatalf("never seen in %v: %v", warmup, unseen)
		}
	}
}

// shown carries out p, holds all that its board shows, and returns the phases that
// were seen, by cell.
func shown(t *testing.T, p Plan) map[string]map[string]bool {
	t.Helper()
	cfg, s := boardConfig(t, p)
	if l := cfg.Board.Snapshot(); l.Phase != result.PhaseSetup || l.Step != 0 || l.Over() || l.Cell != "" || l.AtRisk != nil {
		t.Errorf("before the run: %+v", l)
	}
	mustRun(t, cfg)

	phases := map[string]map[string]bool{} // by cell
	for _, l := range s.seen {
		if l.Step > l.Steps || l.Done < 0 || l.Done > 1 || l.LeftNS < 0 || l.Over() || l.Started.After(l.At) {
			t.Fatalf("while it runs: %+v", l)
		}
		if phases[l.Cell] == nil {
			phases[l.Cell] = map[string]bool{}
		}
		phases[l.Cell][l.Phase] = true
		if l.Cell == "" {
			if l.Commits != nil || l.Params != nil || l.AtRisk != nil {
				t.Fatalf("figures of no cell: %+v", l)
			}
			continue
		}
		checkCell(t, &p, &l)
	}
	l := cfg.Board.Snapshot()
	if l.Phase != result.PhaseFinished || !l.Over() || l.Done != 1 || l.LeftNS != 0 || l.Step != l.Steps || l.Cell != "" || l.Commits != nil || l.Error != "" {
		t.Errorf("after the run: %+v", l)
	}
	if again := cfg.Board.Snapshot(); again.ElapsedNS != l.ElapsedNS {
		t.Errorf("the clock of a run that is over goes on: %d, then %d ns", l.ElapsedNS, again.ElapsedNS)
	}
	if data, err := json.Marshal(l); err != nil || strings.Contains(string(data), `"error"`) {
		t.Errorf("as JSON: %s, %v", data, err)
	}
	return phases
}

// checkCell holds one sight of a cell.
func checkCell(t *testing.T, p *Plan, l *result.Live) {
	t.Helper()
	k := slices.IndexFunc(p.Specs, func(s Spec) bool { return s.Name == l.Cell })
	if k < 0 || l.Round < 1 || l.Round > p.Rounds || l.Params == nil || l.Params.Clients != p.Specs[k].Clients {
		t.Fatalf("which cell is this? %+v", l)
	}
	if !strings.Contains(l.What, l.Cell) {
		t.Fatalf("cell %s in step %q", l.Cell, l.What)
	}
	switch l.Phase {
	case result.PhaseSetup, result.PhaseWarmup:
		if l.Commits != nil || l.TPS != nil || l.P99NS != nil {
			t.Fatalf("%s has figures of the measured interval: %+v", l.Phase, l)
		}
	case result.PhaseMeasured, result.PhaseDrain, result.PhaseVerify:
		if l.Commits == nil || l.TPS == nil || *l.Commits < 0 || *l.TPS < 0 {
			t.Fatalf("%s without figures: %+v", l.Phase, l)
		}
	}
	tracked := p.Specs[k].Track && (l.Phase == result.PhaseWarmup || l.Phase == result.PhaseMeasured)
	if tracked != (l.AtRisk != nil) && l.Phase != result.PhaseDrain {
		t.Fatalf("tracked %v, at risk %v: %+v", p.Specs[k].Track, l.AtRisk, l)
	}
}

// TestBoardAgreesWithTheResult holds the last figures of each cell against
// those of the result.
func TestBoardAgreesWithTheResult(t *testing.T) {
	cfg, s := boardConfig(t, smallPlan(1))
	res, _ := mustRun(t, cfg)
	last := map[string]result.Live{}
	for _, l := range s.seen {
		if l.Phase == result.PhaseVerify {
			last[l.Cell] = l
		}
	}
	for i := range res.Cells {
		c, l := &res.Cells[i], last[res.Cells[i].Name]
		r := &c.Rounds[0]
		if l.Commits == nil || *l.Commits != r.Commits || *l.TPS != r.TPS {
			t.Errorf("%s: the board says %v commits, the result %d", c.Name, l.Commits, r.Commits)
		}
		if want := r.LatencyNS.P99; (want == nil) != (l.P99NS == nil) || want != nil && *want != *l.P99NS {
			t.Errorf("%s: the board says p99 %v, the result %v", c.Name, l.P99NS, want)
		}
	}
}

// TestBoardBesideReaders polls from several goroutines as fast as it goes: what
// each of them sees only moves forward.
func TestBoardBesideReaders(t *testing.T) {
	t.Parallel()
	cfg := config(t, smallPlan(2))
	cfg.Board = NewBoard()
	quit := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var last result.Live
			for {
				l := cfg.Board.Snapshot()
				if l.Done < last.Done || l.Step < last.Step || l.ElapsedNS < last.ElapsedNS {
					t.Errorf("it went back: %+v, then %+v", last, l)
					return
				}
				if l.Step == last.Step && l.Commits != nil && last.Commits != nil && l.Phase == last.Phase && *l.Commits < *last.Commits {
					t.Errorf("commits of step %d went from %d to %d", l.Step, *last.Commits, *l.Commits)
					return
				}
				last = l
				select {
				case <-quit:
					return
				default:
					runtime.Gosched()
				}
			}
		})
	}
	mustRun(t, cfg)
	close(quit)
	wg.Wait()
}

// TestBoardAfterAFailure holds what is left when a cell fails, and that the
// board then serves another run.
func TestBoardAfterAFailure(t *testing.T) {
	t.Parallel()
	cfg := config(t, smallPlan(2))
	cfg.Plan.Limit, cfg.Board = 0, NewBoard()
	disk := &lazy{}
	cfg.WrapFS = func(fs vfs.FS) vfs.FS { disk.FS = fs; return disk }
	cfg.Progress = &steps{on: func(i int) { disk.broken.Store(i == 3) }}
	if _, _, err := Run(context.Background(), cfg); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	l := cfg.Board.Snapshot()
	if l.Phase != result.PhaseFailed || !l.Over() || !strings.Contains(l.Error, "injected") || l.Cell != "" || l.Commits != nil || l.Step != 3 || l.Done >= 1 {
		t.Errorf("after a failure: %+v", l)
	}
	cfg.Progress, cfg.Name = nil, "again"
	disk.broken.Store(false)
	mustRun(t, cfg)
	if l := cfg.Board.Snapshot(); l.Phase != result.PhaseFinished || l.Error != "" || l.Name != "again" || l.Done != 1 {
		t.Errorf("after the next run: %+v", l)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cfg.Progress = &steps{on: func(i int) {
		if i == 2 {
			cancel()
		}
	}}
	if _, _, err := Run(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if l := cfg.Board.Snapshot(); l.Phase != result.PhaseInterrupted || !l.Over() || l.Step != 2 {
		t.Errorf("after Ctrl-C: %+v", l)
	}
}

// TestBoardProgress holds time left and share done against a plan of four steps
// of 10 s.
func TestBoardProgress(t *testing.T) {
	const s = int64(time.Second)
	at := func(number int, begin int64) *posted {
		return &posted{
			run:  boardRun{steps: 4, firstAt: 100 * s, planned: 40 * time.Second, begun: 90 * s},
			step: boardStep{number: number, at: begin, left: time.Duration(50-10*number) * time.Second, length: 10 * time.Second},
		}
	}
	over := at(3, 130*s)
	over.run.ended = 133 * s
	for _, c := range []struct {
		name string
		p    *posted
		now  int64
		left time.Duration
		done float64
	}{
		{"planned, not begun", &posted{run: boardRun{planned: 40 * time.Second, steps: 4}}, 95 * s, 40 * time.Second, 0},
		{"first", at(1, 100*s), 104 * s, 36 * time.Second, 0.1},
		{"longer than planned", at(1, 100*s), 115 * s, 30 * time.Second, 0.25},
		{"in time", at(3, 120*s), 125 * s, 15 * time.Second, 0.625},
		{"2 s late a step", at(3, 124*s), 125 * s, 23 * time.Second, 0.525},
		{"early", at(3, 100*s), 101 * s, 19 * time.Second, 0.525},
		{"last", at(4, 130*s), 200 * s, 0, 1},
		{"ended", over, 133 * s, 0, 0.575},
		{"a clock that went back", at(2, 110*s), 109 * s, 30 * time.Second, 0.25},
	} {
		left, done := c.p.progress(c.now)
		if left != c.left || done < c.done-1e-9 || done > c.done+1e-9 {
			t.Errorf("%s: progress = %v, %v; want %v, %v", c.name, left, done, c.left, c.done)
		}
	}
}

// TestRecentRates feeds moments and reads the rates of the last of them.
func TestRecentRates(t *testing.T) {
	const ms = int64(time.Millisecond)
	p := &posted{step: boardStep{number: 1, at: 1000 * ms}, set: metrics.NewRecorderSet(metrics.RecorderConfig{}), window: metrics.Window{From: 1500 * ms, Until: 9000 * ms}}
	var r recent
	look := func(at, flushes, commits int64) (flushPerS, tps float64) {
		l := result.Live{Flushes: &flushes, Commits: &commits}
		r.add(p, at*ms, &l)
		flushPerS, tps = -1, -1
		if l.FlushPerS != nil {
			flushPerS = *l.FlushPerS
		}
		if l.TPSNow != nil {
			tps = *l.TPSNow
		}
		return flushPerS, tps
	}
	for _, c := range []struct {
		at, flushes, commits int64
		flushPerS, tps       float64
	}{
		{1001, 1, 0, -1, -1},       // too early for a rate
		{1400, 40, 0, 100, -1},     // warm-up: flushes, no commits
		{1600, 60, 50, 100, 500},   // commits since the interval began
		{2500, 150, 500, 100, 500}, // the moments before 1.5 s count no more
		{2500, 150, 500, 100, 500}, // somebody else looks at the same moment
		{9000, 150, 500, 0, 0},     // since the last look, though that is long ago
	} {
		if f, tps := look(c.at, c.flushes, c.commits); math.Abs(f-c.flushPerS) > 1e-6 || math.Abs(tps-c.tps) > 1e-6 {
			t.Errorf("at %d ms: %v flushes/s, %v commits/s; want %v, %v", c.at, f, tps, c.flushPerS, c.tps)
		}
	}
	for i := range int64(1000) { // memory does not grow with the readers
		look(9000+i, 0, 0)
	}
	if len(r.seen) > 20 {
		t.Errorf("%d moments are kept", len(r.seen))
	}
	next := *p
	next.step = boardStep{number: 2, at: 10_000 * ms}
	p = &next
	if f, _ := look(10_500, 5, 0); f != 10 {
		t.Errorf("the next step begins with %v flushes/s; want 10", f)
	}
}

// TestBoardLeave holds that clients count for readers while somebody looks, and no
// longer.
func TestBoardLeave(t *testing.T) {
	b, from := NewBoard(), clock.Now()
	w := metrics.Window{From: from, Until: from + int64(time.Hour)}
	b.begin("leave")
	b.plan(vfs.NewOS(), 1, 1, time.Second)
	// counted is how many of a second's commits a new cell's readers get to see.
	counted := func(readers func()) int64 {
		set := metrics.NewRecorderSet(metrics.RecorderConfig{Workers: 1, Window: w})
		b.measures(w, set, nil)
		readers()
		for i := range int64(1000) {
			set.Worker(0).Record(from+i*int64(time.Millisecond), 1000)
		}
		return set.Live(from + int64(time.Second)).P99.Above
	}
	look := func() { b.Snapshot() }
	for _, c := range []struct {
		name    string
		readers func()
		want    bool
	}{
		{"nobody has looked", func() {}, false},
		{"somebody looks", look, true},
		{"somebody looked at the last cell", func() {}, true},
		{"who looked has left", b.Leave, false},
		{"who looked left in the last cell", func() {}, false},
		{"somebody else looks", func() { b.Leave(); look() }, true},
	} {
		if got := counted(c.readers); (got > 0) != c.want {
			t.Errorf("%s: %d commits counted for readers; want some: %v", c.name, got, c.want)
		}
	}
}

// BenchmarkSnapshot is what a look at a cell of 8 clients takes of a processor.
func BenchmarkSnapshot(b *testing.B) {
	board, from := NewBoard(), clock.Now()
	w := metrics.Window{From: from, Until: from + int64(time.Hour)}
	board.begin("bench")
	board.plan(vfs.NewOS(), 1, 1, time.Second)
	set := metrics.NewRecorderSet(metrics.RecorderConfig{Workers: 8, Window: w})
	board.begins(boardStep{number: 1}, result.PhaseSetup)
	board.of(&result.Cell{Name: "cell"}, 1)
	board.measures(w, set, nil)
	b.ReportAllocs()
	for b.Loop() {
		board.readers.p99.at = 0 // the percentile is worth 200 ms; all frames but few take it anew
		board.Snapshot()
	}
}
