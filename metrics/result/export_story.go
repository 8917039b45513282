package result

import (
	"io"
	"strconv"
	"strings"
)

// The tables of cells.csv of results that have no cells of their own.

// writeTraceCSV writes one row a step of a traced commit, with what each kind of crash
// at its end would make of the transaction.
func writeTraceCSV(w io.Writer, steps []TraceStep) error {
	rows := [][]string{{"step", "name", "phase", "by", "began_ns", "ended_ns", "lsn", "binlog_file", "binlog_pos", "page", "bytes",
		"redo", "binlog", "data", "acknowledged", "process_crash", "kernel_crash", "power_cut", "text"}}
	for i := range steps {
		s := &steps[i]
		fate := map[string]string{}
		for _, c := range s.Crashes {
			fate[c.Kind] = strings.Join(c.Outcomes, " or ")
		}
		rows = append(rows, []string{
			strconv.Itoa(i + 1), s.Name, s.Phase, s.By, integer(s.BeganNS), integer(s.EndedNS),
			some(int64(s.LSN)), s.BinlogFile, some(s.BinlogPos), s.Page, some(s.Bytes), s.Redo, s.Binlog, s.Data,
			strconv.FormatBool(s.Acked), fate["process"], fate["os"], fate["power"], s.Text,
		})
	}
	return writeCSV(w, rows)
}

// writeLessonsCSV writes one row a figure that a lesson measured; a lesson without
// figures has one row all the same.
func writeLessonsCSV(w io.Writer, lessons []Lesson) error {
	rows := [][]string{{"lesson", "outcome", "figure", "value", "unit", "note"}}
	for i := range lessons {
		l := &lessons[i]
		if len(l.Figures) == 0 {
			rows = append(rows, []string{l.Name, l.Outcome, "", "", "", ""})
		}
		for _, f := range l.Figures {
			rows = append(rows, []string{l.Name, l.Outcome, f.Name, float(f.Value), f.Unit, f.Note})
		}
	}
	return writeCSV(w, rows)
}

// writePoolsCSV writes one row a host for each limit loop, cell and row that a merge
// pooled.
func writePoolsCSV(w io.Writer, all []hostPool) error {
	rows := [][]string{{"group", "host", "of", "name", "section", "per_s", "p50_ns", "p99_ns"}}
	for _, p := range all {
		for i, host := range p.pool.Hosts {
			perS, p50, p99 := "", "", ""
			if i < len(p.pool.PerS) {
				perS = float(p.pool.PerS[i])
			}
			if i < len(p.pool.P50) {
				p50 = optional(p.pool.P50[i])
			}
			if i < len(p.pool.P99) {
				p99 = optional(p.pool.P99[i])
			}
			rows = append(rows, []string{p.group, host, p.pool.Of, p.pool.Name, p.pool.Section, perS, p50, p99})
		}
	}
	return writeCSV(w, rows)
}

// some is n, or nothing where 0 stands for none.
func some(n int64) string {
	if n == 0 {
		return ""
	}
	return integer(n)
}
