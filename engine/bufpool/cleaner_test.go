package bufpool

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/lsn"
	"flushbench/engine/trx"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
)

func TestUrgency(t *testing.T) {
	const capacity = 160_000
	for _, c := range []struct {
		age  lsn.LSN
		want urgency
	}{{0, idle}, {15_999, idle}, {16_000, gentle}, {139_999, gentle}, {140_000, async}, {149_999, async}, {150_000, urgent}, {170_000, urgent}} {
		if got := urgencyOf(c.age, capacity); got != c.want {
			t.Errorf("urgencyOf(%d, %d) = %d; want %d", c.age, capacity, got, c.want)
		}
	}
	last := 0
	for age := lsn.LSN(16_000); age < 140_000; age += 1000 {
		n := gentlePages(age, capacity, 2000, 100*time.Millisecond)
		if n < last || n < 1 {
			t.Errorf("gentlePages at age %v = %d; want no less than %d before it", age, n, last)
		}
		last = n
	}
	if lo, hi := gentlePages(16_000, capacity, 2000, 100*time.Millisecond), last; lo != 16 || hi < 400 || hi > 450 {
		t.Errorf("gentlePages = %d at 10 %%, %d at 7/8; want 16 and about 430 of 200", lo, hi)
	}
}

// eventually waits until the cleaner, which runs on its own, has done
// something; the test's time limit is the only limit.
func eventually(cond func() bool) {
	for !cond() {
		runtime.Gosched()
	}
}

// stacks returns where all goroutines stand.
func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}

