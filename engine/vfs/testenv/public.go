package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// publicPrefix begins the names of the folders of Public, before the number of the
// process that made them.
const publicPrefix = "flushbench-servers-"

// Public makes a folder for servers that tests start: every user may enter it,
// unlike that of t.TempDir, the path of a socket in it is short, and it is on a disk as
// that of OnDisk: on memory, which /tmp is on many machines, a file has no extents, its
// flush is none, and some servers cannot open it as they do on a disk. The caller
// removes it. Folders of processes that are gone, which a time limit has killed, are
// removed first, once clean has ended what may be left in them: a server that
// outlived its test, shared memory. clean may be nil. Safe for concurrent use, by
// several processes too.
func Public(clean func(dir string)) (string, error) {
	return publicIn("/var/tmp", clean)
}

func publicIn(base string, clean func(dir string)) (string, error) {
	dir, err := makeIn(base, publicPrefix, clean)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755) //nolint:gosec // for all to enter
}

// MakeIn makes a folder in base, which its name, from prefix on, gives to this
// process. The caller removes it. Those of processes that are gone, which a time limit
// has killed, are removed first. Safe for concurrent use, by several processes too.
func MakeIn(base, prefix string) (string, error) { return makeIn(base, prefix, nil) }

func makeIn(base, prefix string, clean func(dir string)) (string, error) {
	left, err := filepath.Glob(filepath.Join(base, prefix+"*-*"))
	if err != nil {
		return "", err
	}
	for _, dir := range left {
		if !abandoned(dir, prefix) {
			continue
		}
		if clean != nil {
			clean(dir)
		}
		_ = os.RemoveAll(dir) // another user's stays
	}
	return os.MkdirTemp(base, fmt.Sprintf("%s%d-", prefix, os.Getpid()))
}

// abandoned reports whether the process that made a folder of makeIn is gone. Where
// its number was given away again the folder waits for that one's end.
func abandoned(dir, prefix string) bool {
	number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
	pid, err := strconv.Atoi(number)
	return err == nil && pid > 0 && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
