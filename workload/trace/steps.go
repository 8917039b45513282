package trace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
	"flushbench/engine/table"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
)

// record is a redo record of the transaction.
type record struct {
	what string // "changes", "PREPARE", "COMMIT"
	end  lsn.LSN
}

// builder makes steps out of events. It goes over them once.
type builder struct {
	r      *run
	oracle oracle
	events []event
	marks  marks
	stand  engine.Stand
	layers layers
	acked  bool

	phase   string
	by      string                    // in what phase of the end
	last    int64                     // when the client's step before ended
	calls   [partDoublewrite + 1]call // the last ones
	stmt    int
	fetched bool // the row's page was read by this statement
	locked  map[uint64]bool
	records []record
	binEnd  binlog.Pos
	binHas  bool // the cache has something
	steps   []result.TraceStep
}

// call is when calls on a file began, and whether the last write was its own flush.
type call struct {
	write, flush int64
	durable      bool
}

// build makes the steps of what was recorded.
func (r *run) build() {
	events, over := r.rec.end(r.cfg.Clients == 1)
	b := &builder{r: r, events: r.withCut(events), marks: r.first.begin, phase: result.TraceStatement, by: byClient, locked: map[uint64]bool{}, binEnd: r.first.end}
	o := r.db.Options()
	b.oracle = oracle{redo: r.cfg.setting(), binlog: r.cfg.binlogSetting(), hasBinlog: o.Binlog.Enabled}
	b.layers.written, b.layers.flushed = b.marks.written, b.marks.flushed
	if len(events) > 0 {
		b.r.first.began = events[0].at
		b.last = events[0].at
	}
	for i := range b.events {
		b.see(&b.events[i])
	}
	r.out.Steps = b.steps
	r.describe(b)
	if over {
		r.out.Notes = append(r.out.Notes, fmt.Sprintf("more than %d events: what came after them is missing", maxEvents))
	}
}

// withCut adds when the commit's group was closed, which matters where others wait
// beside it.
func (r *run) withCut(events []event) []event {
	asked := slices.IndexFunc(events, func(e event) bool { return e.kind == evAsked })
	if r.cfg.Clients == 1 || asked < 0 || r.first.cut < events[asked].at {
		return events
	}
	at := asked + 1
	for at < len(events) && events[at].at <= r.first.cut {
		at++
	}
	return slices.Insert(slices.Clone(events), at, event{kind: evCut, n: -1, began: events[asked].at, at: r.first.cut})
}

// Who did a step.
const (
	byClient    = "client"
	byGroup     = "group"      // the client's own group commit
	byItself    = "background" // the engine's own goroutines: log writer, timer, checkpointer
	byFollowers = "followers"  // commits that came later
	byCleaner   = "cleaner"    // the page cleaner
	byChecks    = "checkpointer"
	byShutdown  = "shutdown"
)

// see takes one event in and makes a step of it, if it is one.
func (b *builder) see(e *event) {
	was := b.layers
	b.layers.see(e)
	switch e.kind {
	case evStatement:
		b.stmt, b.fetched, b.last = int(e.key), false, e.at
	case evExecuted:
		b.executed(e)
	case evAsked:
		b.phase, b.by, b.last = result.TraceCommit, byGroup, e.at
		b.r.out.AskedNS = b.since(e.at)
	case evAcked:
		b.acked = true
		b.r.out.AckedNS = b.since(e.at)
		b.step(e, result.TraceStep{Name: "acknowledged", By: byClient, Text: "the client is told that it is committed"}, b.last)
		b.phase, b.by = result.TraceLater, byItself
	case evFollowers:
		b.by = byFollowers
	case evShutdown:
		b.by = byShutdown
	case evCut:
		b.step(e, result.TraceStep{Name: "group closed", By: byGroup, Text: "waited for the group before it; who came meanwhile shares its writes and flushes"}, e.began)
	case evLocked:
		b.lockedRow(e)
	case evRead:
		b.readPage(e)
	case evAppending:
		if b.phase == result.TraceStatement {
			text := "the row's old version is kept, the row changed, both in pages in memory"
			if !b.fetched {
				text += "; the row's page was there already"
			}
			b.step(e, result.TraceStep{Name: "undo record", By: byClient, Text: text}, b.last)
		}
	case evAppended:
		b.appended(e)
	case evRedoWritten, evRedoFlushed, evBinWritten, evBinFlushed:
		b.moved(e)
	case evWrite, evFlush:
		b.file(e, &was)
	}
}

// since is a time of the trace.
func (b *builder) since(at int64) int64 { return at - b.r.first.began }

