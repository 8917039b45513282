package judge

import (
	"errors"
	"strings"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/durability"
)

const (
	memDir  = "/db"
	clients = 3
	// struck is when the crashes of these tests begin: one acknowledgement is a
	// thousand nanoseconds after the other, see stateOf.
	struck = int64(1_000_000)
	// ends is where sequence 0 would end in these ledgers: what is gone was at the end
	// of its log.
	ends = uint64(1) << 32
)

func subjectOf(policy groupcommit.Policy) subject.Subject {
	s := subject.Subject{Dir: memDir, Clients: clients, Seed: 3, Sizes: workload.FixedSize(200), FSType: "ext4", Simulated: true}
	s.Engine = engine.Options{Capacity: 1 << 20, Files: 1, BufferSize: 128 << 10}
	s.Engine.Commit.Policy = policy
	return s
}

func newMem(t testing.TB) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	if err := errors.Join(mem.Mkdir(memDir), mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	return mem
}

// logDisk makes a disk on which each client has committed so many records. spoil,
// if not nil, may change the body of one before it is committed.
func logDisk(t testing.TB, s subject.Subject, commits [clients]uint64, spoil func(client uint32, seq uint64, body []byte)) *vfs.Mem {
	t.Helper()
	mem := newMem(t)
	if err := s.Create(mem); err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(s.EngineOptions(mem))
	if err != nil {
		t.Fatal(err)
	}
	bodies, err := s.Bodies()
	if err != nil {
		t.Fatal(err)
	}
	for c, n := range commits {
		x, err := e.Session(uint32(c))
		if err != nil {
			t.Fatal(err)
		}
		for seq := uint64(1); seq <= n; seq++ {
			body := append([]byte(nil), bodies.Body(uint32(c), seq)...)
			if spoil != nil {
				spoil(uint32(c), seq, body)
			}
			if err := x.Commit(body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(e.Drain(), e.Close()); err != nil {
		t.Fatal(err)
	}
	return mem
}

// stateOf is a ledger in which each client has begun one more than was
// acknowledged. Sequence n was acknowledged at struck - 1000*(last - n + 1).
func stateOf(base uint64, acked [clients]uint64) *ledger.State {
	s := &ledger.State{Began: 1}
	for _, n := range acked {
		c := ledger.Client{Opened: true, Base: base, Acked: n, Begun: n + 1, First: base + 1}
		for seq := base + 1; seq <= n; seq++ {
			c.Acks = append(c.Acks, ledger.Ack{At: struck - 1000*int64(n-seq+1), End: ends + seq})
		}
		s.Clients = append(s.Clients, c)
	}
	return s
}

// atRisk adds a sample of so many commits at risk, taken after all of them.
func atRisk(s *ledger.State, commits int64) *ledger.State {
	x := ledger.Sample{At: struck - 1, Written: 1}
	for i := range s.Clients {
		x.Acked += s.Clients[i].Acked - s.Clients[i].Base
	}
	for k := range x.Risk {
		x.Risk[k] = ledger.Risk{Commits: commits, Bytes: 200 * commits, AgeNs: 1000 * commits}
	}
	s.Samples = append(s.Samples, x)
	return s
}

func judged(s subject.Subject, fs vfs.FS, state *ledger.State, kind durability.Kind) Outcome {
	return Judge(Case{Subject: s, FS: fs, Kind: kind, State: state, Frozen: true, Began: struck, Ended: struck + 10})
}

func TestLogVerdicts(t *testing.T) {
	on := [clients]uint64{20, 20, 20}
	disk := logDisk(t, subjectOf(groupcommit.Policy1), on, nil)
	for _, c := range []struct {
		name    string
		policy  groupcommit.Policy
		kind    durability.Kind
		state   *ledger.State
		verdict string
		lost    int64
		says    string
	}{
		{"all there", groupcommit.Policy1, durability.OS, stateOf(0, on), Kept, 0, ""},
		{"more there than acknowledged", groupcommit.Policy1, durability.OS, stateOf(0, [clients]uint64{20, 19, 20}), Kept, 0, ""},
		{"one lost", groupcommit.Policy1, durability.OS, stateOf(0, [clients]uint64{20, 20, 21}), Violation, 1, "client 2: sequences 21 to 21 were acknowledged and are gone"},
		{"one lost, not flushed", groupcommit.Policy2, durability.OS, atRisk(stateOf(0, [clients]uint64{20, 20, 21}), 1), LostWithin, 1, ""},
		{"written, and the process died", groupcommit.Policy2, durability.Process, atRisk(stateOf(0, [clients]uint64{20, 20, 21}), 1), Violation, 1, "client 2: sequences 21 to 21"},
		{"one too many", groupcommit.Policy2, durability.Power, atRisk(stateOf(0, [clients]uint64{20, 22, 21}), 2), LostMore, 3, ""},
		{"before any sample", groupcommit.Policy0, durability.Process, stateOf(0, [clients]uint64{22, 20, 20}), NotPredicted, 2, ""},
		{"nobody has begun it", groupcommit.Policy2, durability.OS, stateOf(0, [clients]uint64{20, 18, 20}), Violation, 0, "client 1: the engine has sequence 20, only 19 were begun"},
		{"earlier ones gone", groupcommit.Policy2, durability.OS, stateOf(25, [clients]uint64{25, 25, 25}), Violation, 15, "client 0: sequences 21 to 25 are gone, which were recovered before"},
	} {
		o := judged(subjectOf(c.policy), disk, c.state, c.kind)
		if o.Verdict != c.verdict || o.Lost != c.lost || !strings.Contains(strings.Join(o.Violations, "\n"), c.says) {
			t.Errorf("%s: %s, lost %d, %q; want %s, %d, %q", c.name, o.Verdict, o.Lost, o.Violations, c.verdict, c.lost, c.says)
		}
		if (o.Books == nil) != (o.Verdict == Violation) {
			t.Errorf("%s: %s, but the books are %v", c.name, o.Verdict, o.Books)
		}
	}
}

func TestLogCounts(t *testing.T) {
	disk := logDisk(t, subjectOf(groupcommit.Policy1), [clients]uint64{20, 10, 5}, nil)
	o := judged(subjectOf(groupcommit.Policy2), disk, atRisk(stateOf(0, [clients]uint64{19, 14, 5}), 10), durability.OS)
	if o.Acked != 38 || o.Recovered != 34 || o.Lost != 4 || o.UnackedPresent != 1 || o.LostAgeNs != 4000 || o.EngineAhead+o.BinlogAhead != 0 {
		t.Errorf("acked %d, recovered %d, lost %d, unacknowledged %d, age %d; want 38, 34, 4, 1, 4000", o.Acked, o.Recovered, o.Lost, o.UnackedPresent, o.LostAgeNs)
	}
	if o.QuietNs != 1000 {
		t.Errorf("quiet for %d ns; want 1000", o.QuietNs)
	}
	if want := []uint64{20, 10, 5}; o.Books == nil || o.Books.Seqs[0] != want[0] || o.Books.Seqs[1] != want[1] || o.Books.Seqs[2] != want[2] {
		t.Errorf("the books say %v; want %v", o.Books, want)
	}
}

// A record whose bytes are not those that were committed is found, if it is of
// this trial.
func TestLogContents(t *testing.T) {
	disk := logDisk(t, subjectOf(groupcommit.Policy1), [clients]uint64{9, 9, 9}, func(client uint32, seq uint64, body []byte) {
		if client == 1 && seq == 4 {
			body[7]++
		}
	})
	o := judged(subjectOf(groupcommit.Policy1), disk, stateOf(0, [clients]uint64{9, 9, 9}), durability.OS)
	if o.Verdict != Violation || o.HalfPresent != 1 || !strings.Contains(o.Violations[0], "client 1: sequence 4, which ends at LSN") {
		t.Errorf("%s, %d wrong: %q", o.Verdict, o.HalfPresent, o.Violations)
	}
	c := Case{Subject: subjectOf(groupcommit.Policy1), FS: disk, Kind: durability.OS, State: stateOf(4, [clients]uint64{9, 9, 9}), Frozen: true, Began: struck, Ended: struck}
	c.Before = &Books{Seqs: []uint64{4, 4, 4}}
	if o := Judge(c); o.Verdict != Kept {
		t.Errorf("of an earlier trial: %s, %q; want it left to that trial", o.Verdict, o.Violations)
	}
}

// What cannot be recovered is a violation, not an error.
func TestUnreadable(t *testing.T) {
	o := judged(subjectOf(groupcommit.Policy0), newMem(t), stateOf(0, [clients]uint64{1, 1, 1}), durability.Power)
	if o.Verdict != Violation || !o.Unreadable || o.Books != nil || o.Acked != 3 || !strings.Contains(o.Violations[0], "recovery failed: ") {
		t.Errorf("an empty folder: %+v", o)
	}
}

// A victim must go on where the judge has left off, and a client that never came
// to begin has promised nothing.
func TestBefore(t *testing.T) {
	disk := logDisk(t, subjectOf(groupcommit.Policy1), [clients]uint64{5, 5, 5}, nil)
	c := Case{Subject: subjectOf(groupcommit.Policy1), FS: disk, Kind: durability.OS, State: stateOf(4, [clients]uint64{5, 5, 5}), Began: struck, Ended: struck}
	c.Before = &Books{Seqs: []uint64{4, 4, 4}}
	if o := Judge(c); o.Verdict != Kept {
		t.Errorf("%s: %q", o.Verdict, o.Violations)
	}
	c.Before = &Books{Seqs: []uint64{4, 3, 4}}
	if o := Judge(c); o.Verdict != Violation || !strings.Contains(o.Violations[0], "client 1: the victim went on after sequence 4, the last recovery had ended with 3") {
		t.Errorf("%s: %q", o.Verdict, o.Violations)
	}
	c.Before = &Books{Seqs: []uint64{4, 4, 5}}
	c.State.Clients[2] = ledger.Client{}
	if o := Judge(c); o.Verdict != Kept || o.Acked != 2 {
		t.Errorf("%s, acked %d: %q", o.Verdict, o.Acked, o.Violations)
	}
}

// With the load going on, what is dated after the crash began counts where nothing
// may be lost, and there alone.
func TestWhatCounts(t *testing.T) {
	disk := logDisk(t, subjectOf(groupcommit.Policy1), [clients]uint64{10, 10, 10}, nil)
	for _, c := range []struct {
		policy groupcommit.Policy
		frozen bool
		acked  int64
		lost   int64
	}{
		{groupcommit.Policy1, false, 34, 4},
		{groupcommit.Policy2, false, 27, 0},
		{groupcommit.Policy2, true, 34, 4},
	} {
		// Of the last client 14 were acknowledged, 7 of them after the crash.
		state := atRisk(stateOf(0, [clients]uint64{10, 10, 14}), 50)
		o := Judge(Case{Subject: subjectOf(c.policy), FS: disk, Kind: durability.OS, State: state, Frozen: c.frozen, Began: struck - 7000, Ended: struck - 6000})
		want := c.acked
		if !c.frozen && !o.Promise.All() {
			want = 3 + 3 + 7 // all three of them go back in time
		}
		if o.Acked != want || o.Lost != c.lost {
			t.Errorf("policy %v, frozen %v: acked %d, lost %d; want %d, %d", c.policy, c.frozen, o.Acked, o.Lost, want, c.lost)
		}
	}
}

// What the last sample before the crash calls safe must be there, though the
// policy allows a loss and no more is lost than was at risk.
func TestWhatWasCalledSafe(t *testing.T) {
	disk := logDisk(t, subjectOf(groupcommit.Policy1), [clients]uint64{20, 20, 20}, nil)
	for _, c := range []struct {
		flushed uint64
		kind    durability.Kind
		gone    int64
		verdict string
	}{
		{20, durability.OS, 0, LostWithin},
		{21, durability.OS, 3, LostMore},
		{30, durability.OS, 6, LostMore},
		{0, durability.OS, 0, LostWithin},
	} {
		state := atRisk(stateOf(0, [clients]uint64{22, 22, 22}), 6)
		state.Samples[0].Flushed = ends + c.flushed
		o := judged(subjectOf(groupcommit.Policy2), disk, state, c.kind)
		if o.SafeGone != c.gone || o.Missing != 6 || o.Lost != 6 || o.Verdict != c.verdict {
			t.Errorf("flushed up to %d: %s, %d of %d gone had been safe, predicted %+v; want %s, %d", c.flushed, o.Verdict, o.SafeGone, o.Missing, *o.Predicted, c.verdict, c.gone)
		}
	}
}

// A sampler that has stopped proves nothing, however much was at risk by then.
func TestOldSampleIsNoProof(t *testing.T) {
	disk := logDisk(t, subjectOf(groupcommit.Policy1), [clients]uint64{20, 20, 20}, nil)
	state := atRisk(stateOf(0, [clients]uint64{20, 22, 20}), 5)
	state.Samples[0].At -= int64(200 * time.Millisecond)
	if o := judged(subjectOf(groupcommit.Policy2), disk, state, durability.OS); o.Verdict != LostWithin {
		t.Errorf("nothing was acknowledged since: %s: %+v; want %s", o.Verdict, *o.Predicted, LostWithin)
	}
	state.Samples[0].Acked--
	if o := judged(subjectOf(groupcommit.Policy2), disk, state, durability.OS); o.Verdict != NotPredicted || o.Predicted.SampleAgeNs < int64(200*time.Millisecond) {
		t.Errorf("%s: %+v; want %s", o.Verdict, *o.Predicted, NotPredicted)
	}
	state.Samples[0].At, state.Samples[0].Overflow = struck-1, 1 // fresh, but the tracker was full
	if o := judged(subjectOf(groupcommit.Policy2), disk, state, durability.OS); o.Verdict != NotPredicted || !o.Predicted.Truncated {
		t.Errorf("a tracker without room: %s: %+v; want %s", o.Verdict, *o.Predicted, NotPredicted)
	}
}
