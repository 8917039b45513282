package redo

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/yield/seeds"
)

// pair is producers that append by turns from one goroutine, so that what they do is
// the same each time.
type pair struct {
	t   *testing.T
	b   *lockFree
	all []*Producer
	seq []uint64
}

func newPair(t *testing.T, size, producers int) *pair {
	t.Helper()
	space := func(end lsn.LSN) error { return fmt.Errorf("no room for a record that ends at %v", end) }
	buf, err := NewBuffer(LockFree, size, FirstLSN, 1, 1, space)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = buf.Close() })
	p := &pair{t: t, b: buf.(*lockFree), seq: make([]uint64, producers)}
	for range producers {
		p.all = append(p.all, buf.NewProducer())
	}
	return p
}

// append appends a record of n bytes in all.
func (p *pair) append(who, n int) (end lsn.LSN) {
	p.t.Helper()
	p.seq[who]++
	end, err := p.all[who].Append(TypeCommit, uint64(who), p.seq[who], make([]byte, BodySize(n)))
	if err != nil {
		p.t.Fatal(err)
	}
	return end
}

// turns lets each producer append times records of n bytes.
func (p *pair) turns(times, n int) {
	p.t.Helper()
	for range times {
		for who := range p.all {
			p.append(who, n)
		}
	}
}

// open returns how many runs are open.
func (p *pair) open() (n int) {
	for i := range p.b.open {
		if who := p.b.open[i].Load(); who != nil && who.next.Load() < noRun {
			n++
		}
	}
	return n
}

// drain takes everything out, and says how much of it was pads. The records of each
// producer must be there in their order.
func (p *pair) drain() (pads, all lsn.LSN) {
	p.t.Helper()
	from := p.b.Ready()
	p.b.CloseRuns()
	at, seen := from, map[uint64]uint64{}
	end := p.b.Advance(p.b.Size(), func(kind Type, who, seq uint64, to lsn.LSN) {
		if kind == TypePad {
			pads += to - at
		} else if seen[who] != 0 && seq != seen[who]+1 {
			p.t.Errorf("producer %d: record %d comes after %d", who, seq, seen[who])
		}
		if kind != TypePad {
			seen[who] = seq
		}
		at = to
	})
	if end != p.b.Reserved() {
		p.t.Fatalf("ready %v, reserved %v: something holds it up", end, p.b.Reserved())
	}
	for who, seq := range seen {
		if seq != p.seq[who] {
			p.t.Errorf("producer %d: the last record is %d; want %d", who, seq, p.seq[who])
		}
	}
	p.b.Release(end)
	return pads, end - from
}

// Who meets others takes runs; who is alone does not, and neither does who has just had
// one closed that was nearly empty.
func TestProducerTakesRunsInCompany(t *testing.T) {
	few := int(runs.few)
	alone := newPair(t, DefaultBuffer, 1)
	alone.turns(3*few, 256)
	if alone.open() != 0 {
		t.Error("a producer that is alone takes runs")
	}

	p := newPair(t, DefaultBuffer, 2)
	p.turns(few, 256)
	if p.open() != 0 {
		t.Errorf("runs are taken before %d records have met others", few)
	}
	p.turns(1, 256)
	if p.open() != 2 {
		t.Fatalf("%d runs are open after %d records each by turns; want 2", p.open(), few)
	}
	a, b := p.append(0, 256), p.append(0, 256)
	if b != a+256 {
		t.Errorf("in a run a record that ends at %v follows one that ends at %v", b, a)
	}
	p.drain()
	if p.open() != 0 {
		t.Error("runs are open after all have been closed")
	}
	if p.turns(2, 256); p.open() != 0 {
		t.Error("runs are taken again at once")
	}
	// One is enough: who appends one by one beside it meets nobody any more.
	if p.turns(10*few, 256); p.open() == 0 {
		t.Error("no runs are taken any more long after some were closed")
	}
	if own := p.all[0]; own.end-own.from <= runs.least || own.end-own.from > runs.bytes {
		t.Errorf("a run of %d bytes; want more than %d, up to %d", own.end-own.from, runs.least, runs.bytes)
	}
}

// Pads are a small part of a log, however often it is cut, from the first record on.
func TestPadsStaySmall(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{MinRecord, 256, 912, 0} {
		for _, every := range []int{3, 12, 24, 31, 56, 125, 250} {
			p := newPair(t, 1<<20, 4)
			pads, all := lsn.LSN(0), lsn.LSN(0)
			for range 5000 / every {
				for range every {
					for who := range p.all {
						n := size
						if size == 0 { // all lengths, and some that go beside runs
							n = MinRecord + 8*rng.IntN(60)
							if rng.IntN(20) == 0 {
								n = 3000
							}
						}
						p.append(who, n)
					}
				}
				pad, log := p.drain()
				if pads, all = pads+pad, all+log; pads*16 > all {
					t.Fatalf("records of %d bytes, cut every %d: pads are %d bytes of %d", size, every, pads, all)
				}
			}
			if size != 0 && pads*40 > all {
				t.Errorf("records of %d bytes, cut every %d: pads are %d bytes of %d in the end", size, every, pads, all)
			}
		}
	}
}

