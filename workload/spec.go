package workload

import "fmt"

// Limits and defaults of a table and its transactions. The defaults are
// sysbench's where it has one.
const (
	DefaultRows     = 100_000
	MaxRows         = 1 << 32
	DefaultRowBytes = 120 // of c, as sysbench's CHAR(120)
	MaxRowBytes     = 16_000
	// MaxRowsPerTxn bounds Spec.RowsPerTxn.
	MaxRowsPerTxn = 10_000
	// MaxStatementBytes bounds Spec.StatementBytes.
	MaxStatementBytes = 1 << 20
	// InitialBalance is k of every row of KindBank.
	InitialBalance = 1000
	// MaxAmount is the most that a transfer of KindBank moves; the least is 1.
	MaxAmount = 100
	// TableName is the table that every operation names.
	TableName = "sbtest1"
)

// Spec says what the transactions of a transactional workload do. The zero
// values of all but Kind mean their defaults.
type Spec struct {
	Kind Kind
	// Rows are in the table before the first transaction, with the keys 0 to
	// Rows-1: 1 to MaxRows, for KindBank at least 2.
	Rows uint64
	// RowBytes is the length of c, 1 to MaxRowBytes.
	RowBytes int
	// Keys is the distribution of the rows that are read and written.
	Keys Keys
	// RowsPerTxn is how many rows a transaction changes, 1 to MaxRowsPerTxn;
	// 0: 2 for KindBank, else 1. KindBank moves an amount between each two, so
	// there it is even. For KindWriteOnly and KindReadWrite it is how many
	// rows each of their three statements changes, as sysbench's
	// --index_updates, --non_index_updates and --delete_inserts.
	RowsPerTxn int
	// ReadShare is the share of transactions that only read: what they would
	// have read besides (KindReadWrite), or the rows that they would have
	// changed, one statement each (the others; KindInsert draws them).
	ReadShare Share
	// RollbackShare is the share of the other transactions that end with a
	// rollback.
	RollbackShare Share
	// StatementBytes is the least length of a statement, which a comment fills
	// up; 0: as long as it is. At most MaxStatementBytes.
	StatementBytes int
	// UnsafeShare is the share of the statements that change something which
	// are Op.Unsafe.
	UnsafeShare Share
	// Notes gives each client a row more, and lets each transaction that changes
	// rows set its k to the number of the client's transactions so far: so
	// that a judge can tell which of them the table holds. See
	// Generator.NoteKey.
	Notes bool
}

// Validate fills in the defaults and says what is out of range.
func (s *Spec) Validate() error {
	if s.Rows == 0 {
		s.Rows = DefaultRows
	}
	if s.RowBytes == 0 {
		s.RowBytes = DefaultRowBytes
	}
	if s.RowsPerTxn == 0 {
		s.RowsPerTxn = 1
		if s.Kind == KindBank {
			s.RowsPerTxn = 2
		}
	}
	switch {
	case !s.Kind.Transactional() || int(s.Kind) >= len(Kinds.Values):
		return fmt.Errorf("workload: workload %v has no table and no transactions on it", s.Kind)
	case s.Rows > MaxRows:
		return fmt.Errorf("workload: %d rows: must be 1 to %d", s.Rows, uint64(MaxRows))
	case s.Kind == KindBank && s.Rows < 2:
		return fmt.Errorf("workload: %d row: %v moves amounts between at least 2", s.Rows, s.Kind)
	case s.RowBytes < 1 || s.RowBytes > MaxRowBytes:
		return fmt.Errorf("workload: rows of %d bytes: must be 1 to %d", s.RowBytes, MaxRowBytes)
	case s.RowsPerTxn < 1 || s.RowsPerTxn > MaxRowsPerTxn:
		return fmt.Errorf("workload: %d rows per transaction: must be 1 to %d, or 0 for the workload's own", s.RowsPerTxn, MaxRowsPerTxn)
	case s.Kind == KindBank && s.RowsPerTxn%2 != 0:
		return fmt.Errorf("workload: %d rows per transaction: must be even, because %v moves amounts between each two", s.RowsPerTxn, s.Kind)
	case s.StatementBytes < 0 || s.StatementBytes > MaxStatementBytes:
		return fmt.Errorf("workload: statements of %d bytes: must be 0 (as long as they are) to %d", s.StatementBytes, MaxStatementBytes)
	}
	for _, share := range []struct {
		name string
		s    Share
	}{{"read share", s.ReadShare}, {"rollback share", s.RollbackShare}, {"unsafe share", s.UnsafeShare}} {
		if err := share.s.Validate(); err != nil {
			return fmt.Errorf("%w (%s)", err, share.name)
		}
	}
	return s.Keys.Validate()
}

// MaxOps is the most operations that a transaction has. REQUIRES: s is valid.
func (s Spec) MaxOps() int {
	n := s.RowsPerTxn
	switch s.Kind {
	case KindWriteOnly:
		n = 4 * s.RowsPerTxn
	case KindReadWrite:
		n = PointSelects + len(rangeKinds) + 4*s.RowsPerTxn
	}
	if s.Notes {
		n++
	}
	return n
}
