package workdir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

const (
	manifestName  = ".flushbench"
	manifestMagic = "flushbench run folder: flushbench made it and removes from it what is listed here"
	claimName     = "name" // one file or folder
	claimTree     = "tree" // a folder and everything below it
	maxManifest   = 16 << 20
)

// ownFiles are the names of files that need no claim, in any claimed folder:
// the engine's files and those of the bare loops.
var ownFiles = []string{"redo.[0-9]*", "checkpoint.seq", "binlog.[0-9]*", "binlog.index", "binlog.index.new", "cache-[0-9]*.tmp",
	"table.pages", "undo.pages", "doublewrite", "database.json", "database.json.new", "limit.[0-9]*", "probe.[0-9]*", "background.read", "background.write"}

// manifest is the list of what a run has claimed, one line each, appended to
// a file before the thing is made: a killed process leaves no file that the
// list lacks. Its claims are not flushed: after a kernel crash one may be missing,
// and then the file stays.
type manifest struct {
	f    *os.File
	once sync.Once
	err  error
}

// newManifest makes the manifest of an empty run folder.
func newManifest(run *os.Root) (*manifest, error) {
	f, err := run.OpenFile(manifestName, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("make manifest: %w", err)
	}
	if _, err := f.WriteString(manifestMagic + "\n"); err != nil {
		return nil, errors.Join(fmt.Errorf("write manifest: %w", err), f.Close())
	}
	if err := errors.Join(f.Sync(), syncDir(run)); err != nil {
		return nil, errors.Join(fmt.Errorf("flush manifest: %w", err), f.Close())
	}
	return &manifest{f: f}, nil
}

// add appends a claim. Calls must be serialized by the caller.
func (m *manifest) add(kind, name string) error {
	if !filepath.IsLocal(name) || path.Clean(name) != name || name == "." || name == manifestName {
		return fmt.Errorf("claim of %q: must be a clean relative path below the run folder", name)
	}
	if _, err := fmt.Fprintf(m.f, "%s %s\n", kind, strconv.Quote(name)); err != nil {
		return fmt.Errorf("claim %q: %w", name, err)
	}
	return nil
}

func (m *manifest) close() error {
	m.once.Do(func() { m.err = m.f.Close() })
	return m.err
}

// claims maps the claimed paths of a run folder to claimName or claimTree.
type claims map[string]string

// readManifest reads the claims of a run folder; ok is false when there is no
// manifest of ours. A last line that was cut off is left out.
func readManifest(run *os.Root) (c claims, ok bool) {
	f, err := run.OpenFile(manifestName, os.O_RDONLY|openNoFollow, 0)
	if err != nil {
		return nil, false
	}
	b, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, false
	}
	return parseManifest(string(b))
}

func parseManifest(text string) (c claims, ok bool) {
	first, rest, ok := strings.Cut(text, "\n")
	if !ok || first != manifestMagic {
		return nil, false
	}
	c = claims{}
	lines := strings.Split(rest, "\n")
	for _, line := range lines[:len(lines)-1] {
		kind, quoted, _ := strings.Cut(line, " ")
		name, err := strconv.Unquote(quoted)
		if err != nil || kind != claimName && kind != claimTree || !filepath.IsLocal(name) {
			continue
		}
		c[path.Clean(name)] = kind
	}
	return c, true
}

// isOwnFile reports whether base is a file name that needs no claim.
func isOwnFile(base string) bool {
	for _, p := range ownFiles {
		if ok, err := path.Match(p, base); ok && err == nil {
			return true
		}
	}
	return false
}
