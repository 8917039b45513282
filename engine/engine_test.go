package engine

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// A client's second session goes on where the first one ended: a sequence that
// came twice would be a log that cannot be recovered.
func TestSessionGoesOn(t *testing.T) {
	o := smallest(nil)
	o.FS = created(t, o)
	e, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for want := uint64(1); want <= 3; want++ {
		s, err := e.Session(1)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Commit([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if s.Seq() != want {
			t.Errorf("session %d committed sequence %d", want, s.Seq())
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	rec, err := Recover(o.FS, dir, nil)
	if err != nil || rec.LastSeq(1) != 3 || rec.LastSeq(0) != 0 || rec.LastSeq(1000) != 0 {
		t.Errorf("Recover = %v, sequence %d; want 3", err, rec.LastSeq(1))
	}
}

// What is out of range is refused with the legal values, and costs nothing.
func TestLimits(t *testing.T) {
	o := smallest(nil)
	o.FS = created(t, o)
	e, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Session(clients); err == nil || !strings.Contains(err.Error(), "must be below 4") {
		t.Errorf("Session(%d) = %v", clients, err)
	}
	s, err := e.Session(0)
	if err != nil {
		t.Fatal(err)
	}
	before := e.Watermarks()
	if err := s.Commit(make([]byte, e.maxBody+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Commit of a body of %d bytes = %v; want ErrTooLarge", e.maxBody+1, err)
	}
	if e.Watermarks() != before || s.Seq() != 0 {
		t.Errorf("a refused commit moved %+v to %+v, sequence %d", before, e.Watermarks(), s.Seq())
	}
	if err := s.Commit(make([]byte, e.maxBody)); err != nil || s.Seq() != 1 {
		t.Errorf("Commit of the largest body = %v, sequence %d", err, s.Seq())
	}
	for _, bad := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Clients = 0 }, "0 clients: must be 1 to"},
		{func(o *Options) { o.Clients = MaxClients + 1 }, "must be 1 to"},
		{func(o *Options) { o.CheckpointDistance = -1 }, "must be 0 to three quarters"},
		{func(o *Options) { o.CheckpointDistance = redo.MinCapacity }, "must be 0 to three quarters"},
		{func(o *Options) { o.Commit.Count = -1 }, "group count -1"},
	} {
		o := smallest(vfs.NewMem())
		bad.change(&o)
		if err := Create(o); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("Create = %v; want %q", err, bad.want)
		}
		if _, err := Open(o); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("Open = %v; want %q", err, bad.want)
		}
	}
}

