package serve

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"flushbench/metrics/result"
)

// maxEvents is how much of a run a hub remembers: a minute.
const maxEvents = 600

// hub follows one run for all streams that look at it. Each stream keeps only its
// place in the hub's memory, so a slow one costs nothing and misses what is forgotten
// meanwhile.
type hub struct {
	id   string // tells its events from those of an earlier hub of the run
	stop context.CancelFunc
	// unused is called linger after the last stream has gone.
	unused func()
	linger time.Duration

	mu struct {
		sync.Mutex
		events  [][]byte      // the newest, as JSON, at most maxEvents
		first   uint64        // number of events[0], from 1
		over    bool          // no event follows
		changed chan struct{} // closed, and replaced, with each event
		streams int
		idle    *time.Timer // runs while there is no stream
	}
}

// join returns the hub of a run, which it starts if need be. Each join needs a leave.
// The error is errNotLive where there is nothing to follow.
func (s *Server) join(name string) (*hub, error) {
	live := s.isLive(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.mu.hubs[name]; h != nil {
		h.enter()
		return h, nil
	}
	if !live || s.mu.closed {
		return nil, errNotLive
	}
	ctx, stop := context.WithCancel(s.ctx)
	h := &hub{id: strconv.FormatInt(time.Now().UnixNano(), 36), stop: stop, linger: s.times.linger}
	h.mu.first, h.mu.changed = 1, make(chan struct{})
	h.unused = func() { s.retire(name, h) }
	h.enter()
	s.mu.hubs[name] = h
	s.running.Go(func() {
		defer stop()
		s.follow(ctx, name, h.add)
		s.forget(name, h)
		h.end()
	})
	return h, nil
}

// retire ends a hub that nobody looks at any more.
func (s *Server) retire(name string, h *hub) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.streams == 0 { // a stream comes in under s.mu
		s.forgetLocked(name, h)
		h.stop()
	}
}

// forget lets the next stream start a new hub.
func (s *Server) forget(name string, h *hub) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetLocked(name, h)
}

func (s *Server) forgetLocked(name string, h *hub) {
	if s.mu.hubs[name] == h {
		delete(s.mu.hubs, name)
	}
}

// enter counts a stream.
func (h *hub) enter() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.streams++
	if h.mu.idle != nil {
		h.mu.idle.Stop()
		h.mu.idle = nil
	}
}

// leave counts a stream that has gone; after the last one the hub ends in a while.
func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.streams--; h.mu.streams == 0 {
		h.mu.idle = time.AfterFunc(h.linger, h.unused)
	}
}

// add remembers a snapshot.
func (h *hub) add(l result.Live) {
	text, err := json.Marshal(newFrame(&l))
	if err != nil {
		return // a figure that JSON cannot say
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.mu.events) == maxEvents {
		copy(h.mu.events, h.mu.events[1:])
		h.mu.events = h.mu.events[:maxEvents-1]
		h.mu.first++
	}
	h.mu.events = append(h.mu.events, text)
	h.wake()
}

// end tells the streams that no event follows.
func (h *hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.over = true
	if h.mu.idle != nil {
		h.mu.idle.Stop()
	}
	h.wake()
}

// wake lets all streams look. REQUIRES: h.mu is held.
func (h *hub) wake() {
	close(h.mu.changed)
	h.mu.changed = make(chan struct{})
}

// batch is what a stream sends next.
type batch struct {
	events  [][]byte
	first   uint64 // number of events[0]
	skipped bool   // events before first are forgotten
	over    bool   // none follows
	changed <-chan struct{}
}

// after returns the events after number seen, and a channel that is closed when there
// is more. A number that is none of this hub's is 0.
func (h *hub) after(seen uint64) batch {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := h.mu.first + uint64(len(h.mu.events))
	b := batch{over: h.mu.over, changed: h.mu.changed, first: seen + 1}
	if b.first < h.mu.first || b.first > next {
		b.first, b.skipped = h.mu.first, seen > 0
	}
	// The events are never changed, only forgotten: a copy of the list will do.
	b.events = append(b.events, h.mu.events[b.first-h.mu.first:]...)
	return b
}
