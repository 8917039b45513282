package postgres

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"flushbench/workload"
	"flushbench/workload/target"
)

// The clients of a server that does not answer any more are brought back, in both ways
// in which they wait for it; sessions of other targets are left alone.
func TestServerInterrupt(t *testing.T) {
	p := own(t)
	s := opened(t, p.Address())
	g, err := workload.NewGenerator(3, workload.Spec{Kind: workload.KindUpdate, Rows: 100}, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	other, err := s.Target(g, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	bystander, err := other.Connect(0)
	if err != nil {
		t.Fatal(err)
	}
	defer bystander.Close()
	for _, few := range []bool{true, false} {
		tg, err := s.Target(g, 8, nil)
		if err != nil {
			t.Fatal(err)
		}
		var all, ready sync.WaitGroup
		for c := range uint32(8) {
			x, err := tg.Connect(c)
			if err != nil {
				t.Fatal(err)
			}
			if few { // as where there are fewer clients than processors
				x.(*session).w.block(t)
			}
			ready.Add(1)
			all.Go(func() {
				defer x.Close()
				err := error(nil)
				txn := g.NewTxn(c)
				for n := 0; err == nil || workload.Retryable(err); n++ {
					g.Next(c, x.Seq(), txn)
					if err = x.Run(txn); n == 0 {
						ready.Done()
					}
				}
				if !errors.Is(err, target.ErrConnectionLost) {
					t.Errorf("client %d: %v; want ErrConnectionLost", c, err)
				}
			})
		}
		ready.Wait()
		if err := p.Freeze(); err != nil {
			t.Fatal(err)
		}
		i := tg.(target.Interrupter)
		i.Interrupt()
		i.Interrupt()
		back := make(chan struct{})
		go func() { all.Wait(); close(back) }()
		select {
		case <-back:
		case <-time.After(time.Minute):
			t.Error("the clients wait on")
		}
		if _, err := tg.Connect(0); !errors.Is(err, target.ErrConnectionLost) {
			t.Errorf("Connect() = %v; want ErrConnectionLost", err)
		}
		if err := p.Thaw(); err != nil {
			t.Fatal(err)
		}
		<-back
	}
	txn := g.NewTxn(0)
	g.Next(0, bystander.Seq(), txn)
	if err := bystander.Run(txn); err != nil && !workload.Retryable(err) {
		t.Errorf("a session of another target: %v; want it left alone", err)
	}
}

// Values finds what Settings leaves out, and nothing that there is not.
func TestServerValues(t *testing.T) {
	s := opened(t, shared(t).Address())
	got, err := s.Values(t.Context(), []string{"work_mem", "nosuch", "fsync"})
	if want := fmt.Sprint(target.Settings{{Name: "work_mem", Value: "4MB"}, {Name: "fsync", Value: s.valueOf(t, "fsync")}}); err != nil || fmt.Sprint(got) != want {
		t.Errorf("Values() = %v, %v; want %s", got, err, want)
	}
}

// valueOf is what a new session has.
func (s *server) valueOf(t *testing.T, name string) string {
	t.Helper()
	all, err := s.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all.Get(name)
}

// block makes a session wait in its system calls, as newWire does for few clients.
func (w *wire) block(t *testing.T) {
	t.Helper()
	if w.raw == nil {
		return // it does
	}
	b := target.NewBlocking(w.raw)
	if b == nil {
		t.Skip("this system has no sockets that block")
	}
	if err := w.conn.Close(); err != nil {
		t.Fatal(err)
	}
	w.conn, w.raw, w.step = b, nil, nil
}
