package trace

import (
	"slices"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
)

// Without two-phase commit the two logs part at named steps, and the trace says so: with
// the redo log first the engine is ahead once COMMIT is kept and the Xid is not, with the
// binlog first the binlog is. With it neither is, under 1/1.
func TestCrashWithEachProtocol(t *testing.T) {
	for protocol, ahead := range map[groupcommit.Protocol]string{groupcommit.TwoPhase: "", groupcommit.RedoFirst: result.FateEngineAhead, groupcommit.BinlogFirst: result.FateBinlogAhead} {
		for _, p := range []pair{{groupcommit.Policy1, 1}, {groupcommit.Policy2, 0}} {
			t.Run(protocol.String()+","+p.String(), func(t *testing.T) {
				t.Parallel()
				config := func(mem *vfs.Mem) Config {
					cfg := p.config(mem)
					cfg.Database.Stages.Protocol = protocol
					return cfg
				}
				if protocol != groupcommit.TwoPhase && !yield.Enabled { // elsewhere
					crashEverywhere(t, config)
				}
				if p.sync != 1 {
					return
				}
				tr := mustRun(t, config(newDisk(t)))
				seen := ""
				for _, s := range tr.Steps {
					for _, c := range s.Crashes {
						for _, f := range []string{result.FateEngineAhead, result.FateBinlogAhead, result.FateLost} {
							if slices.Contains(c.Outcomes, f) && seen != f {
								seen += f
							}
						}
					}
				}
				if seen != ahead {
					t.Errorf("under %v the trace says %q; want %q", p, seen, ahead)
				}
			})
		}
	}
}
