package undo

import (
	"fmt"
	"slices"
	"testing"

	"flushbench/engine/trx"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
)

// actor is a transaction of the brute-force model: it gets an id, then a
// number, then it leaves the active list; with two steps number and leaving are one.
type actor struct {
	id   trx.ID
	no   trx.No
	left bool
}

// path is the steps of a play: which actor went on.
type path []int

func (p path) String() string { return fmt.Sprint("opened after ", []int(p)) }

// seen is a view, and what it must see for ever, as the model says.
type seen struct {
	view    *ReadView
	creator int   // index of the actor, -1: none
	visible uint8 // bit i: actor i
	what    path
}

// plays walks all orders of steps of n transactions. By symmetry the ids come
// in the order of the actors.
type plays struct {
	t      *testing.T
	reg    registry
	actors []actor
	steps  int // 2 or 3 steps for each
	path   path
	views  []seen
	count  int
}

func (p *plays) done(i int) int {
	a := &p.actors[i]
	switch {
	case a.id == 0:
		return 0
	case a.left:
		return p.steps
	case a.no != 0:
		return 2
	}
	return 1
}

// walk tries every next step. At each point it opens a stranger's view, and
// the view of each transaction that is under way; all stay open.
func (p *plays) walk() {
	opened := len(p.views)
	p.open(-1)
	for i := range p.actors {
		if a := &p.actors[i]; !a.left && (i == len(p.path)%len(p.actors) || a.id != 0) {
			p.open(i)
		}
	}
	p.check()
	ended := true
	for i := range p.actors {
		if p.done(i) == p.steps {
			continue
		}
		ended = false
		if p.actors[i].id == 0 && i > 0 && p.actors[i-1].id == 0 {
			continue // the same as another order with the names changed
		}
		saved, before := p.actors[i], p.save()
		p.path = append(p.path, i)
		p.step(i)
		p.walk()
		p.path = p.path[:len(p.path)-1]
		p.restore(before)
		p.actors[i] = saved
		for _, v := range p.views {
			if v.creator == i && saved.id == 0 {
				v.view.creator = 0
			}
		}
	}
	if ended {
		p.count++
	}
	for _, v := range p.views[opened:] {
		p.reg.closeView(v.view)
	}
	p.views = p.views[:opened]
}

type saved struct {
	next       uint64
	active     []trx.ID
	committing []trx.No
}

func (p *plays) save() saved {
	return saved{p.reg.next, slices.Clone(p.reg.active), slices.Clone(p.reg.committing)}
}

func (p *plays) restore(s saved) {
	p.reg.next, p.reg.active, p.reg.committing = s.next, append(p.reg.active[:0], s.active...), append(p.reg.committing[:0], s.committing...)
}

func (p *plays) step(i int) {
	a := &p.actors[i]
	switch {
	case a.id == 0:
		var none ReadView
		a.id, _, _ = p.reg.begin(&none)
		for _, v := range p.views { // of this transaction, opened before it wrote
			if v.creator == i {
				v.view.creator = a.id
			}
		}
	case a.no == 0:
		a.no, _, _ = p.reg.number()
		if p.steps == 2 {
			p.leave(a)
		}
	default:
		p.leave(a)
	}
}

func (p *plays) leave(a *actor) {
	p.reg.mu.Lock()
	p.reg.leaveLocked(a.id, a.no)
	p.reg.mu.Unlock()
	a.left = true
}

// open opens a view: it sees whoever has left by now, for ever.
func (p *plays) open(creator int) {
	v := seen{view: &ReadView{}, creator: creator, what: slices.Clone(p.path)}
	id := trx.ID(0)
	if creator >= 0 {
		id = p.actors[creator].id
	}
	for i, a := range p.actors {
		if a.left {
			v.visible |= 1 << i
		}
	}
	p.reg.openView(v.view, id)
	p.views = append(p.views, v)
}

