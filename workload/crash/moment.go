package crash

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"flushbench/workload/crash/subject"
)

// When a crash strikes, counted from the moment the load runs. Under policy 1
// nothing waits for a timer, so a short while is as good as a long one; under 0
// and 2 the loss window must have had the time to open.
const (
	earliest = 200 * time.Millisecond // under policy 1
	latest   = 800 * time.Millisecond
	// afterFault is how long the load goes on after its fault, so that an
	// acknowledgement which must not come has its chance.
	afterFault = 250 * time.Millisecond
)

// mostRoom bounds what is left of a disk that is filled, in bytes: some writes of the
// logs fit, and which of them is cut in two is left to chance.
const mostRoom = 256 << 10

// Trial is one crash of a cell: everything that is drawn for it.
type Trial struct {
	Number int           // 1 and up, within the cell
	Seed   uint64        // drives the clients and draws the rest
	Frozen bool          // the clients are stopped before the crash
	After  time.Duration // from the begin of the load to the crash
	// FaultAfter is when the cell's fault comes, 0: it has none. Room is what is left of
	// the disk then, in bytes, if that is what runs out.
	FaultAfter time.Duration
	Room       int64
}

// Trial returns trial number n, 1 and up, of cell c. It depends on the plan's
// seed, the cell's name and n alone, not on the order in which trials run.
func (p *Plan) Trial(c *Cell, n int) Trial {
	t := Trial{Number: n, Seed: p.stream(c, uint64(n)).Uint64() >> 11}
	t.Frozen = p.frozen(c)[n-1]
	if p.Matrix.TrialSeed != 0 && c.Control == "" {
		t.Seed = p.Matrix.TrialSeed
	}
	t.draw(c)
	return t
}

// draw sets what the trial's own seed decides.
func (t *Trial) draw(c *Cell) {
	rng := rand.New(rand.NewPCG(t.Seed, 0x6d6f6d656e74))
	between := func(lo, hi time.Duration) time.Duration { return lo + time.Duration(rng.Int64N(int64(hi-lo))) }
	if c.Policy.Flushes() {
		t.After = between(earliest, latest)
	} else {
		t.After = between(c.interval(), 2*c.interval())
	}
	if c.Fault == subject.NoFault {
		return
	}
	if t.FaultAfter = t.After; !c.Policy.Flushes() {
		// The flush that fails is the timer's next one: its first, second or third.
		// The crash comes anywhere in the interval after it.
		t.FaultAfter = between(1, 3*c.interval())
		t.After = t.FaultAfter.Truncate(c.interval()) + c.interval() + between(0, c.interval())
	}
	t.After += afterFault
	if c.Fault == subject.ENOSPC {
		t.Room = rng.Int64N(mostRoom)
	}
}

// frozen says of each trial of a cell whether its clients are stopped first:
// the asked-for share of them, spread at random. Where the share is no whole
// number of trials chance decides, so that over many cells it is right.
func (p *Plan) frozen(c *Cell) []bool {
	out := make([]bool, c.Trials)
	rng := p.stream(c, 0)
	n := int(float64(p.Matrix.Frozen)*float64(c.Trials) + rng.Float64())
	for _, i := range rng.Perm(c.Trials)[:min(n, c.Trials)] {
		out[i] = true
	}
	return out
}

// order is the seeded random order of the cells in a round, 1 and up: those that
// still have a trial to run.
func (p *Plan) order(round int) []int {
	var out []int
	for _, i := range rand.New(rand.NewPCG(p.Seed, uint64(round))).Perm(len(p.Cells)) {
		if round <= p.Cells[i].Trials {
			out = append(out, i)
		}
	}
	return out
}

// rounds is the number of rounds: the most trials of a cell.
func (p *Plan) rounds() int {
	n := 0
	for i := range p.Cells {
		n = max(n, p.Cells[i].Trials)
	}
	return n
}

// trials is the number of trials of all cells.
func (p *Plan) trials() int {
	n := 0
	for i := range p.Cells {
		n += p.Cells[i].Trials
	}
	return n
}

// stream is a random stream of the cell's own.
func (p *Plan) stream(c *Cell, n uint64) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.Name)) // never fails
	return rand.New(rand.NewPCG(p.Seed^h.Sum64(), n))
}
