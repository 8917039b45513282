package bufpool

import (
	"sync"
	"sync/atomic"

	"flushbench/engine/lsn"
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

	// pins counts those who may hold the latch. It grows under Pool.mu, or
	// under dirty.mu while the page is dirty; it falls anywhere. A frame
	// without pins that is not dirty, seen with both mutexes held, is nobody's.
	pins atomic.Int32

	// Guarded by Pool.mu.
	id         PageID
	hashNext   int32
	prev, next int32  // LRU list
	old        bool   // in the old sublist
	touched    int64  // first use, a clock.Now value
	evictions  uint64 // lru.evictions when it last became young

	// Guarded by dirty.mu.
	dirty     bool
	flushing  bool    // copied out, not yet durable
	oldest    lsn.LSN // start of the first change that is not in the data file
	redirtied lsn.LSN // start of the first change since it was copied; 0: none
	dprev     int32
	dnext     int32
}

// table finds frames by page: a hash table with chains through the frames. It
// never grows. Guarded by Pool.mu.
type table struct {
	frames  []frame
	buckets []int32
	shift   uint
}

func newTable(frames []frame) table {
	bits := uint(1)
	for 1<<bits < 2*len(frames) {
		bits++
	}
	t := table{frames: frames, buckets: make([]int32, 1<<bits), shift: 64 - bits}
	for i := range t.buckets {
		t.buckets[i] = none
	}
	return t
}

// bucket is Fibonacci hashing: neighbours spread.
func (t *table) bucket(id PageID) *int32 {
	return &t.buckets[id.key()*0x9e3779b97f4a7c15>>t.shift]
}

func (t *table) find(id PageID) *frame {
	for i := *t.bucket(id); i != none; i = t.frames[i].hashNext {
		if f := &t.frames[i]; f.id == id {
			return f
		}
	}
	return nil
}

func (t *table) insert(f *frame) {
	b := t.bucket(f.id)
	f.hashNext, *b = *b, f.self
}

func (t *table) remove(f *frame) {
	at := t.bucket(f.id)
	for *at != f.self {
		at = &t.frames[*at].hashNext
	}
	*at = f.hashNext
}
