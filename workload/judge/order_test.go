package judge

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/durability"
)

// What the engine has behind a transaction that it lacks, by what the two logs promise:
// where PREPAREs may be lost, one of each client, which was prepared before it. Elsewhere
// none.
func TestOrderOfTwoLogs(t *testing.T) {
	const two, redoFirst, binlogFirst = groupcommit.TwoPhase, groupcommit.RedoFirst, groupcommit.BinlogFirst
	// Transactions 1 to 6 of the binlog are of clients 0 1 2 0 1 1.
	order := []entry{{1, 0, 0, 1}, {2, 1, 0, 1}, {3, 2, 0, 1}, {4, 0, 1, 2}, {5, 1, 1, 2}, {6, 1, 2, 3}}
	for _, c := range []struct {
		name     string
		protocol groupcommit.Protocol
		kind     durability.Kind
		policies string // that it is about
		engine   []uint64
		wrong    string // "": nothing
	}{
		{"all", two, durability.Process, "0123", []uint64{2, 3, 1}, ""},
		{"the end", two, durability.OS, "02", []uint64{2, 1, 1}, ""},
		{"all but the first", two, durability.OS, "02", []uint64{0, 0, 0}, ""},
		{"two of the next client", two, durability.OS, "02", []uint64{2, 3, 0}, "client 1: the engine has sequence 3, transaction 6 of the binlog, but lacks transaction 3 before it"},
		{"one of the next client's", two, durability.OS, "02", []uint64{2, 1, 0}, ""},
		{"one of each other client", two, durability.Power, "02", []uint64{0, 1, 1}, ""},
		{"one of each other client, a process died", two, durability.Process, "0", []uint64{0, 1, 1}, ""},
		{"two of one", two, durability.Power, "02", []uint64{0, 2, 1}, "client 1: the engine has sequence 2, transaction 5 of the binlog, but lacks transaction 1 before it"},
		{"all of one", two, durability.Process, "0", []uint64{0, 3, 0}, "client 1: the engine has sequence 2"},
		{"written in order", two, durability.Process, "2", []uint64{0, 1, 1}, "client 1: the engine has sequence 1, transaction 2 of the binlog, but lacks transaction 1 before it"},
		{"flushed in order", two, durability.OS, "13", []uint64{0, 1, 1}, "client 1: the engine has sequence 1, transaction 2 of the binlog, but lacks transaction 1 before it"},
		{"flushed in order, power", two, durability.Power, "13", []uint64{2, 1, 0}, "client 0: the engine has sequence 2, transaction 4 of the binlog, but lacks transaction 3 before it"},
		{"flushed in order, a process died", two, durability.Process, "13", []uint64{1, 1, 0}, ""},
		{"committed in order, redo first", redoFirst, durability.OS, "0123", []uint64{0, 1, 0}, "client 1: the engine has sequence 1, transaction 2 of the binlog, but lacks transaction 1 before it"},
		{"committed in order, binlog first", binlogFirst, durability.OS, "0123", []uint64{2, 1, 0}, "client 0: the engine has sequence 2, transaction 4 of the binlog, but lacks transaction 3 before it"},
		{"its end, binlog first", binlogFirst, durability.Process, "0", []uint64{1, 1, 1}, ""},
	} {
		for _, name := range c.policies {
			var policy groupcommit.Policy
			if err := policy.UnmarshalText([]byte(string(name))); err != nil {
				t.Fatal(err)
			}
			s := twoLogs(policy, 1)
			s.Database.Stages.Protocol = c.protocol
			tr := &trial{Case: &Case{Subject: s, Kind: c.kind}, found: found{engine: c.engine, binlog: []uint64{2, 3, 1}, order: order}}
			tr.out.Promise = s.Promise(c.kind)
			tr.inTheOrderOfTheBinlog()
			got := strings.Join(tr.out.Violations, "; ")
			if (got == "") != (c.wrong == "") || !strings.HasPrefix(got, c.wrong) || int(tr.out.Reordered) != len(tr.out.Violations) {
				t.Errorf("%s, %v, policy %v, %v crash: %q, %d out of order; want %q", c.name, c.protocol, policy, c.kind, got, tr.out.Reordered, c.wrong)
			}
		}
	}
}

