package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"flushbench/engine/clock"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

const (
	pathRecord   = 256
	pathCapacity = 64 << 20
	pathSlice    = 20_000 // commits
)

// BenchmarkCommitPath commits b.N records of 256 bytes by one client on a log whose
// write costs nothing: what is left of a commit is ours. A busy machine leaves the
// processor time about as it is.
//
//	go test -run '^$' -bench CommitPath -benchtime 1000000x -count 9 ./engine
func BenchmarkCommitPath(b *testing.B) {
	for _, p := range []groupcommit.Policy{groupcommit.Policy0, groupcommit.Policy2} {
		b.Run("policy="+p.String(), func(b *testing.B) {
			fs := &pretend{FS: vfs.NewMem()}
			must(b, fs.Mkdir(dir))
			e, commit := pathEngine(b, Options{FS: fs, Dir: dir, Growth: vfs.GrowAppend, Commit: groupcommit.Config{Policy: p}})
			fs.on.Store(true)
			user, system := cpuNs(b)
			for b.Loop() {
				commit()
			}
			u, s := cpuNs(b)
			b.ReportMetric(float64(u-user+s-system)/float64(b.N), "cpu-ns/op")
			must(b, e.Drain(), e.Close())
		})
	}
}

// BenchmarkCommitPwrite holds a commit of policy 2 by one client against a bare write
// of the same bytes through the same FS, b.N slices of each in turns, into files whose
// pages are all dirty, so that only the two paths differ. FLUSHBENCH_DIR names the folder.
//
//	go test -run '^$' -bench CommitPwrite -benchtime 100x ./engine
func BenchmarkCommitPwrite(b *testing.B) {
	home, err := os.MkdirTemp(os.Getenv("FLUSHBENCH_DIR"), "bench-pwrite-")
	must(b, err)
	defer func() { must(b, os.RemoveAll(home)) }()
	fs := vfs.NewOS()
	e, commit := pathEngine(b, Options{FS: fs, Dir: home, Growth: vfs.GrowZero, Commit: groupcommit.Config{Policy: groupcommit.Policy2, NoTimer: true}})
	f, err := fs.Create(filepath.Join(home, "bare"), vfs.Fdatasync)
	must(b, err, vfs.Grow(f, vfs.GrowZero, pathCapacity))
	record, off := make([]byte, pathRecord), int64(0)
	bare := func() {
		record[0]++
		if _, err := f.WriteAt(record, off); err != nil {
			b.Fatal(err)
		}
		off = (off + pathRecord) % pathCapacity
	}
	slice := func(step func()) float64 {
		start := clock.Now()
		for range pathSlice {
			step()
		}
		return float64(clock.Now()-start) / pathSlice
	}
	for range 3 * pathCapacity / pathRecord / pathSlice {
		slice(commit)
		slice(bare)
	}
	var commits, bares, ratios []float64
	for b.Loop() {
		c, w := slice(commit), slice(bare)
		commits, bares, ratios = append(commits, c), append(bares, w), append(ratios, w/c)
	}
	for _, m := range []struct {
		of   []float64
		unit string
	}{{commits, "commit-ns"}, {bares, "pwrite-ns"}, {ratios, "ratio"}} {
		slices.Sort(m.of)
		n := len(m.of)
		b.ReportMetric(m.of[n/2], m.unit)
		b.ReportMetric(m.of[n/4], m.unit+"-p25")
		b.ReportMetric(m.of[n*3/4], m.unit+"-p75")
	}
	must(b, e.Drain(), e.Close(), f.Close())
}

// pathEngine opens an engine of one client, and returns what commits a record.
func pathEngine(b *testing.B, o Options) (*Engine, func()) {
	b.Helper()
	o.Clients, o.Capacity = 1, pathCapacity
	must(b, Create(o))
	e, err := Open(o)
	must(b, err)
	s, err := e.Session(0)
	must(b, err)
	pattern, size, n := make([]byte, 64<<10), redo.BodySize(pathRecord), 0
	return e, func() {
		n = (n + 4973) & (len(pattern)/2 - 1)
		if err := s.Commit(pattern[n : n+size]); err != nil {
			b.Fatal(err)
		}
	}
}

// pretend is an FS on which a write to a log file succeeds and does nothing.
type pretend struct {
	vfs.FS
	on atomic.Bool
}

// Open implements vfs.FS.
func (p *pretend) Open(path string, m vfs.Method) (vfs.File, error) {
	f, err := p.FS.Open(path, m)
	if err != nil || !strings.HasPrefix(filepath.Base(path), "redo.") {
		return f, err
	}
	return &pretendFile{File: f, fs: p}, nil
}

type pretendFile struct {
	vfs.File
	fs *pretend
}

// WriteAt implements vfs.File.
func (f *pretendFile) WriteAt(b []byte, off int64) (int, error) {
	if f.fs.on.Load() {
		return len(b), nil
	}
	return f.File.WriteAt(b, off)
}
