package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload/crash/subject"
	"flushbench/workload/judge"
	"flushbench/workload/plug"
)

func TestPlugBadInput(t *testing.T) {
	for args, want := range map[string]string{
		"plug":                                                  "which part?",
		"plug pull":                                             `unknown command "pull"`,
		"plug load":                                             "--name \"\": must be 1 to 32",
		"plug load --name A":                                    "--name \"A\": must be",
		"plug verify":                                           "--name \"\": must be",
		"plug verify --name x":                                  `there is no run "x"`,
		"plug verify --name x --remove":                         `there is no run "x"`,
		"plug witness --listen 7177":                            "must be HOST:PORT",
		"plug load --name x --policy 1,2":                       "2 combinations",
		"plug load --name x --rate auto":                        "--rate auto",
		"plug load --name x --duration 0s":                      "--duration 0s: must be above 0",
		"plug load --name x --report-every 1s":                  "must be 0 to 100ms",
		"plug load --name x --workload insert":                  "legal are log, bank, update, write-only",
		"plug load --name x --client-mode parked":               "unknown flag: --client-mode",
		"plug load --name x --witness nowhere":                  "--witness: plug: address \"nowhere\": must be HOST:PORT",
		"plug verify --name x --witness 1.2:99999":              "must be HOST:PORT",
		"plug verify --name x --dir missing":                    "does not exist",
		"plug witness --listen :99999":                          "a port up to 65535",
		"plug witness --listen 127.0.0.1:0 --journal .":         "must be a file",
		"plug witness --listen 127.0.0.1:0 --journal missing/x": "in a folder that is there",
	} {
		stdout, stderr, code := runBinary(t, t.TempDir(), strings.Fields(args)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q; want 2 and %q", args, code, stdout, stderr, want)
		}
	}
}

// printing is a command that runs, and what it prints.
type printing struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

func startPrinting(t *testing.T, dir string, args ...string) *printing {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	return &printing{cmd, bufio.NewReader(out)}
}

func (p *printing) line(t *testing.T) string {
	t.Helper()
	text, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("it printed %q and ended: %v", text, err)
	}
	return text
}

