package workload

import "flushbench/engine/axis"

// Kind is what the transactions do: the workload axis. The zero value is
// KindLog.
type Kind uint8

// The workloads. Those with a counterpart in sysbench do what it does.
const (
	// KindLog appends one record and commits; its bodies come from Bodies.
	KindLog Kind = iota
	// KindBank moves an amount from one row to another: it adds to the k of
	// one what it takes from the k of the other, so the sum of all k never
	// changes. The rows are taken in the order in which they were drawn, not
	// in the order of their keys: transfers run into deadlocks, as clients'
	// do, and the victim begins again.
	KindBank
	// KindUpdate overwrites c of a row (oltp_update_non_index).
	KindUpdate
	// KindInsert adds a row (oltp_insert).
	KindInsert
	// KindWriteOnly adds 1 to k of a row, overwrites c of a second, and
	// deletes a third and inserts it again (oltp_write_only).
	KindWriteOnly
	// KindReadWrite reads ten rows and four ranges of 100 rows, and then does
	// what KindWriteOnly does (oltp_read_write).
	KindReadWrite
)

// Kinds is the table of the workload axis.
var Kinds = axis.Table[Kind]{
	Axis: "workload",
	Values: []axis.Value[Kind]{
		{Value: KindLog, Name: "log", Help: "each transaction appends one record and commits"},
		{Value: KindBank, Name: "bank", Help: "each transaction moves an amount between two rows; the total never changes"},
		{Value: KindUpdate, Name: "update", Alias: []string{"oltp_update_non_index"}, Help: "each transaction overwrites one row"},
		{Value: KindInsert, Name: "insert", Alias: []string{"oltp_insert"}, Help: "each transaction adds one row"},
		{Value: KindWriteOnly, Name: "write-only", Alias: []string{"oltp_write_only"}, Help: "two updates, a delete and an insert"},
		{Value: KindReadWrite, Name: "read-write", Alias: []string{"oltp_read_write"}, Help: "ten rows and four ranges read, then what write-only does"},
	},
}

// String returns the name of k.
func (k Kind) String() string { return Kinds.Name(k) }

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return Kinds.MarshalText(k) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(text []byte) error { return Kinds.UnmarshalText(k, text) }

// Transactional reports whether the transactions of k read and change rows of
// a table, so that they come from a Generator.
func (k Kind) Transactional() bool { return k != KindLog }

// What sysbench's oltp_read_write reads in a transaction.
const (
	PointSelects = 10
	RangeRows    = 100
)

// rangeKinds are the ranges of a transaction, in sysbench's order.
var rangeKinds = [...]OpKind{OpRange, OpRangeSum, OpRangeOrder, OpRangeDistinct}
