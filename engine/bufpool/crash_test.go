package bufpool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/trx"
	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
)

// life is one run of a pool on a disk that stops at some event, and what was
// done in it: mini-transaction i has trx id i+1 and made writes[i].
type life struct {
	disk   *vfs.Mem
	log    *fakeLog
	ids    []PageID
	users  int
	mu     sync.Mutex
	writes [][]write // guarded by mu while users run
	end    lsn.LSN   // how far the log reaches after the crash
	ckpt   lsn.LSN
	opts   Options
}

// run works until the disk stops or the script ends. It returns what is wrong.
func (l *life) run(r *rand.Rand, stopAt int) string {
	p, err := Open(l.opts)
	if err != nil {
		return "Open: " + err.Error()
	}
	l.log.pool = p
	l.disk.CrashAfter(l.disk.Events() + stopAt)
	from := l.disk.Events()
	l.log.alive = func() bool { return l.disk.Events() < from+stopAt }
	errs := make([]error, l.users)
	var wg sync.WaitGroup
	for u := range errs {
		mine := rand.New(rand.NewPCG(r.Uint64(), 7))
		wg.Go(func() { errs[u] = l.script(p, mine) })
	}
	wg.Wait()
	for _, e := range errs {
		if err = e; err != nil {
			break
		}
	}
	if closed := p.Close(); err == nil && closed != nil {
		err = closed
	}
	// A user whose page cannot be read half-way abandons its changes, and that
	// may be what the others are told.
	half := err != nil && !l.log.alive() && strings.HasSuffix(err.Error(), "was abandoned")
	if err != nil && !half && !errors.Is(err, vfs.ErrCrashed) && !errors.Is(err, errLogStopped) {
		return "the script: " + err.Error()
	}
	return ""
}

