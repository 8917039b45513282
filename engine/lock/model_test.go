package lock

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// model is a lock table as slow and plain as can be: for each row one list of
// requests, the granted ones and those that wait, in the order of the queue.
type model struct {
	rows map[uint64][]*request
	wait map[int]*request // by owner: what it waits for
}

type request struct {
	owner   int
	key     uint64
	mode    Mode
	granted bool
	upgrade bool
}

func newModel() *model { return &model{rows: map[uint64][]*request{}, wait: map[int]*request{}} }

// mine returns what the owner has been granted on a row.
func (m *model) mine(owner int, key uint64) *request {
	for _, r := range m.rows[key] {
		if r.granted && r.owner == owner {
			return r
		}
	}
	return nil
}

// blockers are the owners for whom a request waits: those of every request
// before it in the list that conflicts, and of every granted one.
func (m *model) blockers(r *request) (owners []int) {
	before := true
	for _, q := range m.rows[r.key] {
		if q == r {
			before = false
		}
		if q.owner != r.owner && (before || q.granted) && (q.mode == Exclusive || r.mode == Exclusive) {
			owners = append(owners, q.owner)
		}
	}
	return owners
}

// reaches reports whether from waits, directly or not, for to.
func (m *model) reaches(from, to int, seen map[int]bool) bool {
	r := m.wait[from]
	if r == nil || seen[from] {
		return false
	}
	seen[from] = true
	for _, b := range m.blockers(r) {
		if b == to || m.reaches(b, to, seen) {
			return true
		}
	}
	return false
}

// settle grants what nothing keeps from being granted.
func (m *model) settle(key uint64) {
	for again := true; again; {
		again = false
		for _, r := range m.rows[key] {
			if r.granted || len(m.blockers(r)) > 0 {
				continue
			}
			r.granted, again = true, true
			delete(m.wait, r.owner)
			if r.upgrade {
				m.drop(key, func(q *request) bool { return q != r && q.owner == r.owner })
				r.upgrade = false
			}
			break
		}
	}
	// The granted ones stand before those that wait.
	slices.SortStableFunc(m.rows[key], func(a, b *request) int {
		switch {
		case a.granted == b.granted:
			return 0
		case a.granted:
			return -1
		}
		return 1
	})
}

func (m *model) drop(key uint64, which func(*request) bool) {
	m.rows[key] = slices.DeleteFunc(m.rows[key], which)
}

// lock returns "granted", "waits" or "deadlock".
func (m *model) lock(owner int, key uint64, mode Mode) string {
	mine := m.mine(owner, key)
	if mine != nil && (mine.mode == Exclusive || mode == Shared) {
		return "granted"
	}
	r := &request{owner: owner, key: key, mode: mode, upgrade: mine != nil}
	at := len(m.rows[key])
	if r.upgrade {
		at = slices.IndexFunc(m.rows[key], func(q *request) bool { return !q.granted && !q.upgrade })
		if at < 0 {
			at = len(m.rows[key])
		}
	}
	m.rows[key] = slices.Insert(m.rows[key], at, r)
	m.wait[owner] = r
	if m.reaches(owner, owner, map[int]bool{}) {
		m.leave(owner)
		return "deadlock"
	}
	m.settle(key)
	if m.wait[owner] != nil {
		return "waits"
	}
	return "granted"
}

// leave ends the owner's wait.
func (m *model) leave(owner int) {
	r := m.wait[owner]
	delete(m.wait, owner)
	m.drop(r.key, func(q *request) bool { return q == r })
	m.settle(r.key)
}

func (m *model) releaseAll(owner int) {
	for key := range m.rows {
		m.drop(key, func(q *request) bool { return q.owner == owner })
		m.settle(key)
	}
}

// step is one thing that an owner of the model test does: lock a row, or, with
// key 0, release all.
type step struct {
	owner int
	key   uint64
	mode  Mode
}

func (s step) String() string {
	if s.key == 0 {
		return fmt.Sprintf("%d releases", s.owner)
	}
	return fmt.Sprintf("%d locks %d %v", s.owner, s.key, s.mode)
}

// actor is an owner with its goroutine, which does one thing at a time.
type actor struct {
	o    *Owner
	do   chan step
	busy atomic.Bool
	last atomic.Value // the error of the last lock, in an outcome
}

// outcome is what a lock returned.
type outcome struct{ err error }

func (a *actor) is(target error) bool {
	o, ok := a.last.Load().(outcome)
	return ok && errors.Is(o.err, target)
}

func (a *actor) run() {
	for s := range a.do {
		if s.key == 0 {
			a.o.ReleaseAll()
			a.last.Store(outcome{})
		} else {
			a.last.Store(outcome{a.o.Lock(s.key, s.mode)})
		}
		a.busy.Store(false)
	}
}

