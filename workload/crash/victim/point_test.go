package victim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"flushbench/engine/binlog"
	"flushbench/engine/clock"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/judge"
)

// crashThere lets the disk crash when somebody stands at the crash point, and ends the
// load.
func crashThere(ctx context.Context, l *ledger.Ledger, mem *vfs.Mem, end func()) {
	for ctx.Err() == nil && l.Stopped() == 0 {
		clock.Sleep(100 * time.Microsecond)
	}
	mem.CrashAfter(mem.Events())
	end()
}

// protocolTrial crashes a bank under 1/1 with a commit protocol at a crash point. No write
// is torn: who stands still has none under way.
func protocolTrial(t *testing.T, protocol groupcommit.Protocol, point subject.Point, kind vfs.CrashKind, seed uint64) judge.Outcome {
	t.Helper()
	s := bankSpec("", groupcommit.Policy1, 1)
	s.Database.Stages.Protocol, s.Point, s.PointAfter = protocol, point, time.Millisecond
	o, err := (&memTrial{spec: s, kind: kind, seed: seed, after: -1}).run()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Between the two logs every crash, of each kind, leaves what the protocol says, and
// nothing else: the engine ahead, the binlog ahead, or with two-phase commit the same
// in both.
func TestBetweenTheLogs(t *testing.T) {
	for _, c := range []struct {
		protocol       groupcommit.Protocol
		engine, binlog bool
		verdict        string
	}{
		{groupcommit.TwoPhase, false, false, judge.Kept},
		{groupcommit.RedoFirst, true, false, judge.Diverged},
		{groupcommit.BinlogFirst, false, true, judge.Diverged},
	} {
		for seed, kind := range vfs.CrashKinds.All() {
			name := fmt.Sprintf("%v, %v", c.protocol, kind)
			o := protocolTrial(t, c.protocol, subject.BetweenLogs, kind, uint64(seed))
			if o.Verdict != c.verdict || o.EngineAhead > 0 != c.engine || o.BinlogAhead > 0 != c.binlog || o.Missing > 0 || o.Acked < beforePoint {
				t.Errorf("%s: %s, %d acknowledged, engine ahead %d, binlog ahead %d, missing %d: %q", name, o.Verdict, o.Acked, o.EngineAhead, o.BinlogAhead, o.Missing, o.Violations)
			}
			if int64(len(o.Differences)) != o.EngineAhead+o.BinlogAhead {
				t.Errorf("%s: %d differences are named, there are %d", name, len(o.Differences), o.EngineAhead+o.BinlogAhead)
			}
			for _, d := range o.Differences {
				if d.Engine != c.engine || d.Acked || len(d.Rows) != 2 || (d.Number == 0) != d.Engine {
					t.Errorf("%s: difference %+v", name, d)
				}
			}
			if (len(o.Rows) > 0) != (c.engine || c.binlog) {
				t.Errorf("%s: rows %v differ", name, o.Rows)
			}
		}
	}
}

// Every crash point is reached, and two-phase commit holds at each of them.
func TestEveryPoint(t *testing.T) {
	for i, p := range subject.Points.All() {
		if p == subject.Anywhere {
			continue
		}
		o := protocolTrial(t, groupcommit.TwoPhase, p, vfs.CrashKinds.All()[i%3], uint64(i))
		if o.Verdict != judge.Kept {
			t.Errorf("%v: %s: %q", p, o.Verdict, o.Violations)
		}
	}
}

// At random moments the two divergences come at least once in 20 crashes; with
// two-phase commit they never do.
func TestRandomMoments(t *testing.T) {
	for _, protocol := range groupcommit.Protocols.All() {
		crashes, diverged := 20, 0
		if protocol == groupcommit.TwoPhase {
			crashes = 6
		}
		for i := range crashes {
			s := bankSpec("", groupcommit.Policy1, 1)
			s.Database.Stages.Protocol = protocol
			o, err := (&memTrial{spec: s, kind: vfs.CrashOS, seed: uint64(i), after: 20 + 7*i}).run()
			if err != nil {
				t.Fatal(err)
			}
			if o.Verdict != judge.Kept && (protocol == groupcommit.TwoPhase || o.Verdict != judge.Diverged) {
				t.Errorf("%v, crash after %d events: %s: %q", protocol, 20+7*i, o.Verdict, o.Violations)
			}
			if protocol == groupcommit.RedoFirst && o.BinlogAhead > 0 || protocol == groupcommit.BinlogFirst && o.EngineAhead > 0 {
				t.Errorf("%v: engine ahead by %d, binlog by %d", protocol, o.EngineAhead, o.BinlogAhead)
			}
			if o.EngineAhead+o.BinlogAhead > 0 {
				diverged++
			}
			if diverged > 1 {
				break
			}
		}
		if protocol != groupcommit.TwoPhase && diverged == 0 {
			t.Errorf("%v: none of %d crashes left the logs different", protocol, crashes)
		}
	}
}

// The rows that the judge names are those, and no other, in which the recovered engine
// differs from a table that is made of the binlog alone.
func TestRowsThatDiffer(t *testing.T) {
	for _, protocol := range []groupcommit.Protocol{groupcommit.RedoFirst, groupcommit.BinlogFirst} {
		for _, kind := range []workload.Kind{workload.KindBank, workload.KindUpdate, workload.KindInsert, workload.KindWriteOnly} {
			s := bankSpec("", groupcommit.Policy1, 1)
			s.Load.Kind, s.Database.Stages.Protocol, s.Point, s.PointAfter = kind, protocol, subject.BetweenLogs, time.Millisecond
			m := &memTrial{spec: s, kind: vfs.CrashPower, seed: uint64(kind), after: -1}
			o, err := m.run()
			if err != nil {
				t.Fatal(err)
			}
			if o.Verdict != judge.Diverged {
				t.Errorf("%v, %v: %s: %q", protocol, kind, o.Verdict, o.Violations)
				continue
			}
			if want := rowsThatDiffer(t, s, m); !slices.Equal(o.Rows, want) {
				t.Errorf("%v, %v: the judge names rows %v; they are %v", protocol, kind, o.Rows, want)
			}
		}
	}
}

// rowsThatDiffer compares the rows of a trial's engine with those that its binlog makes.
func rowsThatDiffer(t *testing.T, of *Spec, m *memTrial) (keys []uint64) {
	t.Helper()
	s := of.Subject
	s.Dir, s.Seed = memDir, m.seed
	s.Engine.Capacity, s.Engine.BufferSize = 1<<20, 128<<10
	db, g, err := s.OpenDatabase(m.left)
	if err != nil {
		t.Fatal(err)
	}
	replica, most := map[uint64]string{}, g.TableRows()
	for key := range most {
		k, c := g.Row(key)
		replica[key] = fmt.Sprintf("%d %x", k, c)
	}
	o := db.Options()
	r, err := binlog.NewReader(m.left, o.BinlogDir())
	if err != nil {
		t.Fatal(err)
	}
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows, ok := e.Payload.(binlog.Rows)
		if !ok {
			continue
		}
		for _, ch := range rows.Changes {
			if rows.Kind == binlog.TypeDeleteRows {
				delete(replica, ch.Before.Key)
				continue
			}
			most = max(most, ch.After.Key+1)
			replica[ch.After.Key] = fmt.Sprintf("%d %x", ch.After.K, ch.After.C)
		}
	}
	conn, err := db.Conn(0)
	if err == nil {
		err = conn.Begin()
	}
	var row table.Row
	for key := uint64(0); key < most+2000 && err == nil; key++ {
		var found bool
		is := ""
		if found, err = conn.Read(key, &row); found {
			is = fmt.Sprintf("%d %x", row.K, row.C)
		}
		if is != replica[key] {
			keys = append(keys, key)
		}
	}
	if err = errors.Join(err, r.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	return keys
}
