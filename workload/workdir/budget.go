package workdir

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrBudget is wrapped by Spend when a write would pass the limit.
var ErrBudget = errors.New("write budget is used up")

// Budget counts the bytes that a run writes against --max-write-bytes. It is
// safe for concurrent use, takes no lock, and allocates only when it refuses.
type Budget struct {
	limit int64
	spent atomic.Int64
}

// NewBudget returns a budget of limit bytes; 0 or less is no limit.
func NewBudget(limit int64) *Budget { return &Budget{limit: max(limit, 0)} }

// Spend takes n bytes (n >= 0) before they are written. When fewer are left it
// takes none and returns an error that wraps ErrBudget.
func (b *Budget) Spend(n int64) error {
	if spent := b.spent.Add(n); b.limit > 0 && spent > b.limit {
		b.spent.Add(-n)
		return fmt.Errorf("workdir: %w: %d bytes more would pass the limit of %d", ErrBudget, n, b.limit)
	}
	return nil
}

// Spent is how many bytes were taken.
func (b *Budget) Spent() int64 { return b.spent.Load() }

// Limit is the limit in bytes, 0 for none.
func (b *Budget) Limit() int64 { return b.limit }

// Left is how many bytes may still be taken; -1 without a limit.
func (b *Budget) Left() int64 {
	if b.limit == 0 {
		return -1
	}
	return max(b.limit-b.spent.Load(), 0)
}
