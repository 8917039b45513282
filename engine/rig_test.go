package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

const dir = "/log"

// bodyOf is what a client commits with a sequence: its size and bytes follow
// from the two, so that a judge can check them without having seen them.
func bodyOf(client uint32, seq uint64, sizes []int) []byte {
	h := fnv.New64a()
	var key [12]byte
	binary.LittleEndian.PutUint32(key[:], client)
	binary.LittleEndian.PutUint64(key[4:], seq)
	h.Write(key[:])
	z := h.Sum64()
	body := make([]byte, sizes[z%uint64(len(sizes))])
	for i := range body {
		z = z*6364136223846793005 + 1442695040888963407
		body[i] = byte(z >> 56)
	}
	return body
}

// ledger is what the clients know: what they appended, and what was
// acknowledged. It lives outside of the disk that crashes.
type ledger struct {
	mu struct {
		sync.Mutex
		entries []entry
	}
}

type entry struct {
	client uint32
	seq    uint64
	end    lsn.LSN
	acked  bool
}

func (l *ledger) add(e entry) {
	l.mu.Lock()
	l.mu.entries = append(l.mu.entries, e)
	l.mu.Unlock()
}

// life is one opening of an engine, with its clients.
type life struct {
	e        *Engine
	led      *ledger
	sizes    []int
	sessions []*Session
	waiters  []*groupcommit.Waiter
	queue    *groupcommit.Queue
}

const clients = 4

func openLife(o Options, led *ledger, sizes []int) (*life, error) {
	e, err := Open(o)
	if err != nil {
		return nil, err
	}
	l := &life{e: e, led: led, sizes: sizes, queue: groupcommit.NewQueue()}
	for c := range uint32(clients) {
		s, err := e.Session(c)
		if err != nil {
			return nil, err
		}
		l.sessions = append(l.sessions, s)
		l.waiters = append(l.waiters, groupcommit.NewAsyncWaiter(l.queue))
	}
	return l, nil
}

// commit commits once and enters the result.
func (l *life) commit(client uint32) error {
	s := l.sessions[client]
	before := s.End()
	err := s.Commit(bodyOf(client, s.Seq()+1, l.sizes))
	if s.End() != before {
		l.led.add(entry{client, s.Seq(), s.End(), err == nil})
	}
	return err
}

// batch commits once for every client without waiting in between.
func (l *life) batch() error {
	var errs []error
	open := 0
	ends := make([]entry, clients)
	for c := range uint32(clients) {
		s := l.sessions[c]
		w := l.waiters[c]
		w.Tag = uint64(c)
		if err := s.CommitAsync(bodyOf(c, s.Seq()+1, l.sizes), w); err != nil {
			errs = append(errs, err)
			continue
		}
		ends[c] = entry{client: c, seq: s.Seq(), end: s.End()}
		open++
	}
	for open > 0 {
		for w := l.queue.Wait(nil); w != nil; w = w.Next() {
			e := ends[w.Tag]
			e.acked = w.Err() == nil
			l.led.add(e)
			errs = append(errs, w.Err())
			open--
		}
	}
	return errors.Join(errs...)
}

// parallel lets every client commit n times on its own.
func (l *life) parallel(n int) error {
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for c := range uint32(clients) {
		wg.Go(func() {
			for range n {
				if errs[c] = l.commit(c); errs[c] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// newDisk returns an in-memory disk with a folder for the log.
func newDisk(t testing.TB) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	if err := errors.Join(mem.Mkdir(dir), mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	return mem
}

// smallest returns the options of the smallest engine.
func smallest(fs vfs.FS) Options {
	return Options{FS: fs, Dir: dir, Capacity: redo.MinCapacity, Files: 1, BufferSize: redo.MinBuffer, Clients: clients,
		Commit: groupcommit.Config{Policy: groupcommit.Policy1, Interval: groupcommit.MaxInterval}}
}

// created returns a disk with a new engine on it, all of it durable, that can
// be copied by copyDisk any number of times.
func created(t testing.TB, o Options) *vfs.Mem {
	t.Helper()
	mem := newDisk(t)
	o.FS = mem
	if err := Create(o); err != nil {
		t.Fatal(err)
	}
	return mem
}

func copyDisk(m *vfs.Mem) *vfs.Mem { return m.Crash(vfs.CrashProcess, vfs.CrashOptions{}) }

// within fails the test if f does not return.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	if stuck := seeds.Hangs(f); stuck != "" {
		t.Fatalf("%s %s", what, stuck)
	}
}

// judge holds a recovered log against the ledger.
type judge struct {
	led     *ledger
	sizes   []int
	acked   bool    // every acknowledged commit must be there
	atLeast lsn.LSN // and every record that ends at or below this
	mayFail bool    // nothing was flushed: the log may be found damaged
}

// check recovers a disk without changing it and says what is wrong.
func (j judge) check(fs vfs.FS) (Recovered, string) {
	var last lsn.LSN
	wrong := ""
	rec, err := Recover(fs, dir, func(client uint32, seq uint64, body []byte, end lsn.LSN) error {
		if want := bodyOf(client, seq, j.sizes); string(body) != string(want) {
			wrong = fmt.Sprintf("client %d, sequence %d: the body is another one", client, seq)
		}
		if end <= last {
			wrong = fmt.Sprintf("a record that ends at %v after one that ends at %v", end, last)
		}
		last = end
		return nil
	})
	switch {
	case err != nil && j.mayFail:
		return rec, wrong
	case err != nil:
		return rec, "Recover: " + err.Error()
	case wrong != "":
		return rec, wrong
	}
	return rec, j.compare(rec)
}

func (j judge) compare(rec Recovered) string {
	j.led.mu.Lock()
	defer j.led.mu.Unlock()
	for _, e := range j.led.mu.entries {
		there := e.seq <= rec.LastSeq(e.client)
		switch {
		case j.acked && e.acked && !there:
			return fmt.Sprintf("client %d, sequence %d was acknowledged and is lost: it ended at %v, the log ends at %v (%s)", e.client, e.seq, e.end, rec.End, rec.EndReason)
		case e.end <= j.atLeast && !there:
			return fmt.Sprintf("client %d, sequence %d is lost: it ended at %v, the log was safe up to %v and ends at %v (%s)", e.client, e.seq, e.end, j.atLeast, rec.End, rec.EndReason)
		case there != (e.end <= rec.End):
			return fmt.Sprintf("client %d, sequence %d ends at %v, the log at %v; recovered: %v", e.client, e.seq, e.end, rec.End, there)
		}
	}
	return ""
}

// logPolicies are the policies that differ for one log: 3 is the same as 1.
var logPolicies = []groupcommit.Policy{groupcommit.Policy1, groupcommit.Policy2, groupcommit.Policy0}
