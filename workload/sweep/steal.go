package sweep

import (
	"math"
	"time"
)

// A hypervisor that gives a processor to somebody else breaks an objective all by itself:
// what arrives meanwhile waits for as long as that takes. Rounds in which it took enough
// for that say nothing of the disk, and therefore decide nothing.
//
// Whether a round counts depends on the time that was taken alone (the kernel's steal
// time), never on what the round gave: to leave out those of them that failed would find
// the knee too high. Steal time is what others took; a machine that its own load
// overloads has none.

const (
	// leastStolen is what two readings of the kernel's counters, of 10 ms each, can tell
	// from nothing.
	leastStolen = 20 * time.Millisecond
	// besets is how many rounds in a row it takes to say that the hypervisor leaves none alone.
	besets = 6
	// missing is the share of the processors that may be missing throughout.
	missing = 0.05
)

// disturbed reports whether the hypervisor took so much of the round's time that this alone
// may have decided it.
func (o Objective) disturbed(m *Measured) bool {
	if m.Stolen < leastStolen {
		return false
	}
	// Of that a commit meets what was taken from those processors that wanted to run.
	wanted := float64(m.Stolen + m.CPU)
	if m.Length > 0 {
		wanted /= float64(m.Length)
	}
	return float64(m.Stolen)/max(wanted, 1) >= float64(o.bearable(m.Length))
}

// bearable is for how long a server may stand still within a round of this length before
// that alone breaks the objective: as long as may pass for the commits that may be late,
// and half of the latency that these may have. A pause of s adds s^2 / 2 to the sum of
// latencies for each commit a second. More than a few percent no load is left with.
func (o Objective) bearable(length time.Duration) time.Duration {
	share := func(of float64) time.Duration { return time.Duration(of * float64(length)) }
	if !o.Any() {
		return share(noise)
	}
	least := share(missing)
	if o.P99 > 0 {
		least = min(least, max(share(0.01), o.P99/2))
	}
	if o.P999 > 0 {
		least = min(least, max(share(0.001), o.P999/2))
	}
	if o.Mean > 0 {
		least = min(least, time.Duration(math.Sqrt(float64(o.Mean)*float64(length))/2))
	}
	return least
}

// theft counts the rounds of a search, and what the hypervisor took from them.
type theft struct {
	rounds, disturbed int
	row               int     // disturbed ones since the last that was not
	taken, had        float64 // percent of the processors' time, and 1, times seconds
}

func (t *theft) add(m *Measured, disturbed bool) {
	t.rounds++
	t.row++
	if disturbed {
		t.disturbed++
	} else {
		t.row = 0
	}
	t.taken += m.StealPercent * m.Length.Seconds()
	t.had += m.Length.Seconds()
}

// calm is how many rounds were left alone.
func (t *theft) calm() int { return t.rounds - t.disturbed }

// beset reports whether the hypervisor has not left a round alone for a while.
func (t *theft) beset() bool { return t.row >= besets }

// often reports whether so many rounds were disturbed that the answer hangs on it.
func (t *theft) often() bool { return t.disturbed > 0 && 4*t.disturbed >= t.rounds }

// percent is the share of the processors' time that the hypervisor took, 0 to 100.
func (t *theft) percent() float64 {
	if t.had <= 0 {
		return 0
	}
	return t.taken / t.had
}
