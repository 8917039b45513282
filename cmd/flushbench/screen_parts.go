package main

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// wrapped is text in lines of 80 columns.
func wrapped(text string) string {
	return strings.Join(verdict.Wrap(text, verdict.Width), "\n") + "\n"
}

// elsewhereLines say what lies in other folders than the log, and on what.
func elsewhereLines(r *result.Result) string {
	var b strings.Builder
	for i := range r.Environment.Devices {
		p := &r.Environment.Devices[i]
		// The headline with what lies there where the host's name stands.
		e := result.Environment{Host: holdsText(p), Filesystem: p.Filesystem, MountSource: p.MountSource, Volatile: p.Volatile, Device: p.Device}
		text := strings.Join(verdict.Wrap(hostinfo.Headline(e), verdict.Width), "\n")
		b.WriteString(strings.ToUpper(text[:1]) + text[1:] + "\n")
	}
	return b.String()
}

// idleLine says that idle processors are kept from sleeping, where they are.
func idleLine(r *result.Result) string {
	text := hostinfo.IdleCondition(r.Environment)
	if text == "" {
		return ""
	}
	return wrapped(text)
}

// holdsText names what lies in a folder: "pages and binlog".
func holdsText(p *result.Place) string { return strings.Join(p.Holds, " and ") }

// partialText says why a run has fewer rounds than were asked for, and how it is
// completed.
func partialText(r *result.Result, folder string) string {
	why := "Ended early"
	if endedByBudget(r) {
		short := 0
		for i := range r.Cells {
			if r.Cells[i].Partial {
				short++
			}
		}
		why = fmt.Sprintf("The write budget (--max-write-bytes) was used up: %d of %d cells have fewer rounds than asked for", short, len(r.Cells))
	}
	return why + ": finished cells are kept. To complete it: the same flags and --resume " + folder
}

// endedByBudget reports whether the user's write budget cut a run short.
func endedByBudget(r *result.Result) bool {
	return r.Error == "" && !r.Interrupted && slices.ContainsFunc(r.Cells, func(c result.Cell) bool {
		return c.Partial && c.Bound == result.BoundWriteBudget
	})
}

// classTable splits what is at risk with two logs by which of them would lack it.
// "": nothing is, or there is one log.
func classTable(cells []*result.Cell) string {
	g := classGrid(cells)
	if len(g.rows) == 0 {
		return ""
	}
	return "\n" + classTitle + ": " + classAbout + "\n" + g.String() + classNote + "\n"
}

// What stands above and below the table of classes.
const (
	classTitle = "At risk by class"
	classAbout = "commits, each at its own worst moment"
	classNote  = "lost: neither log has it; engine ahead: the binlog lacks it, and so do\nreplicas; binlog ahead: the engine lacks it"
)

// classGrid has rows where something is at risk and there are two logs.
func classGrid(cells []*result.Cell) *grid {
	g := &grid{columns: []column{
		{head: "pair", left: true}, {head: "crash", left: true}, {head: "lost"}, {head: "engine ahead"}, {head: "binlog ahead"},
	}}
	varied := append(variedAxes(cells), variedRows(cells)...)
	for _, c := range cells {
		a := c.Summary.AtRisk
		if c.Params.SyncBinlog == nil || a == nil {
			continue
		}
		name := pairName(c, varied)
		for _, k := range classes(a) {
			g.add(name, k.crash, classText(k.risk.LostMax, k.risk), classText(k.risk.EngineAheadMax, k.risk), classText(k.risk.BinlogAheadMax, k.risk))
			name = ""
		}
	}
	return g
}

// class is what a crash of some kinds takes.
type class struct {
	crash string
	risk  result.Risk
}

// classes are the crash kinds that take something, those that take the same in one.
func classes(a *result.AtRisk) (all []class) {
	for _, k := range []class{{"process", a.Process}, {"kernel", a.OS}, {"power", a.Power}} {
		if k.risk.LostMax+k.risk.EngineAheadMax+k.risk.BinlogAheadMax == 0 {
			continue
		}
		if n := len(all) - 1; n >= 0 && sameClasses(&all[n].risk, &k.risk) {
			all[n].crash += ", " + k.crash
			continue
		}
		all = append(all, k)
	}
	return all
}

