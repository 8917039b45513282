package lesson

import (
	"testing"

	"flushbench/engine/binlog"
	"flushbench/metrics/result"
)

// With STATEMENT every class of unsafe statements drifts and no other does; with ROW
// and MIXED nothing does. MIXED takes the text where that is enough.
func TestDrift(t *testing.T) {
	all := map[binlog.Format]*drift{}
	for _, format := range binlog.Formats.All() {
		d, err := newDrift(format, 10, 1)
		if err != nil {
			t.Fatalf("%v: %v", format, err)
		}
		all[format] = d
		for i, c := range driftClasses {
			want := c.unsafe && format == binlog.FormatStatement
			if got := d.differ[i] > 0; got != want || (d.example[i] != "") != want {
				t.Errorf("%v, %s: %d rows differ (%s)", format, c.name, d.differ[i], d.example[i])
			}
			if d.bytes[i] == 0 {
				t.Errorf("%v, %s: no bytes of binlog", format, c.name)
			}
		}
	}
	for i, c := range driftClasses {
		like := binlog.FormatStatement
		if c.unsafe {
			like = binlog.FormatRow
		}
		if got, want := all[binlog.FormatMixed].bytes[i], all[like].bytes[i]; got != want {
			t.Errorf("MIXED, %s: %d bytes; want the %d of %v", c.name, got, want, like)
		}
		if c.span >= 50 && all[binlog.FormatRow].bytes[i] < 10*all[binlog.FormatStatement].bytes[i] {
			t.Errorf("ROW, %s: %d bytes, and the text takes %d", c.name, all[binlog.FormatRow].bytes[i], all[binlog.FormatStatement].bytes[i])
		}
	}
}

func TestStatementDriftLesson(t *testing.T) {
	out := tell(t, statementDrift(), testEnv(t, 0.3))
	if out.Outcome != result.LessonHolds {
		t.Errorf("it %s: %s", out.Outcome, out.Measured)
	}
	if row, _ := out.Figure("rows_that_differ_row"); row != 0 {
		t.Errorf("%v rows differ with ROW", row)
	}
	if text, _ := out.Figure("rows_that_differ_statement"); text == 0 {
		t.Error("no row differs with STATEMENT")
	}
}