// check compares every open view with the model. What purge would take, with
// any number of the oldest views closed, must be seen by all the others.
func (p *plays) check() {
	limit := trx.No(0) // if all views before this one were closed
	for k, v := range p.views {
		if !v.view.Visible(0) {
			p.t.Fatalf("steps %v: the view %s does not see the loader", p.path, v.what)
		}
		if v.view.lowNo < limit {
			p.t.Fatalf("steps %v: the view %s needs numbers from %v on, an older one from %v", p.path, v.what, v.view.lowNo, limit)
		}
		limit = v.view.lowNo
		for i := range p.actors {
			a := &p.actors[i]
			if a.id == 0 {
				continue
			}
			want := v.visible&(1<<i) != 0 || i == v.creator
			if got := v.view.Visible(a.id); got != want {
				p.t.Fatalf("steps %v: the view %s of actor %d sees transaction %v: %v; want %v (%+v)", p.path, v.what, v.creator, a.id, got, want, v.view)
			}
			if v.visible&(1<<i) == 0 && a.no != 0 && a.no < limit {
				p.t.Fatalf("steps %v: purge up to %v would take number %v, which view %d %s needs", p.path, limit, a.no, k, v.what)
			}
		}
	}
	oldest := p.reg.oldest
	p.reg.oldest = nil
	none := p.reg.purgeLimitLocked()
	p.reg.oldest = oldest
	if none < limit || oldest != nil && p.reg.purgeLimitLocked() != oldest.lowNo {
		p.t.Fatalf("steps %v: purge limit %v, without views %v; the newest view needs %v", p.path, p.reg.purgeLimitLocked(), none, limit)
	}
	for _, a := range p.actors {
		if a.no != 0 && !a.left && a.no < none {
			p.t.Fatalf("steps %v: purge up to %v would take number %v of an active transaction", p.path, none, a.no)
		}
	}
}

// Every view agrees with the model at every later moment, over all
// interleavings of up to five transactions.
func TestVisibleAllInterleavings(t *testing.T) {
	type play struct{ actors, steps int }
	all := []play{{1, 3}, {2, 3}, {3, 3}, {5, 2}}
	if !yield.Enabled || seeds.Heavy() {
		all = append(all, play{4, 3})
	}
	if seeds.Soaking() { // half a minute
		all = append(all, play{5, 3})
	}
	for _, c := range all {
		t.Run(fmt.Sprintf("%d transactions, %d steps", c.actors, c.steps), func(t *testing.T) {
			p := plays{t: t, reg: registry{next: 1, limit: 1 << 20}, actors: make([]actor, c.actors), steps: c.steps}
			p.walk()
			t.Logf("%d interleavings", p.count)
			if p.reg.oldest != nil || p.reg.newest != nil || p.reg.views != 0 {
				t.Errorf("views are left: %+v", &p.reg)
			}
		})
	}
}

// A transaction that has not written yet and opened its view sees itself once it
// has an id.
func TestViewBecomesCreator(t *testing.T) {
	r := registry{next: 1, limit: 100}
	var v, other ReadView
	r.openView(&v, 0)
	r.openView(&other, 0)
	id, _, _ := r.begin(&v)
	if !v.Visible(id) || other.Visible(id) {
		t.Errorf("own change visible: %v, to another view: %v; want true, false", v.Visible(id), other.Visible(id))
	}
	if r.closeView(&other) || !r.closeView(&v) || r.closeView(&v) {
		t.Error("closeView does not say which view was the oldest")
	}
}

// A view opened and closed costs no allocation, nor does asking it.
func TestViewDoesNotAllocate(t *testing.T) {
	r := registry{next: 1, limit: 1 << 20}
	var none, v ReadView
	for range 100 {
		r.begin(&none)
	}
	r.openView(&v, 7)
	r.closeView(&v)
	if n := testing.AllocsPerRun(100, func() {
		r.openView(&v, 7)
		v.Visible(50)
		r.closeView(&v)
	}); n != 0 {
		t.Errorf("%v allocations a view; want 0", n)
	}
}