func sameClasses(a, b *result.Risk) bool {
	return a.LostMax == b.LostMax && a.EngineAheadMax == b.EngineAheadMax && a.BinlogAheadMax == b.BinlogAheadMax && a.Truncated == b.Truncated
}

func classText(n int64, r result.Risk) string {
	if r.Truncated {
		return ">= " + verdict.Count(float64(n))
	}
	return verdict.Count(float64(n))
}

// viewTable shows what a long-open read view does to the writers, and what it
// finds. "": no cell has one.
func viewTable(cells []*result.Cell) string {
	g := viewGrid(cells)
	if len(g.rows) == 0 {
		return ""
	}
	return g.String() + viewNote + "\n"
}

// What stands above and below the table of long-open read views.
const (
	viewAbout = "one more session reads the whole table in one read view, over and over"
	viewNote  = "history: undo logs that purge has to keep or has not reached, mean and most;\npurge: until it had worked them off afterwards (>: some were left)"
)

// viewGrid has a row for each cell, or none where no cell has a long-open view.
func viewGrid(cells []*result.Cell) *grid {
	g := &grid{columns: []column{
		{head: "pair", left: true}, {head: "clients"}, {head: "view"}, {head: "commits/s"}, {head: "rows/s"}, {head: "history"}, {head: "at most"}, {head: "purge s"},
	}}
	if !slices.ContainsFunc(cells, func(c *result.Cell) bool { return c.Params.LongView != "" }) {
		return g
	}
	var plain []*result.Cell // the view has a column of its own
	for _, c := range cells {
		without := *c
		without.Params.LongView = ""
		plain = append(plain, &without)
	}
	varied := append(variedAxes(plain), variedRows(plain)...)
	view := func(of func(*result.LongView) float64) func(*result.Round) float64 {
		return func(r *result.Round) float64 {
			if r.Database.LongView == nil {
				return 0
			}
			return of(r.Database.LongView)
		}
	}
	rates := slices.ContainsFunc(cells, func(c *result.Cell) bool { return c.Params.Rate != cells[0].Params.Rate })
	for i, c := range cells {
		name := pairName(plain[i], varied)
		if rates {
			name += " " + rateName(&c.Params)
		}
		row := []string{name, verdict.Count(float64(c.Params.Clients)), none, rate(c.Summary.TPS.Median), none,
			overRounds(c, func(r *result.Round) float64 { return r.Database.HistoryLengthMean }), verdict.Count(float64(historyMax(c))), none}
		if c.Params.LongView != "" {
			row[2] = c.Params.LongView
			row[4] = overRounds(c, view(func(v *result.LongView) float64 { return v.RowsPS }))
			row[7] = overRounds(c, view(func(v *result.LongView) float64 { return float64(v.CatchUpNS) / 1e9 }))
			if historyLeft(c) {
				row[7] = ">" + row[7]
			}
		}
		g.add(row...)
	}
	return g
}

// rateName is the rate of a paced cell, and "closed" of one that is not.
func rateName(p *result.Params) string {
	if p.Rate == 0 {
		return "closed"
	}
	return rate(p.Rate) + "/s"
}

// historyLeft reports whether purge was given up on after a round.
func historyLeft(c *result.Cell) bool {
	return slices.ContainsFunc(stats.FullRounds(c), func(r result.Round) bool {
		return r.Database != nil && r.Database.LongView != nil && r.Database.LongView.Left > 0
	})
}

// historyMax is the longest history of all rounds.
func historyMax(c *result.Cell) (most int64) {
	for _, r := range stats.FullRounds(c) {
		if r.Database != nil {
			most = max(most, r.Database.HistoryLengthMax)
		}
	}
	return most
}
