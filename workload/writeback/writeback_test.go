package writeback_test

import (
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/workload/writeback"
)

// failer is a test, rapid's or one of the standard library.
type failer interface {
	Helper()
	Fatal(args ...any)
}

func must(t failer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	pageBytes = 4096
	perPage   = pageBytes / writeback.RecordBytes
)

// fakeCache holds what is unclean by page.
type fakeCache struct {
	unclean map[int64]bool
	asked   int
}

func (c *fakeCache) Unclean(off, n int64) (pages int64, err error) {
	c.asked++
	for p := off / pageBytes; n > 0 && p <= (off+n-1)/pageBytes; p++ {
		if c.unclean[p] {
			pages++
		}
	}
	return pages, nil
}

func (c *fakeCache) PageBytes() int64 { return pageBytes }
func (c *fakeCache) Close() error     { return nil }

// rig is a log on an in-memory disk, a page cache of the test's and its clock.
type rig struct {
	*writeback.Log
	cache *fakeCache
	now   int64
}

func newRig(t failer, records int) *rig {
	t.Helper()
	r := &rig{cache: &fakeCache{unclean: map[int64]bool{}}}
	mem := vfs.NewMem()
	must(t, mem.Mkdir("/d"))
	var err error
	r.Log, err = writeback.Create(writeback.Options{FS: mem, Path: "/d/log", Growth: vfs.GrowAppend, Records: records,
		Open: func(string) (writeback.Cache, error) { return r.cache, nil }, Now: func() int64 { return r.now }})
	must(t, err)
	return r
}

// put appends n records, a millisecond apart.
func (r *rig) put(t failer, n int) {
	t.Helper()
	for range n {
		r.cache.unclean[int64(r.Records()/perPage)] = true
		must(t, r.Append())
		r.now += int64(time.Millisecond)
	}
}

// clean writes back the pages below one.
func (r *rig) clean(below int64) {
	for p := range r.cache.unclean {
		if p < below {
			delete(r.cache.unclean, p)
		}
	}
}

func TestSampleFindsTheOldest(t *testing.T) {
	r := newRig(t, 1000)
	must(t, r.Sample())
	if r.Age(r.now) != 0 || len(r.Falls()) != 0 {
		t.Fatalf("an empty log: Age() = %v, Falls() = %v", r.Age(r.now), r.Falls())
	}
	r.put(t, 800)
	must(t, r.Sample())
	if got := r.Age(r.now); got != 800*time.Millisecond {
		t.Errorf("Age() = %v; want 800ms", got)
	}
	asked := r.cache.asked
	must(t, r.Sample())
	if n := r.cache.asked - asked; n != 1 {
		t.Errorf("a sample in which nothing changed asked %d times; want once", n)
	}
	r.clean(40) // records 0 to 319
	r.now += int64(time.Millisecond)
	asked = r.cache.asked
	must(t, r.Sample())
	if n := r.cache.asked - asked; n > 2+10 {
		t.Errorf("a sample of 800 records asked %d times; want at most 12", n)
	}
	if r.Held() != 320 || r.Age(r.now) != 481*time.Millisecond {
		t.Errorf("Held() = %d, Age() = %v; want 320, 481ms", r.Held(), r.Age(r.now))
	}
	want := []writeback.Fall{{Record: 0, Min: 800 * time.Millisecond, Max: 801 * time.Millisecond}}
	if !slices.Equal(r.Falls(), want) {
		t.Errorf("Falls() = %v; want %v", r.Falls(), want)
	}
	// The same write-back goes on: no other fall. After a sample without one there is.
	r.clean(60)
	must(t, r.Sample())
	if len(r.Falls()) != 1 || r.Held() != 480 {
		t.Errorf("the same write-back: Falls() = %v, Held() = %d; want one, 480", r.Falls(), r.Held())
	}
	must(t, r.Sample())
	r.clean(1000)
	must(t, r.Sample())
	if falls := r.Falls(); len(falls) != 2 || falls[1].Record != 480 || r.Held() != 800 {
		t.Errorf("a second one: Falls() = %v, Held() = %d; want one of record 480, 800", falls, r.Held())
	}
}

