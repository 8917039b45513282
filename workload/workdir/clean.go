package workdir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"flushbench/metrics/hostinfo"
)

// runName is what run folders are called.
var runName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}-[0-9a-f]{8}$`)

// cleanWork removes what killed runs left in the work folder.
//
// REQUIRES: the caller holds the lock.
func cleanWork(work *os.Root, at string, clean func(string) ([]string, error)) (notes []string) {
	for _, e := range entries(work, ".") {
		if e.Name() == LockName {
			continue
		}
		if !e.IsDir() || !runName.MatchString(e.Name()) {
			notes = append(notes, leftAlone(path.Join(at, e.Name())))
			continue
		}
		more, err := cleanRun(work, e.Name(), at, clean)
		notes = append(notes, more...)
		switch {
		case err != nil:
			notes = append(notes, fmt.Sprintf("what a killed run left could not be removed: %v", err))
		case len(more) == 0:
			notes = append(notes, path.Join(at, e.Name())+" was left by a killed run: removed")
		}
	}
	return notes
}

// cleanRun removes what is ours from one run folder, and the folder when
// nothing else is in it. The manifest goes last, so that a clean-up that is
// killed can be taken up again.
//
// REQUIRES: the caller holds the lock.
func cleanRun(work *os.Root, name, at string, clean func(string) ([]string, error)) (notes []string, err error) {
	run, err := work.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("workdir: open %s: %w", path.Join(at, name), err)
	}
	at = path.Join(at, name)
	c := cleaner{run: run, at: at, clean: clean, mounts: hostinfo.MountsBelow(at)}
	claimed, ours := readManifest(run)
	c.claims = claimed
	if ours {
		c.folder(".", false)
		if len(c.notes) == 0 && len(c.errs) == 0 {
			c.remove(manifestName)
		}
	} else if !isEmpty(run) && !c.onlyEmptyManifest() {
		c.notes = append(c.notes, leftAlone(at))
	}
	c.errs = append(c.errs, run.Close())
	if len(c.notes) == 0 && errors.Join(c.errs...) == nil {
		if err := work.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.errs = append(c.errs, fmt.Errorf("workdir: %w", err))
		}
	}
	return c.notes, errors.Join(c.errs...)
}

func leftAlone(path string) string {
	return path + " was not made by flushbench: left alone"
}

// cleaner walks one run folder.
type cleaner struct {
	run    *os.Root
	at     string // path of the run folder, for messages
	claims claims
	clean  func(tree string) ([]string, error) // Options.Clean; may be nil
	mounts []string                            // mount points below at
	notes  []string
	errs   []error
}

// onlyEmptyManifest removes a manifest whose maker was killed before it wrote
// the first line, when nothing else is in the folder.
func (c *cleaner) onlyEmptyManifest() bool {
	if !holdsOnly(c.run, manifestName) {
		return false
	}
	info, err := c.run.Lstat(manifestName)
	if err != nil || !info.Mode().IsRegular() || info.Size() != 0 {
		return false
	}
	c.remove(manifestName)
	return true
}

// folder removes what is ours in dir, relative to the run folder; all says
// that everything in it is. Symbolic links are removed in trees, never
// followed.
func (c *cleaner) folder(dir string, all bool) {
	for _, e := range entries(c.run, dir) {
		name := path.Join(dir, e.Name())
		claim := c.claims[name]
		switch {
		case name == manifestName:
		case slices.Contains(c.mounts, filepath.Join(c.at, name)):
			c.notes = append(c.notes, filepath.Join(c.at, name)+" is a mount point: left alone")
		case e.IsDir() && claim == claimTree && !c.emptied(name):
		case e.IsDir() && (all || claim != ""):
			before := len(c.notes) + len(c.errs)
			c.folder(name, all || claim == claimTree)
			if len(c.notes)+len(c.errs) == before {
				c.remove(name)
			}
		case all, e.Type().IsRegular() && (claim == claimName || isOwnFile(e.Name())):
			c.remove(name)
		default:
			c.notes = append(c.notes, leftAlone(filepath.Join(c.at, name)))
		}
	}
}

// emptied takes what is no file out of a tree. If that fails, the tree stays as it
// is: its files may be in use.
func (c *cleaner) emptied(name string) bool {
	if c.clean == nil {
		return true
	}
	at := filepath.Join(c.at, name)
	removed, err := c.clean(at)
	if len(removed) > 0 {
		c.mounts = hostinfo.MountsBelow(c.at)
	}
	if err != nil {
		c.notes = append(c.notes, fmt.Sprintf("%s: %v: left alone", at, err))
	}
	return err == nil
}

func (c *cleaner) remove(name string) {
	if err := c.run.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.errs = append(c.errs, fmt.Errorf("workdir: remove %s: %w", filepath.Join(c.at, name), err))
	}
}

// removeWork removes the lock file and the work folder when nothing else is
// in it. Another run may come at this moment: it then finds the lock file
// gone and makes a new one, or the folder gone and starts over.
//
// REQUIRES: the caller holds the lock.
func removeWork(work *os.Root, base string) error {
	if !holdsOnly(work, LockName) {
		return nil
	}
	if err := work.Remove(LockName); err != nil {
		return fmt.Errorf("workdir: %w", err)
	}
	err := os.Remove(filepath.Join(base, Folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !isNotEmpty(err) {
		return fmt.Errorf("workdir: %w", err)
	}
	return nil
}

// entries lists a folder by name, without following a link to it; nil when it
// cannot be read.
func entries(root *os.Root, dir string) []fs.DirEntry {
	f, err := root.OpenFile(dir, os.O_RDONLY|openNoFollow, 0)
	if err != nil {
		return nil
	}
	list, _ := f.ReadDir(-1) // what could be read is cleaned, the rest stays
	_ = f.Close()            // opened for reading only
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list
}

func isEmpty(root *os.Root) bool {
	f, err := root.Open(".")
	if err != nil {
		return false
	}
	names, err := f.Readdirnames(1)
	return errors.Join(f.Close()) == nil && len(names) == 0 && errors.Is(err, io.EOF)
}

// holdsOnly reports whether name is all that a folder holds.
func holdsOnly(root *os.Root, name string) bool {
	list := entries(root, ".")
	return len(list) == 1 && list[0].Name() == name
}
