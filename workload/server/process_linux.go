package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// supported says whether servers can be started here.
const supported = true

// stat is what /proc/PID/stat says.
type stat struct {
	process
	parent int
	state  byte   // R, S, D, T, Z ...
	ticks  uint64 // of CPU, in user and system mode
	waited uint64 // the same of the children that it has waited for
}

func (s *stat) dead() bool    { return s.state == 'Z' || s.state == 'X' }
func (s *stat) stopped() bool { return s.state == 'T' || s.state == 't' || s.dead() }

// Fields of /proc/PID/stat, counted from the one behind the command's name, which
// may hold anything: see proc_pid_stat(5).
const (
	statState  = 0
	statParent = 1
	statUser   = 11
	statSystem = 12
	// Of children that were waited for.
	statChildUser   = 13
	statChildSystem = 14
	statStart       = 19
)

func parseStat(text string) (stat, error) {
	pid, rest, _ := strings.Cut(text, " ")
	fields := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])
	if len(fields) <= statStart {
		return stat{}, fmt.Errorf("stat of a process: %d fields", len(fields))
	}
	var s stat
	var errs [7]error
	var user, system, childUser, childSystem uint64
	s.PID, errs[0] = strconv.Atoi(pid)
	s.parent, errs[1] = strconv.Atoi(fields[statParent])
	user, errs[2] = strconv.ParseUint(fields[statUser], 10, 64)
	system, errs[3] = strconv.ParseUint(fields[statSystem], 10, 64)
	childUser, errs[4] = strconv.ParseUint(fields[statChildUser], 10, 64)
	childSystem, errs[5] = strconv.ParseUint(fields[statChildSystem], 10, 64)
	s.Start, errs[6] = strconv.ParseUint(fields[statStart], 10, 64)
	s.state, s.ticks, s.waited = fields[statState][0], user+system, childUser+childSystem
	return s, errors.Join(errs[:]...)
}

func readStat(path string) (stat, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(text))
}

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// identify returns the process of that number.
func identify(pid int) (process, error) {
	s, err := readStat(procPath(pid, "stat"))
	return s.process, err
}

// self is this process; the zero process if /proc does not say.
func self() process {
	p, _ := identify(os.Getpid())
	return p
}

// alive reports whether the process is there and has not ended.
func (p process) alive() bool {
	s, err := readStat(procPath(p.PID, "stat"))
	return p.PID > 0 && err == nil && s.process == p && !s.dead()
}

// signal sends sig to p and to no other process: the descriptor is opened first
// and then compared, so the number cannot change hands in between. A process that
// is gone is os.ErrProcessDone.
func (p process) signal(sig syscall.Signal) error {
	if p.PID <= 0 {
		return os.ErrProcessDone
	}
	fd, err := unix.PidfdOpen(p.PID, 0)
	switch {
	case errors.Is(err, unix.ENOSYS): // before Linux 5.3
		fd = -1
	case errors.Is(err, unix.ESRCH):
		return os.ErrProcessDone
	case err != nil:
		return fmt.Errorf("pidfd_open %d: %w", p.PID, err)
	default:
		defer unix.Close(fd) //nolint:errcheck // nothing was written
	}
	if !p.alive() {
		return os.ErrProcessDone
	}
	if fd < 0 {
		err = unix.Kill(p.PID, sig)
	} else {
		err = unix.PidfdSendSignal(fd, sig, nil, 0)
	}
	if errors.Is(err, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// family returns p and all that descend from it, p first. Without p there is no
// family: what it left belongs to another parent.
func (p process) family() ([]process, error) {
	if !p.alive() {
		return nil, os.ErrProcessDone
	}
	children := map[int][]process{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		if s, err := readStat(filepath.Join("/proc", e.Name(), "stat")); err == nil && !s.dead() {
			children[s.parent] = append(children[s.parent], s.process)
		}
	}
	all := []process{p}
	for i := 0; i < len(all); i++ { // all grows
		all = append(all, children[all[i].PID]...)
	}
	return all, nil
}

// signalFamily sends sig to p and then to its descendants.
func (p process) signalFamily(sig syscall.Signal) error {
	family, err := p.family()
	if err != nil {
		return err
	}
	return signalAll(family, sig)
}

// signalAll ignores those that are gone.
func signalAll(family []process, sig syscall.Signal) error {
	var errs []error
	for _, p := range family {
		if err := p.signal(sig); !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// killLasts is how long a killed process may take to go: it ends the system call
// that it is in first.
const killLasts = time.Minute

// killFamily kills p and its descendants and waits until they have ended. A parent
// is stopped before it is asked for its children, so that it makes no new ones; a
// process without children is killed in what it does, in the midst of a flush too.
func (p process) killFamily() error {
	family, err := p.family()
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	if err == nil && len(family) > 1 {
		if err = p.stopAndWait(killLasts); err == nil {
			family, err = p.family()
		}
	}
	if errors.Is(err, os.ErrProcessDone) {
		return waitFor(killLasts, gone(family))
	}
	if err != nil {
		return err
	}
	if err := signalAll(family, syscall.SIGKILL); err != nil {
		return err
	}
	return waitFor(killLasts, gone(family))
}

func gone(family []process) func() bool {
	return func() bool { return !slices.ContainsFunc(family, process.alive) }
}

// freezeFamily stops p and its descendants and waits until all of their threads
// have stopped.
func (p process) freezeFamily(limit time.Duration) error {
	if err := p.stopAndWait(limit); err != nil {
		return err
	}
	family, err := p.family()
	if err != nil {
		return err
	}
	if err := signalAll(family[1:], syscall.SIGSTOP); err != nil {
		return err
	}
	return waitFor(limit, func() bool { return !slices.ContainsFunc(family, process.runs) })
}

func (p process) stopAndWait(limit time.Duration) error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return waitFor(limit, func() bool { return !p.runs() })
}

// runs reports whether a thread of p is not stopped.
func (p process) runs() bool {
	threads, err := filepath.Glob(procPath(p.PID, "task/*/stat"))
	if err != nil || !p.alive() {
		return false
	}
	return slices.ContainsFunc(threads, func(path string) bool {
		s, err := readStat(path)
		return err == nil && !s.stopped()
	})
}

func waitFor(limit time.Duration, done func() bool) error {
	for pause, end := time.Millisecond/4, time.Now().Add(limit); !done(); pause = min(2*pause, 20*time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("still waiting after %v", limit)
		}
		time.Sleep(pause)
	}
	return nil
}

// work is a number that grows while p uses the CPU, reads or writes.
func (p process) work() uint64 {
	s, err := readStat(procPath(p.PID, "stat"))
	if err != nil || s.process != p {
		return 0
	}
	sum := s.ticks
	text, _ := os.ReadFile(procPath(p.PID, "io")) // root's or our own alone
	for line := range strings.Lines(string(text)) {
		_, value, _ := strings.Cut(line, ": ")
		n, _ := strconv.ParseUint(strings.TrimSpace(value), 10, 64) // counts what can be read
		sum += n
	}
	return sum
}

// become makes cmd run as the user, in a session of its own: Ctrl-C on our terminal
// is not for it. It is killed when the thread that starts it ends.
func become(cmd *exec.Cmd, a *account) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if a != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
}

func ownerOf(info fs.FileInfo) (uid, gid uint32) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Uid, st.Gid
	}
	return 0, 0
}

func ownedByUs(info fs.FileInfo) bool {
	uid, _ := ownerOf(info)
	return int(uid) == os.Geteuid()
}
