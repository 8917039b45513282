package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"flushbench/metrics/result"
)

// view is a few lines on a terminal that are drawn over themselves. Whatever
// changes on the screen goes out in one write, so that nothing flickers. Safe
// for concurrent use.
//
// Between two writes the cursor stands at the begin of the first line. So when
// the terminal gets narrower and wraps the lines, or does not, what was drawn
// lies behind the cursor either way and is cleared from there.
type view struct {
	w     io.Writer
	size  func() (columns, rows int) // of the terminal, now
	style liveStyle

	mu     sync.Mutex
	peak   livePeak
	lines  []string // on the screen
	width  int      // of the terminal when they were drawn
	hidden bool     // the cursor
	ending bool     // the user asked for the end
	closed bool
}

// Control sequences (ECMA-48; the cursor's is DEC's, which everybody has).
const (
	toLineBegin = "\r"
	clearLine   = "\x1b[K" // from the cursor on
	clearBelow  = "\x1b[J" // from the cursor on
	hideCursor  = "\x1b[?25l"
	showCursor  = "\x1b[?25h"
)

// newView returns a view on a terminal.
func newView(w io.Writer) *view {
	v := &view{w: w, size: func() (int, int) { return 80, 24 }, style: liveStyle{bold: bold(w)}}
	if f, ok := w.(*os.File); ok {
		v.size = func() (int, int) {
			columns, rows, err := term.GetSize(int(f.Fd()))
			if err != nil || columns <= 0 || rows <= 0 {
				return 80, 24 // a terminal that does not know
			}
			return columns, rows
		}
	}
	return v
}

// hide hides the cursor, with the next frame. Undone by interrupted and close.
func (v *view) hide() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hidden = true
	v.write(hideCursor)
}

// interrupted shows the cursor again and says that the end was asked for.
func (v *view) interrupted() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ending = true
	v.show()
}

// show shows the cursor. REQUIRES: mu is held.
func (v *view) show() {
	if v.hidden {
		v.hidden = false
		v.write(showCursor)
	}
}

// draw draws a frame, unless it would look like the last one.
func (v *view) draw(l result.Live) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	columns, rows := v.size()
	v.peak.see(&l)
	lines := v.style.frame(&l, v.peak.scale, v.ending, columns, rows)
	if len(lines) == 0 || v.width == columns && strings.Join(lines, "\n") == strings.Join(v.lines, "\n") {
		return
	}
	var b strings.Builder
	b.WriteString(toLineBegin)
	if v.width != columns {
		b.WriteString(clearBelow) // the terminal may have wrapped them
	}
	b.WriteString(region(lines, len(v.lines)))
	v.lines, v.width = lines, columns
	v.write(b.String())
}

// region draws lines over before others and returns to their begin.
func region(lines []string, before int) string {
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(line + clearLine)
	}
	if before > len(lines) {
		b.WriteString("\r\n" + clearBelow + up(1))
	}
	if len(lines) > 1 {
		b.WriteString(up(len(lines) - 1))
	}
	return b.String() + toLineBegin
}

func up(n int) string { return fmt.Sprintf("\x1b[%dA", n) }

// above prints text above what is drawn.
func (v *view) above(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	text = strings.ReplaceAll(text, "\n", "\r\n")
	if len(v.lines) == 0 {
		v.write(text + "\r\n")
		return
	}
	if columns, _ := v.size(); columns != v.width {
		v.lines, v.width = nil, 0 // they would wrap; the next frame is on its way
	}
	v.write(toLineBegin + clearBelow + text + "\r\n" + region(v.lines, 0))
}

// close wipes what is drawn and shows the cursor.
func (v *view) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.lines) > 0 {
		v.write(toLineBegin + clearBelow)
	}
	v.lines, v.closed = nil, true
	v.show()
}

// write sends one piece to the terminal. A terminal that is gone is no reason to
// end a measurement. REQUIRES: mu is held.
func (v *view) write(s string) { _, _ = io.WriteString(v.w, s) }
