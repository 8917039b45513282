package serve

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxStreams bounds the event streams, over all runs.
const maxStreams = 64

// streamEvents sends the snapshots of a run as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html):
//
//	live   a snapshot, as JSON; its id lets a browser go on where it was
//	reset  what was sent before does not join on to what follows
//	end    the run is over, or gone; the stream ends
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !s.known(name) {
		s.refuse(w, r, http.StatusNotFound, "There is no such result.")
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		w.Header().Set("Retry-After", "10")
		s.refuse(w, r, http.StatusServiceUnavailable, "As many streams as there may be are open already.")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy between must not wait for more
	if r.Method == http.MethodHead {
		return
	}
	out := &stream{w: w, c: http.NewResponseController(w), within: s.times.write}
	// The time to read the request is over; the reader may stay as long as it likes.
	if err := out.c.SetReadDeadline(time.Time{}); err != nil {
		return
	}
	h, err := s.join(name)
	if err != nil {
		_ = out.send([]byte("event: end\ndata: {}\n\n")) // gone again: nothing is left to do
		return
	}
	defer h.leave()
	seen, resumed := h.seen(r.Header.Get("Last-Event-ID"))
	first := "retry: 2000\n\n"
	if !resumed {
		first += "event: reset\ndata: {}\n\n"
	}
	if out.send([]byte(first)) != nil {
		return
	}
	s.relay(out, r, h, seen)
}

// relay sends events until the run is over or the reader has gone.
func (s *Server) relay(out *stream, r *http.Request, h *hub, seen uint64) {
	beat := time.NewTicker(s.times.heartbeat)
	defer beat.Stop()
	for {
		b := h.after(seen)
		var text bytes.Buffer
		if b.skipped {
			text.WriteString("event: reset\ndata: {}\n\n")
		}
		for i, e := range b.events {
			seen = b.first + uint64(i)
			fmt.Fprintf(&text, "event: live\nid: %s-%d\ndata: %s\n\n", h.id, seen, e)
		}
		if b.over {
			text.WriteString("event: end\ndata: {}\n\n")
		}
		if text.Len() > 0 {
			if out.send(text.Bytes()) != nil || b.over {
				return
			}
			beat.Reset(s.times.heartbeat)
		}
		select {
		case <-b.changed:
		case <-beat.C:
			if out.send([]byte(": still here\n\n")) != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// seen reads the id of the last event that a reader got. resumed says that it is one
// of this hub's; the number is 0 otherwise.
func (h *hub) seen(id string) (number uint64, resumed bool) {
	rest, ok := strings.CutPrefix(id, h.id+"-")
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(rest, 10, 63)
	return number, err == nil
}

// stream writes to one reader.
type stream struct {
	w      http.ResponseWriter
	c      *http.ResponseController
	within time.Duration // of a piece
}

// send writes text at once, or fails when the reader is too slow.
func (o *stream) send(text []byte) error {
	if err := o.c.SetWriteDeadline(time.Now().Add(o.within)); err != nil {
		return err
	}
	if _, err := o.w.Write(text); err != nil {
		return err
	}
	return o.c.Flush()
}
