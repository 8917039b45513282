package groupcommit

// holdOff says which groups are not worth holding open, after some for which the
// expected clients did not come. The zero value passes none.
type holdOff struct {
	skip   int // groups to pass before gathering again
	streak int // misses in a row
}

// maxStreak bounds the back-off: 2^5 groups between two tries.
const maxStreak = 5

// pass reports whether this group is to be passed, and counts it.
func (b *holdOff) pass() bool {
	if b.skip == 0 {
		return false
	}
	b.skip--
	return true
}

// miss notes that less than half of the expected clients came: twice as many groups
// are passed as after the miss before.
func (b *holdOff) miss() {
	b.streak = min(b.streak+1, maxStreak)
	b.skip = 1<<b.streak - 1
}

// hit notes that they all came.
func (b *holdOff) hit() { b.streak = 0 }
