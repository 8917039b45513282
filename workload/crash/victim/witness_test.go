package victim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/driver"
)

// asWitness makes the test binary commit to a target that does nothing, as fast
// as it can, and lets each client note what it has seen in a second ledger.
const asWitness = "witness"

// nowhere acknowledges at once. Its client has seen an acknowledgement at the latest
// when it asks for the next.
type nowhere struct {
	seq  uint64
	seen *ledger.Lane
}

func (s *nowhere) Run(*workload.Txn) error {
	if s.seq > 0 {
		s.seen.Begin(s.seq)
		s.seen.Ack(s.seq, 0, 0, 0)
	}
	s.seq++
	return nil
}

func (s *nowhere) Seq() uint64      { return s.seq }
func (s *nowhere) LastEnd() lsn.LSN { return lsn.LSN(s.seq) }
func (s *nowhere) Close() error     { return nil }

// nowheres is the target of it.
type nowheres struct {
	workload.Target
	seen *ledger.Ledger
}

func (n nowheres) Connect(client uint32) (workload.Session, error) {
	lane := n.seen.Lane(int(client))
	lane.Open(0)
	return &nowhere{seen: lane}, nil
}

func (nowheres) Overhead() workload.Overhead { return workload.Overhead{} }

const witnesses = 3

func witness() int {
	promised, err := ledger.Attach(os.NewFile(3, "promised"))
	seen, err2 := ledger.Attach(os.NewFile(4, "seen"))
	if err := errors.Join(err, err2); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	promised.Tick(clock.Now())
	go func() {
		_, err := driver.Run(context.Background(), driver.Config{
			Target: nowheres{seen: seen}, Notes: notesIn(promised), Clients: witnesses, Sizes: workload.FixedSize(64), Duration: time.Hour, SampleEvery: -1,
		})
		fmt.Fprintln(os.Stderr, "the load has ended:", err)
		os.Exit(1)
	}()
	for { // as the sampler does
		promised.Tick(clock.Now())
		time.Sleep(time.Millisecond)
	}
}

// Killed at any instruction, the ledger has every acknowledgement that a client
// has seen, none that the target has not given, and all their times.
func TestNoAcknowledgementIsMissed(t *testing.T) {
	for range 15 {
		c := ledger.Config{Clients: witnesses, History: 32}
		promised, err := ledger.Create(c)
		if err != nil {
			t.Fatal(err)
		}
		seen, err := ledger.Create(c)
		if err != nil {
			t.Fatal(err)
		}
		before := clock.Now()
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), childEnv+"="+asWitness)
		cmd.Stderr = os.Stderr
		cmd.ExtraFiles = []*os.File{promised.File(), seen.File()}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for begin := time.Now(); seen.Acked() < 1000; time.Sleep(time.Millisecond) {
			if time.Since(begin) > time.Minute || !lives(cmd.Process.Pid) {
				_ = cmd.Process.Kill() // it may have ended
				t.Fatalf("the clients have seen %d acknowledgements; want 1000: %v", seen.Acked(), cmd.Wait())
			}
		}
		clock.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		after := clock.Now()
		p, s := promised.Read(), seen.Read()
		for i := range witnesses {
			p, s := p.Clients[i], s.Clients[i]
			if s.Acked > p.Acked || p.Acked > s.Acked+1 || p.Begun < p.Acked || p.Begun > p.Acked+1 {
				t.Errorf("client %d has seen %d; the ledger has %d, begun %d", i, s.Acked, p.Acked, p.Begun)
			}
			// An ack carries the time of this machine, not of its process.
			for k, a := range p.Acks {
				if a.At < before || a.At > after || k > 0 && a.At < p.Acks[k-1].At || a.End != p.First+uint64(k) {
					t.Fatalf("client %d: acknowledgement %d of %d is %+v; the child lived from %d to %d", i, k, len(p.Acks), a, before, after)
				}
			}
		}
		if err := errors.Join(promised.Close(), seen.Close()); err != nil {
			t.Error(err)
		}
	}
}
