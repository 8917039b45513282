package main

import (
	"fmt"
	"strings"
	"time"

	"flushbench/engine/binlog"
	"flushbench/engine/rebuild"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/verdict"
)

// count shows a number with its noun.
func countOf(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return verdict.Count(float64(n)) + " " + noun + "s"
}

// screen is what rebuild prints: what differs first.
func (r *rebuilt) screen() string {
	var b strings.Builder
	headline := r.headline()
	if r.engine == nil && r.ahead == 0 {
		headline = fmt.Sprintf("rebuilt %s, not compared", countOf(r.rows, "row"))
	}
	b.WriteString(wrapped(strings.ToUpper(headline[:1])+headline[1:]+".") + "\n")
	b.WriteString(reportLine("binlog", r.read()))
	b.WriteString(reportLine("rate", r.rate()))
	b.WriteString(reportLine("base", r.basis()))
	b.WriteString(reportLine("end", r.end()))
	if text := r.executed(); text != "" {
		b.WriteString(reportLine("statements", text))
	}
	if r.source > 0 {
		b.WriteString(reportLine("source", fmt.Sprintf("crashed, and has GTID sequences up to %d; the replica has them up to %d: %s ahead",
			r.source, r.report.LastSeq, countOf(r.ahead, "transaction"))))
	}
	if r.engine == nil {
		b.WriteString(reportLine("engine", "not compared: "+r.notCompare))
		return b.String()
	}
	rep := &r.engine.report
	b.WriteString(reportLine("engine", fmt.Sprintf("%s, recovered on a copy: %d committed and %d rolled back by recovery; ahead of its binlog by %d, behind it by %d",
		r.engine.dir, rep.Committed, rep.RolledBack, rep.EngineAhead, rep.BinlogAhead)))
	b.WriteString(reportLine("rows", r.compared()))
	if r.diff.Total() > 0 {
		b.WriteString("\n" + r.table())
	}
	return b.String()
}

