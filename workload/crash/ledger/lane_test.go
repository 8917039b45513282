package ledger

import (
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// What a commit needs of a lane is one line of the cache.
func TestLaneLine(t *testing.T) {
	if n := unsafe.Offsetof(Lane{}.w); n > 64 {
		t.Errorf("what a commit needs takes %d bytes; want 64 at most", n)
	}
}

// A slot says what it was told, but for sizes from 8 KiB on, which are never less and
// hardly more, and for those that are too large to say.
func TestSlot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.Uint64Range(0, 1<<44-1).Draw(t, "end")
		checkSlot(t, end, rapid.Int64Range(0, 1<<rapid.IntRange(1, 28).Draw(t, "bits")).Draw(t, "size"))
	})
	for _, size := range []int64{MaxAckBytes - 1, MaxAckBytes, MaxAckBytes + 1, 1 << 28, 1 << 50} {
		checkSlot(t, 1<<44-1, size)
	}
}

func checkSlot(t rapid.TB, end uint64, size int64) {
	t.Helper()
	gotEnd, got := unpackAck(packAck(end, size) | lapMask)
	most := size
	switch {
	case size > MaxAckBytes:
		size, most = MaxAckBytes, MaxAckBytes
	case size >= 8<<10:
		most += size / 4096
	}
	if gotEnd != end || got < size || got > most {
		t.Fatalf("end %d with %d bytes is read as %d with %d", end, size, gotEnd, got)
	}
}

// Acknowledgements of one time have one date, also where the first of them are
// forgotten; those of which the date is forgotten are forgotten too.
func TestDatesAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Clients: 1,
			History: rapid.SampledFrom([]int{2, 8, 64}).Draw(t, "history"),
			Samples: rapid.SampledFrom([]int{2, 8, 64}).Draw(t, "samples"),
		}
		l, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		base := rapid.Uint64Range(0, 300).Draw(t, "base")
		lane := l.Lane(0)
		lane.Open(base)
		seq, now := base, int64(0)
		at := map[uint64]int64{}
		dates := []uint64{} // the first sequence of each
		for range rapid.IntRange(1, 40).Draw(t, "dates") {
			now++
			dates = append(dates, seq+1)
			for range rapid.IntRange(1, 12).Draw(t, "commits") {
				seq++
				lane.Begin(seq)
				l.Lane(0).Ack(seq, now, seq, 1) // what a lane knows lies in the memory
				at[seq] = now
			}
		}
		got := l.Read().Clients[0]
		first := max(base, seq-min(seq, uint64(c.History)-1)) + 1
		if n := min(c.History, c.Samples) - 1; len(dates) > n {
			first = max(first, dates[len(dates)-n])
		}
		if got.First != first || got.Acked != seq || uint64(len(got.Acks)) != seq+1-first {
			t.Fatalf("known are %d to %d, %d of them; want %d to %d", got.First, got.Acked, len(got.Acks), first, seq)
		}
		for i, a := range got.Acks {
			if seq := first + uint64(i); a != (Ack{at[seq], seq, 1}) {
				t.Fatalf("acknowledgement %d is %+v; want the time %d", seq, a, at[seq])
			}
		}
	})
}

// What is still known keeps its date, though the dates before it are overwritten while
// they are read.
func TestDatesOverwrittenWhileRead(t *testing.T) {
	lane := made(t, Config{Clients: 1, History: 16, Samples: 4}).Lane(0)
	lane.Open(0)
	ack := func(seq uint64) {
		lane.Begin(seq)
		lane.Ack(seq, int64(100+seq), seq, 1)
	}
	for seq := uint64(1); seq <= 3; seq++ {
		ack(seq)
	}
	var seen []int64
	lane.runs(1, 3, func(first, last uint64, at int64) {
		if seen = append(seen, at); len(seen) == 1 {
			ack(4)
			ack(5)                   // in the place of the date of 1
			lane.dateSeq(5).Store(6) // half of a date, in the place of that of 2
		}
		if first != last || first != uint64(len(seen)) {
			t.Errorf("%d to %d have one date; want one each", first, last)
		}
	})
	if gone := lane.gone(1, 3); gone != 2 || len(seen) != 3 || seen[2] != 103 {
		t.Errorf("the dates are %d, %d gone; want the third as it was, and two gone", seen, gone)
	}
}

