package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"flushbench/workload"
)

// Each operation that a server has comes with as many arguments as its statement
// has placeholders, the key the last or the first.
func TestStatements(t *testing.T) {
	value := []byte("c")
	for _, c := range []struct {
		kind workload.OpKind
		sql  string
		args []any
	}{
		{workload.OpRead, "SELECT c FROM flushbench_sbtest1 WHERE id=$1", []any{int64(5)}},
		{workload.OpReadForUpdate, "SELECT c FROM flushbench_sbtest1 WHERE id=$1 FOR UPDATE", []any{int64(5)}},
		{workload.OpRange, "SELECT c FROM flushbench_sbtest1 WHERE id BETWEEN $1 AND $2", []any{int64(5), int64(7)}},
		{workload.OpRangeSum, "SELECT SUM(k) FROM flushbench_sbtest1 WHERE id BETWEEN $1 AND $2", []any{int64(5), int64(7)}},
		{workload.OpRangeOrder, "SELECT c FROM flushbench_sbtest1 WHERE id BETWEEN $1 AND $2 ORDER BY c", []any{int64(5), int64(7)}},
		{workload.OpRangeDistinct, "SELECT DISTINCT c FROM flushbench_sbtest1 WHERE id BETWEEN $1 AND $2 ORDER BY c", []any{int64(5), int64(7)}},
		{workload.OpUpdateC, "UPDATE flushbench_sbtest1 SET c=$1 WHERE id=$2", []any{value, int64(5)}},
		{workload.OpUpdateK, "UPDATE flushbench_sbtest1 SET k=k+$1 WHERE id=$2", []any{int64(-2), int64(5)}},
		{workload.OpInsert, "INSERT INTO flushbench_sbtest1 (id, k, c) VALUES ($1, $2, $3)", []any{int64(5), int64(-2), value}},
		{workload.OpDelete, "DELETE FROM flushbench_sbtest1 WHERE id=$1", []any{int64(5)}},
		{workload.OpAppend, "", nil},
		{0, "", nil},
	} {
		op := workload.Op{Kind: c.kind, Key: 5, N: 3, Delta: -2, Value: value}
		sql := Query(c.kind, func(i int) string { return fmt.Sprintf("$%d", i) })
		args := AppendArgs([]any{"before"}, &op)
		if sql != c.sql || fmt.Sprint(args[1:]) != fmt.Sprint(c.args) || strings.Count(sql, "$") != len(args)-1 {
			t.Errorf("%v: %s %v; want %s %v", c.kind, sql, args[1:], c.sql, c.args)
		}
	}
	if args := AppendArgs(nil, &workload.Op{Kind: workload.OpRange, Key: 5}); args[1] != int64(5) {
		t.Errorf("a range of 0 rows ends at %v; want its first row", args[1])
	}
}

func TestDiffering(t *testing.T) {
	have := Settings{{"a", "ON"}, {"b", "1"}, {"c", "x"}}
	want := Settings{{"c", "y"}, {"a", "1"}, {"b", "0"}, {"d", "1"}, {"c", "z"}}
	before := Differing(have, want)
	if before.String() != "c=x, b=1" || before.Reversed().String() != "b=1, c=x" || before.String() != "c=x, b=1" {
		t.Errorf("Differing() = %v", before)
	}
	if have.Get("c") != "x" || have.Get("e") != "" || !have.Has("a") || have.Has("e") {
		t.Errorf("Get, Has of %v", have)
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{{"ON", "1", true}, {"off", "0", true}, {"Yes", "true", true}, {"row", "ROW", true}, {"1", "2", false}, {"ON", "OFF", false}, {"10", "1", false}} {
		if SameValue(c.a, c.b) != c.want || SameValue(c.b, c.a) != c.want {
			t.Errorf("SameValue(%q, %q) is not %v", c.a, c.b, c.want)
		}
	}
	for name, want := range map[string]bool{"sync_binlog": true, "auto_explain.log": true, "": false, "a b": false, "a;b": false, "a'": false, "ä": false} {
		if NameOK(name) != want {
			t.Errorf("NameOK(%q) is not %v", name, want)
		}
	}
}

func TestCountersSub(t *testing.T) {
	a := Counters{Commits: 10, Rollbacks: -1, Flushes: 5, RedoFlushes: 4, BinlogFlushes: 3, RedoBytes: 2, BinlogBytes: 1, Deadlocks: 9}
	b := Counters{Commits: 4, Rollbacks: 3, Flushes: -1, RedoFlushes: 3, BinlogFlushes: 1, RedoBytes: 1, BinlogBytes: 1, Deadlocks: 2}
	if got, want := a.Sub(b), (Counters{6, -1, -1, 1, 2, 1, 0, 7}); got != want {
		t.Errorf("Sub() = %+v; want %+v", got, want)
	}
}

func TestFailure(t *testing.T) {
	var names []string
	for _, err := range []error{workload.ErrDeadlock, workload.ErrLockWaitTimeout, ErrConnectionLost, ErrReadOnly, ErrTooManyConnections, ErrNoSpace, ErrPrivilege} {
		names = append(names, Failure(fmt.Errorf("client 3: %w: %w", err, errors.New("cause"))))
	}
	if want := []string{"deadlock", "lock wait timeout", "connection lost", "read only", "too many connections", "no space", "other"}; !slices.Equal(names, want) {
		t.Errorf("Failure() = %q; want %q", names, want)
	}
	for p, want := range map[Pair]string{{1, 1}: "1/1", {2, -1}: "2", {0, 100}: "0/100"} {
		if p.String() != want {
			t.Errorf("%+v.String() = %s; want %s", p, p, want)
		}
	}
}
