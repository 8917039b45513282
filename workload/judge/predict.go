package judge

import (
	"time"

	"flushbench/workload/crash/ledger"
	"flushbench/workload/durability"
)

// Prediction is the most that the crash may have taken, by what the victim's own
// tracker had said.
type Prediction struct {
	Commits int64 // acknowledged, and not sure to be kept in every log
	Bytes   int64 // of log, of these; those since the last sample left out
	AgeNs   int64 // of the oldest of them at the crash
	// With a binlog, by class; a transaction may count in more than one.
	Lost, EngineAhead, BinlogAhead int64
	// SampleAgeNs is from the last sample to the crash; -1: there was none.
	SampleAgeNs int64
	// Truncated: the tracker or the ledger ran out of room, so that all of this
	// is not sure to be a bound.
	Truncated bool
	// Doubt says why the prediction is too loose to prove anything; "": it does.
	Doubt string
}

// The oldest sample that a prediction may rest on: a tenth of the flush interval,
// because everything acknowledged since counts as at risk, and all of it would
// make any loss a predicted one. The sampler comes once a millisecond; below
// leastSampleAge a busy machine alone explains a late one.
const leastSampleAge = 25 * time.Millisecond

func (t *trial) maxSampleAge() int64 {
	return int64(max(leastSampleAge, t.Subject.Engine.Commit.FlushInterval()/10))
}

// predict returns what was at risk when the crash began: nothing, where the
// setting keeps everything that was acknowledged.
//
// Else the last sample before the crash bounds it from above: what was safe then
// is safe, and what has been acknowledged since is known. One log may be ahead
// of the other by what became part of it while the crash went on, too.
func (t *trial) predict() (p Prediction) {
	if t.Subject.Expect(t.Kind).All() {
		return p
	}
	acked, exact := uint64(0), true
	for _, k := range t.claim {
		acked += k.acked - k.base
		exact = exact && k.exact
	}
	last := t.lastSample()
	if last == nil {
		p = t.bound(&ledger.Sample{}, int64(acked))
		p.SampleAgeNs, p.AgeNs = -1, max(0, t.Began-t.State.Began)
		p.Doubt = "the tracker had not looked before the crash"
	} else {
		since := acked - min(acked, last.Acked)
		p = t.bound(last, int64(since))
		p.SampleAgeNs = t.Began - last.At
		if last.Risk[t.Kind].Commits > 0 {
			p.AgeNs += p.SampleAgeNs
		}
		p.AgeNs = max(p.AgeNs, t.oldestUnsure())
		// A victim that has ended, because a flush failed, is sampled no more.
		if since > 0 && p.SampleAgeNs > t.maxSampleAge() {
			p.Doubt = "the tracker had not looked for " + time.Duration(p.SampleAgeNs).Round(time.Microsecond).String()
		}
	}
	late := t.late()
	p.EngineAhead, p.BinlogAhead = p.EngineAhead+late, p.BinlogAhead+late
	p.Truncated = p.Truncated || !exact
	return p
}

// lastSample is the last one that was begun before the crash; nil: none.
func (t *trial) lastSample() (last *ledger.Sample) {
	for i := range t.State.Samples {
		if x := &t.State.Samples[i]; x.At <= t.Began {
			last = x
		}
	}
	return last
}

// late counts the acknowledgements that do not count as such, because they are
// dated after the begin of the crash, and yet may have left something in a log,
// because they are dated before its end.
func (t *trial) late() (n int64) {
	if t.Frozen {
		return 0
	}
	for i, k := range t.claim {
		seq, _ := t.State.Clients[i].AckedBefore(t.Ended + 1)
		n += int64(max(seq, k.acked) - k.acked)
	}
	return n
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
	return o.Lost <= p.Lost && o.EngineAhead <= p.EngineAhead+clients && o.BinlogAhead <= p.BinlogAhead+clients && o.LostAgeNs <= p.AgeNs
}

// sure returns a client's last sequence in each log that the last sample before
// the crash called safe from it, by where the acknowledged transactions end: that
// one and all before it must be there, whatever the policy.
func (t *trial) sure(client int) (engine, binlog uint64) {
	base := t.base(client)
	s := t.lastSample()
	if s == nil {
		return base, base
	}
	if t.Subject.Binlog() {
		r := &s.Risk[t.Kind]
		return t.upTo(client, max(r.Commit, min(r.Xid, r.Prepare))), t.upTo(client, r.Xid)
	}
	engine = t.upTo(client, durability.Position(t.Subject.Setting().Watermark(t.Kind), s.Written, s.Flushed))
	return engine, engine
}

// upTo returns a client's last acknowledged sequence that changes something and
// ends at or below a position; its base if none is known to.
func (t *trial) upTo(client int, safe uint64) uint64 {
	c := &t.State.Clients[client]
	for i := len(c.Acks) - 1; i >= 0; i-- {
		if end := c.Acks[i].End; end != 0 && end <= safe {
			return max(t.base(client), t.noted(client, c.First+uint64(i)))
		}
	}
	return t.base(client)
}

// oldestUnsure is how old the oldest acknowledged transaction was that the last
// sample did not call safe in every log.
func (t *trial) oldestUnsure() (age int64) {
	for i, k := range t.claim {
		engine, binlog := t.sure(i)
		if sure := min(engine, binlog); t.count(i, sure, k.last) > 0 {
			age = max(age, t.Began-t.ackedAt(i, sure+1))
		}
	}
	return age
}
