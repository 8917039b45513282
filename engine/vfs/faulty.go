package vfs

import (
	"fmt"
	"io"
	"path"
	"sync"
	"syscall"

	"flushbench/engine/axis"
)

// FaultKind is what an injected fault breaks.
type FaultKind uint8

// The fault kinds.
const (
	// FailFlush fails a call that makes something durable with EIO: Flush and
	// Sync, and the write itself where the method is write-through or where
	// WriteDurableAt is one call. Like the kernel it then marks the pages
	// clean: over a Mem the data stays readable, is not durable, and the next
	// flush succeeds without it. (Over an OS nothing is dropped: the data
	// stays dirty in the real page cache.)
	FailFlush FaultKind = iota
	// FailWrite fails a write with EIO; nothing of it is written.
	FailWrite
	// FailShort writes the first half of a write (a multiple of Align) and
	// reports io.ErrShortWrite, as every File does for a short write.
	FailShort
	// FailSpace lets N bytes of writes through, then every write fails with
	// ENOSPC (the one that crosses the limit after it wrote what fits), and an
	// Allocate of more than what is left.
	FailSpace
	// FailDir fails SyncDir with EIO; Path is matched against the folder's base name.
	FailDir
)

// FaultKinds is the table of the fault-kind axis.
var FaultKinds = axis.Table[FaultKind]{
	Axis: "fault kind",
	Values: []axis.Value[FaultKind]{
		{Value: FailFlush, Name: "flush", Help: "EIO from a flush; the kernel then takes the data for clean"},
		{Value: FailWrite, Name: "write", Help: "EIO from a write, nothing written"},
		{Value: FailShort, Name: "short", Help: "a write that stops half-way"},
		{Value: FailSpace, Name: "space", Help: "ENOSPC once so many bytes were written"},
		{Value: FailDir, Name: "dir", Help: "EIO from the flush of a folder"},
	},
}

// String returns the name of k.
func (k FaultKind) String() string { return FaultKinds.Name(k) }

// MarshalText implements encoding.TextMarshaler.
func (k FaultKind) MarshalText() ([]byte, error) { return FaultKinds.MarshalText(k) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *FaultKind) UnmarshalText(text []byte) error { return FaultKinds.UnmarshalText(k, text) }

// Fault is one rule.
type Fault struct {
	Kind FaultKind
	// Path is a path.Match pattern for the file's base name; "" is every file.
	Path string
	// N is the number of the matching call that fails, from 1 on; for
	// FailSpace the number of bytes that fit, from 0 on.
	N int64
	// Sticky lets every matching call from the N-th on fail, not it alone.
	Sticky bool
}

// Faults are the rules of a Faulty, each counted apart.
type Faults []Fault

// Faulty is an FS that fails on purpose and leaves all else to the one it
// wraps. Safe for concurrent use: calls are numbered in the order of arrival.
type Faulty struct {
	FS

	mu    sync.Mutex
	rules []faultRule // guarded by mu
}

// faultRule is a Fault and how many calls (or bytes) it has seen.
type faultRule struct {
	Fault
	seen   int64
	struck func() // told of the first call that fails; may be nil
}

// dropper is a File whose unflushed writes can be declared lost; see FailFlush.
type dropper interface{ dropUnflushed() }

// NewFaulty wraps inner. A malformed pattern, an illegal kind or an N out of
// range is an error.
func NewFaulty(inner FS, faults Faults) (*Faulty, error) {
	y := &Faulty{FS: inner}
	for _, f := range faults {
		if _, err := path.Match(f.Path, ""); err != nil {
			return nil, fmt.Errorf("vfs: fault %s: pattern %q: %w", f.Kind, f.Path, err)
		}
		if _, err := f.Kind.MarshalText(); err != nil {
			return nil, fmt.Errorf("vfs: fault: %w", err)
		}
		if f.N < 1 && (f.Kind != FailSpace || f.N < 0) {
			return nil, fmt.Errorf("vfs: fault %s: N is %d: calls are numbered from 1, bytes from 0", f.Kind, f.N)
		}
		y.rules = append(y.rules, faultRule{Fault: f})
	}
	return y, nil
}

// FailNext lets the next call fail that makes something durable, in a file whose
// base name matches pattern ("": any), as FailFlush does. struck, if not nil, is
// called just before it fails, by the goroutine that fails, without locks.
func (y *Faulty) FailNext(pattern string, struck func()) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("vfs: fault %s: pattern %q: %w", FailFlush, pattern, err)
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.rules = append(y.rules, faultRule{Fault: Fault{Kind: FailFlush, Path: pattern, N: 1}, struck: struck})
	return nil
}

func (r *faultRule) matches(kind FaultKind, name string) bool {
	if r.Kind != kind {
		return false
	}
	if r.Path == "" {
		return true
	}
	ok, _ := path.Match(r.Path, path.Base(name)) // the pattern was checked
	return ok
}

// strikes counts a call of this kind and reports whether it is to fail.
func (y *Faulty) strikes(kind FaultKind, name string) bool {
	hit, struck := y.count(kind, name)
	if struck != nil {
		struck()
	}
	return hit
}

