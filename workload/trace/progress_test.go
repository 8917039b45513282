package trace

import (
	"testing"

	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
)

// A page is in its place when it is written as the transaction left it, or newer, and
// flushed after that; a checkpoint is past it when its slot is.
func TestLayers(t *testing.T) {
	row, other := bufpool.PageID{Space: bufpool.SpaceTable, No: 7}, bufpool.PageID{Space: bufpool.SpaceTable, No: 8}
	undo := bufpool.PageID{Space: bufpool.SpaceUndo, No: 7}
	write := func(p part, pages ...page) event { return event{kind: evWrite, part: p, pages: pages} }
	flush := func(p part) event { return event{kind: evFlush, part: p, file: redoFirst} }
	slot := func(at uint64) event {
		return event{kind: evWrite, part: partRedo, file: redoFirst, checkpoint: lsn.LSN(at)}
	}
	var l layers
	for i, c := range []struct {
		e                         event
		doubled, safe, placed, ok bool
		past                      bool
	}{
		{e: write(partTable, page{row, 90})}, // before anything was changed
		{e: event{kind: evAppended, to: 100, pages: []page{{undo, 100}, {row, 100}}}},
		{e: event{kind: evAppended, to: 110, pages: []page{{other, 110}}}},
		{e: write(partDoublewrite, page{row, 90})},
		{e: write(partTable, page{row, 90}, page{undo, 100})},
		{e: write(partDoublewrite, page{other, 110}, page{row, 100}), doubled: true},
		{e: flush(partTable), doubled: true},
		{e: flush(partDoublewrite), doubled: true, safe: true},
		{e: write(partTable, page{row, 105}), doubled: true, safe: true, placed: true},
		{e: flush(partUndo), doubled: true, safe: true, placed: true},
		{e: flush(partTable), doubled: true, safe: true, placed: true, ok: true},
		{e: slot(109), doubled: true, safe: true, placed: true, ok: true},
		{e: flush(partRedo), doubled: true, safe: true, placed: true, ok: true},
		{e: slot(110), doubled: true, safe: true, placed: true, ok: true},
		{e: flush(partRedo), doubled: true, safe: true, placed: true, ok: true, past: true},
	} {
		l.see(&c.e)
		if l.doubled != c.doubled || l.doubleOK != c.safe || l.placed != c.placed || l.placedOK != c.ok || l.past() != c.past {
			t.Errorf("after event %d: %+v, past %v; want %+v", i, l, l.past(), c)
		}
	}
}
