package bufpool

import (
	"errors"
	"math/rand/v2"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
)

// Between the append and the listing of its pages a record holds Oldest back.
func TestOldestWhileCommitting(t *testing.T) {
	log := newFakeLog(1 << 30)
	p := open(t, smallest(created(t, vfs.Fdatasync), log, 2))
	var m, inner Mtr
	set(t, p, &m, tp(1), 1)
	if err := p.FlushAll(); err != nil {
		t.Fatal(err)
	}
	calls := 0
	log.appended = func(r record) {
		if calls++; calls > 1 {
			return
		}
		if at := p.Oldest(); at > r.start {
			t.Errorf("Oldest between append and listing = %v; the record starts at %v", at, r.start)
		}
		// Another one that appends later and is listed first.
		set(t, p, &inner, tp(8), 3)
		if at := p.Oldest(); at > r.start {
			t.Errorf("Oldest with a later record listed = %v; the first one starts at %v", at, r.start)
		}
		if err := p.FlushAll(); err != nil {
			t.Error(err)
		}
		if at := p.Oldest(); at > r.start {
			t.Errorf("Oldest with the later record flushed = %v; the first one starts at %v", at, r.start)
		}
	}
	set(t, p, &m, tp(2), 2)
	if at, want := p.Oldest(), log.records[1].start; at != want {
		t.Errorf("Oldest = %v; want the start of the dirty page's record, %v", at, want)
	}
	if err := p.FlushAll(); err != nil {
		t.Fatal(err)
	}
	if at := p.Oldest(); at != log.reserved {
		t.Errorf("Oldest with nothing dirty = %v; want %v", at, log.reserved)
	}
}

// A page in flight holds Oldest back until the data file is flushed; one that
// was changed after its copy stays dirty from that change on.
func TestOldestInFlight(t *testing.T) {
	disk := created(t, vfs.Fdatasync)
	log := newFakeLog(1 << 30)
	spy := &spyFS{FS: disk}
	p := open(t, smallest(spy, log, 1))
	var m Mtr
	set(t, p, &m, tp(1), 1)
	first := log.records[0].start
	var second, third lsn.LSN
	spy.onFlush = func(name string) error {
		if name != FileName(SpaceTable) || second != 0 {
			return nil
		}
		if at := p.Oldest(); at != first {
			t.Errorf("Oldest before the data file is flushed = %v; want %v", at, first)
		}
		set(t, p, &m, tp(1), 2)
		set(t, p, &m, tp(1), 3)
		second, third = log.records[1].start, log.records[2].start
		if at := p.Oldest(); at != first {
			t.Errorf("Oldest with the page changed in flight = %v; want %v", at, first)
		}
		return nil
	}
	if _, _, err := p.flushOldest(1, lsn.Max, ReasonAsked); err != nil {
		t.Fatal(err)
	}
	if at := p.Oldest(); at != second || second == third {
		t.Errorf("Oldest after the flush = %v; want the first change since the copy, %v", at, second)
	}
	if err := p.FlushAll(); err != nil {
		t.Fatal(err)
	}
	if at := p.Oldest(); at != log.reserved {
		t.Errorf("Oldest = %v; want %v", at, log.reserved)
	}
}

// A page may become clean between the append and the listing of a record that
// changes it: the flush of its copy ends there. Nothing but the record's floor
// holds Oldest back then.
func TestOldestWhileFlushEnds(t *testing.T) {
	log := newFakeLog(1 << 30)
	spy := &spyFS{FS: created(t, vfs.Fdatasync)}
	p := open(t, smallest(spy, log, 2))
	var m, other Mtr
	set(t, p, &m, tp(1), 1)
	appended, clean, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	spy.onFlush = func(name string) error {
		if name != FileName(SpaceTable) {
			return nil
		}
		spy.onFlush = nil
		log.appended = func(r record) {
			log.appended = nil
			close(appended)
			<-clean
			if at := p.Oldest(); at > r.start {
				t.Errorf("Oldest between append and listing = %v; the record starts at %v", at, r.start)
			}
		}
		go func() {
			defer close(done)
			set(t, p, &other, tp(1), 2)
		}()
		<-appended
		return nil
	}
	if _, _, err := p.flushOldest(1, lsn.Max, ReasonAsked); err != nil {
		t.Fatal(err)
	}
	close(clean)
	<-done
	if at, want := p.Oldest(), log.records[1].start; at != want {
		t.Errorf("Oldest = %v; want the start of the second record, %v", at, want)
	}
}