// sideMarks is an engine's log on which a checkpoint with sequences exists.
func withCheckpoint(t *testing.T) (Options, *vfs.Mem) {
	t.Helper()
	o := smallest(nil)
	mem := created(t, o)
	o.FS = mem
	for range 2 {
		l, err := openLife(o, &ledger{}, []int{10})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.parallel(5), l.e.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return o, mem
}

func flip(t *testing.T, fs vfs.FS, name string, off int64) {
	t.Helper()
	f, err := fs.Open(dir+"/"+name, vfs.Fdatasync)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b[:], off); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// Damage to the sequences that a checkpoint saved is reported with the file's
// name, byte by byte; damage to the area that no slot names means nothing.
func TestSideFileDamage(t *testing.T) {
	o, mem := withCheckpoint(t)
	good, err := Recover(mem, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	live := areaOffset(good.Checkpoint.Area, 0)
	for off := range int64(good.Checkpoint.AreaLen) {
		disk := copyDisk(mem)
		flip(t, disk, sideName, live+off)
		if _, err := Recover(disk, dir, nil); err == nil || !strings.Contains(err.Error(), sideName) || !strings.Contains(err.Error(), "is damaged") {
			t.Fatalf("byte %d flipped: Recover = %v; want a report that names %s", off, err, sideName)
		}
		o.FS = disk
		if e, err := Open(o); err == nil {
			_ = e.Close()
			t.Fatalf("byte %d flipped: Open = nil", off)
		}
	}
	disk := copyDisk(mem)
	flip(t, disk, sideName, areaOffset(1-good.Checkpoint.Area, 0))
	if rec, err := Recover(disk, dir, nil); err != nil || rec.End != good.End {
		t.Errorf("damage to the other area: %v, end %v; want %v", err, rec.End, good.End)
	}
	disk = copyDisk(mem)
	if err := disk.Remove(dir + "/" + sideName); err != nil {
		t.Fatal(err)
	}
	if _, err := Recover(disk, dir, nil); err == nil || !strings.Contains(err.Error(), sideName) {
		t.Errorf("Recover without %s = %v", sideName, err)
	}
}

// A damaged slot costs nothing: the other one, with its own area, leads to the
// same end and the same sequences.
func TestEitherSlotWillDo(t *testing.T) {
	_, mem := withCheckpoint(t)
	good, err := Recover(mem, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for slot := int64(1); slot <= 2; slot++ {
		disk := copyDisk(mem)
		flip(t, disk, redo.FileName(0), slot*4096+100)
		rec, err := Recover(disk, dir, nil)
		if err != nil {
			t.Fatalf("slot %d damaged: %v", slot-1, err)
		}
		if wrong := sameState(rec, good, "with a slot damaged"); wrong != "" {
			t.Errorf("slot %d: %s", slot-1, wrong)
		}
	}
}

// The checkpoint follows, and while the log is not full it keeps its distance from the
// flushed LSN: a checkpointer that comes whenever it is woken never lets the log fill up.
func TestCheckpointDistance(t *testing.T) {
	l := distant(t)
	cp := l.e.cp
	must(t, cp.stop()) // the goroutine: how soon it runs is the scheduler's
	within(t, "a log that is followed", func() {
		for cp.checkpoints.Load() < 8 {
			if err := l.parallel(1); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-cp.wake:
			default:
				continue
			}
			for moved := true; moved; {
				flushed, pressed := l.e.log.Flushed(), cp.pressed() // nobody commits meanwhile
				var err error
				if moved, err = cp.try(); err != nil || pressed {
					t.Errorf("checkpoint %v, written %v of %v: %v", l.e.log.CheckpointLSN(), l.e.log.Written(), cp.limit, err)
					return
				}
				if at := cp.newest.at; moved && flushed-at < cp.distance {
					t.Errorf("checkpoint %v, flushed %v: closer than %v", at, flushed, cp.distance)
				}
			}
		}
	})
	if st := l.e.Stats(); st.LogStalls > 0 || st.CheckpointFlushes != 2*st.Checkpoints {
		t.Errorf("%d checkpoints took %d flushes, %d stalls; want two each and no stall", st.Checkpoints, st.CheckpointFlushes, st.LogStalls)
	}
	cp.done = make(chan struct{})
	must(t, l.e.Close())
}

// The checkpointer's goroutine is woken as often as that takes.
func TestCheckpointerFollows(t *testing.T) {
	l := distant(t)
	within(t, "the checkpointer", func() {
		for l.e.Stats().Checkpoints < 8 {
			if err := l.parallel(1); err != nil {
				t.Error(err)
				return
			}
		}
	})
	must(t, l.e.Close()) // it may be at one more
	if st := l.e.Stats(); st.CheckpointFlushes != 2*st.Checkpoints {
		t.Errorf("%d checkpoints took %d flushes; want two each", st.Checkpoints, st.CheckpointFlushes)
	}
}

// distant opens an engine whose checkpoint stays far behind.
func distant(t *testing.T) *life {
	t.Helper()
	o := smallest(nil)
	o.Capacity = 1 << 20
	o.CheckpointDistance = 400 << 10
	o.FS = created(t, o)
	l, err := openLife(o, &ledger{}, []int{2000})
	must(t, err)
	return l
}

// More clients than before, or fewer, find and keep all sequences.
func TestClientsChange(t *testing.T) {
	o := smallest(nil)
	mem := created(t, o)
	o.FS = mem
	for i, n := range []int{4, 1000, 1, 4} {
		o.Clients = n
		e, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Session(uint32(n - 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Commit([]byte{1}), e.Close()); err != nil {
			t.Fatal(err)
		}
		rec, err := Recover(mem, dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := [][3]uint64{{1, 0, 0}, {1, 1, 0}, {1, 1, 1}, {2, 1, 1}}[i]
		if got := [3]uint64{rec.LastSeq(3), rec.LastSeq(999), rec.LastSeq(0)}; got != want {
			t.Errorf("opening %d with %d clients: sequences of clients 3, 999, 0 = %v; want %v", i, n, got, want)
		}
	}
}

// Counts of two moments differ by what happened between them, and commits are
// the sum of group sizes, exactly.
func TestStats(t *testing.T) {
	o := smallest(nil)
	o.FS = created(t, o)
	l, err := openLife(o, &ledger{}, []int{10})
	if err != nil {
		t.Fatal(err)
	}
	before := l.e.Stats()
	if err := errors.Join(l.parallel(50), l.batch()); err != nil {
		t.Fatal(err)
	}
	st := l.e.Stats().Sub(before)
	if st.Grouped != 51*clients || st.Groups == 0 || st.Flushes[groupcommit.ReasonCommit] != st.Groups {
		t.Errorf("Stats = %+v; want %d commits in groups, a flush for each", st, 51*clients)
	}
	if err := l.e.Close(); err != nil {
		t.Error(err)
	}
	if zero := st.Sub(st); zero != (Stats{}) {
		t.Errorf("Sub of itself = %+v", zero)
	}
}

// Sequences that do not follow each other, and records of no client, are
// reported: the judge of a crash relies on it.
func TestRecoverReportsGaps(t *testing.T) {
	for _, c := range []struct {
		client uint64
		seqs   []uint64
		want   string
	}{
		{1, []uint64{1, 2, 3}, ""},
		{1, []uint64{1, 3}, "client 1 has sequence 3, want 2"},
		{1, []uint64{1, 1}, "client 1 has sequence 1, want 2"},
		{1, []uint64{2}, "client 1 has sequence 2, want 1"},
		{MaxClients, []uint64{1}, "is not a commit"},
	} {
		o := smallest(nil)
		mem := created(t, o)
		first, err := Recover(mem, dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		log, err := redo.Open(redo.Options{FS: mem, Dir: dir, BufferSize: redo.MinBuffer}, first.Checkpoint, 0, first.End, redo.Checkpoint{LSN: first.End})
		if err != nil {
			t.Fatal(err)
		}
		for _, seq := range c.seqs {
			if _, err := log.Buffer().Append(redo.TypeCommit, c.client, seq, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(log.Write(log.Cut(1<<20, false, nil), false), log.Close()); err != nil {
			t.Fatal(err)
		}
		_, err = Recover(mem, dir, nil)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("client %d, sequences %v: Recover = %v; want %q", c.client, c.seqs, err, c.want)
		}
	}
}

// Two sessions, which different processors write, share no pair of cache lines.
func TestSessionsStandApart(t *testing.T) {
	if n := unsafe.Sizeof(Session{}); n != 128 {
		t.Errorf("a session takes %d bytes, want 128", n)
	}
}

// A client whose commits wait for the log has no runs of its own: others would wait
// until somebody closes them.
func TestRunsOnlyWhereNobodyWaits(t *testing.T) {
	for _, p := range logPolicies {
		o := smallest(newDisk(t))
		o.Commit.Policy = p
		if err := Create(o); err != nil {
			t.Fatal(err)
		}
		e, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Session(0)
		if err == nil {
			err = s.Commit(nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, want := s.p != nil, p == groupcommit.Policy0; got != want {
			t.Errorf("policy %v: a client has runs: %v; want %v", p, got, want)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
