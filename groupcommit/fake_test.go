package groupcommit

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"flushbench/engine/lsn"
)

// fakeLog is a Log without a disk: records are a number of units long, what
// is published is a slot. It does what the redo log does with its watermarks
// and checks that the rights are respected and that nothing is tried again
// after a failure.
type fakeLog struct {
	slots [1 << 12]atomic.Uint64 // by start mod length: the end, once published

	reserved, ready, written, flushed, limit atomic.Uint64
	size                                     uint64 // of the log buffer, in units
	block                                    uint64 // pad to multiples of it when a flush follows; 0: never

	through    bool // every write is durable when it returns
	selfFlush  bool // a durable write is
	spin       int  // how often others may run during a flush
	failWrite  int64
	failFlush  int64
	beforeWork func(kind string) // called at the start of a write or a flush; may be nil
	release    func()            // lets go whoever beforeWork holds up; may be nil

	writing, flushing        atomic.Bool
	writes, flushes          atomic.Int64
	writeFailed, flushFailed atomic.Bool
	wrong                    atomic.Pointer[string]
	mu                       sync.Mutex
	groups                   []Group // guarded by mu
	committer                *Committer
}

var errInjected = errors.New("injected")

func newFakeLog() *fakeLog {
	l := &fakeLog{size: 1 << 11}
	l.limit.Store(l.size)
	return l
}

func (l *fakeLog) violation(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	l.wrong.CompareAndSwap(nil, &s)
}

// verdict returns the first violation, "" for none.
func (l *fakeLog) verdict() string {
	if s := l.wrong.Load(); s != nil {
		return *s
	}
	return ""
}

// reserve takes n units; the record is not there before publish.
func (l *fakeLog) reserve(n int) (start, end uint64, err error) {
	end = l.reserved.Add(uint64(n))
	if end > l.limit.Load() {
		if err := l.committer.Space(lsn.LSN(end)); err != nil {
			return 0, 0, err
		}
		if end > l.limit.Load() {
			l.violation("Space(%d) returned, the limit is %d", end, l.limit.Load())
		}
	}
	return end - uint64(n), end, nil
}

func (l *fakeLog) publish(start, end uint64) { l.slots[start%uint64(len(l.slots))].Store(end) }

// append is reserve and publish.
func (l *fakeLog) append(n int) lsn.LSN {
	start, end, err := l.reserve(n)
	if err != nil {
		return 0
	}
	l.publish(start, end)
	return lsn.LSN(end)
}

func (l *fakeLog) Cut(_ int, pad bool) lsn.LSN {
	if !l.writing.CompareAndSwap(false, true) {
		l.violation("Cut while another goroutine has the write right")
	}
	defer l.writing.Store(false)
	pad = pad && l.block > 0
	if pad {
		l.pad()
	}
	p := l.ready.Load()
	for reserved := l.reserved.Load(); p < reserved; {
		end := l.slots[p%uint64(len(l.slots))].Load()
		if end <= p {
			break
		}
		p = end
	}
	l.ready.Store(p)
	if pad {
		p = max(p-p%l.block, l.written.Load())
	}
	runtime.Gosched()
	return lsn.LSN(p)
}

func (l *fakeLog) pad() {
	for {
		r := l.reserved.Load()
		end := (r + l.block - 1) / l.block * l.block
		if end == r || end > l.limit.Load() {
			return
		}
		if l.reserved.CompareAndSwap(r, end) {
			l.publish(r, end)
			return
		}
	}
}

func (l *fakeLog) Write(to lsn.LSN, durable bool) error {
	from := l.written.Load()
	if uint64(to) <= from {
		return nil
	}
	if !l.writing.CompareAndSwap(false, true) {
		l.violation("Write while another goroutine has the write right")
	}
	defer l.writing.Store(false)
	if l.writeFailed.Load() {
		l.violation("a write after a write that failed")
	}
	if uint64(to) > l.ready.Load() {
		l.violation("Write(%v); ready is %d", to, l.ready.Load())
	}
	n := l.writes.Add(1)
	if l.beforeWork != nil {
		l.beforeWork("write")
	}
	runtime.Gosched()
	if n == l.failWrite {
		l.writeFailed.Store(true)
		return errInjected
	}
	l.written.Store(uint64(to))
	if l.through || durable && l.selfFlush && l.flushed.Load() == from {
		l.flushed.Store(uint64(to))
	}
	l.limit.Store(uint64(to) + l.size)
	return nil
}

func (l *fakeLog) Flush() error {
	if !l.flushing.CompareAndSwap(false, true) {
		l.violation("two flushes at the same time")
	}
	defer l.flushing.Store(false)
	if l.flushFailed.Load() {
		l.violation("a flush after a flush that failed")
	}
	target := l.written.Load()
	n := l.flushes.Add(1)
	if l.beforeWork != nil {
		l.beforeWork("flush")
	}
	for range l.spin {
		runtime.Gosched()
	}
	if n == l.failFlush {
		l.flushFailed.Store(true)
		return errInjected
	}
	if target > l.flushed.Load() {
		l.flushed.Store(target)
	}
	return nil
}

func (l *fakeLog) Reserved() lsn.LSN { return lsn.LSN(l.reserved.Load()) }
func (l *fakeLog) Written() lsn.LSN  { return lsn.LSN(l.written.Load()) }
func (l *fakeLog) Flushed() lsn.LSN  { return lsn.LSN(l.flushed.Load()) }
func (l *fakeLog) Limit() lsn.LSN    { return lsn.LSN(l.limit.Load()) }

// Group implements Observer.
func (l *fakeLog) Group(g Group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.groups); n > 0 && g.From < l.groups[n-1].To || g.To < g.From || g.Size < 0 {
		l.violation("group %+v after %+v", g, l.groups[max(0, n-1)])
	}
	l.groups = append(l.groups, g)
}
