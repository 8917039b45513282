package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"flushbench/workload/process"
	"flushbench/workload/target"
)

// What is in the folder of a private server.
const (
	markerName = "flushbench-server.json"
	dataName   = "data"       // the server's, 0700
	runName    = "run"        // the server's, 0700: socket, pid file, temporary files
	logName    = "server.log" // ours; the server writes to the open file
)

// maxSocket is the longest path that bind and connect take; the kernel's array has
// one byte more, for the zero.
const maxSocket = 107

// marker is the content of the file that says whose a folder is.
type marker struct {
	Is      string         `json:"is"`
	Product target.Product `json:"product"`
	Version string         `json:"version"` // of the server that made the data folder
	Made    bool           `json:"made"`    // the data folder is complete
	Folder  bool           `json:"folder"`  // the first Start made the folder itself
	Starts  int            `json:"starts"`  // how many there were: the last one owns the folder
	Owner   process.ID     `json:"owner"`   // the flushbench that started it last
	Server  process.ID     `json:"server"`  // zero: ended
	Shared  []string       `json:"shared,omitempty"`
}

const markerIs = "folder of a private server: flushbench made it and removes it"

// folder is Config.Dir. Not safe for concurrent use.
type folder struct {
	path   string // absolute, without symbolic links
	marker marker
}

func (f *folder) data() string { return filepath.Join(f.path, dataName) }
func (f *folder) run() string  { return filepath.Join(f.path, runName) }

// openFolder claims dir for a server of the kind; fresh says that no data folder is
// in it. A folder with anything else in it is refused, and so is one that a server
// runs on.
func openFolder(dir string, k *kind, version string) (f *folder, fresh bool, err error) {
	if dir == "" {
		return nil, false, errors.New("private server: no folder given")
	}
	f = &folder{}
	made := os.Mkdir(dir, 0o711)
	if err := made; err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, false, fmt.Errorf("private server: %w", err)
	}
	if f.path, err = filepath.EvalSymlinks(dir); err == nil {
		f.path, err = filepath.Abs(f.path)
	}
	if err != nil {
		return nil, false, fmt.Errorf("private server: %w", err)
	}
	f.marker, err = readMarker(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := mustBeEmpty(f.path); err != nil {
			return nil, false, err
		}
		f.marker = marker{Is: markerIs, Product: k.product, Folder: made == nil}
	case err != nil:
		return nil, false, err
	case f.marker.Product != k.product:
		return nil, false, fmt.Errorf("private server: %s holds data of %s, not of %s", f.path, f.marker.Product, k.product)
	case f.marker.Server.Alive():
		return nil, false, fmt.Errorf("private server: %s: %s (pid %d) runs on it already", f.path, k.program, f.marker.Server.PID)
	}
	if !f.marker.Made { // never finished, or new
		if err := f.removeData(); err != nil {
			return nil, false, err
		}
		f.marker.Version = version
	}
	return f, !f.marker.Made, nil
}

func mustBeEmpty(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("private server: %w", err)
	}
	if len(list) > 0 {
		return fmt.Errorf("private server: %s holds %s and is no folder of a private server: want an empty one", dir, list[0].Name())
	}
	return nil
}

// prepare makes the folders and hands the server's to its user. It makes sure that
// the user reaches them.
func (f *folder) prepare(ctx context.Context, k *kind, a *account, binary string, fresh bool) error {
	if a != nil {
		if err := os.Chmod(f.path, 0o711); err != nil { //nolint:gosec // others must be able to pass
			return fmt.Errorf("private server: %w", err)
		}
	}
	if err := f.sign(func(m *marker) { m.Starts, m.Owner = m.Starts+1, process.Self() }); err != nil {
		return err
	}
	if fresh {
		for _, dir := range []string{f.data(), f.run()} {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return fmt.Errorf("private server: %w", err)
			}
			if err := a.own(dir); err != nil {
				return err
			}
		}
	}
	return a.mustReach(ctx, k, f.data(), binary)
}

