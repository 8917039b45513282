package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/workdir"
)

// cellSteps are the steps of a run without calibration and preparation, as
// "round cell".
func cellSteps(s *steps) []string {
	var out []string
	for _, w := range s.what {
		if rest, ok := strings.CutPrefix(w, "round "); ok {
			out = append(out, rest)
		}
	}
	return out
}

func TestRunResult(t *testing.T) {
	cfg := diskConfig(t, smallPlan(2))
	s := &steps{}
	cfg.Progress = s
	counts := watch(&cfg)
	res, folder := mustRun(t, cfg)
	if !res.Complete || res.Interrupted || res.Error != "" || res.Finished == nil || res.Seed != 7 || res.Kind != result.KindRun {
		t.Errorf("complete %v, interrupted %v, error %q, finished %v, seed %d", res.Complete, res.Interrupted, res.Error, res.Finished, res.Seed)
	}
	if err := sameResult(res, saved(t, folder)); err != nil {
		t.Error(err)
	}
	for i := range res.Cells {
		c := &res.Cells[i]
		if c.Partial || !slices.Equal(numbers(c), []int{1, 2}) || c.Summary == nil || c.Bound == result.BoundUnknown || c.Durability.Words == "" {
			t.Errorf("%s: partial %v, rounds %v, bound %s, summary %v, tier %q", c.Name, c.Partial, numbers(c), c.Bound, c.Summary != nil, c.Durability.Words)
		}
		for k := range c.Rounds {
			checkRound(t, c, &c.Rounds[k])
		}
	}
	if res.Limit == nil || len(res.Limit.Rounds) != 2 || res.Limit.FlushPerS.Median <= 0 {
		t.Errorf("limit %+v", res.Limit)
	}
	if got := int64(counts().Bytes); res.BytesWritten != got || res.BytesPlanned < got || s.bytes != res.BytesPlanned {
		t.Errorf("%d bytes written, the result says %d, planned %d, said %d", got, res.BytesWritten, res.BytesPlanned, s.bytes)
	}
	if len(s.what) != 2*4 {
		t.Errorf("steps %q; want 8", s.what)
	}
}

// checkRound holds what is true of every finished round.
func checkRound(t *testing.T, c *result.Cell, r *result.Round) {
	t.Helper()
	if r.Partial || r.Commits < 0 || r.Errors != 0 || r.Verify == nil || !r.Verify.OK || r.Verify.Error != "" || r.Limit.FlushPerS <= 0 || r.Order < 1 {
		t.Errorf("%s, round %d: partial %v, %d commits, %d errors, verify %+v, limit %+v, place %d", c.Name, r.Round, r.Partial, r.Commits, r.Errors, r.Verify, r.Limit, r.Order)
	}
	if r.Flushes.Syscalls != r.Flushes.Fsync+r.Flushes.Fdatasync+r.Flushes.DsyncWrites {
		t.Errorf("%s, round %d: flush calls do not add up: %+v", c.Name, r.Round, r.Flushes)
	}
	var asked int64
	for _, n := range r.Flushes.ByReason {
		asked += n
	}
	if asked != r.Flushes.Asked {
		t.Errorf("%s, round %d: the reasons add up to %d, asked %d", c.Name, r.Round, asked, r.Flushes.Asked)
	}
	var commits, groups int64
	for _, b := range r.GroupSizes {
		commits, groups = commits+b.Commits, groups+b.Groups
	}
	// A hypervisor or a load that takes the processor away shifts the edges of an
	// interval; of a load the round warns.
	shifted := r.StealPercent > 5 || len(r.Warnings) > 0
	if groups != r.Groups || c.Params.Policy == "1" && groups == 0 && r.Commits > 2*int64(c.Params.Clients) && !shifted {
		t.Errorf("%s, round %d: the buckets hold %d groups of %d", c.Name, r.Round, groups, r.Groups)
	}
	if c.Params.Policy == "1" && commits < groups {
		t.Errorf("%s, round %d: %d groups hold %d commits", c.Name, r.Round, groups, commits)
	}
}

