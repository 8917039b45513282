package plug

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/crash/victim"
	"flushbench/workload/judge"
)

const testClients = 4

// aSubject is a small workload log.
func aSubject(policy groupcommit.Policy, method vfs.Method) subject.Subject {
	s := subject.Subject{Clients: testClients, Seed: 7, Sizes: workload.FixedSize(256), FSType: "ext4"}
	s.Engine = engine.Options{Capacity: 4 << 20, Files: 2, BufferSize: 1 << 20, Method: method}
	s.Engine.Commit = groupcommit.Config{Policy: policy, Interval: 20 * time.Millisecond}
	return s
}

// aBank is a small bank with a binlog.
func aBank(policy groupcommit.Policy, sync int) subject.Subject {
	s := aSubject(policy, vfs.Fdatasync)
	s.Load = workload.Spec{Kind: workload.KindBank, Rows: 50, RowBytes: 40}
	s.Database.BufferPool = 16 << 20
	s.Database.Binlog = engine.BinlogOptions{Enabled: true, Growth: vfs.GrowAppend, Format: binlog.FormatRow}
	s.Database.Stages.SyncBinlog = sync
	return s
}

// watching is a Progress of functions.
type watching struct {
	ready    func()
	reported func(acked uint64)
	notes    atomic.Int32
}

func (w *watching) Ready() {
	if w.ready != nil {
		w.ready()
	}
}

func (w *watching) Reported(acked uint64, _ time.Duration) {
	if w.reported != nil {
		w.reported(acked)
	}
}

func (w *watching) Note(string) { w.notes.Add(1) }

// memLoad is a load on a disk in memory.
type memLoad struct {
	load
	mem  *vfs.Mem
	disk vfs.FS // mem, or mem under something
	p    *reporter
	see  watching
	lies atomic.Bool // of a liar
}

const memDir = "/db"

