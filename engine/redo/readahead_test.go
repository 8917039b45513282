package redo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
)

// piecesOf opens a log whose pieces have other sizes.
func piecesOf(t testing.TB, fs vfs.FS, first, size int) *Reader {
	t.Helper()
	r, err := OpenReader(fs, "/log")
	if err != nil {
		t.Fatal(err)
	}
	r.src.first, r.src.size = make([]byte, headroom+first), size
	return r
}

// madeLog is a log of one file with commit records of those sizes, all of them
// flushed; flushed says up to which one.
func madeLog(t testing.TB, flushed int, sizes ...int) (bytesFS, []Record) {
	t.Helper()
	const id, inc = 77, 3
	total := 16 * blockSize
	for _, n := range sizes {
		total += RecordSize(n)
	}
	size := (headSize + total + blockSize - 1) &^ (blockSize - 1)
	p := fileHeader{logID: id, files: 1, fileSize: uint64(size)}.encode()
	p = append(p, make([]byte, headSize-len(p))...)
	var records []Record
	end := FirstLSN
	for i, n := range sizes {
		payload := make([]byte, n)
		for j := range payload {
			payload[j] = byte(i + j*7)
		}
		p = appendRecord(p, end, id, inc, TypeCommit, payload)
		rec := Record{Start: end, Incarnation: inc, Type: TypeCommit, Payload: payload}
		end = FirstLSN + lsn.LSN(len(p)-headSize)
		rec.End = end
		records = append(records, rec)
	}
	at := FirstLSN
	if flushed > 0 {
		at = records[flushed-1].End
	}
	for slot := range 2 {
		Checkpoint{Number: uint64(slot), LSN: FirstLSN, Flushed: at, Incarnation: inc, IncStart: FirstLSN}.encode(p[blockSize*(1+slot):])
	}
	p = append(p, make([]byte, size-len(p))...)
	return bytesFS{files: map[string][]byte{FileName(0): p}}, records
}

var plainScratch = make([]byte, headroom+1<<20)

// plain reads as Next would without its short way for records that are like the one
// before, and all of the log at once.
func plain(t testing.TB, fs vfs.FS) recovered {
	t.Helper()
	r := piecesOf(t, fs, 0, aheadPiece)
	r.src.first = plainScratch
	defer r.Close()
	got := recovered{ckpt: r.Checkpoint()}
	for {
		rec, err := r.next()
		if err != nil {
			got.end, got.inc = r.Pos(), r.Incarnation()
			if !errors.Is(err, io.EOF) {
				got.err = err
			}
			return got
		}
		if rec.Type == TypeCommit {
			rec.Payload = bytes.Clone(rec.Payload)
			got.records = append(got.records, rec)
		}
	}
}

// differs says in what two readings of one log differ, "" if in nothing.
func (g recovered) differs(want recovered) string {
	switch {
	case len(g.records) != len(want.records) || !slices.EqualFunc(g.records, want.records, same):
		return fmt.Sprintf("%d records; want %d, or others", len(g.records), len(want.records))
	case g.end != want.end || g.inc != want.inc || g.ckpt != want.ckpt || fmt.Sprint(g.err) != fmt.Sprint(want.err):
		return fmt.Sprintf("end %v, incarnation %d, %v; want %v, %d, %v", g.end, g.inc, g.err, want.end, want.inc, want.err)
	}
	return ""
}

// agrees fails the test if the short way through the records of a damaged log finds
// anything else than the plain one.
func (r *rig) agrees(b bytesFS) {
	r.t.Helper()
	got, err := b.read()
	if err != nil {
		return // cannot be opened
	}
	if wrong := got.differs(plain(r.t, b)); wrong != "" {
		r.t.Errorf("read with the short way through its records: %s", wrong)
	}
}

// What is read does not depend on how it is cut into pieces: records over the edge of
// two pieces, over many, longer than the headroom, at the end, over two files.
func TestPiecesReadTheSame(t *testing.T) {
	long, _ := madeLog(t, 0, 16, 100, 5000, headroom-HeaderSize, 3*headroom, 100, 24, 70_000, 17)
	logs := map[string]bytesFS{
		"long records": long,
		"small":        smallLog(t, setup{files: 1, growth: vfs.GrowAppend}).snapshot(),
		"two files":    smallLog(t, setup{files: 2, growth: vfs.GrowZero, tail: TailPad}).snapshot(),
		"turned":       turnedLog(t).snapshot(),
	}
	for name, fs := range logs {
		want := plain(t, fs)
		for _, size := range []int{8, 40, 512, 4096, 20_000, 100_000} {
			for _, first := range []int{1, size} {
				got, err := drain(piecesOf(t, fs, first, size))
				if err != nil {
					t.Fatal(err)
				}
				if wrong := got.differs(want); wrong != "" {
					t.Errorf("%s, pieces of %d, then %d: %s", name, first, size, wrong)
				}
			}
		}
	}
}

