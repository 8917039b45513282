package scenario

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/engine"
	"flushbench/groupcommit"
	"flushbench/workload"
)

// checkAsked refuses what was asked for by name and would silently be left out:
// a folder for something that the run does not write, a reader of a table that
// is not there.
func (s *Scenario) checkAsked() error {
	rows := s.Workload.Transactional()
	views := slices.ContainsFunc(s.LongView, workload.LongView.Open)
	redo := slices.Contains(s.Durability, engine.DurabilityRedo)
	unsafe := slices.IndexFunc(s.CommitProtocol, func(p groupcommit.Protocol) bool { return p != groupcommit.TwoPhase })
	if unsafe >= 0 {
		if err := s.checkProtocol(s.CommitProtocol[unsafe]); err != nil {
			return err
		}
	}
	switch {
	case s.DataDir != "" && !rows:
		return fmt.Errorf("data-dir %s with workload %v: it has no pages; leave it out, or choose a workload with rows", s.DataDir, s.Workload)
	case s.BinlogDir != "" && !rows:
		return fmt.Errorf("binlog-dir %s with workload %v: it has no binlog; leave it out, or choose a workload with rows", s.BinlogDir, s.Workload)
	case s.BinlogDir != "" && !bool(s.Binlog):
		return fmt.Errorf("binlog-dir %s with binlog off: leave one of them out", s.BinlogDir)
	case s.BinlogDir != "" && !redo:
		return fmt.Errorf("binlog-dir %s with durability %v: it has no binlog; legal is %v", s.BinlogDir, s.Durability, engine.DurabilityRedo)
	case s.LogDir != "" && rows && !redo:
		return fmt.Errorf("log-dir %s with durability %v: it has no redo log; legal is %v", s.LogDir, s.Durability, engine.DurabilityRedo)
	case s.DataDir != "" && !redo:
		return fmt.Errorf("data-dir %s with durability %v: it writes pages only; name their folder with --dir", s.DataDir, s.Durability)
	case views && !rows:
		return fmt.Errorf("long-view %v with workload %v: it has no rows to read; choose a workload with rows", s.LongView, s.Workload)
	case views && !redo:
		return fmt.Errorf("long-view %v with durability %v: nothing is purged there, whoever reads; legal is %v", s.LongView, s.Durability, engine.DurabilityRedo)
	}
	return nil
}

// give notes that a setting was asked for.
func (s *Scenario) give(f field) {
	if f.rows && !slices.Contains(s.given, f.name) {
		s.given = append(s.given, f.name)
	}
}

// CheckGiven refuses, as one line, settings of rows, binlog and database that a flag or
// a file asked for, where none of the workloads has any: they would be left out
// silently. Validate settles which workload it is.
func (s *Scenario) CheckGiven(workloads ...Kind) error {
	if len(s.given) == 0 || slices.ContainsFunc(workloads, Kind.Transactional) {
		return nil
	}
	names, them := s.given[0], "it"
	if last := len(s.given) - 1; last > 0 {
		names, them = strings.Join(s.given[:last], ", ")+" and "+s.given[last], "them"
	}
	var legal []string
	for _, k := range Kinds.All() {
		if k.Transactional() {
			legal = append(legal, k.String())
		}
	}
	return fmt.Errorf("scenario: %s with workload %v: it has no rows and no binlog; leave %s out, or choose a workload that has: %s", names, KindLog, them, strings.Join(legal, ", "))
}

// checkProtocol refuses to take two-phase commit away where there is none.
func (s *Scenario) checkProtocol(p groupcommit.Protocol) error {
	engines := slices.ContainsFunc(s.Targets(), Target.Engine)
	switch {
	case !s.Workload.Transactional():
		return fmt.Errorf("commit-protocol %v with workload %v: it has no binlog to keep in step; choose a workload with rows, such as bank", p, s.Workload)
	case !bool(s.Binlog):
		return fmt.Errorf("commit-protocol %v with binlog off: there is one log only; leave one of them out", p)
	case !slices.Contains(s.Durability, engine.DurabilityRedo):
		return fmt.Errorf("commit-protocol %v with durability %v: it has no binlog; legal is %v", p, s.Durability, engine.DurabilityRedo)
	case !engines:
		return fmt.Errorf("commit-protocol %v with a server: it commits as it does; add --target engine", p)
	}
	return nil
}
