package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"flushbench/metrics/result"
)

// progress shows on standard error how far a measurement is: lines that are
// drawn over themselves on a terminal, elsewhere a plain line now and then.
// Safe for concurrent use. Close must be called before anything else is printed;
// notes may follow it.
type progress struct {
	w    io.Writer
	view *view // nil: plain lines
	now  func() time.Time

	mu struct {
		sync.Mutex
		last   time.Time // of the last plain line
		step   result.Live
		stepAt time.Time
		closed bool
	}

	source func() result.Live // what live shows; nil: the steps
	quit   chan struct{}      // nil: nobody draws regularly
	drawer sync.WaitGroup
}

const (
	// lineEvery is the least time between two plain lines.
	lineEvery = 10 * time.Second
	// frameEvery is the time between two frames on a terminal.
	frameEvery = 200 * time.Millisecond
)

// newProgress returns a progress on w; quiet ones show nothing.
func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{w: w, now: time.Now}
	switch {
	case quiet:
		p.w = io.Discard
	case isTerminal(w) && os.Getenv("CI") == "":
		p.view = newView(w)
	}
	return p
}

// live draws source, or the steps if it is nil, a few times a second on a
// terminal, and hides the cursor until ctx is cancelled or Close. Elsewhere it
// does nothing: there steps become lines. REQUIRES: called once at most, before
// the first step.
func (p *progress) live(ctx context.Context, source func() result.Live) {
	if p.view == nil {
		return
	}
	p.source, p.quit = source, make(chan struct{})
	p.view.hide()
	p.drawer.Go(func() {
		tick := time.NewTicker(frameEvery)
		defer tick.Stop()
		cancelled := ctx.Done()
		for {
			select {
			case <-p.quit:
				return
			case <-cancelled:
				// The second Ctrl-C ends the process at once, so the cursor must be there.
				p.view.interrupted()
				cancelled = nil
			case <-tick.C:
			}
			p.draw()
		}
	})
}

// draw draws a frame.
func (p *progress) draw() {
	if p.source != nil {
		p.view.draw(p.source())
		return
	}
	p.mu.Lock()
	l, at := p.mu.step, p.mu.stepAt
	p.mu.Unlock()
	if !at.IsZero() {
		l.LeftNS = max(l.LeftNS-int64(p.now().Sub(at)), 0)
		p.view.draw(l)
	}
}

// step shows that the share done (0 to 1) is finished, how long the rest will
// take, and what is going on. While live draws another source it does nothing.
func (p *progress) step(done float64, left time.Duration, what string) {
	if p.source != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	done = min(max(done, 0), 1)
	switch {
	case p.mu.closed:
	case p.view != nil:
		p.mu.step, p.mu.stepAt = result.Live{Done: done, LeftNS: int64(left), What: what}, now
		if p.quit == nil {
			p.view.draw(p.mu.step)
		}
	case p.mu.last.IsZero() || now.Sub(p.mu.last) >= lineEvery:
		p.mu.last = now
		fmt.Fprintf(p.w, "flushbench: %3.0f %%, %s left: %s\n", done*100, timeLeft(left), what)
	}
}

// note prints a line of its own, above what is drawn over itself.
func (p *progress) note(line string) {
	if p.view != nil {
		p.view.above(line)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w, line)
}

// Close wipes what is drawn and shows the cursor. Later steps show nothing. It
// may be called twice, and while the program panics.
func (p *progress) Close() {
	p.mu.Lock()
	closed := p.mu.closed
	p.mu.closed = true
	p.mu.Unlock()
	if closed {
		return
	}
	if p.quit != nil {
		close(p.quit)
		p.drawer.Wait()
	}
	if p.view != nil {
		p.view.close()
	}
}
