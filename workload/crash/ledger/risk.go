package ledger

// AtRisk says what each crash kind would take, from the lanes alone: an acknowledgement
// is at risk until the log is safe up to its end. It keeps no copy of them, only how many
// there were by each date. One goroutine uses it; the writers may be at work.
type AtRisk struct {
	lanes  []laneRisk
	never  [NumKinds]bool
	acked  uint64
	missed uint64
}

// AtRisk returns what has looked at no lane yet. never: the kinds from which nothing
// makes a commit safe.
func (l *Ledger) AtRisk(never [NumKinds]bool) *AtRisk {
	r := &AtRisk{lanes: make([]laneRisk, l.cfg.Clients), never: never}
	for c := range r.lanes {
		dates := l.cfg.dates()
		r.lanes[c] = laneRisk{lane: *l.Lane(c), groups: make([]group, min(8, dates)), most: uint64(dates)}
	}
	return r
}

// Look takes in what was acknowledged since the last time.
func (r *AtRisk) Look() {
	r.acked = 0
	for i := range r.lanes {
		acked, missed := r.lanes[i].look()
		r.acked += acked
		r.missed += missed
	}
}

// Acked is the sum of what all lanes had acknowledged above their base when Look came
// by: exactly what At speaks of.
func (r *AtRisk) Acked() uint64 { return r.acked }

// Missed is how many acknowledgements Look came too late for so far, because their lanes
// had forgotten them. Where there are some, At returns lower bounds.
func (r *AtRisk) Missed() uint64 { return r.missed }

// At is what would be lost at the time now (clock.Now) of what Look has seen, where each
// kind keeps what ends at or below safe, in the units of Ack.End. REQUIRES: safe was read
// after Look, and never goes back.
//
// An acknowledgement of 0 bytes has nothing to lose. One that ends below an earlier one of
// its lane counts as if it ended there. Of what a lane has forgotten while it was at risk
// all that has one date is safe together: then it may say a little too much.
func (r *AtRisk) At(now int64, safe [NumKinds]uint64) (risk [NumKinds]Risk) {
	for i := range r.lanes {
		if l := &r.lanes[i]; l.sum.commits > 0 {
			l.add(now, safe, r.never, &risk)
		}
	}
	return risk
}

// laneRisk is one lane's part.
type laneRisk struct {
	lane   Lane
	seq    uint64  // the last one that was looked at
	sum            // up to there
	groups []group // a ring, of a power of two
	most   uint64  // how many of them at most
	head   uint64  // the first that a kind may take something of
	tail   uint64  // one beyond the last
	safe   [NumKinds]cut
	first  int64 // when the first commit was acknowledged
}

// sum adds up commits, acknowledgements that have something to lose.
type sum struct {
	commits, bytes int64
	end            uint64 // the highest
}

// group are the commits of one date.
type group struct {
	at          int64
	first, last uint64 // sequences; others may be among them
	sum                // of this group and all before it
}

// cut is up to where one kind takes nothing.
type cut struct {
	group uint64 // all before it is safe
	seq   uint64 // what of it is
	sum          // up to there
	next  uint64 // where that ends which follows; 0: not known
}

// look returns how many acknowledgements there are, and how many of them are new and
// could not be seen.
func (r *laneRisk) look() (acked, missed uint64) {
	l := &r.lane
	to, base := l.acked(), l.w[laneBase].Load()
	from := max(r.seq, base)
	if to <= from {
		return from - base, 0
	}
	first := max(from+1, l.oldest(to))
	l.runs(first, to, r.take)
	r.seq = to
	return to - base, first - 1 - from + l.gone(first, to)
}

