package lesson

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
)

// TestOneFlushForMany measures on a disk whose flushes take 2 ms, so that what follows
// is known: a flush each is 500 commits a second at most, whoever is there.
func TestOneFlushForMany(t *testing.T) {
	t.Parallel()
	attempts(t, func(stretch int) string { return wrongSharing(t, 0.2*float64(stretch)) })
}

// wrongSharing tells the lesson on a disk whose flushes take 2 ms and returns what it
// measured wrongly.
func wrongSharing(t *testing.T, scale float64) string {
	t.Helper()
	env := testEnv(t, scale)
	env.disk = vfs.NewSlow(vfs.NewOS(), vfs.Latency{Floor: 2 * time.Millisecond})
	out := tell(t, oneFlushForMany(), env)
	figure := func(name string) float64 {
		v, ok := out.Figure(name)
		if !ok {
			t.Errorf("there is no figure %s", name)
		}
		return v
	}
	for _, who := range []string{"1_clients_serial", "64_clients_serial", "1_clients_dedicated", "64_clients_dedicated"} {
		n := figure("tps_"+who) * env.Scaled(groupRound).Seconds()
		if n < 16 {
			return fmt.Sprintf("%s: %.1f commits a round: the machine stood still", who, n)
		}
		v := figure("flushes_per_commit_" + who)
		// Each commit had a flush of its own; a checkpoint may add some.
		if who != "64_clients_dedicated" && v < 0.99 {
			t.Errorf("flushes a commit, %s: %v; want about 1", who, v)
		}
		if who != "64_clients_dedicated" && v > 1.5 {
			if n >= 32 { // no checkpoints flush that often
				t.Fatalf("flushes a commit, %s: %v, of %.0f commits a round; want about 1", who, v, n)
			}
			return fmt.Sprintf("flushes a commit, %s: %v; want about 1", who, v)
		}
		if who == "64_clients_dedicated" && v > 0.5 {
			return fmt.Sprintf("flushes a commit of 64 clients that share them: %v; want fewer than 1 for 2", v)
		}
	}
	// Clients that wake late, from flushes before the interval, may be counted in it.
	if v := figure("tps_64_clients_serial"); v > 505 {
		return fmt.Sprintf("%v commits/s with a flush of 2 ms each; want at most 500", v)
	}
	if out.Outcome != result.LessonHolds && !t.Failed() {
		return fmt.Sprintf("outcome %q: %s; want that it holds", out.Outcome, out.Measured)
	}
	return ""
}

// TestJudgeSharing: what decides the claim, on rounds that were made up.
func TestJudgeSharing(t *testing.T) {
	for _, c := range []struct {
		one, shared []float64
		want        string
	}{
		{[]float64{100, 100, 100}, []float64{900, 400, 1000}, result.LessonHolds},
		{[]float64{100, 100, 100}, []float64{900, 399, 1000}, result.LessonNotTestable},
		{[]float64{100, 100, 100}, []float64{120, 90, 101}, result.LessonDoesNotHold},
		{[]float64{100, 100, 100}, []float64{121, 90, 101}, result.LessonNotTestable},
		{nil, nil, result.LessonNotTestable},
	} {
		sharingOf := func(s groupcommit.Strategy, tps []float64) *sharing {
			x := &sharing{clients: groupClients, strategy: s}
			for _, v := range tps {
				x.rounds = append(x.rounds, shareRound{tps: v, flushes: 0.1})
			}
			return x
		}
		out := judgeSharing((&Env{}).Story(), sharingOf(groupcommit.Dedicated, c.one), sharingOf(groupcommit.Serial, nil), sharingOf(groupcommit.Dedicated, c.shared))
		if out.Outcome != c.want {
			t.Errorf("%v against %v: %q; want %q", c.shared, c.one, out.Outcome, c.want)
		}
		if (out.Advice != "") != (c.want == result.LessonHolds) || c.one != nil && !strings.Contains(out.Measured, "64 clients") {
			t.Errorf("%q: advice %q, measured %q", out.Outcome, out.Advice, out.Measured)
		}
	}
}
