package victim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"flushbench/engine/binlog"
	"flushbench/engine/clock"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/judge"
)

// A frozen victim does nothing any more: no acknowledgement, no sample.
func TestFreeze(t *testing.T) {
	s := logSpec(t.TempDir(), groupcommit.Policy2)
	s.Rate = 0
	v := started(t, s)
	acked(t, v, 100)
	if err := v.Freeze(context.Background()); err != nil {
		t.Fatal(err)
	}
	before := v.Ledger().Read()
	clock.Sleep(30 * time.Millisecond)
	after := v.Ledger().Read()
	if !reflect.DeepEqual(before, after) {
		t.Error("the ledger of a frozen victim changes")
	}
	if err := v.Kill(); err != nil {
		t.Fatal(err)
	}
	if code, _ := v.Exit(); code != -1 {
		t.Errorf("exit code %d of a killed victim; want -1", code)
	}
	if err := v.Freeze(context.Background()); err != nil {
		t.Errorf("freezing a dead one = %v; want nil", err)
	}
	if err := v.Kill(); err != nil {
		t.Errorf("killing a dead one = %v; want nil", err)
	}
}

// asParent makes the test binary start a victim, print its process id and wait.
const asParent = "parent"

func parent() int {
	s := logSpec(os.Getenv("FLUSHBENCH_VICTIM_DIR"), groupcommit.Policy1)
	v, err := Start(s, asChild)
	if err == nil {
		err = v.Ready(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stdout, "failed:", err)
		return 1
	}
	fmt.Fprintln(os.Stdout, v.Pid())
	select {}
}

// A victim does not outlive who started it.
func TestDiesWithItsParent(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"="+asParent, "FLUSHBENCH_VICTIM_DIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the parent says %q", line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	seeds.Until(t, fmt.Sprintf("process %d is gone", pid), func() bool { return !lives(pid) })
}

// lives reports whether a process is there and no zombie.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