// take takes in the sequences first to last, which have one date.
func (r *laneRisk) take(first, last uint64, at int64) {
	l, s := &r.lane, r.sum
	for seq := first; seq <= last; {
		from, is := seq&l.mask(), 1|l.lap(seq)
		n := min(last+1-seq, l.mask()+1-from) // so many without a gap
		piece := l.slots[from:][:n]
		for i := range piece {
			w := piece[i].Load()
			if end, size := unpackAck(w); size > 0 && w&lapMask == is {
				s.count(end, size)
			}
		}
		seq += n
	}
	switch {
	case s.commits == r.sum.commits:
		return // nothing to lose
	case r.head < r.tail && r.group(r.tail-1).at == at:
		g := r.group(r.tail - 1)
		g.last, g.sum = last, s
	default:
		r.push(group{at: at, first: first, last: last, sum: s})
	}
	if r.sum.commits == 0 {
		r.first = at
	}
	r.sum = s
}

// count adds a commit.
func (s *sum) count(end uint64, size int64) {
	s.commits++
	s.bytes += size
	s.end = max(s.end, end)
}

func (r *laneRisk) group(n uint64) *group { return &r.groups[n&uint64(len(r.groups)-1)] }

// push adds a group, and makes room for it. Where there are too many, the oldest two
// become one, of the older date: that is never less than what is at risk.
func (r *laneRisk) push(g group) {
	if n := uint64(len(r.groups)); r.tail-r.head == n && n < r.most {
		more := make([]group, 2*n)
		for i := r.head; i != r.tail; i++ {
			more[i&(2*n-1)] = *r.group(i)
		}
		r.groups = more
	} else if r.tail-r.head == n {
		old, next := r.group(r.head), r.group(r.head+1)
		next.at, next.first = old.at, old.first
		r.head++
		for k := range r.safe {
			r.safe[k].group = max(r.safe[k].group, r.head)
		}
	}
	*r.group(r.tail) = g
	r.tail++
}

// add adds what this lane has at risk. REQUIRES: there is a commit.
func (r *laneRisk) add(now int64, safe [NumKinds]uint64, never [NumKinds]bool, risk *[NumKinds]Risk) {
	head := r.tail - 1
	for k := range risk {
		if never[k] {
			risk[k].join(r.commits, r.bytes, now-r.first)
			continue
		}
		c := &r.safe[k]
		if k > 0 && !never[k-1] && safe[k] == safe[k-1] && c.seq <= r.safe[k-1].seq {
			*c = r.safe[k-1]
		} else {
			r.advance(c, safe[k])
		}
		if n := r.commits - c.commits; n > 0 {
			risk[k].join(n, r.bytes-c.bytes, now-r.group(c.group).at)
		}
		head = min(head, c.group)
	}
	r.head = head
}

// advance moves c past all that ends at or below safe. After it the first commit at
// risk, if there is one, is in the group of c.
func (r *laneRisk) advance(c *cut, safe uint64) {
	for {
		g := r.group(c.group)
		if g.end > safe {
			if safe >= c.next {
				r.within(c, g, safe)
			}
			return
		}
		c.seq, c.sum, c.next = g.last, g.sum, 0
		if c.group+1 == r.tail {
			return
		}
		c.group++
	}
}

// within moves c past the part of its group that ends at or below safe. It does not move
// where the lane has forgotten some of that, or forgets it meanwhile.
func (r *laneRisk) within(c *cut, g *group, safe uint64) {
	l, is := &r.lane, *c
	first := max(c.seq+1, g.first)
	for i := range g.last + 1 - first {
		seq := first + i
		w := l.slot(seq).Load()
		if w&(lapMask-1) != l.lap(seq) {
			return
		}
		if end, size := unpackAck(w); w&1 != 0 && size > 0 {
			if end = max(end, is.end); end > safe {
				is.next = end
				break
			}
			is.count(end, size)
		}
		is.seq = seq
	}
	// A slot tells four times round from each other, no more.
	if begun := max(first, l.w[laneBegun].Load()); begun-first < 3*uint64(len(l.slots)) {
		*c = is
	}
}

// join adds the part of one lane. What is newer than the sample's clock reading has the
// age 0.
func (r *Risk) join(commits, bytes, ageNs int64) {
	r.Commits += commits
	r.Bytes += bytes
	r.AgeNs = max(r.AgeNs, ageNs)
}
