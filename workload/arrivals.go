package workload

import (
	"fmt"
	"math"
	"time"
)

// Arrivals is a schedule of intended starts. Implementations are immutable
// and safe for concurrent use.
type Arrivals interface {
	// At is the intended start of a client's n-th transaction, n = 0, 1, ...,
	// counted from the begin of the load. It never falls as n grows.
	At(client uint32, n uint64) time.Duration
	// Rate is the mean number of transactions a second of all clients.
	Rate() float64
}

// Limits of an arrival rate, in transactions a second of all clients.
const (
	MinRate = 1e-3
	MaxRate = 1e9
)

// Constant is an arrival every 1/rate seconds, the clients in turn: so each
// client's arrivals are evenly spaced, and no two clients' fall together.
type Constant struct {
	rate    float64
	clients uint64
}

// NewConstant returns the schedule of so many clients that together start
// rate transactions a second.
func NewConstant(rate float64, clients int) (Constant, error) {
	if clients < 1 {
		return Constant{}, fmt.Errorf("workload: arrivals of %d clients: must be at least 1", clients)
	}
	if !(rate >= MinRate && rate <= MaxRate) {
		return Constant{}, fmt.Errorf("workload: arrival rate of %v a second: must be %v to %v", rate, MinRate, MaxRate)
	}
	return Constant{rate: rate, clients: uint64(clients)}, nil
}

// At implements Arrivals.
func (c Constant) At(client uint32, n uint64) time.Duration {
	ns := (float64(n)*float64(c.clients) + float64(client)) * (1e9 / c.rate)
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(ns)
}

// Rate implements Arrivals.
func (c Constant) Rate() float64 { return c.rate }
