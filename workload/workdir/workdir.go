// Package workdir owns the one folder that flushbench writes to: it checks
// that a run may happen there, locks it, keeps count of the bytes written,
// and removes what it made.
//
// The layout below a base folder that the user names:
//
//	<base>/flushbench-work/                 made by flushbench, mode 0711
//	<base>/flushbench-work/flushbench.lock  says so, locked with flock by the live run
//	<base>/flushbench-work/<name>-<random>/ the files of one run
//	<base>/flushbench-work/<name>-<random>/.flushbench  manifest: what else in it is ours
//
// INVARIANT: whoever holds the lock is alone below flushbench-work; the kernel
// drops the lock when its holder dies, however it dies, so a lock that is free
// proves that what lies there is a dead run's.
//
// INVARIANT: a file is removed only when it lies in a run folder with a
// manifest, below a flushbench-work folder with the lock file and owned by
// this user, and is either claimed in the manifest or named as our files are
// (ownFiles). Symbolic links are never followed, mount points never entered.
// Anything else stays, and so does the folder it lies in; Notes say so.
//
// A user's mistake, or a machine that must be left alone, is a *Refusal:
// nothing was written then.
package workdir

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"flushbench/metrics/hostinfo"
)

// Folder is the name of the folder that is made in the base folder.
const Folder = "flushbench-work"

// FlushCalls is how many fsync calls Acquire makes before it returns a folder: of the
// lock file and of a run's manifest, each with its folder.
const FlushCalls = 4

// Options say what a run needs.
type Options struct {
	Base               string // an existing folder; "" is the current one
	Flag               string // that names it, for refusals; "" is "--dir"
	Name               string // first part of the run folder's name, letters, digits and "-"; "" is "run"
	NeedBytes          int64  // what the run will hold on disk at most
	Lower              string // flags by which it would hold less, for refusals; "" is "--log-capacity"
	ReserveBytes       int64  // what must stay free beyond that; 0: DefaultReserve, below 0: nothing
	MaxWriteBytes      int64  // what the run may write in all; 0: no limit
	AllowVolatile      bool   // accept a memory file system or device
	BesideLiveDatabase bool   // accept a database server on the device

	// Clean, if not nil, is called with the path of each Tree before what is in it
	// is removed, of this run and of one that was killed, and takes away what is no
	// file: mounts, loop devices. removed says what, one phrase each. After an
	// error the tree is left alone, and a note says why.
	Clean func(tree string) (removed []string, err error)

	// Look and Neighbours take the place of hostinfo's functions in a test.
	Look       func(context.Context, string) (hostinfo.Facts, error)
	Neighbours func(context.Context, hostinfo.Facts) (hostinfo.NeighbourReport, error)
}

// Dir is a locked folder of one run. All methods are safe for concurrent use.
type Dir struct {
	Facts  hostinfo.Facts // of the base folder, as Acquire found it
	Budget *Budget        // bytes that the run may still write

	clean func(tree string) ([]string, error) // Options.Clean

	base string // real path
	path string // of the run folder
	name string // its base name
	work *os.Root
	run  *os.Root
	lock *lockFile

	mu struct {
		sync.Mutex
		manifest *manifest
		notes    []string
		released bool
		err      error
	}
}

// Acquire checks the base folder, removes what a killed run left there, and
// returns a new, empty, locked folder in it. The caller must Release it. The
// error is a *Refusal when the user can do something about it.
func Acquire(ctx context.Context, o Options) (*Dir, error) {
	d, err := acquireOne(ctx, o)
	return d, o.named(err)
}

