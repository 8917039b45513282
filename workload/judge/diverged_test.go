package judge

import (
	"fmt"
	"strings"
	"testing"

	"flushbench/engine/bufpool"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/durability"
)

// tornPair is a trial whose clients have acknowledged 10 transactions each, and begun
// one more; the engine and the binlog hold so many of client 0, and all of the others.
func tornPair(t *testing.T, protocol groupcommit.Protocol, policy groupcommit.Policy, sync int, engine, binlog uint64) *trial {
	t.Helper()
	s := twoLogs(policy, sync)
	s.Load.Kind, s.Database.Stages.Protocol = workload.KindBank, protocol
	state := stateOf(0, [clients]uint64{10, 10, 10})
	for i := range state.Clients {
		state.Clients[i].Begun = 13
	}
	g, err := s.Generator()
	if err != nil {
		t.Fatal(err)
	}
	tr := &trial{Case: &Case{Subject: s, Kind: durability.OS, Frozen: true, Began: 1 << 40, Ended: 1 << 40, State: state}, txns: g}
	tr.out.Promise = s.Promise(tr.Kind)
	tr.found.engine, tr.found.binlog = []uint64{engine, 10, 10}, []uint64{binlog, 10, 10}
	for seq := uint64(1); seq <= binlog; seq++ {
		tr.found.order = append(tr.found.order, entry{seq: 100 + seq, client: 0, from: seq - 1, to: seq})
	}
	tr.found.engineAhead, tr.found.binlogAhead = max(engine, binlog)-binlog, max(engine, binlog)-engine
	tr.claims()
	p := tr.predict()
	tr.out.Predicted = &p
	tr.compare()
	tr.diverge()
	tr.hold()
	tr.verdict()
	return tr
}

// Without two-phase commit one log may have, of each client, the one transaction that
// was on its way and that nobody was told of. What goes beyond is a violation: another
// one, one in the other log, one that was acknowledged; and with two-phase commit any.
func TestBeyondTheProtocol(t *testing.T) {
	redoFirst, binlogFirst, both := groupcommit.RedoFirst, groupcommit.BinlogFirst, groupcommit.TwoPhase
	for _, c := range []struct {
		protocol       groupcommit.Protocol
		engine, binlog uint64
		verdict, says  string
	}{
		{redoFirst, 10, 10, Kept, ""},
		{redoFirst, 11, 11, Kept, ""},
		{redoFirst, 11, 10, Diverged, ""},
		{redoFirst, 12, 10, Violation, "client 0: the engine alone has 2 transactions, up to sequence 12"},
		{redoFirst, 10, 9, Violation, "client 0: sequences 10 to 10 were acknowledged and are gone"},
		{redoFirst, 10, 11, Violation, "the binlog is ahead by 1 transactions of a redo log that keeps all"},
		{binlogFirst, 10, 11, Diverged, ""},
		{binlogFirst, 10, 12, Violation, "client 0: the binlog alone has 2 transactions, up to sequence 12"},
		{binlogFirst, 9, 10, Violation, "client 0: sequences 10 to 10 were acknowledged and are gone"},
		{binlogFirst, 11, 10, Violation, "the engine is ahead by 1 transactions of a binlog that keeps all"},
		{both, 11, 10, Violation, "the engine is ahead"},
		{both, 10, 11, Violation, "the binlog is ahead"},
	} {
		o := tornPair(t, c.protocol, groupcommit.Policy1, 1, c.engine, c.binlog).out
		if o.Verdict != c.verdict || !strings.Contains(strings.Join(o.Violations, "\n"), c.says) {
			t.Errorf("%v, engine %d, binlog %d: %s %q; want %s %q", c.protocol, c.engine, c.binlog, o.Verdict, o.Violations, c.verdict, c.says)
		}
	}
	// Where the binlog may lose everything, what was acknowledged may be in the engine
	// alone: that is a loss, and it was not predicted.
	if o := tornPair(t, redoFirst, groupcommit.Policy1, 0, 10, 4).out; o.Verdict == Diverged || o.Verdict == Kept || len(o.Violations) > 0 {
		t.Errorf("acknowledged and in the engine alone: %s %q", o.Verdict, o.Violations)
	}
	if o := tornPair(t, redoFirst, groupcommit.Policy1, 0, 9, 9).out; o.Verdict != Violation {
		t.Errorf("acknowledged and not in the engine, which keeps all: %s", o.Verdict)
	}
}

