package lock

// cycle reports whether o, which has just begun to wait, waits for itself: by
// way of those who hold what it wants or wait for it ahead of it, those for
// whom these wait, and so on. The caller holds graph.
//
// It locks one shard at a time, and yet never finds a cycle that is not there.
// Nobody begins to wait, times out or is stopped during the search, because
// that takes graph. So an owner that is seen waiting has been waiting since the
// search began, and has released nothing: what was seen before of those who
// wait for it still holds. And an owner that has been granted its lock is not
// seen waiting, which ends every path through it.
//
// Nor does it miss one: a new cycle leads through the newest wait. The waits of
// others come to lead to more owners only when an upgrade passes them, and that
// is the newest wait then.
func (t *Table) cycle(o *Owner) bool {
	t.epoch++
	o.mark = t.epoch
	t.stack = append(t.stack[:0], o)
	found := false
	for len(t.stack) > 0 && !found {
		top := len(t.stack) - 1
		w := t.stack[top]
		t.stack = t.stack[:top]
		if s := w.want.shard; s != nil {
			s.mu.Lock()
			found = w.want.state == waiting && t.blockers(w, o)
			s.mu.Unlock()
		}
	}
	clear(t.stack[:cap(t.stack)])
	return found
}

// blockers marks everybody for whom w waits in its row, by way of others in the
// same queue too, and puts the holders among them on the stack. It reports
// whether o is one of them. So the queue is walked once, not once for each who
// waits in it.
func (t *Table) blockers(w, o *Owner) bool {
	all := w.want.mode == Exclusive // it waits for shared locks too
	passed := false                 // others of the queue are among them
	for a := w.want.ahead; a != nil; a = a.want.ahead {
		exclusive := a.want.mode == Exclusive
		if !all && !exclusive {
			continue
		}
		if exclusive && a.mark == t.epoch {
			return false // everybody ahead of it has been or will be seen
		}
		a.mark = t.epoch
		all, passed = all || exclusive, true
	}
	for h := w.want.row.holders; h != nil; h = h.next {
		if !all && h.mode != Exclusive {
			continue
		}
		if h.owner == o && (w != o || passed) {
			return true
		}
		if h.owner.mark != t.epoch {
			h.owner.mark = t.epoch
			t.stack = append(t.stack, h.owner)
		}
	}
	return false
}
