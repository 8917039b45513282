package groupcommit

import "testing"

// A crowd in which whoever lets others run waits for hundreds that nobody expected is
// too many, however few are expected; a few clients are not, also where a processor is
// taken away now and then.
func TestTooManyToGather(t *testing.T) {
	const flush = 130_000
	d := &dedicated{flushNs: flush}

	crowd := &gatherer{}
	for n := range 8 {
		if crowd.want = 120; n < 3 && crowd.tooMany(d) {
			t.Errorf("too many after %d gathers", n)
		}
		crowd.learn(350_000, 440, flush)
	}
	for _, took := range []int64{20_000, 350_000, 35_000, 60_000, 350_000, 25_000} { // all had come before it looked
		if !crowd.tooMany(d) {
			t.Fatalf("440 clients came back in 350 us, a flush takes %d: not too many (%+v)", flush, crowd)
		}
		crowd.learn(took, 400, flush)
	}

	few := &gatherer{}
	for n := range 1000 {
		took := int64(40_000)
		if n%50 == 7 {
			took = 10_000_000
		}
		few.want = 64
		few.learn(took, 60, flush)
		if n%50 != 7 && few.tooMany(d) {
			t.Fatalf("64 clients are back in 40 us, a flush takes %d: too many after %d gathers (%+v)", flush, n+1, few)
		}
	}

	// It learns that the crowd has gone.
	for n := 0; crowd.tooMany(d); n++ {
		if n == 40 {
			t.Fatalf("still too many: %+v", crowd)
		}
		crowd.learn(30_000, 60, flush)
	}
}
