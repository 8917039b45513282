package ledger

// NumKinds is how many crash kinds a sample speaks of: process, os, power, in
// this order.
const NumKinds = 3

// Sample is what the sampler saw at one moment.
type Sample struct {
	At int64 // clock.Now
	// Acked is the sum of what all lanes had acknowledged above their base,
	// read before everything else here.
	Acked uint64

	// The positions of the logs; the binlog's are 0 without one.
	Written, Flushed, BinlogWritten, BinlogFlushed uint64
	// Last is the number of the newest transaction that was committed to the
	// binlog; 0 without one.
	Last uint64
	// Overflow is how many acknowledgements the sampler came too late for: then Risk
	// are lower bounds.
	Overflow uint64
	Risk     [NumKinds]Risk
}

// Risk is what one crash kind would have taken at the moment of a sample.
type Risk struct {
	Commits int64 // acknowledged, and not sure to be kept in every log
	Bytes   int64 // of log, of these commits
	AgeNs   int64 // since the oldest of them was acknowledged
	// With a binlog: up to which number a crash keeps the Xid, the PREPARE and
	// the COMMIT of every transaction.
	Xid, Prepare, Commit uint64
}

// pack and unpack are the layout of a sample behind its stamp.
func (s *Sample) pack(origin int64) [sampleWords - 1]uint64 {
	out := [sampleWords - 1]uint64{uint64(s.At + origin), s.Acked, s.Written, s.Flushed, s.BinlogWritten, s.BinlogFlushed, s.Last, s.Overflow}
	for k, r := range s.Risk {
		copy(out[8+6*k:], []uint64{uint64(r.Commits), uint64(r.Bytes), uint64(r.AgeNs), r.Xid, r.Prepare, r.Commit})
	}
	return out
}

func unpack(w [sampleWords - 1]uint64, origin int64) Sample {
	s := Sample{At: int64(w[0]) - origin, Acked: w[1], Written: w[2], Flushed: w[3], BinlogWritten: w[4], BinlogFlushed: w[5], Last: w[6], Overflow: w[7]}
	for k := range s.Risk {
		r := w[8+6*k:]
		s.Risk[k] = Risk{Commits: int64(r[0]), Bytes: int64(r[1]), AgeNs: int64(r[2]), Xid: r[3], Prepare: r[4], Commit: r[5]}
	}
	return s
}

// Record adds a sample. One goroutine at a time. A slot is marked as void while
// it is being written, so a reader takes a sample whole or not at all.
func (l *Ledger) Record(s *Sample) {
	n := l.w[headCount].Load()
	slot := l.slot(n)
	slot[0].Store(0)
	for i, v := range s.pack(l.origin) {
		slot[i+1].Store(v)
	}
	slot[0].Store(n + 1) // this store makes the sample valid
	l.w[headCount].Store(n + 1)
}

func (l *Ledger) slot(n uint64) words {
	at := int(n&uint64(l.cfg.Samples-1)) * sampleWords
	return l.ring[at : at+sampleWords : at+sampleWords]
}

// samples copies the valid samples in order of time.
func (l *Ledger) samples() []Sample {
	count := l.w[headCount].Load()
	there := min(count, uint64(l.cfg.Samples))
	var all []Sample
	// One beyond the count: its writer may have died between two stores.
	for i := range there + 1 {
		n := count - there + i
		slot := l.slot(n)
		if slot[0].Load() != n+1 {
			continue
		}
		var w [sampleWords - 1]uint64
		for i := range w {
			w[i] = slot[i+1].Load()
		}
		if slot[0].Load() == n+1 {
			all = append(all, unpack(w, l.origin))
		}
	}
	return all
}