// TestPlug is the whole story but for the plug, as a user has it: killing the load
// takes nothing, so all is there.
func TestPlug(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := startPrinting(t, dir, "plug", "witness", "--listen", "127.0.0.1:0", "--journal", "j")
	first := w.line(t)
	fields := strings.Fields(first)
	if len(fields) < 3 || !strings.Contains(first, "this machine alone") {
		t.Fatalf("the witness says %q", first)
	}
	addr := strings.TrimSuffix(fields[2], ",")
	load := func(name string, more ...string) []string {
		return append([]string{"plug", "load", "--witness", addr, "--name", name, "--quiet", "--log-capacity", "8MiB", "--clients", "4",
			"--allow-volatile", "--beside-live-database"}, more...)
	}
	one := startPrinting(t, dir, load("one")...)
	if text := one.line(t); !strings.Contains(text, "pull the plug") {
		t.Fatalf("the load says %q", text)
	}
	time.Sleep(100 * time.Millisecond) // of load; how much is no matter
	if err := one.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = one.cmd.Wait() // killed
	for _, c := range []struct {
		args []string
		code int
		out  string
		err  string
	}{
		{load("one"), 2, "", "is there already"},
		{[]string{"plug", "verify", "--witness", addr, "--name", "one"}, 0, "VERDICT KEPT.", ""},
		{load("two", "--duration", "200ms"), 0, "Nobody cut", ""},
		{load("two", "--duration", "200ms"), 2, "", "each cut needs a name of its own"},
		{[]string{"plug", "verify", "--witness", addr, "--name", "two"}, 2, "", "no run"},
	} {
		stdout, stderr, code := runBinary(t, dir, c.args...)
		if code != c.code || !strings.Contains(stdout, c.out) || !strings.Contains(stderr, c.err) {
			t.Errorf("%q: exit code %d, %s%s; want %d, %q, %q", c.args, code, stdout, stderr, c.code, c.out, c.err)
		}
	}
	stdout, stderr, code := runBinary(t, dir, "plug", "verify", "--witness", addr, "--name", "one", "--format", "json")
	var got struct {
		Verdict    string   `json:"verdict"`
		Acked      int64    `json:"acked"`
		Recovered  int64    `json:"recovered"`
		Restarted  bool     `json:"restarted"`
		Violations []string `json:"violations"`
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	if got.Verdict != judge.Kept || got.Acked != got.Recovered || got.Restarted || got.Violations == nil {
		t.Errorf("verify says %+v", got)
	}
	if _, stderr, code := runBinary(t, dir, "plug", "verify", "--name", "one", "--remove"); code != 0 {
		t.Errorf("--remove: exit code %d: %s", code, stderr)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "flushbench-*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := w.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, w.out); err != nil {
		t.Error(err)
	}
	if err := w.cmd.Wait(); err != nil {
		t.Errorf("the witness ends with %v", err)
	}
}

// cutFinding is what became of a load that was cut.
func cutFinding(policy groupcommit.Policy, method vfs.Method, o judge.Outcome) *plug.Finding {
	f := &plug.Finding{
		Name: "cut-1", Folder: "/mnt/disk/flushbench-plug/cut-1", Host: "laptop-7: ext4 on nvme0n1 (SSD, write-back cache)", Rate: 1000,
		Heard: time.Date(2026, 11, 21, 9, 14, 2, 345e6, time.UTC), Acked: uint64(o.Acked), Loaded: 12400 * time.Millisecond, Reports: 2431,
		Gap: 7300 * time.Microsecond, Restarted: true, Outcome: o,
	}
	f.Subject = subject.Subject{Clients: 8}
	f.Subject.Engine.Method, f.Subject.Engine.Commit.Policy = method, policy
	return f
}

func TestPlugScreen(t *testing.T) {
	all := subject.Promise{Redo: true, Binlog: true}
	for name, f := range map[string]*plug.Finding{
		"plug-kept.golden":   cutFinding(groupcommit.Policy1, vfs.Fdatasync, judge.Outcome{Verdict: judge.Kept, Acked: 12400, Recovered: 12400, UnackedPresent: 5, Promise: all, Predicted: &judge.Prediction{}}),
		"plug-within.golden": cutFinding(groupcommit.Policy2, vfs.Fdatasync, judge.Outcome{Verdict: judge.LostWithin, Acked: 12400, Recovered: 11700, Lost: 700, LostAgeNs: 701e6, Predicted: &judge.Prediction{Commits: 720}}),
		"plug-unsure.golden": cutFinding(groupcommit.Policy2, vfs.Fdatasync, judge.Outcome{Verdict: judge.NotPredicted, Acked: 12400, Recovered: 11700, Lost: 700, LostAgeNs: 701e6,
			Predicted: &judge.Prediction{Commits: 720, Doubt: "the tracker had not looked for 134ms"}}),
		"plug-more.golden": cutFinding(groupcommit.Policy2, vfs.Fdatasync, judge.Outcome{Verdict: judge.LostMore, Acked: 12400, Recovered: 7000, Lost: 5400, SafeGone: 4700, LostAgeNs: 5403e6, Predicted: &judge.Prediction{Commits: 720}}),
		"plug-violation.golden": cutFinding(groupcommit.Policy1, vfs.Fdatasync, judge.Outcome{Verdict: judge.Violation, Acked: 12400, Lost: 340, LostAgeNs: 343e6, Promise: all, Predicted: &judge.Prediction{},
			Violations: []string{"client 0: sequences 1508 to 1550 were acknowledged and are gone", "client 1", "client 2", "client 3", "client 4", "client 5", "client 6"}}),
		"plug-control.golden": cutFinding(groupcommit.Policy1, vfs.None, judge.Outcome{Verdict: judge.Violation, Unreadable: true, Promise: all, Predicted: &judge.Prediction{}, Violations: []string{"recovery failed"}}),
	} {
		if name == "plug-control.golden" {
			f.Restarted, f.Failure, f.Rate = false, "input/output error", 0
		}
		golden(t, name, plugScreen(f, plain))
	}
}

func TestPlugExit(t *testing.T) {
	for verdict, want := range map[string]int{judge.Kept: 0, judge.LostWithin: 0, judge.NotPredicted: 1, judge.LostMore: 1, judge.Violation: 3} {
		f := cutFinding(groupcommit.Policy1, vfs.Fdatasync, judge.Outcome{Verdict: verdict})
		if got := exitCode(plugExit(nil, f), true); got != want {
			t.Errorf("%s: exit code %d; want %d", verdict, got, want)
		}
	}
	if got := exitCode(plugExit(errors.New("disk full"), cutFinding(groupcommit.Policy1, vfs.Fdatasync, judge.Outcome{Verdict: judge.Kept})), true); got != 1 {
		t.Errorf("an error beside it: exit code %d; want 1", got)
	}
}
