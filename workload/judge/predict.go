package judge

import "flushbench/workload/crash/ledger"

// Prediction is the most that the crash may have taken, by what the victim's own
// tracker had said.
type Prediction struct {
	Commits int64 // acknowledged, and not sure to be kept in every log
	Bytes   int64 // of log, of these; those since the last sample left out
	AgeNs   int64 // of the oldest of them at the crash
	// With a binlog, by class; a transaction may count in more than one.
	Lost, EngineAhead, BinlogAhead int64
	// Truncated: the tracker ran out of room: all of them are lower bounds.
	Truncated bool
}

// predict returns what was at risk when the crash began: nothing, where the
// setting keeps everything that was acknowledged.
//
// Else the last sample before the crash bounds it from above: what was safe then
// is safe, and what has been acknowledged since is known. The first sample after
// the crash may say more, because the load went on. Before the first sample of
// all, everything that was acknowledged was at risk.
func (t *trial) predict() (p Prediction) {
	if t.Subject.Expect(t.Kind).All() {
		return p
	}
	acked, exact := uint64(0), true
	for _, k := range t.claim {
		acked += k.acked - k.base
		exact = exact && k.exact
	}
	var last ledger.Sample
	var after *ledger.Sample
	for i := range t.State.Samples {
		if x := &t.State.Samples[i]; x.At <= t.Began {
			last = *x
		} else if x.At >= t.Ended && after == nil {
			after = x
		}
	}
	p = t.bound(&last, int64(acked-min(acked, last.Acked)))
	switch {
	case last.At == 0:
		p.AgeNs = max(0, t.Began-t.State.Began)
	case p.Commits > 0:
		p.AgeNs += t.Began - last.At
	}
	if after != nil && !t.Frozen {
		q := t.bound(after, 0)
		p.Commits, p.Bytes, p.AgeNs = max(p.Commits, q.Commits), max(p.Bytes, q.Bytes), max(p.AgeNs, q.AgeNs)
		p.Lost, p.EngineAhead, p.BinlogAhead = max(p.Lost, q.Lost), max(p.EngineAhead, q.EngineAhead), max(p.BinlogAhead, q.BinlogAhead)
		p.Truncated = p.Truncated || q.Truncated
	}
	p.Truncated = p.Truncated || !exact
	return p
}

// bound is what may be gone so many acknowledgements after a sample. A crash may
// keep more than is sure of either log: so one may be ahead by all that is not sure
// in the other.
func (t *trial) bound(s *ledger.Sample, since int64) Prediction {
	r := &s.Risk[t.Kind]
	p := Prediction{Commits: r.Commits + since, Bytes: r.Bytes, AgeNs: r.AgeNs, Truncated: s.Overflow > 0}
	p.Lost = p.Commits
	if t.Subject.Binlog() {
		above := func(n uint64) int64 { return int64(s.Last-min(n, s.Last)) + since }
		p.Lost = min(p.Commits, above(max(r.Xid, r.Commit)))
		p.EngineAhead, p.BinlogAhead = above(r.Xid), above(r.Prepare)
	}
	return p
}

// covers reports whether what is gone is within the prediction. Each client may
// have had one more transaction under way, in one log and not in the other,
// that nobody was told of.
func (p *Prediction) covers(o *Outcome, clients int64) bool {
	return p.Truncated || o.Lost <= p.Lost && o.EngineAhead <= p.EngineAhead+clients && o.BinlogAhead <= p.BinlogAhead+clients
}
