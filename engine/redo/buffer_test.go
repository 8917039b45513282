package redo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/yield/seeds"
)

// trial is one small history of a log buffer: some producers append records,
// one consumer takes them out. Everything about it follows from its seed but
// the order of the producers.
type trial struct {
	size     int // of the ring
	start    lsn.LSN
	plan     [][]int // body sizes, by producer
	pad      int     // one in so many rounds of the consumer pads; 0: never
	block    int     // of pads
	maxBytes int     // of Advance
	holdBack int     // bytes below written that are not released, at the most
	id       uint64
	inc      uint32
	rng      *rand.Rand
	bodies   []byte // what bodies are cut from
	runs     int    // how many producers may have a run of their own at a time; 0: none
}

// shortRuns are taken from the second record on: before the first one there were
// others, as far as a producer knows.
var shortRuns = runRule{least: MinRecord, bytes: 256, largest: 128, few: 1, company: 4, share: 1, early: 1}

func newTrial(seed uint64) *trial {
	rng := rand.New(rand.NewPCG(seed, 1))
	tr := &trial{
		size:     1024 << rng.IntN(3),
		id:       rng.Uint64(),
		inc:      rng.Uint32(),
		maxBytes: 1 + rng.IntN(2000),
		rng:      rng,
	}
	tr.start = lsn.LSN(rng.Uint64N(1<<40) * recAlign)
	tr.plan = make([][]int, 1+rng.IntN(4))
	fixed := rng.IntN(3) == 0 // records that divide the ring: laps line up
	for p := range tr.plan {
		tr.plan[p] = make([]int, 1+rng.IntN(8))
		for i := range tr.plan[p] {
			tr.plan[p][i] = rng.IntN(tr.size/2 - MinRecord)
			if fixed {
				tr.plan[p][i] = BodySize(tr.size / 4)
			}
		}
	}
	if !fixed && rng.IntN(2) == 0 {
		tr.runs = 1 + rng.IntN(3)
		for _, sizes := range tr.plan {
			for i := range sizes {
				if rng.IntN(8) > 0 {
					sizes[i] = rng.IntN(100)
				}
			}
		}
	}
	if rng.IntN(2) == 0 {
		tr.pad, tr.block = 1+rng.IntN(4), 128
	}
	if rng.IntN(2) == 0 {
		tr.holdBack = 128
	}
	tr.bodies = make([]byte, tr.size)
	for i := range tr.bodies {
		tr.bodies[i] = byte(rng.Uint32())
	}
	return tr
}

// body is what producer p appends as its i-th record.
func (tr *trial) body(p, i int) []byte {
	n := tr.plan[p][i]
	from := (p*31 + i*7) % (len(tr.bodies) - n)
	return tr.bodies[from : from+n]
}

func (tr *trial) newBuffer(kind BufferKind, space Space) (Buffer, error) {
	r, err := newRing(tr.size, tr.id, tr.inc)
	if err != nil {
		return nil, err
	}
	if kind == Mutex {
		return newMutexBuffer(r, tr.start, space), nil
	}
	b := newLockFree(r, tr.start, space)
	b.rule, b.open = shortRuns, make([]atomic.Pointer[Producer], tr.runs)
	return b, nil
}

// visited is one call of Visit.
type visited struct {
	t      Type
	w0, w1 uint64
	end    lsn.LSN
}

// outcome is what the consumer took out.
type outcome struct {
	log    []byte // from start on, every byte as it was when it became ready
	visits []visited
	ends   [][]lsn.LSN // what Append returned, by producer
}

// consumer is the holder of the write right.
type consumer struct {
	tr       *trial
	buf      Buffer
	out      outcome
	released lsn.LSN
	ready    lsn.LSN
}

