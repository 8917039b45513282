package groupcommit

import (
	"flushbench/engine/clock"
	"flushbench/engine/lsn"
)

// beforeBinlog does in the redo log what the protocol asks for before the group
// goes to the binlog: one flush for all of it, or none. REQUIRES: the lock of the
// FLUSH stage.
func (g *OrderedCommit) beforeBinlog(first *Staged) error {
	switch g.cfg.Protocol {
	case RedoFirst:
		end, err := g.commitAll(first)
		if err != nil {
			return err
		}
		return g.c.secure(end)
	case BinlogFirst:
		return g.c.Err()
	}
	end := first.Prepared
	for s := first.next; s != nil; s = s.next {
		end = max(end, s.Prepared)
	}
	return g.c.secure(end)
}

// commitAll commits a group in the engine that the binlog does not have yet. It
// returns where the last COMMIT ends.
func (g *OrderedCommit) commitAll(first *Staged) (end lsn.LSN, err error) {
	for s := first; s != nil; s = s.next {
		if err := g.c.Err(); err != nil {
			return 0, err
		}
		if end, err = g.log.Commit(s); err != nil {
			return 0, g.c.fail(err)
		}
	}
	return end, nil
}

// secure returns when the redo log is as safe as the policy asks up to end, which
// must be reserved.
func (c *Committer) secure(end lsn.LSN) error {
	switch {
	case c.cfg.Policy.Flushes():
		return c.FlushUpTo(end, ReasonCommit)
	case c.cfg.Policy == Policy2:
		if err := c.writeUpTo(end); err != nil {
			return err
		}
	}
	return c.Err()
}

// harden makes the COMMITs of a group, which end at end, as safe as they must be
// before it is acknowledged: flushed under policy 3, and as the policy asks where
// nothing was prepared. It needs no lock of a stage: a group that follows may share
// the flush, and the changes are visible to all before it, as they are without a
// binlog.
func (g *OrderedCommit) harden(first *Staged, end lsn.LSN) {
	if end == 0 || g.cfg.Protocol == TwoPhase && g.c.cfg.Policy != Policy3 {
		return
	}
	start := clock.Now()
	err := g.c.secure(end)
	done := clock.Now()
	g.stats.hardenNs.Add(done - start)
	if g.cfg.Protocol == BinlogFirst {
		g.gather.flushed(done - start)
	}
	for s := first; s != nil; s = s.next {
		if s.err == nil {
			s.err = err
		}
		if s.Sample {
			s.Times.Done = done
		}
	}
}
