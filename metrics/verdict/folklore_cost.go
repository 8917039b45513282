package verdict

import (
	"fmt"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

func judgeLogBeatsPages(r *result.Result) finding {
	if r.Probe != nil {
		if f := logAgainstPages(r); f.figures != "" {
			return f
		}
	}
	return redoAgainstForce(r)
}

// logAgainstPages compares the bare writes of a probe.
func logAgainstPages(r *result.Result) finding {
	var record, page *result.ProbePages
	for i := range r.Probe.Pages {
		switch p := &r.Probe.Pages[i]; p.Pattern {
		case result.PatternRecord:
			record = p
		case result.PatternPage:
			page = p
		}
	}
	if record == nil || page == nil || page.UnitsPerS <= 0 {
		return finding{}
	}
	// One unit to a turn in both, so turns are what is compared.
	c := stats.Compare(page.TurnRates, record.TurnRates, 0)
	text := fmt.Sprintf("%s records/s in sequence, %s pages/s at random places, each with a flush: %.2f times", Count(Significant(record.UnitsPerS, 3)),
		Count(Significant(page.UnitsPerS, 3)), record.UnitsPerS/page.UnitsPerS)
	return decided(r, beats(c.Outcome), text+outcomeNote(c.Outcome)+".")
}

// redoAgainstForce compares the first closed-loop cell with a redo log that has a
// partner that writes its pages instead.
func redoAgainstForce(r *result.Result) finding {
	for i := range r.Cells {
		redo := &r.Cells[i]
		if redo.Params.Durability != "redo" || redo.Params.Load == result.LoadPaced || len(stats.FullRounds(redo)) == 0 {
			continue
		}
		force := partner(r, redo, func(p *result.Params) { p.Durability = "force-pages" })
		if force == nil {
			continue
		}
		c := stats.CompareCells(force, redo, r.Limit)
		text := fmt.Sprintf("With a redo log %s clients carry %.2f times the commits/s of flushed pages", Count(float64(redo.Params.Clients)), c.Ratio)
		return decided(r, beats(c.Outcome), text+outcomeNote(c.Outcome)+".")
	}
	return finding{}
}

// partner returns the first cell with rounds whose axes are those of c after the
// change, or nil.
func partner(r *result.Result, c *result.Cell, change func(*result.Params)) *result.Cell {
	want := c.Params
	change(&want)
	return r.Find(func(c *result.Cell) bool {
		return len(c.Rounds) > 0 && c.Params.Policy == want.Policy && withoutPolicy(c.Params) == withoutPolicy(want)
	})
}

// beats is what a comparison says about "is more".
func beats(o stats.Outcome) ClaimOutcome {
	switch o {
	case stats.Faster:
		return Confirmed
	case stats.Slower:
		return Refuted
	}
	return Measured
}

// outcomeNote says why a ratio is no difference; "" where it is one.
func outcomeNote(o stats.Outcome) string {
	switch o {
	case stats.Noise:
		return ", within the noise"
	case stats.Inconclusive:
		return ", in too few rounds to tell"
	}
	return ""
}

// judgeMixed shows what the formats cost, where a run has more than one. It never
// decides: which one is a server's default is in its manual.
func judgeMixed(r *result.Result) finding {
	for i := range r.Cells {
		row := &r.Cells[i]
		if row.Params.BinlogFormat != "row" || len(stats.FullRounds(row)) == 0 {
			continue
		}
		mixed := partner(r, row, func(p *result.Params) { p.BinlogFormat = "mixed" })
		if mixed == nil {
			continue
		}
		return finding{Measured, fmt.Sprintf("%s with %s clients: row writes %s B a commit to the binlog, mixed %s B.",
			strings.ToUpper(settingText(&row.Params)[:1])+settingText(&row.Params)[1:], Count(float64(row.Params.Clients)), binlogBytes(row), binlogBytes(mixed))}
	}
	return finding{}
}

// binlogBytes is the median of a commit's bytes in the binlog.
func binlogBytes(c *result.Cell) string {
	m := median(c, func(r *result.Round) (float64, bool) {
		if r.Database == nil || r.Database.Binlog == nil || r.Commits == 0 {
			return 0, false
		}
		return float64(r.Database.Binlog.Bytes) / float64(r.Commits), true
	})
	if m == nil {
		return "an unknown number of"
	}
	return Count(*m)
}
