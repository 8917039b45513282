package bufpool

import (
	"fmt"

	"flushbench/engine/lsn"
)

// Apply redoes the record [start, end) of the log on every page that does not
// have it yet, which its page LSN tells: redoing twice changes nothing. The
// pages become dirty as of start. A page that cannot be read is a DamageError;
// that, or a body that no Mtr wrote, stops the pool.
// REQUIRES: records come in log order, before the first Begin; the log that the
// pool was opened with is flushed up to end; no checkpoint is taken before the
// last one.
func (p *Pool) Apply(start, end lsn.LSN, body []byte) error {
	p.redoing.Lock()
	defer p.redoing.Unlock()
	m := &p.redoing.m
	if err := p.begin(m); err != nil {
		return err
	}
	m.write = true
	p.dirty.mu.Lock()
	p.dirty.registerLocked(&m.floor, start)
	m.floored = true
	p.dirty.mu.Unlock()
	defer m.end()
	if err := m.redo(end, body); err != nil {
		p.dirty.freeze(&m.floor)
		return p.fail(fmt.Errorf("bufpool: apply the record at LSN %v: %w", start, err))
	}
	m.list(start, end)
	return nil
}

// redo makes the changes of a record.
func (m *Mtr) redo(end lsn.LSN, body []byte) error {
	for at := 0; at < len(body); {
		c, n, wrong := decodeChange(body[at:])
		if wrong != "" {
			return fmt.Errorf("change at byte %d of %d: %s", at, len(body), wrong)
		}
		at += n
		h, err := m.redoOn(c.ID, end)
		if err != nil {
			return err
		}
		switch {
		case h.skip:
		case c.Kind == KindInit:
			initPage(h.f, c.Type)
		default:
			copy(h.f.buf[c.Offset:], c.Bytes)
		}
	}
	return nil
}

// redoOn returns the page that a change is for. Whether it needs the record is decided
// once, at its first change.
func (m *Mtr) redoOn(id PageID, end lsn.LSN) (*hold, error) {
	for i := range m.held[:m.n] {
		if h := &m.held[i]; h.f.id == id {
			return h, nil
		}
	}
	pg, err := m.Write(id)
	if err != nil {
		return nil, err
	}
	h := m.holds(pg)
	h.skip = pg.LSN() >= end
	h.changed = !h.skip
	return h, nil
}
