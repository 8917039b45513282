package main

import (
	"strings"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
	"flushbench/plots/report"
)

// reportPart is a result with what its screen shows above the answer: the same
// lines and the same tables, cell by cell.
func reportPart(r *result.Result) report.Part {
	switch {
	case r.Kind == result.KindCrash:
		return report.Part{Result: r, Head: []string{crashHeadline(r)}, Tables: crashTables(r)}
	case r.Kind == result.KindLesson:
		return lessonPart(r)
	case r.Trace != nil:
		return tracePart(r)
	case r.Merge != nil:
		return mergePart(r)
	case r.Probe != nil:
		return report.Part{Result: r, Head: []string{hostinfo.Headline(r.Environment)}, Tables: probeTables(r.Probe)}
	}
	head := []string{runHeadline(r)}
	tables := runTables
	if r.Sweep != nil {
		tables = sweepTables
	}
	for _, lines := range []string{elsewhereLines(r), serverLines(r), idleLine(r), limitLine("this disk", r.Limit), limitLine("the binlog's disk", r.BinlogLimit)} {
		if lines != "" {
			head = append(head, lines)
		}
	}
	return report.Part{Result: r, Head: head, Tables: tables(r)}
}

// pageTableOf is a table of a screen for a page.
func pageTableOf(title, about string, g *grid, note string, spans ...span) report.Table {
	t := report.Table{Title: title, About: about, Rows: g.rows, Note: note}
	for _, c := range g.columns {
		t.Columns = append(t.Columns, report.Column{Head: c.head, Left: c.left})
	}
	for _, s := range spans {
		t.Spans = append(t.Spans, report.Span{From: s.from, To: s.to, Title: s.title})
	}
	return t
}

// runTables are those of runScreen, and the memory of each cell, of which the screen
// has a line.
func runTables(r *result.Result) []report.Table {
	var out []report.Table
	add := func(title, about string, g *grid, note string) {
		if len(g.rows) > 0 {
			out = append(out, pageTableOf(title, about, g, note))
		}
	}
	speed, risk := cellsWhere(r, false), cellsWhere(r, true)
	if rows := withFailed(r, speed, false); len(rows) > 0 {
		about := "closed loop, " + thinkText(rows[0]) + "; " + spreadText(r)
		if rows[0].Params.Rows > 0 {
			varied := append(variedAxes(rows), variedRows(rows)...)
			add("COMMIT", about, databaseTable(rows, varied), databaseNoteOf(rows)+failedNote(rows)) // servers have the second alone
			add("BESIDE", "what commits write, and what the pages do meanwhile", besideTable(speed, varied), besideNote)
			add(classTitle, classAbout, classGrid(speed), classNote)
		} else {
			add("SPEED", about, speedTable(speed), starNote(speed))
		}
	}
	if rows := withFailed(r, risk, true); len(rows) > 0 {
		add("RISK", riskTitle(rows), riskTable(rows), failedNote(rows))
		add("PACE", paceAbout, paceGrid(risk), paceNotes(risk))
		add(classTitle, classAbout, classGrid(risk), classNote)
	}
	beside := verdict.SideBySide(r)
	add(ratioTitle, ratioAboutOf(beside), ratioGrid(beside), ratioNote(beside))
	add(workTitle, workAboutOf(beside), workGrid(beside), workNote(beside))
	add(memoryTitle, memoryAbout, memoryGrid(append(speed, risk...)), memoryNote)
	add("VIEW", viewAbout, viewGrid(append(speed, risk...)), viewNote)
	add(backgroundTitle, backgroundAbout, backgroundGrid(append(speed, risk...)), backgroundNote)
	return out
}

// sweepTables are those of sweepScreen.
func sweepTables(r *result.Result) []report.Table {
	return []report.Table{pageTableOf("KNEE", sweepTitle(r), sweepGrid(r.Sweep), sweepNote(r.Sweep))}
}

// crashTables are those of crashScreen.
func crashTables(r *result.Result) []report.Table {
	var out []report.Table
	for _, group := range crashGroups(r) {
		c := group[0].Crash
		how := crashHow(r, c)
		if len(crashLoads(r)) > 1 {
			how = "workload " + group[0].Params.Workload + "; " + how
		}
		out = append(out, pageTableOf(strings.ToUpper(verdict.CrashName(c.Kind)), how, crashTable(r, group), crashNote(r)))
	}
	if g := controlTable(r); len(g.rows) > 0 {
		out = append(out, pageTableOf("CONTROLS", controlsAbout, g, ""))
	}
	return out
}

// probeTables are those of probeScreen.
func probeTables(p *result.Probe) []report.Table {
	if p.Gentle {
		return []report.Table{pageTableOf("FLUSHES", "a few a second, beside whatever else runs", gentleTable(p), "")}
	}
	var out []report.Table
	for _, t := range []struct {
		title, about string
		of           func(*result.Probe) (*grid, []span)
	}{{"METHODS", "one thread, write and flush, over and over", methodTable}, {"SIZES", "overwriting", sizeTable}} {
		if g, spans := t.of(p); len(g.rows) > 0 {
			out = append(out, pageTableOf(t.title, t.about, g, "", spans...))
		}
	}
	if g := pageTable(p); len(g.rows) > 0 {
		out = append(out, pageTableOf("PAGES", "log records against pages, by units: what one commit has to make safe", g, "p50 and p99 are those of a turn: all units that share a flush."))
	}
	return out
}
