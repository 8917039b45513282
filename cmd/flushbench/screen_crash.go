package main

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// crashScreen is what crash prints, from the result alone.
func crashScreen(r *result.Result, folder string, bold func(string) string) string {
	var b strings.Builder
	b.WriteString(wrapped(crashHeadline(r)))
	above := ""
	for _, group := range crashGroups(r) {
		c := group[0].Crash
		title := "\n" + bold(strings.ToUpper(verdict.CrashName(c.Kind))) + "  " + crashHow(r, c) + "\n"
		if title != above {
			b.WriteString(title)
		}
		if len(crashLoads(r)) > 1 { // a table each below one title
			b.WriteString("workload " + group[0].Params.Workload + "\n")
		}
		above = title
		b.WriteString(crashTable(r, group).String())
	}
	if note := crashNote(r); note != "" {
		b.WriteString("\n" + note + "\n")
	}
	if g := controlTable(r); len(g.rows) > 0 {
		b.WriteString("\n" + bold("CONTROLS") + "  " + controlsAbout + "\n" + g.String())
	}
	b.WriteString("\n")
	b.WriteString(label("ANSWER", verdict.CrashAnswer(r)...))
	b.WriteString(label("NOT PROVED", strings.Join(verdict.CrashNotProved(r), " | ")))
	b.WriteString(crashEvidence(r))
	b.WriteString(warningLines(r))
	if r.Error != "" {
		b.WriteString(label("FAILED", r.Error))
	}
	if !r.Complete {
		b.WriteString(label("PARTIAL", "Ended early: finished trials are kept."))
	}
	b.WriteString(resultLine(folder))
	return b.String()
}

// crashHeadline is the machine, the disk and the load.
func crashHeadline(r *result.Result) string {
	text := runHeadlineOf(r)
	if len(r.Cells) == 0 {
		return text
	}
	p := &r.Cells[0].Params
	load := "closed loop"
	if p.Load == result.LoadPaced {
		load = rate(p.Rate) + " commits/s"
	}
	if f := verdict.CrashFaults(r); len(f) == 1 && f[0] != "" {
		load += ", and before each crash " + verdict.CrashFaultText(f[0])
	}
	frozen := 0
	var versions []string
	for i := range r.CrashTrials {
		if s := r.CrashTrials[i].Server; s != nil && !slices.Contains(versions, s.Product+" "+s.Version) {
			versions = append(versions, s.Product+" "+s.Version)
		}
		if r.CrashTrials[i].Moment.Frozen {
			frozen++
		}
	}
	if len(versions) > 0 {
		text += "; " + strings.Join(versions, ", ")
	}
	return fmt.Sprintf("%s; %d clients, %s; %d crashes, seed %d; %d with the clients stopped first",
		text, p.Clients, load, len(r.CrashTrials), r.Seed, frozen)
}

// crashNote explains the columns that a crash table has with two logs; "": one log.
func crashNote(r *result.Result) string {
	if note := serverNote(r); note != "" {
		return note
	}
	if !slices.ContainsFunc(r.Cells, func(c result.Cell) bool { return c.Params.SyncBinlog != nil }) {
		return ""
	}
	note := "engine+, binlog+: the most commits, acknowledged or not, that only one log has"
	if slices.ContainsFunc(r.Cells, oneAfterTheOther) {
		note += "\ndiverged: crashes that left the two logs different"
	}
	return note
}

// serverNote says what stands in place of a prediction where a server was crashed.
func serverNote(r *result.Result) string {
	var timers []string
	for i := range r.Cells {
		if c := r.Cells[i].Crash; c != nil && c.Server != nil && !slices.Contains(timers, c.Server.Timer) {
			timers = append(timers, c.Server.Timer)
		}
	}
	if len(timers) == 0 {
		return ""
	}
	text := "timer: " + strings.Join(timers, ", ") + "; a server shows no watermarks to predict from"
	return strings.Join(verdict.Wrap(text, verdict.Width), "\n")
}

// crashAfter says in two words what had gone wrong before.
func crashAfter(fault string) string {
	if fault == "enospc" {
		return ", disk full"
	}
	return ", after " + strings.ToUpper(fault)
}