// What the recovery reports must be so.
func TestReportedDivergence(t *testing.T) {
	for _, c := range []struct {
		reported uint64
		want     string
	}{
		{1, ""},
		{0, "recovery reports the engine ahead by 0 and the binlog by 0; it is 0 and 1"},
	} {
		tr := &trial{Case: &Case{}, found: found{engine: []uint64{2, 1}, binlog: []uint64{2, 2}, binlogAhead: c.reported}}
		tr.out.BinlogAhead = 1
		tr.order()
		if got := strings.Join(tr.out.Violations, "; "); got != c.want {
			t.Errorf("reported %d: %q; want %q", c.reported, got, c.want)
		}
	}
}

// A commit, as a crash under policies 0 and 2 sees it.
type commit struct {
	client             int
	prepared, position int // in the redo log and in the binlog
}

// Whatever the order in which clients prepare and enter the binlog, and wherever the redo
// log is cut: what recovery then commits is in an order that the judge allows.
func TestOrderAllowsEveryCut(t *testing.T) {
	overtook := false
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "clients")
		var done []commit
		under := make([]int, n) // by client: where its PREPARE stands; 0: none is under way
		committed := map[int]int{}
		redo := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			client := rapid.IntRange(0, n-1).Draw(t, "client")
			redo++
			if under[client] == 0 {
				under[client] = redo
				continue
			}
			done = append(done, commit{client, under[client], len(done) + 1})
			committed[len(done)], under[client] = redo, 0 // where its COMMIT stands
		}
		cut := rapid.IntRange(0, redo).Draw(t, "cut")
		s := twoLogs(groupcommit.Policy2, 1)
		tr := &trial{Case: &Case{Subject: s, Kind: durability.Power}, found: found{engine: make([]uint64, n), binlog: make([]uint64, n)}}
		tr.out.Promise = s.Promise(durability.Power)
		last := 0 // that is not there
		for _, c := range done {
			to := tr.found.binlog[c.client] + 1
			tr.found.order = append(tr.found.order, entry{seq: uint64(c.position), client: c.client, from: to - 1, to: to})
			tr.found.binlog[c.client] = to
			if c.prepared <= cut || committed[c.position] <= cut {
				tr.found.engine[c.client] = to
				overtook = overtook || last > 0
			} else {
				last = c.position
			}
		}
		if tr.inTheOrderOfTheBinlog(); len(tr.out.Violations) > 0 {
			t.Fatalf("%+v, cut at %d: %q", done, cut, tr.out.Violations)
		}
	})
	if !overtook {
		t.Error("no cut has kept a transaction behind one that was lost")
	}
}

// A log loses from its end. What is gone in front of what is there was never written,
// or written over: a violation, whatever the policy allows to be lost.
func TestGoneFromTheMiddle(t *testing.T) {
	disk := logDisk(t, subjectOf(groupcommit.Policy1), [clients]uint64{20, 20, 20}, nil)
	for _, c := range []struct {
		end  uint64 // where sequence 21 of client 1 ended
		want string
		says string
	}{
		{ends, LostWithin, ""},
		{0, LostWithin, ""}, // not known
		{9000, Violation, "client 1: sequences 21 to 21 were acknowledged and are gone from the middle of the redo log, which ends at LSN"},
	} {
		state := atRisk(stateOf(0, [clients]uint64{20, 21, 20}), 1)
		acks := state.Clients[1].Acks
		acks[len(acks)-1].End = c.end
		o := judged(subjectOf(groupcommit.Policy2), disk, state, durability.OS)
		if o.Verdict != c.want || !strings.HasPrefix(strings.Join(o.Violations, "; "), c.says) || (o.Gaps > 0) != (c.says != "") {
			t.Errorf("it ended at %d: %s, %d gaps, %q; want %s, %q", c.end, o.Verdict, o.Gaps, o.Violations, c.want, c.says)
		}
	}
	// Of two logs it is the binlog's numbers that say so.
	for number, want := range map[uint64]string{104: "client 0: sequences 4 to 4 were acknowledged and are gone from the middle of the binlog, which ends with transaction 105", 106: ""} {
		tr := &trial{Case: &Case{Subject: twoLogs(groupcommit.Policy2, 0), Frozen: true, State: stateOf(0, [clients]uint64{4, 2, 0})}, found: found{
			engine: []uint64{3, 2, 0}, binlog: []uint64{3, 2, 0}, order: []entry{{105, 1, 1, 2}}, end: ends}}
		tr.State.Clients[0].Acks[3].End = number
		tr.claims()
		if tr.order(); strings.Join(tr.out.Violations, "; ") != want {
			t.Errorf("number %d: %q; want %q", number, tr.out.Violations, want)
		}
	}
}

