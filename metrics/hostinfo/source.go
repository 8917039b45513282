package hostinfo

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
)

// Source is where the facts come from: the machine (Real) or, in a test, the
// files and answers of some other machine. All fields must be set. It holds
// no state; calls may run concurrently.
type Source struct {
	Root   fs.FS                                                                 // "/": proc/..., sys/..., symbolic links readable
	Path   func(dir string) (PathFacts, error)                                   //
	Run    func(ctx context.Context, name string, arg ...string) (string, error) // standard output of a command
	Memory func(ctx context.Context) int64                                       // bytes; 0: unknown
	Load   func(ctx context.Context) float64                                     // 1-minute load average; 0: unknown
	Self   int                                                                   // process id whose tree Neighbours skips; 0: none
}

// Real is the machine that the process runs on.
func Real() Source {
	return Source{
		Root:   os.DirFS("/"),
		Path:   pathFacts,
		Run:    runCommand,
		Memory: memoryBytes,
		Load:   load1,
		Self:   os.Getpid(),
	}
}

// commandTimeout bounds the one command that may be started.
const commandTimeout = 3 * time.Second

func runCommand(ctx context.Context, name string, arg ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, arg...).Output()
	return strings.TrimSpace(string(out)), err
}

func memoryBytes(ctx context.Context) int64 {
	v, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return 0
	}
	return int64(v.Total)
}

func load1(ctx context.Context) float64 {
	a, err := load.AvgWithContext(ctx)
	if err != nil {
		return 0
	}
	return a.Load1
}

// text returns the trimmed content of a file below the root; "" when it
// cannot be read.
func (s Source) text(name ...string) string {
	b, err := fs.ReadFile(s.Root, path.Join(name...))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// number returns the integer in a file; ok is false when there is none.
func (s Source) number(name ...string) (n int64, ok bool) {
	n, err := strconv.ParseInt(s.text(name...), 10, 64)
	return n, err == nil
}

// exists reports whether a file, folder or link is there.
func (s Source) exists(name ...string) bool {
	_, err := fs.Stat(s.Root, path.Join(name...))
	return err == nil
}

// names returns the sorted base names in a folder; nil when it cannot be read.
func (s Source) names(dir ...string) []string {
	list, err := fs.ReadDir(s.Root, path.Join(dir...))
	if err != nil {
		return nil
	}
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name()
	}
	return names
}

// follow resolves one symbolic link to a path below the root. Only the last
// element of name may be a link, which is what sysfs needs: its links point
// to real folders.
func (s Source) follow(name string) (string, bool) {
	target, err := fs.ReadLink(s.Root, name)
	if err != nil {
		return "", false
	}
	if path.IsAbs(target) {
		return strings.TrimPrefix(path.Clean(target), "/"), true
	}
	return path.Join(path.Dir(name), target), true
}
