package servers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/clock"
	"flushbench/workload"
)

// load is the clients of a server that is going to crash, each with a goroutine of
// its own. What was acknowledged is read when they have ended.
type load struct {
	began   int64 // clock.Now
	clients []client
	acked   atomic.Int64 // of all
	failure atomic.Pointer[failure]
	done    chan struct{} // closed to end it
	once    sync.Once     // closes done
	wait    sync.WaitGroup
}

// client is one client. Its fields belong to its goroutine until that has ended.
type client struct {
	id      uint32
	session workload.Session
	begun   uint64  // transactions that were sent
	acks    []int64 // when each was acknowledged, in their order (clock.Now)
	slowest int64   // ns that one took until it was acknowledged
}

// failure is the first error that was no rollback for the sake of others.
type failure struct {
	text string
	at   int64
}

// startLoad connects the clients and lets them commit, at so many commits a second
// of all of them, or with 0 as fast as it goes. seed draws when each begins.
func startLoad(t workload.Target, g *workload.Generator, clients int, rate float64, seed uint64) (*load, error) {
	l := &load{clients: make([]client, clients), done: make(chan struct{})}
	for i := range l.clients {
		s, err := t.Connect(uint32(i))
		if err != nil {
			for k := range i {
				_ = l.clients[k].session.Close() // nothing was done on it
			}
			return nil, fmt.Errorf("crash: client %d: %w", i, err)
		}
		l.clients[i] = client{id: uint32(i), session: s, acks: make([]int64, 0, 1<<14)}
	}
	step := time.Duration(0)
	if rate > 0 {
		step = time.Duration(float64(clients) / rate * float64(time.Second))
	}
	rng := rand.New(rand.NewPCG(seed, 0x70686173))
	l.began = clock.Now()
	for i := range l.clients {
		first := l.began
		if step > 0 {
			first += rng.Int64N(int64(step))
		}
		l.wait.Go(func() { l.run(&l.clients[i], g, first, step) })
	}
	return l, nil
}

// run is a client's life: a transaction each step, or as soon as it can.
func (l *load) run(c *client, g *workload.Generator, due int64, step time.Duration) {
	defer func() { _ = c.session.Close() }() // of a server that is gone
	txn := g.NewTxn(c.id)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !l.over() {
		if ahead := due - clock.Now(); step > 0 && ahead > 0 {
			timer.Reset(time.Duration(ahead))
			select {
			case <-timer.C:
			case <-l.done:
				return
			}
		}
		due += int64(step)
		g.Next(c.id, c.begun, txn)
		c.begun++
		sent := clock.Now()
		err := c.session.Run(txn)
		for err != nil && (errors.Is(err, workload.ErrDeadlock) || errors.Is(err, workload.ErrLockWaitTimeout)) && !l.over() {
			err = c.session.Run(txn)
		}
		if err != nil {
			l.failure.CompareAndSwap(nil, &failure{text: err.Error(), at: clock.Now()})
			return
		}
		now := clock.Now()
		c.acks, c.slowest = append(c.acks, now), max(c.slowest, now-sent)
		l.acked.Add(1)
	}
}

func (l *load) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// flushTime is what the flush that a server's timer begins may take on a machine that
// is not busy.
const flushTime = 500 * time.Millisecond

// slack is what a busy machine may add to the timer of its server: what it added to
// one of the transactions. REQUIRES: the load has been stopped.
func (l *load) slack() time.Duration {
	slowest := flushTime
	for i := range l.clients {
		slowest = max(slowest, time.Duration(l.clients[i].slowest))
	}
	return slowest
}

// patience is how long clients may take to notice that their server is gone.
const patience = 2 * time.Minute

// stop ends the load and waits for the clients. REQUIRES: the server is gone.
func (l *load) stop() error {
	l.once.Do(func() { close(l.done) })
	all := make(chan struct{})
	go func() { l.wait.Wait(); close(all) }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-all:
		return nil
	case <-timer.C:
		return fmt.Errorf("crash: clients wait for a server that is gone, %v now", patience)
	}
}