// A page that is written back and at once dirty again holds no old record back.
func TestWrittenAgainAfterWriteBack(t *testing.T) {
	r := newRig(t, 100)
	r.put(t, 4)
	must(t, r.Sample())
	r.clean(1)
	must(t, r.Sample())
	r.put(t, 2) // into the same page
	must(t, r.Sample())
	if r.Held() != 4 || r.Age(r.now) != 2*time.Millisecond {
		t.Errorf("Held() = %d, Age() = %v; want 4, 2ms", r.Held(), r.Age(r.now))
	}
}

// The search agrees with a look at every page, whatever is unclean.
func TestSampleAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(t, 600)
		r.put(t, rapid.IntRange(0, 600).Draw(t, "records"))
		held := 0
		for range 4 {
			for p := range int64(80) {
				if rapid.IntRange(0, 9).Draw(t, "cleaned") < 7 {
					delete(r.cache.unclean, p)
				}
			}
			for held < r.Records() && !r.cache.unclean[int64(held/perPage)] {
				held++
			}
			if err := r.Sample(); err != nil {
				t.Fatal(err)
			}
			if r.Held() != held {
				t.Fatalf("Held() = %d; want %d", r.Held(), held)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	mem := vfs.NewMem()
	must(t, mem.Mkdir("/d"))
	if k, err := writeback.Check(mem, "/d/log", 3); err != nil || k != (writeback.Kept{First: 0, Gone: 3}) {
		t.Errorf("Check(no file) = %+v, %v; want all gone", k, err)
	}
	l, err := writeback.Create(writeback.Options{FS: mem, Path: "/d/log", Growth: vfs.GrowZero, Records: 8,
		Open: func(string) (writeback.Cache, error) { return &fakeCache{}, nil }})
	must(t, err)
	for range 8 {
		must(t, l.Append())
	}
	if err := l.Append(); err == nil {
		t.Error("Append to a full log succeeded")
	}
	must(t, l.Close())
	f, err := mem.Open("/d/log", vfs.None)
	must(t, err)
	damage := func(at int64) {
		_, err := f.WriteAt([]byte{0}, at)
		must(t, err)
	}
	for _, c := range []struct {
		at   int64
		want writeback.Kept
	}{
		{-1, writeback.Kept{First: 8}},
		{5*writeback.RecordBytes + 100, writeback.Kept{First: 5, Gone: 1}},
		{2 * writeback.RecordBytes, writeback.Kept{First: 2, Gone: 2}},
	} {
		if c.at >= 0 {
			damage(c.at)
		}
		if k, err := writeback.Check(mem, "/d/log", 8); err != nil || k != c.want {
			t.Errorf("Check(damaged at %d) = %+v, %v; want %+v", c.at, k, err, c.want)
		}
	}
	must(t, f.Truncate(7*writeback.RecordBytes-1))
	if k, err := writeback.Check(mem, "/d/log", 8); err != nil || k != (writeback.Kept{First: 2, Gone: 4}) {
		t.Errorf("Check(cut) = %+v, %v; want 4 gone", k, err)
	}
	must(t, f.Close())
}

func TestReadSettings(t *testing.T) {
	root := fstest.MapFS{}
	for name, content := range map[string]string{
		"proc/sys/vm/dirty_expire_centisecs":    "3000\n",
		"proc/sys/vm/dirty_writeback_centisecs": "500\n",
		"proc/sys/vm/dirty_background_bytes":    "0\n",
		"proc/sys/vm/dirty_background_ratio":    "10\n",
		"proc/sys/fs/xfs/xfssyncd_centisecs":    "2000\n",
		"proc/meminfo":                          "MemTotal:       16000 kB\nMemAvailable:    8000 kB\n",
		"proc/fs/ext4/sda1/options":             "rw\ndelalloc\nbarrier\ndata=ordered\ncommit=5\n",
		"proc/fs/ext4/sda2/options":             "rw\nnodelalloc\nnobarrier\ncommit=7\n",
		"proc/fs/ext4/dm-0/options":             "rw\ndelalloc\ndata=journal\ncommit=9\n",
	} {
		root[name] = &fstest.MapFile{Data: []byte(content)}
	}
	vm := writeback.Settings{Expire: 30 * time.Second, Interval: 5 * time.Second, Background: 8000 * 1024 / 100 * 10}
	with := func(change func(*writeback.Settings)) writeback.Settings {
		s := vm
		change(&s)
		return s
	}
	for _, c := range []struct {
		mount hostinfo.Mount
		want  writeback.Settings
	}{
		{hostinfo.Mount{Type: "ext4", Source: "/dev/sda1"}, with(func(s *writeback.Settings) {
			s.FSType, s.Journal, s.Ordered, s.Delayed, s.Commit = "ext4", true, true, true, 5*time.Second
		})},
		{hostinfo.Mount{Type: "ext4", Source: "/dev/sda2"}, with(func(s *writeback.Settings) { s.FSType, s.NoFlush = "ext4", true })},
		{hostinfo.Mount{Type: "ext4", Source: "/dev/dm-0"}, with(func(s *writeback.Settings) {
			s.FSType, s.Journal, s.Data, s.Delayed, s.Commit = "ext4", true, true, true, 9*time.Second
		})},
		{hostinfo.Mount{Type: "xfs", Source: "/dev/sdb"}, with(func(s *writeback.Settings) {
			s.FSType, s.Journal, s.Delayed, s.Commit = "xfs", true, true, 20*time.Second
		})},
		{hostinfo.Mount{Type: "btrfs", Source: "/dev/sdc"}, with(func(s *writeback.Settings) { s.FSType = "btrfs" })},
	} {
		if got := writeback.ReadSettings(root, c.mount); got != c.want {
			t.Errorf("ReadSettings(%s on %s) = %+v; want %+v", c.mount.Type, c.mount.Source, got, c.want)
		}
	}
	root["proc/sys/vm/dirty_background_bytes"] = &fstest.MapFile{Data: []byte("12345\n")}
	if got := writeback.ReadSettings(root, hostinfo.Mount{}).Background; got != 12345 {
		t.Errorf("Background with bytes set = %d; want 12345", got)
	}
}

func TestPredict(t *testing.T) {
	sec := func(lo, hi int) writeback.Range {
		return writeback.Range{Lo: time.Duration(lo) * time.Second, Hi: time.Duration(hi) * time.Second}
	}
	never := func(r writeback.Range) writeback.Range { r.Never = true; return r }
	ext4 := writeback.Settings{Expire: 30 * time.Second, Interval: 5 * time.Second, Background: 1 << 30, FSType: "ext4", Journal: true, Ordered: true, Delayed: true, Commit: 5 * time.Second}
	xfs := writeback.Settings{Expire: 30 * time.Second, Interval: 5 * time.Second, Background: 1 << 30, FSType: "xfs", Journal: true, Delayed: true, Commit: 30 * time.Second}
	with := func(s writeback.Settings, change func(*writeback.Settings)) writeback.Settings {
		change(&s)
		return s
	}
	eager := with(ext4, func(s *writeback.Settings) { s.Delayed = false })
	for name, c := range map[string]struct {
		s                    writeback.Settings
		growth               vfs.Growth
		rate                 float64
		back, found, flushed writeback.Range
		by                   string
	}{
		"ext4 zero":             {ext4, vfs.GrowZero, 0, sec(30, 35), sec(30, 35), sec(30, 40), "dirty_expire + dirty_writeback"},
		"ext4 append":           {ext4, vfs.GrowAppend, 1e3, sec(30, 35), sec(30, 40), sec(30, 40), "dirty_expire + dirty_writeback"},
		"ext4 fallocate":        {ext4, vfs.GrowFallocate, 0, sec(30, 35), sec(30, 40), sec(30, 40), "dirty_expire + dirty_writeback"},
		"xfs zero":              {xfs, vfs.GrowZero, 0, sec(30, 35), sec(30, 35), sec(30, 65), "dirty_expire + dirty_writeback"},
		"xfs append":            {xfs, vfs.GrowAppend, 0, sec(30, 35), sec(30, 65), sec(30, 65), "dirty_expire + dirty_writeback"},
		"nodelalloc append":     {eager, vfs.GrowAppend, 0, sec(0, 5), sec(0, 5), sec(0, 5), "journal commit"},
		"nodelalloc zero":       {eager, vfs.GrowZero, 0, sec(30, 35), sec(30, 35), sec(30, 40), "dirty_expire + dirty_writeback"},
		"nodelalloc fallocate":  {eager, vfs.GrowFallocate, 0, sec(30, 35), sec(30, 40), sec(30, 40), "dirty_expire + dirty_writeback"},
		"data=writeback append": {with(eager, func(s *writeback.Settings) { s.Ordered = false }), vfs.GrowAppend, 0, sec(30, 35), sec(30, 40), sec(30, 40), "dirty_expire + dirty_writeback"},
		"data=journal zero":     {with(ext4, func(s *writeback.Settings) { s.Data, s.Ordered = true, false }), vfs.GrowZero, 0, sec(0, 5), sec(0, 5), sec(0, 5), "journal commit"},
		"long commit":           {with(eager, func(s *writeback.Settings) { s.Commit = time.Minute }), vfs.GrowAppend, 0, sec(30, 35), sec(30, 95), sec(30, 95), "dirty_expire + dirty_writeback"},
		"no journal":            {with(ext4, func(s *writeback.Settings) { s.Journal, s.Ordered, s.Commit = false, false, 0 }), vfs.GrowAppend, 0, sec(30, 35), sec(30, 70), never(sec(30, 70)), "dirty_expire + dirty_writeback"},
		"nobarrier":             {with(ext4, func(s *writeback.Settings) { s.NoFlush = true }), vfs.GrowZero, 0, sec(30, 35), sec(30, 35), never(sec(30, 40)), "dirty_expire + dirty_writeback"},
		"never looks":           {with(ext4, func(s *writeback.Settings) { s.Interval = 0 }), vfs.GrowZero, 0, never(sec(30, 30)), never(sec(30, 30)), never(sec(30, 35)), "dirty_expire + dirty_writeback"},
		"never looks, journal":  {with(eager, func(s *writeback.Settings) { s.Interval = 0 }), vfs.GrowAppend, 0, sec(0, 5), sec(0, 5), sec(0, 5), "journal commit"},
		"much":                  {ext4, vfs.GrowZero, 1 << 30, sec(1, 6), sec(1, 6), sec(1, 11), "dirty_background"},
		"much, never looks":     {with(ext4, func(s *writeback.Settings) { s.Interval = 0 }), vfs.GrowZero, 1 << 30, sec(1, 1), sec(1, 1), sec(1, 6), "dirty_background"},
		"unknown threshold":     {with(ext4, func(s *writeback.Settings) { s.Background = 0 }), vfs.GrowZero, 1 << 40, sec(30, 35), sec(30, 35), sec(30, 40), "dirty_expire + dirty_writeback"},
	} {
		t.Run(name, func(t *testing.T) {
			p := writeback.Predict(c.s, writeback.Load{Growth: c.growth, BytesPerS: c.rate})
			if p.WrittenBack != c.back || p.Reachable != c.found || p.Flushed != c.flushed || p.By != c.by {
				t.Errorf("Predict() = %+v, %+v, %+v by %s; want %+v, %+v, %+v by %s", p.WrittenBack, p.Reachable, p.Flushed, p.By, c.back, c.found, c.flushed, c.by)
			}
			if len(p.Why) == 0 {
				t.Error("Why is empty")
			}
			// Ordered commits write new blocks only, and what was partly filled is not.
			if want := c.by == "journal commit" && !c.s.Data; (p.Partly != nil) != want {
				t.Errorf("Partly = %v; want one: %v", p.Partly, want)
			} else if want && (p.Partly.Hi != 35*time.Second && p.Partly.Never == (c.s.Interval > 0)) {
				t.Errorf("Partly = %+v; want up to 35s, or never", *p.Partly)
			}
		})
	}
}

func TestRangeHolds(t *testing.T) {
	r := writeback.Range{Lo: 30 * time.Second, Hi: 35 * time.Second}
	for age, want := range map[time.Duration]bool{29 * time.Second: false, 30 * time.Second: true, 35500 * time.Millisecond: true, 37 * time.Second: false} {
		if got := r.Holds(age, 500*time.Millisecond); got != want {
			t.Errorf("Holds(%v) = %v; want %v", age, got, want)
		}
	}
	r.Never = true
	if r.Holds(31*time.Second, 0) {
		t.Error("an age lies in a range of never")
	}
}
