package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Signal sends sig to p and to no other process: the descriptor is opened first
// and then compared, so the number cannot change hands in between. A process that
// is gone is os.ErrProcessDone.
func (p ID) Signal(sig syscall.Signal) error {
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
	if !p.Alive() {
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

// Family returns p and all that descend from it, p first. Without p there is no
// family: what it left belongs to another parent.
func (p ID) Family() ([]ID, error) {
	if !p.Alive() {
		return nil, os.ErrProcessDone
	}
	children := map[int][]ID{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		if s, err := readStat(filepath.Join("/proc", e.Name(), "stat")); err == nil && !s.dead() {
			children[s.parent] = append(children[s.parent], s.ID)
		}
	}
	all := []ID{p}
	for i := 0; i < len(all); i++ { // all grows
		all = append(all, children[all[i].PID]...)
	}
	return all, nil
}

// SignalFamily sends sig to p and then to its descendants.
func (p ID) SignalFamily(sig syscall.Signal) error {
	family, err := p.Family()
	if err != nil {
		return err
	}
	return signalAll(family, sig)
}

// signalAll ignores those that are gone.
func signalAll(family []ID, sig syscall.Signal) error {
	var errs []error
	for _, p := range family {
		if err := p.Signal(sig); !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// killLasts is how long a killed process may take to go, and one that is to stop to
// do so: it ends the system call that it is in first.
const killLasts = time.Minute

// KillFamily kills p and its descendants and waits until they have ended. A parent
// is stopped before it is asked for its children, so that it makes no new ones; a
// process without children is killed in what it does, in the midst of a flush too.
// What was stopped is killed, whatever else fails.
func (p ID) KillFamily() error { return p.killFamily(killLasts) }

// killFamily gives a parent so long to stop. One that has not, because it is in a
// system call that nothing but its death interrupts, is killed all the same: the
// kernel lets nobody fork for whom a signal waits.
func (p ID) killFamily(patience time.Duration) error {
	family, err := p.Family()
	if err == nil && len(family) > 1 {
		if err = p.stopAndWait(patience); err == nil || errors.Is(err, errPatience) {
			again, lost := p.Family()
			if err = lost; err == nil {
				family = again
			}
		}
	}
	if errors.Is(err, os.ErrProcessDone) { // before we came, or meanwhile
		err = nil
	}
	if killed := signalAll(family, syscall.SIGKILL); err != nil || killed != nil {
		return errors.Join(err, killed)
	}
	return WaitForEnd(family, killLasts)
}

// WaitForEnd waits until all of them have ended, or for so long.
func WaitForEnd(family []ID, limit time.Duration) error {
	return waitFor(limit, func() bool { return !slices.ContainsFunc(family, ID.Alive) })
}

// FreezeFamily stops p and its descendants and waits until all of their threads
// have stopped. After an error some may have: it is the caller's to kill them or to
// let them go on.
func (p ID) FreezeFamily(limit time.Duration) error {
	if err := p.stopAndWait(limit); err != nil {
		return err
	}
	family, err := p.Family()
	if err != nil {
		return err
	}
	if err := signalAll(family[1:], syscall.SIGSTOP); err != nil {
		return err
	}
	return waitFor(limit, func() bool { return !slices.ContainsFunc(family, ID.Runs) })
}

func (p ID) stopAndWait(limit time.Duration) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return waitFor(limit, func() bool { return !p.Runs() })
}

// Runs reports whether a thread of p is not stopped.
func (p ID) Runs() bool {
	threads, err := filepath.Glob(Path(p.PID, "task/*/stat"))
	if err != nil || !p.Alive() {
		return false
	}
	return slices.ContainsFunc(threads, func(path string) bool {
		s, err := readStat(path)
		return err == nil && !s.stopped()
	})
}

// errPatience is wrapped where something has not come in time.
var errPatience = errors.New("still waiting")

func waitFor(limit time.Duration, done func() bool) error {
	for pause, end := time.Millisecond/4, time.Now().Add(limit); !done(); pause = min(2*pause, 20*time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%w after %v", errPatience, limit)
		}
		time.Sleep(pause)
	}
	return nil
}

// Work is a number that grows while p uses the CPU, reads or writes.
func (p ID) Work() uint64 {
	s, err := readStat(Path(p.PID, "stat"))
	if err != nil || s.ID != p {
		return 0
	}
	sum := s.ticks
	text, _ := os.ReadFile(Path(p.PID, "io")) // root's or our own alone
	for line := range strings.Lines(string(text)) {
		_, value, _ := strings.Cut(line, ": ")
		n, _ := strconv.ParseUint(strings.TrimSpace(value), 10, 64) // counts what can be read
		sum += n
	}
	return sum
}
