package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"flushbench/engine"
	"flushbench/engine/lsn"
	"flushbench/engine/recovery"
	"flushbench/metrics/verdict"
)

// reportIndent is where the texts of a recovery report begin.
const reportIndent = 14

// maxSequences is how many clients' sequences a screen lists.
const maxSequences = 24

// recovered is what recover has to say of a database.
type recovered struct {
	opts   *engine.DatabaseOptions
	report recovery.Report
	end    lsn.LSN // of the redo log
	closed bool
}

// screen is the recovery's report between where the database is and how it ended.
func (r *recovered) screen() string {
	var b strings.Builder
	places := []string{r.opts.Dir}
	if r.opts.DataDir != r.opts.Dir {
		places = append(places, "pages in "+r.opts.DataDir)
	}
	if r.opts.Binlog.Enabled && r.opts.BinlogDir() != r.opts.Dir {
		places = append(places, "binlog in "+r.opts.BinlogDir())
	}
	b.WriteString(reportLine("database", strings.Join(places, ", ")))
	forced := r.opts.Durability == engine.DurabilityForcePages
	name := ""
	for line := range strings.Lines(r.report.String()) {
		at := min(reportIndent, len(line))
		if label := strings.TrimSpace(line[:at]); label != "" {
			name = label
		}
		if forced && (name == "checkpoint" || name == "redo") {
			continue
		}
		b.WriteString(reportLine(strings.TrimSpace(line[:at]), strings.TrimSpace(line[at:])))
	}
	switch {
	case !r.closed:
		b.WriteString(reportLine("closed", "no: see the error"))
	case forced:
		b.WriteString(reportLine("closed", "cleanly; there is no redo log (durability force-pages)"))
	default:
		b.WriteString(reportLine("closed", fmt.Sprintf("cleanly, with a checkpoint; the redo log ends at LSN %v", r.end)))
	}
	return b.String()
}

// reportLine sets text beside a label, wrapped to 80 columns.
func reportLine(label, text string) string {
	var b strings.Builder
	for _, line := range verdict.Wrap(text, verdict.Width-reportIndent) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s%s", reportIndent, label, line), " ") + "\n")
		label = ""
	}
	return b.String()
}

// logScreen is the screen of a log of the log workload.
func logScreen(dir string, rec *engine.Recovered) string {
	c := rec.Checkpoint
	return reportLine("log", dir+" (of the log workload; nothing was changed)") +
		reportLine("checkpoint", fmt.Sprintf("%d at LSN %v", c.Number, c.LSN)) +
		reportLine("redo", fmt.Sprintf("%d commits, %d bytes up to LSN %v (%s)", rec.Records, rec.End-c.LSN, rec.End, rec.EndReason)) +
		reportLine("clients", sequences(rec.Seqs))
}

// sequences lists the last sequence of each client.
func sequences(seqs []uint64) string {
	total := uint64(0)
	list := make([]string, 0, maxSequences)
	for i, s := range seqs {
		total += s
		if i < maxSequences {
			list = append(list, strconv.FormatUint(s, 10))
		}
	}
	if len(seqs) == 0 {
		return "none has committed"
	}
	text := fmt.Sprintf("%d, %d commits since the log was made; their last sequences: %s", len(seqs), total, strings.Join(list, ", "))
	if more := len(seqs) - maxSequences; more > 0 {
		text += fmt.Sprintf(" and %d more (--format json has all)", more)
	}
	return text
}

type checkpointJSON struct {
	Number      uint64  `json:"number"`
	LSN         lsn.LSN `json:"lsn"`
	Flushed     lsn.LSN `json:"flushed"`
	Incarnation uint32  `json:"incarnation"`
}

