package redo

import (
	"fmt"
	"testing"

	"flushbench/engine/lsn"
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

// Who meets others takes runs; who is alone does not, and neither does who appends
// little between two times that others need the log to end somewhere.
func TestProducerTakesRunsInCompany(t *testing.T) {
	alone := newPair(t, DefaultBuffer, 1)
	alone.turns(3*runs.few, 256)
	if alone.open() != 0 {
		t.Error("a producer that is alone takes runs")
	}

	p := newPair(t, DefaultBuffer, 2)
	p.turns(runs.few, 256)
	if p.open() != 0 {
		t.Errorf("runs are taken before %d records have met others", runs.few)
	}
	p.turns(1, 256)
	if p.open() != 2 {
		t.Fatalf("%d runs are open after %d records each by turns; want 2", p.open(), runs.few)
	}
	a, b := p.append(0, 256), p.append(0, 256)
	if b != a+256 {
		t.Errorf("in a run a record that ends at %v follows one that ends at %v", b, a)
	}
	p.drain()
	if p.open() != 0 {
		t.Error("runs are open after all have been closed")
	}

	// They were closed nearly empty: not again so soon, and each time later.
	for want := 2 * runs.few; want <= runs.many; want *= 2 {
		if p.turns(want, 256); p.open() != 0 {
			t.Fatalf("runs are taken again within %d records", want)
		}
		if p.turns(2, 256); p.open() != 2 {
			t.Fatalf("no runs are taken after %d records", want)
		}
		p.drain()
	}
	pads, all := lsn.LSN(0), lsn.LSN(0)
	for range 40 {
		p.turns(1000, 256)
		pad, size := p.drain()
		pads, all = pads+pad, all+size
	}
	if pads*25 > all {
		t.Errorf("pads are %d bytes of %d in a log that is cut all the time", pads, all)
	}
}

// A run is filled to its last byte where records fit, and what cannot hold a record is
// never left over. Large records go beside runs, in their producer's order.
func TestProducerFillsRuns(t *testing.T) {
	for _, size := range []int{MinRecord, MinRecord + 8, 248, 256, 1000, int(runs.largest), int(runs.largest) + 8, 5000} {
		p := newPair(t, DefaultBuffer, 2)
		p.turns(runs.few+1, 256)
		p.drain()
		p.turns(2*runs.few+1, 256)
		p.turns(500, size)
		p.append(1, 3000)
		p.turns(10, 256)
		pads, all := p.drain()
		if want := all / 5; pads > want {
			t.Errorf("records of %d bytes: %d of %d bytes are pads; want at most %d", size, pads, all, want)
		}
	}
	p := newPair(t, DefaultBuffer, 2)
	p.turns(runs.few, 256)
	p.turns(int(runs.bytes)/256, 256)
	if pads, _ := p.drain(); pads != 0 {
		t.Errorf("%d bytes of pads where records fill the runs", pads)
	}
}

// Only so many runs are open at a time, and those that were closed make room.
func TestProducersShareTheRing(t *testing.T) {
	p := newPair(t, 256<<10, 40)
	most := p.b.Size() / int(runs.bytes) / runShare
	for range 3 {
		p.turns(runs.few/2, MinRecord)
	}
	if p.open() != most {
		t.Errorf("%d runs are open; want %d", p.open(), most)
	}
	p.drain()
	for i := range p.b.open {
		if p.b.open[i].Load() != nil {
			t.Errorf("slot %d is taken by a producer whose run was closed", i)
		}
	}
}

// Whoever wants the log written to its end gets it, though a producer has a run open
// and never comes back; who does not leaves the run alone.
func TestCutClosesRuns(t *testing.T) {
	for _, tail := range Tails.All() {
		r := newRig(t, setup{tail: tail, buffer: 256 << 10})
		a, b := r.log.Buffer().NewProducer(), r.log.Buffer().NewProducer()
		for seq := range uint64(runs.few + 2) {
			for _, p := range []*Producer{a, b} {
				if _, err := p.Append(TypeCommit, 0, seq, make([]byte, 100)); err != nil {
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
