package workload

import "strconv"

// limitBlock is among how many keys, a power of two, LIMIT 1 chooses.
const limitBlock = 8

// AppendLogged appends the statement of op as a binlog in format STATEMENT holds it,
// without a semicolon: AppendSQL's, but for an op that is Unsafe. Of that the text does
// not have what op does, because its client has left that to the server:
//
//	OpUpdateC, OpInsert  c is the server's clock, SYSDATE (even keys), or UUID (odd keys)
//	OpUpdateK            one row of eight, whichever comes first: LIMIT 1
//	OpDelete             LIMIT 1 too, but of one row: unsafe by the rule, not by its outcome
//
// What op has is then what came out at the source; whoever replays the text gets
// something else, or with LIMIT the row that comes first there. MariaDB and MySQL call all
// of these unsafe. They write the time of a statement and the seeds of RAND() to the
// binlog, so that NOW() and RAND() do not drift there: neither is used here.
func (op *Op) AppendLogged(dst []byte) []byte {
	if !op.Unsafe {
		return op.AppendSQL(dst)
	}
	start := len(dst)
	switch op.Kind {
	case OpUpdateC:
		dst = append(append(append(dst, sqlUpdate...), op.Table...), " SET c="...)
		dst = op.appendUnsafeC(dst)
		dst = strconv.AppendUint(append(dst, sqlWhere...), op.Key, 10)
	case OpInsert:
		dst = append(append(append(dst, sqlInsert...), op.Table...), sqlColumns...)
		dst = append(strconv.AppendUint(dst, op.Key, 10), sqlComma...)
		dst = append(strconv.AppendInt(dst, op.Delta, 10), sqlComma...)
		dst = append(op.appendUnsafeC(dst), ')')
	case OpUpdateK:
		dst = append(append(append(dst, sqlUpdate...), op.Table...), sqlSetK...)
		if op.Delta >= 0 {
			dst = append(dst, '+')
		}
		dst = append(strconv.AppendInt(dst, op.Delta, 10), sqlBetween...)
		dst = append(strconv.AppendUint(dst, op.Key&^(limitBlock-1), 10), sqlAnd...)
		dst = append(strconv.AppendUint(dst, op.Key|(limitBlock-1), 10), " LIMIT 1"...)
	case OpDelete:
		dst = append(append(append(dst, sqlDelete...), op.Table...), sqlWhere...)
		dst = append(strconv.AppendUint(dst, op.Key, 10), " LIMIT 1"...)
	default:
		return op.AppendSQL(dst)
	}
	return fill(dst, op.SQLBytes-(len(dst)-start))
}

// appendUnsafeC appends an expression for c, of its length, that has another value each
// time.
func (op *Op) appendUnsafeC(dst []byte) []byte {
	call := "RPAD(SYSDATE(6),"
	if op.Key%2 != 0 {
		call = "RPAD(UUID(),"
	}
	dst = strconv.AppendInt(append(dst, call...), int64(len(op.Value)), 10)
	return append(dst, ",'-')"...)
}
