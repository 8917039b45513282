package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"flushbench/workload/process"
)

// State is what a server was set to before a process changed it: what is needed
// to put it back when that process cannot do it any more. It stands in a file
// from before the first change until after the last value was put back:
//
//	before := Differing(have, want)
//	path, err := SaveState(dir, NewState(address, before))
//	...Change(want)... ...Change(before)...
//	err = RemoveState(path)
//
// There is no password in it and no option of the address.
type State struct {
	Is       string     `json:"is"`
	Address  Address    `json:"address"`
	Settings Settings   `json:"settings"` // as they were, in the order in which they are changed
	By       process.ID `json:"by"`
	At       time.Time  `json:"at"`
}

// stateIs begins each file of a State.
const stateIs = "settings of a server as they were before flushbench changed them; the next start of flushbench puts them back"

// Names of the files, and the largest that is read.
const (
	stateName = "server-settings-*.json"
	stateSize = 1 << 20
)

// NewState is the state of a server that this process is about to change.
func NewState(a Address, before Settings) State {
	a.password, a.Options = nil, nil
	return State{Is: stateIs, Address: a, Settings: before, By: process.Self(), At: time.Now().UTC()}
}

// Saved is a State and the path of its file.
type Saved struct {
	State
	Path string
}

// SaveState writes s to a new file in dir, which is made if need be, and returns
// its path when file and name are durable.
func SaveState(dir string, s State) (path string, err error) {
	s.Is = stateIs
	text, err := json.MarshalIndent(&s, "", "  ")
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return "", fmt.Errorf("state of %s: %w", s.Address, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("state of %s: %w", s.Address, err)
		}
	}()
	w, err := os.CreateTemp(dir, ".server-settings-*")
	if err != nil {
		return "", err
	}
	_, err = w.Write(append(text, '\n'))
	if err = errors.Join(err, w.Sync(), w.Close()); err != nil {
		return "", errors.Join(err, os.Remove(w.Name()))
	}
	path = filepath.Join(dir, strings.TrimPrefix(filepath.Base(w.Name()), ".")+".json")
	if err = os.Rename(w.Name(), path); err != nil {
		return "", errors.Join(err, os.Remove(w.Name()))
	}
	return path, syncDir(dir)
}

// LoadStates reads the states in dir, the newest first: put back in that order,
// the oldest values win, which are those that nobody had changed. A file that is
// none is an error, beside what could be read. No folder is no states.
func LoadStates(dir string) ([]Saved, error) {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	errs := []error{err}
	var all []Saved
	for _, e := range list {
		if ok, _ := filepath.Match(stateName, e.Name()); !ok { // the pattern is ours
			continue
		}
		path := filepath.Join(dir, e.Name())
		text, err := readSmall(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // put back by another process just now
		}
		s := State{}
		if err == nil {
			s, err = ParseState(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
			continue
		}
		all = append(all, Saved{State: s, Path: path})
	}
	slices.SortStableFunc(all, func(a, b Saved) int { return b.At.Compare(a.At) })
	return all, errors.Join(errs...)
}

func readSmall(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > stateSize {
		return nil, fmt.Errorf("want a file of at most %d bytes", stateSize)
	}
	return os.ReadFile(path)
}

// ParseState reads the content of a state file.
func ParseState(text []byte) (State, error) {
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		return State{}, fmt.Errorf("not the settings of a server: %w", err)
	}
	if s.Is != stateIs || s.Address.Scheme == "" || s.By.PID <= 0 || len(s.Settings) == 0 {
		return State{}, errors.New("not the settings of a server")
	}
	for i := range s.Settings {
		if !NameOK(s.Settings[i].Name) {
			return State{}, fmt.Errorf("setting %d has an illegal name", i)
		}
	}
	s.Address.password, s.Address.Options = nil, nil
	return s, nil
}

// NameOK reports whether name can be the name of a variable: letters, digits, _
// and the dot of a class. Nothing else gets into a statement.
func NameOK(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '.'
	})
}

// RemoveState removes the file of a state whose settings were put back. It may
// be gone already.
func RemoveState(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("state of a server: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// Restore puts back what processes that live no more left changed: it opens each
// server with a state in dir, sets the old values, and removes the file. restored
// names what was done, a line each. A state that could not be put back stays, and
// the error says what has to be done by hand; the others are put back all the
// same. open gets an address without password and options; see Address.Lend.
func Restore(ctx context.Context, dir string, open func(Address) (Server, error)) (restored []string, err error) {
	all, err := LoadStates(dir)
	errs := []error{err}
	for i := range all {
		if all[i].By.Alive() {
			continue // it will do it itself
		}
		if err := all[i].putBack(ctx, open); err != nil {
			errs = append(errs, fmt.Errorf("%s still has settings of a killed flushbench (%s): %w; by hand: set %s, then remove the file",
				all[i].Address, all[i].Path, err, all[i].Settings))
			continue
		}
		restored = append(restored, fmt.Sprintf("%s: put back %s, which flushbench (pid %d) had changed on %s",
			all[i].Address, all[i].Settings, all[i].By.PID, all[i].At.Format(time.DateTime)))
	}
	return restored, errors.Join(errs...)
}

func (s *Saved) putBack(ctx context.Context, open func(Address) (Server, error)) error {
	server, err := open(s.Address)
	if err != nil {
		return err
	}
	_, err = server.Change(ctx, s.Settings.Reversed())
	if err = errors.Join(err, server.Close()); err != nil {
		return err
	}
	return RemoveState(s.Path)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