// read is what was read of the binlog.
func (r *rebuilt) read() string {
	rep := &r.report
	text := fmt.Sprintf("%s: %s, %s, %s", r.binlog, countOf(uint64(rep.Files), "file"), hostinfo.Bytes(rep.Bytes), countOf(rep.Transactions, "transaction"))
	if rep.Transactions > 0 {
		text += fmt.Sprintf(" up to GTID %v of %s", rep.LastGTID, time.Unix(int64(rep.LastTime), 0).UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if rep.Skipped > 0 {
		text += fmt.Sprintf("; %s before them in the base", countOf(rep.Skipped, "transaction"))
	}
	return text
}

func (r *rebuilt) rate() string {
	tps, bytes := r.report.Rate()
	return fmt.Sprintf("%s transactions/s, %s MB/s (%s)", rate(tps), decimal(bytes/1e6), verdict.Span(int64(r.report.Elapsed)))
}

func (r *rebuilt) basis() string {
	switch {
	case r.base != "":
		return fmt.Sprintf("%s, up to GTID sequence %d", r.base, r.baseSeq)
	case r.images:
		return "none: rows come from the images in the log"
	}
	return "none: the log makes the table"
}

// end is where the log, or the table, ended.
func (r *rebuilt) end() string {
	rep := &r.report
	text := fmt.Sprintf("%s at %d: %s", rep.EndFile, rep.EndOffset, rep.EndReason)
	switch {
	case rep.Stopped:
		text = fmt.Sprintf("%s at %d: --until %v", rep.EndFile, rep.EndOffset, r.until)
	case r.until.Kind != rebuild.UntilEnd:
		text += fmt.Sprintf("; --until %v was not reached", r.until)
	}
	if rep.TornBytes > 0 {
		text += fmt.Sprintf("; %s behind the last whole transaction do not count", countOf(uint64(rep.TornBytes), "byte"))
		if rep.TornTrx > 0 {
			text += fmt.Sprintf(", with %s", countOf(uint64(rep.TornTrx), "transaction"))
		}
	}
	return text
}

// executed is what became of statements; "" without any that matters.
func (r *rebuilt) executed() string {
	rep := &r.report
	text := ""
	if rep.Statements > 0 {
		text = fmt.Sprintf("%s executed", countOf(rep.Statements, "statement"))
	}
	if a := rep.Anew; a.Total() > 0 {
		text += fmt.Sprintf("; %s of them evaluated anew (clock %d, random %d, LIMIT %d): at the source they may have given other rows",
			verdict.Count(float64(a.Total())), a.Clock, a.Random, a.Limit)
	}
	if rep.Mismatched > 0 {
		text += fmt.Sprintf("; %s found another row than at the source", countOf(rep.Mismatched, "row event"))
	}
	return strings.TrimPrefix(text, "; ")
}

// compared is what the comparison found.
func (r *rebuilt) compared() string {
	d := &r.diff
	text := fmt.Sprintf("%s equal, %d different, %d only in the engine, %d only in the binlog", verdict.Count(float64(d.Equal)), d.Different, d.OnlyEngine, d.OnlyBinlog)
	if d.Unknown > 0 {
		text += fmt.Sprintf("; %s that the log never names not compared (--base has them)", verdict.Count(float64(d.Unknown)))
	}
	return text
}

// table lists the first rows that differ.
func (r *rebuilt) table() string {
	g := grid{columns: []column{{head: "row"}, {head: "engine k"}, {head: "binlog k"}, {head: "engine c", left: true}, {head: "binlog c", left: true}, {head: "what", left: true}}}
	for _, d := range r.diff.Rows {
		ek, ec := side(d.Engine, d.Binlog)
		bk, bc := side(d.Binlog, d.Engine)
		g.add(fmt.Sprint(d.Key), ek, bk, ec, bc, d.Kind.String())
	}
	text := g.String()
	if more := r.diff.Total() - uint64(len(r.diff.Rows)); more > 0 {
		text += fmt.Sprintf("and %d more (--limit)\n", more)
	}
	return text
}

// shownBytes is how much of c stands in the table.
const shownBytes = 12

// side shows the columns of one side of a difference: of c a part from where it differs
// from the other side's.
func side(row, other *binlog.Row) (k, c string) {
	if row == nil {
		return none, none
	}
	from := 0
	if other != nil {
		for from < min(len(row.C), len(other.C)) && row.C[from] == other.C[from] {
			from++
		}
		if from == len(row.C) && from == len(other.C) {
			return fmt.Sprint(row.K), "same"
		}
	}
	text := fmt.Sprintf("%q", row.C[from:min(len(row.C), from+shownBytes)])
	if text = text[1 : len(text)-1]; len(text) > shownBytes {
		text = text[:shownBytes]
	}
	if from > 0 {
		text = fmt.Sprintf("@%d %s", from, text)
	}
	return fmt.Sprint(row.K), text
}

type rebuildRowJSON struct {
	Key    uint64             `json:"key"`
	What   string             `json:"what"`
	Engine *rebuildColumnJSON `json:"engine"`
	Binlog *rebuildColumnJSON `json:"binlog"`
}

type rebuildColumnJSON struct {
	K int64  `json:"k"`
	C string `json:"c"`
}

type rebuildDiffJSON struct {
	Dir         string           `json:"dir"`
	EngineAhead uint64           `json:"engine_ahead"`
	BinlogAhead uint64           `json:"binlog_ahead"`
	Equal       uint64           `json:"equal"`
	Different   uint64           `json:"different"`
	OnlyEngine  uint64           `json:"only_engine"`
	OnlyBinlog  uint64           `json:"only_binlog"`
	Unknown     uint64           `json:"unknown"`
	Rows        []rebuildRowJSON `json:"rows"`
}

type rebuildJSON struct {
	Binlog             string           `json:"binlog"`
	Base               string           `json:"base"`
	BaseSeq            uint64           `json:"base_seq"`
	Images             bool             `json:"images"`
	Until              string           `json:"until"`
	Stopped            bool             `json:"stopped"`
	Files              int              `json:"files"`
	Bytes              int64            `json:"bytes"`
	Transactions       uint64           `json:"transactions"`
	Skipped            uint64           `json:"skipped"`
	LastSeq            uint64           `json:"last_seq"`
	LastTime           uint32           `json:"last_time"`
	RowEvents          uint64           `json:"row_events"`
	Mismatched         uint64           `json:"mismatched"`
	Statements         uint64           `json:"statements"`
	AnewClock          uint64           `json:"anew_clock"`
	AnewRandom         uint64           `json:"anew_random"`
	AnewLimit          uint64           `json:"anew_limit"`
	EndFile            string           `json:"end_file"`
	EndOffset          int64            `json:"end_offset"`
	EndReason          string           `json:"end_reason"`
	Closed             bool             `json:"closed"`
	TornBytes          int64            `json:"torn_bytes"`
	TornTransactions   int              `json:"torn_transactions"`
	ElapsedNS          int64            `json:"elapsed_ns"`
	TransactionsPerSec float64          `json:"transactions_per_second"`
	BytesPerSec        float64          `json:"bytes_per_second"`
	Rows               uint64           `json:"rows"`
	Followed           bool             `json:"followed"`
	SourceSeq          uint64           `json:"source_seq"`
	Ahead              uint64           `json:"ahead"`
	NotCompared        string           `json:"not_compared"`
	Engine             *rebuildDiffJSON `json:"engine"`
}

// json is screen for programs.
func (r *rebuilt) json() any {
	rep := &r.report
	tps, bytes := rep.Rate()
	out := rebuildJSON{Binlog: r.binlog, Base: r.base, BaseSeq: r.baseSeq, Images: r.images, Until: r.until.String(), Stopped: rep.Stopped, Files: rep.Files, Bytes: rep.Bytes,
		Transactions: rep.Transactions, Skipped: rep.Skipped, LastSeq: rep.LastSeq, LastTime: rep.LastTime, RowEvents: rep.RowEvents, Mismatched: rep.Mismatched,
		Statements: rep.Statements, AnewClock: rep.Anew.Clock, AnewRandom: rep.Anew.Random, AnewLimit: rep.Anew.Limit,
		EndFile: rep.EndFile, EndOffset: rep.EndOffset, EndReason: rep.EndReason, Closed: rep.Closed, TornBytes: rep.TornBytes, TornTransactions: rep.TornTrx,
		ElapsedNS: int64(rep.Elapsed), TransactionsPerSec: tps, BytesPerSec: bytes, Rows: r.rows, Followed: r.followed, SourceSeq: r.source, Ahead: r.ahead, NotCompared: r.notCompare}
	if r.engine == nil {
		return out
	}
	d := &r.diff
	out.Engine = &rebuildDiffJSON{Dir: r.engine.dir, EngineAhead: r.engine.report.EngineAhead, BinlogAhead: r.engine.report.BinlogAhead,
		Equal: d.Equal, Different: d.Different, OnlyEngine: d.OnlyEngine, OnlyBinlog: d.OnlyBinlog, Unknown: d.Unknown, Rows: []rebuildRowJSON{}}
	for _, row := range d.Rows {
		out.Engine.Rows = append(out.Engine.Rows, rebuildRowJSON{row.Key, row.Kind.String(), columns(row.Engine), columns(row.Binlog)})
	}
	return out
}

func columns(r *binlog.Row) *rebuildColumnJSON {
	if r == nil {
		return nil
	}
	return &rebuildColumnJSON{r.K, string(r.C)}
}
