package writeback

import (
	"fmt"
	"sort"
	"time"
)

// Sample looks which records are held back: usually one question, and as many as the
// logarithm of their number when the oldest one has been written back.
//
// NB: a page is held back as a whole, so a record that shares one with a younger
// record is taken for held back until that is written back too.
func (l *Log) Sample() error {
	began := l.o.Now()
	n := len(l.written)
	first, err := l.firstHeld(n)
	if err != nil {
		return fmt.Errorf("writeback: sample %s: %w", l.o.Path, err)
	}
	moved := first > l.floor
	if moved && !l.falling {
		oldest := l.written[l.floor]
		// It was held back when the last sample began, unless it is younger than that.
		l.falls = append(l.falls, Fall{Record: l.floor, Min: time.Duration(max(l.sampled-oldest, 0)), Max: time.Duration(l.o.Now() - oldest)})
	}
	l.floor, l.falling, l.sampled = first, moved, began
	return nil
}

// firstHeld returns the oldest of the first n records that is held back, n if none is.
func (l *Log) firstHeld(n int) (int, error) {
	if l.floor >= n {
		return n, nil
	}
	// In most samples nothing has changed.
	held, err := l.unclean(l.floor, l.floor+1)
	if err != nil || held {
		return l.floor, err
	}
	if held, err = l.unclean(l.floor, n); err != nil || !held {
		return n, err
	}
	// The page with the first record of [at, n) that is held back: the smallest i so
	// that something in [floor, i] is.
	at := l.floor + sort.Search(n-l.floor-1, func(i int) bool {
		if err != nil {
			return true
		}
		held, err = l.unclean(l.floor, l.floor+i+1)
		return held
	})
	return at, err
}

// unclean reports whether a page of records [from, to) is held back.
func (l *Log) unclean(from, to int) (bool, error) {
	began := l.o.Now()
	pages, err := l.cache.Unclean(int64(from)*RecordBytes, int64(to-from)*RecordBytes)
	l.queries++
	l.cost += l.o.Now() - began
	return pages > 0, err
}
