package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"flushbench/metrics/result"
)

// reader reads events of a stream.
type reader struct {
	t    testing.TB
	resp *http.Response
	in   *bufio.Scanner
}

// openStream asks addr for the events of a run. The stream ends with the test.
func openStream(t testing.TB, addr, name, lastID string) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/live/"+name+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &reader{t, resp, bufio.NewScanner(resp.Body)}
}

// next returns the next event; ok is false when there is none.
func (r *reader) next() (e event, ok bool) {
	for r.in.Scan() {
		field, value, _ := strings.Cut(r.in.Text(), ": ")
		switch field {
		case "event":
			e.kind = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			if e.kind != "" {
				return e, true
			}
		}
	}
	return e, false
}

// want returns the next event, which must be of a kind.
func (r *reader) want(kind string) event {
	r.t.Helper()
	e, ok := r.next()
	if !ok || e.kind != kind {
		r.t.Fatalf("event %+v (there is one: %v); want %s", e, ok, kind)
	}
	return e
}

// served returns a server with one run of its own, called A.
func served(t testing.TB) (s *Server, run *aRun, addr string) {
	dir := t.TempDir()
	save(t, dir, "A", func(r *result.Result) { r.Complete, r.Finished = false, nil })
	s, run = newServer(t, dir), newRun()
	s.Attach("A", run.snapshot)
	addr, _ = listening(t, s)
	return s, run, addr
}

func TestStreamFollowsARun(t *testing.T) {
	s, run, addr := served(t)
	r := openStream(t, addr, "A", "")
	if kind := r.resp.Header.Get("Content-Type"); r.resp.StatusCode != http.StatusOK || kind != "text/event-stream; charset=utf-8" {
		t.Fatalf("stream: %d as %s", r.resp.StatusCode, kind)
	}
	r.want("reset")
	f := r.want("live").frame(t)
	if f.Step != 3 || f.Phase != "measured" || *f.TPS != 1350 || *f.FlushPerS != 1417 || *f.P99MS != 1.9 || *f.Risk != [3]int64{0, 2623, 2623} || f.Over || f.Now["os"] != "2,623 (1.01 s)" || f.Now["process"] != "nothing" {
		t.Errorf("frame %+v", f)
	}
	// A text of several lines stays one event.
	run.change(func(l *result.Live) { l.What, l.Step = "a\n\nevent: end\n\nb", 4 })
	for f.Step != 4 {
		f = r.want("live").frame(t)
	}
	if strings.ContainsAny(f.What, "\n") {
		t.Errorf("what: %q", f.What)
	}
	// Figures that are not measured are null, not 0.
	run.change(func(l *result.Live) {
		l.TPSNow, l.FlushPerS, l.P99NS, l.AtRisk, l.Commits, l.TPS, l.Cell, l.Round, l.Step = nil, nil, nil, nil, nil, nil, "", 0, 5
	})
	for f.Step != 5 {
		f = r.want("live").frame(t)
	}
	if f.TPS != nil || f.FlushPerS != nil || f.P99MS != nil || f.Risk != nil || f.Now["tps"] != none || f.Now["power"] != none || f.Now["cell"] != none {
		t.Errorf("frame without figures: %+v", f)
	}
	run.change(func(l *result.Live) { l.Phase = result.PhaseFinished })
	for e, ok := r.next(); ; e, ok = r.next() {
		if !ok {
			t.Fatal("the stream ended without saying so")
		}
		if e.kind == "end" {
			break
		}
		f = e.frame(t)
	}
	if _, more := r.next(); more || !f.Over {
		t.Errorf("after the end there is more: %v; the last frame says that it is over: %v", more, f.Over)
	}
	wants(t, "no result", get(s, "/live/B/events"), 404)
}

// TestStreamGoesOn: a reader that comes back gets what it missed, and no more; one that
// was away for too long, or with the id of an earlier server, starts anew.
func TestStreamGoesOn(t *testing.T) {
	_, _, addr := served(t)
	r := openStream(t, addr, "A", "")
	r.want("reset")
	first := r.want("live")
	second := r.want("live")
	third := r.want("live")
	for i, e := range []event{first, second, third} {
		if want := fmt.Sprintf("-%d", i+1); !strings.HasSuffix(e.id, want) {
			t.Errorf("event %d has the id %s; want it to end in %s", i+1, e.id, want)
		}
	}
	again := openStream(t, addr, "A", first.id)
	if e := again.want("live"); e.id != second.id || e.data != second.data {
		t.Errorf("after %s came %+v; want %+v", first.id, e, second)
	}
	if e := again.want("live"); e.id != third.id {
		t.Errorf("then %s; want %s", e.id, third.id)
	}
	for _, id := range []string{"1", "another-1", "", "x", first.id + "x", strings.Replace(first.id, "-", "-99", 1) + "999"} {
		b := openStream(t, addr, "A", id)
		e, _ := b.next()
		if e.kind == "reset" {
			e, _ = b.next()
		} else if !strings.HasSuffix(id, "999") {
			t.Errorf("Last-Event-ID %q: the first event is %+v; want a reset", id, e)
		}
		if e.kind != "live" || e.id != first.id {
			t.Errorf("Last-Event-ID %q: then %+v; want the first event", id, e)
		}
	}
}

