package plug

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/lab/labtest"
	"flushbench/workload/judge"
)

// childEnv makes the test binary one of the three programs, with the orders in
// JSON.
const childEnv = "FLUSHBENCH_PLUG_CHILD"

// orders are what a child does.
type orders struct {
	Do     string // witness, load, verify
	Path   string // journal, or folder on the disk
	Addr   string
	Name   string
	Policy groupcommit.Policy
	Method vfs.Method
	Bank   bool
}

func TestMain(m *testing.M) {
	text := os.Getenv(childEnv)
	if text == "" {
		labtest.Enter()
		os.Exit(m.Run())
	}
	var o orders
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = o.do()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// do is the life of a child.
func (o *orders) do() error {
	switch o.Do {
	case "witness":
		l, _, err := Listen(o.Addr)
		if err != nil {
			return err
		}
		w, err := OpenWitness(WitnessOptions{Journal: o.Path})
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stdout, l.Addr())
		return w.Serve(context.Background(), l)
	case "load":
		c := LoadConfig{
			Witness: o.Addr, Name: o.Name, Base: o.Path, Subject: aSubject(o.Policy, o.Method), Rate: 2000, Duration: time.Minute, Every: 2 * time.Millisecond,
			AllowVolatile: true, BesideLiveDatabase: true, Progress: &watching{ready: func() { fmt.Fprintln(os.Stdout, "ready") }},
		}
		if o.Bank {
			c.Subject, c.Rate = aBank(o.Policy, 1), 500
		}
		c.Subject.Engine.Commit.Interval = testInterval
		_, err := Load(context.Background(), c)
		return err
	}
	f, err := Verify(context.Background(), VerifyConfig{Witness: o.Addr, Name: o.Name, Base: o.Path})
	if err != nil {
		return err
	}
	f.Outcome.Books = nil
	return json.NewEncoder(os.Stdout).Encode(struct {
		Outcome   judge.Outcome
		Restarted bool
	}{f.Outcome, f.Restarted})
}

// testInterval is the time between the timer flushes of policies 0 and 2.
const testInterval = 300 * time.Millisecond

// child starts one of the three programs. It dies with the test.
func child(t *testing.T, o orders) (cmd *exec.Cmd, out *bufio.Reader) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = new(bytes.Buffer)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // the test has locked its thread
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be dead already
		_ = cmd.Wait()
	})
	return cmd, bufio.NewReader(stdout)
}

// line is the next line that a child prints.
func line(t *testing.T, cmd *exec.Cmd, out *bufio.Reader) string {
	t.Helper()
	text, err := out.ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		t.Fatalf("it printed %q and ended: %v: %v", text, cmd.ProcessState, cmd.Stderr)
	}
	return strings.TrimSpace(text)
}

// machine is a disk that can lose its power, with a witness elsewhere.
type machine struct {
	disk  *lab.Disk
	addr  string
	names int
}

func aMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{disk: labtest.New(t, lab.Options{Kind: vfs.CrashPower, FS: lab.Ext4, Bytes: 48 << 20})}
	cmd, out := child(t, orders{Do: "witness", Path: aJournal(t), Addr: "127.0.0.1:0"})
	m.addr = line(t, cmd, out)
	return m
}

// reports are those that the witness has of a run. It may have failed to answer in time.
func (m *machine) reports(t *testing.T, id ID) ([]*Report, error) {
	t.Helper()
	w, err := dial(t.Context(), m.addr)
	if err != nil {
		return nil, err
	}
	_, all, err := w.fetch(id)
	return all, errors.Join(err, w.close())
}

// cut runs a load, takes the power from its disk, and lets verify judge.
func (m *machine) cut(t *testing.T, o orders, commits uint64) judge.Outcome {
	t.Helper()
	m.names++
	o.Addr, o.Path, o.Name = m.addr, m.disk.Path(), fmt.Sprintf("cut-%d", m.names)
	o.Do = "load"
	cmd, out := child(t, o)
	if text := line(t, cmd, out); text != "ready" {
		t.Fatalf("the load says %q", text)
	}
	mark, err := readFolder(o.Path, o.Name)
	if err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		reports, err := m.reports(t, mark.ID)
		// Half an interval after a timer flush the window is wide open.
		if n := len(reports); n > 0 && reports[n-1].Acked() >= commits && reports[n-1].At-reports[n-1].Began > int64(testInterval)*3/2 {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatalf("no %d commits in a minute: %v: %v", commits, err, cmd.Stderr)
		}
	}
	// The machine stands still, as a whole; then nothing of it is left but what
	// its disk has.
	var status syscall.WaitStatus
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the load does not stand still: %v, %v: %v", status, err, cmd.Stderr)
	}
	_, _, crashed := m.disk.Crash()
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // killed
	if err := errors.Join(crashed, m.disk.Restart(t.Context())); err != nil {
		t.Fatal(err)
	}
	o.Do = "verify"
	judging, says := child(t, o)
	var f struct {
		Outcome   judge.Outcome
		Restarted bool
	}
	text, err := io.ReadAll(says)
	if ended := judging.Wait(); err != nil || ended != nil || json.Unmarshal(text, &f) != nil {
		t.Fatalf("verify: %v, %v: %s%v", err, ended, text, judging.Stderr)
	}
	if f.Restarted {
		t.Error("verify believes that the machine was started again")
	}
	if err := Remove(o.Path, o.Name); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(o.Path); err != nil || len(left) != 0 {
		t.Errorf("left on the disk: %v, %v", left, err)
	}
	t.Logf("%+v: %s: acknowledged %d, lost %d (%v), newer %d", o, f.Outcome.Verdict, f.Outcome.Acked, f.Outcome.Lost, time.Duration(f.Outcome.LostAgeNs), f.Outcome.UnackedPresent)
	return f.Outcome
}

// TestThreeProcesses is a cut with everything but the plug: a witness, a load and
// a judge that share nothing but the witness's port and a disk that forgets what
// was not flushed.
func TestThreeProcesses(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread() // for children that die with it
	m := aMachine(t)
	for _, c := range []struct {
		name  string
		o     orders
		want  string
		loses bool // in one of a few cuts
	}{
		{"policy 1", orders{Policy: groupcommit.Policy1}, judge.Kept, false},
		{"policy 1 of two logs", orders{Policy: groupcommit.Policy1, Bank: true}, judge.Kept, false},
		{"policy 2", orders{Policy: groupcommit.Policy2}, judge.LostWithin, true},
		{"policy 0", orders{Policy: groupcommit.Policy0}, judge.LostWithin, true},
		{"never flushed", orders{Policy: groupcommit.Policy1, Method: vfs.None}, judge.Violation, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			runtime.LockOSThread()
			for try := range uint64(5) {
				o := m.cut(t, c.o, 200+50*try)
				if o.Verdict != c.want && o.Verdict != judge.Kept && !unsure(o, c.want) {
					t.Fatalf("%s: %+v, predicted %+v", o.Verdict, o, *o.Predicted)
				}
				if o.Verdict != judge.Kept && (o.LostAgeNs <= 0 || o.LostAgeNs > int64(time.Minute)) {
					t.Errorf("%d were lost, the oldest %v old", o.Lost, time.Duration(o.LostAgeNs))
				}
				if o.Lost > 0 == c.loses {
					return
				}
			}
			t.Errorf("in no cut something was lost")
		})
	}
}
