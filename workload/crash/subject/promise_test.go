package subject

import (
	"testing"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/durability"
)

// What each pair of policies promises, by crash kind; and that a flush method which
// flushes nothing promises no less, and is expected to keep no word.
func TestPromise(t *testing.T) {
	all, none := Promise{Redo: true, Binlog: true}, Promise{}
	all3 := Promise{Redo: true, Binlog: true, Engine: true}
	for _, c := range []struct {
		policy  groupcommit.Policy
		sync    int // below 0: no binlog
		process Promise
		os      Promise
	}{
		{groupcommit.Policy1, -1, all, all},
		{groupcommit.Policy2, -1, all, Promise{Binlog: true}},
		{groupcommit.Policy0, -1, Promise{Binlog: true}, Promise{Binlog: true}},
		{groupcommit.Policy1, 1, all, all},
		{groupcommit.Policy1, 100, all, Promise{Redo: true}},
		{groupcommit.Policy3, 1, all3, all3},
		{groupcommit.Policy3, 0, all3, Promise{Redo: true, Engine: true}},
		{groupcommit.Policy2, 1, all, Promise{Binlog: true}},
		{groupcommit.Policy0, 0, Promise{Binlog: true}, none},
	} {
		for _, method := range []vfs.Method{vfs.Fdatasync, vfs.None} {
			s := Subject{FSType: "ext4"}
			s.Engine.Commit.Policy, s.Engine.Method, s.Database.Binlog.Method = c.policy, method, method
			if c.sync >= 0 {
				s.Load.Kind = workload.KindBank
				s.Database.Binlog.Enabled, s.Database.Stages.SyncBinlog = true, c.sync
			}
			for kind, want := range map[durability.Kind]Promise{durability.Process: c.process, durability.OS: c.os, durability.Power: c.os} {
				if got := s.Promise(kind); got != want {
					t.Errorf("policy %v, sync_binlog %d, %v, %v crash: %+v; want %+v", c.policy, c.sync, method, kind, got, want)
				}
			}
			if got := s.Expect(durability.OS); method == vfs.None && got.All() {
				t.Errorf("policy %v, sync_binlog %d, %v: expected to keep %+v", c.policy, c.sync, method, got)
			}
		}
	}
}

// What an opener has made is durable after Settle where the methods flush nothing,
// and left to them where they flush.
func TestSettle(t *testing.T) {
	for method, kept := range map[vfs.Method]bool{vfs.None: true, vfs.Fdatasync: false} {
		mem := vfs.NewMem()
		if err := mem.Mkdir("/db"); err != nil {
			t.Fatal(err)
		}
		if err := mem.SyncDir("/"); err != nil {
			t.Fatal(err)
		}
		f, err := mem.Create("/db/redo.0", vfs.None)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("head"), 0); err != nil {
			t.Fatal(err)
		}
		s, before := Subject{Dir: "/db"}, mem.Counts()
		s.Engine.Method = method
		if err := s.Settle(mem); err != nil {
			t.Fatal(err)
		}
		if flushed := mem.Counts() != before; flushed != kept {
			t.Errorf("flush method %v: flushed %v; want %v", method, flushed, kept)
		}
		if !kept {
			continue
		}
		after := mem.Crash(vfs.CrashPower, vfs.CrashOptions{})
		if n, _, err := after.Stat("/db/redo.0"); err != nil || n != 4 {
			t.Errorf("flush method %v: %d bytes, %v after a power cut; want 4", method, n, err)
		}
	}
}

// Without two-phase commit one log may be ahead by what nobody was told of, of each
// client, and the engine keeps what its own log keeps.
func TestPromiseOfProtocols(t *testing.T) {
	for _, c := range []struct {
		protocol groupcommit.Protocol
		policy   groupcommit.Policy
		sync     int
		os       Promise
	}{
		{groupcommit.RedoFirst, groupcommit.Policy1, 1, Promise{Redo: true, Binlog: true, Engine: true, EngineFirst: true}},
		{groupcommit.BinlogFirst, groupcommit.Policy1, 1, Promise{Redo: true, Binlog: true, Engine: true, BinlogFirst: true}},
		{groupcommit.RedoFirst, groupcommit.Policy1, 0, Promise{Redo: true, Engine: true, EngineFirst: true}},
		{groupcommit.BinlogFirst, groupcommit.Policy2, 1, Promise{Binlog: true, BinlogFirst: true}},
	} {
		s := Subject{FSType: "ext4"}
		s.Engine.Commit.Policy, s.Load.Kind = c.policy, workload.KindBank
		s.Database.Binlog.Enabled, s.Database.Stages.SyncBinlog, s.Database.Stages.Protocol = true, c.sync, c.protocol
		if got := s.Promise(durability.OS); got != c.os {
			t.Errorf("%v, %v/%d: %+v; want %+v", c.protocol, c.policy, c.sync, got, c.os)
		}
	}
	bare := Subject{FSType: "ext4"}
	bare.Engine.Commit.Policy, bare.Load.Kind, bare.Database.NoDoublewrite = groupcommit.Policy1, workload.KindBank, true
	if p := bare.Promise(durability.Power); p.All() || !bare.Promise(durability.Process).All() {
		t.Errorf("without doublewrite a power cut is promised %+v", p)
	}
	if bare.Load.Kind = workload.KindLog; !bare.Promise(durability.Power).All() {
		t.Error("a log alone has no pages that a doublewrite file would protect")
	}
}

// Each point but Anywhere is one of the engine's, and each of the engine's has a name.
func TestPoints(t *testing.T) {
	named := map[engine.CrashPoint]Point{}
	for _, p := range Points.All() {
		at, ok := p.Of(groupcommit.TwoPhase)
		if ok != (p != Anywhere) {
			t.Errorf("%v: named %v", p, ok)
		}
		if ok && p != BetweenLogs {
			named[at] = p
		}
		var back Point
		if text, err := p.MarshalText(); err != nil || back.UnmarshalText(text) != nil || back != p {
			t.Errorf("%v: back from text: %v, %v", p, back, err)
		}
	}
	for at, p := range map[engine.CrashPoint]Point{engine.BeforeRedoFlush: BeforeRedoFlush, engine.BeforeBinlog: BeforeBinlog, engine.BeforeSync: BeforeSync,
		engine.BeforeEngine: BeforeEngine, engine.AfterEngine: AfterEngine, engine.AfterAcknowledge: AfterAcknowledge} {
		if named[at] != p {
			t.Errorf("crash point %d is called %v; want %v", at, named[at], p)
		}
	}
	for _, protocol := range groupcommit.Protocols.All() {
		if at, ok := BetweenLogs.Of(protocol); !ok || at != engine.BetweenLogs(protocol) {
			t.Errorf("%v: between the logs is %d", protocol, at)
		}
	}
}
