package ledger

import (
	"math"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Who looks sees each acknowledgement once, from where the lane was opened, and says of
// how many it came too late for.
func TestAtRiskMissed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := rapid.SampledFrom([]int{2, 8, 64}).Draw(t, "history")
		base := rapid.Uint64Range(0, 200).Draw(t, "base")
		l, err := New(Config{Clients: 2, History: history})
		if err != nil {
			t.Fatal(err)
		}
		r := l.AtRisk([NumKinds]bool{})
		if r.Look(); r.Acked()+r.Missed() != 0 || r.At(1, [NumKinds]uint64{}) != [NumKinds]Risk{} {
			t.Fatalf("of lanes that were not opened there are %d, %d missed", r.Acked(), r.Missed())
		}
		lane := l.Lane(1)
		lane.Open(base)
		seq, seen, missed := base, int64(0), uint64(0)
		for range 8 {
			n := rapid.Uint64Range(0, 100).Draw(t, "commits")
			for range n {
				seq++
				lane.Begin(seq)
				lane.Ack(seq, int64(seq), 10*seq, 3)
			}
			forgotten := n - min(n, uint64(history-1))
			seen += int64(n - forgotten)
			missed += forgotten
			r.Look()
			if risk := r.At(int64(seq), [NumKinds]uint64{}); r.Acked() != seq-base || r.Missed() != missed || risk[0].Commits != seen || risk[2].Bytes != 3*seen {
				t.Fatalf("of %d there are %d, %d missed, and %+v at risk; want %d missed and %d seen", seq-base, r.Acked(), r.Missed(), risk, missed, seen)
			}
		}
	})
}

// Of what a lane has forgotten at least as much is at risk as there is, and nothing once
// all of it is safe.
func TestAtRiskOfForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Clients: 1,
			History: rapid.SampledFrom([]int{4, 16, 64}).Draw(t, "history"),
			Samples: rapid.SampledFrom([]int{4, 16, 64}).Draw(t, "samples"),
		}
		l, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		lane, r := l.Lane(0), l.AtRisk([NumKinds]bool{})
		lane.Open(0)
		seq, now, safe := uint64(0), int64(0), uint64(0)
		at := []int64{0}
		for range rapid.IntRange(1, 40).Draw(t, "looks") {
			now++
			for range rapid.IntRange(0, c.History-1).Draw(t, "commits") {
				seq++
				lane.Begin(seq)
				lane.Ack(seq, now, seq, 2)
				at = append(at, now)
			}
			r.Look()
			safe += rapid.Uint64Range(0, seq-safe).Draw(t, "safe")
			risk := r.At(now, [NumKinds]uint64{0, safe, seq})
			oldest := int64(0)
			if safe < seq {
				oldest = now - at[safe+1]
			}
			if x := risk[1]; r.Missed() != 0 || x.Commits < int64(seq-safe) || x.Bytes != 2*x.Commits || x.AgeNs < oldest || x.Commits > int64(seq) {
				t.Fatalf("beyond %d of %d %+v is at risk, %d missed; want at least %d", safe, seq, x, r.Missed(), oldest)
			}
			if x := risk[0]; x.Commits != int64(seq) || risk[2] != (Risk{}) {
				t.Fatalf("with nothing of %d safe %+v is at risk, with all %+v", seq, x, risk[2])
			}
		}
	})
}

// A slot from another time round, by four, is not taken for the one that is looked for.
func TestAtRiskFourTimesRound(t *testing.T) {
	lane := made(t, Config{Clients: 1, History: 8}).Lane(0)
	lane.Open(0)
	g := &group{first: 1, last: 5, sum: sum{commits: 5, bytes: 5, end: 5}}
	r := laneRisk{lane: *lane}
	for seq := uint64(1); seq <= 40; seq++ {
		lane.Begin(seq)
		lane.Ack(seq, 1, (seq-1)&31+1, 1)
		var c cut
		r.within(&c, g, 3)
		want := cut{seq: 3, sum: sum{3, 3, 3}, next: 4}
		if seq >= 5 && seq <= 8 && c != want || seq >= 9 && c != (cut{}) {
			t.Errorf("after %d up to 3 is %+v", seq, c)
		}
	}
}

// Samples are right while writers write.
func TestAtRiskWhileWriting(t *testing.T) {
	const clients, commits = 3, 20_000
	l := made(t, Config{Clients: clients, History: 1 << 16, Samples: 4096})
	short := made(t, Config{Clients: clients, History: 64})
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for c := range clients {
		for l, size := range map[*Ledger]func(uint64) int64{
			l:     func(seq uint64) int64 { return int64(seq & 1) },
			short: func(uint64) int64 { return 1 },
		} {
			lane := l.Lane(c)
			lane.Open(0)
			writers.Go(func() {
				for seq := uint64(1); seq <= commits; seq++ {
					lane.Begin(seq)
					lane.AckNow(seq, seq, size(seq))
				}
			})
		}
	}
	go func() {
		writers.Wait()
		close(stop)
	}()
	r, hasty := l.AtRisk([NumKinds]bool{2: true}), short.AtRisk([NumKinds]bool{})
	for over := false; !over; {
		select {
		case <-stop:
			over = true
		default:
		}
		least := uint64(math.MaxUint64)
		for c := range clients {
			least = min(least, l.Lane(c).acked())
		}
		r.Look()
		risk := r.At(l.Now(), [NumKinds]uint64{0, least, 0})
		if n := r.Acked(); r.Missed() != 0 || risk[2] != risk[0] || risk[0].Commits > int64(n+clients)/2 || risk[0].Commits < int64(n)/2 {
			t.Fatalf("%d are acknowledged, %d missed, %+v at risk", n, r.Missed(), risk)
		}
		if n := risk[0].Commits - risk[1].Commits; n != int64((least+1)/2*clients) || risk[1].Bytes != risk[1].Commits {
			t.Fatalf("up to %d there are %d; want %d of %d clients: %+v", least, n, (least+1)/2, clients, risk)
		}
		l.Tick(l.Now() + 1)
		hasty.Look()
		if n := uint64(hasty.At(0, [NumKinds]uint64{})[0].Commits); n > hasty.Acked() || n+hasty.Missed() < hasty.Acked() {
			t.Fatalf("%d acknowledged, %d missed, and %d counted", hasty.Acked(), hasty.Missed(), n)
		}
		short.Tick(short.Now() + 1)
	}
}

// What a sample costs the sampler: 1600 acknowledgements of 8 clients.
func BenchmarkLook(b *testing.B) {
	const clients, commits = 8, 200
	l := made(b, Config{Clients: clients, History: 1 << 19, Samples: 8192})
	r := l.AtRisk([NumKinds]bool{})
	lanes := make([]*Lane, clients)
	for c := range lanes {
		lanes[c] = l.Lane(c)
		lanes[c].Open(0)
	}
	seq := uint64(0)
	for b.Loop() {
		b.StopTimer()
		for range commits {
			seq++
			for _, lane := range lanes {
				lane.Begin(seq)
				lane.AckNow(seq, 256*seq, 256)
			}
		}
		l.Tick(l.Now() + 1)
		b.StartTimer()
		r.Look()
		r.At(l.Now(), [NumKinds]uint64{256 * seq, 128 * seq, 0})
	}
}
