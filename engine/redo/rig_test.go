package redo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
)

// rig is a log on an in-memory disk, driven by one goroutine, that remembers
// every record.
type rig struct {
	t     testing.TB
	mem   vfs.FS
	files Files
	opts  Options
	log   *Log
	ckpt  Checkpoint // the last one set
	want  []Record   // every commit record that the log holds, in order
	rng   *rand.Rand
	seen  watch
}

// watch is an observer that checks that watermarks move without a gap.
type watch struct {
	written, flushed lsn.LSN
	wrong            string
}

func (w *watch) Written(from, to lsn.LSN) {
	if from != w.written || to <= from {
		w.wrong = fmt.Sprintf("Written(%v, %v) after %v", from, to, w.written)
	}
	w.written = to
}

func (w *watch) Flushed(from, to lsn.LSN) {
	if from != w.flushed || to <= from || to > w.written {
		w.wrong = fmt.Sprintf("Flushed(%v, %v) after %v, written %v", from, to, w.flushed, w.written)
	}
	w.flushed = to
}

// setup names what differs between logs.
type setup struct {
	method   vfs.Method
	growth   vfs.Growth
	tail     Tail
	kind     BufferKind
	files    int
	capacity int64 // 0: the smallest
	buffer   int   // 0: the smallest
}

func (s setup) String() string {
	return fmt.Sprintf("method=%v/growth=%v/tail=%v/buffer=%v/files=%d", s.method, s.growth, s.tail, s.kind, s.files)
}