// sameResult compares a result with its file in what must survive saving.
func sameResult(a, b *result.Result) error {
	if a.Complete != b.Complete || a.Error != b.Error || a.FlushSyscalls != b.FlushSyscalls || a.BytesWritten != b.BytesWritten || len(a.Cells) != len(b.Cells) {
		return errors.New("the saved result differs from the returned one")
	}
	for i := range a.Cells {
		if !reflect.DeepEqual(numbers(&a.Cells[i]), numbers(&b.Cells[i])) || a.Cells[i].Params != b.Cells[i].Params {
			return errors.New("the saved cell " + a.Cells[i].Name + " differs from the returned one")
		}
	}
	return nil
}

// The same seed gives the same order; the rounds are interleaved, each with
// every cell and the limit loop once, and not all in the same order.
func TestSeededOrder(t *testing.T) {
	t.Parallel()
	testenv.Long(t, "the order of cells, which one goroutine makes")
	order := func(seed uint64) []string {
		p := smallPlan(4)
		p.Seed = seed
		for i := range p.Specs {
			p.Specs[i].Warmup, p.Specs[i].Duration = 0, 2*time.Millisecond
		}
		p.Limit = time.Millisecond
		cfg := config(t, p)
		s := &steps{}
		cfg.Progress = s
		mustRun(t, cfg)
		return cellSteps(s)
	}
	a, again, other := order(7), order(7), order(8)
	if !slices.Equal(a, again) {
		t.Errorf("seed 7 gave\n%q and then\n%q", a, again)
	}
	if slices.Equal(a, other) {
		t.Errorf("seeds 7 and 8 gave the same order: %q", a)
	}
	orders := map[string]bool{}
	for n := range 4 {
		var cells []string
		for _, s := range a[4*n : 4*n+4] {
			_, what, _ := strings.Cut(s, ": ")
			cells = append(cells, what)
		}
		orders[strings.Join(cells, " ")] = true
		slices.Sort(cells)
		if want := []string{"four", "limit of the disk, fdatasync", "one", "two"}; !slices.Equal(cells, want) {
			t.Errorf("round %d has %q; want each of %q once", n+1, cells, want)
		}
	}
	if len(orders) < 2 {
		t.Errorf("every round has the same order: %v", orders)
	}
}

