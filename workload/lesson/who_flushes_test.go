package lesson

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
	"flushbench/workload/crash/lab"
	"flushbench/workload/writeback"
)

// needCachestat returns a folder on a real disk, or skips a test where the page cache
// cannot be asked.
func needCachestat(t *testing.T) (dir string) {
	t.Helper()
	dir = testenv.OnDisk(t)
	l, err := writeback.Create(writeback.Options{FS: vfs.NewOS(), Path: filepath.Join(dir, "log"), Records: 1})
	if errors.Is(err, writeback.ErrUnsupported) {
		testenv.Lack(t, err)
	}
	if err == nil {
		err = errors.Join(l.Close(), os.Remove(filepath.Join(dir, "log")))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// As an ordinary user: without a timer the kernel keeps everything back for as long
// as the lesson looks, with one no byte gets older than its interval and a little.
func TestWhoFlushesWithoutRoot(t *testing.T) {
	dir := needCachestat(t)
	attempts(t, func(stretch int) string {
		env := testEnvIn(t, dir, heldScale(stretch))
		out := tell(t, whoFlushes(), env)
		if len(out.Crashes) != 0 || len(out.Limits) == 0 {
			t.Errorf("crashes %v, limits %q: want none, and that said", out.Crashes, out.Limits)
		}
		if out.Outcome != result.LessonDoesNotHold {
			return fmt.Sprintf("outcome %q (%s): want %q", out.Outcome, out.Measured, result.LessonDoesNotHold)
		}
		held, _ := out.Figure("held_back_max")
		timer, _ := out.Figure("held_back_max_timer")
		if held < 0.8*float64(env.Scaled(heldLife)) {
			return fmt.Sprintf("without a flush the oldest byte was held back for %v; want nearly %v", time.Duration(held), env.Scaled(heldLife))
		}
		if timer <= 0 || timer > held/2 {
			return fmt.Sprintf("with a timer the oldest byte was held back for %v; want about %v, far below %v", time.Duration(timer), env.Scaled(time.Second), time.Duration(held))
		}
		return ""
	})
}

// heldScale is 0.04 at first: a second is 40 ms, the load 1.6 s. A machine that is short
// of memory writes back what nobody flushed, and one that stands still flushes late; the
// longer the load the less that is.
func heldScale(stretch int) float64 { return 0.02 * float64(1+stretch) }

// A crash of the kernel takes what the kernel held back, which is everything here; with
// the timer it takes no more than that leaves.
func TestWhoFlushesCrashes(t *testing.T) {
	dir := needCachestat(t)
	needRoot(t)
	attempts(t, func(stretch int) string { return wrongHeld(t, dir, heldScale(stretch)) })
}

// wrongHeld tells the lesson of crashes on ext4 and returns what they took wrongly.
func wrongHeld(t *testing.T, dir string, scale float64) string {
	t.Helper()
	env := testEnvIn(t, dir, scale)
	env.Root = true
	files := map[vfs.Growth]int{vfs.GrowZero: 2, vfs.GrowAppend: 2}
	life := env.Scaled(heldLife)
	places := []*place{
		{name: "ext4", kind: vfs.CrashOS, fs: lab.Ext4, files: files, life: life},
		{name: "ext4", kind: vfs.CrashOS, fs: lab.Ext4, files: files, life: life, timer: env.Scaled(time.Second)},
	}
	lesson := whoFlushes()
	lesson.Run = runOf(places)
	out := tell(t, lesson, env)
	if len(out.Crashes) != 1 || out.Crashes[0].Count != 2 || len(out.Tables) != 3 {
		t.Errorf("crashes %+v, %d tables; want 2 on ext4, 3", out.Crashes, len(out.Tables))
	}
	if out.Outcome != result.LessonDoesNotHold {
		return fmt.Sprintf("outcome %q; want %q", out.Outcome, result.LessonDoesNotHold)
	}
	for _, l := range places[0].logs {
		if l.gone != l.Records() || l.lost < life*8/10 {
			return fmt.Sprintf("%s: %d of %d records are gone, the oldest %v old; want all, of %v", l.path, l.gone, l.Records(), l.lost, life)
		}
	}
	for _, l := range places[1].logs {
		if l.gone > l.Records()/2 || l.lost > life/2 {
			return fmt.Sprintf("%s: with a timer of %v %d of %d records are gone, the oldest %v old", l.path, places[1].timer, l.gone, l.Records(), l.lost)
		}
	}
	return ""
}

func runOf(places []*place) func(context.Context, *Env) (*result.Lesson, error) {
	return func(ctx context.Context, env *Env) (*result.Lesson, error) { return tellWhoFlushes(ctx, env, places) }
}
