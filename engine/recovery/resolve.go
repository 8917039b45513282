package recovery

import (
	"fmt"

	"flushbench/engine/binlog"
	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/undo"
	"flushbench/engine/vfs"
)

// ReadBinlog scans the binlog in dir and notes what it found. It changes nothing.
func ReadBinlog(fs vfs.FS, dir string, rep *Report) (binlog.Recovered, error) {
	start := clock.Now()
	found, err := binlog.Scan(fs, dir, 0)
	rep.BinlogNs += clock.Now() - start
	if err != nil {
		return found, err
	}
	last := found.Files[len(found.Files)-1]
	rep.Binlog, rep.BinlogFile, rep.BinlogClean = true, found.Last(), found.Clean
	rep.BinlogValid, rep.BinlogCut, rep.LastSeq = found.ValidPos, last.Size-found.ValidPos, found.LastSeq
	if !found.Clean {
		rep.BinlogReason = found.Reason
	}
	return found, nil
}

// Resolver ends one interrupted transaction; it is (*undo.System).Resolve.
type Resolver func(u undo.Unfinished, commit bool) (lsn.LSN, error)

// Noter keeps in the engine's log that it has the binlog up to a GTID sequence;
// it is (*undo.System).SetBinlogSeq.
type Noter func(seq uint64) (lsn.LSN, error)

// Resolve ends the interrupted transactions: those that are prepared and whole
// in the binlog are committed, in the binlog's order, then all others are rolled
// back. engineSeq is the GTID sequence of the engine's last commit (0: unknown
// or none). committed are the binlog's transactions, empty without one.
//
// Each commit is noted before it is made, so that a recovery that crashes here and
// is done again does not take what it had committed for lost. That holds up to the
// first transaction that is lost indeed.
func Resolve(unfinished []undo.Unfinished, committed []binlog.Committed, engineSeq uint64, resolve Resolver, note Noter, rep *Report) error {
	start := clock.Now()
	defer func() { rep.UndoNs += clock.Now() - start }()
	prepared := make(map[uint64]undo.Unfinished)
	for _, u := range unfinished {
		if u.State != undo.Prepared {
			rep.Active++
			continue
		}
		rep.Prepared++
		if other, twice := prepared[u.XID]; twice {
			return fmt.Errorf("recovery: transactions %v and %v are both prepared as XID %d", other.ID, u.ID, u.XID)
		}
		prepared[u.XID] = u
	}
	rep.EngineLastSeq = engineSeq
	noted := engineSeq
	for _, c := range committed {
		u, ok := prepared[c.Xid]
		switch {
		case ok:
			if c.Seq == noted+1 {
				if _, err := note(c.Seq); err != nil {
					return fmt.Errorf("recovery: note transaction %d of the binlog: %w", c.Seq, err)
				}
				noted = c.Seq
			}
			if _, err := resolve(u, true); err != nil {
				return fmt.Errorf("recovery: commit transaction %v (XID %d): %w", u.ID, u.XID, err)
			}
			delete(prepared, c.Xid)
			rep.Committed++
		case c.Seq > engineSeq:
			rep.BinlogAhead++
		}
	}
	if rep.Binlog && engineSeq > rep.LastSeq {
		rep.EngineAhead = engineSeq - rep.LastSeq
	}
	for _, u := range unfinished {
		if u.State == undo.Prepared {
			if _, left := prepared[u.XID]; !left {
				continue
			}
		}
		if _, err := resolve(u, false); err != nil {
			return fmt.Errorf("recovery: roll back transaction %v: %w", u.ID, err)
		}
		rep.RolledBack++
	}
	return nil
}