// What has been overwritten since it was read counts as gone, the slot that may be being
// written next included.
func TestGone(t *testing.T) {
	lane := made(t, Config{Clients: 1, History: 8}).Lane(0)
	lane.Open(0)
	seq := uint64(0)
	for _, c := range []struct{ acks, first, to, want uint64 }{
		{5, 1, 5, 0}, {2, 1, 5, 0}, {1, 1, 5, 1}, {1, 1, 5, 2}, {0, 6, 9, 0}, {100, 6, 9, 4}, {0, 10, 9, 0},
	} {
		for range c.acks {
			seq++
			lane.Begin(seq)
			lane.Ack(seq, 1, seq, 1)
		}
		if got := lane.gone(c.first, c.to); got != c.want {
			t.Errorf("after %d of %d to %d %d are gone; want %d", seq, c.first, c.to, got, c.want)
		}
	}
}

// A writer that dies between any two stores of an acknowledgement has either made it
// or not.
func TestDiesInAck(t *testing.T) {
	l := made(t, Config{Clients: 1, History: 8})
	lane := l.Lane(0)
	lane.Open(0)
	for seq := uint64(1); seq <= 12; seq++ {
		lane.Begin(seq)
		lane.Ack(seq, int64(seq), seq, 1)
	}
	lane.Begin(13)
	lane.date(13, uint64(99+lane.origin))
	c := l.Read().Clients[0]
	if a, ok := c.At(12); c.Acked != 12 || c.Begun != 13 || !ok || a.At != 12 {
		t.Errorf("dead before the last store, the lane says %+v; want 12 acknowledged", c)
	}
	if got := l.Acked(); got != 12 {
		t.Errorf("Acked() = %d; want 12", got)
	}
}

// A reader that was held up between the head and the slots, by a time round them, is
// not sure of what it has found.
func TestHeldUpAtTheHead(t *testing.T) {
	lane := made(t, Config{Clients: 1, History: 8}).Lane(0)
	lane.Open(0)
	for seq := uint64(1); seq <= 40; seq++ {
		lane.Begin(seq)
		if got, sure := lane.begunFrom(lane.w[laneBegun].Load()); got != seq || !sure {
			t.Fatalf("the lane has begun %d, %v; want %d", got, sure, seq)
		}
		lane.Ack(seq, int64(seq), seq, 1)
	}
	for head := uint64(0); head < 40; head += 8 {
		if seq, sure := lane.begunFrom(head); sure {
			t.Errorf("from %d on %d was begun, for sure; want a second look", head, seq)
		}
	}
}

// Sequences that were used up without an acknowledgement are no acknowledgements, and
// those around them are.
func TestUsedUp(t *testing.T) {
	l := made(t, Config{Clients: 1, History: 8})
	lane := l.Lane(0)
	lane.Open(20)
	for seq := uint64(21); seq <= 30; seq++ {
		lane.Begin(seq)
		if seq == 26 || seq == 27 || seq > 28 {
			continue
		}
		lane.Ack(seq, int64(seq), seq, 1)
	}
	c := l.Read().Clients[0]
	if c.Acked != 28 || c.Begun != 30 || l.Acked() != 8 {
		t.Fatalf("the lane says %+v; want 28 acknowledged and 30 begun", c)
	}
	for seq := c.First; seq <= 28; seq++ {
		want := seq
		if seq == 26 || seq == 27 {
			want = 0
		}
		if a, ok := c.At(seq); !ok || a.End != want {
			t.Errorf("At(%d) = %+v, %v; want the end %d", seq, a, ok, want)
		}
	}
}

// The ledger's time never goes back, and is later than a failure that was noted.
func TestTime(t *testing.T) {
	l := made(t, Config{Clients: 1})
	from := l.Now()
	for _, c := range []struct {
		do   func()
		want int64
	}{
		{func() { l.Tick(from - 5) }, 0},
		{func() { l.Tick(from + 10) }, 10},
		{func() { l.Strike(from + 20) }, 21},
		{func() { l.Tick(from + 15) }, 21},
		{func() { l.Fail(from+30, "gone") }, 31},
		{func() { l.Fail(from+50, "again") }, 31},
	} {
		if c.do(); l.Now() != from+c.want {
			t.Errorf("Now() = %d after the begin; want %d", l.Now()-from, c.want)
		}
	}
}
