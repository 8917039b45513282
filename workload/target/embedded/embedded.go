// Package embedded is the workload's target that commits to flushbench's own
// engine, in this process: workload log, one append a transaction. It turns
// transactions into calls and the engine's moments into stages, and does
// nothing else: it counts nothing and decides nothing.
package embedded

import (
	"fmt"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/groupcommit"
	"flushbench/workload"
)

// Target commits to an open engine. Safe for concurrent use.
type Target struct{ e *engine.Engine }

var (
	_ workload.Target          = (*Target)(nil)
	_ workload.Pipeliner       = (*Target)(nil)
	_ workload.Sampler         = (*session)(nil)
	_ workload.PipelineSampler = (*pipeline)(nil)
)

// New returns a target on e, which belongs to the target from here on.
func New(e *engine.Engine) *Target { return &Target{e: e} }

// Engine returns the engine, for its counts, watermarks and Drain.
func (t *Target) Engine() *engine.Engine { return t.e }

// Overhead implements workload.Target.
func (t *Target) Overhead() workload.Overhead { return Overhead() }

// Overhead is what the redo log adds to a body: header, client and sequence,
// rounded up to 8 bytes. redo.CommitSize says the same.
func Overhead() workload.Overhead {
	return workload.Overhead{Header: redo.MinRecord, Align: redo.CommitSize(1) - redo.CommitSize(0)}
}

// Close implements workload.Target: it closes the engine without draining it.
func (t *Target) Close() error { return t.e.Close() }

// Connect implements workload.Target.
func (t *Target) Connect(client uint32) (workload.Session, error) {
	s, err := t.e.Session(client)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	return &session{s: s}, nil
}

// bodyOf returns the body of a transaction of workload log.
func bodyOf(t *workload.Txn) ([]byte, error) {
	if len(t.Ops) != 1 || t.Ops[0].Kind != workload.OpAppend {
		return nil, fmt.Errorf("embedded: transaction of client %d with %d operations: must be one %v", t.Client, len(t.Ops), workload.OpAppend)
	}
	return t.Ops[0].Value, nil
}

// session is a parked client.
type session struct {
	s        *engine.Session
	wanted   bool // SampleNext was called
	stages   workload.Stages
	stagesOK bool
}

// Run implements workload.Session.
func (x *session) Run(t *workload.Txn) error {
	body, err := bodyOf(t)
	if err != nil {
		return err
	}
	if x.wanted {
		return x.runSampled(body)
	}
	return x.s.Commit(body)
}

func (x *session) runSampled(body []byte) error {
	w := x.s.Waiter()
	x.wanted, x.stagesOK = false, false
	w.Sample, w.Stages = true, groupcommit.Stages{}
	m := moments{called: clock.Now()}
	err := x.s.Commit(body)
	m.returned = clock.Now()
	w.Sample = false
	if err != nil {
		return err
	}
	m.appended = x.s.Appended()
	x.stages, x.stagesOK = m.stages(w.Stages, x.s.Waits()), true
	return nil
}

// Seq implements workload.Session.
func (x *session) Seq() uint64 { return x.s.Seq() }

// LastEnd implements workload.Session.
func (x *session) LastEnd() lsn.LSN { return x.s.End() }

// Close implements workload.Session. The engine keeps nothing per session.
func (x *session) Close() error { return nil }

// SampleNext implements workload.Sampler.
func (x *session) SampleNext() { x.wanted, x.stagesOK = true, false }

// Stages implements workload.Sampler.
func (x *session) Stages() (workload.Stages, bool) {
	ok := x.stagesOK
	x.stagesOK = false
	return x.stages, ok
}
