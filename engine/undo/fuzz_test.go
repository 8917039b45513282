package undo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"flushbench/engine/bufpool"
	"flushbench/engine/table"
)

// What decodes as a record is what append writes, byte for byte, whatever the
// input.
func FuzzRecord(f *testing.F) {
	old := table.Header{Flags: table.FlagPresent, Trx: 3, Roll: 1 << 20}
	marked := old
	marked.Flags |= table.FlagDeleted
	for _, r := range []record{
		{kind: kindInsert, trx: 1, key: 9},
		{kind: kindUpdate, trx: 1 << 40, prev: 77, key: 1, old: old, cols: colK | colC, k: -1, c: []byte("12345")},
		{kind: kindUpdate, trx: 2, key: 1, old: old, cols: colC, c: []byte("12345")},
		{kind: kindDeleteMark, trx: 2, key: 1, old: old},
		{kind: kindInsertOverDelete, trx: 2, key: 1, old: marked, cols: colK, k: 4},
	} {
		f.Add(r.append(nil), uint8(5))
	}
	f.Fuzz(func(t *testing.T, b []byte, cBytes uint8) {
		r, wrong := decodeRecord(b, int(cBytes))
		if wrong != "" {
			return
		}
		again := r.append(nil)
		if !bytes.Equal(again[2:], b[2:]) {
			t.Errorf("%x decodes to %+v, which is %x", b, r, again)
		}
	})
}

// The same for headers of logs.
func FuzzLogHeader(f *testing.F) {
	for _, h := range []logHeader{
		{state: Active, id: 1},
		{state: Active, id: 1, top: topNone},
		{state: Prepared, id: 7, xid: 99},
		{state: Committed, id: 8, no: 9, history: true},
		{state: RolledBack, id: 8, no: 9, top: topNone},
	} {
		var b [logBytes]byte
		h.put(b[:])
		f.Add(b[:])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, wrong := decodeLog(b)
		if wrong != "" {
			return
		}
		var again [logBytes]byte
		h.put(again[:])
		if !bytes.Equal(again[2:], b[2:]) {
			t.Errorf("%x decodes to %+v, which is %x", b, h, again)
		}
	})
}

// Items of any page are within the page, and a pointer to any place gives a
// record or an error that names the place.
func FuzzPage(f *testing.F) {
	page := make([]byte, 64)
	binary.LittleEndian.PutUint16(page[pageUsed-pageNext:], pageData+28)
	page[pageSlot-pageNext] = 1
	f.Add(page, uint16(pageData))
	f.Fuzz(func(t *testing.T, b []byte, off uint16) {
		page := make([]byte, bufpool.PageSize)
		copy(page[pageNext:], b)
		r, err := recordAt(page, place{7, int(off)}.ptr(), 8)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("recordAt = %v; want ErrCorrupt", err)
		}
		if err == nil && len(r.c) > bufpool.PageSize {
			t.Errorf("recordAt = %+v", r)
		}
	})
}

// A damaged undo space is refused, or opened and worked off; it never makes the
// engine hang or panic.
func FuzzOpen(f *testing.F) {
	f.Add(uint8(1), uint16(32), []byte{0xff})
	f.Add(uint8(7), uint16(36), []byte{0, 0})
	f.Add(uint8(7), uint16(40), []byte{36, 0, 1, 9})
	f.Add(uint8(8), uint16(32), []byte{7})
	f.Add(uint8(0), uint16(48), []byte{0})
	f.Add(uint8(2), uint16(32), []byte{40, 0, 7})
	f.Fuzz(func(t *testing.T, no uint8, off uint16, b []byte) {
		o := small()
		o.Layout.RowBytes = 3000
		r := newRig(t, o)
		defer func() { _, _ = r.s.Close(), r.pool.Close() }()
		a, c := r.begin(RepeatableRead), r.begin(RepeatableRead)
		for key := range uint64(8) {
			must(t, a.Insert(r.rowOf(key, 1, 1)))
		}
		_, err := a.Commit()
		must(t, err)
		for _, x := range []*Txn{a, c} {
			if x == a {
				must(t, r.s.Begin(a, RepeatableRead))
			}
			for i := range 7 {
				_, _, err := x.Update(r.rowOf(uint64(i), int64(i), byte(i)), nil)
				must(t, err)
			}
			_, err := x.Delete(7, nil)
			must(t, err)
			if x == a {
				_, err := a.Commit()
				must(t, err)
			}
		}
		var m bufpool.Mtr
		must(t, r.pool.Begin(&m))
		pg, err := m.Write(undoPage(uint32(no % 12)))
		must(t, err)
		at := bufpool.HeaderSize + int(off)%(bufpool.PageSize-bufpool.HeaderSize)
		m.Set(pg, at, b[:min(len(b), bufpool.PageSize-at)])
		_, err = m.Commit(0)
		must(t, err)
		_ = r.s.Close()
		s, open, err := Open(r.pool, o)
		if err != nil {
			return
		}
		for _, u := range open {
			if _, err := s.Resolve(u, false); err != nil {
				return
			}
		}
		_, _ = s.Purge()
	})
}
