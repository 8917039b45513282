package lock

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield/seeds"
)

// bank is a table of accounts that only its row locks protect: the race
// detector watches them.
type bank struct {
	locks    *Table
	accounts []int64
	victims  atomic.Int64
}

// transfer moves money between two accounts as a client does: it begins again
// when it is the victim of a deadlock.
func (b *bank) transfer(o *Owner, from, to uint64, amount int64) error {
	for {
		err := o.Lock(from, Exclusive)
		if err == nil {
			b.accounts[from] -= amount
			if err = o.Lock(to, Exclusive); err == nil {
				b.accounts[to] += amount
			} else {
				b.accounts[from] += amount // rolled back
			}
		}
		o.ReleaseAll()
		if !errors.Is(err, ErrDeadlock) {
			return err
		}
		b.victims.Add(1)
	}
}

// sum reads two accounts with shared locks.
func (b *bank) sum(o *Owner, x, y uint64) (int64, error) {
	defer o.ReleaseAll()
	if err := errors.Join(o.Lock(x, Shared), o.Lock(y, Shared)); err != nil {
		return 0, err
	}
	return b.accounts[x] + b.accounts[y], nil
}

// Random transfers between few accounts: nobody waits for ever, no money is
// lost, nothing is left in the table.
func TestBank(t *testing.T) {
	seeds.Run(t, 4, func(seed uint64) string {
		rng := rand.New(rand.NewPCG(seed, 1))
		accounts, clients := rng.IntN(6)+2, rng.IntN(7)+2
		locks, err := New(Options{})
		if err != nil {
			return err.Error()
		}
		b := &bank{locks: locks, accounts: make([]int64, accounts)}
		errs := make(chan error, clients)
		for c := range clients {
			go func() {
				rng := rand.New(rand.NewPCG(seed, uint64(c)+2))
				o := locks.NewOwner()
				var failed error
				for range 60 {
					x, y := rng.Uint64N(uint64(accounts)), rng.Uint64N(uint64(accounts))
					if rng.IntN(4) == 0 {
						if _, err := b.sum(o, x, y); err != nil && !errors.Is(err, ErrDeadlock) {
							failed = err
						}
						continue
					}
					failed = errors.Join(failed, b.transfer(o, x, y, rng.Int64N(100)))
				}
				errs <- failed
			}()
		}
		for range clients {
			if err := <-errs; err != nil {
				return err.Error()
			}
		}
		total := int64(0)
		for _, a := range b.accounts {
			total += a
		}
		if s := locks.Stats(); total != 0 || s.Deadlocks < b.victims.Load() || s.Timeouts != 0 {
			return fmt.Sprintf("total %d, %d victims, stats %+v; want 0, and no timeouts", total, b.victims.Load(), s)
		}
		return locks.leaks()
	})
}

// Clients that lock in the order of the keys can have no deadlock, so none is
// found, however the search runs into releases.
func TestNoFalseDeadlock(t *testing.T) {
	seeds.Run(t, 4, func(seed uint64) string {
		rng := rand.New(rand.NewPCG(seed, 1))
		keys, clients := rng.Uint64N(5)+2, rng.IntN(7)+2
		locks, err := New(Options{})
		if err != nil {
			return err.Error()
		}
		errs := make(chan error, clients)
		for c := range clients {
			go func() {
				rng := rand.New(rand.NewPCG(seed, uint64(c)+2))
				o := locks.NewOwner()
				var failed error
				for range 60 {
					for key := range keys {
						if rng.IntN(3) > 0 {
							failed = errors.Join(failed, o.Lock(key, Shared+Mode(rng.IntN(2))))
						}
					}
					o.ReleaseAll()
				}
				errs <- failed
			}()
		}
		for range clients {
			if err := <-errs; err != nil {
				return err.Error()
			}
		}
		return locks.leaks()
	})
}

