package plug

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"flushbench/engine/vfs"
	"flushbench/workload/workdir"
)

// entry is one line of the journal.
type entry struct {
	kind    kind // kindOpen, kindReport or kindEnd
	at      time.Time
	id      ID     // of the run
	content []byte // of the message
}

func (e *entry) encode() []byte {
	var x encoder
	x.time(e.at)
	x.id(e.id)
	return append(x, e.content...)
}

func decodeEntry(k kind, b []byte) (entry, error) {
	d := decoder{b: b}
	e := entry{kind: k, at: d.time(), id: d.id(), content: d.b}
	if d.bad {
		return e, fmt.Errorf("%w: an entry of %d bytes", errFrame, len(b))
	}
	return e, nil
}

// journal is the witness's own file. What append has returned from survives a
// crash of the witness. The caller serializes the calls.
type journal struct {
	path string
	id   ID // of the witness, drawn when the file was made
	f    *os.File
	size int64 // of what is flushed
	err  error // the first failure: it is final
}

// openJournal opens the journal, or makes it where there is none, and hands its
// entries to replay, in order. A last entry that is not whole was never confirmed:
// the witness died while it wrote it. It is cut off. Anything else that is damaged
// is an error that names the place.
func openJournal(path string, replay func(*entry) error) (*journal, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		j, err := newJournal(path)
		if j != nil || err != nil {
			return j, err
		}
		// Another witness was faster.
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, cannotUse(path, err)
	}
	j := &journal{path: path, f: f}
	if err = j.lock(f, path); err == nil {
		err = j.read(replay)
	}
	if err != nil {
		return nil, errors.Join(err, workdir.CloseLocked(f))
	}
	return j, nil
}

// newJournal makes a journal where there was none; nil, nil: there is one now. Of the
// witnesses that start at the same moment one makes it: nobody gives a file the
// journal's name who has not locked the file that its first name leads to.
func newJournal(path string) (*journal, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path+firstName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, cannotUse(path, err)
	}
	j := &journal{path: path, id: id}
	if err := j.lock(f, f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err = os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err = j.become(f, nil); err == nil {
			return j, nil
		}
	} else if err == nil { // made since the caller looked
		err = os.Remove(f.Name())
	}
	if err = errors.Join(err, workdir.CloseLocked(f)); err != nil {
		return nil, fmt.Errorf("plug: make journal %s: %w", path, err)
	}
	return nil, nil
}

// cannotUse is what becomes of a journal that cannot be opened or made.
func cannotUse(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &Refusal{fmt.Sprintf("plug: journal %s: %v: must be a file, or a name for one in a folder that is there", path, err)}
}

// firstName is what a journal's name ends in until it is whole.
const firstName = ".first"

// lock makes the file this process's, and sure that it still has its name.
func (j *journal) lock(f *os.File, name string) error {
	if err := workdir.TryLock(f); err != nil {
		if workdir.Locked(err) {
			return &Refusal{fmt.Sprintf("plug: journal %s: another witness uses it; give this one a --journal of its own", j.path)}
		}
		return fmt.Errorf("plug: lock journal %s: %w", j.path, err)
	}
	mine, err := f.Stat()
	if err != nil {
		return fmt.Errorf("plug: journal: %w", err)
	}
	if theirs, err := os.Stat(name); err != nil || !os.SameFile(mine, theirs) {
		return &Refusal{fmt.Sprintf("plug: journal %s: another witness has just used it; start this one again", j.path)}
	}
	if !mine.Mode().IsRegular() {
		return &Refusal{fmt.Sprintf("plug: journal %s: not an ordinary file", j.path)}
	}
	return nil
}

