package durability

import (
	"strings"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

func TestWithBinlog(t *testing.T) {
	for _, c := range []struct {
		policy      groupcommit.Policy
		sync        int
		method      vfs.Method
		os          bool
		lossOnCrash string // of a kernel crash
		words       string
	}{
		{groupcommit.Policy1, 1, vfs.Fdatasync, true, "none", ""},
		{groupcommit.Policy1, 0, vfs.ODsync, true, "none", ""},
		{groupcommit.Policy1, 0, vfs.Fdatasync, false, "unbounded", "not flushed at commits"},
		{groupcommit.Policy1, 100, vfs.Fdatasync, false, "99 groups", "up to 99 acknowledged groups"},
		{groupcommit.Policy1, 1, vfs.None, false, "unbounded", "never made durable"},
		{groupcommit.Policy1, 0, vfs.Fdatasync, false, "unbounded", "from it, and rolls back those that only it held"},
		{groupcommit.Policy3, 1, vfs.Fdatasync, true, "none", ""},
		{groupcommit.Policy3, 0, vfs.Fdatasync, false, "unbounded", "from it; the engine keeps all, and is ahead of it"},
		{groupcommit.Policy2, 1, vfs.Fdatasync, false, "about 1 s", ""},
		{groupcommit.Policy2, 0, vfs.Fdatasync, false, "about 1 s", "not flushed at commits"},
	} {
		s := Setting{Policy: c.policy, Method: vfs.Fdatasync, FileSystem: FileSystem{Type: "ext4"}}
		got := s.WithBinlog(c.sync, c.method)
		if got.OS != c.os || got.Power != c.os || got.Loss[OS] != c.lossOnCrash || !strings.Contains(got.Words, c.words) {
			t.Errorf("policy %v, sync_binlog %d, %v: %+v; want OS %v, loss %q, words %q", c.policy, c.sync, c.method, got, c.os, c.lossOnCrash, c.words)
		}
		if !got.Process {
			t.Errorf("policy %v, sync_binlog %d: a process crash takes something: %+v", c.policy, c.sync, got)
		}
	}
}

// Without two-phase commit nobody is rolled back for what the other log lacks, and a
// crash between the two leaves one ahead.
func TestWithBinlogProtocols(t *testing.T) {
	for _, c := range []struct {
		protocol   groupcommit.Protocol
		sync       int
		os         bool
		words, not string
	}{
		{groupcommit.TwoPhase, 1, true, "survives", "two-phase"},
		{groupcommit.TwoPhase, 0, false, "rolls back those that only it held", "is ahead of it"},
		{groupcommit.RedoFirst, 1, true, "any crash may leave the engine with transactions that the binlog lacks", "rolls back"},
		{groupcommit.RedoFirst, 0, false, "the engine keeps all, and is ahead of it; without two-phase commit any crash may leave the engine", "rolls back"},
		{groupcommit.BinlogFirst, 1, true, "any crash may leave the binlog with transactions that the engine lacks", "rolls back"},
		{groupcommit.BinlogFirst, 100, false, "the engine keeps all, and is ahead of it; without two-phase commit any crash may leave the binlog", "rolls back"},
	} {
		s := Setting{Policy: groupcommit.Policy1, Method: vfs.Fdatasync, FileSystem: FileSystem{Type: "ext4"}, Protocol: c.protocol}
		got := s.WithBinlog(c.sync, vfs.Fdatasync)
		if !got.Process || got.OS != c.os || got.Power != c.os || !strings.Contains(got.Words, c.words) || strings.Contains(got.Words, c.not) {
			t.Errorf("%v, sync_binlog %d: %+v; want OS %v, words %q, not %q", c.protocol, c.sync, got, c.os, c.words, c.not)
		}
	}
}