// step adds a step that began at a clock.Now and ends with e.
func (b *builder) step(e *event, s result.TraceStep, began int64) {
	s.Phase, s.Event, s.Acked = b.phase, e.n, b.acked
	s.BeganNS, s.EndedNS = b.since(min(began, e.at)), b.since(e.at)
	s.Redo = place(b.oracle.redo, b.newest(), b.marks.written, b.marks.flushed)
	s.Data = b.data()
	switch {
	case b.stand.Binlog != 0 && b.stand.Binlog <= b.marks.binWritten:
		s.Binlog = place(b.oracle.binlog, b.stand.Binlog, b.marks.binWritten, b.marks.binFlushed)
	case b.binHas:
		s.Binlog = result.PlaceMemory
	}
	s.Crashes = b.oracle.crashes(&moment{marks: &b.marks, stand: b.stand, acked: b.acked})
	b.steps = append(b.steps, s)
	b.last = e.at
}

// newest is the end of the newest redo record.
func (b *builder) newest() lsn.LSN {
	if len(b.records) == 0 {
		return 0
	}
	return b.records[len(b.records)-1].end
}

// data is where the first row's page is, as the transaction left it.
func (b *builder) data() string {
	l := &b.layers
	if l.changed == 0 {
		return ""
	}
	const changed = 1 // what is written and flushed in the place of the page is 0 or this
	var written, flushed uint64
	if l.placed {
		written = changed
	}
	if l.placedOK {
		flushed = changed
	}
	return place(b.r.cfg.pageSetting(), uint64(changed), written, flushed)
}

// executed ends a statement.
func (b *builder) executed(e *event) {
	op := &b.r.txn.Ops[min(b.stmt, len(b.r.txn.Ops)-1)]
	switch {
	case !op.Kind.Writes():
		text := "read the version that this transaction may see, without a lock"
		if op.Kind.Ranges() {
			text = fmt.Sprintf("read %d rows, each in the version that this transaction may see", op.N)
		}
		b.step(e, result.TraceStep{Name: "rows read", By: byClient, Text: text}, b.last)
	case b.oracle.hasBinlog && len(b.records) > 0:
		b.binHas = true
		what := "the changed rows"
		if !b.r.logsRows(op.Unsafe) {
			what = "the statement"
		}
		b.step(e, result.TraceStep{Name: "binlog cache", By: byClient, Text: what + " in the transaction's own cache; the binlog knows nothing yet"}, b.last)
	}
}

// lockedRow is the first lock of a row.
func (b *builder) lockedRow(e *event) {
	if b.locked[e.key] || b.phase != result.TraceStatement {
		return
	}
	b.locked[e.key] = true
	b.step(e, result.TraceStep{Name: "row lock", By: byClient, Text: fmt.Sprintf("row %d is locked exclusively until the end of the transaction", e.key)}, b.last)
}

// readPage is the read of the page that the present statement needs.
func (b *builder) readPage(e *event) {
	if b.phase != result.TraceStatement || e.part != partTable || b.fetched {
		return
	}
	op := &b.r.txn.Ops[b.stmt]
	o := b.r.db.Options()
	id, _ := table.Layout{RowBytes: o.RowBytes}.Place(op.Key)
	if !op.Kind.Writes() || e.off != int64(id.No)*bufpool.PageSize {
		return
	}
	b.fetched = true
	b.step(e, result.TraceStep{Name: "page read", By: byClient, Text: "the row's page was not in the buffer pool", Page: pageName(id), Bytes: int64(e.bytes)}, e.began)
}

// pageName is file and number.
func pageName(id bufpool.PageID) string {
	return fmt.Sprintf("%s %d", bufpool.FileName(id.Space), id.No)
}

// appended is a redo record of the transaction.
func (b *builder) appended(e *event) {
	end := lsn.LSN(e.to)
	s := result.TraceStep{By: byClient, LSN: e.to, Bytes: int64(e.to - e.from)}
	switch {
	case b.phase == result.TraceStatement:
		b.records = append(b.records, record{"changes", end})
		s.Name, s.Text = "redo record", "the changes of row and undo record, as one record in the log buffer"
	case b.oracle.hasBinlog && b.protocol() == groupcommit.TwoPhase && b.stand.Prepared == 0:
		b.stand.Prepared = end
		b.records = append(b.records, record{"PREPARE", end})
		s.Name, s.Text = "PREPARE", "the undo log says prepared, with the XID; from here on recovery asks the binlog"
	case b.stand.Committed == 0:
		b.stand.Committed = end
		b.records = append(b.records, record{"COMMIT", end})
		s.Name, s.Text, s.By = "COMMIT", "the undo log says committed; others see it, its locks are gone", byGroup
	default:
		return
	}
	b.step(e, s, b.last)
}

func (b *builder) protocol() groupcommit.Protocol { return b.r.db.Options().Stages.Protocol }

