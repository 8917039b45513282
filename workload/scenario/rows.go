package scenario

import (
	"fmt"
	"reflect"

	"flushbench/workload"
)

// Kind is the workload axis.
type Kind = workload.Kind

// KindLog is the workload without rows.
const KindLog = workload.KindLog

// Kinds is the table of workloads.
var Kinds = workload.Kinds

// rowFields are the settings of the workloads that have rows.
func (s *Scenario) rowFields() []field {
	return []field{
		{name: "rows", alias: []string{"table-size"}, heading: headRows,
			usage: "`NUMBER` of rows in the table before the first transaction", value: integer(&s.Rows)},
		{name: "row-bytes", heading: headRows,
			usage: "`BYTES` of a row's column c", value: integer(&s.RowBytes)},
		{name: "key-distribution", alias: []string{"rand-type"}, heading: headRows,
			usage: "`LIST` of which rows are used: uniform, zipfian:THETA, latest, hotspot:HOTSET,HOTOPS", value: &s.KeyDistribution},
		{name: "rows-per-txn", heading: headRows,
			usage: "`LIST` of numbers of rows that a transaction changes; 0: the workload's own", value: &s.RowsPerTxn},
		{name: "read-share", heading: headRows,
			usage: "`SHARE` of transactions that only read, 0 to 1 or a percentage", value: &s.ReadShare},
		{name: "rollback-share", heading: headRows,
			usage: "`SHARE` of the others that end with a rollback", value: &s.RollbackShare},
		{name: "statement-bytes", heading: headRows,
			usage: "least `SIZE` of a statement's text; 0: as long as it is", value: &s.StatementBytes},
		{name: "unsafe-share", heading: headRows,
			usage: "`SHARE` of changing statements whose text would be unsafe to replay", value: &s.UnsafeShare},
		{name: "long-view", heading: headRows,
			usage: "`LIST` of how long an extra session reads in one read view: 0 (none), a time, hold (to the end)", value: &s.LongView},
	}
}

// Txns returns what the transactions of a cell do. REQUIRES: the workload has
// rows.
func (s *Scenario) Txns(c Cell) workload.Spec {
	return workload.Spec{
		Kind: s.Workload, Rows: uint64(max(s.Rows, 0)), RowBytes: s.RowBytes,
		Keys: c.Keys, RowsPerTxn: c.RowsPerTxn,
		ReadShare: s.ReadShare, RollbackShare: s.RollbackShare,
		StatementBytes: int(s.StatementBytes), UnsafeShare: s.UnsafeShare,
	}
}

// checkRows refuses what no generator would make. The values are checked for
// workload log too, where they mean nothing.
func (s *Scenario) checkRows() error {
	switch {
	case s.Rows < 1 || s.Rows > workload.MaxRows:
		return fmt.Errorf("rows %d: must be 1 to %d", s.Rows, int64(workload.MaxRows))
	case s.RowBytes < 1 || s.RowBytes > workload.MaxRowBytes:
		return fmt.Errorf("row-bytes %d: must be 1 to %d", s.RowBytes, workload.MaxRowBytes)
	case s.StatementBytes < 0 || s.StatementBytes > workload.MaxStatementBytes:
		return fmt.Errorf("statement-bytes %v: must be 0 (as long as it is) to %v", s.StatementBytes, Size(workload.MaxStatementBytes))
	}
	for _, share := range []struct {
		name string
		s    workload.Share
	}{{"read-share", s.ReadShare}, {"rollback-share", s.RollbackShare}, {"unsafe-share", s.UnsafeShare}} {
		if err := share.s.Validate(); err != nil {
			return fmt.Errorf("%s: %w", share.name, err)
		}
	}
	for _, n := range s.RowsPerTxn {
		if n < 0 || n > workload.MaxRowsPerTxn {
			return fmt.Errorf("rows-per-txn %d: must be 1 to %d, or 0 for the workload's own", n, workload.MaxRowsPerTxn)
		}
		for _, keys := range s.KeyDistribution {
			spec := s.Txns(Cell{Keys: keys, RowsPerTxn: n})
			if !s.Workload.Transactional() {
				spec.Kind, spec.RowsPerTxn = workload.KindUpdate, 0
			}
			if err := spec.Validate(); err != nil {
				return err
			}
		}
	}
	return nil
}

// canonicalRows sets what does not matter to the workload to its default.
func (s *Scenario) canonicalRows(c Cell) (Cell, string) {
	switch {
	case !s.Workload.Transactional():
		same := c
		c.Keys, c.RowsPerTxn, c.LongView = s.KeyDistribution[0], s.RowsPerTxn[0], s.LongView[0]
		c.SyncBinlog, c.Protocol, c.Format, c.Binlog, c.Overlap = s.SyncBinlog[0], s.CommitProtocol[0], s.BinlogFormat[0], s.BinlogGrowth[0], s.BinlogOverlap[0]
		c.BufferPool, c.Doublewrite, c.Durability = s.BufferPool[0], s.Doublewrite[0], s.Durability[0]
		if !reflect.DeepEqual(c, same) {
			return c, whyNoRows
		}
	case c.Mode == workload.Pipelined:
		return c, whyRowLocks
	case len(s.RecordBytes) > 1:
		c.RecordBytes = s.RecordBytes[0]
		return c, whyNoRecords
	}
	return c, ""
}
