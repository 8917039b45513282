package driver

import (
	"math"
	"sync"
	"time"

	"flushbench/engine/clock"
	"flushbench/workload"
)

// dealer gives the arrivals of an open loop to those who have nothing to do.
//
// The schedule itself is the queue: everything between two positions in it, the
// next arrival to be dealt and the next one to come due, is waiting. So a
// backlog of any length costs no memory, and nobody has to be there to note
// that an arrival came due.
//
// Parked clients sleep themselves (line.go): some of those that are idle, each until
// an arrival of its own. Whoever wakes starts the oldest that is due, and whoever
// has finished goes to sleep for the first that nobody sleeps for. A goroutine that
// sleeps for all of them would have to wake another thread for each arrival; so would
// a single leader who hands the sleeping on (Schmidt et al., "Leader/Followers",
// PLoP 2000), and the thread that it wakes may be started in its place: of 100
// arrivals one waited 0.12 ms for that. For pipelined workers, who also wait for
// completions, one goroutine sleeps (watch) and wakes a worker.
//
// INVARIANT: whoever goes idle saw that nothing was due. So an arrival that is
// taken while somebody is idle came due while that one was idle: whatever it
// waited, it waited for the dealing. An arrival that is taken while nobody is
// idle waited for the target.
type dealer struct {
	begin int64 // of the load; set before the first call
	limit int64 // what is later than this when its turn comes is skipped
	most  int64 // arrivals due and not done, beyond which the oldest waiting are skipped
	cell  *cell

	mu struct {
		sync.Mutex
		head workload.Stream // the arrivals from next on, which is left out
		next int64           // intended start of the next one to be dealt
		due  workload.Stream // the arrivals from coming on, which is left out
		// coming is the intended start of the first that has not come due, as
		// far as anybody has looked. next <= coming.
		coming  int64
		backlog int64 // come due, neither done nor skipped
		peak    int64 // of backlog in the window

		idle ring[*seat] // the longest idle first, without those in the line
		line int         // parked clients that sleep or were woken, and have no arrival yet
		// The arrivals from far on, which is left out: nobody in the line sleeps
		// for them.
		ahead workload.Stream
		far   int64

		offered, skipped book
	}
}

// seat is where a client or worker waits for an arrival.
type seat struct {
	// wake, of capacity 1. A token tells a parked client that it is in the line.
	wake  chan struct{}
	until int64   // the arrival that a client in the line sleeps for
	nap   sleeper // of a parked client
	// queued says that a worker stands in the queue of idle ones.
	// Guarded by dealer.mu.
	queued bool
}

// newSeat returns a seat for a cell that ends when over is closed.
func newSeat(over <-chan struct{}) *seat {
	return &seat{wake: make(chan struct{}, 1), nap: sleeper{over: over}}
}

// arrival is a transaction that is to be started.
type arrival struct {
	intended int64 // clock.Now
	// dealt says that somebody was idle when it came due.
	dealt bool
}

// measure returns from when the response time of an arrival counts that is
// started at the time at, and its schedule lag; negative: it has none.
func (a arrival) measure(at int64) (from, lag int64) {
	if a.dealt {
		return at, at - a.intended
	}
	return a.intended, -1
}

// newDealer returns the dealer of a cell, for so many seats at most.
func newDealer(c *cell, seats int) *dealer {
	d := &dealer{cell: c, limit: math.MaxInt64, most: c.cfg.MaxBacklog}
	if c.cfg.LatencyLimit > 0 {
		d.limit = int64(c.cfg.LatencyLimit)
	}
	d.mu.idle = newRing[*seat](seats)
	return d
}

// open fixes the begin and the window. REQUIRES: nobody has called next, grab
// or watch.
func (d *dealer) open(begin int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, w := d.cell.cfg.Arrivals, d.cell.window
	d.begin = begin
	d.mu.head, d.mu.due, d.mu.ahead = a.Stream(), a.Stream(), a.Stream()
	d.mu.next, d.mu.coming, d.mu.far = d.start(d.mu.head), d.start(d.mu.due), d.start(d.mu.ahead)
	d.mu.offered, d.mu.skipped = newBook(w), newBook(w)
}

// start is the intended start of a stream's next arrival.
func (d *dealer) start(s workload.Stream) int64 {
	at := int64(s.Next())
	if at > math.MaxInt64-d.begin {
		return math.MaxInt64
	}
	return d.begin + at
}