// Timeouts race with grants and with Stop: each wait ends once, with one of
// the three, and the owner can go on.
func TestTimeoutsRace(t *testing.T) {
	seeds.Run(t, 60, func(seed uint64) string {
		locks, err := New(Options{Timeout: MinTimeout})
		if err != nil {
			return err.Error()
		}
		shared := 0
		var wg sync.WaitGroup
		wrong := make(chan string, 4)
		for c := range 4 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(c)))
				o := locks.NewOwner()
				for i := range 10 {
					err := o.Lock(1, Exclusive)
					switch {
					case err == nil:
						shared++
						if rng.IntN(4) == 0 {
							time.Sleep(time.Duration(rng.IntN(int(MinTimeout))))
						} else {
							runtime.Gosched()
						}
					case errors.Is(err, ErrLockWaitTimeout):
					case errors.Is(err, errEngine):
						o.ReleaseAll()
						return
					default:
						wrong <- err.Error()
						return
					}
					o.ReleaseAll()
					if c == 0 && i == 8 && seed%2 == 0 {
						locks.Stop(errEngine)
					}
				}
			})
		}
		wg.Wait()
		select {
		case w := <-wrong:
			return w
		default:
			return locks.leaks()
		}
	})
}

// An exclusive lock comes through a crowd that always has shared ones.
func TestNoStarvation(t *testing.T) {
	locks := table(t, Options{})
	var over atomic.Bool
	var wg sync.WaitGroup
	var ready sync.WaitGroup
	ready.Add(4)
	for range 4 {
		wg.Go(func() {
			o := locks.NewOwner()
			mustLock(t, o, 1, Shared)
			ready.Done()
			for !over.Load() {
				o.ReleaseAll()
				runtime.Gosched()
				if err := o.Lock(1, Shared); err != nil {
					t.Error(err)
					return
				}
			}
			o.ReleaseAll()
		})
	}
	seeds.Ends(t, func() {
		ready.Wait()
		o := locks.NewOwner()
		for range 200 {
			if err := o.Lock(1, Exclusive); err != nil {
				t.Error(err)
			}
			o.ReleaseAll()
		}
		over.Store(true)
		wg.Wait()
	})
}

// Once warm, neither locking nor waiting nor the search allocates.
func TestAllocs(t *testing.T) {
	testenv.Long(t, "counts allocations, of which the race detector makes its own")
	locks := table(t, Options{})
	o := locks.NewOwner()
	keys := []uint64{5, 1 << 40, 77, 1234567, 0}
	round := func() {
		for _, k := range keys {
			if o.Lock(k, Shared) != nil || o.Lock(k, Exclusive) != nil {
				t.Error("a free lock was refused")
			}
		}
		o.ReleaseAll()
	}
	round()
	if n := testing.AllocsPerRun(200, round); n != 0 {
		t.Errorf("a transaction of %d locks allocates %v times; want 0", len(keys), n)
	}

	// Two owners that hand a row to and fro, each with a lock of its own.
	a, b := locks.NewOwner(), locks.NewOwner()
	pass := func(o *Owner, own uint64, n int) {
		for range n {
			if err := errors.Join(o.Lock(own, Exclusive), o.Lock(100, Exclusive)); err != nil {
				t.Error(err)
			}
			runtime.Gosched()
			o.ReleaseAll()
		}
	}
	both := func(n int) {
		var wg sync.WaitGroup
		wg.Go(func() { pass(a, 101, n) })
		wg.Go(func() { pass(b, 102, n) })
		wg.Wait()
	}
	both(1000)
	before := locks.Stats().Waits
	const many = 20_000
	if n := testing.AllocsPerRun(1, func() { both(many) }); n > 100 {
		t.Errorf("%d transactions, %d waits: %v allocations; want hardly any", 4*many, locks.Stats().Waits-before, n)
	}
}

func BenchmarkUncontended(b *testing.B) {
	locks := table(b, Options{})
	o := locks.NewOwner()
	b.ReportAllocs()
	key := uint64(0)
	for b.Loop() {
		key += 12345
		if err := o.Lock(key%100_000, Exclusive); err != nil {
			b.Fatal(err)
		}
		o.ReleaseAll()
	}
}

func BenchmarkHotRow(b *testing.B) {
	for _, clients := range []int{2, 64, 512} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			locks := table(b, Options{})
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for i := range clients {
				wg.Go(func() {
					o := locks.NewOwner()
					for left.Add(-1) >= 0 {
						if err := errors.Join(o.Lock(uint64(i+10), Exclusive), o.Lock(1, Exclusive)); err != nil {
							b.Error(err)
						}
						o.ReleaseAll()
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(locks.Stats().Waits)/float64(b.N), "waits/op")
		})
	}
}