// sign changes the marker, durably: after a crash of the kernel the folder is still
// known as ours.
func (f *folder) sign(change func(*marker)) error {
	change(&f.marker)
	text, err := json.MarshalIndent(&f.marker, "", "  ")
	if err != nil {
		return fmt.Errorf("private server: marker: %w", err)
	}
	path := filepath.Join(f.path, markerName)
	err = errors.Join(writeDurably(path+".new", text), os.Rename(path+".new", path), syncFolder(f.path))
	if err != nil {
		return fmt.Errorf("private server: marker: %w", err)
	}
	return nil
}

func writeDurably(path string, text []byte) error {
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return errors.Join(err, w.Sync(), w.Close())
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// maxMarker bounds how much of a marker is read.
const maxMarker = 64 << 10

// readMarker reads the marker of a folder. One that another user owns is none of
// ours: whom it names, we would kill.
func readMarker(dir string) (marker, error) {
	path := filepath.Join(dir, markerName)
	info, err := os.Lstat(path)
	if err != nil {
		return marker{}, err
	}
	if !info.Mode().IsRegular() || !ownedByUs(info) || info.Size() > maxMarker {
		return marker{}, fmt.Errorf("private server: %s is not flushbench's", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return marker{}, fmt.Errorf("private server: %w", err)
	}
	m, err := parseMarker(text)
	if err != nil {
		return marker{}, fmt.Errorf("private server: %s: %w", path, err)
	}
	return m, nil
}

func parseMarker(text []byte) (marker, error) {
	var m marker
	if err := json.Unmarshal(text, &m); err != nil {
		return marker{}, err
	}
	if m.Is != markerIs || kinds[m.Product] == nil || m.Server.PID < 0 || m.Owner.PID < 0 {
		return marker{}, errors.New("not the marker of a private server")
	}
	return m, nil
}

// socket returns a path of the socket that is short enough to connect to. A path
// that is too long goes through a descriptor of ours, which is then open.
func (f *folder) socket(name string) (place string, run *os.File, err error) {
	place = filepath.Join(f.run(), name)
	if len(place) <= maxSocket {
		return place, nil, nil
	}
	run, err = os.Open(f.run())
	if err != nil {
		return "", nil, fmt.Errorf("private server: %w", err)
	}
	return fmt.Sprintf("/proc/%d/fd/%d/%s", os.Getpid(), run.Fd(), name), run, nil
}

// script writes a file that the server's user can read, in the folder itself.
func (f *folder) script(name, text string) (string, error) {
	path := filepath.Join(f.path, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // the server's user reads it
		return "", fmt.Errorf("private server: %w", err)
	}
	return path, nil
}

// openLog opens the server's log to append to it.
func (f *folder) openLog() (*os.File, error) {
	w, err := os.OpenFile(filepath.Join(f.path, logName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("private server: %w", err)
	}
	return w, nil
}

// removeData removes all but the marker.
func (f *folder) removeData() error {
	list, err := os.ReadDir(f.path)
	errs := []error{err}
	for _, e := range list {
		if e.Name() != markerName {
			errs = append(errs, os.RemoveAll(filepath.Join(f.path, e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("private server: %w", err)
	}
	return nil
}

// ours reports whether nobody has started a server on the folder since.
func (f *folder) ours() bool {
	m, err := readMarker(f.path)
	return err == nil && m.Starts == f.marker.Starts
}

// empty removes everything, the marker last, so that a killed clean-up can be taken
// up again; and the folder, if we made it.
//
// REQUIRES: no server runs on it.
func (f *folder) empty() error {
	if err := f.removeData(); err != nil {
		return err
	}
	errs := []error{os.Remove(filepath.Join(f.path, markerName))}
	if f.marker.Folder {
		errs = append(errs, os.Remove(f.path))
	}
	if err := errors.Join(errs...); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("private server: %w", err)
	}
	return nil
}

// escapeGlob takes a path into a pattern as it is.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