// script makes random mini-transactions, flushes and checkpoints. Pages come in
// a narrow range that moves, so that they are flushed again and again.
func (l *life) script(p *Pool, r *rand.Rand) error {
	var m Mtr
	for range (40 + r.IntN(200)) / l.users {
		hot := l.ids
		if r.IntN(3) > 0 {
			at := r.IntN(len(l.ids) - 8)
			hot = l.ids[at : at+8]
		}
		ws := randomWrites(r, hot, r.Uint64())
		l.mu.Lock()
		l.writes = append(l.writes, ws)
		id := trx.ID(len(l.writes))
		l.mu.Unlock()
		end, err := do(p, &m, id, ws)
		if err != nil {
			return err
		}
		switch r.IntN(16) {
		case 0:
			err = l.log.FlushUpTo(end) // a commit
		case 1:
			err = p.FlushTo(end - lsn.LSN(r.IntN(4000)))
		case 2:
			l.log.checkpoint()
		case 3:
			p.Kick() // the cleaner runs along
		case 4:
			err = p.FlushAll()
			l.log.checkpoint()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recovered opens what a crash left, by the rules, and compares it with the
// model. damaged: a page could not be read.
func (l *life) recovered(disk *vfs.Mem, log *fakeLog) (p *Pool, wrong string, damaged bool) {
	if _, err := RepairDoublewrite(disk, "data"); err != nil {
		return nil, "RepairDoublewrite: " + err.Error(), false
	}
	o := l.opts
	o.FS, o.Log = disk, log
	p, err := Open(o)
	if err != nil {
		return nil, "Open after the crash: " + err.Error(), false
	}
	want := model{}
	for _, rec := range l.log.records {
		if rec.end > l.end {
			break
		}
		want.apply(l.writes[rec.w0-1])
		if rec.start < l.ckpt {
			continue
		}
		if err := p.Apply(rec.start, rec.end, rec.body); err != nil {
			return p, err.Error(), isDamage(err)
		}
	}
	wrong, err = want.sameAs(p, l.ids)
	if err != nil {
		return p, err.Error(), isDamage(err)
	}
	return p, wrong, false
}

func isDamage(err error) bool {
	var d *DamageError
	return errors.As(err, &d)
}

// judge recovers from one crash of a kind, twice over, and also when the
// recovery itself is crashed.
func (l *life) judge(r *rand.Rand, kind vfs.CrashKind) (wrong string, damaged bool) {
	records, flushed, ckpt := l.log.view()
	l.end, l.ckpt = flushed, ckpt
	if kind == vfs.CrashProcess || r.IntN(2) == 0 { // the log may reach further than what was flushed
		for _, rec := range records {
			if rec.start >= flushed && r.IntN(4) > 0 {
				l.end = rec.end
			} else if rec.start >= flushed {
				break
			}
		}
	}
	disk := l.disk.Crash(kind, vfs.CrashOptions{Torn: r.IntN(2) == 0, Garbage: r.IntN(4) == 0, Seed: r.Uint64()})
	if r.IntN(2) == 0 { // crash the recovery once
		disk.CrashAfter(r.IntN(60))
		p, first, damaged := l.recovered(disk, l.log.after(l.end, l.ckpt))
		if p != nil {
			if first == "" {
				first = errorText(p.FlushAll())
			}
			p.Close()
		}
		if first != "" && !damaged && !strings.Contains(first, vfs.ErrCrashed.Error()) {
			return "the first recovery: " + first, false
		}
		disk = disk.Crash(kind, vfs.CrashOptions{Torn: r.IntN(2) == 0, Seed: r.Uint64()})
	}
	log := l.log.after(l.end, l.ckpt)
	p, wrong, damaged := l.recovered(disk, log)
	if p == nil {
		return wrong, damaged
	}
	defer p.Close()
	if wrong != "" {
		return wrong, damaged
	}
	// Everything flushed: now the data files alone hold the state.
	if err := p.FlushAll(); err != nil {
		return err.Error(), false
	}
	if at := p.Oldest(); at != l.end {
		return fmt.Sprintf("Oldest after FlushAll = %v; want %v", at, l.end), false
	}
	ckptBefore := l.ckpt
	l.ckpt = l.end
	defer func() { l.ckpt = ckptBefore }()
	last := disk.Crash(vfs.CrashPower, vfs.CrashOptions{Seed: r.Uint64()})
	q, wrong, _ := l.recovered(last, l.log.after(l.end, l.end))
	if q != nil {
		q.Close()
	}
	if wrong != "" {
		return "after FlushAll and a power cut: " + wrong, false
	}
	return "", false
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func newLife(t testing.TB, method vfs.Method, noDoublewrite bool, users int) *life {
	l := &life{disk: created(t, method), log: newFakeLog(64 << 20), ids: allPages(100, 24), users: users}
	l.opts = smallest(l.disk, l.log, users)
	l.opts.Method, l.opts.NoDoublewrite = method, noDoublewrite
	return l
}

// sparing reports whether a seed is left out where time is short: all but one
// of so many, in CI of a quarter as many, and of eight times as many under the race
// detector.
func sparing(seed, of uint64) bool {
	if seeds.Heavy() {
		of = max(1, of/4)
	}
	if yield.Enabled {
		of *= 8
	}
	return seed%of > 0
}

// kindsFor returns the crash kinds to try: one of them, when there is little time.
func kindsFor(seed uint64) []vfs.CrashKind {
	kinds := vfs.CrashKinds.All()
	if seeds.Heavy() {
		return kinds
	}
	return kinds[seed/24%3 : seed/24%3+1]
}

var crashMethods = []vfs.Method{vfs.Fdatasync, vfs.Fdatasync, vfs.DirectFdatasync, vfs.ODsync}

// After a crash at any event, of any kind, repair and redo from the last
// checkpoint give exactly the state of the log's prefix, also when the recovery
// is crashed in turn.
func TestCrashAnywhere(t *testing.T) {
	seeds.Run(t, 100, func(seed uint64) string {
		if sparing(seed, 1) {
			return ""
		}
		return crashOnce(t, seed)
	})
}

func TestCrashAnywhereShuffledSoak(t *testing.T) {
	seeds.Soak(t, 100, func(seed uint64) string { return crashOnce(t, seed) })
}

func crashOnce(t *testing.T, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	l := newLife(t, crashMethods[r.IntN(len(crashMethods))], false, 1+3*r.IntN(2))
	if wrong := l.run(r, 1+r.IntN(1+r.IntN(500))); wrong != "" {
		return wrong
	}
	for _, kind := range kindsFor(seed) {
		if wrong, _ := l.judge(r, kind); wrong != "" {
			return fmt.Sprintf("%v crash: %s", kind, wrong)
		}
	}
	return ""
}

// Without the doublewrite file a torn page is refused, with file, offset and
// page, and never used; where nothing is refused the state is right.
func TestCrashWithoutDoublewrite(t *testing.T) {
	torn := false
	try := func(seed uint64) string {
		r := rand.New(rand.NewPCG(seed, 2))
		l := newLife(t, vfs.Fdatasync, true, 1+3*r.IntN(2))
		if wrong := l.run(r, 1+r.IntN(300)); wrong != "" {
			return wrong
		}
		for _, kind := range kindsFor(seed) {
			wrong, damaged := l.judge(r, kind)
			torn = torn || damaged
			if wrong != "" && !damaged {
				return fmt.Sprintf("%v crash: %s", kind, wrong)
			}
			if damaged && (!strings.Contains(wrong, ".pages is damaged at offset") || !strings.Contains(wrong, "(page ")) {
				return "a damaged page is told so: " + wrong
			}
		}
		return ""
	}
	seeds.Run(t, 100, func(seed uint64) string {
		if sparing(seed, 3) {
			return ""
		}
		return try(seed)
	})
	// One crash in three tears a page. Under the race detector so few are tried that
	// there may be none: then some more are.
	for seed := uint64(0); !torn && seed < 200; seed++ {
		if wrong := try(seed); wrong != "" {
			t.Fatalf("seed %d: %s", seed, wrong)
		}
	}
	if !torn {
		t.Error("no crash tore a page: the test shows nothing")
	}
}
