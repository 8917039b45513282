package engine

import (
	"sync/atomic"

	"flushbench/engine/binlog"
	"flushbench/engine/lsn"
	"flushbench/groupcommit"
)

// ordered is the binlog and the engine's end of a commit, as the stages of
// group commit drive them.
type ordered struct {
	db    *Database
	group []*binlog.Txn // of the FLUSH stage
	full  atomic.Bool
	past  commitOrder
}

// Write implements groupcommit.SecondLog.
func (o *ordered) Write(group *groupcommit.Staged) error {
	o.db.hook(BeforeBinlog)
	o.group = o.group[:0]
	for s := group; s != nil; s = s.Next() {
		o.group = append(o.group, s.Owner.(*Conn).cache)
	}
	_, err := o.db.bin.Write(o.group)
	if err == nil && o.db.bin.NeedsRotate() {
		o.full.Store(true)
	}
	o.db.hook(BeforeSync)
	return err
}

// Flush implements groupcommit.SecondLog.
func (o *ordered) Flush() error { return o.db.bin.Flush() }

// Commit implements groupcommit.SecondLog.
func (o *ordered) Commit(s *groupcommit.Staged) (lsn.LSN, error) {
	c := s.Owner.(*Conn)
	o.db.hook(BeforeEngine)
	c.pos, c.seq = c.cache.End(), c.cache.GTID().Seq
	end, err := c.t.CommitAt(c.seq)
	c.finished()
	if err != nil {
		return 0, err
	}
	c.end = end
	if !o.db.opts.Untracked {
		o.past.add(trace{seq: c.seq, prepared: c.prepared, pos: c.pos, committed: end})
	}
	o.db.hook(AfterEngine)
	return end, nil
}

// Full implements groupcommit.SecondLog.
func (o *ordered) Full() bool { return o.full.Load() }

// Rotate implements groupcommit.SecondLog.
func (o *ordered) Rotate() error {
	err := o.db.bin.Rotate()
	o.full.Store(false)
	return err
}
