package embedded

import (
	"fmt"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/groupcommit"
	"flushbench/workload"
)

// pipeline drives many clients from one goroutine: a session and a waiter
// for each, in two slices, and one queue for all.
type pipeline struct {
	sessions []engine.Session
	waiters  []groupcommit.Waiter
	queue    *groupcommit.Queue
	list     *groupcommit.Waiter // taken from the queue, not yet handed on

	// One commit at a time can be sampled.
	sample   int // its client's index; -1: none
	moments  moments
	stages   workload.Stages
	stagesOf int // whose stages these are; -1: nobody's
}

// NewPipeline implements workload.Pipeliner.
func (t *Target) NewPipeline(clients []uint32) (workload.Pipeline, error) {
	p := &pipeline{queue: groupcommit.NewQueue(), sample: -1, stagesOf: -1}
	p.sessions = make([]engine.Session, len(clients))
	p.waiters = make([]groupcommit.Waiter, len(clients))
	for i, c := range clients {
		s, err := t.e.Session(c)
		if err != nil {
			return nil, fmt.Errorf("embedded: %w", err)
		}
		p.sessions[i] = *s
		p.waiters[i] = *groupcommit.NewAsyncWaiter(p.queue)
		p.waiters[i].Tag = uint64(i)
	}
	return p, nil
}

// Submit implements workload.Pipeline.
func (p *pipeline) Submit(i int, t *workload.Txn) error {
	body, err := bodyOf(t)
	if err != nil {
		return err
	}
	w := &p.waiters[i]
	if p.sample == i {
		w.Sample, w.Stages = true, groupcommit.Stages{}
		p.moments = moments{called: clock.Now()}
		err := p.sessions[i].CommitAsync(body, w)
		p.moments.appended = p.sessions[i].Appended()
		return err
	}
	return p.sessions[i].CommitAsync(body, w)
}

// Poll implements workload.Pipeline.
func (p *pipeline) Poll(buf []workload.Done) int {
	if p.list == nil {
		p.list = p.queue.Poll()
	}
	return p.take(buf)
}

// Wait implements workload.Pipeline.
func (p *pipeline) Wait(buf []workload.Done) int {
	if p.list == nil {
		p.list = p.queue.Wait(nil)
	}
	return p.take(buf)
}

// WaitOr implements workload.Pipeline.
func (p *pipeline) WaitOr(buf []workload.Done, kick <-chan struct{}) int {
	if p.list == nil {
		p.list = p.queue.Wait(kick)
	}
	return p.take(buf)
}

// take moves waiters from the list to buf.
func (p *pipeline) take(buf []workload.Done) int {
	n := 0
	for n < len(buf) && p.list != nil {
		w := p.list
		p.list = w.Next() // before w can be used again
		buf[n] = workload.Done{Client: int(w.Tag), End: w.End(), Err: w.Err()}
		if w.Sample {
			p.sampled(w)
		}
		n++
	}
	return n
}

// sampled ends the sampling of w's commit.
func (p *pipeline) sampled(w *groupcommit.Waiter) {
	p.moments.returned = clock.Now()
	w.Sample = false
	p.sample = -1
	if w.Err() == nil {
		p.stages, p.stagesOf = p.moments.stages(w.Stages, p.sessions[w.Tag].Waits()), int(w.Tag)
	}
}

// Seq implements workload.Pipeline.
func (p *pipeline) Seq(i int) uint64 { return p.sessions[i].Seq() }

// Close implements workload.Pipeline.
func (p *pipeline) Close() error { return nil }

// SampleNext implements workload.PipelineSampler. It is ignored while another
// client's commit is sampled.
func (p *pipeline) SampleNext(i int) {
	if p.sample < 0 {
		p.sample, p.stagesOf = i, -1
	}
}

// Stages implements workload.PipelineSampler.
func (p *pipeline) Stages(i int) (workload.Stages, bool) { return p.stages, p.stagesOf == i }
