package runner

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// bankSpec is a cell of the bank with a binlog.
func bankSpec(p groupcommit.Policy, sync int) Spec {
	s := spec(fmt.Sprintf("%v,%d", p, sync), p, 6)
	s.Load = workload.Spec{Kind: workload.KindBank, Rows: 500, RowBytes: 40}
	if err := s.Load.Validate(); err != nil {
		panic(err)
	}
	s.Track, s.Duration, s.Warmup, s.Engine.Capacity = true, 150*time.Millisecond, 10*time.Millisecond, 16<<20
	s.Database = engine.DatabaseOptions{Binlog: engine.BinlogOptions{Enabled: true, Growth: vfs.GrowAppend}}
	s.Database.Stages.SyncBinlog = sync
	return s
}

// All nine pairs of policies run on one database, each cell is verified by a
// recovery, and what it counts fits together.
func TestDatabaseCells(t *testing.T) {
	t.Parallel()
	p := Plan{Rounds: 2, Seed: 7, Limit: 10 * time.Millisecond}
	if testing.Short() {
		p.Rounds = 1
	}
	for _, policy := range groupcommit.Policies.All() {
		for _, sync := range []int{0, 1, 3} {
			p.Specs = append(p.Specs, bankSpec(policy, sync))
		}
	}
	attempts(t, func() error {
		res, _ := mustRun(t, diskConfig(t, p))
		rounds, told := 0, 0
		var again []Spec
		var apart []error
		for i := range res.Cells {
			c := &res.Cells[i]
			if c.Params.Workload != "bank" || c.Params.SyncBinlog == nil || c.Params.Rows != 500 {
				t.Errorf("%s: params %+v", c.Name, c.Params)
			}
			wrong := ""
			for k := range c.Rounds {
				r := &c.Rounds[k]
				if broken := databaseRound(c, r); broken != "" {
					t.Fatalf("%s, round %d: %s", c.Name, k+1, broken)
				}
				if rounds++; disturbed(r) {
					continue
				}
				told++
				if x := databaseCounts(c, r); x != "" {
					wrong = fmt.Sprintf("%s, round %d: %s", c.Name, k+1, x)
				}
			}
			if wrong != "" {
				apart, again = append(apart, errors.New(wrong)), append(again, p.Specs[i])
			}
		}
		t.Logf("the counts of %d of %d rounds say something", told, rounds)
		p.Specs = again
		return errors.Join(apart...)
	})
}

// disturbed reports whether the machine gave a round so little time that its
// counts say nothing: a commit may lie between two readings at an edge.
func disturbed(r *result.Round) bool { return r.Commits == 0 || len(r.Warnings) > 0 }

// databaseRound says what must not be of a round, whatever the machine does.
func databaseRound(c *result.Cell, r *result.Round) string {
	d, sync := r.Database, *c.Params.SyncBinlog
	switch {
	case r.Verify == nil || !r.Verify.OK || r.Verify.Records != 500:
		return fmt.Sprintf("verified: %+v", r.Verify)
	case d == nil || d.Binlog == nil:
		return fmt.Sprintf("%d commits, database %+v", r.Commits, d)
	}
	return databaseRisk(c, r.AtRisk, sync)
}

// databaseCounts says which counts of a round do not fit together. They are read one
// after the other, while groups end: whoever reads may lose its processor in between.
func databaseCounts(c *result.Cell, r *result.Round) string {
	d, sync, b := r.Database, *c.Params.SyncBinlog, r.Database.Binlog
	commit := r.Flushes.ByReason[result.ReasonCommit]
	switch {
	case c.Params.Policy != "1" && c.Params.Policy != "3" && commit != 0:
		return fmt.Sprintf("%d flushes of the log that commits waited for", commit)
	case c.Params.Policy == "1" && (commit > b.FlushGroups+1 || commit == 0):
		return fmt.Sprintf("%d flushes of the log for %d FLUSH groups", commit, b.FlushGroups)
	case c.Params.Policy == "3" && (commit > b.FlushGroups+b.CommitGroups+2 || commit == 0):
		return fmt.Sprintf("%d flushes of the log for %d FLUSH and %d COMMIT groups", commit, b.FlushGroups, b.CommitGroups)
	case sync == 0 && b.CommitFlushes != 0:
		return fmt.Sprintf("%d flushes of the binlog", b.CommitFlushes)
	case sync > 0 && (b.CommitFlushes > b.SyncGroups/int64(sync)+1 || b.CommitFlushes < b.SyncGroups/int64(sync)-1):
		return fmt.Sprintf("%d flushes of the binlog for %d SYNC groups", b.CommitFlushes, b.SyncGroups)
	case b.Bytes == 0 || b.Transactions == 0 || d.UndoBytes == 0 || len(d.CheckpointAge) == 0:
		return fmt.Sprintf("database %+v, binlog %+v", d, b)
	}
	return ""
}

// databaseRisk says what is at risk and must not be. In a closed loop nothing
// else can be said.
func databaseRisk(c *result.Cell, at *result.AtRisk, sync int) string {
	if at == nil {
		return "at risk is not tracked"
	}
	safe := []result.Risk{at.Process}
	switch {
	case c.Params.Policy == "0":
		safe = nil
	case c.Params.Policy != "2" && sync == 1:
		safe = append(safe, at.OS, at.Power)
	}
	for _, r := range safe {
		if r.CommitsMax+r.BinlogAheadMax+r.EngineAheadMax != 0 {
			return fmt.Sprintf("at risk: %+v", at)
		}
	}
	if at.Process.LostMax != 0 {
		return fmt.Sprintf("lost altogether though the binlog was written: %+v", at)
	}
	for _, r := range []result.Risk{at.Process, at.OS, at.Power} {
		if sync == 1 && r.LostMax != 0 {
			return fmt.Sprintf("lost altogether though the binlog was flushed: %+v", at)
		}
		if sync == 1 && r.EngineAheadMax != 0 || c.Params.Policy != "0" && c.Params.Policy != "2" && r.BinlogAheadMax != 0 {
			return fmt.Sprintf("ahead: %+v", at)
		}
	}
	return ""
}

// A write budget ends a database's cell as it ends any other, and an insert
// workload never meets its own rows again in a later cell.
func TestDatabaseInserts(t *testing.T) {
	t.Parallel()
	s := bankSpec(groupcommit.Policy1, 1)
	s.Load.Kind, s.Load.RowsPerTxn = workload.KindInsert, 1
	other := s
	other.Name, other.Database.Stages.Serial = "serial", true
	res, _ := mustRun(t, diskConfig(t, Plan{Specs: []Spec{s, other}, Rounds: 2, Seed: 7}))
	for i := range res.Cells {
		for _, r := range res.Cells[i].Rounds {
			if b := r.Database.Binlog; b == nil || b.Transactions < r.Commits/2-2*int64(s.Clients) && !disturbed(&r) {
				t.Errorf("%s: %d commits, the binlog has %+v", res.Cells[i].Name, r.Commits, b)
			}
		}
	}
}
