package runner

import (
	"fmt"

	"flushbench/engine"
	"flushbench/engine/lsn"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/target/embedded"
)

// verify reads the log back after a cell: what lies after the checkpoint byte
// for byte, what lies before it by the sequences that the checkpoint saved,
// gap-free for each client. The log was drained, so every acknowledged commit
// must be there, whatever the policy, and none that nobody has started.
func (c *cellRun) verify() result.Verify {
	var v result.Verify
	bodies, err := workload.NewBodies(c.r.seed, c.spec.Sizes, embedded.Overhead())
	if err != nil {
		v.Error = err.Error()
		return v
	}
	var from lsn.LSN
	rec, err := engine.Recover(c.r.fs, c.log.path, func(client uint32, seq uint64, body []byte, end lsn.LSN) error {
		if from == 0 {
			from = end
		}
		if c.before(client, seq) {
			return nil // of an earlier cell, checked then
		}
		if err := bodies.Verify(client, seq, body); err != nil {
			return fmt.Errorf("record that ends at LSN %v: %w", end, err)
		}
		v.Records++
		return nil
	})
	v.FromLSN, v.ToLSN = uint64(from), uint64(rec.End)
	if err == nil {
		err = c.compare(rec)
	}
	if err == nil {
		err = c.checkGroups()
	}
	if err != nil {
		v.Error = err.Error()
		return v
	}
	v.OK = true
	return v
}

// before reports whether a sequence was there when the cell's engine opened.
func (c *cellRun) before(client uint32, seq uint64) bool {
	return seq <= c.found.LastSeq(client)
}

// compare holds what was recovered against what was acknowledged.
func (c *cellRun) compare(rec engine.Recovered) error {
	if c.out.Ended == driver.EndFailed {
		return nil // nothing is promised after a failure; the crash lab judges that
	}
	for client, acked := range c.out.Acked {
		got := rec.LastSeq(uint32(client))
		if got < acked {
			return fmt.Errorf("client %d: commit %d was acknowledged, the log ends with %d", client, acked, got)
		}
		if started := c.out.Submitted[client]; got > started {
			return fmt.Errorf("client %d: the log has commit %d, only %d were started", client, got, started)
		}
	}
	return nil
}
