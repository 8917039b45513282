package workload

import "flushbench/engine/axis"

// OpKind is what one operation does.
type OpKind uint8

// The operations. Zero is illegal, so that a forgotten kind is never executed.
const (
	// OpAppend appends one record with the body Value to the log. Table and
	// Key mean nothing to it. It is the whole of workload log.
	OpAppend OpKind = iota + 1
)

// OpKinds is the table of operations.
var OpKinds = axis.Table[OpKind]{
	Axis: "operation",
	Values: []axis.Value[OpKind]{
		{Value: OpAppend, Name: "append", Help: "append one record with a body to the log"},
	},
}

// String returns the name of k.
func (k OpKind) String() string { return OpKinds.Name(k) }

// Op is one operation of a transaction, as data: each target interprets it in
// its own way.
type Op struct {
	Kind  OpKind
	Table string
	Key   uint64
	Value []byte // not changed and not kept by the target
}

// Txn is one transaction: its operations, then a commit.
type Txn struct {
	Client uint32
	Ops    []Op
}
