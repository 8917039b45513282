package victim

import (
	"flushbench/engine/clock"
	"flushbench/metrics"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
)

// promising is a target that notes in the ledger what it acknowledges.
type promising struct {
	workload.Target
	ledger  *ledger.Ledger
	tracker *metrics.Tracker
	size    func(t *workload.Txn) int64 // bytes of log that t takes
}

// Connect implements workload.Target.
func (p *promising) Connect(client uint32) (workload.Session, error) {
	s, err := p.Target.Connect(client)
	if err != nil {
		return nil, err
	}
	x := &promise{Session: s, p: p, lane: p.ledger.Lane(int(client)), risk: p.tracker.Lane(int(client))}
	x.lane.Open(s.Seq())
	return x, nil
}

// promise is a session of it. Every acknowledgement passes through Run: first
// the tracker's lane has it, then the ledger's, then the client. So the ledger
// never lacks one that a client has seen, nor the tracker one that the ledger has.
type promise struct {
	workload.Session
	p    *promising
	lane *ledger.Lane
	risk *metrics.Lane
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
	x.lane.Begin(x.Seq() + 1)
	if err := x.Session.Run(t); err != nil {
		return err
	}
	now, end := clock.Now(), x.LastEnd()
	if t.Writes() && !t.Rollback {
		x.risk.Ack(end, now, x.p.size(t))
	}
	x.lane.Ack(x.Seq(), now, uint64(end))
	return nil
}
