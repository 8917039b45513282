package bufpool

import (
	"sync"
	"sync/atomic"

	"flushbench/engine/lsn"
	"flushbench/engine/yield"
)

// none is the end of a list of frames.
const none = int32(-1)

// frameAlign is the alignment of frames and batches in memory.
const frameAlign = 4096

// frame is the memory of one page and what is known about it.
type frame struct {
	// latch guards buf and err: shared to read, exclusive to change. It is only
	// taken by those who hold a pin.
	latch sync.RWMutex
	buf   []byte
	err   error // the page could not be read; nil: buf is the page
	self  int32 // own index

	// pins counts those who may hold the latch; see tryPin. It is claimed while
	// the frame passes from one page to the next: under Pool.mu, and dirty.mu,
	// by a swap from 0 of a frame that is not dirty.
	pins atomic.Int32

	// id, and when it was first used (a clock.Now value): written while the
	// frame is claimed, read by those who hold a pin or Pool.mu. key is the id
	// for those who hold neither and look for a page to pin.
	id      PageID
	touched int64
	key     atomic.Uint64

	// Written under Pool.mu; read anywhere.
	hashNext  atomic.Int32
	old       atomic.Bool   // in the old sublist
	evictions atomic.Uint64 // lru.evictions when it last became young

	// Guarded by Pool.mu.
	prev, next int32 // LRU list

	// listed: dirty and not flushing. Written under dirty.mu. Whoever holds the
	// latch exclusively and finds it true can rely on it: the page stays in the
	// flush list until the latch is let go of, for a flush begins with a copy.
	listed atomic.Bool

	// Guarded by dirty.mu.
	dirty     bool
	flushing  bool    // copied out, not yet durable
	oldest    lsn.LSN // start of the first change that is not in the data file
	redirtied lsn.LSN // start of the first change since it was copied; 0: none
	dprev     int32
	dnext     int32
}

// claimed is the value of pins in a frame that nobody can pin: far below 0.
const claimed = -1 << 30

// tryPin pins f unless it is claimed. Who gets the pin sees everything that was
// written to the frame before its claim was lifted, and until unpin nobody can
// claim it. Lock-free: the swap fails only when another pin came or went.
func (f *frame) tryPin() bool {
	for {
		n := f.pins.Load()
		if n < 0 {
			return false
		}
		if f.pins.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// table finds frames by page: a hash table with chains through the frames. It
// never grows. It is changed, and find is called, under Pool.mu.
type table struct {
	frames  []frame
	buckets []atomic.Int32
	shift   uint
}

func newTable(frames []frame) table {
	bits := uint(1)
	for 1<<bits < 2*len(frames) {
		bits++
	}
	t := table{frames: frames, buckets: make([]atomic.Int32, 1<<bits), shift: 64 - bits}
	for i := range t.buckets {
		t.buckets[i].Store(none)
	}
	return t
}

// bucket is Fibonacci hashing: neighbours spread.
func (t *table) bucket(key uint64) *atomic.Int32 {
	return &t.buckets[key*0x9e3779b97f4a7c15>>t.shift]
}

func (t *table) find(id PageID) *frame {
	key := id.key()
	for i := t.bucket(key).Load(); i != none; {
		f := &t.frames[i]
		if f.key.Load() == key {
			return f
		}
		i = f.hashNext.Load()
	}
	return nil
}

// maxSteps is how far findPinned follows a chain.
const maxSteps = 32

// findPinned is find without Pool.mu that pins the frame, or returns nil: the
// page is not there, or was just coming or going; then Pool.mu decides. Bounded.
//
// A chain may change under the walk, which then misses frames or strays into
// another chain. It cannot find wrongly, because a pinned frame keeps its page:
//
//	reader                     evictor, under Pool.mu
//	key of f is right
//	                           pins of f: 0 -> claimed
//	                           f gets another page; pins: claimed -> 1
//	pins of f: 1 -> 2
//	id of f is wrong: unpin
func (p *Pool) findPinned(id PageID) *frame {
	key := id.key()
	i := p.table.bucket(key).Load()
	for range maxSteps {
		if i == none {
			return nil
		}
		f := &p.frames[i]
		yield.Point(yield.TryLock)
		if f.key.Load() != key {
			i = f.hashNext.Load()
			continue
		}
		yield.Point(yield.GotLock)
		if !f.tryPin() {
			return nil
		}
		if f.id == id {
			return f
		}
		p.unpin(f)
		return nil
	}
	return nil
}

func (t *table) insert(f *frame) {
	b := t.bucket(f.key.Load())
	f.hashNext.Store(b.Load())
	b.Store(f.self) // lets those find the frame who do not hold Pool.mu
}

func (t *table) remove(f *frame) {
	at := t.bucket(f.key.Load())
	for at.Load() != f.self {
		at = &t.frames[at.Load()].hashNext
	}
	at.Store(f.hashNext.Load())
}
