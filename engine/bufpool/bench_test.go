package bufpool

import (
	"sync/atomic"
	"testing"

	"flushbench/engine/vfs"
)

// BenchmarkMtr changes two pages that are in the pool, one of many and one of
// its own, as an update does with its row and its undo record.
func BenchmarkMtr(b *testing.B) {
	const pages = 500
	log := &nullLog{}
	log.end.Store(1)
	p := open(b, Options{FS: created(b, vfs.Fdatasync), Dir: "data", Log: log, Bytes: 1024 * PageSize, Mtrs: 16})
	next := atomic.Uint32{}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var m Mtr
		own, no := PageID{SpaceUndo, next.Add(1)}, uint32(0)
		value := make([]byte, 100)
		for pb.Next() {
			if err := p.Begin(&m); err != nil {
				b.Error(err)
				return
			}
			no = (no + 7) % pages
			for _, id := range []PageID{tp(no), own} {
				pg, err := m.Write(id)
				if err != nil {
					b.Error(err)
					return
				}
				m.Set(pg, 64, value)
			}
			if _, err := m.Commit(1); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
