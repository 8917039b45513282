package driver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/workload"
)

var errFake = errors.New("the disk is gone")

// fake is a target that acknowledges at once, checks that each body is what
// it must be, and fails, stalls or calls back where it is told to.
type fake struct {
	overhead workload.Overhead
	bodies   *workload.Bodies          // nil: bodies are not checked
	failAt   int64                     // fail from this call on; 0: never
	each     func(call int64)          // called in every commit; nil: nothing
	stages   workload.Stages           // what sampled commits say
	recover  map[uint32]uint64         // sequences kept from earlier
	connect  func(client uint32) error // nil: always

	spans  [][]span           // by client: when its commits were in the target; nil: not kept
	stopAt int64              // end the load in this call; 0: never
	stop   context.CancelFunc // of the load

	calls   atomic.Int64 // commits asked for
	acked   atomic.Int64 // commits acknowledged
	bytes   atomic.Int64 // bytes of log acknowledged
	open    atomic.Int64 // sessions and pipelines open
	samples atomic.Int64
	bad     atomic.Pointer[error] // the first wrong body
	mu      struct {
		sync.Mutex
		last map[uint32]uint64 // sequence of each client's last acknowledged commit
	}
}

// span is the time of a commit, as clock.Now.
type span struct{ begin, end int64 }

// between returns how many commits were acknowledged in [from, until): a client is
// told of one after its end, and before the begin of its next.
func (f *fake) between(from, until int64) (least, most int64) {
	for _, all := range f.spans {
		for i, s := range all {
			next := int64(math.MaxInt64)
			if i+1 < len(all) {
				next = all[i+1].begin
			}
			if s.end >= from && next <= until {
				least++
			}
			if next > from && s.end < until {
				most++
			}
		}
	}
	return least, most
}

// until returns a context that the fake cancels in its call n: for loads that
// take as long as the machine needs for so many commits.
func (f *fake) until(t *testing.T, n int64) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	f.stopAt, f.stop = n, cancel
	return ctx
}

func newFake() *fake {
	f := &fake{overhead: workload.Overhead{Header: 40, Align: 8}}
	f.mu.last = make(map[uint32]uint64)
	return f
}

func (f *fake) Connect(client uint32) (workload.Session, error) {
	if f.connect != nil {
		if err := f.connect(client); err != nil {
			return nil, err
		}
	}
	f.open.Add(1)
	return &fakeSession{f: f, client: client, seq: f.recover[client]}, nil
}

func (f *fake) Overhead() workload.Overhead { return f.overhead }
func (f *fake) Close() error                { return nil }

// commit is one commit of a client; REQUIRES: one at a time a client.
func (f *fake) commit(t *workload.Txn, client uint32, seq uint64) error {
	if f.spans != nil {
		begin := clock.Now()
		defer func() { f.spans[client] = append(f.spans[client], span{begin, clock.Now()}) }()
	}
	call := f.calls.Add(1)
	if f.each != nil {
		f.each(call)
	}
	if call == f.stopAt {
		f.stop()
	}
	if f.failAt > 0 && call >= f.failAt {
		return errFake
	}
	body := t.Ops[0].Value
	if f.bodies != nil {
		err := f.bodies.Verify(client, seq, body)
		if t.Client != client || len(t.Ops) != 1 || t.Ops[0].Kind != workload.OpAppend {
			err = fmt.Errorf("transaction %+v of client %d", t, client)
		}
		if err != nil {
			f.bad.CompareAndSwap(nil, &err)
		}
	}
	f.acked.Add(1)
	f.bytes.Add(int64(f.overhead.Bytes(len(body))))
	return nil
}

type fakeSession struct {
	f      *fake
	client uint32
	seq    uint64
	sample bool
}

func (s *fakeSession) Run(t *workload.Txn) error {
	s.seq++
	return s.f.commit(t, s.client, s.seq)
}

func (s *fakeSession) Seq() uint64      { return s.seq }
func (s *fakeSession) LastEnd() lsn.LSN { return lsn.LSN(s.seq * 100) }
func (s *fakeSession) SampleNext()      { s.sample = true; s.f.samples.Add(1) }

func (s *fakeSession) Stages() (workload.Stages, bool) {
	ok := s.sample
	s.sample = false
	return s.f.stages, ok
}

func (s *fakeSession) Close() error {
	s.f.open.Add(-1)
	return nil
}

// NewPipeline makes a pipeline that completes its commits late and in a
// scrambled order.
func (f *fake) NewPipeline(clients []uint32) (workload.Pipeline, error) {
	p := &fakePipeline{f: f, clients: clients, seqs: make([]uint64, len(clients)), busy: make([]bool, len(clients))}
	for i, c := range clients {
		p.seqs[i] = f.recover[c]
		if f.connect != nil {
			if err := f.connect(c); err != nil {
				return nil, err
			}
		}
	}
	f.open.Add(1)
	return p, nil
}

type fakePipeline struct {
	f       *fake
	clients []uint32
	seqs    []uint64
	busy    []bool
	waiting []workload.Done
	turn    int
	sample  int
}

func (p *fakePipeline) Submit(i int, t *workload.Txn) error {
	if p.busy[i] {
		panic("two commits of one client under way")
	}
	p.seqs[i]++
	err := p.f.commit(t, p.clients[i], p.seqs[i])
	p.turn++
	if err != nil && p.turn%2 == 0 {
		return err
	}
	p.busy[i] = true
	p.waiting = append(p.waiting, workload.Done{Client: i, End: lsn.LSN(p.seqs[i] * 100), Err: err})
	n := len(p.waiting)
	other := (p.turn * 7) % n
	p.waiting[n-1], p.waiting[other] = p.waiting[other], p.waiting[n-1]
	return nil
}

func (p *fakePipeline) Poll(buf []workload.Done) int {
	n := copy(buf, p.waiting[:len(p.waiting)/2])
	return p.done(buf, n)
}

func (p *fakePipeline) Wait(buf []workload.Done) int {
	if len(p.waiting) == 0 {
		panic("nothing to wait for")
	}
	return p.done(buf, copy(buf, p.waiting[:len(p.waiting)/2+1]))
}

func (p *fakePipeline) WaitOr(buf []workload.Done, kick <-chan struct{}) int {
	if len(p.waiting) == 0 {
		<-kick
		return 0
	}
	return p.Wait(buf)
}

func (p *fakePipeline) done(buf []workload.Done, n int) int {
	p.waiting = append(p.waiting[:0], p.waiting[n:]...)
	for _, d := range buf[:n] {
		p.busy[d.Client] = false
	}
	return n
}

func (p *fakePipeline) Seq(i int) uint64 { return p.seqs[i] }
func (p *fakePipeline) SampleNext(i int) { p.sample = i; p.f.samples.Add(1) }

func (p *fakePipeline) Stages(i int) (workload.Stages, bool) { return p.f.stages, p.sample == i }

func (p *fakePipeline) Close() error {
	p.f.open.Add(-1)
	return nil
}