// crashGroups are the cells that are no controls, by crash kind, file system, fault
// and workload, in the order of the result.
func crashGroups(r *result.Result) [][]*result.Cell {
	var out [][]*result.Cell
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Crash == nil || c.Crash.Control != "" {
			continue
		}
		k := slices.IndexFunc(out, func(g []*result.Cell) bool {
			return alikeCrashed(g[0].Crash, c.Crash) && g[0].Params.Workload == c.Params.Workload
		})
		if k >= 0 {
			out[k] = append(out[k], c)
			continue
		}
		// Beside those that were crashed in the same way with another workload.
		for i, g := range out {
			if alikeCrashed(g[0].Crash, c.Crash) {
				k = i + 1
			}
		}
		if k < 0 {
			k = len(out)
		}
		out = slices.Insert(out, k, []*result.Cell{c})
	}
	return out
}

// alikeCrashed reports whether two cells were crashed in the same way.
func alikeCrashed(a, b *result.CrashCell) bool {
	return a.Kind == b.Kind && a.Filesystem == b.Filesystem && a.FSOptions == b.FSOptions && a.Point == b.Point && a.Fault == b.Fault
}

// crashHow says in a line how the crashes of a cell are brought about.
func crashHow(r *result.Result, c *result.CrashCell) string {
	how := crashOf(c) + crashWhere(c)
	if c.Fault != "" && len(verdict.CrashFaults(r)) > 1 {
		how += crashAfter(c.Fault)
	}
	return how
}

// crashOf says what a crash kind takes.
func crashOf(c *result.CrashCell) string {
	on := c.Filesystem
	if c.FSOptions != "" {
		on += " (" + c.FSOptions + ")"
	}
	switch c.Kind {
	case "process":
		return on + ": SIGKILL; the page cache lives on"
	case "os":
		if c.Device != "" {
			return on + " on " + c.Device + ": the file system is shut down"
		}
		return on + ": the file system is shut down"
	}
	return on + ": its device forgets what was not flushed"
}

// crashTable has a row for each cell of a group.
func crashTable(r *result.Result, cells []*result.Cell) *grid {
	varied := verdict.CrashVaried(r)
	binlog := slices.ContainsFunc(cells, twoLogs)
	head := "predicted"
	server := func(c *result.Cell) bool { return c.Crash.Server != nil }
	if engine := func(c *result.Cell) bool { return !server(c) }; !slices.ContainsFunc(cells, engine) {
		head = "timer"
	} else if slices.ContainsFunc(cells, server) {
		head = "expected"
	}
	g := &grid{columns: []column{{head: "policy", left: true}, {head: "trials"}, {head: "acknowledged"}, {head: "lost: median"}, {head: "max", left: true}}}
	if binlog {
		g.columns[0].head, g.columns[2].head, g.columns[3].head = "pair", "acked", "median"
		g.columns = append(g.columns, column{head: "engine+"}, column{head: "binlog+"})
	}
	g.columns = append(g.columns, column{head: head, left: true}, column{head: "verdict", left: true})
	diverged := slices.ContainsFunc(cells, func(c *result.Cell) bool { return oneAfterTheOther(*c) })
	if diverged { // what differs is the subject, and takes the room of the figures of a loss
		g.columns[4].head = "lost: max"
		g.columns = slices.Delete(g.columns, 3, 4)
		g.columns[len(g.columns)-2] = column{head: "diverged"}
	}
	for _, c := range cells {
		row := crashRow(c, varied, binlog)
		if diverged && len(row) > 2 {
			row = slices.Delete(row, 3, 4)
			row[len(row)-2] = fmt.Sprintf("%d of %d", c.Crash.Summary.Diverged, c.Crash.Summary.Trials)
		}
		g.add(row...)
	}
	return g
}

// oneAfterTheOther reports whether a cell commits to its logs without two-phase commit.
func oneAfterTheOther(c result.Cell) bool { return c.Params.CommitProtocol != "" }

// crashWhere says where in a commit the crashes of a cell struck; "": anywhere.
func crashWhere(c *result.CrashCell) string {
	if c.Point == "" {
		return ""
	}
	return "; " + strings.ReplaceAll(c.Point, "-", " ")
}

// twoLogs reports whether a cell has two logs that were compared.
func twoLogs(c *result.Cell) bool { return c.Params.SyncBinlog != nil && c.Crash.Server == nil }

