package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/plots/report"
)

// traceScreen is what trace prints, from the result alone; folder "": it is not kept.
func traceScreen(r *result.Result, folder string, bold func(string) string) string {
	t := r.Trace
	var b strings.Builder
	b.WriteString(wrapped(hostinfo.Headline(r.Environment)))
	b.WriteString(label("COMMIT", traceSettings(t)))
	for i, s := range t.Statements {
		name := ""
		if i == 0 {
			name = "SQL"
		}
		if i == maxTraceStatements {
			b.WriteString(label(name, fmt.Sprintf("and %d more statements", len(t.Statements)-i)))
			break
		}
		b.WriteString(label(name, s))
	}
	b.WriteString("\n" + traceSteps(t, bold))
	b.WriteString("\n" + traceCrashes(t, bold))
	b.WriteString("\n")
	for i, line := range traceSaid(t) {
		name := ""
		if i == 0 {
			name = "MEANS"
		}
		b.WriteString(label(name, line))
	}
	for _, n := range t.Notes {
		b.WriteString(label("NOTE", strings.ToUpper(n[:1])+n[1:]+"."))
	}
	for _, w := range append(slices.Clone(r.Warnings), r.Environment.Warnings...) {
		b.WriteString(label("WARNING", strings.TrimSpace(w.Text+" "+w.Advice)))
	}
	if !r.Complete {
		b.WriteString(label("PARTIAL", "Ended early: the steps are those until then."))
	}
	if folder != "" {
		b.WriteString(resultLine(folder))
	}
	return b.String()
}

// maxTraceStatements is how many statements are printed.
const maxTraceStatements = 6

// traceSettings names what was traced.
func traceSettings(t *result.Trace) string {
	parts := []string{"policy " + t.Policy}
	if t.SyncBinlog != nil {
		parts = append(parts, "sync_binlog "+strconv.Itoa(*t.SyncBinlog))
	} else {
		parts = append(parts, "no binlog")
	}
	if t.CommitProtocol != "" && t.CommitProtocol != "2pc" {
		parts = append(parts, "commit protocol "+t.CommitProtocol)
	}
	parts = append(parts, t.Method, "workload "+t.Workload)
	if t.Clients > 1 {
		parts = append(parts, fmt.Sprintf("beside %d other clients", t.Clients-1))
	}
	text := strings.Join(parts, ", ") + fmt.Sprintf("; transaction %d", t.TrxID)
	if t.BinlogSeq > 0 {
		text += fmt.Sprintf(", number %d in the binlog", t.BinlogSeq)
	}
	if t.Disk == "memory" {
		text += "; on a disk in memory"
	}
	return text
}

// traceSteps is the table of the steps.
func traceSteps(t *result.Trace, bold func(string) string) string {
	head, rows, _ := strings.Cut(stepGrid(t, true).String(), "\n")
	return bold(head) + "\n" + rows
}

// stepGrid has a row for each step, and an empty one between phases if gaps are wanted.
func stepGrid(t *result.Trace, gaps bool) *grid {
	g := &grid{columns: []column{{head: "#"}, {head: "at us"}, {head: "took us"}, {head: "step", left: true}, {head: "ends at", left: true},
		{head: "redo", left: true}, {head: "binlog", left: true}, {head: "page", left: true}}}
	phase := ""
	for i := range t.Steps {
		s := &t.Steps[i]
		if gaps && phase != "" && phase != s.Phase {
			g.add()
		}
		phase = s.Phase
		g.add(strconv.Itoa(i+1), traceTime(s.EndedNS), traceTime(s.EndedNS-s.BeganNS), s.Name, tracePosition(s),
			placeWord(s.Redo, "log buffer"), placeWord(s.Binlog, "own cache"), placeWord(s.Data, "buffer pool"))
	}
	if t.SyncBinlog == nil {
		g.without(6)
	}
	return g
}

// tracePart is a trace for a page: its steps, and what crashes would do.
func tracePart(r *result.Result) report.Part {
	t := r.Trace
	crashes := &grid{columns: []column{{head: "after step", left: true}, {head: "process killed", left: true}, {head: "kernel crash", left: true}, {head: "power cut", left: true}}}
	for from := 0; from < len(t.Steps); {
		to := traceAgree(t, from)
		row := []string{traceRange(from, to)}
		for _, c := range t.Steps[from].Crashes {
			row = append(row, strings.Join(fateWords(c.Outcomes), " or "))
		}
		crashes.add(row...)
		from = to
	}
	return report.Part{
		Result: r, Head: []string{hostinfo.Headline(r.Environment), traceSettings(t)},
		Tables: []report.Table{
			pageTableOf("STEPS", "one commit, and how deep its bytes are after each step; at: since it began", stepGrid(t, false), ""),
			pageTableOf("CRASHES", "what a crash right after a step would make of the transaction", crashes, strings.Join(traceSaid(t), " ")),
		},
	}
}