// An append that fails freezes Oldest below what it would have logged, and
// stops the pool.
func TestAppendFails(t *testing.T) {
	log := newFakeLog(1 << 30)
	p := open(t, smallest(created(t, vfs.Fdatasync), log, 1))
	var m Mtr
	set(t, p, &m, tp(1), 1)
	if err := p.FlushAll(); err != nil {
		t.Fatal(err)
	}
	before := log.reserved
	if err := p.Begin(&m); err != nil {
		t.Fatal(err)
	}
	pg, err := m.Write(tp(1))
	if err != nil {
		t.Fatal(err)
	}
	m.Set(pg, 40, []byte{1})
	log.alive = func() bool { return false }
	if _, err := m.Commit(1); !errors.Is(err, errLogStopped) {
		t.Errorf("Commit on a log that has stopped = %v", err)
	}
	if !errors.Is(p.Err(), errLogStopped) || !errors.Is(log.err, errLogStopped) {
		t.Errorf("Err = %v, the log was told %v", p.Err(), log.err)
	}
	log.mu.Lock()
	log.reserved += 1000
	log.mu.Unlock()
	if at := p.Oldest(); at > before {
		t.Errorf("Oldest = %v; want at most %v", at, before)
	}
}

// The flush list against a plain map: random changes, copies and flushes.
func TestFlushListAgainstMap(t *testing.T) {
	seeds.Run(t, 20, func(seed uint64) string {
		r := rand.New(rand.NewPCG(seed, 6))
		frames := make([]frame, 12)
		var d dirtyList
		d.init(frames)
		type state struct{ oldest, since lsn.LSN }
		want := map[int32]*state{}
		flushing := map[int32]bool{}
		at := lsn.LSN(100)
		var last lsn.LSN
		now := func() lsn.LSN { return at }
		for i := range frames {
			frames[i].self = int32(i)
		}
		for range 300 {
			i := int32(r.IntN(len(frames)))
			f := &frames[i]
			switch r.IntN(3) {
			case 0: // two records, listed in either order
				a, b := at, at+10
				at += 20
				if r.IntN(2) == 0 {
					a, b = b, a
				}
				for _, start := range []lsn.LSN{a, b} {
					f := &frames[r.IntN(len(frames))]
					var fl floor
					d.mu.Lock()
					d.registerLocked(&fl, start)
					d.changedLocked(f, start)
					d.withdrawLocked(&fl)
					d.mu.Unlock()
					switch s := want[f.self]; {
					case s == nil:
						want[f.self] = &state{oldest: start}
					case flushing[f.self] && s.since == 0:
						s.since = start
					}
				}
			case 1:
				if got := d.copied(f); got != (want[i] != nil && !flushing[i]) {
					return "copied is wrong"
				} else if got {
					flushing[i] = true
				}
			case 2:
				if !flushing[i] {
					continue
				}
				d.flushed([]*frame{f})
				delete(flushing, i)
				if s := want[i]; s.since != 0 {
					want[i] = &state{oldest: s.since}
				} else {
					delete(want, i)
				}
			}
			oldest := at
			for _, s := range want {
				oldest = min(oldest, s.oldest)
			}
			if got := d.oldest(now); got != oldest {
				return "oldest = " + got.String() + "; want " + oldest.String()
			}
			if d.count() != len(want) {
				return "the count is wrong"
			}
			for j := range frames {
				if f := &frames[j]; f.listed.Load() != (want[f.self] != nil && !flushing[f.self]) {
					return "listed is wrong"
				}
			}
			last = 0
			for j := d.head; j != none; j = frames[j].dnext {
				if frames[j].oldest < last {
					return "the list is out of order"
				}
				last = frames[j].oldest
			}
		}
		return ""
	})
}