// TestManyStreams: as many as there may be at once all get events; one more is refused,
// pages are still served, and a place that becomes free is given away.
func TestManyStreams(t *testing.T) {
	s, _, addr := served(t)
	var open []*reader
	for range maxStreams {
		open = append(open, openStream(t, addr, "A", ""))
	}
	var wait sync.WaitGroup
	bad := make(chan string, maxStreams)
	for _, r := range open {
		wait.Go(func() {
			for range 5 {
				if e, ok := r.next(); !ok || e.kind != "live" && e.kind != "reset" {
					bad <- fmt.Sprintf("%+v", e)
					return
				}
			}
		})
	}
	wait.Wait()
	close(bad)
	for e := range bad {
		t.Errorf("of %d streams one ended with %s", maxStreams, e)
	}
	w := get(s, "/live/A/events")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("stream %d: %d, Retry-After %q; want 503", maxStreams+1, w.Code, w.Header().Get("Retry-After"))
	}
	wants(t, "a page beside them", get(s, "/"), 200, "running")
	wants(t, "metrics beside them", get(s, "/metrics"), 200, fmt.Sprintf("flushbench_event_streams %d\n", maxStreams))
	open[0].resp.Body.Close()
	waitFor(t, "a free place", func() bool { return len(s.streams) < maxStreams })
	openStream(t, addr, "A", "").want("reset")
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.hubs) != 1 {
		t.Errorf("%d hubs for one run", len(s.mu.hubs))
	}
}

// waitFor waits until something is so, a minute at most.
func waitFor(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// TestSlowReaderIsDropped: who does not read loses the stream, and nobody waits.
func TestSlowReaderIsDropped(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "A", nil)
	s, run := newServer(t, dir), newRun()
	s.times.write = 50 * time.Millisecond
	run.change(func(l *result.Live) { l.What = strings.Repeat("w", 3900) })
	s.Attach("A", run.snapshot)
	addr, _ := listening(t, s)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(c, "GET /live/A/events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	var h *hub // it outlives the stream
	waitFor(t, "the stream opens", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		h = s.mu.hubs["A"]
		return h != nil
	})
	// Much more than the buffers of the kernel hold.
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for l := run.snapshot(); ; h.add(l) {
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	waitFor(t, "the slow reader is dropped", func() bool { return len(s.streams) == 0 })
}

func TestHubForgetsTheOldest(t *testing.T) {
	h := &hub{id: "h"}
	h.mu.first, h.mu.changed = 1, make(chan struct{})
	for i := range maxEvents + 10 {
		h.add(result.Live{Step: i + 1})
	}
	if len(h.mu.events) != maxEvents || h.mu.first != 11 {
		t.Fatalf("%d events from %d; want %d from 11", len(h.mu.events), h.mu.first, maxEvents)
	}
	for _, c := range []struct {
		seen, first uint64
		n           int
		skipped     bool
	}{
		{0, 11, maxEvents, false}, {5, 11, maxEvents, true}, {10, 11, maxEvents, false}, {11, 12, maxEvents - 1, false},
		{maxEvents + 9, maxEvents + 10, 1, false}, {maxEvents + 10, maxEvents + 11, 0, false}, {maxEvents + 11, 11, maxEvents, true}, {1 << 62, 11, maxEvents, true},
	} {
		b := h.after(c.seen)
		if b.first != c.first || len(b.events) != c.n || b.skipped != c.skipped {
			t.Errorf("after(%d) = %d events from %d, skipped %v; want %d from %d, %v", c.seen, len(b.events), b.first, b.skipped, c.n, c.first, c.skipped)
		}
		if c.n > 0 {
			var f frame
			if err := json.Unmarshal(b.events[0], &f); err != nil || uint64(f.Step) != c.first {
				t.Errorf("after(%d): the first event is of step %d (%v); want %d", c.seen, f.Step, err, c.first)
			}
		}
	}
	changed := h.after(0).changed
	select {
	case <-changed:
		t.Error("woken without an event")
	default:
	}
	h.end()
	<-changed
	if !h.after(maxEvents + 10).over {
		t.Error("the end is not told")
	}
}

// TestRunIsAskedOnlyWhileSomebodyLooks, by a clock of its own.
func TestRunIsAskedOnlyWhileSomebodyLooks(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "A", nil)
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, dir)
		run, asked := newRun(), 0
		var mu sync.Mutex
		defer s.Attach("A", func() result.Live {
			mu.Lock()
			defer mu.Unlock()
			asked++
			return run.snapshot()
		})()
		count := func() int {
			mu.Lock()
			defer mu.Unlock()
			return asked
		}
		time.Sleep(time.Hour)
		if n := count(); n != 0 {
			t.Errorf("asked %d times while nobody looked", n)
		}
		ctx, leave := context.WithCancel(context.Background())
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/live/A/events", nil).WithContext(ctx))
		}()
		time.Sleep(10 * time.Second)
		if n := count(); n < 95 || n > 105 {
			t.Errorf("asked %d times in 10 s; want 100", n)
		}
		leave()
		<-gone
		time.Sleep(2 * s.times.linger)
		before := count()
		time.Sleep(time.Hour)
		if n := count(); n != before {
			t.Errorf("asked %d times more after the last reader had gone", n-before)
		}
	})
}

// deadlines is a recorder that takes deadlines, as a connection does.
type deadlines struct{ *httptest.ResponseRecorder }

func (deadlines) SetReadDeadline(time.Time) error  { return nil }
func (deadlines) SetWriteDeadline(time.Time) error { return nil }

// TestServeEndsStreams: at the end of the server its streams end, and in order.
func TestServeEndsStreams(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "A", nil)
	s := newServer(t, dir)
	s.times.goodbye = time.Minute // or a machine that stands still breaks the stream off
	s.Attach("A", newRun().snapshot)
	addr, stop := listening(t, s)
	r := openStream(t, addr, "A", "")
	r.want("reset")
	r.want("live")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for e, ok := r.next(); e.kind != "end"; e, ok = r.next() {
		if !ok {
			t.Fatal("the stream broke off")
		}
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the address still answers")
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Errorf("Close: %v", err)
	}
}