// read replays the file and cuts off a torn end.
func (j *journal) read(replay func(*entry) error) error {
	r := frameReader{r: bufio.NewReaderSize(j.f, 1<<20)}
	k, head, err := r.next(MaxFrame)
	d := decoder{b: head}
	version := d.u16()
	j.id = d.id()
	switch {
	case err != nil || k != kindJournal || d.done("journal") != nil:
		return &Refusal{fmt.Sprintf("plug: %s: not a journal of a witness; it is left as it is", j.path)}
	case version != protocolVersion:
		return &Refusal{fmt.Sprintf("plug: journal %s: version %d: must be %d", j.path, version, protocolVersion)}
	}
	for {
		at := r.at
		k, content, err := r.next(MaxFrame)
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, errFrame) || errors.Is(err, io.ErrUnexpectedEOF) {
			if err := j.torn(at, err); err != nil {
				return err
			}
			break
		}
		if err != nil {
			return fmt.Errorf("plug: read journal %s: %w", j.path, err)
		}
		e, err := decodeEntry(k, content)
		if err == nil {
			err = replay(&e)
		}
		if err != nil {
			return fmt.Errorf("plug: journal %s, offset %d: %w", j.path, at, err)
		}
	}
	j.size = r.at
	// What a dead witness left may be in the page cache alone.
	if err := errors.Join(j.f.Truncate(j.size), j.f.Sync()); err != nil {
		return fmt.Errorf("plug: journal: %w", err)
	}
	return nil
}

// torn returns nil if what is at offset can be the last entry of a witness that
// died: shorter than one entry may be, and nothing whole after it.
func (j *journal) torn(at int64, why error) error {
	rest, err := io.ReadAll(io.NewSectionReader(j.f, at, frameHead+MaxFrame+1))
	if err != nil {
		return fmt.Errorf("plug: read journal %s: %w", j.path, err)
	}
	if len(rest) > frameHead+MaxFrame || holdsFrame(rest) {
		return fmt.Errorf("plug: journal %s, offset %d: damaged in the middle: %w", j.path, at, why)
	}
	return nil
}

// append writes an entry and flushes it. After an error nothing is written any
// more: every later call returns the first error.
func (j *journal) append(e *entry) error {
	if j.err != nil {
		return j.err
	}
	b := appendFrame(nil, e.kind, e.encode())
	_, err := j.f.WriteAt(b, j.size)
	if err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		j.err = fmt.Errorf("plug: journal %s: %w", j.path, err)
		return j.err
	}
	j.size += int64(len(b))
	return nil
}

// rewrite makes the journal anew with the entries that are worth keeping. The
// old one counts until the new one is whole and durable.
func (j *journal) rewrite(entries func(add func(*entry) error) error) error {
	if j.err != nil {
		return j.err
	}
	f, err := os.OpenFile(j.path+".new", os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		if err = workdir.TryLock(f); err == nil {
			err = j.become(f, entries)
		}
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		j.err = fmt.Errorf("plug: make journal %s: %w", j.path, err)
	}
	return j.err
}

// become makes f, which is locked, the journal, with these entries.
func (j *journal) become(f *os.File, entries func(add func(*entry) error) error) error {
	size, err := j.fill(f, entries)
	if err == nil {
		err = os.Rename(f.Name(), j.path)
	}
	if err == nil {
		err = vfs.NewOS().SyncDir(filepath.Dir(j.path))
	}
	if err != nil {
		return err
	}
	old := j.f
	j.f, j.size = f, size
	if old != nil {
		return workdir.CloseLocked(old)
	}
	return nil
}

// fill writes a whole journal to f and flushes it.
func (j *journal) fill(f *os.File, entries func(add func(*entry) error) error) (size int64, err error) {
	if err := f.Truncate(0); err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	put := func(k kind, content []byte) error {
		n, err := w.Write(appendFrame(nil, k, content))
		size += int64(n)
		return err
	}
	var head encoder
	head.u16(protocolVersion)
	head.id(j.id)
	err = put(kindJournal, head)
	if err == nil && entries != nil {
		err = entries(func(e *entry) error { return put(e.kind, e.encode()) })
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	return size, err
}

// close gives the file back. Safe to call twice.
func (j *journal) close() error {
	err := workdir.CloseLocked(j.f)
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