// step advances, copies out what became ready, checks that what it copied
// before has not changed, and releases some of it.
func (c *consumer) step() string {
	if c.tr.pad > 0 && c.tr.rng.IntN(c.tr.pad) == 0 {
		c.buf.Pad(c.tr.block)
	}
	if c.tr.rng.IntN(8) == 0 {
		c.buf.CloseRuns()
	}
	ready := c.buf.Advance(c.tr.maxBytes, func(t Type, w0, w1 uint64, end lsn.LSN) {
		c.out.visits = append(c.out.visits, visited{t, w0, w1, end})
	})
	if ready < c.ready || c.buf.Ready() != ready {
		return fmt.Sprintf("Advance = %v, then Ready = %v; was %v", ready, c.buf.Ready(), c.ready)
	}
	if reserved := c.buf.Reserved(); ready > reserved {
		return fmt.Sprintf("ready %v is beyond reserved %v", ready, reserved)
	} else if ready == c.ready && ready < reserved {
		c.buf.CloseRuns() // as Log.Cut does
	}
	c.out.log = append(c.out.log, join(c.buf.Slices(c.ready, ready))...)
	c.ready = ready
	keep := lsn.LSN(0)
	if c.tr.holdBack > 0 {
		keep = lsn.LSN(c.tr.rng.IntN(c.tr.holdBack)) &^ 7
	}
	to := max(c.released, ready-min(keep, ready-c.released))
	if now, then := join(c.buf.Slices(c.released, to)), c.out.log[c.released-c.tr.start:to-c.tr.start]; !bytes.Equal(now, then) {
		return fmt.Sprintf("the bytes of [%v, %v) changed between ready and release", c.released, to)
	}
	if to > c.released {
		c.released = to
		c.buf.Release(to)
	}
	return ""
}

func join(a, b []byte) []byte { return append(append([]byte(nil), a...), b...) }

// run lets the producers append to a buffer and the consumer drain it.
func (tr *trial) run(kind BufferKind) (outcome, string) {
	var buf Buffer
	var giveUp atomic.Bool
	space := func(end lsn.LSN) error {
		for buf.Limit() < end {
			if giveUp.Load() {
				return fmt.Errorf("stopped")
			}
			runtime.Gosched()
		}
		return nil
	}
	buf, err := tr.newBuffer(kind, space)
	if err != nil {
		return outcome{}, err.Error()
	}
	c := consumer{tr: tr, buf: buf, released: tr.start, ready: tr.start}
	c.out.ends = make([][]lsn.LSN, len(tr.plan))
	var wg sync.WaitGroup
	var left atomic.Int32
	left.Store(int32(len(tr.plan)))
	for p := range tr.plan {
		wg.Go(func() {
			defer left.Add(-1)
			appending := buf.Append
			if b, ok := buf.(*lockFree); ok && tr.runs > 0 {
				own := b.NewProducer()
				own.credit = int64(shortRuns.bytes)
				appending = own.Append
			}
			for i := range tr.plan[p] {
				end, err := appending(TypeCommit, uint64(p), uint64(i), tr.body(p, i))
				if err != nil {
					return
				}
				c.out.ends[p] = append(c.out.ends[p], end)
			}
		})
	}
	wrong := ""
	for wrong == "" && (left.Load() > 0 || c.ready < buf.Reserved()) {
		wrong = c.step()
		runtime.Gosched()
	}
	giveUp.Store(true)
	wg.Wait()
	if err := buf.Close(); err != nil && wrong == "" {
		wrong = err.Error()
	}
	return c.out, wrong
}

