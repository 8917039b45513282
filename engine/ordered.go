package engine

import (
	"fmt"
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
	// ahead counts those of the group that the engine has committed before the
	// binlog gets them (redo-first; FLUSH stage).
	ahead uint64
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
	if err == nil {
		err = o.written(group)
	}
	if err == nil && o.db.bin.NeedsRotate() {
		o.full.Store(true)
	}
	o.db.hook(BeforeSync)
	return err
}

// written notes where a group stands in the binlog, if nothing was prepared: until
// then or from then on one log alone has it.
func (o *ordered) written(group *groupcommit.Staged) error {
	switch o.db.opts.Stages.Protocol {
	case groupcommit.RedoFirst:
		o.ahead = 0
		for s := group; s != nil; s = s.Next() {
			c := s.Owner.(*Conn)
			if got := c.cache.GTID().Seq; got != c.seq {
				return fmt.Errorf("engine: a transaction is number %d in the binlog; the engine has committed it as number %d", got, c.seq)
			}
			c.pos = c.cache.End()
			c.cache.Reset()
			o.note(trace{seq: c.seq, prepared: c.end, pos: c.pos, committed: c.end})
		}
	case groupcommit.BinlogFirst:
		for s := group; s != nil; s = s.Next() {
			c := s.Owner.(*Conn)
			o.note(trace{seq: c.cache.GTID().Seq, prepared: lsn.Max, pos: c.cache.End(), committed: lsn.Max})
		}
	}
	return nil
}

// note keeps where a transaction stands, if somebody may ask.
func (o *ordered) note(t trace) {
	if !o.db.opts.Untracked {
		o.past.add(t)
	}
}

// Flush implements groupcommit.SecondLog.
func (o *ordered) Flush() error { return o.db.bin.Flush() }

// Commit implements groupcommit.SecondLog.
func (o *ordered) Commit(s *groupcommit.Staged) (lsn.LSN, error) {
	c := s.Owner.(*Conn)
	o.db.hook(BeforeEngine)
	t := trace{pos: notThere}
	redoFirst := o.db.opts.Stages.Protocol == groupcommit.RedoFirst
	if redoFirst {
		// The binlog gets the group next, in this order, and nothing before it.
		o.ahead++
		t.seq = o.db.bin.LastGTID().Seq + o.ahead
	} else {
		t.seq, t.pos = c.cache.GTID().Seq, c.cache.End()
		c.pos = t.pos
	}
	c.seq = t.seq
	end, err := c.t.CommitAt(c.seq)
	if err != nil {
		return 0, err
	}
	c.locks.ReleaseAll()
	if !redoFirst { // there the binlog is still to be written
		c.cache.Reset()
	}
	c.end, t.committed, t.prepared = end, end, end
	if o.db.opts.Stages.Protocol == groupcommit.TwoPhase {
		t.prepared = c.prepared
	}
	o.note(t)
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
