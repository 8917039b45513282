package driver

import (
	"math/rand/v2"

	"flushbench/engine/clock"
	"flushbench/metrics"
)

// stretches is closedLoop with one commit of several timed. A stretch is what comes
// between two of them, and the second: how many there are is drawn anew each time,
// because every 16th commit of 256 bytes begins a page, and a fixed step would see
// those always or never.
//
// NB: the session is called from here, not from a function of the stretch: after a
// system call each function that is returned from takes some 25 ns, 4 % of a commit.
func (cl *client) stretches() {
	s := newStretch(cl)
	all, n, bytes := s.draw(), int64(0), int64(0) // before the timed one, and so far
	for {
		if n == all {
			s.time(n)
		}
		size, ok := cl.next()
		if !ok {
			s.broken(n, bytes)
			return
		}
		if err := cl.session.Run(&cl.txn); err != nil && !cl.again(err, size) {
			s.broken(n, bytes)
			return
		}
		cl.seq++
		bytes += size
		if n < all {
			n++
			if cl.c.cut.Load() != 0 {
				s.broken(n, bytes)
				return
			}
			continue
		}
		if s.ended(n, bytes) {
			return
		}
		all, n, bytes = s.draw(), 0, 0
	}
}

// stretch is what a client knows of its stretches. It is written once in each, far from
// what others write.
type stretch struct {
	_ [apart]byte
	*client
	rng    rand.PCG
	most   uint64 // commits before the timed one, 0 to most
	mean   int64  // ns a commit of the last stretch; 0: none yet
	sample bool   // the stages of the timed commit are taken
	start  int64  // of the stretch under way
	timed  int64  // begin of its timed commit
	_      [apart]byte
}

func newStretch(cl *client) *stretch {
	s := &stretch{client: cl, most: uint64(2 * (cl.c.cfg.TimeOneIn - 1)), start: clock.Now()}
	s.rng.Seed(uint64(cl.id), cl.c.cfg.Seed)
	return s
}

// maxStretchNs is how long the longest stretch is to take. Commits that take long are
// all timed: reading the clock costs nothing beside them, and at the ends of the
// interval it is not known which commits of a stretch were inside.
const maxStretchNs = 1_000_000

// draw returns how many commits the next stretch has before the timed one.
func (s *stretch) draw() int64 {
	most := s.most
	if s.mean > 0 {
		most = min(most, uint64(maxStretchNs/s.mean))
	}
	return int64(s.rng.Uint64() >> 32 * (most + 1) >> 32)
}

// time begins the timed commit, after n that are not.
func (s *stretch) time(n int64) {
	s.sampleIn -= int(n)
	if s.sample = s.sampler != nil && s.sampleDue(); s.sample {
		s.sampler.SampleNext()
	}
	s.timed = clock.Now()
}

// ended accounts for a stretch of n commits and a timed one, which has ended, of bytes
// altogether. over: so has the cell.
func (s *stretch) ended(n, bytes int64) (over bool) {
	now := clock.Now()
	in, over := s.ackedMany(s.start, now, bytes, s.session.LastEnd(), n+1)
	if in {
		s.sink.recordStretch(now, now-s.timed, n, s.timed-s.start)
		if s.sample {
			s.recordStages()
		}
	}
	s.mean, s.start = (now-s.start)/(n+1), now
	return over
}

// broken accounts for n commits of bytes altogether, none timed, of a stretch that the
// end of the cell has cut off.
func (s *stretch) broken(n, bytes int64) {
	if n == 0 {
		return
	}
	now := clock.Now()
	if in, _ := s.ackedMany(s.start, now, bytes, s.session.LastEnd(), n); in {
		s.sink.recordStretch(now, metrics.NotTimed, n, now-s.start)
	}
}