// moved is a watermark that moved.
func (b *builder) moved(e *event) {
	m := &b.marks
	switch e.kind {
	case evRedoWritten:
		old := m.written
		m.written = lsn.LSN(e.to)
		m.cuts = append(m.cuts, m.written)
		text := "written to the log file"
		if b.calls[partRedo].durable && m.flushed == old {
			m.flushed, text = m.written, text+" by a call that is durable itself"
		}
		b.redo(e, "redo written", text, old, b.calls[partRedo].write)
	case evRedoFlushed:
		old := m.flushed
		m.flushed = max(m.flushed, lsn.LSN(e.to))
		text := "flushed: the disk has it for good"
		if !b.r.db.Options().Method.Durable() {
			text = "the flush method flushes nothing"
		}
		b.redo(e, "redo flushed", text, old, b.calls[partRedo].flush)
	case evBinWritten:
		old := m.binWritten
		m.binWritten = binlog.Pos(e.to)
		if b.stand.Binlog == 0 && b.ours(m.binWritten) {
			b.stand.Binlog = cmp.Or(b.binEnd, m.binWritten)
		}
		text := "written to the binlog file, whole, with its Xid"
		if b.calls[partBinlog].durable {
			m.binFlushed, text = m.binWritten, text+", by a call that is durable itself"
		}
		if p := b.stand.Binlog; p != 0 && old < p && p <= m.binWritten {
			b.bin(e, "binlog written", text, b.calls[partBinlog].write)
		}
	case evBinFlushed:
		old := m.binFlushed
		m.binFlushed = max(m.binFlushed, binlog.Pos(e.to))
		if p := b.stand.Binlog; p != 0 && old < p && p <= m.binFlushed {
			text := "flushed: the disk has it for good"
			if !b.r.db.Options().Binlog.Method.Durable() {
				text = "the flush method flushes nothing"
			}
			b.bin(e, "binlog flushed", text, b.calls[partBinlog].flush)
		}
	}
}

// ours reports whether a write of the binlog that ends at to has the transaction. One
// that ended with an error does not say where its events are; alone they come first.
func (b *builder) ours(to binlog.Pos) bool {
	if b.binEnd != 0 {
		return to >= b.binEnd
	}
	return b.r.cfg.Clients == 1 && b.phase == result.TraceCommit
}

// redo is a step if the redo log's mark went over a record of the transaction.
func (b *builder) redo(e *event, name, text string, old lsn.LSN, began int64) {
	var what []string
	end := lsn.LSN(0)
	for _, rec := range b.records {
		if rec.end <= old || uint64(rec.end) > e.to {
			continue
		}
		end = rec.end
		if !slices.Contains(what, rec.what) {
			what = append(what, rec.what)
		}
	}
	if len(what) == 0 {
		return
	}
	b.step(e, result.TraceStep{Name: name, By: b.by, Text: strings.Join(what, ", ") + " " + text, LSN: uint64(end), Bytes: int64(e.to - uint64(old))}, cmp.Or(began, b.last))
}

// bin is a step of the binlog.
func (b *builder) bin(e *event, name, text string, began int64) {
	s := result.TraceStep{Name: name, By: b.by, Text: text, Bytes: int64(e.to - e.from)}
	if files := b.r.first.files; len(files) > 0 {
		s.BinlogFile, s.BinlogPos = binlog.Locate(files, b.stand.Binlog)
	}
	b.step(e, s, cmp.Or(began, b.last))
}

// file is a call on a file: it says when the next move of a mark began, and may be a
// step of the page.
func (b *builder) file(e *event, was *layers) {
	c := &b.calls[e.part]
	switch {
	case e.checkpoint != 0: // no write of the log's own
	case e.kind == evWrite:
		c.write, c.durable = e.began, e.durable
	default:
		c.flush = e.began
	}
	now := &b.layers
	by := b.by
	if by == byFollowers || by == byItself {
		by = byCleaner
	}
	s := result.TraceStep{By: by, Page: pageName(now.target)}
	switch {
	case now.doubled && !was.doubled:
		s.Name, s.Text, s.Bytes = "doublewrite", "a copy of the page, with its batch, in the doublewrite file", int64(e.bytes)
	case now.doubleOK && !was.doubleOK:
		s.Name, s.Text = "copy flushed", "from here on a torn page can be mended"
	case now.placed && !was.placed:
		s.Name, s.Text, s.Bytes = "page written", "the page in its place in the data file", int64(e.bytes)
	case now.placedOK && !was.placedOK:
		s.Name, s.Text = "page flushed", "the data file is flushed; the page is clean"
	case now.past() && !was.past():
		if by == byCleaner {
			by = byChecks
		}
		s = result.TraceStep{Name: "checkpoint", By: by, LSN: uint64(now.checkpointed), Text: "recovery begins behind the transaction: its records are not needed any more"}
	default:
		return
	}
	b.step(e, s, e.began)
}