// A transaction whose note is in the binlog and whose other changes are not is there in
// part, though the engine has all of it. An update of c that found the same c there has
// changed nothing.
func TestHalfInTheBinlog(t *testing.T) {
	for _, kind := range []workload.Kind{workload.KindBank, workload.KindUpdate, workload.KindWriteOnly, workload.KindInsert} {
		s := twoLogs(groupcommit.Policy2, 0)
		s.Load.Kind = kind
		g, err := s.Generator()
		if err != nil {
			t.Fatal(err)
		}
		txn := g.NewTxn(1)
		g.Next(1, 4, txn)
		updates := 0
		for _, op := range txn.Ops {
			if op.Kind == workload.OpUpdateC {
				updates++
			}
		}
		must := fmt.Sprint(len(txn.Ops))
		if updates > 0 {
			must = fmt.Sprintf("%d to %d", len(txn.Ops)-updates, len(txn.Ops))
		}
		for n, whole := range map[int]bool{len(txn.Ops): true, len(txn.Ops) - updates: true, len(txn.Ops) - updates - 1: false, len(txn.Ops) + 1: false} {
			tr := &trial{Case: &Case{Subject: s}, txns: g, found: found{binlog: []uint64{4, 4, 4}}}
			tr.enter(&notes{gtid: 9, seen: []entry{{client: 1, to: 5}}, changes: n})
			want := fmt.Sprintf("client 1: sequence 5 has %d changes in the binlog (transaction 9): must be %s", n, must)
			if whole {
				want = ""
			}
			if got := strings.Join(tr.out.Violations, "; "); got != want || (tr.out.HalfPresent > 0) == whole {
				t.Errorf("%v: %q; want %q", kind, got, want)
			}
		}
	}
}

// What was rolled back before the crash must not come back with it.
func TestRolledBackRowIsThere(t *testing.T) {
	s := twoLogs(groupcommit.Policy1, 1)
	s.Load.Kind, s.Load.RollbackShare = workload.KindInsert, 0.5
	g, err := s.Generator()
	if err != nil {
		t.Fatal(err)
	}
	client, n := uint32(0), uint64(0)
	for g.Commits(client, n) {
		n++
	}
	// The database commits it after all.
	disk := databaseDisk(t, s, n+2, func(c uint32, i uint64, txn *workload.Txn) {
		if c == client && i == n {
			txn.Rollback = false
			txn.Ops = txn.Ops[:len(txn.Ops)-1] // without its note
		}
	}, nil)
	o := judged(s, disk, kept(n+2), durability.OS)
	want := "is there: true; by the client's note it must be false"
	if o.Verdict != Violation || !strings.Contains(o.Violations[0], want) {
		t.Errorf("%s %q; want %q", o.Verdict, o.Violations, want)
	}
}

// A ledger in which a client is missing judges nobody.
func TestLedgerOfOtherClients(t *testing.T) {
	disk := logDisk(t, subjectOf(groupcommit.Policy1), [clients]uint64{5, 5, 5}, nil)
	state := stateOf(0, [clients]uint64{5, 5, 5})
	state.Clients = state.Clients[:2]
	o := judged(subjectOf(groupcommit.Policy1), disk, state, durability.OS)
	if want := "the ledger is of 2 clients: must be 3"; o.Verdict != Violation || o.Violations[0] != want {
		t.Errorf("%s %q; want %q", o.Verdict, o.Violations, want)
	}
}

// New files hold nothing: a victim that begins after a sequence has recovered what
// nobody has committed.
func TestNewFilesHoldNothing(t *testing.T) {
	disk := logDisk(t, subjectOf(groupcommit.Policy1), [clients]uint64{5, 5, 5}, nil)
	o := judged(subjectOf(groupcommit.Policy1), disk, stateOf(2, [clients]uint64{5, 5, 5}), durability.OS)
	if want := "client 0: the victim went on after sequence 2, the last recovery had ended with 0"; o.Verdict != Violation || o.Violations[0] != want {
		t.Errorf("%s %q; want %q", o.Verdict, o.Violations, want)
	}
}
