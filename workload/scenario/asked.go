package scenario

import (
	"fmt"
	"slices"

	"flushbench/engine"
	"flushbench/workload"
)

// checkAsked refuses what was asked for by name and would silently be left out:
// a folder for something that the run does not write, a reader of a table that
// is not there.
func (s *Scenario) checkAsked() error {
	rows := s.Workload.Transactional()
	views := slices.ContainsFunc(s.LongView, workload.LongView.Open)
	redo := s.Durability == engine.DurabilityRedo
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
