package bufpool

import (
	"math/rand/v2"
	"testing"

	"flushbench/engine/yield/seeds"
)

// checkLRU walks the list and says what is wrong with it.
func checkLRU(l *lru) string {
	n, old, seenOld, prev := 0, 0, false, none
	for i := l.head; i != none; i = l.frames[i].next {
		f := &l.frames[i]
		if f.prev != prev {
			return "prev and next disagree"
		}
		if f.old.Load() && !seenOld {
			seenOld = true
			if l.oldHead != i {
				return "the midpoint is not the first old page"
			}
		}
		if seenOld != f.old.Load() {
			return "a young page behind the midpoint"
		}
		if f.old.Load() {
			old++
		}
		n++
		prev = i
	}
	want := n * oldNum / oldDen
	switch {
	case l.tail != prev:
		return "the tail is not the last page"
	case n != l.n || old != l.oldN:
		return "the counts are wrong"
	case !seenOld && l.oldHead != none:
		return "a midpoint without old pages"
	case old > want+oldSlack || old < want-oldSlack:
		return "the old sublist is not 3/8"
	}
	return ""
}

func TestLRUStaysWhole(t *testing.T) {
	seeds.Run(t, 20, func(seed uint64) string {
		r := rand.New(rand.NewPCG(seed, 3))
		frames := make([]frame, 60)
		for i := range frames {
			frames[i].self = int32(i)
		}
		now := int64(0)
		var l lru
		l.init(frames, int64(r.IntN(3))*5)
		l.now = func() int64 { return now }
		in := map[int]bool{}
		for range 400 {
			i := r.IntN(len(frames))
			now += int64(r.IntN(3))
			switch {
			case !in[i]:
				l.add(&frames[i])
				in[i] = true
			case r.IntN(4) == 0:
				l.remove(&frames[i])
				l.evictions.Add(1)
				in[i] = false
			default:
				l.used(&frames[i])
			}
			if wrong := checkLRU(&l); wrong != "" {
				return wrong
			}
			if l.n != count(in) {
				return "pages are lost"
			}
		}
		return ""
	})
}

func count(in map[int]bool) (n int) {
	for _, is := range in {
		if is {
			n++
		}
	}
	return n
}

// A scan of far more pages than fit, each used several times in a row, evicts
// nothing of the hot set, which is used now and then.
func TestScanLeavesHotSet(t *testing.T) {
	disk := created(t, 0)
	o := smallest(disk, newFakeLog(1<<30), 1)
	o.OldTime = 50 // of the clock below
	p := open(t, o)
	now := int64(0)
	p.lru.now = func() int64 { return now }
	var m Mtr
	read := func(no uint32) {
		t.Helper()
		if err := p.BeginRead(&m); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Read(PageID{SpaceTable, no}); err != nil {
			t.Fatal(err)
		}
		m.Abandon()
	}
	const hot = 30
	for no := uint32(100); no < 200; no++ { // so that the list has its full length
		read(no)
	}
	for range 3 {
		for no := range uint32(hot) {
			read(no)
		}
		now += 100
	}
	before := p.Stats()
	for no := uint32(1000); no < 3000; no++ {
		for range 3 {
			read(no)
			now++
		}
		if no%20 == 0 {
			read(no / 20 % hot)
		}
	}
	mid := p.Stats()
	if got := mid.Misses - before.Misses; got != 2000 {
		t.Errorf("a scan of 2000 pages: %d misses; want 2000: the hot set was evicted", got)
	}
	for no := range uint32(hot) {
		read(no)
	}
	if got := p.Stats().Misses - mid.Misses; got != 0 {
		t.Errorf("%d of %d hot pages were evicted by a scan", got, hot)
	}
	if mid.Evictions < 1900 {
		t.Errorf("%d evictions; want about 2000", mid.Evictions)
	}
}

// A page that is used again after its time in the old sublist becomes young;
// one that is used again at once does not.
func TestMidpoint(t *testing.T) {
	frames := make([]frame, 40)
	now := int64(0)
	var l lru
	l.init(frames, 10)
	l.now = func() int64 { return now }
	for i := range frames {
		frames[i].self = int32(i)
		l.add(&frames[i])
	}
	f := &frames[39]
	if !f.old.Load() {
		t.Fatal("a new page is young; want it at the midpoint")
	}
	now = 10
	l.used(f)
	if !f.old.Load() {
		t.Error("a page became young before anything was evicted")
	}
	l.evictions.Add(1)
	now = 9
	l.used(f)
	if !f.old.Load() {
		t.Error("a page used again at once became young")
	}
	now = 10
	l.used(f)
	if f.old.Load() || l.head != f.self {
		t.Error("a page used again later did not move to the front")
	}
	other := &frames[l.tail]
	now = 20
	l.used(other)
	l.used(f)
	if l.head != other.self {
		t.Error("a young page near the front was moved; want it left alone")
	}
	l.evictions.Add(100)
	l.used(f)
	if l.head != f.self {
		t.Error("a young page that fell behind did not move to the front")
	}
}
