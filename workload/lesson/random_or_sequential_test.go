package lesson

import (
	"fmt"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/target/embedded"
)

// TestRandomOrSequential measures on a disk whose flushes take 1 ms and whose bytes
// pass at 100 MB/s, where forced pages must be slower.
func TestRandomOrSequential(t *testing.T) {
	t.Parallel()
	attempts(t, func(stretch int) string { return wrongDurables(t, 0.1*float64(stretch)) })
}

// wrongDurables tells the lesson on that disk and returns what it measured wrongly.
func wrongDurables(t *testing.T, scale float64) string {
	t.Helper()
	env := testEnv(t, scale)
	env.disk = vfs.NewSlow(vfs.NewMem(), vfs.Latency{Floor: time.Millisecond, BytesPerSecond: 100e6})
	env.Dir = "/" // of that disk
	out := tell(t, randomOrSequential(), env)
	if out.Outcome != result.LessonHolds {
		return fmt.Sprintf("outcome %q: %s", out.Outcome, out.Measured)
	}
	for _, setting := range []string{"pool_4m_doublewrite_on", "pool_4m_doublewrite_off", "pool_32m_doublewrite_on", "pool_32m_doublewrite_off"} {
		redo, _ := out.Figure("bytes_per_commit_redo_" + setting)
		pages, _ := out.Figure("bytes_per_commit_pages_" + setting)
		if redo <= 0 || pages <= redo {
			return fmt.Sprintf("%s: %v bytes a commit with a redo log, %v without; want more without", setting, redo, pages)
		}
	}
	on, _ := out.Figure("bytes_per_commit_pages_pool_32m_doublewrite_on")
	off, _ := out.Figure("bytes_per_commit_pages_pool_32m_doublewrite_off")
	if on < 1.5*off {
		return fmt.Sprintf("forced pages: %v bytes a commit with doublewrite, %v without; want about twice", on, off)
	}
	return ""
}

// TestJudgeDurables: what decides the claim, on rounds that were made up.
func TestJudgeDurables(t *testing.T) {
	for _, c := range []struct {
		gains [][]float64 // by setting, by round
		want  string
	}{
		{[][]float64{{3, 2, 4}, {1.5, 9, 9}, {2, 2, 2}, {2, 2, 2}}, result.LessonHolds},
		{[][]float64{{3, 2, 4}, {1.4, 9, 9}, {2, 2, 2}, {2, 2, 2}}, result.LessonNotTestable},
		{[][]float64{{3, 2, 4}, {1, 0.9, 0.5}, {2, 2, 2}, {2, 2, 2}}, result.LessonDoesNotHold},
		{[][]float64{{3, 2, 4}, {1, 0.9, 1.1}, {2, 2, 2}, {2, 2, 2}}, result.LessonNotTestable},
		{[][]float64{{3}, {}, {2}, {2}}, result.LessonNotTestable},
	} {
		all := durables()
		for i, gains := range c.gains {
			for _, g := range gains {
				all[2*i].rounds = append(all[2*i].rounds, durableRound{tps: 100, bytes: 40000})
				all[2*i+1].rounds = append(all[2*i+1].rounds, durableRound{tps: 100 * g, bytes: 1000})
			}
		}
		if out := judgeDurables((&Env{}).Story(), all); out.Outcome != c.want {
			t.Errorf("gains %v: %q; want %q", c.gains, out.Outcome, c.want)
		}
	}
	for i, x := range durables() {
		if want := []engine.Durability{engine.DurabilityForcePages, engine.DurabilityRedo}[i%2]; x.how != want {
			t.Errorf("setting %d commits to %v; want %v, so that neighbours are a pair", i, x.how, want)
		}
	}
}

// TestDurableBytes: a redo log puts page writes off, and they count all the same: each
// row is on a page that is written before the database is closed.
func TestDurableBytes(t *testing.T) {
	t.Parallel()
	env := testEnv(t, 0.1)
	env.disk, env.Dir = vfs.NewMem(), "/"
	x := &durable{how: engine.DurabilityRedo, pool: largePool, noDoublewrite: true}
	g, err := workload.NewGenerator(1, workload.Spec{Kind: workload.KindUpdate, Rows: uint64(env.Count(pagesRows)), RowBytes: workload.DefaultRowBytes}, pagesClients)
	if err != nil {
		t.Fatal(err)
	}
	o := x.options(env)
	if o.Dir, err = env.Folder("pages"); err != nil {
		t.Fatal(err)
	}
	if err := embedded.CreateDatabase(o, g); err != nil {
		t.Fatal(err)
	}
	attempts(t, func(stretch int) string {
		before := env.disk.Counts()
		r, err := durableRoundOf(t.Context(), &o, g, 1, time.Duration(stretch)*50*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if r.commits == 0 {
			return "nothing was committed: the machine stood still"
		}
		if all := env.disk.Counts().Sub(before); r.bytes*r.commits < 0.999*float64(all.Bytes) {
			t.Errorf("%v bytes for each of %v commits; the disk got %d in all", r.bytes, r.commits, all.Bytes)
		}
		return ""
	})
}
