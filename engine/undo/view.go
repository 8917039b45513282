package undo

import (
	"slices"

	"flushbench/engine/trx"
)

// A ReadView says which transactions' changes a consistent read sees: those
// that had ended when it was opened, and its creator's own. It is opened and
// closed by the registry; while it is open, purge keeps what it can reach.
// Reusable. Visible is for one goroutine, its creator's; lowNo and the links
// are guarded by the registry's mutex.
type ReadView struct {
	// creator is the id of the view's own transaction; 0: it has not written.
	creator trx.ID
	// lowLimit is the first id that had not been handed out: it and all above
	// are invisible. (InnoDB's m_low_limit_id, an upper bound despite its name.)
	lowLimit trx.ID
	// upLimit is the smallest id that was active: all below are visible.
	upLimit trx.ID
	// ids are the active ids, ascending, without the creator's.
	ids []trx.ID
	// lowNo is the smallest number of those transactions that were committing,
	// or the next number: logs with numbers below it are not needed by this view.
	lowNo trx.No

	open       bool
	prev, next *ReadView // open views, oldest first
}

// Visible reports whether the changes of a transaction are seen. id 0 is the
// loader of the table, whom everybody sees. Costs a binary search at most.
func (v *ReadView) Visible(id trx.ID) bool {
	if id < v.upLimit || id == v.creator {
		return true
	}
	if id >= v.lowLimit {
		return false
	}
	_, active := slices.BinarySearch(v.ids, id)
	return !active
}