// A run is filled to its last byte by records of one size, and what cannot hold a record
// is never left over. Large records go beside runs, in their producer's order.
func TestProducerFillsRuns(t *testing.T) {
	for _, size := range []int{MinRecord, MinRecord + 8, 248, 256, 912, 1000, int(runs.largest), int(runs.largest) + 8, 5000} {
		p := newPair(t, DefaultBuffer, 2)
		p.turns(1000, size)
		if pads, all := p.drain(); pads > lsn.LSN(2*runs.bytes) {
			t.Errorf("records of %d bytes: %d of %d bytes are pads, more than in the last runs", size, pads, all)
		}
		for _, own := range p.all {
			if got := own.end - own.from; got > runs.bytes {
				t.Errorf("records of %d bytes: a run of %d; want %d at the most", size, got, runs.bytes)
			}
		}
		p.turns(500, 256)
		p.turns(100, size)
		p.append(1, 3000)
		p.turns(10, 256)
		p.drain()
	}
}

// Only so many runs are open at a time, and those that were closed make room.
func TestProducersShareTheRing(t *testing.T) {
	p := newPair(t, 256<<10, 40)
	most := p.b.Size() / int(runs.bytes) / runShare
	for range 4 {
		p.turns(int(runs.few)/4, 256)
		p.drain()
	}
	p.turns(6, 256)
	if p.open() != most {
		t.Errorf("%d runs are open; want %d", p.open(), most)
	}
	for who, own := range p.all {
		if p.b.open[0].Load() == own {
			p.append(who, 5000) // closers find the others' runs behind its place, too
			break
		}
	}
	p.drain()
	for i := range p.b.open {
		if p.b.open[i].Load() != nil {
			t.Errorf("slot %d is taken by a producer whose run was closed", i)
		}
	}
}

// Who has closed its run itself and takes no other, for it may never come back, leaves
// the place to others.
func TestProducerLeavesItsSlot(t *testing.T) {
	p := newPair(t, MinBuffer, 2)
	for range 8 {
		p.turns(int(runs.few)/8, 256)
		p.drain()
	}
	p.append(0, 256)
	if len(p.b.open) != 1 || p.open() != 1 {
		t.Fatalf("%d of %d runs are open; want the only one", p.open(), len(p.b.open))
	}
	p.append(0, 5000)
	if p.append(1, 256); p.open() != 1 {
		t.Error("a producer that has no run keeps another one from it")
	}
	p.drain()
}

// Who fills a run walks the log for the writer as often as others do.
func TestProducerAssistsInRuns(t *testing.T) {
	p := newPair(t, DefaultBuffer, 2)
	calls := 0
	p.b.SetAssist(func() { calls++ })
	from := p.b.Reserved()
	p.turns(2000, 256)
	if want := int(p.b.Reserved()-from)/assistBytes - 1; p.open() == 0 || calls < want {
		t.Errorf("%d calls in %d bytes of log; want %d", calls, p.b.Reserved()-from, want)
	}
}

// Two clients never get the same place for their runs: closers would find one of them
// only, and the other's would be a hole for ever.
func TestSlotIsOneProducers(t *testing.T) {
	seeds.Run(t, 200, func(uint64) string {
		buf, err := NewBuffer(LockFree, MinBuffer, FirstLSN, 1, 1, nil)
		if err != nil {
			return err.Error()
		}
		defer buf.Close()
		b := buf.(*lockFree)
		var wg sync.WaitGroup
		for who := range 3 {
			wg.Go(func() {
				p := b.NewProducer()
				p.inRuns, p.credit = true, int64(runs.least)
				for seq := range uint64(3) {
					_, _ = p.Append(TypeCommit, uint64(who), seq, nil) // there is room for all
				}
			})
		}
		wg.Wait()
		b.CloseRuns()
		if got := b.Advance(b.Size(), nil); got != b.Reserved() {
			return fmt.Sprintf("ready %v, reserved %v: a run that nobody finds", got, b.Reserved())
		}
		return ""
	})
}

// Whoever wants the log written to its end gets it, though a producer has a run open
// and never comes back; who does not leaves the run alone.
func TestCutClosesRuns(t *testing.T) {
	for _, tail := range Tails.All() {
		r := newRig(t, setup{tail: tail, buffer: 256 << 10})
		a, b := r.log.Buffer().NewProducer(), r.log.Buffer().NewProducer()
		for seq := range uint64(runs.few) + 2 {
			for _, p := range []*Producer{a, b} {
				if _, err := p.Append(TypeCommit, 0, seq, make([]byte, BodySize(256))); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 3 {
			if err := r.log.Write(r.log.Cut(1<<20, false, nil), false); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.log.Written(); got >= r.log.Buffer().Reserved() || a.next.Load() >= noRun {
			t.Errorf("tail %v: written %v of %v, and nobody had asked for the run to be closed", tail, got, r.log.Buffer().Reserved())
		}
		for range 3 {
			if err := r.log.Write(r.log.Cut(1<<20, true, nil), false); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.log.Written(); got != r.log.Buffer().Reserved() {
			t.Errorf("tail %v: written %v of %v: a run that nobody fills is in the way", tail, got, r.log.Buffer().Reserved())
		}
		r.close()
	}
}

// A run that stands in nobody's way is left open: as long as the log can be written on
// before it, whoever wants more comes again.
func TestCutLeavesRunsBehind(t *testing.T) {
	r := newRig(t, setup{buffer: 256 << 10})
	buf := r.log.Buffer()
	a, b := buf.NewProducer(), buf.NewProducer()
	for seq := range uint64(runs.few) + 2 {
		for _, p := range []*Producer{a, b} {
			if _, err := p.Append(TypeCommit, 0, seq, make([]byte, BodySize(256))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if cut := r.log.Cut(1<<20, true, nil); cut == r.log.Written() || a.next.Load() >= noRun {
		t.Errorf("cut at %v, written %v, reserved %v: a run was closed that was in nobody's way", cut, r.log.Written(), buf.Reserved())
	}
	r.close()
}