// crashRow is a cell of the table.
func crashRow(c *result.Cell, varied []func(*result.Params) string, binlog bool) []string {
	name := strings.TrimPrefix(verdict.CrashSetting(&c.Params, varied), "Policy ")
	s := c.Crash.Summary
	if s == nil {
		return []string{name, fmt.Sprintf("0 of %d", c.Crash.Asked)}
	}
	trials := verdict.Count(float64(s.Trials))
	if s.Trials < c.Crash.Asked {
		trials = fmt.Sprintf("%d of %d", s.Trials, c.Crash.Asked)
	}
	row := []string{name, trials, verdict.Count(float64(s.Acked)), verdict.Count(float64(s.LostMedian)), verdict.CrashLoss(s.LostMax, s.LostAgeMax)}
	if binlog {
		row = append(row, verdict.Count(float64(s.EngineAheadMax)), verdict.Count(float64(s.BinlogAheadMax)))
	}
	predicted := none
	if promised(c) {
		predicted = "none"
	} else if x := c.Crash.Server; x != nil {
		predicted = verdict.Span(x.TimerNS)
	} else if s.Predicted != nil {
		predicted = verdict.CrashLoss(s.Predicted.Commits, s.Predicted.AgeNS)
	}
	return append(row, predicted, crashVerdict(s))
}

// promised reports whether the setting promises that a crash of the cell's kind
// takes nothing.
func promised(c *result.Cell) bool {
	switch c.Crash.Kind {
	case "process":
		return c.Durability.Process
	case "os":
		return c.Durability.OS
	}
	return c.Durability.Power
}

// crashVerdict is a verdict as it fits a column.
func crashVerdict(s *result.CrashSummary) string {
	switch s.Verdict {
	case result.VerdictLostWithin:
		return "within"
	case result.VerdictNotPredicted:
		return "no proof"
	case result.VerdictLostMore:
		return "MORE"
	case result.VerdictViolation:
		return "VIOLATION"
	}
	return s.Verdict
}

// controlsAbout says what controls are.
const controlsAbout = "settings broken on purpose: the lab must catch each"

// controlTable has a row for each control, and names the workload where there are
// several, which takes the room of what all controls have: policy 1.
func controlTable(r *result.Result) *grid {
	g := &grid{columns: []column{{head: "control", left: true}, {head: "crash", left: true}, {head: "on", left: true}, {head: "trials"}, {head: "lost: median"}, {head: "caught", left: true}}}
	several := len(crashLoads(r)) > 1
	if several {
		g.columns[0].head = "control, under policy 1"
		g.columns[4].head = "lost"
		g.columns = slices.Insert(g.columns, 1, column{head: "workload", left: true})
	}
	for i := range r.Cells {
		c := r.Cells[i].Crash
		if c == nil || c.Control == "" {
			continue
		}
		row := []string{controlText(c.Control), c.Kind, c.Filesystem}
		switch s := c.Summary; {
		case s == nil:
			row = append(row, fmt.Sprintf("0 of %d", c.Asked), "", "not tried")
		case s.Caught:
			row = append(row, verdict.Count(float64(s.Trials)), verdict.Count(float64(s.LostMedian)), fmt.Sprintf("yes, %d of %d", s.Violations, s.Trials))
		default:
			row = append(row, verdict.Count(float64(s.Trials)), verdict.Count(float64(s.LostMedian)), "NO")
		}
		if several {
			row[0] = strings.TrimPrefix(row[0], "policy 1, ")
			row = slices.Insert(row, 1, r.Cells[i].Params.Workload)
		}
		g.add(row...)
	}
	return g
}

// controlText says what a control breaks.
func controlText(control string) string {
	switch control {
	case "none":
		return "policy 1, never flushed"
	case "direct-none":
		return "policy 1, O_DIRECT, never flushed"
	case "server-nosync":
		return "policy 1, a server that never flushes"
	case "barrier=0":
		return "policy 1, mounted barrier=0"
	}
	return control
}

// crashEvidence says of each violation what was kept and how to see it again.
func crashEvidence(r *result.Result) string {
	text := ""
	for i := range r.CrashTrials {
		t := &r.CrashTrials[i]
		if t.Control || t.Verdict != result.VerdictViolation {
			continue
		}
		if t.Evidence != "" {
			text += label("KEPT", fmt.Sprintf("%s, trial %d: %s", t.Cell, t.Trial, t.Evidence))
		}
		if t.Reproduce != "" {
			text += label("AGAIN", t.Reproduce)
		}
	}
	return text
}

// runHeadlineOf is the machine and what a transaction is.
func runHeadlineOf(r *result.Result) string {
	switch loads := crashLoads(r); len(loads) {
	case 0:
		return hostinfo.Headline(r.Environment)
	case 1:
		return runHeadline(r)
	default:
		return hostinfo.Headline(r.Environment) + "; " + strings.Join(loads, ", ")
	}
}

// crashLoads are the workloads of a matrix, each once and in order.
func crashLoads(r *result.Result) (loads []string) {
	for i := range r.Cells {
		if w := r.Cells[i].Params.Workload; !slices.Contains(loads, w) {
			loads = append(loads, w)
		}
	}
	return loads
}
