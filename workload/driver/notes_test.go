package driver

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"flushbench/workload"
)

// The states of a diary.
const (
	idle  = "idle"
	asked = "asked"
	told  = "told"
	given = "given up"
)

// diary is a client's session and its notes, which check each other: asked for, run
// until it is acknowledged, taken down, and only then the next.
type diary struct {
	workload.Session
	t     *testing.T
	state string
	seq   uint64
	size  int64 // of what was run last, as a crash may take it
	all   int64 // of it, as it is written
	sizes func(*workload.Txn) int64
	acks  int
}

func (d *diary) is(what, want string) {
	if d.state != want {
		d.t.Errorf("%s %d: while %s; want %s", what, d.seq, d.state, want)
	}
}

func (d *diary) Asks(seq uint64) {
	d.is("asks for", idle)
	if d.seq++; seq != d.seq {
		d.t.Errorf("asks for %d; want %d", seq, d.seq)
	}
	d.state = asked
}

func (d *diary) Run(t *workload.Txn) error {
	d.is("runs", asked)
	d.all, d.size = d.sizes(t), 0
	if t.Writes() && !t.Rollback {
		d.size = d.all
	}
	err := d.Session.Run(t)
	if !workload.Retryable(err) {
		d.state = told
	}
	return err
}

func (d *diary) Acked(seq uint64, size int64) {
	d.is("acknowledged", told)
	if seq != d.seq || size != d.size {
		d.t.Errorf("acknowledged %d with %d bytes; want %d with %d", seq, size, d.seq, d.size)
	}
	d.state = idle
	d.acks++
}

func (d *diary) Refused(_ *workload.Txn, size int64, err error) {
	d.is("refused", told)
	if size != d.all || !errors.Is(err, errFake) {
		d.t.Errorf("refused %d with %d bytes: %v; want %d, and %v", d.seq, size, err, d.all, errFake)
	}
	d.state = given
}

// diaries is a target whose sessions are diaries.
type diaries struct {
	workload.Target
	t     *testing.T
	sizes func(*workload.Txn) int64
	all   []*diary
}

func (x *diaries) Connect(client uint32) (workload.Session, error) {
	s, err := x.Target.Connect(client)
	if err != nil {
		return nil, err
	}
	d := &diary{Session: s, t: x.t, state: idle, seq: s.Seq(), sizes: x.sizes}
	x.all = append(x.all, d)
	return d, nil
}

// notes implements Config.Notes.
func (x *diaries) notes(client uint32, s workload.Session) Notes {
	if s != x.all[client] {
		x.t.Errorf("client %d takes notes of somebody else's session", client)
	}
	return x.all[client]
}

// TxnBytes implements workload.Sizer.
func (x *diaries) TxnBytes(t *workload.Txn) int { return x.Target.(workload.Sizer).TxnBytes(t) }

// over makes what the diaries are about: a load of n transactions, of which the last
// fails if fails is set.
func (x *diaries) over(rows, fails bool, n int64) (context.Context, *workload.Generator) {
	end := func(failAt *int64, until func(*testing.T, int64) context.Context) context.Context {
		if !fails {
			return until(x.t, n)
		}
		*failAt = n
		return x.t.Context()
	}
	if !rows {
		f := newFake()
		x.Target = f
		x.sizes = func(t *workload.Txn) int64 { return int64(f.overhead.Bytes(len(t.Ops[0].Value))) }
		return end(&f.failAt, f.until), nil
	}
	f := newRowTarget(x.t, workload.Spec{Kind: workload.KindBank, ReadShare: 0.2, RollbackShare: 0.1}, noteTakers)
	f.victims, f.from = 7, 10
	x.Target = f
	x.sizes = func(t *workload.Txn) int64 {
		if !t.Writes() {
			return 0
		}
		return int64(f.bytes)
	}
	return end(&f.failAt, f.until), f.gen
}

const noteTakers = 3

// Each transaction is noted before it is asked for, and its acknowledgement before the
// client goes on, in every kind of loop; a failure is, once.
func TestNotes(t *testing.T) {
	for _, loop := range []string{"unmeasured", "closed", "paced"} {
		for _, rows := range []bool{false, true} {
			for _, fails := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s,rows=%v,fails=%v", loop, rows, fails), func(t *testing.T) { testNotes(t, loop, rows, fails) })
			}
		}
	}
}

func testNotes(t *testing.T, loop string, rows, fails bool) {
	x := &diaries{t: t}
	ctx, txns := x.over(rows, fails, 600)
	c := Config{
		Target: x, Clients: noteTakers, Sizes: workload.FixedSize(64), Txns: txns, Duration: MaxDuration,
		Measure: loop != "unmeasured", Notes: x.notes,
	}
	if loop == "paced" {
		a, err := workload.NewConstant(20_000)
		if err != nil {
			t.Fatal(err)
		}
		c.Arrivals = a
	}
	if _, err := Run(ctx, c); errors.Is(err, errFake) != fails {
		t.Fatal(err)
	}
	gave, acks := 0, 0
	for _, d := range x.all {
		acks += d.acks
		switch d.state {
		case given:
			gave++
		case told:
			t.Errorf("what was said of %d was never noted", d.seq)
		}
	}
	if fails != (gave > 0) || acks < 300 {
		t.Errorf("%d clients gave up, %d acknowledgements; want that of those who fail, and more than 300", gave, acks)
	}
}

// Pipelined clients have no notes to take.
func TestNotesNeedParkedClients(t *testing.T) {
	x := &diaries{t: t, Target: newFake()}
	c := Config{Target: newFake(), Clients: 1, Mode: workload.Pipelined, Sizes: workload.FixedSize(64), Duration: MaxDuration, Notes: x.notes}
	if err := c.Validate(); err == nil {
		t.Error("taken; want a refusal")
	}
}
