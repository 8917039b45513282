package lock

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var errEngine = errors.New("the disk is gone")

func table(t testing.TB, o Options) *Table {
	t.Helper()
	table, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func mustLock(t testing.TB, o *Owner, key uint64, mode Mode) {
	t.Helper()
	if err := o.Lock(key, mode); err != nil {
		t.Errorf("Lock(%d, %v) = %v; want nil", key, mode, err)
	}
}

// What a second owner gets at once, and what it waits for.
func TestCompatibility(t *testing.T) {
	for _, c := range []struct {
		held, wanted Mode
		atOnce       bool
	}{
		{Shared, Shared, true}, {Shared, Exclusive, false}, {Exclusive, Shared, false}, {Exclusive, Exclusive, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			table := table(t, Options{})
			a, b := table.NewOwner(), table.NewOwner()
			mustLock(t, a, 7, c.held)
			got := false
			go func() {
				mustLock(t, b, 7, c.wanted)
				got = true
				b.ReleaseAll()
			}()
			synctest.Wait()
			if got != c.atOnce {
				t.Errorf("%v held, %v wanted: got at once: %v; want %v", c.held, c.wanted, got, c.atOnce)
			}
			a.ReleaseAll()
			synctest.Wait()
			if !got {
				t.Errorf("%v held, %v wanted: not got after the release", c.held, c.wanted)
			}
			if left := table.leaks(); left != "" {
				t.Error(left)
			}
		})
	}
}

func TestReentrant(t *testing.T) {
	o := table(t, Options{}).NewOwner()
	for _, c := range []struct{ ask, want Mode }{{Shared, Shared}, {Shared, Shared}, {Exclusive, Exclusive}, {Shared, Exclusive}, {Exclusive, Exclusive}} {
		mustLock(t, o, 1, c.ask)
		if o.Holds(1) != c.want || o.Len() != 1 {
			t.Errorf("after Lock(%v): holds %v, %d locks; want %v, 1", c.ask, o.Holds(1), o.Len(), c.want)
		}
	}
	o.ReleaseAll()
	if o.Holds(1) != 0 || o.Len() != 0 {
		t.Errorf("after ReleaseAll: holds %v, %d locks; want none", o.Holds(1), o.Len())
	}
}

// An exclusive lock that waits blocks later shared ones: they come after it.
func TestFairness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := table(t, Options{})
		var mu sync.Mutex
		var order []string
		holder := table.NewOwner()
		mustLock(t, holder, 1, Shared)
		for i, mode := range []Mode{Exclusive, Shared, Shared, Exclusive, Shared} {
			go func() {
				o := table.NewOwner()
				mustLock(t, o, 1, mode)
				mu.Lock()
				order = append(order, fmt.Sprintf("%v%d", mode, i))
				mu.Unlock()
				time.Sleep(time.Second)
				if mode == Shared {
					time.Sleep(time.Duration(i)) // an order of the releases
				}
				o.ReleaseAll()
			}()
			synctest.Wait()
		}
		so := func() string {
			mu.Lock()
			defer mu.Unlock()
			return strings.Join(order, " ")
		}
		if got := so(); got != "" {
			t.Errorf("%s went past the exclusive lock that waits", got)
		}
		holder.ReleaseAll()
		synctest.Wait()
		time.Sleep(1500 * time.Millisecond)
		if got := so(); got != "X0 S1 S2" && got != "X0 S2 S1" {
			t.Errorf("locked in the order %q; want X0, then S1 and S2", got)
		}
		time.Sleep(time.Minute)
		if got := so(); !strings.HasSuffix(got, " X3 S4") || len(got) != 14 {
			t.Errorf("locked in the order %q; want ... X3 S4", got)
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := table(t, Options{Timeout: 3 * time.Second})
		a, b, c := table.NewOwner(), table.NewOwner(), table.NewOwner()
		mustLock(t, a, 1, Shared)
		mustLock(t, b, 2, Exclusive)
		start := time.Now()
		var got error
		var after time.Duration
		go func() {
			got = b.Lock(1, Exclusive)
			after = time.Since(start)
		}()
		synctest.Wait()
		time.Sleep(time.Second)
		go mustLock(t, c, 1, Shared) // waits behind b only
		synctest.Wait()
		if s := table.Stats(); c.Holds(1) != 0 || s.Waiting != 2 || s.Waits != 2 {
			t.Errorf("holds %v, stats %+v; want 2 that wait", c.Holds(1), s)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if !errors.Is(got, ErrLockWaitTimeout) || after != 3*time.Second {
			t.Errorf("Lock() = %v after %v; want %v after 3s", got, after, ErrLockWaitTimeout)
		}
		if b.Holds(2) != Exclusive || b.Len() != 1 || c.Holds(1) != Shared {
			t.Errorf("after the timeout b holds %v (%d locks), c %v; want X, 1, S", b.Holds(2), b.Len(), c.Holds(1))
		}
		want := Stats{Waits: 2, WaitNS: 5e9, WaitMaxNS: 3e9, Timeouts: 1}
		if s := table.Stats(); s != want || b.WaitNS() != 3e9 || c.WaitNS() != 2e9 {
			t.Errorf("Stats() = %+v, owners %d, %d; want %+v, 3e9, 2e9", s, b.WaitNS(), c.WaitNS(), want)
		}
		// The owner is as good as new: its next wait has its own time.
		b.ReleaseAll()
		go func() {
			time.Sleep(2 * time.Second)
			a.ReleaseAll()
			c.ReleaseAll()
		}()
		mustLock(t, b, 1, Exclusive)
		b.ReleaseAll()
		if left := table.leaks(); left != "" {
			t.Error(left)
		}
	})
}

