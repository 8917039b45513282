package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs/testenv"
)

// pty is a terminal of our own with a command on it.
type pty struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd

	mu   sync.Mutex
	vt   *vt
	done chan struct{} // the command has closed the terminal

	hid    bool   // the cursor was hidden at some time
	missed string // what was waited for in vain
}

// startPTY starts the command on a new terminal.
func startPTY(t *testing.T, columns, rows int, env []string, args ...string) *pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		testenv.Lack(t, "no pseudo-terminal: ", err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		testenv.Lack(t, "no pseudo-terminal: ", err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		testenv.Lack(t, "no pseudo-terminal: ", err)
	}
	p := &pty{t: t, master: master, vt: newVT(columns, rows), done: make(chan struct{})}
	p.resize(columns, rows)
	p.cmd = exec.Command(binary, args...)
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p.cmd.Env = append(os.Environ(), "CI=", "NO_COLOR=", "TERM=xterm-256color")
	p.cmd.Env = append(p.cmd.Env, env...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	go p.read()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		_ = p.cmd.Wait()
		_ = master.Close()
	})
	return p
}

// read feeds the emulator until the terminal is closed.
func (p *pty) read() {
	defer close(p.done)
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		p.mu.Lock()
		_, _ = p.vt.Write(buf[:n])
		p.hid = p.hid || p.vt.hidden || bytes.Contains(buf[:n], []byte(hideCursor))
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// resize changes the size, of which the command gets a SIGWINCH.
func (p *pty) resize(columns, rows int) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.vt.resize(columns, rows, true)
	if err := unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(columns)}); err != nil {
		p.t.Fatal(err)
	}
}

// until waits until the screen is as asked. If the command ends before, it is noted
// in missed.
func (p *pty) until(what string, seen func(screen string) bool) {
	for p.missed == "" {
		p.mu.Lock()
		screen := p.vt.String()
		p.mu.Unlock()
		if seen(screen) {
			return
		}
		select {
		case <-p.done:
			p.missed = what
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// end waits for the command and returns its exit code and all that is seen.
func (p *pty) end() (code int, seen string) {
	p.t.Helper()
	<-p.done
	_ = p.cmd.Wait()
	p.vt.check(p.t)
	if p.vt.hidden {
		p.t.Error("the cursor stays hidden")
	}
	return p.cmd.ProcessState.ExitCode(), p.vt.history()
}

// ptyRun is a run of a few seconds that flushes little.
func ptyRun(rounds string) []string {
	return []string{
		"run", "--dir", ".", "--policy", "0", "--clients", "2", "--rate", "200", "--flush-interval", "100ms", "--rounds", rounds, "--duration", "300ms", "--warmup", "50ms",
		"--log-capacity", "8m", "--allow-volatile", "--beside-live-database", "--no-report",
	}
}

// watchPTY starts a run of so many rounds on a terminal, and lets look wait for what
// it shows. If it ends before all was seen, because the machine had better things to
// do, it starts again with four times as many rounds.
func watchPTY(t *testing.T, columns int, env []string, rounds int, look func(p *pty)) *pty {
	t.Helper()
	for again := 2; ; again-- {
		p := startPTY(t, columns, 24, env, ptyRun(strconv.Itoa(rounds))...)
		if look(p); p.missed == "" {
			return p
		}
		if again == 0 {
			t.Fatalf("the command ended before %s; on the screen:\n%s", p.missed, p.vt.history())
		}
		rounds *= 4
	}
}

// TestLiveOnATerminal runs the command as a user does and looks at the screen. It
// looks again if something is left on it: a frame that was on its way when the terminal
// became narrow breaks into lines that no program knows of.
func TestLiveOnATerminal(t *testing.T) {
	t.Parallel()
	for again := 4; ; again-- {
		p := watchPTY(t, 80, nil, 3, func(p *pty) {
			p.until("a frame", func(s string) bool {
				return strings.Contains(s, "step ") && strings.Contains(s, "at risk") && strings.Contains(s, "process crash")
			})
			p.until("commits are counted", func(s string) bool {
				return strings.Contains(s, "measuring") && !strings.Contains(s, "so far         -")
			})
			p.resize(40, 24)
			p.until("the frame fits", func(s string) bool { return strings.Contains(s, "\nprocess") || strings.Contains(s, "\nat risk  -") })
		})
		code, seen := p.end()
		if code != 0 || !p.hid {
			t.Errorf("exit code %d, cursor hidden meanwhile %v", code, p.hid)
		}
		if !strings.Contains(seen, "RISK") || !strings.Contains(seen, "run writes at most") {
			t.Errorf("the answer and the note are gone:\n%s", seen)
		}
		stale := slices.DeleteFunc([]string{"step ", "commits/s  ", "measuring", "[#"}, func(s string) bool { return !strings.Contains(seen, s) })
		if len(stale) == 0 {
			return
		}
		if again == 0 {
			t.Fatalf("%q is left on the screen:\n%s", stale, seen)
		}
	}
}

// TestLiveCtrlC presses Ctrl-C: the screen says so, the cursor comes back and
// what was drawn is gone.
func TestLiveCtrlC(t *testing.T) {
	t.Parallel()
	p := watchPTY(t, 80, nil, 200, func(p *pty) {
		p.until("a frame", func(s string) bool { return strings.Contains(s, "measuring") })
	})
	if _, err := p.master.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	code, seen := p.end()
	if code != exitInterrupted || strings.Contains(seen, "measuring") || strings.Contains(seen, "at risk  ") || !strings.Contains(seen, "PARTIAL") {
		t.Errorf("exit code %d; want %d; seen\n%s", code, exitInterrupted, seen)
	}
}

// TestLiveFallsBack holds where plain lines are printed instead.
func TestLiveFallsBack(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"TERM=dumb", "CI=true"} {
		t.Run(env, func(t *testing.T) {
			t.Parallel()
			p := startPTY(t, 80, 24, []string{env}, ptyRun("1")...)
			code, seen := p.end()
			if code != 0 || p.hid || !strings.Contains(seen, "flushbench:   0 %, ") {
				t.Errorf("exit code %d, cursor hidden %v; seen\n%s", code, p.hid, seen)
			}
		})
	}
	t.Run("30 columns", func(t *testing.T) {
		t.Parallel()
		p := watchPTY(t, 30, nil, 1, func(p *pty) {
			p.until("one line", func(s string) bool { return strings.Contains(s, " left  policy=") })
		})
		if code, seen := p.end(); code != 0 || strings.Contains(seen, " left  ") {
			t.Errorf("exit code %d, seen\n%s", code, seen)
		}
	})
	t.Run("NO_COLOR", func(t *testing.T) {
		t.Parallel()
		p := watchPTY(t, 80, []string{"NO_COLOR=1"}, 1, func(p *pty) {
			p.until("a frame", func(s string) bool { return strings.Contains(s, "measuring") })
		})
		if code, seen := p.end(); code != 0 || p.vt.styled {
			t.Errorf("exit code %d, styled %v; seen\n%s", code, p.vt.styled, seen)
		}
	})
}
