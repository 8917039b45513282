package trace

import (
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
)

// The same with every flush method, until the client is told. What makes nothing
// durable makes pages no more durable than logs, and nobody promises that such files can
// be recovered: that the trace says in a note.
func TestCrashWithEachMethod(t *testing.T) {
	for _, m := range vfs.Methods.All() {
		if yield.Enabled && m != vfs.ODsync {
			continue
		}
		for _, p := range []pair{{groupcommit.Policy1, 1}, {groupcommit.Policy2, 0}} {
			t.Run(m.String()+","+p.String(), func(t *testing.T) {
				t.Parallel()
				base := made(t, func(mem *vfs.Mem) Config {
					cfg := p.config(mem)
					cfg.Database.Method = m
					if !m.Direct() {
						cfg.Database.Binlog.Method = m
					}
					cfg.Load.Notes = true
					return cfg
				})
				whole := mustRun(t, base(t))
				if said := len(whole.Notes) > 0; said == m.Durable() {
					t.Errorf("notes %q", whole.Notes)
				}
				for _, s := range whole.Steps {
					if s.Phase != result.TraceCommit {
						continue
					}
					crashAt(t, base, s.Event, func(step *result.TraceStep) bool { return step.Name == s.Name })
				}
			})
		}
	}
}
