package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxState bounds how much of a state file is read, in bytes.
const maxState = 64 << 10

// stateFile is the open state file of a folder. The process that has it locked
// is the only one that may make or remove anything there; the lock ends with it.
type stateFile struct {
	f    *os.File
	made made
}

// createState makes the state file of a folder that has none.
func createState(dir string) (*stateFile, error) {
	f, err := os.OpenFile(filepath.Join(dir, stateName), os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lab: make state file: %w", err)
	}
	s := &stateFile{f: f, made: made{entries: map[string][]string{}}}
	err = s.lock()
	if err == nil {
		err = s.write(fmt.Sprintf("%s\n%s %d\n", stateMagic, wordPID, os.Getpid()))
	}
	if err == nil {
		err = flushFolder(dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// openState opens and locks the state file that is there; nil, nil: there is none.
func openState(dir string) (*stateFile, error) {
	path := filepath.Join(dir, stateName)
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	s := &stateFile{f: f}
	if err = s.read(); err == nil { // who has the lock
		err = s.lock()
	}
	if err == nil {
		err = s.read() // what it has made until it let go
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || st.Nlink == 0 {
		return nil, errors.Join(err, f.Close()) // its maker has removed all, this file last
	}
	return s, nil
}

func (s *stateFile) read() error {
	text, err := io.ReadAll(io.NewSectionReader(s.f, 0, maxState))
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if s.made, err = parseState(string(text)); err != nil {
		return fmt.Errorf("lab: %s: %w; nothing was touched", s.f.Name(), err)
	}
	return nil
}

// lock takes the lock, or says who has it. A process that was killed while it
// started another one may leave the lock for a moment to that child, which dies too.
func (s *stateFile) lock() error {
	locked, err := settle(context.Background(), func() (bool, error) {
		err := unix.Flock(int(s.f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) && !s.holderLives() {
			return false, nil
		}
		return err == nil, err
	})
	switch {
	case err == nil && !locked, errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("lab: %s is in use by process %d", filepath.Dir(s.f.Name()), s.made.pid)
	case err != nil:
		return fmt.Errorf("lab: lock %s: %w", s.f.Name(), err)
	}
	return nil
}

// holderLives reports whether the process that the file names is there.
func (s *stateFile) holderLives() bool {
	return s.made.pid > 0 && !errors.Is(unix.Kill(s.made.pid, 0), unix.ESRCH)
}

// announce writes down, durably, what is made next.
func (s *stateFile) announce(word, name string) error {
	line := word + " " + name
	if err := s.made.add(line); err != nil {
		return fmt.Errorf("lab: state file: %w", err)
	}
	return s.write(line + "\n")
}

func (s *stateFile) write(text string) error {
	if _, err := s.f.WriteString(text); err != nil {
		return fmt.Errorf("lab: write state file: %w", err)
	}
	if err := s.f.Sync(); err != nil {
		return fmt.Errorf("lab: flush state file: %w", err)
	}
	return nil
}

// flushFolder makes the names in a folder durable.
func flushFolder(dir string) (err error) {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("lab: flush folder: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("lab: flush folder %s: %w", dir, err)
	}
	return nil
}