// newMemLoad opens a run of that name at a witness.
func newMemLoad(t *testing.T, addr, name string, s subject.Subject) *memLoad {
	t.Helper()
	s.Dir = memDir
	m := &memLoad{mem: vfs.NewMem()}
	m.disk = m.mem
	if err := errors.Join(m.mem.Mkdir(memDir), m.mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	c := &LoadConfig{Witness: addr, Name: name, Subject: s, Duration: time.Minute, Every: time.Millisecond, Progress: &m.see}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	m.load = load{LoadConfig: c, spec: victim.Spec{Subject: s, Rate: 2000, Limit: c.Duration}}
	w := dialed(t, addr)
	o := anOpening(t, name)
	if err := w.open(o); err != nil {
		t.Fatal(err)
	}
	m.p = &reporter{addr: addr, id: o.id, witness: w.witness, every: c.Every, patience: c.Patience, progress: c.Progress}
	t.Cleanup(m.p.hangUp)
	return m
}

// cut runs the load until the disk has lost its power, so many events after it
// was ready, and judges what is left.
func (m *memLoad) cut(t *testing.T, after int, seed uint64) judge.Outcome {
	t.Helper()
	m.see.ready = func() {
		m.lies.Store(true)
		m.mem.CrashAfter(m.mem.Events() + after)
	}
	failed, err := m.commit(context.Background(), m.disk, m.p)
	if !failed || !errors.Is(err, vfs.ErrCrashed) {
		t.Fatalf("commit() = %v, %v; want the crash", failed, err)
	}
	_, reports, err := dialed(t, m.Witness).fetch(m.p.id)
	if err != nil {
		t.Fatal(err)
	}
	return judgeRun(m.spec.Subject, m.mem.Crash(vfs.CrashPower, vfs.CrashOptions{Torn: true, Seed: seed}), reports)
}

// unsure reports whether a loss would be within the window, but for a machine that
// was too busy to look: that is its right.
func unsure(o judge.Outcome, want string) bool {
	return want == judge.LostWithin && o.Verdict == judge.NotPredicted
}

// What an honest disk may lose the judge allows, and what it must keep it finds;
// a disk that never flushes is found out.
func TestCutInMemory(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	s := serve(t, aJournal(t), aPort(t), 0)
	for _, c := range []struct {
		name    string
		subject subject.Subject
		want    string
		loses   bool // something, in one of a few cuts
		rate    float64
	}{
		{"log-1", aSubject(groupcommit.Policy1, vfs.Fdatasync), judge.Kept, false, 2000},
		{"log-1-closed", aSubject(groupcommit.Policy1, vfs.Fdatasync), judge.Kept, false, 0},
		{"log-2", aSubject(groupcommit.Policy2, vfs.Fdatasync), judge.LostWithin, true, 2000},
		{"log-0", aSubject(groupcommit.Policy0, vfs.Fdatasync), judge.LostWithin, true, 2000},
		{"log-1-liar", aSubject(groupcommit.Policy1, vfs.None), judge.Violation, true, 2000},
		{"bank-1-1", aBank(groupcommit.Policy1, 1), judge.Kept, false, 1000},
		{"bank-2-1", aBank(groupcommit.Policy2, 1), judge.LostWithin, false, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := map[string]int{}
			for i := range 6 {
				m := newMemLoad(t, s.addr, fmt.Sprintf("%s-%d", c.name, i), c.subject)
				m.spec.Rate = c.rate
				after := 40 + rng.IntN(200)
				if c.subject.Engine.Commit.Policy == groupcommit.Policy0 {
					after = 3 + rng.IntN(6) // nothing but the timer writes
				}
				o := m.cut(t, after, rng.Uint64())
				seen[o.Verdict]++
				if o.Verdict != c.want && o.Verdict != judge.Kept && !unsure(o, c.want) {
					t.Fatalf("%s: %+v, predicted %+v", o.Verdict, o, *o.Predicted)
				}
				if o.Verdict != judge.Kept && o.Lost > 0 && o.LostAgeNs <= 0 {
					t.Errorf("%d were lost, the oldest %d ns old", o.Lost, o.LostAgeNs)
				}
				if c.loses && o.Lost > 0 || !c.loses && i == 1 {
					return
				}
			}
			t.Errorf("nothing was lost: the verdicts are %v", seen)
		})
	}
}

// liar is a disk that says that it has flushed its log and has not, from some
// moment on.
type liar struct {
	vfs.FS
	now *atomic.Bool
}

func (l liar) Create(p string, m vfs.Method) (vfs.File, error) { return l.wrap(l.FS.Create(p, m)) }
func (l liar) Open(p string, m vfs.Method) (vfs.File, error)   { return l.wrap(l.FS.Open(p, m)) }

func (l liar) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil || !strings.Contains(f.Name(), "redo.") {
		return f, err
	}
	return lyingFile{f, l.now}, nil
}

type lyingFile struct {
	vfs.File
	now *atomic.Bool
}

func (f lyingFile) Flush() error {
	if f.now.Load() {
		return nil
	}
	return f.File.Flush()
}

// A disk that lies is found out, also where a cut may take the last interval:
// then it takes more than that.
func TestLiarIsFoundOut(t *testing.T) {
	t.Parallel()
	s := serve(t, aJournal(t), aPort(t), 0)
	for policy, want := range map[groupcommit.Policy]string{groupcommit.Policy1: judge.Violation, groupcommit.Policy2: judge.LostMore} {
		var o judge.Outcome
		for i := range 10 {
			m := newMemLoad(t, s.addr, fmt.Sprintf("liar-%v-%d", policy, i), aSubject(policy, vfs.Fdatasync))
			m.disk = liar{m.mem, &m.lies}
			if o = m.cut(t, 200, uint64(i)); o.Verdict == want {
				break
			}
		}
		if o.Verdict != want {
			t.Errorf("policy %v: %s: %+v, predicted %+v; want %s", policy, o.Verdict, o, *o.Predicted, want)
		}
	}
}