func newRig(t testing.TB, s setup) *rig {
	t.Helper()
	mem := vfs.NewMem()
	if err := errors.Join(mem.Mkdir("/log"), mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	return newRigOn(t, mem, s)
}

func newRigOn(t testing.TB, fs vfs.FS, s setup) *rig {
	t.Helper()
	s.files = max(1, s.files)
	if s.capacity == 0 {
		s.capacity = MinCapacity
	}
	if s.buffer == 0 {
		s.buffer = MinBuffer
	}
	r := &rig{t: t, mem: fs, rng: rand.New(rand.NewPCG(1, 2))}
	r.files = Files{FS: fs, Dir: "/log", Method: s.method, Growth: s.growth, Capacity: s.capacity, Count: s.files, LogID: 0x1234_5678_9abc_def0}
	if err := Create(r.files); err != nil {
		t.Fatal(err)
	}
	r.opts = Options{FS: fs, Dir: "/log", Method: s.method, Tail: s.tail, BufferKind: s.kind, BufferSize: s.buffer, Observer: &r.seen,
		Space: func(end lsn.LSN) error {
			for r.log.Buffer().Limit() < end {
				before := r.log.Written()
				if r.write(false); r.log.Written() == before {
					return fmt.Errorf("no room: written %v, ready %v, reserved %v", before, r.log.Buffer().Ready(), r.log.Buffer().Reserved())
				}
			}
			return nil
		}}
	r.open()
	return r
}

// open recovers the log, compares what it finds with want, and opens it.
func (r *rig) open() {
	r.t.Helper()
	rec := readLog(r.t, r.mem)
	r.sameAs(rec)
	r.seen = watch{written: rec.end, flushed: rec.end}
	base := Checkpoint{LSN: rec.end}
	log, err := Open(r.opts, rec.ckpt, rec.inc, rec.end, base)
	if err != nil {
		r.t.Fatal(err)
	}
	r.log, r.ckpt = log, base
	if log.Incarnation() <= rec.inc {
		r.t.Fatalf("incarnation %d after %d", log.Incarnation(), rec.inc)
	}
}

func (r *rig) close() {
	r.t.Helper()
	if err := r.log.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// reopen closes the log without flushing and opens it again.
func (r *rig) reopen() {
	r.t.Helper()
	r.write(false)
	r.close()
	r.open()
}

// append adds a record with n bytes of body.
func (r *rig) append(n int) lsn.LSN {
	r.t.Helper()
	seq := uint64(len(r.want))
	body := make([]byte, n)
	for i := range body {
		body[i] = byte(r.rng.Uint32())
	}
	end, err := r.log.Buffer().Append(TypeCommit, 7, seq, body)
	if err != nil {
		r.t.Fatal(err)
	}
	payload := make([]byte, 0, commitPrefix+n)
	payload = append(payload, 7, 0, 0, 0, 0, 0, 0, 0)
	payload = append(payload, byte(seq), byte(seq>>8), byte(seq>>16), 0, 0, 0, 0, 0)
	payload = append(payload, body...)
	r.want = append(r.want, Record{Start: end - lsn.LSN(RecordSize(len(payload))), End: end, Incarnation: r.log.Incarnation(), Type: TypeCommit, Payload: payload})
	return end
}

// write writes all that is ready; with --tail=pad only whole blocks if there
// is no room for a pad record.
func (r *rig) write(flush bool) {
	r.t.Helper()
	cut := r.log.Cut(1<<20, flush || r.room() > 2*blockSize, nil)
	if err := r.log.Write(cut, flush); err != nil {
		r.t.Fatal(err)
	}
	r.order()
}

// flush makes durable what is ready.
func (r *rig) flush() {
	r.t.Helper()
	r.write(true)
	if err := r.log.Flush(); err != nil {
		r.t.Fatal(err)
	}
	r.order()
}

// checkpoint moves the checkpoint, and with it both slots, to the newest
// record boundary that is flushed.
func (r *rig) checkpoint(times int) {
	r.t.Helper()
	at := r.ckpt.LSN
	for _, w := range r.want {
		if w.End <= r.log.Flushed() {
			at = max(at, w.End)
		}
	}
	for range times {
		r.ckpt = Checkpoint{LSN: at}
		if err := r.log.SetCheckpoint(r.ckpt); err != nil {
			r.t.Fatal(err)
		}
	}
	r.order()
}

// room says how much may be appended before the circle is full.
func (r *rig) room() uint64 {
	return r.log.Capacity() - uint64(r.log.Buffer().Reserved()-r.log.CheckpointLSN())
}

// order checks the order of the watermarks and what the observer saw.
func (r *rig) order() {
	r.t.Helper()
	l := r.log
	if c, f, w, y, v := l.CheckpointLSN(), l.Flushed(), l.Written(), l.Buffer().Ready(), l.Buffer().Reserved(); c > f || f > w || w > y || y > v {
		r.t.Fatalf("checkpoint %v, flushed %v, written %v, ready %v, reserved %v", c, f, w, y, v)
	}
	if r.seen.wrong != "" {
		r.t.Fatal(r.seen.wrong)
	}
	if r.seen.written != l.Written() || r.seen.flushed != l.Flushed() {
		r.t.Fatalf("the observer saw written %v, flushed %v; want %v, %v", r.seen.written, r.seen.flushed, l.Written(), l.Flushed())
	}
}

// recovered is what a Reader found.
type recovered struct {
	ckpt    Checkpoint
	end     lsn.LSN
	inc     uint32
	records []Record // commits only
	err     error    // other than io.EOF
}

// readAll reads a log to its end. It fails only when the log cannot be opened.
func readAll(fs vfs.FS) (recovered, error) {
	rd, err := OpenReader(fs, "/log")
	if err != nil {
		return recovered{}, err
	}
	return drain(rd)
}

// drain reads to the end and closes.
func drain(rd *Reader) (recovered, error) {
	defer rd.Close()
	got := recovered{ckpt: rd.Checkpoint()}
	for {
		rec, err := rd.Next()
		if err != nil {
			got.end, got.inc = rd.Pos(), rd.Incarnation()
			if !errors.Is(err, io.EOF) {
				got.err = err
			}
			if _, twice := rd.Next(); !errors.Is(twice, err) {
				return got, fmt.Errorf("after the end: %v, then %v", err, twice)
			}
			return got, nil
		}
		if rec.Type == TypeCommit {
			rec.Payload = bytes.Clone(rec.Payload)
			got.records = append(got.records, rec)
		}
	}
}

func readLog(t testing.TB, fs vfs.FS) recovered {
	t.Helper()
	got, err := readAll(fs)
	if err = errors.Join(err, got.err); err != nil {
		t.Fatal(err)
	}
	return got
}

// sameAs holds what was read against what was appended: every record from the
// checkpoint on, in order, to the last byte.
func (r *rig) sameAs(got recovered) {
	r.t.Helper()
	want := r.want
	for len(want) > 0 && want[0].Start < got.ckpt.LSN {
		want = want[1:]
	}
	if len(got.records) != len(want) {
		r.t.Fatalf("read %d records from checkpoint %v to %v; want %d", len(got.records), got.ckpt.LSN, got.end, len(want))
	}
	for i := range want {
		if !same(got.records[i], want[i]) {
			r.t.Fatalf("record %d of %d: got %v to %v; want %v to %v with the same bytes", i, len(want),
				got.records[i].Start, got.records[i].End, want[i].Start, want[i].End)
		}
	}
}

func same(a, b Record) bool {
	return a.Start == b.Start && a.End == b.End && a.Incarnation == b.Incarnation && a.Type == b.Type && bytes.Equal(a.Payload, b.Payload)
}
