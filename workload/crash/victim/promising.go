package victim

import (
	"flushbench/engine/clock"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
)

// promising is a target that notes in the ledger what it acknowledges.
type promising struct {
	workload.Target
	ledger *ledger.Ledger
	size   func(t *workload.Txn) int64 // bytes of log that t takes
}

// Connect implements workload.Target.
func (p *promising) Connect(client uint32) (workload.Session, error) {
	s, err := p.Target.Connect(client)
	if err != nil {
		return nil, err
	}
	x := &promise{Session: s, p: p, lane: p.ledger.Lane(int(client))}
	x.lane.Open(s.Seq())
	return x, nil
}

// promise is a session of it. Every acknowledgement passes through Run: first
// the ledger has it, then the client. So the ledger never lacks one that a client
// has seen.
type promise struct {
	workload.Session
	p    *promising
	lane *ledger.Lane
}

// stubborn is how often a client tries again after the engine has failed. It
// must not be acknowledged.
const stubborn = 3

// Run implements workload.Session. It is one function around the other session's and
// no more: on the way back from a system call each function that is returned from takes
// some 25 ns, most likely because the kernel's own calls go deeper than a processor
// remembers return addresses. What it calls itself returns at once.
func (x *promise) Run(t *workload.Txn) error {
	seq := x.asked()
	if err := x.Session.Run(t); err != nil {
		return x.refused(t, err)
	}
	x.acked(seq, t)
	return nil
}

// asked notes that the client asks for its next commit, and returns its sequence.
func (x *promise) asked() uint64 {
	seq := x.Session.Seq() + 1
	x.lane.Begin(seq)
	return seq
}

// acked notes that t was acknowledged.
func (x *promise) acked(seq uint64, t *workload.Txn) {
	size := int64(0)
	if t.Writes() && !t.Rollback {
		size = x.p.size(t)
	}
	x.lane.Ack(seq, x.p.ledger.Now(), uint64(x.LastEnd()), size)
}

// refused notes that t failed with err, and tries again, unless a client would do that
// itself. It returns err.
func (x *promise) refused(t *workload.Txn, err error) error {
	if workload.Retryable(err) {
		return err
	}
	x.p.ledger.Fail(clock.Now(), err.Error())
	for range stubborn {
		seq := x.asked()
		if x.Session.Run(t) == nil { // the first error is the one that counts
			x.acked(seq, t)
		}
	}
	return err
}
