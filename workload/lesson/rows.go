package lesson

import (
	"fmt"

	"flushbench/engine/binlog"
	"flushbench/engine/rebuild"
	"flushbench/workload"
)

// baseOf is the table before the first transaction of g: the backup from which a
// binlog goes on.
func baseOf(g *workload.Generator) rebuild.Base {
	return rebuild.Base{Rows: g.TableRows(), Row: func(key uint64, r *binlog.Row) (bool, error) {
		k, c := g.Row(key)
		r.K, r.C = k, append(r.C[:0], c...)
		return true, nil
	}}
}

// differs names a row and what it holds on both sides: in the engine, and in what was
// made from the binlog.
func differs(g *workload.Generator, d *rebuild.RowDiff, engine, binlog string) string {
	what := fmt.Sprintf("row %d", d.Key)
	switch {
	case d.Key >= g.Spec().Rows && d.Key < g.TableRows():
		what = fmt.Sprintf("the note of client %d", d.Key-g.Spec().Rows)
	case g.Spec().Kind == workload.KindBank:
		what = fmt.Sprintf("account %d", d.Key)
	}
	return fmt.Sprintf("%s %s in the %s and %s in the %s", what, holds(d.Engine), engine, holds(d.Binlog), binlog)
}

// some is a number of things: "1 row", "1,204 rows".
func some[N int | int64 | uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return thousands(n) + " " + thing + "s"
}

func holds(r *binlog.Row) string {
	if r == nil {
		return "is not there"
	}
	return fmt.Sprintf("holds %d", r.K)
}
