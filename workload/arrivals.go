package workload

import (
	"fmt"
	"math"
	"time"
)

// Arrivals is a schedule of intended starts of a whole load: when the n-th
// transaction is to begin, whoever runs it. Implementations are immutable and
// safe for concurrent use; the same value always yields the same schedule.
//
// There is one process for all clients, dealt to whichever is idle, and not a
// process of each client's own. An open loop stands for users who come
// whether or not others are being served: none of them waits for a certain
// client while another one has nothing to do. With processes of their own, of 8
// clients who are busy half of the time each second transaction would stand
// behind an earlier one of its client, and the response time would be that of
// the dealing. Here N clients are the N servers of one queue, as the
// connections of a pool are. (pgbench and sysbench deal likewise; for a million
// clients there is no difference: a client's next turn hardly ever comes
// before its last one is over.) It costs no memory either: the schedule itself
// is the queue, and 2 positions in it say all about the backlog.
type Arrivals interface {
	// Stream returns the schedule from its first arrival on.
	Stream() Stream
	// Rate is the mean number of transactions a second of all clients,
	// MinRate to MaxRate.
	Rate() float64
}

// Stream yields the arrivals of a schedule in their order. It belongs to one
// goroutine at a time.
type Stream interface {
	// Next is when the next transaction is to start, counted from the begin of
	// the load. It never falls, and does not allocate. Beyond all time it stays
	// at the largest Duration.
	Next() time.Duration
}

// Limits of an arrival rate, in transactions a second of all clients. The
// upper one is beyond what any machine commits, and low enough to walk through
// a schedule that nobody keeps up with.
const (
	MinRate = 1e-3
	MaxRate = 1e7
)

// Constant is an arrival every 1/rate seconds, the first at the begin.
type Constant struct{ rate float64 }

// NewConstant returns the schedule of rate transactions a second.
func NewConstant(rate float64) (Constant, error) {
	return Constant{rate: rate}, checkRate(rate)
}

func checkRate(rate float64) error {
	if !(rate >= MinRate && rate <= MaxRate) {
		return fmt.Errorf("workload: arrival rate of %v a second: must be %v to %v", rate, MinRate, MaxRate)
	}
	return nil
}

// Rate implements Arrivals.
func (c Constant) Rate() float64 { return c.rate }

// Stream implements Arrivals.
func (c Constant) Stream() Stream { return &constantStream{gap: 1e9 / c.rate} }

// constantStream multiplies rather than adds up, so it does not drift.
type constantStream struct {
	n   uint64
	gap float64 // ns
}

// Next implements Stream.
func (s *constantStream) Next() time.Duration {
	at := float64(s.n) * s.gap
	s.n++
	return moment(at)
}

// moment is ns nanoseconds, or the largest Duration for more.
func moment(ns float64) time.Duration {
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(ns)
}