// What a run writes is never more than it said, whatever the axes.
func TestPlannedBytesBoundWritten(t *testing.T) {
	t.Parallel()
	testenv.Long(t, "counts bytes, however they come about")
	for _, c := range []struct {
		name   string
		change func(*Plan)
	}{
		{"fdatasync", func(*Plan) {}},
		{"o_direct", func(p *Plan) {
			for i := range p.Specs {
				p.Specs[i].Engine.Method = vfs.DirectFdatasync
			}
		}},
		{"append", func(p *Plan) {
			for i := range p.Specs {
				p.Specs[i].Engine.Growth = vfs.GrowAppend
			}
		}},
		{"large records", func(p *Plan) {
			for i := range p.Specs {
				p.Specs[i].Sizes = workload.FixedSize(100 << 10)
			}
		}},
		{"paced auto only", func(p *Plan) {
			p.Calibrate = 200 * time.Millisecond
			for i := range p.Specs {
				p.Specs[i].AutoRate = true
				p.Specs[i].Duration = 100 * time.Millisecond
			}
		}},
		{"two limits", func(p *Plan) {
			p.Specs[0].Sizes, p.Limit = workload.FixedSize(64<<10), 50*time.Millisecond
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := smallPlan(1)
			c.change(&p)
			cfg := diskConfig(t, p) // the estimate knows that flushes take time
			counts := watch(&cfg)
			res, _, err := Run(context.Background(), cfg)
			var refusal *workdir.Refusal
			if errors.As(err, &refusal) {
				testenv.Lack(t, err.Error())
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := int64(counts().Bytes); got > res.BytesPlanned || got != res.BytesWritten {
				t.Errorf("%d bytes written, result %d, planned %d", got, res.BytesWritten, res.BytesPlanned)
			}
		})
	}
}

// An interrupted run keeps what is finished; resumed, it holds what an
// uninterrupted one holds.
func TestInterruptAndResume(t *testing.T) {
	t.Parallel()
	step := 2
	if testing.Short() {
		step = 6
	}
	for stop := 1; stop <= 8; stop += step {
		cfg := config(t, smallPlan(2))
		ctx, cancel := context.WithCancel(context.Background())
		cfg.Progress = &steps{on: func(i int) {
			if i == stop {
				cancel()
			}
		}}
		res, folder, err := Run(ctx, cfg)
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at step %d: error %v; want context.Canceled", stop, err)
		}
		empty(t, cfg.Base)
		first := saved(t, folder)
		if first.Complete || !first.Interrupted || res.Complete || first.Error != "" {
			t.Errorf("stopped at step %d: complete %v, interrupted %v, error %q", stop, first.Complete, first.Interrupted, first.Error)
		}
		before, kept := map[string]float64{}, 0
		for i := range first.Cells {
			c := &first.Cells[i]
			kept += fullRounds(c)
			for _, r := range c.Rounds {
				if !r.Partial {
					before[c.Name+string(rune('0'+r.Round))] = r.TPS
				}
			}
			if fullRounds(c) < 2 && !c.Partial {
				t.Errorf("stopped at step %d: %s has %d rounds and is not partial", stop, c.Name, fullRounds(c))
			}
		}
		if want := stop - 1 - (stop+3)/4; kept < want {
			t.Errorf("stopped at step %d: %d rounds of cells kept; want at least %d", stop, kept, want)
		}
		resumed := cfg
		resumed.Resume, resumed.Progress = folder, &steps{}
		resumed.Plan = smallPlan(2)
		resumed.Plan.Seed = 99 // the first run's seed holds
		counts := watch(&resumed)
		done, where := mustRun(t, resumed)
		if where != folder || !done.Complete || done.Interrupted || done.Seed != 7 {
			t.Errorf("resumed into %s: complete %v, interrupted %v, seed %d", where, done.Complete, done.Interrupted, done.Seed)
		}
		if done.BytesWritten != first.BytesWritten+int64(counts().Bytes) {
			t.Errorf("resumed: %d bytes written; want %d of before and %d", done.BytesWritten, first.BytesWritten, counts().Bytes)
		}
		if a, b := done.FlushSyscalls.Total(), first.FlushSyscalls.Total(); a.Fsync <= b.Fsync || done.FlushSyscalls.Result.Fsync <= first.FlushSyscalls.Result.Fsync {
			t.Errorf("resumed: flush calls %+v; want those of before (%+v) and more", done.FlushSyscalls, first.FlushSyscalls)
		}
		if len(done.Limit.Rounds) != 2 {
			t.Errorf("resumed: %d rounds of the limit", len(done.Limit.Rounds))
		}
		for i := range done.Cells {
			c := &done.Cells[i]
			if c.Partial || !slices.Equal(numbers(c), []int{1, 2}) {
				t.Errorf("stopped at step %d and resumed: %s has rounds %v, partial %v", stop, c.Name, numbers(c), c.Partial)
			}
			for k := range c.Rounds {
				checkRound(t, c, &c.Rounds[k])
				if tps, ok := before[c.Name+string(rune('0'+c.Rounds[k].Round))]; ok && tps != c.Rounds[k].TPS {
					t.Errorf("%s, round %d was measured again", c.Name, c.Rounds[k].Round)
				}
			}
		}
	}
}

// A run cancelled in its very last cell, even in the warm-up, is not complete.
func TestInterruptInLastStep(t *testing.T) {
	p := smallPlan(1)
	for i := range p.Specs {
		p.Specs[i].Warmup = 50 * time.Millisecond
	}
	cfg := config(t, p)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cfg.Progress = &steps{on: func(i int) {
		if i == 4 {
			cancel()
		}
	}}
	res, _, err := Run(ctx, cfg)
	if !errors.Is(err, context.Canceled) || res.Complete || !res.Interrupted {
		t.Errorf("error %v, complete %v, interrupted %v; want context.Canceled, false, true", err, res.Complete, res.Interrupted)
	}
}

