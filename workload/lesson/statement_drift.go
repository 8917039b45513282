package lesson

import (
	"context"
	"fmt"
	"strings"
	"time"

	"flushbench/engine/binlog"
	"flushbench/metrics/result"
)

// statementDrift is the lesson statement-drift.
func statementDrift() Lesson {
	return Lesson{
		Name:  "statement-drift",
		Title: "The same binlog that makes other rows",
		Claim: "STATEMENT drifts where ROW and MIXED do not.",
		Rule: "The same transactions go to binlogs of the three formats, and a table is made from each. With STATEMENT some row must differ from its source, " +
			"and none but those of unsafe statements; with ROW and MIXED no row may.",
		Takes: 3 * time.Second,
		Bytes: 1 << 20, // nothing, but for what the result takes
		Run:   tellStatementDrift,
	}
}

const driftTransactions = 40 // of each statement, at Scale 1

func tellStatementDrift(ctx context.Context, env *Env) (*result.Lesson, error) {
	s := env.Story()
	n := env.Count(driftTransactions)
	s.Step("%d transactions of each of %d statements, with the binlog in each format; then a table is made from each binlog and compared with its source.", n, len(driftClasses))
	var all []*drift
	for _, format := range binlog.Formats.All() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := newDrift(format, n, env.Seed)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", format, err)
		}
		d.tell(s)
		all = append(all, d)
	}
	driftTables(s, all)
	s.Limit("No disk is in it: what a format says does not depend on one.")
	s.Limit("A server logs the seed of RAND() with the statement, so that one row gets the same number again; this binlog does not. " +
		"The rows of LIMIT differ where source and replay read by different indexes, as here.")
	return judgeDrift(s, all), nil
}

// driftTables adds what differs, and what a transaction takes.
func driftTables(s *Story, all []*drift) {
	rows, bytes := make([][]string, len(driftClasses)), make([][]string, len(driftClasses))
	head := []string{"statement", "unsafe"}
	for i := range driftClasses {
		c := &driftClasses[i]
		unsafe := "no"
		if c.unsafe {
			unsafe = "yes"
		}
		rows[i], bytes[i] = []string{c.name, unsafe}, []string{c.name, unsafe}
		for _, d := range all {
			rows[i] = append(rows[i], thousands(d.differ[i]))
			bytes[i] = append(bytes[i], thousands(d.bytes[i]/int64(d.n)))
		}
	}
	for _, d := range all {
		name := strings.ToLower(d.format.String())
		head = append(head, strings.ToUpper(name))
		s.Figure("rows_that_differ_"+name, float64(d.total()), "rows", "")
		s.Figure("bytes_per_transaction_"+name, float64(d.allBytes())/float64(d.n*len(driftClasses)), "bytes", "of the binlog, mean of all statements")
	}
	s.Table("Rows that differ from the source", head, rows...)
	s.Table("Bytes of binlog a transaction", head, bytes...)
}

// judgeDrift ends the story.
func judgeDrift(s *Story, all []*drift) *result.Lesson {
	var measured []string
	drifts, safe, others := false, true, true
	for _, d := range all {
		measured = append(measured, fmt.Sprintf("%s rows with %s", thousands(d.total()), strings.ToUpper(d.format.String())))
		switch {
		case d.format != binlog.FormatStatement:
			others = others && d.total() == 0
		default:
			drifts, safe = d.total() > 0, d.safe() == 0
		}
	}
	text := "Rows that differ from the source: " + strings.Join(measured, ", ") + "."
	s.Advise("binlog_format=ROW or MIXED (--binlog-format=row): a row event holds what the statement did at the source")
	switch {
	case !others:
		return s.DoesNotHold(text, "a table made from row events differs from its source")
	case !safe:
		return s.DoesNotHold(text, "rows of statements differ that were not marked unsafe")
	case !drifts:
		return s.DoesNotHold(text, "no statement gave other rows when it was executed again")
	}
	return s.Holds(text, "a clock, a random number and the order of rows are not in the text; MIXED logs the rows of such statements, and the text of the others")
}

// tell says what became of one format.
func (d *drift) tell(s *Story) {
	name := strings.ToUpper(d.format.String())
	mean := d.allBytes() / int64(d.n*len(driftClasses))
	if d.total() == 0 {
		s.Step("%s: every row is the same again; %s bytes of binlog a transaction.", name, thousands(mean))
		return
	}
	s.Step("%s: %s rows differ; %s bytes of binlog a transaction.", name, thousands(d.total()), thousands(mean))
	for i := range driftClasses {
		if d.example[i] != "" {
			s.Step("  %s: %s.", driftClasses[i].name, d.example[i])
		}
	}
}
