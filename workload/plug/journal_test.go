package plug

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flushbench/workload/crash/ledger"
)

// step makes report n of two clients: the first has had n commits.
func step(n uint64) *Report {
	return &Report{Number: n, Began: 1, At: int64(n), Lanes: []Lane{{Acked: n, At: int64(n)}, {}}}
}

// opened opens a witness that the test closes.
func opened(t *testing.T, path string) *Witness {
	t.Helper()
	w, err := OpenWitness(WitnessOptions{Journal: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// aRun opens a run and gives it reports 1 to n.
func aRun(t *testing.T, w *Witness, name string, n uint64) *run {
	t.Helper()
	id, err := newID()
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.open(&opening{id: id, name: name, description: []byte(name)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := w.report(r, step(i+1).encode()); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// known is what a witness knows, in words.
func known(w *Witness) string {
	text := ""
	for _, r := range w.mu.runs.order {
		n := uint64(0)
		if r.last != nil {
			n = r.last.Acked()
		}
		text += fmt.Sprintf("%s %s %s: %d acked, %d reports, ended %q\n", r.id, r.name, r.description, n, len(r.reports), r.ended)
	}
	return text
}

func TestRestartLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	w := opened(t, path)
	aRun(t, w, "one", 20)
	two := aRun(t, w, "two", 3)
	if err := w.end(two, "it was interrupted"); err != nil {
		t.Fatal(err)
	}
	aRun(t, w, "three", 0)
	want, id := known(w), w.mu.journal.id
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again := opened(t, path)
	if got := known(again); got != want || again.mu.journal.id != id {
		t.Errorf("after a restart %s knows\n%swant, as %s,\n%s", again.mu.journal.id, got, id, want)
	}
	if r := again.mu.runs.byName["one"]; r != nil {
		if _, err := again.report(r, step(21).encode()); err != nil {
			t.Errorf("the next report: %v", err)
		}
	}
	if _, err := again.report(again.mu.runs.byName["two"], step(4).encode()); err == nil {
		t.Error("a run that has ended goes on")
	}
}

// Wherever the last entry was cut off when the witness died, all before it is
// there, and the journal can be gone on with.
func TestTornEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	w := opened(t, path)
	r := aRun(t, w, "one", 2)
	before, want := w.mu.journal.size, known(w)
	if _, err := w.report(r, step(3).encode()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	zeros := append(bytes.Clone(whole[:before]), make([]byte, len(whole)-int(before))...)
	longer := append(bytes.Clone(whole[:before]), appendFrame(nil, kindOpen, make([]byte, 900))[:700]...)
	for i, torn := range append([][]byte{zeros, longer}, cuts(whole, int(before))...) {
		path := fmt.Sprintf("%s-%d", path, i)
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := OpenWitness(WitnessOptions{Journal: path})
		if err != nil {
			t.Fatalf("end %d: %v", i, err)
		}
		if got := known(w); got != want {
			t.Fatalf("end %d: it knows\n%swant\n%s", i, got, want)
		}
		_, err = w.report(w.mu.runs.order[0], step(3).encode())
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || len(got) != len(whole) {
			t.Fatalf("end %d: then it has %d bytes, %v; want %d", i, len(got), err, len(whole))
		}
	}
}

// cuts are beginnings of b with at least from bytes.
func cuts(b []byte, from int) (out [][]byte) {
	for n := from; n < len(b); n += 3 {
		out = append(out, b[:n])
	}
	return append(out, b[:len(b)-1])
}

// A journal that is damaged elsewhere is no reason to forget what was confirmed,
// and a file that is none is not touched.
func TestDamagedJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	w := opened(t, path)
	aRun(t, w, "one", 5)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndex(whole, []byte(frameMagic))
	check := func(what string, b []byte) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "journal") // to write over a file takes ext4 a flush
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := OpenWitness(WitnessOptions{Journal: path})
		if err == nil {
			_ = w.Close()
			t.Errorf("%s: it is taken", what)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v: does not name the file", what, err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: the file was changed", what)
		}
	}
	for i := 0; i < last; i += 5 {
		b := bytes.Clone(whole)
		b[i] ^= 0x10
		check(fmt.Sprintf("byte %d of %d", i, last), b)
	}
	check("a text", []byte("the diary of a database administrator\n"))
	check("an empty file", nil)
	check("much behind the end", append(bytes.Clone(whole), make([]byte, 2*MaxFrame)...))
	check("the same run twice", append(bytes.Clone(whole), whole[frameHead+19:]...))
}

// A failure of the journal is final: nothing is confirmed after it, also if the
// disk recovers.
func TestJournalFails(t *testing.T) {
	w := opened(t, filepath.Join(t.TempDir(), "journal"))
	r := aRun(t, w, "one", 2)
	good := w.mu.journal.f
	readOnly, err := os.Open(w.o.Journal)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.journal.f = readOnly
	_, first := w.report(r, step(3).encode())
	if first == nil {
		t.Fatal("a report is confirmed that was not written")
	}
	w.mu.journal.f = good
	if _, err := w.report(r, step(3).encode()); err == nil {
		t.Error("after a failure a report is confirmed")
	}
	if got := w.number(r); got != 2 {
		t.Errorf("it knows report %d; want 2", got)
	}
	if err := w.mu.journal.rewrite(w.mu.runs.each); err == nil {
		t.Error("after a failure the journal is written anew")
	}
	_ = readOnly.Close()
}

// A journal does not grow for ever, nor a run in memory, and what counts survives.
func TestJournalIsWrittenAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	w, err := OpenWitness(WitnessOptions{Journal: path, MaxJournal: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	r := aRun(t, w, "one", 10)
	id := w.mu.journal.id
	done := aRun(t, w, "done", 1)
	if err := w.end(done, "enough"); err != nil {
		t.Fatal(err)
	}
	r.reports = r.reports[5:] // as if they had been too many
	for n := uint64(11); n <= 100; n++ {
		if _, err := w.report(r, step(n).encode()); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() != w.mu.journal.size || info.Size() > w.mu.limit+MaxFrame {
			t.Fatalf("after report %d the file has %d bytes, %v; it should have %d", n, info.Size(), err, w.mu.journal.size)
		}
	}
	want := known(w)
	if _, err := OpenWitness(WitnessOptions{Journal: path}); err == nil {
		t.Error("a second witness uses the journal")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again := opened(t, path)
	if got := known(again); got != want || again.mu.journal.id != id {
		t.Errorf("after a restart it knows\n%swant\n%s", got, want)
	}
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("a half-made journal is left")
	}
}

// TestOneWitnessMakesTheJournal: of witnesses that start at the same moment where there
// is no journal yet one gets it, and none writes to a file that has no name any more.
func TestOneWitnessMakesTheJournal(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "journal")
		var all [6]struct {
			w   *Witness
			err error
		}
		var starting, opening sync.WaitGroup
		starting.Add(len(all))
		for i := range all {
			opening.Go(func() {
				starting.Done()
				starting.Wait()
				all[i].w, all[i].err = OpenWitness(WitnessOptions{Journal: path})
			})
		}
		opening.Wait()
		var mine []*Witness
		for _, x := range all {
			if x.err == nil {
				mine = append(mine, x.w)
			} else if !strings.Contains(x.err.Error(), "another witness") {
				t.Error(x.err)
			}
		}
		if len(mine) != 1 {
			t.Fatalf("%d witnesses have the journal", len(mine))
		}
		hasItsName(t, mine[0], path)
		if err := mine[0].Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestJournalMadeMeanwhile: a witness that finds no journal, and then the one that
// another has just made, leaves that alone.
func TestJournalMadeMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	w := opened(t, path)
	aRun(t, w, "one", 3)
	if j, err := newJournal(path); j != nil || err != nil {
		t.Errorf("newJournal = %v, %v; want none, and no error", j, err)
	}
	hasItsName(t, w, path)
	if _, err := os.Lstat(path + firstName); err == nil {
		t.Error("a file that is no journal is left")
	}
}

// hasItsName checks that what a witness writes to is what the next one will read.
func hasItsName(t *testing.T, w *Witness, path string) {
	t.Helper()
	have, err := w.mu.journal.f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if named, err := os.Stat(path); err != nil || !os.SameFile(have, named) {
		t.Errorf("the witness writes to a file that is not %s (%v)", path, err)
	}
}

func TestRunIsBounded(t *testing.T) {
	r := &run{}
	content := make([]byte, 60<<10)
	for n := range uint64(200) {
		r.add(time.Now(), content, step(n+1))
	}
	if r.size > MaxRunBytes || r.size != len(r.reports)*len(content) || r.last.Number != 200 {
		t.Errorf("%d bytes in %d reports, the last is %d", r.size, len(r.reports), r.last.Number)
	}
	var s runs
	for n := range MaxRuns + 1 {
		o := opening{id: ID{byte(n), 1}, name: fmt.Sprintf("run-%d", n)}
		known, err := s.admit(&o)
		if full := n == MaxRuns; known != nil || (err != nil) != full {
			t.Fatalf("run %d: %v", n, err)
		}
		if err == nil {
			if err := s.apply(&entry{kind: kindOpen, id: o.id, content: o.encode()}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Whatever stands in a journal, opening it neither panics nor hangs; and one that
// was opened once is opened again and says the same. The frames are made here, so
// that what is in them is tried, not their checksums: a length of two bytes, a kind,
// and the content. The tail stands behind them as it is.
func FuzzJournal(f *testing.F) {
	dir := "/dev/shm" // a flush there costs nothing
	if _, err := os.Stat(dir); err != nil {
		dir = f.TempDir()
	}
	o := opening{id: ID{1}, name: "one"}
	at := time.Unix(1, 0)
	var seed []byte
	for _, e := range []entry{
		{kindOpen, at, o.id, o.encode()}, {kindReport, at, o.id, step(7).encode()}, {kindReport, at, o.id, step(8).encode()}, {kindEnd, at, o.id, []byte("done")},
	} {
		b := e.encode()
		seed = append(append(seed, byte(len(b)), byte(len(b)>>8), byte(e.kind)), b...)
	}
	f.Add(seed, []byte(nil))
	f.Add(seed, appendFrame(nil, kindEnd, seed)[:50])
	var head encoder
	head.u16(protocolVersion)
	head.id(ID{2})
	f.Fuzz(func(t *testing.T, frames, tail []byte) {
		b := appendFrame(nil, kindJournal, head)
		for len(frames) >= 3 {
			n := min(int(frames[0])|int(frames[1])<<8, len(frames)-3)
			b = appendFrame(b, kind(frames[2]), frames[3:3+n])
			frames = frames[3+n:]
		}
		file, err := os.CreateTemp(dir, "flushbench-fuzz-")
		if err != nil {
			t.Fatal(err)
		}
		path := file.Name()
		defer func() { _ = os.Remove(path) }()
		_, err = file.Write(append(b, tail...))
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		w, err := OpenWitness(WitnessOptions{Journal: path})
		if err != nil {
			return
		}
		want := known(w)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := OpenWitness(WitnessOptions{Journal: path})
		if err != nil {
			t.Fatalf("the second time: %v", err)
		}
		if got := known(again); got != want {
			t.Errorf("the second time it says\n%swant\n%s", got, want)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// What the load saw of the risk last is what its loss is held against.
func TestStateHasTheLastSample(t *testing.T) {
	first, last := step(1), step(2)
	first.Sample, last.Sample = &ledger.Sample{At: 1, Acked: 1}, &ledger.Sample{At: 2, Acked: 2}
	if s := stateOf([]*Report{first, last}); len(s.Samples) != 1 || s.Samples[0] != *last.Sample {
		t.Errorf("samples %+v; want the last report's", s.Samples)
	}
}
