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

// Run implements workload.Session.
func (x *promise) Run(t *workload.Txn) error {
	err := x.run(t)
	if err == nil || workload.Retryable(err) {
		return err
	}
	x.p.ledger.Fail(clock.Now(), err.Error())
	for range stubborn {
		_ = x.run(t) // the first error is the one that counts
	}
	return err
}

func (x *promise) run(t *workload.Txn) error {
	seq := x.Seq() + 1
	x.lane.Begin(seq)
	if err := x.Session.Run(t); err != nil {
		return err
	}
	size := int64(0)
	if t.Writes() && !t.Rollback {
		size = x.p.size(t)
	}
	x.lane.Ack(seq, x.p.ledger.Now(), uint64(x.LastEnd()), size)
	return nil
}
