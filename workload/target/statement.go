package target

import (
	"fmt"

	"flushbench/workload"
)

// Query returns the statement of an operation on Table(workload.TableName), to
// be prepared: sysbench's, with placeholder(i) for its i-th argument, i = 1, 2,
// ...; "" for an operation that no server has.
func Query(k workload.OpKind, placeholder func(i int) string) string {
	table, p := Table(workload.TableName), placeholder
	switch k {
	case workload.OpRead:
		return fmt.Sprintf("SELECT c FROM %s WHERE id=%s", table, p(1))
	case workload.OpReadForUpdate:
		return fmt.Sprintf("SELECT c FROM %s WHERE id=%s FOR UPDATE", table, p(1))
	case workload.OpRange:
		return fmt.Sprintf("SELECT c FROM %s WHERE id BETWEEN %s AND %s", table, p(1), p(2))
	case workload.OpRangeSum:
		return fmt.Sprintf("SELECT SUM(k) FROM %s WHERE id BETWEEN %s AND %s", table, p(1), p(2))
	case workload.OpRangeOrder:
		return fmt.Sprintf("SELECT c FROM %s WHERE id BETWEEN %s AND %s ORDER BY c", table, p(1), p(2))
	case workload.OpRangeDistinct:
		return fmt.Sprintf("SELECT DISTINCT c FROM %s WHERE id BETWEEN %s AND %s ORDER BY c", table, p(1), p(2))
	case workload.OpUpdateC:
		return fmt.Sprintf("UPDATE %s SET c=%s WHERE id=%s", table, p(1), p(2))
	case workload.OpUpdateK:
		return fmt.Sprintf("UPDATE %s SET k=k+%s WHERE id=%s", table, p(1), p(2))
	case workload.OpInsert:
		return fmt.Sprintf("INSERT INTO %s (id, k, c) VALUES (%s, %s, %s)", table, p(1), p(2), p(3))
	case workload.OpDelete:
		return fmt.Sprintf("DELETE FROM %s WHERE id=%s", table, p(1))
	}
	return ""
}

// AppendArgs appends the arguments of op for the placeholders of Query, in their
// order, and returns the extended slice: keys and numbers as int64, bytes as
// []byte that belong to op.
func AppendArgs(dst []any, op *workload.Op) []any {
	key := int64(op.Key)
	switch op.Kind {
	case workload.OpRead, workload.OpReadForUpdate, workload.OpDelete:
		return append(dst, key)
	case workload.OpRange, workload.OpRangeSum, workload.OpRangeOrder, workload.OpRangeDistinct:
		return append(dst, key, key+int64(max(op.N, 1))-1)
	case workload.OpUpdateC:
		return append(dst, op.Value, key)
	case workload.OpUpdateK:
		return append(dst, op.Delta, key)
	case workload.OpInsert:
		return append(dst, key, op.Delta, op.Value)
	}
	return dst
}
