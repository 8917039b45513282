package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"flushbench/metrics/verdict"
)

// progress shows on standard error how far a measurement is: a bar that is
// drawn over itself on a terminal, elsewhere a plain line now and then. Safe
// for concurrent use. Close must be called before anything else is printed.
type progress struct {
	w        io.Writer
	terminal bool
	now      func() time.Time
	every    time.Duration // between two plain lines, or two drawings of the bar

	mu struct {
		sync.Mutex
		last   time.Time // of the last drawing
		drawn  bool
		closed bool
	}
}

// The least time between two drawings.
const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 10 * time.Second
	barWidth  = 24
)

// newProgress returns a progress on w; quiet ones show nothing.
func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{w: w, terminal: isTerminal(w), now: time.Now, every: lineEvery}
	if p.terminal {
		p.every = barEvery
	}
	if quiet {
		p.w = io.Discard
	}
	return p
}

// step shows that the share done (0 to 1) is finished, how long the rest will
// take, and what is going on.
func (p *progress) step(done float64, left time.Duration, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.mu.closed || (!p.mu.last.IsZero() && now.Sub(p.mu.last) < p.every) {
		return
	}
	p.mu.last, p.mu.drawn = now, true
	done = min(max(done, 0), 1)
	if !p.terminal {
		fmt.Fprintf(p.w, "flushbench: %3.0f %%, %s left: %s\n", done*100, timeLeft(left), what)
		return
	}
	full := int(done * barWidth)
	line := fmt.Sprintf("[%s%s] %3.0f %%  %s left  %s",
		strings.Repeat("#", full), strings.Repeat(".", barWidth-full), done*100, timeLeft(left), what)
	fmt.Fprint(p.w, "\r"+line[:min(len(line), verdict.Width-1)]+"\x1b[K")
}

// note prints a line of its own, above the bar.
func (p *progress) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	fmt.Fprintln(p.w, line)
}

// Close wipes the bar. Later steps show nothing.
func (p *progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.closed = true
	p.wipe()
}

// wipe clears the bar. REQUIRES: p.mu is held.
func (p *progress) wipe() {
	if p.terminal && p.mu.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.mu.drawn = false
	}
}
