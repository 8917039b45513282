package bufpool

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
)

// Pages are pinned without a mutex while others take their frames: who gets a
// page gets that page, and its frame stays as long as it is held.
func TestPinsAgainstEvictions(t *testing.T) {
	const workers, pages = 4, 250
	log := newFakeLog(1 << 40)
	p := open(t, smallest(created(t, vfs.Fdatasync), log, workers))
	var m Mtr
	for no := range uint32(pages) {
		set(t, p, &m, tp(no), uint64(no))
	}
	if err := p.FlushAll(); err != nil {
		t.Fatal(err)
	}
	rounds := 100
	if yield.Enabled {
		rounds = 30
	}
	seeds.Run(t, 20, func(seed uint64) string {
		wrong := make(chan string, workers)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(w)))
				near := rng.IntN(pages)
				for range rounds {
					if s := holdTwo(p, uint32((near+rng.IntN(130))%pages), uint32(rng.IntN(pages))); s != "" {
						wrong <- s
						return
					}
				}
			})
		}
		wg.Wait()
		select {
		case s := <-wrong:
			return s
		default:
			return checkPool(p, log)
		}
	})
	if p.Stats().Evictions < pages/2 {
		t.Errorf("%d evictions; want many", p.Stats().Evictions)
	}
}

// holdTwo reads two pages that hold their numbers, and looks at both while it
// holds both.
func holdTwo(p *Pool, a, b uint32) (wrong string) {
	var m Mtr
	if err := p.BeginRead(&m); err != nil {
		return err.Error()
	}
	defer m.Abandon()
	for _, no := range []uint32{min(a, b), max(a, b)} {
		if _, err := m.Read(tp(no)); err != nil {
			return err.Error()
		}
	}
	yield.Point(yield.StageDetached)
	for _, h := range m.held[:m.n] {
		no, space := binary.LittleEndian.Uint32(h.f.buf[offPageNo:]), h.f.buf[offSpace]
		if got := (PageID{space, no}); got != h.f.id || got != tp(a) && got != tp(b) {
			return fmt.Sprintf("the frame of page %v holds page %v; asked for were %d and %d", h.f.id, got, a, b)
		}
	}
	return ""
}