// sleep returns true at the time t, or false when the cell is over, as it is when
// nothing comes due any more.
func (d *dealer) sleep(nap *sleeper, t int64) bool {
	if t >= d.cell.window.Until {
		<-d.cell.over
		return false
	}
	return nap.until(t)
}

// takeLocked takes the next arrival that is due at the time now. Those that are
// too late are skipped. When the cell is over there is none.
func (d *dealer) takeLocked(now int64) (arrival, bool) {
	if d.cell.cut.Load() != 0 {
		return arrival{}, false
	}
	d.comeDueLocked(now)
	for d.mu.next < d.mu.coming {
		at := d.mu.next
		d.mu.next = d.start(d.mu.head)
		if now-at <= d.limit && d.mu.backlog <= d.most {
			return arrival{intended: at, dealt: d.mu.idle.n+d.mu.line > 0}, true
		}
		d.mu.backlog--
		d.mu.skipped.add(max(now, at)) // somebody who looked later may have seen it come due
	}
	return arrival{}, false
}

// comeDueLocked counts the arrivals that have come due by the time now. Nothing
// comes due after the window, or when the cell is over.
func (d *dealer) comeDueLocked(now int64) {
	if d.cell.cut.Load() != 0 {
		return
	}
	now = min(now, d.cell.window.Until-1)
	for d.mu.coming <= now {
		d.mu.offered.add(d.mu.coming)
		d.mu.backlog++
		d.mu.coming = d.start(d.mu.due)
	}
	if d.mu.backlog > d.mu.peak && d.cell.window.Contains(now) {
		d.mu.peak = d.mu.backlog
	}
}

// grab is next for a worker that has finished so many transactions and can start
// len(to) more: it takes what is due, without waiting, and returns how many.
func (d *dealer) grab(done, now int64, to []arrival) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.backlog -= done
	n := 0
	for n < len(to) {
		a, ok := d.takeLocked(now)
		if !ok {
			break
		}
		to[n] = a
		n++
	}
	return n
}

// rest lets watch wake the worker when something comes due. It returns false,
// and does not, when something is due already.
func (d *dealer) rest(s *seat, now int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.comeDueLocked(now)
	if d.mu.next < d.mu.coming {
		return false
	}
	if !s.queued {
		s.queued = true
		d.mu.idle.push(s)
	}
	return true
}

// watch wakes an idle worker whenever an arrival comes due, and all seats at the
// end of the cell.
func (d *dealer) watch(seats []*seat) {
	nap := sleeper{over: d.cell.over}
	for {
		d.mu.Lock()
		at := d.mu.coming
		d.mu.Unlock()
		if !d.sleep(&nap, at) {
			break
		}
		d.mu.Lock()
		d.comeDueLocked(clock.Now())
		if d.mu.next < d.mu.coming && d.mu.idle.n > 0 {
			s := d.mu.idle.pop()
			s.queued = false
			s.notify()
		}
		d.mu.Unlock()
	}
	for _, s := range seats {
		s.notify()
	}
}

// notify leaves a token unless there is one.
func (s *seat) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// close counts what came due before until, and returns what was offered and what
// was skipped. REQUIRES: the cell is over and all who call the dealer have ended.
func (d *dealer) close(until int64) (offered, skipped *book, peak int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.mu.coming < until {
		d.mu.offered.add(d.mu.coming)
		d.mu.coming = d.start(d.mu.due)
	}
	return &d.mu.offered, &d.mu.skipped, d.mu.peak
}

// ring is a queue of bounded length.
type ring[T any] struct {
	slots   []T
	head, n int
}

func newRing[T any](size int) ring[T] { return ring[T]{slots: make([]T, size)} }

// push appends v. REQUIRES: n < the size.
func (r *ring[T]) push(v T) {
	i := r.head + r.n
	if i >= len(r.slots) {
		i -= len(r.slots)
	}
	r.slots[i] = v
	r.n++
}

// pop takes the first. REQUIRES: n > 0.
func (r *ring[T]) pop() T {
	v := r.slots[r.head]
	if r.head++; r.head == len(r.slots) {
		r.head = 0
	}
	r.n--
	return v
}

// defaultBacklog is the most arrivals that may be due and not done when nothing
// else is asked for: those of 10 s, and some for very low rates.
func defaultBacklog(rate float64) int64 {
	return max(1000, int64(rate*(10*time.Second).Seconds()))
}