// A witness that is started again in the middle of a load, more than once, misses
// nothing, and the load goes on meanwhile.
func TestWitnessRestarts(t *testing.T) {
	t.Parallel()
	journal := aJournal(t)
	on := aPort(t)
	s := serve(t, journal, on, 0)
	m := newMemLoad(t, s.addr, "one", aSubject(groupcommit.Policy1, vfs.Fdatasync))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	progress := make(chan uint64, 1)
	m.see.reported = func(acked uint64) {
		select {
		case progress <- acked:
		default:
		}
	}
	ended := make(chan error, 1)
	go func() {
		_, err := m.commit(ctx, m.mem, m.p)
		ended <- err
	}()
	witnessed := func(n uint64) {
		t.Helper()
		for {
			select {
			case acked := <-progress:
				if acked >= n {
					return
				}
			case err := <-ended:
				t.Fatalf("the load ended: %v", err)
			case <-time.After(time.Minute):
				t.Fatal("no report for a minute")
			}
		}
	}
	witnessed(50)
	for i := range uint64(3) {
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		s = serve(t, journal, on, 0)
		witnessed(100 * (i + 1))
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	sum, reports, err := dialed(t, s.addr).fetch(m.p.id)
	if err != nil || sum.ended != "it was interrupted" {
		t.Fatalf("ended %q, %v", sum.ended, err)
	}
	last := reports[len(reports)-1]
	held := m.p.ledger.Read()
	for i, c := range held.Clients {
		if got := last.Lanes[i]; got.Acked != c.Acked || got.Base != c.Base {
			t.Errorf("client %d: the witness has %+v, the ledger %d to %d", i, got, c.Base, c.Acked)
		}
	}
	if m.see.notes.Load() == 0 {
		t.Error("nobody was told that the witness was gone")
	}
}

// A load does not go on for ever without a witness, nor with one that has
// forgotten it.
func TestLoadWithoutWitness(t *testing.T) {
	t.Parallel()
	for _, another := range []bool{false, true} {
		on := aPort(t)
		s := serve(t, aJournal(t), on, 0)
		m := newMemLoad(t, s.addr, "one", aSubject(groupcommit.Policy1, vfs.Fdatasync))
		m.p.patience = 300 * time.Millisecond
		want := "was gone for"
		m.see.ready = func() {
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			if another {
				serve(t, aJournal(t), on, 0)
			} else {
				_ = on.TCPListener.Close()
			}
		}
		if another {
			want, m.p.patience = "is another one now", time.Minute
		}
		if failed, err := m.commit(context.Background(), m.mem, m.p); failed || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the load ends with %v, %v; want %q", failed, err, want)
		}
	}
	const addr = "127.0.0.1:1" // nobody listens there
	if _, err := dial(context.Background(), addr); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("dial() = %v; want an error that names %s", err, addr)
	}
}

func TestLoadConfig(t *testing.T) {
	good := LoadConfig{Name: "one", Subject: aSubject(groupcommit.Policy1, vfs.Fdatasync), Duration: time.Second}
	if err := good.Validate(); err != nil || good.Every != DefaultEvery || good.Patience != DefaultPatience {
		t.Fatalf("Validate() = %v, %+v", err, good)
	}
	for what, spoil := range map[string]func(c *LoadConfig){
		"small letters": func(c *LoadConfig) { c.Name = "One" },
		"clients":       func(c *LoadConfig) { c.Subject.Clients = MaxClients + 1 },
		"report every":  func(c *LoadConfig) { c.Every = time.Second },
		"patience":      func(c *LoadConfig) { c.Patience = -1 },
		"duration":      func(c *LoadConfig) { c.Duration = 0 },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("Validate() = %v; want %q", err, what)
		}
	}
}

