package workdir

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// LockName is the lock file in the work folder. Its lock ends with the run that
// holds it: a free one proves that no run is alive.
const LockName = "flushbench.lock"

const (
	lockMagic  = "flushbench work folder: flushbench made it and removes what it made in it"
	folderMode = 0o711 // a server that runs as another user must be able to pass
	lockTries  = 100   // how often the folder may vanish under our hands
)

// lockFile is the open, locked lock file.
type lockFile struct{ f *os.File }

func (l *lockFile) close() error { return CloseLocked(l.f) }

// errVanished: the folder or the lock file was removed by a run that ended at
// this moment.
var errVanished = errors.New("vanished")

// lockWork opens or makes <base>/flushbench-work and locks it.
func lockWork(base string) (*os.Root, *lockFile, error) {
	work := filepath.Join(base, Folder)
	for range lockTries {
		root, made, err := openWork(work)
		if errors.Is(err, errVanished) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		l, err := lockIn(root, work, made)
		if err == nil {
			return root, l, nil
		}
		err = errors.Join(err, root.Close())
		if !errors.Is(err, errVanished) {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("workdir: %s: other runs keep coming and going, %d tries to lock it failed", work, lockTries)
}

// openWork makes the work folder, or opens the one that is there when it is a
// real folder of this user that no other user may write to.
func openWork(work string) (root *os.Root, made bool, err error) {
	err = os.Mkdir(work, folderMode)
	made = err == nil
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, false, cannotWrite(filepath.Dir(work), err)
	}
	before, err := os.Lstat(work)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, errVanished
	}
	if err != nil {
		return nil, false, fmt.Errorf("workdir: %w", err)
	}
	switch {
	case before.Mode()&fs.ModeSymlink != 0:
		return nil, false, foreignFolder(work, "it is a symbolic link")
	case !before.IsDir():
		return nil, false, foreignFolder(work, "it is not a folder")
	case !ownedByUs(before):
		return nil, false, foreignFolder(work, "it belongs to another user")
	case before.Mode().Perm()&0o022 != 0:
		return nil, false, foreignFolder(work, "other users may write to it")
	}
	root, err = os.OpenRoot(work)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, errVanished
	}
	if err != nil {
		return nil, false, fmt.Errorf("workdir: %w", err)
	}
	// OpenRoot follows a link that took the folder's place meanwhile.
	after, err := root.Stat(".")
	if err != nil || !os.SameFile(before, after) {
		return nil, false, errors.Join(errVanished, err, root.Close())
	}
	return root, made, nil
}

// lockIn locks the lock file in the work folder, and makes it when the folder
// is empty. A folder with files but without a lock file is somebody else's.
func lockIn(root *os.Root, work string, made bool) (*lockFile, error) {
	flag := os.O_RDWR | openNoFollow
	info, err := root.Lstat(LockName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if !made && !isEmpty(root) {
			return nil, foreignFolder(work, "it has files but no "+LockName)
		}
		flag |= os.O_CREATE | os.O_EXCL
	case err == nil && !info.Mode().IsRegular():
		return nil, foreignFolder(work, LockName+" in it is no ordinary file")
	}
	f, err := root.OpenFile(LockName, flag, 0o644)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist):
		return nil, errVanished
	case err != nil:
		return nil, cannotWrite(work, err)
	}
	l := &lockFile{f: f}
	if err := l.take(root, work); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// take locks the open file, makes sure that it is still the one that the
// folder has, and writes who holds it.
func (l *lockFile) take(root *os.Root, work string) error {
	if err := TryLock(l.f); Locked(err) {
		return secondRun(work, cmp.Or(Holder(l.f), "pid unknown"))
	} else if err != nil {
		return fmt.Errorf("workdir: lock %s: the file system may not support flock: %w", filepath.Join(work, LockName), err)
	}
	mine, err := l.f.Stat()
	if err != nil {
		return fmt.Errorf("workdir: %w", err)
	}
	theirs, err := root.Lstat(LockName)
	if err != nil || !os.SameFile(mine, theirs) {
		return errVanished
	}
	text, err := readLock(l.f)
	if err != nil {
		return err
	}
	// An empty lock file is one whose maker died before it wrote; then the
	// folder holds nothing else.
	if !strings.HasPrefix(text, lockMagic) && (text != "" || !mine.Mode().IsRegular() || !holdsOnly(root, LockName)) {
		return foreignFolder(work, LockName+" in it is not flushbench's")
	}
	if err := l.sign(root); err != nil {
		return cannotWrite(work, err)
	}
	return nil
}

// sign writes who holds the lock, and makes it durable before anything else is
// made in the folder: one that a power cut leaves without these words is refused
// from then on. They are written over the last holder's, which begin alike.
func (l *lockFile) sign(root *os.Root) error {
	text := fmt.Sprintf("%s\npid %d\nsince %s\n", lockMagic, os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	if _, err := l.f.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	if err := l.f.Truncate(int64(len(text))); err != nil {
		return err
	}
	return errors.Join(l.f.Sync(), syncDir(root))
}

// syncDir makes the names in a folder durable.
func syncDir(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// maxLockText bounds how much of a lock file is read.
const maxLockText = 4096

func readLock(f *os.File) (string, error) {
	b := make([]byte, maxLockText)
	n, err := f.ReadAt(b, 0)
	if n == 0 && err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("workdir: read %s: %w", f.Name(), err)
	}
	return string(b[:n]), nil
}

// Holder is "pid N" for the process that holds the lock, as it wrote it into its
// lock file, or "" if f does not say: it is empty, a folder, or no lock file.
func Holder(f *os.File) string {
	text, err := readLock(f)
	if err != nil {
		return ""
	}
	for line := range strings.SplitSeq(text, "\n") {
		if v, ok := strings.CutPrefix(line, "pid "); ok {
			if pid, err := strconv.Atoi(v); err == nil {
				return fmt.Sprintf("pid %d", pid)
			}
		}
	}
	return ""
}
