package victim

import (
	"math/rand/v2"
	"testing"

	"flushbench/groupcommit"
	"flushbench/workload/judge"
)

// A real process that gets a real SIGKILL at a random moment, and goes on in the
// same folder: under policies 1 and 2 nothing is lost, under 0 no more than was
// predicted, and nothing is ever wrong.
func TestKill(t *testing.T) {
	const trials = 2
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for name, s := range map[string]*Spec{
		"log/0":    logSpec("", groupcommit.Policy0),
		"log/1":    logSpec("", groupcommit.Policy1),
		"log/2":    logSpec("", groupcommit.Policy2),
		"bank/1/1": bankSpec("", groupcommit.Policy1, 1),
		"bank/0/1": bankSpec("", groupcommit.Policy0, 1),
	} {
		t.Run(name, func(t *testing.T) {
			s.Dir = t.TempDir()
			var before *judge.Books
			for i := range trials {
				s.Seed = rng.Uint64()
				v := started(t, s)
				acked(t, v, v.Ledger().Acked()+rng.Uint64N(300))
				o := crash(t, s, v, i == 0, before)
				t.Logf("trial %d: acked %d, recovered %d, lost %d, ahead %d and %d, unacknowledged %d, predicted %+v: %s",
					i, o.Acked, o.Recovered, o.Lost, o.EngineAhead, o.BinlogAhead, o.UnackedPresent, *o.Predicted, o.Verdict)
				if s.Engine.Commit.Policy == groupcommit.Policy0 {
					if !allowed(&o) {
						t.Fatalf("%s: %+v", o.Verdict, o)
					}
				} else if o.Verdict != judge.Kept {
					t.Fatalf("%s: %+v", o.Verdict, o)
				}
				before, s.Fresh = o.Books, false
			}
		})
	}
}
