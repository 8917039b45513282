package workload

import "flushbench/engine/axis"

// OpKind is what one operation does.
type OpKind uint8

// The operations. Zero is illegal, so that a forgotten kind is never executed.
// All but OpAppend are SQL statements on one table with the columns id (the
// key), k (a number) and c (bytes); sql.go has their text. The ranges are
// sysbench's four: they differ in what is done with the rows.
const (
	// OpAppend appends one record with the body Value to the log. Table and
	// Key mean nothing to it. It is the whole of workload log.
	OpAppend OpKind = iota + 1
	// OpRead reads the row Key, without a lock.
	OpRead
	// OpReadForUpdate reads the row Key and locks it for a later update.
	OpReadForUpdate
	// OpRange reads c of the rows with keys from Key to Key+N-1, as far as
	// they exist.
	OpRange
	// OpRangeSum adds up k of these rows.
	OpRangeSum
	// OpRangeOrder reads c of these rows in the order of c.
	OpRangeOrder
	// OpRangeDistinct is OpRangeOrder with each c once.
	OpRangeDistinct
	// OpUpdateC sets c of the row Key to Value.
	OpUpdateC
	// OpUpdateK adds Delta to k of the row Key.
	OpUpdateK
	// OpInsert adds the row Key with k = Delta and c = Value. It is an error
	// if there is one.
	OpInsert
	// OpDelete deletes the row Key.
	OpDelete
)

// OpKinds is the table of operations.
var OpKinds = axis.Table[OpKind]{
	Axis: "operation",
	Values: []axis.Value[OpKind]{
		{Value: OpAppend, Name: "append", Help: "append one record with a body to the log"},
		{Value: OpRead, Name: "read", Alias: []string{"point-select"}, Help: "read one row"},
		{Value: OpReadForUpdate, Name: "read-for-update", Help: "read one row and lock it"},
		{Value: OpRange, Name: "range", Alias: []string{"simple-range"}, Help: "read rows next to each other"},
		{Value: OpRangeSum, Name: "sum-range", Help: "add up a number of rows next to each other"},
		{Value: OpRangeOrder, Name: "order-range", Help: "read rows next to each other, sorted"},
		{Value: OpRangeDistinct, Name: "distinct-range", Help: "read rows next to each other, sorted, without doubles"},
		{Value: OpUpdateC, Name: "update-c", Alias: []string{"non-index-update"}, Help: "overwrite the bytes of one row"},
		{Value: OpUpdateK, Name: "update-k", Alias: []string{"index-update"}, Help: "add to the number of one row"},
		{Value: OpInsert, Name: "insert", Help: "add one row"},
		{Value: OpDelete, Name: "delete", Help: "delete one row"},
	},
}

// String returns the name of k.
func (k OpKind) String() string { return OpKinds.Name(k) }

// Writes reports whether k changes a row or the log.
func (k OpKind) Writes() bool {
	return k == OpAppend || k >= OpUpdateC && k <= OpDelete
}

// Ranges reports whether k reads rows next to each other.
func (k OpKind) Ranges() bool { return k >= OpRange && k <= OpRangeDistinct }

// Op is one operation of a transaction, as data: each target interprets it in
// its own way.
type Op struct {
	Kind  OpKind
	Table string
	Key   uint64
	N     int    // rows of a range, at least 1
	Delta int64  // what OpUpdateK adds to k; k of OpInsert
	Value []byte // not changed and not kept by the target
	// SQLBytes is the length of the statement, as AppendSQL writes it; 0 for
	// OpAppend.
	SQLBytes int
	// Unsafe marks a statement that a server would not log as text, because
	// it might do something else when it is run again.
	Unsafe bool
}

// Txn is one transaction: its operations in their order, then a commit, or a
// rollback if Rollback says so.
type Txn struct {
	Client uint32
	Ops    []Op
	// Rollback asks for a rollback in the end instead of a commit.
	Rollback bool
	// Unsafe reports whether some operation is Unsafe.
	Unsafe bool
}

// Writes reports whether some operation of t changes something.
func (t *Txn) Writes() bool {
	for i := range t.Ops {
		if t.Ops[i].Kind.Writes() {
			return true
		}
	}
	return false
}