// The cleaner flushes nothing while the log is nearly empty, at a kick a batch,
// and at full urgency when a Begin finds the log 7/8 full.
func TestCleanerFollowsAge(t *testing.T) {
	log := newFakeLog(10 << 20)
	p := open(t, smallest(created(t, vfs.Fdatasync), log, 8))
	var m Mtr
	for no := range uint32(40) {
		set(t, p, &m, tp(no), 1)
	}
	p.cleaner.nudge()
	p.Kick()
	seeds.Ends(t, func() { eventually(func() bool { return p.Stats().Flushed[ReasonAdaptive] >= 32 }) })
	for no := range uint32(40) {
		set(t, p, &m, tp(no), 2)
	}
	var big [16_000]byte
	fill := func(upTo lsn.LSN) {
		for log.Reserved()-firstLSN < upTo {
			if _, err := do(p, &m, 1, []write{{id: tp(50), off: 40, data: big[:]}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(10 << 20 / 8 * 7)
	set(t, p, &m, tp(50), 3) // its Begin sees the age
	seeds.Ends(t, func() { eventually(func() bool { return p.Stats().Flushed[ReasonAsync] > 0 && p.Stats().Dirty <= 1 }) })
	if s := p.Stats(); s.Stalls != 0 || s.Flushed[ReasonSync] != 0 {
		t.Errorf("%d stalls, %d pages by sync flush; want none", s.Stalls, s.Flushed[ReasonSync])
	}
}

// A tick leaves the dirty pages of a database that fits into the pool alone, and
// so the log that would have to be flushed before them; it cleans the end of the
// LRU list once frames run out.
func TestTickLeavesPagesThatFit(t *testing.T) {
	log := newFakeLog(64 << 20)
	p := open(t, smallest(created(t, vfs.Fdatasync), log, 8))
	var m Mtr
	for no := range uint32(8) {
		set(t, p, &m, tp(no), 1)
	}
	p.cleaner.step(true)
	if s := p.Stats(); s.Flushed != (Stats{}).Flushed || s.Dirty < 8 {
		t.Errorf("with frames to spare a tick flushed %v pages, %d are dirty; want none flushed", s.Flushed, s.Dirty)
	}
	for no := range uint32(len(p.frames)) {
		set(t, p, &m, tp(no), 2)
	}
	before := p.Stats().Flushed[ReasonTail]
	p.cleaner.step(true)
	if s := p.Stats(); s.Flushed[ReasonTail] == before {
		t.Errorf("with no frame to spare a tick flushed %v pages; want some from the end of the list", s.Flushed)
	}
}

// A tiny log and many users: Begin waits before any latch, nobody deadlocks,
// and the log never holds more than its capacity allows.
func TestFullLog(t *testing.T) {
	seeds.Run(t, 100, func(seed uint64) string {
		if sparing(seed, 20) {
			return ""
		}
		const users = 12
		capacity := lsn.LSN(maxRecord) * 2
		log := newFakeLog(capacity)
		o := smallest(walSpy(created(t, vfs.Fdatasync), log), log, users)
		p, err := Open(o)
		if err != nil {
			return err.Error()
		}
		defer p.Close()
		log.pool = p
		p.opts.Advanced = log.checkpoint
		var over atomic.Bool
		log.appended = func(record) {
			age, _ := log.Age()
			if age > capacity+users*lsn.LSN(maxRecord) {
				over.Store(true)
			}
		}
		var wg sync.WaitGroup
		for u := range users {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(u)))
				var m Mtr
				big := make([]byte, 4000)
				for range 25 {
					id := tp(uint32(r.IntN(10)))
					ws := []write{{id: id, off: 100, data: big}, {id: PageID{SpaceUndo, uint32(r.IntN(200))}, off: 100, data: big}}
					if _, err := do(p, &m, trx.ID(u), ws); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if over.Load() {
			return "the log grew beyond its capacity and one record for each user"
		}
		if s := p.Stats(); s.Stalls == 0 || s.StallNs == 0 {
			return "no Begin stalled: the test shows nothing"
		}
		return ""
	})
}

// With most of the pool latched, or dirty, who needs a frame waits for one and
// gets it.
func TestWaitForFrame(t *testing.T) {
	const mtrs = 18
	disk := created(t, vfs.Fdatasync)
	log := newFakeLog(1 << 30)
	p := open(t, smallest(disk, log, mtrs))
	for i := range p.frames { // leave 3 frames to live on
		if i >= 3 {
			p.free = p.free[:3]
		}
	}
	var held [1]Mtr
	if err := p.Begin(&held[0]); err != nil {
		t.Fatal(err)
	}
	for no := range uint32(3) {
		if _, err := held[0].Write(tp(no)); err != nil {
			t.Fatal(err)
		}
	}
	seeds.Ends(t, func() {
		done := make(chan error)
		go func() {
			var m Mtr
			_, err := do(p, &m, 1, []write{{id: tp(9), off: 40, data: []byte{1}}})
			done <- err
		}()
		eventually(func() bool { return p.Stats().FrameWaits > 0 })
		held[0].Abandon()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Two readers of a page that is not there cause one read.
func TestOneReadForTwoReaders(t *testing.T) {
	var reads atomic.Int32
	both := make(chan struct{})
	spy := &spyFS{FS: created(t, vfs.Fdatasync)}
	p := open(t, smallest(spy, newFakeLog(1<<30), 2))
	spy.onRead = func(string, int64) error { reads.Add(1); <-both; return nil }
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var m Mtr
			if err := p.BeginRead(&m); err != nil {
				t.Error(err)
			} else if _, err := m.Read(tp(5)); err != nil {
				t.Error(err)
			}
			m.Abandon()
		})
	}
	seeds.Ends(t, func() {
		eventually(func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			f := p.table.find(tp(5))
			return f != nil && f.pins.Load() == 2 && reads.Load() == 1
		})
		close(both)
		wg.Wait()
	})
	if s := p.Stats(); reads.Load() != 1 || s.Misses != 1 || s.Hits != 1 {
		t.Errorf("%d reads, %d misses, %d hits; want 1 of each", reads.Load(), s.Misses, s.Hits)
	}
}

// The pool's memory is what its options say, and too small a pool is refused.
func TestOptions(t *testing.T) {
	disk, log := created(t, vfs.Fdatasync), newFakeLog(1<<30)
	good := smallest(disk, log, 4)
	p := open(t, good)
	if s := p.Stats(); s.Frames != 64+32 || s.MemoryBytes < 96*PageSize || s.MemoryBytes > 2*96*PageSize || s.HitRate() != 1 {
		t.Errorf("Stats = %+v", s)
	}
	for says, edit := range map[string]func(o *Options){
		"no log":               func(o *Options) { o.Log = nil },
		"a log and ForcePages": func(o *Options) { o.ForcePages = true },
		"at least 1":           func(o *Options) { o.Mtrs = 0 },
		"need 1572864 to":      func(o *Options) { o.Bytes-- },
		"clean interval -1ns":  func(o *Options) { o.CleanInterval = -1 },
		"open nowhere/":        func(o *Options) { o.Dir = "nowhere" },
	} {
		o := good
		edit(&o)
		if _, err := Open(o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Open = %v; want %q", err, says)
		}
	}
	if err := Create(disk, "data", vfs.Fdatasync); err == nil || !strings.Contains(err.Error(), "create data/table.pages") {
		t.Errorf("a second Create = %v", err)
	}
	if err := p.Extend(7, 1); err == nil {
		t.Error("Extend of space 7 succeeds")
	}
}

// Close leaves no goroutine, and a closed pool says so.
func TestClose(t *testing.T) {
	p, err := Open(smallest(created(t, vfs.Fdatasync), newFakeLog(1<<30), 1))
	if err != nil {
		t.Fatal(err)
	}
	var m Mtr
	set(t, p, &m, tp(1), 1)
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := p.Begin(&m); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Begin after Close = %v", err)
	}
	if err := p.FlushAll(); err == nil {
		t.Error("FlushAll after Close succeeds")
	}
	// Closed is closed, but who has ended may still be on his way out.
	seeds.Until(t, "no cleaner runs after Close", func() bool { return !strings.Contains(stacks(), "bufpool.(*cleaner).loop") })
}
