package victim

import (
	"errors"
	"testing"
	"unsafe"

	"flushbench/engine/lsn"
	"flushbench/groupcommit"
	"flushbench/metrics"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/durability"
)

// watched is a session that looks at the ledger while it commits.
type watched struct {
	t      *testing.T
	ledger *ledger.Ledger
	seq    uint64
	fails  []error // what the next calls of Run return; nil: acknowledged
	after  bool    // the sequence is used up although Run fails
	calls  int
}

func (s *watched) Run(*workload.Txn) error {
	if c := s.ledger.Read().Clients[0]; c.Begun != s.seq+1 || c.Acked > s.seq {
		s.t.Errorf("while sequence %d commits, the ledger has begun %d, acknowledged %d", s.seq+1, c.Begun, c.Acked)
	}
	var err error
	if s.calls < len(s.fails) {
		err = s.fails[s.calls]
	}
	s.calls++
	if err == nil || s.after {
		s.seq++
	}
	return err
}

func (s *watched) Seq() uint64      { return s.seq }
func (s *watched) LastEnd() lsn.LSN { return lsn.LSN(100 * s.seq) }
func (s *watched) Close() error     { return nil }

// told is a client as the driver has it, with a session that it watches.
type told struct {
	*notes
	w *watched
}

func takesNotes(t *testing.T, w *watched) (*told, *ledger.Ledger) {
	t.Helper()
	l, err := ledger.New(ledger.Config{Clients: 1, History: 64})
	if err != nil {
		t.Fatal(err)
	}
	w.t, w.ledger = t, l
	return &told{notes: notesIn(l)(0, w).(*notes), w: w}, l
}

// run is what the driver does with a transaction (TestNotes there).
func (c *told) run(size int64) error {
	seq := c.w.seq + 1
	c.Asks(seq)
	switch err := c.w.Run(appends()); {
	case err == nil:
		c.Acked(seq, size)
		return nil
	case workload.Retryable(err):
		return err
	default:
		c.Refused(appends(), size, err)
		return err
	}
}

// following is a patient that samples a ledger, and nothing else.
func following(t *testing.T, l *ledger.Ledger) *patient {
	t.Helper()
	p := &patient{spec: logSpec("", groupcommit.Policy2), ledger: l}
	p.spec.Clients = 1
	p.track([metrics.NumKinds]durability.Watermark{})
	p.look = func() look { return look{safe: [ledger.NumKinds]uint64{600, 0, 0}} }
	return p
}

func appends() *workload.Txn { return &workload.Txn{Ops: []workload.Op{{Kind: workload.OpAppend}}} }

// A commit is begun in the ledger before the target knows of it, and acknowledged
// there when the client goes on. The next sample counts what may be lost of it.
func TestNotes(t *testing.T) {
	c, l := takesNotes(t, &watched{seq: 5, fails: []error{nil, workload.ErrDeadlock, nil}})
	for i, want := range []uint64{6, 6, 7} {
		err := c.run(10)
		if errors.Is(err, workload.ErrDeadlock) != (i == 1) {
			t.Fatalf("Run = %v", err)
		}
		has := l.Read().Clients[0]
		if has.Base != 5 || has.Acked != want || l.Failed() {
			t.Errorf("after call %d the ledger has base %d, acknowledged %d, failed %v; want 5, %d, false", i, has.Base, has.Acked, l.Failed(), want)
		}
		if a, ok := has.At(want); !ok || a.End != 100*want {
			t.Errorf("At(%d) = %+v, %v", want, a, ok)
		}
	}
	if err := c.run(0); err != nil { // a rollback
		t.Fatal(err)
	}
	var x ledger.Sample
	p := following(t, l)
	for range 2 { // the second sees nothing twice
		p.sample(&x)
		if risk := x.Risk; risk[metrics.Process].Commits != 1 || risk[metrics.OS].Commits != 2 || risk[metrics.OS].Bytes != 20 || x.Overflow != 0 || x.Acked != 3 {
			t.Errorf("the sample is %+v; want 3 acknowledged, 1 commit beyond 600, 2 in all, and no rollback", x)
		}
	}
	if has := l.Read().Clients[0]; has.Acked != 8 {
		t.Errorf("with a rollback %d are acknowledged; want 8", has.Acked)
	}
	if err := c.run(10); err != nil {
		t.Fatal(err)
	}
	has := l.Read().Clients[0]
	if a, ok := has.At(9); !ok || a.At != x.At {
		t.Errorf("what came after the sample at %d is dated %+v, %v", x.At, a, ok)
	}
}

var onHeap *notes // so that those of TestNotesLieApart are not on its stack

// What a commit reads of the notes, and nothing that anybody else writes, is on one line
// of the cache, of 64 bytes, and what follows it.
func TestNotesLieApart(t *testing.T) {
	l, err := ledger.New(ledger.Config{Clients: 20})
	if err != nil {
		t.Fatal(err)
	}
	take := notesIn(l)
	for client := range uint32(20) {
		onHeap = take(client, &watched{}).(*notes)
		n := onHeap
		from := uintptr(unsafe.Pointer(&n.lane))
		if end := unsafe.Offsetof(n.ledger) + 8; from%64 != 0 || unsafe.Offsetof(n.lane) < apart || unsafe.Sizeof(*n)-end < apart-8 {
			t.Fatalf("the lane of client %d is at %#x, in %d bytes from %d to %d", client, from, unsafe.Sizeof(*n), unsafe.Offsetof(n.lane), end)
		}
	}
}

// A sampler that came too late for some acknowledgements says how many: what it
// counts is then no bound.
func TestSamplesSayWhatTheyMissed(t *testing.T) {
	c, l := takesNotes(t, &watched{})
	p := following(t, l)
	var x ledger.Sample
	for round := range 3 {
		for range 63 + round {
			if err := c.run(10); err != nil {
				t.Fatal(err)
			}
		}
		p.sample(&x)
		if want := []uint64{0, 1, 3}[round]; x.Overflow != want {
			t.Errorf("after round %d the sample has missed %d; want %d", round, x.Overflow, want)
		}
	}
}

// After a failure the client insists, and what it is then told is noted too: the
// judge counts it.
func TestStubborn(t *testing.T) {
	broken := errors.New("flush: input/output error")
	w := &watched{fails: []error{nil, broken, broken, nil, broken}, after: true}
	c, l := takesNotes(t, w)
	if err := c.run(10); err != nil {
		t.Fatal(err)
	}
	if err := c.run(10); !errors.Is(err, broken) {
		t.Errorf("Run = %v; want the first error", err)
	}
	if f := l.Failure(); f == nil || f.Text != broken.Error() {
		t.Errorf("the failure is %+v", f)
	}
	if w.calls != 2+stubborn {
		t.Errorf("%d calls; want %d", w.calls, 2+stubborn)
	}
	if has := l.Read().Clients[0]; has.Acked != 4 {
		t.Errorf("acknowledged %d; want 4: the one that came after the failure", has.Acked)
	}
}
