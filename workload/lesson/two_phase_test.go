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
			c, err := crashBank(t.Context(), p, n, 1)
			if err != nil {
				t.Fatal(err)
			}
			if c.crashes != n {
				t.Errorf("%d crashes; want %d", c.crashes, n)
			}
			if (c.engineAhead > 0) != (p == groupcommit.RedoFirst) || (c.binlogAhead > 0) != (p == groupcommit.BinlogFirst) {
				t.Errorf("%d crashes: the engine is ahead after %d, the binlog after %d", n, c.engineAhead, c.binlogAhead)
			}
			if (c.first != "") != (p != groupcommit.TwoPhase) {
				t.Errorf("the first row that differs: %q", c.first)
			}
			if c.lost > 0 {
				t.Errorf("%d acknowledged transactions are lost", c.lost)
			}
		})
	}
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
	out := tell(t, twoPhase(), testEnv(t, 0.1))
	if out.Outcome != result.LessonHolds {
		t.Errorf("it %s: %s", out.Outcome, out.Measured)
	}
}

// A process on a real disk, killed between the logs; as root with the file system
// below it.
func TestStepsOnARealDisk(t *testing.T) {
	t.Parallel()
	for _, root := range []bool{false, true} {
		t.Run(fmt.Sprintf("root=%v", root), func(t *testing.T) {
			t.Parallel()
			env := testEnv(t, 0.3)
			if env.Root = root; root {
				needRoot(t)
			}
			all, err := crashBetween(t.Context(), env, env.Story())
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range all {
				if !x.right() || x.acked == 0 || x.apart() && x.first == "" {
					t.Errorf("%+v", x)
				}
			}
		})
	}
}