func TestResumeRefusals(t *testing.T) {
	cfg := config(t, smallPlan(1))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cfg.Progress = &steps{on: func(i int) {
		if i == 2 {
			cancel()
		}
	}}
	_, folder, err := Run(ctx, cfg)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		plan       func(*Plan)
		change     func(*result.Result)
	}{
		{"complete", "is complete", nil, func(r *result.Result) { r.Complete = true }},
		{"other host", "rounds of two disks do not mix", nil, func(r *result.Result) { r.Environment.Host = "elsewhere" }},
		{"other disk", "rounds of two disks do not mix", nil, func(r *result.Result) { r.Environment.Device.Name = "sdx" }},
		{"fewer cells", "has 3 cells, these flags give 2", func(p *Plan) { p.Specs = p.Specs[:2] }, nil},
		{"other cell", "has the cell two where these flags give else", func(p *Plan) { p.Specs[2].Name = "else" }, nil},
		{"other record size", "other settings", func(p *Plan) { p.Specs[1].Sizes = workload.FixedSize(512) }, nil},
		{"other duration", "other settings", func(p *Plan) { p.Specs[1].Duration *= 2 }, nil},
		{"a probe", "is no run", nil, func(r *result.Result) { r.Kind = result.KindProbe }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := smallPlan(1)
			if c.plan != nil {
				c.plan(&p)
			}
			old := saved(t, folder)
			if c.change != nil {
				c.change(old)
			}
			var s result.Saver
			dir := t.TempDir()
			if err := s.Save(dir, old); err != nil {
				t.Fatal(err)
			}
			again := config(t, p)
			again.Resume = dir
			_, _, err := Run(context.Background(), again)
			var refusal *workdir.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want a refusal with %q", err, c.want)
			}
			empty(t, again.Base)
		})
	}
	again := config(t, smallPlan(1))
	again.Resume = t.TempDir()
	if _, _, err := Run(context.Background(), again); err == nil {
		t.Error("resumed from an empty folder")
	}
	empty(t, again.Base)
}

// TestResumeWithoutAResult: a folder that is none, or holds no result, is the user's
// mistake and no failure.
func TestResumeWithoutAResult(t *testing.T) {
	work := t.TempDir()
	for name, want := range map[string]string{"missing": "nothing to resume", "empty": "nothing to resume", "half": "cannot be resumed"} {
		folder := filepath.Join(work, name)
		if name != "missing" {
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if name == "half" {
			if err := os.WriteFile(filepath.Join(folder, result.FileName), []byte(`{"schema": 1, "kind": "run"`), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg := config(t, smallPlan(1))
		cfg.Resume = folder
		_, _, err := Run(t.Context(), cfg)
		var refusal *workdir.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), folder) {
			t.Errorf("%s: %v; want a refusal with %q", name, err, want)
		}
	}
}

func TestRunRefusesAnEmptyPlan(t *testing.T) {
	if _, folder, err := Run(context.Background(), Config{}); err == nil || folder != "" {
		t.Errorf("Run of nothing: %q, %v", folder, err)
	}
}

// The write budget ends a cell, and never is more written than it allows.
func TestWriteBudget(t *testing.T) {
	t.Parallel()
	testenv.Long(t, "counts bytes, however they come about")
	for _, m := range []vfs.Method{vfs.Fdatasync, vfs.DirectFdatasync} {
		for _, tail := range []bool{false, true} {
			p := smallPlan(200) // a slow machine needs more of them to write so much
			for i := range p.Specs {
				p.Specs[i].Engine.Method, p.Specs[i].Duration = m, 150*time.Millisecond
				if tail {
					p.Specs[i].Engine.Tail = 1
				}
			}
			p.Specs = append(p.Specs, spec("zero", groupcommit.Policy0, 4))
			p.Specs[3].Engine.Method = m
			cfg := config(t, p)
			cfg.MaxWriteBytes = p.needBytes() + 4<<20
			counts := watch(&cfg)
			res, folder, err := Run(context.Background(), cfg)
			var refusal *workdir.Refusal
			if errors.As(err, &refusal) {
				testenv.Lack(t, err.Error())
			}
			if err != nil {
				t.Fatalf("%v: %v; want cells that end early", m, err)
			}
			empty(t, cfg.Base)
			if got := int64(counts().Bytes); got > cfg.MaxWriteBytes || res.BytesPlanned > cfg.MaxWriteBytes {
				t.Errorf("%v, pad %v: %d bytes written, %d planned, limit %d", m, tail, got, res.BytesPlanned, cfg.MaxWriteBytes)
			}
			ended := 0
			for i := range res.Cells {
				if res.Cells[i].Bound == result.BoundWriteBudget {
					ended++
				}
			}
			if ended == 0 || saved(t, folder).Complete {
				t.Errorf("%v, pad %v: %d cells bound by the budget, complete %v", m, tail, ended, res.Complete)
			}
		}
	}
}
