package victim

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"flushbench/engine/clock"
	"flushbench/workload/crash/ledger"
)

// Launch says how to start a program that calls Main. The zero value is this
// program with the argument Command.
type Launch struct {
	Path string   // "": /proc/self/exe
	Args []string // without the program's name; nil: Command
	Env  []string // beside this process's environment
}

// Victim is a child process under load. Freeze and Kill are called by one
// goroutine at a time; all else is safe for concurrent use.
type Victim struct {
	ledger *ledger.Ledger
	cmd    *exec.Cmd
	status *os.File
	said   head          // its standard error
	ended  chan struct{} // closed when the process is gone and waited for
	exit   error         // what waiting for it gave; valid after ended
}

// Start starts a victim. It dies with this process, whatever ends that one, and
// Ctrl-C on the terminal does not reach it. When Start returns it is being
// prepared: see Ready.
func Start(s *Spec, how Launch) (*Victim, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	orders, err := s.encode()
	if err != nil {
		return nil, err
	}
	l, err := ledger.Create(s.ledgerConfig())
	if err != nil {
		return nil, err
	}
	v := &Victim{ledger: l, ended: make(chan struct{})}
	if err := v.start(orders, how); err != nil {
		return nil, errors.Join(fmt.Errorf("victim: start: %w", err), l.Close())
	}
	return v, nil
}

func (v *Victim) start(orders []byte, how Launch) error {
	if how.Path == "" {
		how.Path = "/proc/self/exe"
	}
	if how.Args == nil {
		how.Args = []string{Command}
	}
	spec, err := inMemory("orders", orders)
	if err != nil {
		return err
	}
	status, says, err := os.Pipe()
	if err != nil {
		return errors.Join(err, spec.Close())
	}
	v.status = status
	v.cmd = exec.Command(how.Path, how.Args...)
	v.cmd.Env = append(os.Environ(), how.Env...)
	v.cmd.Stderr = &v.said
	v.cmd.ExtraFiles = []*os.File{spec, v.ledger.File(), says} // fdSpec, fdLedger, fdStatus
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go func() {
		// The death signal comes when this thread ends, so it must not end
		// before the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := v.cmd.Start()
		started <- err
		if err == nil {
			v.exit = v.cmd.Wait()
			close(v.ended)
		}
	}()
	err = <-started
	closing := errors.Join(spec.Close(), says.Close()) // the child has its own
	if err != nil {
		return errors.Join(err, closing, status.Close())
	}
	return nil
}

// inMemory returns a file that holds data and no file system has.
func inMemory(name string, data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err = f.Write(data); err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Ready waits until the load runs. When it returns an error, the victim is
// dead.
func (v *Victim) Ready(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = v.status.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	line, err := bufio.NewReader(v.status).ReadString('\n')
	line = strings.TrimSuffix(line, "\n")
	if err == nil && line == saysReady {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		select {
		case <-v.ended: // it has said why, or dropped the pipe, and ends
		case <-ctx.Done():
		}
	}
	killed := v.Kill()
	text, said := strings.CutPrefix(line, saysError)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case said:
		err = fmt.Errorf("victim: %s", text)
	default:
		err = fmt.Errorf("victim: it ended before its load ran: %w: %s", v.exitError(), v.said.String())
	}
	return errors.Join(err, killed)
}

func (v *Victim) exitError() error {
	if v.exit != nil {
		return v.exit
	}
	return errors.New("exit status 0")
}

// Began is when the load began (clock.Now); 0: not yet.
func (v *Victim) Began() int64 { return v.ledger.Began() }

// Ledger is what the victim has acknowledged, while it lives and afterwards,
// until Close.
func (v *Victim) Ledger() *ledger.Ledger { return v.ledger }

// Ended is closed when the process is gone, killed or by itself.
func (v *Victim) Ended() <-chan struct{} { return v.ended }

// Exit returns how the process ended: its exit code, or -1 if a signal killed
// it, and what it has written to standard error. REQUIRES: it has ended.
func (v *Victim) Exit() (code int, stderr string) {
	return v.cmd.ProcessState.ExitCode(), v.said.String()
}

// Pid is the process id, also after the process has ended.
func (v *Victim) Pid() int { return v.cmd.Process.Pid }

const freezePoll = 50 * time.Microsecond

// Freeze stops the process and returns when all of its threads stand still: a
// thread in a system call, such as a flush, ends that first. From then on
// nothing is written or acknowledged. A victim that has ended is as still: no
// error.
func (v *Victim) Freeze(ctx context.Context) error {
	if err := v.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		if errors.Is(err, os.ErrProcessDone) {
			<-v.ended
			return nil
		}
		return fmt.Errorf("victim: freeze: %w", err)
	}
	for {
		// The kernel reports a stop when the last thread has stopped. The
		// report is left there, and so is that of an end, which is awaited
		// elsewhere.
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, v.Pid(), &info, unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err == nil && info.Signo != 0 {
			return nil
		}
		select {
		case <-v.ended:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ECHILD) {
			return fmt.Errorf("victim: freeze: wait: %w", err)
		}
		clock.Sleep(freezePoll)
	}
}

// Kill sends SIGKILL and returns when the process is gone and none of its
// system calls is under way any more. Killing a dead one is no error.
func (v *Victim) Kill() error {
	if err := v.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("victim: kill: %w", err)
	}
	<-v.ended
	return nil
}

// Close gives the ledger back. REQUIRES: the victim has ended. Safe to call twice.
func (v *Victim) Close() error {
	return errors.Join(v.ledger.Close(), ignoreClosed(v.status.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// head keeps the first part of what is written to it.
type head struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

// maxSaid bounds what is kept of a victim's standard error.
const maxSaid = 64 << 10

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if room := maxSaid - h.buf.Len(); room > 0 {
		h.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.TrimSpace(h.buf.String())
}
