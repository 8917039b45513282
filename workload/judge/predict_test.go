package judge

import (
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/durability"
)

// sampleAt is a sample with so many commits at risk of the kind os.
func sampleAt(at int64, acked uint64, commits int64) ledger.Sample {
	s := ledger.Sample{At: at, Acked: acked, Written: 1}
	s.Risk[durability.OS] = ledger.Risk{Commits: commits, Bytes: 10 * commits, AgeNs: 100}
	return s
}

func TestPrediction(t *testing.T) {
	for _, c := range []struct {
		name    string
		policy  groupcommit.Policy
		kind    durability.Kind
		acked   uint64
		frozen  bool
		samples []ledger.Sample
		want    Prediction
	}{
		{"nothing may be lost", groupcommit.Policy1, durability.OS, 30, false, []ledger.Sample{sampleAt(900, 20, 7)}, Prediction{}},
		{"another kind", groupcommit.Policy2, durability.Process, 30, false, []ledger.Sample{sampleAt(900, 20, 7)}, Prediction{}},
		{"before any sample", groupcommit.Policy2, durability.OS, 30, false, nil, Prediction{Commits: 30, AgeNs: 990, Lost: 30, SampleAgeNs: -1, Doubt: "the tracker had not looked before the crash"}},
		{"the last sample", groupcommit.Policy2, durability.OS, 20, false, []ledger.Sample{sampleAt(500, 10, 99), sampleAt(900, 20, 7)},
			Prediction{Commits: 7, Bytes: 70, AgeNs: 200, Lost: 7, SampleAgeNs: 100}},
		{"and what came since", groupcommit.Policy2, durability.OS, 30, false, []ledger.Sample{sampleAt(900, 20, 7)},
			Prediction{Commits: 17, Bytes: 70, AgeNs: 200, Lost: 17, SampleAgeNs: 100}},
		{"no sample after it", groupcommit.Policy2, durability.OS, 30, false, []ledger.Sample{sampleAt(900, 20, 7), sampleAt(1200, 80, 60)},
			Prediction{Commits: 17, Bytes: 70, AgeNs: 200, Lost: 17, SampleAgeNs: 100}},
		{"an old one", groupcommit.Policy2, durability.OS, 30, false, []ledger.Sample{sampleAt(900-int64(100*time.Millisecond), 20, 7)},
			Prediction{Commits: 17, Bytes: 70, AgeNs: 200 + int64(100*time.Millisecond), Lost: 17, SampleAgeNs: 100 + int64(100*time.Millisecond),
				Doubt: "the tracker had not looked for 100ms"}},
	} {
		tr := &trial{Case: &Case{Subject: subjectOf(c.policy), Kind: c.kind, Frozen: c.frozen, Began: 1000, Ended: 1100,
			State: &ledger.State{Began: 10, Clients: make([]ledger.Client, 1), Samples: c.samples}}, claim: []claim{{base: 5, acked: 5 + c.acked, exact: true}}}
		if got := tr.predict(); got != c.want {
			t.Errorf("%s: %+v; want %+v", c.name, got, c.want)
		}
	}
}

// With two logs each class has a bound of its own: either log may keep more than
// is sure, and then it is ahead of the other.
func TestPredictionOfTwoLogs(t *testing.T) {
	s := ledger.Sample{At: 900, Acked: 100, Last: 100}
	s.Risk[durability.OS] = ledger.Risk{Commits: 60, Xid: 90, Prepare: 40, Commit: 30}
	sub := twoLogs(groupcommit.Policy2, 0)
	tr := &trial{Case: &Case{Subject: sub, Kind: durability.OS, Began: 1000, Ended: 1100, State: &ledger.State{Samples: []ledger.Sample{s}, Clients: []ledger.Client{
		// Three more were acknowledged while the crash went on, one after it.
		{Opened: true, Acked: 106, First: 102, Acks: []ledger.Ack{{At: 990}, {At: 1001}, {At: 1050}, {At: 1100}, {At: 1101}}},
	}}}, claim: []claim{{acked: 102, exact: true}}}
	want := Prediction{Commits: 62, AgeNs: 100, Lost: 12, EngineAhead: 15, BinlogAhead: 65, SampleAgeNs: 100}
	if got := tr.predict(); got != want {
		t.Errorf("%+v; want %+v", got, want)
	}
	tr.claim[0].exact = false
	if got := tr.predict(); !got.Truncated {
		t.Error("a history that is too short goes unnoticed")
	}
}

func TestCovers(t *testing.T) {
	p := Prediction{Commits: 10, Lost: 5, EngineAhead: 3, BinlogAhead: 7, AgeNs: 20}
	for _, c := range []struct {
		o    Outcome
		want bool
	}{
		{Outcome{Lost: 5}, true},
		{Outcome{Lost: 6}, false},
		{Outcome{Lost: 5, LostAgeNs: 20}, true},
		{Outcome{Lost: 5, LostAgeNs: 21}, false},
		{Outcome{EngineAhead: 5}, true}, // two clients may have one under way each
		{Outcome{EngineAhead: 6}, false},
		{Outcome{BinlogAhead: 9}, true},
		{Outcome{BinlogAhead: 10}, false},
	} {
		if got := p.covers(&c.o, 2); got != c.want {
			t.Errorf("%+v covers %+v: %v; want %v", p, c.o, got, c.want)
		}
	}
}

// twoLogs is a bank with a binlog.
func twoLogs(policy groupcommit.Policy, sync int) subject.Subject {
	s := subjectOf(policy)
	s.Load = workload.Spec{Kind: workload.KindBank, Rows: 20, RowBytes: 40}
	s.Database.BufferPool = 16 << 20
	s.Database.Binlog.Enabled, s.Database.Binlog.Growth = true, vfs.GrowAppend
	s.Database.Stages.SyncBinlog = sync
	return s
}