// stateOf against a ledger that has seen everything: the sequences are the same,
// and no time is later than it was, nor earlier than the report before.
func TestStateOf(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const clients = 3
		type ack struct {
			seq uint64
			at  int64
		}
		var acks [clients][]ack
		var base [clients]uint64
		now, reports, ends := int64(100), []*Report(nil), []int64(nil)
		began := now
		for i := range base {
			base[i] = rapid.Uint64Max(9).Draw(rt, "base")
		}
		for n := range rapid.IntRange(1, 8).Draw(rt, "reports") {
			r := &Report{Number: uint64(n + 1), Began: began}
			for range rapid.IntRange(0, 12).Draw(rt, "commits") {
				now += rapid.Int64Range(1, 5).Draw(rt, "wait")
				c := rapid.IntRange(0, clients-1).Draw(rt, "client")
				acks[c] = append(acks[c], ack{base[c] + uint64(len(acks[c])) + 1, now})
			}
			for c := range clients {
				l := Lane{Base: base[c], Acked: base[c]}
				if k := len(acks[c]); k > 0 {
					l.Acked, l.At = acks[c][k-1].seq, acks[c][k-1].at
				}
				r.Lanes = append(r.Lanes, l)
			}
			now++
			r.At = now
			if r.check() != nil {
				rt.Fatal(r.check())
			}
			reports, ends = append(reports, r), append(ends, now)
		}
		forgotten := rapid.IntRange(0, len(reports)-1).Draw(rt, "forgotten")
		reports, ends = reports[forgotten:], ends[forgotten:]
		s := stateOf(reports)
		for c, got := range s.Clients {
			want := acks[c]
			if !got.Opened || got.Base != base[c] || got.Acked != base[c]+uint64(len(want)) {
				rt.Fatalf("client %d: %+v; want %d to %d", c, got, base[c], base[c]+uint64(len(want)))
			}
			for _, a := range want {
				x, ok := got.At(a.seq)
				if forgotten == 0 && !ok || ok && (x.At > a.at || x.At < before(began, a.at, ends, reports, c)) {
					rt.Fatalf("client %d, sequence %d: %+v, %v; it was at %d", c, a.seq, x, ok, a.at)
				}
			}
		}
	})
}

// before is the last time of a client in the reports that came before at, or the
// begin.
func before(began, at int64, ends []int64, reports []*Report, client int) int64 {
	t := began
	for i, end := range ends {
		if end < at {
			t = max(t, reports[i].Lanes[client].At)
		}
	}
	return t
}

// The reporter's look never says less than the ledger did before, nor more than
// it does afterwards, and its sample is no newer than its lanes.
func TestLook(t *testing.T) {
	l, err := ledger.New(ledger.Config{Clients: 2, History: ledgerHistory, Samples: ledgerSamples})
	if err != nil {
		t.Fatal(err)
	}
	p := &reporter{ledger: l}
	for c := range 2 {
		l.Lane(c).Open(uint64(10 * c))
	}
	l.Begin(5)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := uint64(1); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			for c := range 2 {
				l.Lane(c).Begin(uint64(10*c) + n)
				l.Lane(c).Ack(uint64(10*c)+n, int64(n), 0, 0)
			}
			l.Record(&ledger.Sample{At: int64(n), Acked: l.Acked()})
		}
	}()
	for range 2000 {
		before := l.Acked()
		r := p.look()
		after := l.Acked()
		if n := r.Acked(); n < before || n > after {
			t.Fatalf("the report has %d, the ledger had %d before and %d after it", n, before, after)
		}
		if r.Sample != nil && r.Sample.Acked > r.Acked() {
			t.Fatalf("the sample has %d, the lanes %d", r.Sample.Acked, r.Acked())
		}
		if p.last != nil {
			if err := r.after(p.last); err != nil {
				t.Fatal(err)
			}
		}
		p.last = r
	}
	close(stop)
	<-done
}
