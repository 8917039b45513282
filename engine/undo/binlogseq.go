package undo

import (
	"encoding/binary"

	"flushbench/engine/lsn"
)

// CommitAt is Commit of a transaction that is the seq-th of the binlog. The number
// is kept in the mini-transaction that ends the log, as InnoDB keeps the binlog's
// position, so that recovery can tell which of the two logs is ahead.
// REQUIRES: transactions with numbers commit one by one, in their order.
func (t *Txn) CommitAt(seq uint64) (lsn.LSN, error) {
	t.binlogSeq = seq
	return t.Commit()
}

// putBinlogSeq adds the number to t's mini-transaction. The system page is
// latched last, behind any page of a stream.
func (t *Txn) putBinlogSeq() error {
	pg, err := t.m.Write(undoPage(0))
	if err != nil {
		return err
	}
	t.m.Set(pg, sysSeq, binary.LittleEndian.AppendUint64(nil, t.binlogSeq))
	return nil
}

// BinlogSeq returns the number of the last transaction that CommitAt ended, or
// that SetBinlogSeq set; 0: none.
func (s *System) BinlogSeq() (uint64, error) {
	s.bump.Lock()
	defer s.bump.Unlock()
	m := &s.bump.m
	if err := s.pool.BeginRead(m); err != nil {
		return 0, err
	}
	defer m.Abandon()
	pg, err := m.Read(undoPage(0))
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(pg.Bytes()[sysSeq:]), nil
}

// SetBinlogSeq sets the number after recovery, when the binlog goes on from what
// it had kept. It returns the end of the mini-transaction.
func (s *System) SetBinlogSeq(seq uint64) (lsn.LSN, error) {
	s.bump.Lock()
	defer s.bump.Unlock()
	m := &s.bump.m
	if err := s.pool.Begin(m); err != nil {
		return 0, err
	}
	pg, err := m.Write(undoPage(0))
	if err != nil {
		m.Abandon()
		return 0, err
	}
	m.Set(pg, sysSeq, binary.LittleEndian.AppendUint64(nil, seq))
	return m.Commit(0)
}
