package trace

import (
	"slices"

	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
)

// layers is how deep what follows a commit has come: its COMMIT in the redo log, and
// the page of its first row. It is fed every event once, in order.
type layers struct {
	own                lsn.LSN // the end of the newest record of the transaction
	written, flushed   lsn.LSN
	target             bufpool.PageID // of the first row that was changed
	changed            lsn.LSN        // end of the newest record that changed it; 0: none yet
	doubled, doubleOK  bool           // its copy is in the doublewrite file, flushed
	placed, placedOK   bool           // it is in its place, flushed
	slot, checkpointed lsn.LSN        // in a slot, flushed
}

// see takes one event in.
func (l *layers) see(e *event) {
	switch e.kind {
	case evAppended:
		l.own = max(l.own, lsn.LSN(e.to))
		l.touch(e)
	case evRedoWritten:
		l.written = lsn.LSN(e.to)
	case evRedoFlushed:
		l.flushed = lsn.LSN(e.to)
	case evWrite:
		l.wrote(e)
	case evFlush:
		switch {
		case e.part == partDoublewrite:
			l.doubleOK = l.doubled
		case e.part == partTable:
			l.placedOK = l.placed
		case e.part == partRedo && e.file == redoFirst:
			l.checkpointed = l.slot
		}
	}
}

// touch notes the page of the first row that was changed.
func (l *layers) touch(e *event) {
	for _, p := range e.pages {
		if p.id.Space == bufpool.SpaceTable && (l.changed == 0 || p.id == l.target) {
			l.target, l.changed = p.id, p.lsn
		}
	}
}

// holds reports whether a write holds the page as the transaction left it, or a newer
// version. Until its newest change is known none does.
func (l *layers) holds(e *event) bool {
	return l.changed != 0 && slices.ContainsFunc(e.pages, func(p page) bool { return p.id == l.target && p.lsn >= l.changed })
}

func (l *layers) wrote(e *event) {
	switch e.part {
	case partDoublewrite:
		l.doubled = l.doubled || l.holds(e)
	case partTable:
		l.placed = l.placed || l.holds(e)
	case partRedo:
		l.slot = max(l.slot, e.checkpoint)
	}
}

// past reports whether a checkpoint is beyond the transaction: recovery would not look
// at its records any more.
func (l *layers) past() bool { return l.own != 0 && l.checkpointed >= l.own }

// progress is how far the trace has come while it goes on.
type progress struct {
	layers
	n    int
	hard bool // all of its redo is flushed
}

// done reports whether everything is in its place.
func (p *progress) done() bool { return p.hard && p.placedOK && p.past() }

// look takes in what was recorded since the last look.
func (r *run) look(p *progress) *progress {
	for _, e := range r.rec.seen(p.n) {
		p.see(&e)
		p.n++
	}
	p.hard = p.own != 0 && p.flushed >= p.own
	return p
}