// logJSON is logScreen for programs.
func logJSON(dir string, rec *engine.Recovered) any {
	c := rec.Checkpoint
	return struct {
		Kind        string         `json:"kind"`
		Dir         string         `json:"dir"`
		Checkpoint  checkpointJSON `json:"checkpoint"`
		End         lsn.LSN        `json:"end"`
		EndReason   string         `json:"end_reason"`
		Incarnation uint32         `json:"incarnation"`
		Records     uint64         `json:"records"`
		Sequences   []uint64       `json:"sequences"`
	}{"log", dir, checkpointJSON{c.Number, c.LSN, c.Flushed, c.Incarnation}, rec.End, rec.EndReason, rec.Incarnation, rec.Records, append([]uint64{}, rec.Seqs...)}
}

type repairedJSON struct {
	Page   string  `json:"page"`
	File   string  `json:"file"`
	Offset int64   `json:"offset"`
	LSN    lsn.LSN `json:"lsn"`
	Batch  uint64  `json:"batch"`
	Reason string  `json:"reason"`
}

type binlogJSON struct {
	Dir           string `json:"dir"`
	File          string `json:"file"`
	Clean         bool   `json:"clean"`
	Valid         int64  `json:"valid"`
	Cut           int64  `json:"cut"`
	Reason        string `json:"reason"`
	BinlogAhead   uint64 `json:"binlog_ahead"`
	EngineAhead   uint64 `json:"engine_ahead"`
	LastSeq       uint64 `json:"last_seq"`
	EngineLastSeq uint64 `json:"engine_last_seq"`
}

type reportJSON struct {
	Repaired    []repairedJSON   `json:"repaired"`
	Checkpoint  checkpointJSON   `json:"checkpoint"`
	End         lsn.LSN          `json:"end"`
	EndReason   string           `json:"end_reason"`
	Incarnation uint32           `json:"incarnation"`
	Records     uint64           `json:"records"`
	Bytes       uint64           `json:"bytes"`
	Active      int              `json:"active"`
	Prepared    int              `json:"prepared"`
	Committed   int              `json:"committed"`
	RolledBack  int              `json:"rolled_back"`
	Binlog      *binlogJSON      `json:"binlog"`
	NS          map[string]int64 `json:"ns"`
}

// json is screen for programs.
func (r *recovered) json() any {
	rep := &r.report
	c := rep.Checkpoint
	out := reportJSON{Repaired: []repairedJSON{}, Checkpoint: checkpointJSON{c.Number, c.LSN, c.Flushed, c.Incarnation}, End: rep.End, EndReason: rep.EndReason,
		Incarnation: rep.Incarnation, Records: rep.Records, Bytes: rep.Bytes, Active: rep.Active, Prepared: rep.Prepared, Committed: rep.Committed, RolledBack: rep.RolledBack,
		NS: map[string]int64{"doublewrite": rep.DoublewriteNs, "scan": rep.ScanNs, "apply": rep.ApplyNs, "binlog": rep.BinlogNs, "undo": rep.UndoNs, "total": rep.TotalNs}}
	for _, p := range rep.Repaired {
		out.Repaired = append(out.Repaired, repairedJSON{pageName(p.ID), filepath.Base(p.File), p.Offset, p.LSN, p.Batch, p.Reason})
	}
	if rep.Binlog {
		out.Binlog = &binlogJSON{r.opts.BinlogDir(), rep.BinlogFile, rep.BinlogClean, rep.BinlogValid, rep.BinlogCut, rep.BinlogReason,
			rep.BinlogAhead, rep.EngineAhead, rep.LastSeq, rep.EngineLastSeq}
	}
	return struct {
		Kind       string     `json:"kind"`
		Dir        string     `json:"dir"`
		DataDir    string     `json:"data_dir"`
		Durability string     `json:"durability"`
		Report     reportJSON `json:"report"`
		Closed     bool       `json:"closed"`
		ClosedAt   lsn.LSN    `json:"closed_at"`
	}{"database", r.opts.Dir, r.opts.DataDir, r.opts.Durability.String(), out, r.closed, r.end}
}