// failingFS fails to read a file from an offset on, and knows whether it was read
// after it was closed.
type failingFS struct {
	bytesFS
	from  int64
	reads atomic.Int64
	late  atomic.Bool
}

func (f *failingFS) OpenRead(path string) (vfs.File, error) {
	file, err := f.bytesFS.OpenRead(path)
	if err != nil {
		return nil, err
	}
	return &failingFile{File: file, fs: f}, nil
}

type failingFile struct {
	vfs.File
	fs     *failingFS
	closed atomic.Bool
}

var errBadSector = errors.New("bad sector")

func (f *failingFile) ReadAt(p []byte, off int64) (int, error) {
	f.fs.reads.Add(1)
	if f.closed.Load() {
		f.fs.late.Store(true)
	}
	n, err := f.File.ReadAt(p, off)
	if off+int64(n) > f.fs.from {
		return int(max(0, f.fs.from-off)), errBadSector
	}
	return n, err
}

func (f *failingFile) Close() error {
	f.closed.Store(true)
	return f.File.Close()
}

// A failed read costs no record that could be read, and names the first byte that
// could not, however the log is cut into pieces.
func TestReadError(t *testing.T) {
	sizes := slices.Repeat([]int{100, 16, 300}, 300)
	log, records := madeLog(t, 0, sizes...)
	for _, from := range []int64{headSize, headSize + 1, headSize + 5000, headSize + 60_001} {
		want := 0
		for want < len(records) && int64(records[want].End-FirstLSN)+headSize <= from {
			want++
		}
		for _, size := range []int{64, 999, 4096, 100_000} {
			fs := &failingFS{bytesFS: log, from: from}
			got, err := drain(piecesOf(t, fs, size, size))
			if err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf("redo: read %s at %d: bad sector", filepath.Join("/log", FileName(0)), from)
			if len(got.records) != want || !errors.Is(got.err, errBadSector) || got.err.Error() != text {
				t.Errorf("unreadable from byte %d on, pieces of %d: %d records, %v; want %d, %s", from, size, len(got.records), got.err, want, text)
			}
		}
	}
}

// Reading may stop anywhere: Close returns when nothing reads any more, and leaves
// no goroutine. After it there is an error, no panic.
func TestCloseStopsReadingAhead(t *testing.T) {
	log, records := madeLog(t, 0, slices.Repeat([]int{1000}, 400)...)
	for _, stop := range []int{0, 1, 70, 200, len(records), len(records) + 1} {
		fs := &failingFS{bytesFS: log, from: 1 << 40}
		r := piecesOf(t, fs, 4096, 8192)
		var err error
		for range stop {
			_, err = r.Next()
		}
		if ended := stop > len(records); ended != errors.Is(err, io.EOF) || !ended && err != nil {
			t.Fatalf("record %d: %v", stop, err)
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		reads := fs.reads.Load()
		if _, err := r.Next(); err == nil {
			t.Errorf("stopped after %d: Next after Close returned a record", stop)
		}
		seeds.Until(t, "the goroutine that reads ahead has ended", func() bool {
			var b bytes.Buffer
			if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
				t.Fatal(err)
			}
			return !strings.Contains(b.String(), "redo.(*source)")
		})
		if fs.late.Load() || fs.reads.Load() != reads {
			t.Errorf("stopped after %d: read after Close", stop)
		}
	}
}

// The memory does not depend on the length of the log.
func TestReaderMemory(t *testing.T) {
	log, records := madeLog(t, 0, slices.Repeat([]int{240}, 60_000)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := OpenReader(log, "/log")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; err == nil; n++ {
		_, err = r.Next()
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	const most = 2 << 20
	if n-1 != len(records) || !errors.Is(err, io.EOF) {
		t.Fatalf("%d records, %v; want %d", n-1, err, len(records))
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > most {
		t.Errorf("reading %d MiB of log allocated %d bytes; want at most %d", len(log.files[FileName(0)])>>20, got, most)
	}
}