// check parses what was taken out: valid records tile the log, one for each
// Append and at its place, with the body that the producer gave.
func (tr *trial) check(out outcome) string {
	key := keyOf(tr.id, tr.inc)
	next := make([]int, len(tr.plan))
	pos, n := tr.start, 0
	for rest := out.log; len(rest) > 0; n++ {
		h := decodeHeader(rest)
		size := RecordSize(int(h.payload))
		if h.word != uint64(pos)^key || h.incarnation != tr.inc || size > len(rest) {
			return fmt.Sprintf("at %v: no record of this LSN: %+v", pos, h)
		}
		want := appendRecord(nil, pos, tr.id, tr.inc, h.kind, rest[HeaderSize:HeaderSize+int(h.payload)])
		if !bytes.Equal(rest[:size], want) {
			return fmt.Sprintf("at %v: a record that its checksum or padding does not fit", pos)
		}
		end := pos + lsn.LSN(size)
		w0, w1 := uint64(0), uint64(0)
		switch h.kind {
		case TypeCommit:
			w0, w1 = binary.LittleEndian.Uint64(rest[HeaderSize:]), binary.LittleEndian.Uint64(rest[HeaderSize+8:])
			if w0 >= uint64(len(next)) || int(w1) != next[w0] {
				return fmt.Sprintf("at %v: record %d of producer %d; want %v", pos, w1, w0, next)
			}
			if body := rest[MinRecord : HeaderSize+int(h.payload)]; !bytes.Equal(body, tr.body(int(w0), int(w1))) {
				return fmt.Sprintf("at %v: record %d of producer %d has another body", pos, w1, w0)
			}
			if got := out.ends[w0][w1]; got != end {
				return fmt.Sprintf("record %d of producer %d: Append = %v; it ends at %v", w1, w0, got, end)
			}
			next[w0]++
		case TypePad:
			atBlock := tr.pad > 0 && end.AlignDown(tr.block) == end
			if atRun := tr.runs > 0 && uint64(size) < shortRuns.bytes; !atBlock && !atRun {
				return fmt.Sprintf("at %v: a pad record that ends at %v", pos, end)
			}
		}
		if n >= len(out.visits) || out.visits[n] != (visited{h.kind, w0, w1, end}) {
			return fmt.Sprintf("at %v: visits %v; want %v %d %d %v", pos, out.visits[min(n, len(out.visits)):], h.kind, w0, w1, end)
		}
		rest, pos = rest[size:], end
	}
	for p := range next {
		if next[p] != len(tr.plan[p]) {
			return fmt.Sprintf("producer %d: %d of %d records came out", p, next[p], len(tr.plan[p]))
		}
	}
	return ""
}

// replay appends the records of out to a mutex buffer in the order in which
// they came out. The bytes must be the same.
func (tr *trial) replay(out outcome) string {
	var buf Buffer
	c := consumer{tr: tr, released: tr.start, ready: tr.start}
	space := func(lsn.LSN) error {
		if wrong := c.step(); wrong != "" {
			return fmt.Errorf("%s", wrong)
		}
		return nil
	}
	buf, err := tr.newBuffer(Mutex, space)
	if err != nil {
		return err.Error()
	}
	defer buf.Close()
	c.buf = buf
	pads := tr.pad
	tr.pad = 0
	defer func() { tr.pad = pads }()
	for _, v := range out.visits {
		if v.t == TypePad {
			for buf.Reserved() < v.end {
				c.step()
				buf.(*mutexBuffer).padTo(uint64(v.end))
			}
			continue
		}
		if _, err := buf.Append(v.t, v.w0, v.w1, tr.body(int(v.w0), int(v.w1))); err != nil {
			return err.Error()
		}
	}
	for c.ready < buf.Reserved() {
		if wrong := c.step(); wrong != "" {
			return "mutex buffer: " + wrong
		}
	}
	if !bytes.Equal(c.out.log, out.log) {
		return "the mutex buffer made other bytes of the same records"
	}
	return ""
}

// padTo is Pad up to end.
func (b *mutexBuffer) padTo(end uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if end <= b.mu.limit {
		b.padLocked(end - b.mu.reserved)
	}
}

func bufferProperty(seed uint64) string {
	tr := newTrial(seed)
	out, wrong := tr.run(LockFree)
	if wrong == "" {
		wrong = tr.check(out)
	}
	if wrong == "" {
		wrong = tr.replay(out)
	}
	return wrong
}

// TestLockFreeBuffer holds the lock-free buffer against its promises and
// against the mutex buffer: reservations are disjoint and tile the log, ready
// never passes a record that is not published, what is ready never changes,
// and every byte is what a producer put there.
func TestLockFreeBuffer(t *testing.T) { seeds.Run(t, 1, bufferProperty) }

func TestLockFreeBufferShuffledSoak(t *testing.T) { seeds.Soak(t, 1, bufferProperty) }

// TestMutexBuffer holds the oracle itself against the same promises.
func TestMutexBuffer(t *testing.T) {
	seeds.Run(t, 4, func(seed uint64) string {
		tr := newTrial(seed)
		out, wrong := tr.run(Mutex)
		if wrong != "" {
			return wrong
		}
		return tr.check(out)
	})
}