// Each transaction that one log has alone is named with its rows, and so are the rows
// that differ for it.
func TestDifferencesAreNamed(t *testing.T) {
	for _, engine := range []bool{true, false} {
		tr := tornPair(t, groupcommit.TwoPhase, groupcommit.Policy2, 0, 8, 11)
		if engine {
			tr = tornPair(t, groupcommit.TwoPhase, groupcommit.Policy2, 0, 11, 8)
		}
		net := map[uint64]int64{}
		txn := tr.txns.NewTxn(0)
		o := &tr.out
		if len(o.Differences) != 3 {
			t.Fatalf("%d differences: %+v", len(o.Differences), o.Differences)
		}
		for i, d := range o.Differences {
			tr.txns.Next(0, uint64(8+i), txn)
			number := uint64(0)
			if !engine {
				number = 109 + uint64(i)
			}
			rows := map[uint64]bool{}
			for _, op := range txn.Ops {
				net[op.Key] += op.Delta
				if op.Key < tr.txns.Spec().Rows {
					rows[op.Key] = true
				}
			}
			if d.Client != 0 || d.Seq != uint64(9+i) || d.Engine != engine || d.Number != number || d.Acked != (d.Seq <= 10) || len(d.Rows) != len(rows) {
				t.Errorf("difference %d: %+v; rows %v", i, d, rows)
			}
			for _, key := range d.Rows {
				if !rows[key] {
					t.Errorf("difference %d names row %d", i, key)
				}
			}
		}
		want := 0
		for _, delta := range net {
			if delta != 0 {
				want++
			}
		}
		for i, key := range o.Rows {
			if net[key] == 0 || i > 0 && o.Rows[i-1] >= key {
				t.Errorf("rows %v; %d has not changed, or they are not in order", o.Rows, key)
			}
		}
		if len(o.Rows) != want {
			t.Errorf("%d rows differ: %v; want %d", len(o.Rows), o.Rows, want)
		}
	}
}

// A torn page is a violation where there was a copy of it, and where only the process
// died; without a doublewrite file it is what the setting allows, and proves nothing.
func TestTornPage(t *testing.T) {
	torn := fmt.Errorf("engine: open: %w", &bufpool.DamageError{File: "table.pages", Reason: "wrong checksum"})
	for _, c := range []struct {
		bare bool
		kind durability.Kind
		err  error
		want string
	}{
		{true, durability.Power, torn, NotPredicted},
		{true, durability.OS, torn, NotPredicted},
		{true, durability.Process, torn, Violation},
		{false, durability.Power, torn, Violation},
		{true, durability.Power, fmt.Errorf("redo.0 is damaged"), Violation},
	} {
		s := twoLogs(groupcommit.Policy1, 1)
		s.Load.Kind, s.Database.NoDoublewrite = workload.KindBank, c.bare
		tr := &trial{Case: &Case{Subject: s, Kind: c.kind}}
		tr.out.Predicted, tr.out.Books = &Prediction{}, &Books{}
		tr.unreadable(c.err)
		tr.verdict()
		if o := tr.out; o.Verdict != c.want || !o.Unreadable || o.Books != nil || (o.Damage != "") != (c.want == NotPredicted) {
			t.Errorf("doublewrite %v, %v, %v: %s, unreadable %v, damage %q", !c.bare, c.kind, c.err, o.Verdict, o.Unreadable, o.Damage)
		}
	}
}
