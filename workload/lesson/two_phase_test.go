package lesson

import (
	"fmt"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
)

// Between the logs, each crash leaves the row in the one that comes first, and with
// two-phase commit the same in both.
func TestStepsBetweenTheLogs(t *testing.T) {
	for _, p := range groupcommit.Protocols.All() {
		c := stepCount{protocol: p}
		if err := c.crash(t.Context(), testEnv(t, 1).Story(), 4, 1); err != nil {
			t.Fatal(err)
		}
		ahead := [2]int{c.engineAhead, c.binlogAhead}
		want := map[groupcommit.Protocol][2]int{groupcommit.TwoPhase: {}, groupcommit.RedoFirst: {c.crashes, 0}, groupcommit.BinlogFirst: {0, c.crashes}}[p]
		if ahead != want || c.crashes < 4*len(vfs.CrashKinds.All()) {
			t.Errorf("%v: the engine is ahead after %d, the binlog after %d of %d crashes; want %v", p, ahead[0], ahead[1], c.crashes, want)
		}
	}
}

// At random moments 20 crashes are enough to see each protocol's divergence, and of
// no other kind; 200 are not with two-phase commit. Nothing that was acknowledged is
// lost by any.
func TestStepsAtRandom(t *testing.T) {
	for p, n := range map[groupcommit.Protocol]int{groupcommit.TwoPhase: 200, groupcommit.RedoFirst: 20, groupcommit.BinlogFirst: 20} {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			if n > 20 {
				n = crashes(n)
			}
			attempts(t, func(stretch int) string { return wrongDivergence(t, p, n, uint64(stretch)) })
		})
	}
}

// wrongDivergence crashes a bank n times and returns what it has not met: where it
// stands at the moment of a crash is up to the scheduler. What must never be fails at
// once.
func wrongDivergence(t *testing.T, p groupcommit.Protocol, n int, seed uint64) string {
	t.Helper()
	c, err := crashBank(t.Context(), p, n, seed)
	if err != nil {
		t.Fatal(err)
	}
	if c.crashes != n {
		t.Errorf("%d crashes; want %d", c.crashes, n)
	}
	if c.engineAhead > 0 && p != groupcommit.RedoFirst || c.binlogAhead > 0 && p != groupcommit.BinlogFirst {
		t.Errorf("%d crashes: the engine is ahead after %d, the binlog after %d", n, c.engineAhead, c.binlogAhead)
	}
	ahead := c.engineAhead+c.binlogAhead > 0
	if (c.first != "") != ahead {
		t.Errorf("the first row that differs: %q", c.first)
	}
	if c.lost > 0 {
		t.Errorf("%d acknowledged transactions are lost", c.lost)
	}
	if ahead != (p != groupcommit.TwoPhase) {
		return fmt.Sprintf("no log is ahead after %d crashes", n)
	}
	return ""
}

// crashes is how many crashes a test makes of n: under the race detector each takes ten
// times as long.
func crashes(n int) int {
	if yield.Enabled {
		return max(4, n/6)
	}
	return n
}

func TestTwoPhaseLesson(t *testing.T) {
	t.Parallel()
	attempts(t, func(stretch int) string {
		if out := tell(t, twoPhase(), testEnv(t, 0.1*float64(stretch))); out.Outcome != result.LessonHolds {
			return fmt.Sprintf("it %s: %s", out.Outcome, out.Measured)
		}
		return ""
	})
}

// A process on a real disk, killed between the logs; as root with the file system
// below it.
func TestStepsOnARealDisk(t *testing.T) {
	t.Parallel()
	for _, root := range []bool{false, true} {
		t.Run(fmt.Sprintf("root=%v", root), func(t *testing.T) {
			t.Parallel()
			if root {
				needRoot(t)
			}
			attempts(t, func(stretch int) string {
				env := testEnv(t, 0.3*float64(stretch))
				env.Root = root
				all, err := crashBetween(t.Context(), env, env.Story())
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range all {
					if !x.right() || x.apart() && x.first == "" {
						t.Errorf("%+v", x)
					}
					if x.acked == 0 {
						return fmt.Sprintf("%+v: nothing was acknowledged before the crash", x)
					}
				}
				return ""
			})
		})
	}
}