// traceTime shows nanoseconds as microseconds, and in seconds from one on.
func traceTime(ns int64) string {
	if ns >= 1e9 {
		return decimal(float64(ns)/1e9) + " s"
	}
	return micros(float64(ns))
}

// tracePosition is where a step ended: an LSN, an offset in the binlog, or a page.
func tracePosition(s *result.TraceStep) string {
	switch {
	case s.LSN > 0:
		return strconv.FormatUint(s.LSN, 10)
	case s.BinlogPos > 0:
		number := s.BinlogFile[strings.LastIndexByte(s.BinlogFile, '.')+1:]
		return strings.TrimLeft(number, "0") + ":" + strconv.FormatInt(s.BinlogPos, 10)
	case s.Page != "":
		return strings.Replace(s.Page, ".pages", "", 1)
	}
	return ""
}

// placeWord names where bytes are; in the process's memory they are somewhere in
// particular.
func placeWord(place, memory string) string {
	switch place {
	case "":
		return none
	case result.PlaceMemory:
		return memory
	}
	return place
}

// traceCrashes is the table of what crashes would do: steps that agree stand in one row.
func traceCrashes(t *result.Trace, bold func(string) string) string {
	heads := []string{"CRASH AFTER", "process killed", "kernel crash", "power cut"}
	const first, each = 13, 22
	line := func(cells ...string) string {
		text := fmt.Sprintf("%-*s", first, cells[0])
		for _, c := range cells[1:] {
			text += fmt.Sprintf("%-*s", each, c)
		}
		return strings.TrimRight(text, " ") + "\n"
	}
	var b strings.Builder
	b.WriteString(bold(strings.TrimSuffix(line(heads...), "\n")) + "\n")
	for from := 0; from < len(t.Steps); {
		to := traceAgree(t, from)
		steps := traceRange(from, to)
		for i, cells := 0, crashCells(&t.Steps[from]); i < len(cells); i++ {
			b.WriteString(line(append([]string{steps}, cells[i]...)...))
			steps = ""
		}
		from = to
	}
	return b.String()
}

// traceAgree returns the end of the steps from one on of which crashes would make the
// same.
func traceAgree(t *result.Trace, from int) int {
	to := from + 1
	for to < len(t.Steps) && sameCrashes(&t.Steps[from], &t.Steps[to]) {
		to++
	}
	return to
}

// traceRange names the steps from one index to before another.
func traceRange(from, to int) string {
	if to == from+1 {
		return strconv.Itoa(to)
	}
	return strconv.Itoa(from+1) + " to " + strconv.Itoa(to)
}

// fateWords are outcomes as the tables name them.
func fateWords(outcomes []string) []string {
	out := make([]string, len(outcomes))
	for i, o := range outcomes {
		out[i] = strings.Replace(strings.Replace(o, "committed by recovery", "recovered", 1), result.FateLost, "LOST", 1)
	}
	return out
}

func sameCrashes(a, b *result.TraceStep) bool {
	return slices.EqualFunc(a.Crashes, b.Crashes, func(x, y result.TraceCrash) bool { return x.Kind == y.Kind && slices.Equal(x.Outcomes, y.Outcomes) })
}

// crashCells are the lines of a row, one outcome a line.
func crashCells(s *result.TraceStep) (lines [][]string) {
	for i, c := range s.Crashes {
		for j, o := range fateWords(c.Outcomes) {
			if j == len(lines) {
				lines = append(lines, make([]string, len(s.Crashes)))
			}
			if j > 0 {
				o = "or " + o
			}
			lines[j][i] = o
		}
	}
	return lines
}

// traceSaid explains the words that the tables have, and what is promised.
func traceSaid(t *result.Trace) (lines []string) {
	for _, f := range []struct{ fate, text string }{
		{result.FateRolledBack, "rolled back: nobody was told that it is committed, and it is not."},
		{result.FateRecovered, "recovered: PREPARE and the binlog's Xid are there; recovery commits it."},
		{result.FateCommitted, "committed: its COMMIT is in the redo log."},
		{result.FateEngineAhead, "engine ahead: the engine has it, the binlog does not: a replica or a restore will miss it."},
		{result.FateBinlogAhead, "binlog ahead: the binlog has it, the engine does not: a replica has what the source lost."},
		{result.FateLost, "LOST: the client was told that it is committed, and it is gone."},
	} {
		if slices.ContainsFunc(t.Steps, func(s result.TraceStep) bool {
			return slices.ContainsFunc(s.Crashes, func(c result.TraceCrash) bool { return slices.Contains(c.Outcomes, f.fate) })
		}) {
			lines = append(lines, f.text)
		}
	}
	lines = append(lines, `Several outcomes in one row: it depends on what the kernel or the disk had written by itself.`)
	if t.Promise != "" {
		lines = append(lines, "Once acknowledged: "+t.Promise+".")
	}
	return lines
}
