package workload

import "strconv"

// The statements are sysbench's.
const (
	sqlSelect   = "SELECT c FROM "
	sqlSum      = "SELECT SUM(k) FROM "
	sqlDistinct = "SELECT DISTINCT c FROM "
	sqlWhere    = " WHERE id="
	sqlBetween  = " WHERE id BETWEEN "
	sqlAnd      = " AND "
	sqlOrder    = " ORDER BY c"
	sqlLock     = " FOR UPDATE"
	sqlUpdate   = "UPDATE "
	sqlSetC     = " SET c='"
	sqlSetK     = " SET k=k"
	sqlInsert   = "INSERT INTO "
	sqlColumns  = " (id, k, c) VALUES ("
	sqlDelete   = "DELETE FROM "
	sqlQuote    = "'"
	sqlComma    = ", "
	sqlEnd      = "')"
)

// AppendSQL appends the statement of op to dst, without a semicolon: plain
// text that a server executes. If it is shorter than SQLBytes, a comment fills
// it up. OpAppend has none.
func (op *Op) AppendSQL(dst []byte) []byte {
	start := len(dst)
	switch op.Kind {
	case OpRead, OpReadForUpdate:
		dst = append(append(append(dst, sqlSelect...), op.Table...), sqlWhere...)
		dst = strconv.AppendUint(dst, op.Key, 10)
		if op.Kind == OpReadForUpdate {
			dst = append(dst, sqlLock...)
		}
	case OpRange, OpRangeSum, OpRangeOrder, OpRangeDistinct:
		dst = append(append(append(dst, op.rangeHead()...), op.Table...), sqlBetween...)
		dst = append(strconv.AppendUint(dst, op.Key, 10), sqlAnd...)
		dst = strconv.AppendUint(dst, op.last(), 10)
		if op.Kind == OpRangeOrder || op.Kind == OpRangeDistinct {
			dst = append(dst, sqlOrder...)
		}
	case OpUpdateC:
		dst = append(append(append(dst, sqlUpdate...), op.Table...), sqlSetC...)
		dst = append(append(append(dst, op.Value...), sqlQuote...), sqlWhere...)
		dst = strconv.AppendUint(dst, op.Key, 10)
	case OpUpdateK:
		dst = append(append(append(dst, sqlUpdate...), op.Table...), sqlSetK...)
		if op.Delta >= 0 {
			dst = append(dst, '+')
		}
		dst = append(strconv.AppendInt(dst, op.Delta, 10), sqlWhere...)
		dst = strconv.AppendUint(dst, op.Key, 10)
	case OpInsert:
		dst = append(append(append(dst, sqlInsert...), op.Table...), sqlColumns...)
		dst = append(strconv.AppendUint(dst, op.Key, 10), sqlComma...)
		dst = append(strconv.AppendInt(dst, op.Delta, 10), sqlComma...)
		dst = append(append(append(dst, sqlQuote...), op.Value...), sqlEnd...)
	case OpDelete:
		dst = append(append(append(dst, sqlDelete...), op.Table...), sqlWhere...)
		dst = strconv.AppendUint(dst, op.Key, 10)
	default:
		return dst
	}
	return fill(dst, op.SQLBytes-(len(dst)-start))
}

// fill appends n bytes that mean nothing: a comment, or spaces where there is
// no room for one.
func fill(dst []byte, n int) []byte {
	for ; n > 0 && n < 4; n-- {
		dst = append(dst, ' ')
	}
	if n <= 0 {
		return dst
	}
	dst = append(dst, "/*"...)
	for range n - 4 {
		dst = append(dst, '-')
	}
	return append(dst, "*/"...)
}

// rangeHead is how the statement of a range begins.
func (op *Op) rangeHead() string {
	switch op.Kind {
	case OpRangeSum:
		return sqlSum
	case OpRangeDistinct:
		return sqlDistinct
	}
	return sqlSelect
}

// last is the highest key of a range.
func (op *Op) last() uint64 { return op.Key + uint64(max(op.N, 1)) - 1 }

// sqlBytes is the length of the statement before it is filled up.
func (op *Op) sqlBytes() int {
	n := len(op.Table) + digits(op.Key)
	switch op.Kind {
	case OpRead:
		return n + len(sqlSelect) + len(sqlWhere)
	case OpReadForUpdate:
		return n + len(sqlSelect) + len(sqlWhere) + len(sqlLock)
	case OpRange, OpRangeSum:
		return n + len(op.rangeHead()) + len(sqlBetween) + len(sqlAnd) + digits(op.last())
	case OpRangeOrder, OpRangeDistinct:
		return n + len(op.rangeHead()) + len(sqlBetween) + len(sqlAnd) + digits(op.last()) + len(sqlOrder)
	case OpUpdateC:
		return n + len(sqlUpdate) + len(sqlSetC) + len(op.Value) + len(sqlQuote) + len(sqlWhere)
	case OpUpdateK:
		return n + len(sqlUpdate) + len(sqlSetK) + 1 + digits(magnitude(op.Delta)) + len(sqlWhere)
	case OpInsert:
		sign := 0
		if op.Delta < 0 {
			sign = 1
		}
		return n + len(sqlInsert) + len(sqlColumns) + sign + digits(magnitude(op.Delta)) + 2*len(sqlComma) +
			len(sqlQuote) + len(op.Value) + len(sqlEnd)
	case OpDelete:
		return n + len(sqlDelete) + len(sqlWhere)
	}
	return 0
}

// magnitude is the number without its sign.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// digits is how many decimal digits n has.
func digits(n uint64) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}