// Stop ends every wait and lets nobody lock any more; locks can still be
// released.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := table(t, Options{})
		holder, other := table.NewOwner(), table.NewOwner()
		mustLock(t, other, 3, Shared)
		const n = 20
		errs := make([]error, n)
		owners := make([]*Owner, n)
		for key := uint64(1); key <= 3; key++ {
			mustLock(t, holder, key, Shared)
		}
		for i := range errs {
			owners[i] = table.NewOwner()
			go func() { errs[i] = owners[i].Lock(uint64(i%3+1), Exclusive) }()
		}
		var upgrade error
		go func() { upgrade = holder.Lock(3, Exclusive) }()
		synctest.Wait()
		table.Stop(errEngine)
		table.Stop(errors.New("a second one"))
		synctest.Wait()
		for i, err := range append([]error{upgrade}, errs...) {
			if !errors.Is(err, errEngine) {
				t.Errorf("wait %d ended with %v; want %v", i, err, errEngine)
			}
		}
		if holder.Len() != 3 || holder.Holds(3) != Shared {
			t.Errorf("the holder has %d locks, row 3 %v; want 3 and S", holder.Len(), holder.Holds(3))
		}
		for _, key := range []uint64{1, 99} {
			if err := owners[0].Lock(key, Shared); !errors.Is(err, errEngine) {
				t.Errorf("Lock(%d) after Stop = %v; want %v", key, err, errEngine)
			}
		}
		holder.ReleaseAll()
		other.ReleaseAll()
		if left := table.leaks(); left != "" {
			t.Error(left)
		}
	})
}

// The errors are told apart by errors.Is, and name row and mode.
func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := table(t, Options{})
		a, b := table.NewOwner(), table.NewOwner()
		mustLock(t, a, 1, Exclusive)
		mustLock(t, b, 2, Exclusive)
		go func() {
			mustLock(t, a, 2, Exclusive)
			a.ReleaseAll()
		}()
		synctest.Wait()
		err := b.Lock(1, Shared)
		if !errors.Is(err, ErrDeadlock) || errors.Is(err, ErrLockWaitTimeout) || !strings.Contains(err.Error(), "lock: row 1, mode S: deadlock") {
			t.Errorf("Lock() = %v; want row, mode and %v", err, ErrDeadlock)
		}
		if b.Holds(2) != Exclusive || b.Holds(1) != 0 {
			t.Errorf("the victim holds %v and %v; want X and nothing", b.Holds(2), b.Holds(1))
		}
		b.ReleaseAll()
		synctest.Wait()
		if s := table.Stats(); s.Deadlocks != 1 || s.Waits != 1 || s.Timeouts != 0 {
			t.Errorf("Stats() = %+v; want 1 deadlock, 1 wait", s)
		}
	})
}

func TestOptions(t *testing.T) {
	for d, ok := range map[time.Duration]bool{0: true, MinTimeout: true, MaxTimeout: true, -1: false, MinTimeout - 1: false, MaxTimeout + 1: false} {
		if _, err := New(Options{Timeout: d}); (err == nil) != ok {
			t.Errorf("New(timeout %v) = %v; want ok: %v", d, err, ok)
		}
	}
}

// Many rows at once: the buckets double, every row is found, none is left.
func TestManyRows(t *testing.T) {
	table := table(t, Options{})
	o := table.NewOwner()
	const n = 100_000
	for key := range uint64(n) {
		mustLock(t, o, key*3, Exclusive)
	}
	for key := range uint64(3 * n) {
		want := Mode(0)
		if key%3 == 0 {
			want = Exclusive
		}
		if got := o.Holds(key); got != want {
			t.Fatalf("Holds(%d) = %v; want %v", key, got, want)
		}
	}
	longest := 0
	for i := range table.shards {
		for _, r := range table.shards[i].buckets {
			k := 0
			for ; r != nil; r = r.next {
				k++
			}
			longest = max(longest, k)
		}
	}
	if longest > 12 {
		t.Errorf("a bucket has %d rows: the hash does not spread", longest)
	}
	o.ReleaseAll()
	if left := table.leaks(); left != "" || o.freed > maxFree {
		t.Errorf("%s; %d free holds; want none left, at most %d free", left, o.freed, maxFree)
	}
}
