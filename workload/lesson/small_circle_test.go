package lesson

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload/scenario"
)

// circleLesson is the lesson with a load that a test has time for.
func circleLesson(duration time.Duration, capacities ...scenario.Size) Lesson {
	l := smallCircle()
	l.Run = func(ctx context.Context, env *Env) (*result.Lesson, error) {
		return tellSmallCircle(ctx, env, circle{capacities: capacities, left: []scenario.Size{1 << 30}, clients: 4, rows: 30_000, duration: duration, rounds: 1})
	}
	return l
}

// Without room in the log clients wait, with room they do not.
func TestSmallCircle(t *testing.T) {
	attempts(t, func(stretch int) string {
		out := tell(t, circleLesson(time.Duration(stretch)*250*time.Millisecond, 384<<10, 64<<20), testEnv(t, 1))
		small, _ := out.Figure("wait_share_384_kib")
		large, _ := out.Figure("wait_share_64_mib")
		if laps, _ := out.Figure("laps_64_mib"); laps == 0 {
			return "nothing was committed with 64 MiB: the machine stood still"
		}
		if small >= 0.01 && out.Outcome != result.LessonHolds {
			return fmt.Sprintf("outcome %q (%s): want %q", out.Outcome, out.Why, result.LessonHolds)
		}
		if len(out.Tables) != 1 || len(out.Tables[0].Rows) != 2 || len(out.Limits) != 1 {
			t.Errorf("tables %+v, limits %q: want both logs, and what was left out", out.Tables, out.Limits)
		}
		if small <= large || large > 0.01 {
			return fmt.Sprintf("clients wait for %v of their time in 384 KiB and %v in 64 MiB (%s); want more in the small one, and next to nothing in the large", small, large, out.Measured)
		}
		return ""
	})
}

// circled is a result of made-up rounds: one share of waiting and as many laps for each
// capacity, from 4 MiB on, each four times the one before.
func circled(waits, laps []float64) *result.Result {
	r := &result.Result{}
	for i := range waits {
		mib := int64(4) << (2 * i)
		c := result.Cell{Params: result.Params{Workload: "update", Policy: "1", Clients: 4, LogCapacityBytes: mib << 20}}
		for n := range 5 {
			c.Rounds = append(c.Rounds, result.Round{Round: n + 1, DurationS: 1, TPS: 1000, Database: &result.Database{RedoBytes: int64(laps[i] * float64(mib<<20)), FreeCheckNS: int64(waits[i] * 4e9)}})
		}
		r.Cells = append(r.Cells, c)
	}
	return r
}

// The judge says no more than the rounds show.
func TestSmallCircleJudged(t *testing.T) {
	for name, c := range map[string]struct {
		waits, laps []float64
		outcome     string
		why, advice string
	}{
		"waits in the small one":           {[]float64{0.3, 0.02, 0}, []float64{9, 5, 2}, result.LessonHolds, "ends at the checkpoint", "64 MiB"},
		"the large one not gone round":     {[]float64{0.3, 0}, []float64{9, 0.5}, result.LessonHolds, "ends at the checkpoint", ""},
		"nothing logged in the large one":  {[]float64{0.3, 0}, []float64{9, 0}, result.LessonNotTestable, "every log that was written to", ""},
		"waits in all":                     {[]float64{0.3, 0.2}, []float64{9, 5}, result.LessonNotTestable, "every log", ""},
		"nobody waits":                     {[]float64{0, 0}, []float64{9, 5}, result.LessonDoesNotHold, "page cleaner", "4 MiB"},
		"not even the smallest gone round": {[]float64{0, 0}, []float64{0.9, 0.2}, result.LessonNotTestable, "too slow", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := (&Env{}).Story()
			out, err := s.circleJudged(circled(c.waits, c.laps), &circle{left: []scenario.Size{1 << 30}})
			if err != nil {
				t.Fatal(err)
			}
			if out.Outcome != c.outcome || !strings.Contains(out.Why, c.why) {
				t.Errorf("outcome %q: %s; want %q, %q", out.Outcome, out.Why, c.outcome, c.why)
			}
			// Also where no round of the largest log has logged anything.
			rate := c.laps[len(c.laps)-1] > 0
			if len(out.Limits) != 1 || !strings.HasPrefix(out.Limits[0], "1 GiB to 1 GiB were left out") || strings.Contains(out.Limits[0], "MB/s") != rate {
				t.Errorf("limits %q; want what was left out, with the rate of the log: %v", out.Limits, rate)
			}
			if (out.Advice == "") != (c.advice == "") || !strings.Contains(out.Advice, c.advice) {
				t.Errorf("advice %q; want %q in it", out.Advice, c.advice)
			}
			for _, wrong := range flaws(out) {
				t.Error(wrong)
			}
		})
	}
	if _, err := (&Env{}).Story().circleJudged(circled([]float64{0}, []float64{9}), &circle{}); err == nil {
		t.Error("one capacity was judged")
	}
}

// Counted over a group or a commit, by the counts alone.
func TestBatchWords(t *testing.T) {
	for want, c := range map[string][2]float64{
		"a write a commit, a flush a commit": {1, 1},
		"a write a group, a flush a commit":  {0.02, 0.999},
		"a write a group, a flush a group":   {0.03, 0.03},
		"a write a commit, no flush":         {0.9, 0},
	} {
		if got := batchWords(c[0], c[1]); got != want {
			t.Errorf("batchWords(%v) = %q; want %q", c, got, want)
		}
	}
}

// A short telling on a real disk: each layer's batch is what the counts say.
func TestBuffers(t *testing.T) {
	l := buffers()
	l.Run = func(ctx context.Context, env *Env) (*result.Lesson, error) {
		return tellBuffers(ctx, env, []scenario.Size{64 << 10, bufferDefault, 64 << 20}, 8)
	}
	attempts(t, func(stretch int) string {
		out := tell(t, l, testEnv(t, 0.1*float64(stretch)))
		if stretch == 1 && out.Outcome != result.LessonNotTestable {
			t.Errorf("outcome %q of one round; want %q", out.Outcome, result.LessonNotTestable)
		}
		for name, want := range map[string]bool{ // a flush of its own for nearly every commit
			"flushes_per_commit_policy_1_serial_8": true, "flushes_per_commit_policy_1_dedicated_8": false, "flushes_per_commit_policy_2_dedicated_8": false,
		} {
			if got, ok := out.Figure(name); !ok || (got > 0.9) != want {
				return fmt.Sprintf("%s = %v, %v; want about 1: %v", name, got, ok, want)
			}
		}
		return ""
	})
}
