package redo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield"
)

// bytesFS is a log that is a few byte slices: it is read only, and cheap to
// damage and to mend.
type bytesFS struct {
	vfs.FS // nil: nothing else is called by a Reader
	files  map[string][]byte
}

func (b bytesFS) OpenRead(path string) (vfs.File, error) {
	p, ok := b.files[filepath.Base(path)]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytesFile{p: p, name: path}, nil
}

type bytesFile struct {
	vfs.File
	p    []byte
	name string
}

func (f bytesFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(f.p)) {
		return 0, io.EOF
	}
	n := copy(p, f.p[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f bytesFile) Align() int   { return 1 }
func (f bytesFile) Name() string { return f.name }
func (f bytesFile) Close() error { return nil }

// scratch spares thousands of readers their memory.
var scratch = make([]byte, headroom+firstPiece)

// read is readAll with scratch memory.
func (b bytesFS) read() (recovered, error) {
	c, err := openCircle(b, "/log", b.OpenRead)
	if err != nil {
		return recovered{}, err
	}
	ckpt, err := c.readCheckpoint()
	if err != nil {
		return recovered{}, errors.Join(err, c.close())
	}
	r := newReader(c, ckpt)
	r.src.first = scratch
	return drain(r)
}

// snapshot copies the files of a rig's log.
func (r *rig) snapshot() bytesFS {
	r.t.Helper()
	b := bytesFS{files: map[string][]byte{}}
	for i := range r.files.Count {
		f, err := r.mem.OpenRead("/log/" + FileName(i))
		if err != nil {
			r.t.Fatal(err)
		}
		size, err := f.Size()
		if err != nil {
			r.t.Fatal(err)
		}
		p := make([]byte, size)
		if _, err := f.ReadAt(p, 0); err != nil && !errors.Is(err, io.EOF) {
			r.t.Fatal(err)
		}
		b.files[FileName(i)] = p
	}
	return b
}

// smallLog is a log of a few records over two incarnations and three
// checkpoints, with bytes that are not flushed at its end.
func smallLog(t testing.TB, s setup) *rig {
	r := newRig(t, s)
	for i := range 3 {
		r.append(30 + i)
		r.append(200)
		r.flush()
	}
	r.checkpoint(1)
	r.append(77)
	r.flush()
	r.reopen()
	r.append(300)
	r.append(1)
	r.flush()
	// A checkpoint that knows more to be flushed than it lets be forgotten.
	if err := r.log.SetCheckpoint(r.ckpt); err != nil {
		t.Fatal(err)
	}
	r.append(40)
	r.append(0)
	r.write(false)
	r.close()
	return r
}

// verdict says what is wrong with a damaged log's reading: it may be a shorter
// log, or an error, but every record must be one that was written, and those
// before the damage must all be there.
func (r *rig) verdict(b bytesFS, intact lsn.LSN) string {
	got, err := b.read()
	if err != nil {
		return "" // reported
	}
	want := r.want
	for len(want) > 0 && want[0].Start < got.ckpt.LSN {
		want = want[1:]
	}
	if len(got.records) > len(want) {
		return fmt.Sprintf("%d records; %d were written", len(got.records), len(want))
	}
	for i, rec := range got.records {
		if !same(rec, want[i]) {
			return fmt.Sprintf("the record at %v is not the one that was written", rec.Start)
		}
	}
	if len(got.records) < len(want) {
		lost := want[len(got.records)]
		if lost.End <= intact {
			return fmt.Sprintf("the record at %v is lost, the damage is at %v", lost.Start, intact)
		}
		if got.err == nil && lost.Start < got.ckpt.Flushed {
			return fmt.Sprintf("the log ends at %v without an error; it was flushed up to %v", got.end, got.ckpt.Flushed)
		}
	}
	return ""
}

// Every bit of a small log, flipped alone: the result is the same log, a
// shorter one, or a report of the damage; never an altered record, and nothing
// that was flushed goes silently.
func TestBitFlips(t *testing.T) {
	testenv.Long(t, "every damage by itself, on one goroutine")
	for _, s := range []setup{{files: 1, growth: vfs.GrowAppend}, {files: 2, growth: vfs.GrowZero, tail: TailPad}} {
		r := smallLog(t, s)
		b := r.snapshot()
		end := r.want[len(r.want)-1].End
		if got, err := b.read(); err != nil || got.end < end {
			t.Fatalf("unharmed: %v, end %v", err, got.end)
		}
		for name, p := range b.files {
			for off := range p {
				if off >= headSize+int(end-FirstLSN) && off%509 != 0 || name != FileName(0) && off%61 != 0 {
					continue // zeros that nothing refers to, the other files' heads: a sample
				}
				if yield.Enabled && off%17 != 0 {
					continue // one goroutine: the race detector only makes it slow
				}
				intact := lsn.Max
				if name == FileName(0) && off >= headSize {
					intact = FirstLSN + lsn.LSN(off-headSize)
				}
				bit := byte(1) << (off % 8)
				p[off] ^= bit
				if off%16 == 3 {
					r.agrees(b)
				}
				if wrong := r.verdict(b, intact); wrong != "" {
					t.Errorf("%v: bit %d of byte %d of %s flipped: %s", s, off%8, off, name, wrong)
				}
				p[off] ^= bit
			}
		}
	}
}

// A damaged slot never costs a record: the other one leads to all of them.
func TestSlotFlipsLoseNothing(t *testing.T) {
	testenv.Long(t, "every damage by itself, on one goroutine")
	r := smallLog(t, setup{files: 1, growth: vfs.GrowAppend})
	b := r.snapshot()
	p := b.files[FileName(0)]
	for off := blockSize; off < 3*blockSize; off++ {
		p[off] ^= 0x10
		got, err := b.read()
		if err != nil {
			t.Fatalf("byte %d flipped: %v", off, err)
		}
		r.sameAs(got)
		p[off] ^= 0x10
	}
}

// A log cut off anywhere is a shorter log or a reported damage.
func TestTruncations(t *testing.T) {
	testenv.Long(t, "every damage by itself, on one goroutine")
	r := smallLog(t, setup{files: 1, growth: vfs.GrowAppend})
	b := r.snapshot()
	whole := b.files[FileName(0)]
	for n := 0; n <= len(whole); n++ {
		b.files[FileName(0)] = whole[:n]
		intact := lsn.LSN(0)
		if n > headSize {
			intact = FirstLSN + lsn.LSN(n-headSize)
		}
		if wrong := r.verdict(b, intact); wrong != "" {
			t.Errorf("cut off after %d of %d bytes: %s", n, len(whole), wrong)
		}
		if n%16 == 0 {
			r.agrees(b)
		}
		if got, err := b.read(); n < headSize-blockSize && err == nil {
			t.Errorf("cut off after %d bytes, in the head: read %d records", n, len(got.records))
		}
	}
}

// What an earlier lap of the circle left is never taken for the log's
// continuation, although it stands where the next record would and is whole.
func TestStaleLap(t *testing.T) {
	r := newRig(t, setup{files: 1})
	size := int(r.log.c.circle / 8) // records line up from lap to lap
	body := BodySize(size)
	for i := range 8 * 3 {
		if r.room() < uint64(size) {
			r.checkpoint(2)
		}
		if end := r.append(body); int(end-FirstLSN) != (i+1)*size {
			t.Fatalf("record %d ends at %v", i, end)
		}
		r.flush()
		got := readLog(t, r.mem)
		if got.end != r.log.Written() {
			t.Fatalf("after record %d the log ends at %v; want %v", i, got.end, r.log.Written())
		}
	}
}

// Records of an earlier incarnation are never replayed, even when the new one
// is shorter and an old record, with its LSN and checksum, follows the new
// end exactly.
func TestEarlierIncarnation(t *testing.T) {
	for _, damaged := range []string{"no slot", "newer slot"} {
		r := newRig(t, setup{files: 1})
		r.append(100)
		r.flush()
		// These reach the disk but for the first: its sectors are lost.
		first := r.append(1000)
		second := r.append(1000)
		r.append(1000)
		r.write(false)
		r.close()
		file, off, _ := r.log.c.place(first - lsn.LSN(CommitSize(1000)))
		damage(t, r.mem, FileName(file), off, 64)
		r.want = r.want[:1]
		r.open() // a new incarnation begins where the lost record stood
		if end := r.append(1000); end != first {
			t.Fatalf("the new record ends at %v, the old one did at %v", end, first)
		}
		r.flush()
		r.close()
		if damaged == "newer slot" {
			damage(t, r.mem, FileName(0), blockSize*(1+int64(r.log.ckpt.Number%2)), 512)
		}
		got := readLog(t, r.mem)
		if got.end != first {
			t.Errorf("%s damaged: the log ends at %v; want %v (an old record ends at %v)", damaged, got.end, first, second)
		}
		r.sameAs(got)
	}
}

// Where a new incarnation began, records of the one before are none, even if each
// follows the last without a gap and nothing of the new one was written.
func TestIncarnationStart(t *testing.T) {
	log, records := madeLog(t, 0, 100, 200, 300, 400)
	p := log.files[FileName(0)]
	began := records[1].End
	Checkpoint{Number: 2, LSN: FirstLSN, Flushed: began, Incarnation: records[0].Incarnation + 1, IncStart: began}.encode(p[blockSize:])
	got, err := log.read()
	if err = errors.Join(err, got.err); err != nil || got.end != began || len(got.records) != 2 {
		t.Errorf("a log whose new incarnation began at %v: %d records up to %v, %v; want 2 records up to there", began, len(got.records), got.end, err)
	}
}

// A record of this log at the right LSN, but of an incarnation that no
// checkpoint announced, is no record.
func TestUnannouncedIncarnation(t *testing.T) {
	r := smallLog(t, setup{files: 1, growth: vfs.GrowAppend})
	b := r.snapshot()
	end := r.want[len(r.want)-1].End
	for _, inc := range []uint32{0, 1, 2, 3, 4, 100} {
		p := bytes.Clone(b.files[FileName(0)])
		p = appendRecord(p[:headSize+int(end-FirstLSN)], end, r.files.LogID, inc, TypeCommit, make([]byte, commitPrefix))
		got, err := bytesFS{files: map[string][]byte{FileName(0): p}}.read()
		if err != nil {
			t.Fatal(err)
		}
		current := r.log.Incarnation()
		if read := got.end > end; read != (inc == current || inc == current+1) {
			t.Errorf("a record of incarnation %d after one of %d: read = %v", inc, current, read)
		}
	}
}

// appendRecord encodes one record into dst, as it stands in the log at LSN at:
// the format once more, beside the log buffer's own path.
func appendRecord(dst []byte, at lsn.LSN, logID uint64, incarnation uint32, t Type, payload []byte) []byte {
	off := len(dst)
	dst = append(dst, make([]byte, RecordSize(len(payload)))...)
	b := dst[off:]
	binary.LittleEndian.PutUint64(b, uint64(at)^keyOf(logID, incarnation))
	binary.LittleEndian.PutUint32(b[12:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[16:], incarnation)
	b[20] = byte(t)
	copy(b[HeaderSize:], payload)
	binary.LittleEndian.PutUint32(b[8:], crc32.Update(crcSeed(at), castagnoli, b[12:HeaderSize+len(payload)]))
	return dst
}

// The format, to the byte: older logs must stay readable.
func TestRecordFormat(t *testing.T) {
	got := fmt.Sprintf("%x", appendRecord(nil, 0x1_0000_2000, 0x0123456789abcdef, 3, TypeCommit, []byte("0123456789abcdef-body")))
	want := "beec6d992fb790af71fdf9c6150000000300000002000000303132333435363738396162636465662d626f6479000000"
	if got != want {
		t.Errorf("appendRecord =\n%s; want\n%s", got, want)
	}
}