// A victim that cannot begin says why, and is gone.
func TestCannotBegin(t *testing.T) {
	s := logSpec(t.TempDir(), groupcommit.Policy1)
	s.Fresh = false // there is nothing
	v, err := Start(s, asChild)
	if err != nil {
		t.Fatal(err)
	}
	err = v.Ready(context.Background())
	if err == nil || !strings.Contains(err.Error(), "redo.0") {
		t.Errorf("Ready = %v; want an error that names the missing file", err)
	}
	if code, _ := v.Exit(); code != ExitUsage {
		t.Errorf("exit code %d; want %d", code, ExitUsage)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

// Whoever waits for a victim to become ready can give up.
func TestReadyIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	v, err := Start(logSpec(t.TempDir(), groupcommit.Policy1), asChild)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Ready(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Ready = %v", err)
	}
	if err := v.Kill(); err != nil {
		t.Error(err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

// A victim that nobody kills ends by itself.
func TestLimit(t *testing.T) {
	s := logSpec(t.TempDir(), groupcommit.Policy2)
	s.Limit = 20 * time.Millisecond
	v := started(t, s)
	<-v.Ended()
	if code, said := v.Exit(); code != ExitLimit {
		t.Errorf("exit code %d, %q; want %d", code, said, ExitLimit)
	}
}

// After a flush that fails nothing is acknowledged, and what was acknowledged
// before it is there.
func TestFault(t *testing.T) {
	for name, s := range map[string]*Spec{
		"log/1":    logSpec("", groupcommit.Policy1),
		"log/2":    logSpec("", groupcommit.Policy2),
		"bank/1/1": bankSpec("", groupcommit.Policy1, 1),
	} {
		t.Run(name, func(t *testing.T) {
			o := inGrace(func() judge.Outcome {
				s.Dir, s.FaultAfter, s.Limit = t.TempDir(), 30*time.Millisecond, 20*time.Second
				v := started(t, s)
				<-v.Ended()
				code, said := v.Exit()
				if code != ExitFailed || !strings.Contains(said, "injected") {
					t.Errorf("exit code %d, %q; want %d and the injected error", code, said, ExitFailed)
				}
				st := v.Ledger().Read()
				if st.Struck == 0 || st.Failure == nil || st.Failure.At < st.Struck || !strings.Contains(st.Failure.Text, "input/output error") {
					t.Errorf("struck at %d, the failure is %+v", st.Struck, st.Failure)
				}
				return crash(t, s, v, true, nil)
			})
			if o.Verdict != judge.Kept || o.AckedAfter != 0 || o.Struck == 0 || o.Noticed < o.Struck {
				t.Errorf("%s: %+v", o.Verdict, o)
			}
		})
	}
}

// The sampler goes on as long as the load does, and has looked before it.
func TestSamplerGoesOn(t *testing.T) {
	s := logSpec(t.TempDir(), groupcommit.Policy2)
	s.Limit = 20 * time.Second
	v := started(t, s)
	if n := len(v.Ledger().Read().Samples); n == 0 {
		t.Error("the load runs, and there is no sample")
	}
	for over := false; !over && len(v.Ledger().Read().Samples) < 20; clock.Sleep(time.Millisecond) {
		select {
		case <-v.Ended():
			over = true
		default:
		}
	}
	if n := len(v.Ledger().Read().Samples); n < 20 {
		t.Errorf("%d samples in a load of %v; want 20", n, s.Limit)
	}
}

// What fails is a flush of a log, of either if commits wait for both.
func TestAim(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(2) {
		for name, s := range map[string]*Spec{"log": logSpec("", groupcommit.Policy1), "two": bankSpec("", groupcommit.Policy1, 1), "sync 0": bankSpec("", groupcommit.Policy1, 0)} {
			s.Seed = seed
			seen[name+" "+s.aim()] = true
		}
	}
	want := map[string]bool{"log redo.*": true, "two redo.*": true, "two binlog.0*": true, "sync 0 redo.*": true}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("aimed at %v; want %v", seen, want)
	}
}

// Orders arrive as they were given.
func TestOrders(t *testing.T) {
	s := bankSpec("/somewhere", groupcommit.Policy2, 3)
	s.Fresh, s.Rate, s.FaultAfter = true, 12.5, time.Second
	s.Engine.Method, s.Engine.Growth, s.Engine.Tail = vfs.DirectFdatasync, vfs.GrowAppend, redo.TailPad
	s.Engine.Commit.Delay = groupcommit.Delay{Fixed: time.Millisecond}
	s.Load.Keys = workload.Keys{Shape: workload.KeysZipfian, Theta: 0.9}
	s.Load.RollbackShare = 0.25
	s.Sizes = workload.Sizes{Shape: workload.ShapeUniform, Lo: 100, Hi: 900}
	s.Database.Options = s.Engine
	s.Database.Binlog.RowImage = binlog.ImageMinimal
	s.Database.Binlog.Clock = func() uint32 { return 1 } // stays behind
	s.Database.Hook = nil
	raw, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	s.Database.Binlog.Clock = nil
	if !reflect.DeepEqual(got, s) {
		t.Errorf("the orders arrive as\n%+v\nwant\n%+v", got, s)
	}
}

func TestSpecIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Spec){
		"rate -1: must be 0 (closed loop) or above":          func(s *Spec) { s.Rate = -1 },
		"limit 0s: must be above 0":                          func(s *Spec) { s.Limit = 0 },
		"fault after -1ns: must be 0 (none) or above":        func(s *Spec) { s.FaultAfter = -1 },
		`folder "here": must be an absolute path`:            func(s *Spec) { s.Dir = "here" },
		"0 clients: must be 1 to":                            func(s *Spec) { s.Clients = 0 },
		"workload: transactions of 0 clients: must be at le": func(s *Spec) { s.Clients, s.Load.Kind = 0, workload.KindBank },
	} {
		s := logSpec("/x", groupcommit.Policy1)
		change(s)
		if _, err := Start(s, asChild); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Start = %v; want %q", err, want)
		}
	}
}

// The ledger holds what the clients acknowledge in three intervals.
func TestLedgerSize(t *testing.T) {
	s := logSpec("/x", groupcommit.Policy2)
	s.Engine.Commit.Interval = time.Second
	for _, c := range []struct {
		clients int
		rate    float64
	}{{1, 10}, {8, 2000}, {8, 0}, {4096, 20_000}} {
		s.Clients, s.Rate = c.clients, c.rate
		cfg := s.ledgerConfig()
		if err := cfg.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if need := 3 * c.rate / float64(c.clients); float64(cfg.History) < need || cfg.Samples < 3000 || cfg.Bytes() > ledger.MaxBytes {
			t.Errorf("%+v: %+v; want a history of %v, 3000 samples", c, cfg, need)
		}
	}
}