// count is strikes without telling who wants to be told.
func (y *Faulty) count(kind FaultKind, name string) (hit bool, struck func()) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for i := range y.rules {
		r := &y.rules[i]
		if !r.matches(kind, name) {
			continue
		}
		r.seen++
		if r.seen == r.N {
			struck = r.struck
		}
		hit = hit || r.seen == r.N || r.Sticky && r.seen > r.N
	}
	return hit, struck
}

// fits takes want bytes from the space that is left and returns how many of
// them fit. With take false it only looks.
func (y *Faulty) fits(name string, want int64, take bool) int64 {
	y.mu.Lock()
	defer y.mu.Unlock()
	fit := want
	for i := range y.rules {
		if r := &y.rules[i]; r.matches(FailSpace, name) {
			fit = min(fit, max(0, r.N-r.seen))
			if take {
				r.seen += want
			}
		}
	}
	return fit
}

// Create, Open, OpenRead and SyncDir implement FS.
func (y *Faulty) Create(p string, m Method) (File, error) { return y.wrap(y.FS.Create(p, m)) }
func (y *Faulty) Open(p string, m Method) (File, error)   { return y.wrap(y.FS.Open(p, m)) }
func (y *Faulty) OpenRead(p string) (File, error)         { return y.wrap(y.FS.OpenRead(p)) }
func (y *Faulty) SyncDir(dir string) error {
	if y.strikes(FailDir, dir) {
		return fmt.Errorf("vfs: sync folder %s: injected: %w", dir, syscall.EIO)
	}
	return y.FS.SyncDir(dir)
}

func (y *Faulty) wrap(f File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: f, y: y}, nil
}

// faultyFile is a File of a Faulty.
type faultyFile struct {
	File
	y *Faulty
}

func (f *faultyFile) injected(op string, err error) error {
	return fmt.Errorf("vfs: %s %s: injected: %w", op, f.Name(), err)
}

// flushFails reports whether this flush is to fail, and if so has the
// unflushed data dropped.
func (f *faultyFile) flushFails() error {
	if !f.y.strikes(FailFlush, f.Name()) {
		return nil
	}
	f.dropUnflushed()
	return f.injected("flush", syscall.EIO)
}

func (f *faultyFile) dropUnflushed() {
	if d, ok := f.File.(dropper); ok {
		d.dropUnflushed()
	}
}

// Flush implements File. A flush that has nothing to do cannot fail.
func (f *faultyFile) Flush() error {
	if m := f.Method(); m.Durable() && !m.WriteThrough() {
		if err := f.flushFails(); err != nil {
			return err
		}
	}
	return f.File.Flush()
}

// Sync implements File.
func (f *faultyFile) Sync() error {
	if err := f.flushFails(); err != nil {
		return err
	}
	return f.File.Sync()
}

// WriteAt implements File.
func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	if n, err := f.writeFails(p, off); err != nil {
		return n, err
	}
	if f.Method().WriteThrough() {
		if err := f.flushFails(); err != nil {
			return 0, err
		}
	}
	return f.File.WriteAt(p, off)
}

// WriteDurableAt implements File.
func (f *faultyFile) WriteDurableAt(p []byte, off int64) (int, error) {
	m := f.Method()
	if m.WriteThrough() || !m.Durable() {
		return f.WriteAt(p, off)
	}
	if n, err := f.writeFails(p, off); err != nil {
		return n, err
	}
	if !f.y.strikes(FailFlush, f.Name()) {
		return f.File.WriteDurableAt(p, off)
	}
	n, err := f.File.WriteAt(p, off)
	if err != nil {
		return n, err
	}
	f.dropUnflushed()
	return n, f.injected("flush", syscall.EIO)
}

// writeFails applies the faults of a write and returns what it wrote.
func (f *faultyFile) writeFails(p []byte, off int64) (int, error) {
	if f.y.strikes(FailWrite, f.Name()) {
		return 0, f.injected("write", syscall.EIO)
	}
	if f.y.strikes(FailShort, f.Name()) {
		return f.writePart(p, off, len(p)/2, io.ErrShortWrite)
	}
	if fit := f.y.fits(f.Name(), int64(len(p)), true); fit < int64(len(p)) {
		return f.writePart(p, off, int(fit), syscall.ENOSPC)
	}
	return 0, nil
}

// writePart writes the first n bytes of p, less what Align cuts off, and fails.
func (f *faultyFile) writePart(p []byte, off int64, n int, cause error) (int, error) {
	n -= n % f.Align()
	if n > 0 {
		if k, err := f.File.WriteAt(p[:n], off); err != nil {
			return k, err
		}
	}
	return n, f.injected("write", cause)
}

// Allocate implements File.
func (f *faultyFile) Allocate(size int64) error {
	if f.y.fits(f.Name(), size, false) < size {
		return f.injected("fallocate", syscall.ENOSPC)
	}
	return f.File.Allocate(size)
}
