package driver

import (
	"fmt"

	"flushbench/engine/clock"
	"flushbench/workload"
)

// batch is how many completed commits a worker takes at a time.
const batch = 256

// pipelined is one worker that drives many logical clients. It takes what has
// completed, reads the clock once for all of it, and starts the next commit of
// each of these clients, whose time runs from that clock reading: a client
// that waits for its worker waits.
type pipelined struct {
	*worker
	pipe     workload.Pipeline
	sampler  workload.PipelineSampler // nil: no samples
	ids      []uint32
	seqs     []uint64 // by index: the last submitted
	starts   []int64  // by index: when the commit under way was asked for
	failures []int    // indexes whose last commit was not acknowledged
	underWay int
	sampling int // the index whose commit is sampled; -1: none
	txn      workload.Txn
	closed   bool
	open     *openPipe // paced; else nil
}

// connectPipelines gives each worker its share of the clients.
func (c *cell) connectPipelines() error {
	target := c.cfg.Target.(workload.Pipeliner)
	n := len(c.workers)
	for i, w := range c.workers {
		ids := make([]uint32, 0, c.cfg.Clients/n+1)
		for id := c.cfg.Clients * i / n; id < c.cfg.Clients*(i+1)/n; id++ {
			ids = append(ids, uint32(id))
		}
		pipe, err := target.NewPipeline(ids)
		if err != nil {
			return fmt.Errorf("driver: connect clients %d to %d: %w", ids[0], ids[len(ids)-1], err)
		}
		p := &pipelined{worker: w, pipe: pipe, ids: ids, sampling: -1, seqs: make([]uint64, len(ids)), starts: make([]int64, len(ids))}
		p.txn.Ops = []workload.Op{{Kind: workload.OpAppend}}
		if c.dealer != nil {
			p.open = newOpenPipe(len(ids), c.over)
			c.seats = append(c.seats, p.open.seat)
		}
		for j := range ids {
			p.seqs[j] = pipe.Seq(j)
		}
		if s, ok := pipe.(workload.PipelineSampler); ok && c.cfg.Measure && c.cfg.SampleEvery > 0 {
			p.sampler = s
		}
		c.runners = append(c.runners, p)
	}
	return nil
}

// run implements runner.
func (p *pipelined) run() {
	done := make([]workload.Done, min(batch, len(p.ids)))
	var over bool
	if p.open != nil {
		p.paced(done)
		over = true
	} else {
		over = p.first(done)
	}
	for p.underWay > 0 {
		n := p.pipe.Wait(done)
		over = p.deliver(done[:n], p.now(), over)
	}
	for i, id := range p.ids {
		p.c.acked[id] = p.seqs[i]
		p.c.submitted[id] = max(p.seqs[i], p.pipe.Seq(i))
	}
	for _, i := range p.failures {
		p.c.acked[p.ids[i]]--
	}
}

// close implements runner. Safe to call twice.
func (p *pipelined) close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	return p.pipe.Close()
}

// first starts the first commit of every client, and others as they complete.
// It reports whether the cell is over.
func (p *pipelined) first(done []workload.Done) (over bool) {
	for i := range p.ids {
		if p.c.cut.Load() != 0 {
			return true
		}
		if !p.submit(i, p.now()) {
			return true
		}
		if i%batch == batch-1 {
			if n := p.pipe.Poll(done); p.deliver(done[:n], p.now(), false) {
				return true
			}
		}
	}
	return false
}

// submit starts the next commit of client i, whose time runs from now. It
// returns false when the cell is over.
func (p *pipelined) submit(i int, now int64) bool {
	c := p.c
	body := c.bodies.Body(p.ids[i], p.seqs[i]+1)
	if c.cfg.Spend != nil && !p.pay(int64(c.bodies.Record(len(body)))) {
		return false
	}
	if c.burnup > 0 {
		p.work()
		now = p.now()
	}
	if p.sampler != nil && p.sampleDue() && p.sampling < 0 {
		p.sampler.SampleNext(i)
		p.sampling = i
	}
	p.txn.Client, p.txn.Ops[0].Value = p.ids[i], body
	p.starts[i] = now
	p.seqs[i]++
	if err := p.pipe.Submit(i, &p.txn); err != nil {
		p.failures = append(p.failures, i)
		p.failed(err)
		return false
	}
	p.underWay++
	return true
}

// now reads the clock, unless nothing is measured.
func (p *pipelined) now() int64 {
	if !p.c.cfg.Measure {
		return 0
	}
	return clock.Now()
}

// deliver accounts for commits that were completed by the time now and, in a closed
// loop, starts their clients' next ones from then on unless the cell is over. It
// reports whether it is. REQUIRES: no commit is started from an earlier time afterwards.
func (p *pipelined) deliver(done []workload.Done, now int64, over bool) bool {
	p.underWay -= len(done)
	if len(done) == 0 {
		return over
	}
	if p.c.cfg.Measure {
		over = p.record(done, now) || over
	} else {
		over = p.count(done) || over
	}
	if over || p.open != nil {
		return over
	}
	for _, d := range done {
		if !p.submit(d.Client, now) {
			return true
		}
	}
	return false
}

// record accounts for commits that were delivered at the time now.
func (p *pipelined) record(done []workload.Done, now int64) (over bool) {
	for _, d := range done {
		if d.Err != nil {
			p.lose(d)
			over = true
			continue
		}
		start := p.starts[d.Client]
		in, ended := p.acked(start, now, p.size(d.Client), d.End)
		switch {
		case p.open != nil:
			p.answered(d.Client, now, in)
		case in:
			p.sink.record(now, now-start)
		}
		if d.Client == p.sampling {
			p.sampling = -1
			if st, ok := p.sampler.Stages(d.Client); ok && in {
				p.sampled(st)
			}
		}
		over = over || ended
	}
	return over
}

// count is record when nothing is measured.
func (p *pipelined) count(done []workload.Done) (over bool) {
	var n, size int64
	for _, d := range done {
		if d.Err != nil {
			p.lose(d)
			over = true
			continue
		}
		n++
		size += p.size(d.Client)
	}
	return p.counted(n, size) || over
}

// size is the bytes of log of client i's last commit.
func (p *pipelined) size(i int) int64 {
	b := p.c.bodies
	return int64(b.Record(b.Len(p.ids[i], p.seqs[i])))
}

// lose notes a commit that came back with an error.
func (p *pipelined) lose(d workload.Done) {
	p.failures = append(p.failures, d.Client)
	p.failed(d.Err)
}
