package bufpool

import (
	"runtime"
	"testing"

	"flushbench/engine/vfs"
)

// Two who miss the same page while every frame is in use get the same frame: the
// first lets go of the pool's mutex to flush victims, and the second brings the
// page in meanwhile.
func TestOnePageOneFrame(t *testing.T) {
	p := open(t, smallest(created(t, vfs.Fdatasync), newFakeLog(1<<40), 1))
	n := len(p.frames)
	var m Mtr
	for no := range uint32(n) {
		set(t, p, &m, tp(no), uint64(no))
	}
	if err := p.FlushAll(); err != nil {
		t.Fatal(err)
	}
	for i := range p.frames {
		p.frames[i].pins.Add(1)
	}
	fix := func() *frame {
		f, _, err := p.fix(tp(uint32(n+5)), false, true)
		if err != nil {
			t.Error(err)
		}
		return f
	}
	p.evict.mu.Lock() // the first one will wait for it, without the pool's mutex
	got := make(chan *frame)
	go func() { got <- fix() }()
	for range 100_000 { // if it comes later than this, it finds the page: no failure
		runtime.Gosched()
	}
	for i := range 2 { // two frames can be had
		p.unpin(&p.frames[i])
	}
	second := fix()
	p.evict.mu.Unlock()
	if first := <-got; first != second {
		t.Errorf("the page is in frames %d and %d", first.self, second.self)
	}
}