// replay runs the steps on a table and on the model, and compares after each
// step who waits, who was refused, and who holds what. Waits that are still
// there in the end time out one after the other.
func replay(t *testing.T, steps []step, owners int, keys uint64) (wrong string) {
	synctest.Test(t, func(t *testing.T) {
		table, err := New(Options{Timeout: 100 * time.Millisecond}) // longer than all steps
		if err != nil {
			t.Fatal(err)
		}
		actors := make([]*actor, owners)
		for i := range actors {
			actors[i] = &actor{o: table.NewOwner(), do: make(chan step)}
			go actors[i].run()
		}
		defer func() {
			for _, a := range actors {
				close(a.do)
			}
		}()
		m := newModel()
		check := func(s fmt.Stringer) bool {
			wrong = compare(actors, m, keys)
			if wrong != "" {
				wrong = fmt.Sprintf("after %q: %s", s, wrong)
			}
			return wrong == ""
		}
		for _, s := range steps {
			a := actors[s.owner]
			if a.busy.Load() {
				continue
			}
			want := ""
			if s.key == 0 {
				m.releaseAll(s.owner)
			} else {
				want = m.lock(s.owner, s.key, s.mode)
			}
			a.busy.Store(true)
			a.do <- s
			synctest.Wait()
			time.Sleep(time.Millisecond) // so that no two waits end together
			if got := a.is(ErrDeadlock); !a.busy.Load() && got != (want == "deadlock") {
				wrong = fmt.Sprintf("%v: deadlock %v; want %s", s, got, want)
				break
			}
			if !check(s) {
				break
			}
		}
		// The oldest wait ends first.
		for wrong == "" && len(m.wait) > 0 {
			before := table.Stats().Timeouts
			for table.Stats().Timeouts == before {
				time.Sleep(time.Millisecond)
				synctest.Wait()
			}
			for i, a := range actors {
				if !a.busy.Load() && a.is(ErrLockWaitTimeout) && m.wait[i] != nil {
					m.leave(i)
				}
			}
			check(step{})
		}
		for i, a := range actors {
			if !a.busy.Load() {
				a.busy.Store(true)
				a.do <- step{owner: i}
			}
		}
		time.Sleep(time.Second) // whatever went wrong, let them end
		synctest.Wait()
		for i, a := range actors {
			a.o.ReleaseAll()
			if a.o.Len() != 0 && wrong == "" {
				wrong = fmt.Sprintf("owner %d holds %d locks in the end", i, a.o.Len())
			}
		}
		if wrong == "" {
			wrong = table.leaks()
		}
	})
	return wrong
}

// compare says where the table differs from the model.
func compare(actors []*actor, m *model, keys uint64) string {
	for i, a := range actors {
		if waits := m.wait[i] != nil; a.busy.Load() != waits {
			return fmt.Sprintf("owner %d waits: %v; want %v", i, a.busy.Load(), waits)
		}
		n := 0
		for key := uint64(1); key <= keys; key++ {
			want := Mode(0)
			if r := m.mine(i, key); r != nil {
				want = r.mode
				n++
			}
			if got := a.o.Holds(key); got != want {
				return fmt.Sprintf("owner %d holds %d in mode %v; want %v", i, key, got, want)
			}
		}
		if !a.busy.Load() && a.o.Len() != n {
			return fmt.Sprintf("owner %d has %d locks; want %d", i, a.o.Len(), n)
		}
	}
	return ""
}

// leaks says what is left in a table whose locks are all released.
func (t *Table) leaks() string {
	for i := range t.shards {
		if n := t.shards[i].rows; n != 0 {
			return fmt.Sprintf("shard %d: %d rows are left", i, n)
		}
	}
	if w := t.counts.waiting.Load(); w != 0 {
		return fmt.Sprintf("%d owners wait in the end", w)
	}
	return ""
}

// The table does what the plain one does, step by step: who waits, who is the
// victim of a deadlock and who holds what.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		owners := rapid.IntRange(2, 7).Draw(rt, "owners")
		keys := rapid.Uint64Range(1, 6).Draw(rt, "keys")
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			s := step{owner: rapid.IntRange(0, owners-1).Draw(rt, "owner"), mode: Exclusive}
			if rapid.IntRange(0, 5).Draw(rt, "release") == 0 {
				return s
			}
			s.key = rapid.Uint64Range(1, keys).Draw(rt, "key")
			if rapid.Bool().Draw(rt, "shared") {
				s.mode = Shared
			}
			return s
		}), 1, 60).Draw(rt, "steps")
		if wrong := replay(t, steps, owners, keys); wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// Every cycle of 2 to 5 owners is found by whoever closes it, wherever it is
// closed, through holders, through those who wait ahead, and by upgrades.
func TestDeadlockCycles(t *testing.T) {
	for n := 2; n <= 5; n++ {
		for closer := range n {
			var steps []step
			for i := range n {
				steps = append(steps, step{i, uint64(i + 1), Exclusive})
			}
			for i := range n {
				who := (closer + 1 + i) % n
				steps = append(steps, step{who, uint64((who+1)%n + 1), Exclusive})
			}
			if wrong := replay(t, steps, n, uint64(n)); wrong != "" {
				t.Errorf("cycle of %d, closed by %d: %s", n, closer, wrong)
			}
			if got := verdicts(steps); got[len(got)-1] != "deadlock" || slices.Contains(got[:len(got)-1], "deadlock") {
				t.Errorf("cycle of %d: the model says %v; want a deadlock in the end only", n, got)
			}
		}
	}
	for name, steps := range map[string][]step{
		"two upgrades":            {{0, 1, Shared}, {1, 1, Shared}, {0, 1, Exclusive}, {1, 1, Exclusive}},
		"upgrade passes the rest": {{0, 1, Shared}, {1, 1, Shared}, {2, 1, Exclusive}, {0, 1, Exclusive}, {1, 0, 0}},
		"through the queue": { // 3 waits for 2 only because 2 waits ahead of it
			{0, 1, Shared}, {3, 2, Exclusive}, {1, 1, Exclusive}, {2, 3, Exclusive}, {2, 1, Shared}, {3, 3, Shared}, {0, 2, Shared},
		},
		"behind an upgrade": {{0, 1, Shared}, {1, 1, Shared}, {2, 2, Exclusive}, {1, 1, Exclusive}, {2, 1, Shared}, {0, 2, Shared}},
	} {
		if wrong := replay(t, steps, 4, 3); wrong != "" {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// verdicts is what the model says to each step.
func verdicts(steps []step) (all []string) {
	m := newModel()
	for _, s := range steps {
		all = append(all, m.lock(s.owner, s.key, s.mode))
	}
	return all
}