func acquireOne(ctx context.Context, o Options) (*Dir, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	facts, err := o.inspect(ctx)
	if err != nil {
		return nil, err
	}
	d := &Dir{Facts: facts, Budget: NewBudget(o.MaxWriteBytes), clean: o.Clean, base: facts.Path.Path}
	if err := o.allowed(ctx, d); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(d.base, Folder)); err != nil {
		// Nothing of an earlier run can be freed: too little stays too little.
		if err := o.enoughSpace(ctx, d); err != nil {
			return nil, err
		}
	}
	if d.work, d.lock, err = lockWork(d.base); err != nil {
		return nil, err
	}
	d.mu.notes = append(d.mu.notes, cleanWork(d.work, filepath.Join(d.base, Folder), d.clean)...)
	// The space is checked under the lock and after the clean-up, which frees
	// what a killed run had preallocated.
	if err := o.enoughSpace(ctx, d); err != nil {
		return nil, errors.Join(err, d.abandon())
	}
	if err := d.makeRun(o.Name); err != nil {
		return nil, errors.Join(err, d.abandon())
	}
	return d, nil
}

// makeRun makes the run folder and its manifest.
func (d *Dir) makeRun(name string) error {
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return fmt.Errorf("workdir: %w", err)
	}
	d.name = name + "-" + hex.EncodeToString(random[:])
	d.path = filepath.Join(d.base, Folder, d.name)
	if err := d.work.Mkdir(d.name, folderMode); err != nil {
		return cannotWrite(filepath.Join(d.base, Folder), err)
	}
	run, err := d.work.OpenRoot(d.name)
	if err != nil {
		return fmt.Errorf("workdir: open %s: %w", d.path, err)
	}
	d.run = run
	d.mu.manifest, err = newManifest(run)
	if err != nil {
		return fmt.Errorf("workdir: %s: %w", d.path, err)
	}
	return nil
}

// Path is the folder for the run's files.
func (d *Dir) Path() string { return d.path }

// Notes are sentences for the user: what was found and left alone, and what
// could not be looked at.
func (d *Dir) Notes() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.mu.notes...)
}

// Claim records that the file or folder name, relative to Path, will be made
// by this run, so that it may be removed. Names of the table ownFiles need no
// claim. Call it before the file is created.
func (d *Dir) Claim(name string) error { return d.record(claimName, name) }

// Mkdir makes the folder name, relative to Path, and claims it. What is put
// into it needs claims of its own.
func (d *Dir) Mkdir(name string) (string, error) { return d.makeFolder(claimName, name) }

// Tree makes the folder name, relative to Path, and claims everything that is
// ever put into it: for the data folder of a server, which names its own
// files. Mount points in it are left alone, but for what Options.Clean takes away.
func (d *Dir) Tree(name string) (string, error) { return d.makeFolder(claimTree, name) }

func (d *Dir) makeFolder(kind, name string) (string, error) {
	if err := d.record(kind, name); err != nil {
		return "", err
	}
	path := filepath.Join(d.path, name)
	if err := d.run.Mkdir(name, folderMode); err != nil {
		return "", fmt.Errorf("workdir: make %s: %w", path, err)
	}
	return path, nil
}

func (d *Dir) record(kind, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.released {
		return fmt.Errorf("workdir: %s was released: %q cannot be claimed", d.path, name)
	}
	if err := d.mu.manifest.add(kind, name); err != nil {
		return fmt.Errorf("workdir: %s: %w", d.path, err)
	}
	return nil
}

// Release removes what the run made and gives the lock back. It may be called
// more than once and from any goroutine, also while another one still writes;
// later calls wait for the first and return the same error. Files that are
// not ours stay, and Notes name them.
func (d *Dir) Release() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.released {
		return d.mu.err
	}
	d.mu.released = true
	notes, err := cleanRun(d.work, d.name, filepath.Join(d.base, Folder), d.clean)
	d.mu.notes = append(d.mu.notes, notes...)
	d.mu.err = errors.Join(err, d.mu.manifest.close(), d.run.Close(), d.abandon())
	return d.mu.err
}

// abandon removes the work folder when nothing but the lock file is in it,
// and gives the lock back.
func (d *Dir) abandon() error {
	return errors.Join(removeWork(d.work, d.base), d.lock.close(), d.work.Close())
}
