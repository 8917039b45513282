package undo

import "flushbench/engine/trx"

// logRef is the first log of a slot that is not purged.
type logRef struct {
	no trx.No
	sl *slot
}

// logHeap is a binary heap: the smallest number first, one entry a slot.
type logHeap []logRef

func (h *logHeap) push(r logRef) {
	*h = append(*h, r)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if s[up].no <= s[i].no {
			return
		}
		s[up], s[i] = s[i], s[up]
		i = up
	}
}

// replace gives the first entry another number.
func (h logHeap) replace(no trx.No) {
	h[0].no = no
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h); c++ {
			if h[c].no < h[least].no {
				least = c
			}
		}
		if least == i {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

// pop removes the first entry.
func (h *logHeap) pop() {
	s := *h
	last := len(s) - 1
	s[0] = s[last]
	*h = s[:last]
	if last > 0 {
		s[:last].replace(s[0].no)
	}
}
