package table

import (
	"fmt"

	"flushbench/engine/bufpool"
)

// Load fills an empty table with the keys 0 to rows-1, one mini-transaction a
// page: row is asked for k and c of each key, in order (r.C has CBytes bytes of
// memory that may be written). The rows belong to transaction 0, which every
// read view sees; they have no undo. It is how a benchmark's table comes to be,
// before any transaction; a crash in between leaves the pages loaded so far.
func Load(pool *bufpool.Pool, l Layout, rows uint64, row func(r *Row)) error {
	if err := l.Validate(); err != nil {
		return err
	}
	if rows > 0 && rows-1 > l.MaxKey() {
		return fmt.Errorf("table: load %d rows: must be at most %d", rows, l.MaxKey()+1)
	}
	var m bufpool.Mtr
	r := Row{C: make([]byte, l.CBytes())}
	slots := make([]byte, l.RowsPerPage()*l.SlotBytes())
	for key := uint64(0); key < rows; {
		id, _ := l.Place(key)
		used := 0
		for ; key < rows && used < len(slots); key++ {
			r.Key = key
			row(&r)
			r.Key = key
			if err := l.CheckRow(&r); err != nil {
				return err
			}
			PutRow(slots[used:used+l.SlotBytes()], Header{Flags: FlagPresent}, &r)
			used += l.SlotBytes()
		}
		if err := loadPage(pool, &m, id, slots[:used]); err != nil {
			return err
		}
	}
	return nil
}

func loadPage(pool *bufpool.Pool, m *bufpool.Mtr, id bufpool.PageID, slots []byte) error {
	if err := pool.Begin(m); err != nil {
		return err
	}
	pg, err := m.Init(id, PageType)
	if err != nil {
		m.Abandon()
		return err
	}
	m.Set(pg, bufpool.HeaderSize, slots)
	_, err = m.Commit(0)
	return err
}
