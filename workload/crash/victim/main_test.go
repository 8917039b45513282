package victim

import (
	"context"
	"os"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
	"flushbench/workload/durability"
	"flushbench/workload/judge"
)

// childEnv makes the test binary play a victim.
const childEnv = "FLUSHBENCH_VICTIM_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case asWitness:
		os.Exit(witness())
	case asParent:
		os.Exit(parent())
	}
	os.Exit(Main())
}

// asChild starts the test binary as a victim.
var asChild = Launch{Args: []string{}, Env: []string{childEnv + "=1"}}

const testClients = 4

// logSpec is a small workload log in a folder.
func logSpec(dir string, policy groupcommit.Policy) *Spec {
	// Whoever waits for so many commits kills it then, however slow the disk is.
	s := &Spec{Fresh: true, Rate: 3000, Limit: 5 * time.Minute}
	s.Subject = subject.Subject{Dir: dir, Clients: testClients, Seed: 7, Sizes: workload.FixedSize(256), FSType: "ext4", Simulated: true}
	s.Engine = engine.Options{Capacity: 4 << 20, Files: 2, BufferSize: 1 << 20}
	s.Engine.Commit = groupcommit.Config{Policy: policy, Interval: 50 * time.Millisecond}
	return s
}

// bankSpec is a small bank; sync below 0: without a binlog.
func bankSpec(dir string, policy groupcommit.Policy, sync int) *Spec {
	s := logSpec(dir, policy)
	s.Load = workload.Spec{Kind: workload.KindBank, Rows: 50, RowBytes: 40}
	s.Rate = 1000
	s.Database.BufferPool = 16 << 20
	if sync >= 0 {
		s.Database.Binlog = engine.BinlogOptions{Enabled: true, Growth: vfs.GrowAppend, Format: binlog.FormatRow}
		s.Database.Stages.SyncBinlog = sync
	}
	return s
}

// started starts a victim that the test kills, and waits until it is under load.
func started(t *testing.T, s *Spec) *Victim {
	t.Helper()
	v, err := Start(s, asChild)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Kill(); err != nil {
			t.Error(err)
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := v.Ready(context.Background()); err != nil {
		t.Fatal(err)
	}
	return v
}

// acked waits until the victim has acknowledged so many commits.
func acked(t *testing.T, v *Victim, n uint64) {
	t.Helper()
	for begin := time.Now(); v.Ledger().Acked() < n; clock.Sleep(100 * time.Microsecond) {
		select {
		case <-v.Ended():
			code, said := v.Exit()
			t.Fatalf("the victim ended by itself, exit code %d: %s", code, said)
		default:
		}
		if time.Since(begin) > 2*time.Minute {
			t.Fatalf("%d commits were acknowledged in two minutes; want %d", v.Ledger().Acked(), n)
		}
	}
}

// inGrace tries again where the machine, by what the trial recorded, kept the engine
// from noticing for longer than the judge allows that a flush had failed: between the
// call and the engine's next step its thread may have to wait. One that never notices
// is not tried again, nor one that is late every time.
func inGrace(try func() judge.Outcome) (o judge.Outcome) {
	for range 5 {
		if o = try(); o.Noticed-o.Struck < int64(judge.Grace) {
			break
		}
	}
	return o
}

// crash kills the victim as the kind process does, and judges.
func crash(t *testing.T, s *Spec, v *Victim, frozen bool, before *judge.Books) judge.Outcome {
	t.Helper()
	if frozen {
		if err := v.Freeze(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	c := judge.Case{Subject: s.Subject, Kind: durability.Process, Frozen: frozen, Before: before, Began: clock.Now()}
	if err := v.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Ended, c.State = clock.Now(), v.Ledger().Read()
	return judge.Judge(c)
}
