package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
)

func TestProgressPlain(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := newProgress(&out, false)
	p.now = func() time.Time { return now }
	p.live(context.Background(), func() result.Live { return result.Live{Steps: 1} }) // no terminal: lines all the same
	p.step(0, 20*time.Second, "begin")
	p.step(0.1, 18*time.Second, "too soon")
	now = now.Add(lineEvery)
	p.step(0.5, 10*time.Second, "half")
	p.note("a note")
	p.Close()
	p.Close()
	p.step(1, 0, "too late")
	want := "flushbench:   0 %, 20 s left: begin\nflushbench:  50 %, 10 s left: half\na note\n"
	if got := out.String(); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

// onVT returns a progress that draws on an emulated terminal.
func onVT(v *vt) *progress {
	view := newView(v)
	view.size = func() (int, int) { return v.columns, v.rows }
	return &progress{w: v, view: view, now: time.Now}
}

// TestProgressSteps draws steps as one line, without anybody who draws regularly.
func TestProgressSteps(t *testing.T) {
	v := newVT(80, 24)
	p := onVT(v)
	p.step(0.5, 10*time.Second, strings.Repeat("long ", 40))
	if got := v.String(); !strings.HasPrefix(got, "[############............]  50 %  10 s left  long") || strings.Contains(got, "\n") || width(got) > 79 {
		t.Errorf("bar = %q; want one line of at most 79 columns", got)
	}
	p.note("note")
	p.step(0.6, 8*time.Second, "short")
	if got := v.String(); got != "note\n[##############..........]  60 %  8 s left  short" {
		t.Errorf("after a note: %q", got)
	}
	p.Close()
	p.note("later")
	p.step(0.7, 0, "too late")
	if got := v.String(); got != "note\nlater" {
		t.Errorf("at the end: %q; want the notes alone", got)
	}
	v.check(t)
	var out bytes.Buffer
	quiet := newProgress(&out, true)
	quiet.live(context.Background(), nil)
	quiet.step(0, 0, "x")
	quiet.note("y")
	quiet.Close()
	if out.Len() > 0 {
		t.Errorf("a quiet progress printed %q", out.String())
	}
}

// TestViewOverItself draws every case over the others, with notes between them:
// what is seen is the last frame alone, below all notes, in one write each.
func TestViewOverItself(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {40, 24}, {80, 9}, {39, 5}, {200, 60}} {
		v := &countingVT{vt: newVT(size[0], size[1])}
		p := onVT(v.vt)
		p.view.w = v
		var notes []string
		cases := liveCases()
		for i := range 3 * len(cases) {
			c := cases[(i*7)%len(cases)]
			v.writes = 0
			p.view.draw(c.l)
			if v.writes > 1 {
				t.Errorf("%v, %s: a frame in %d writes; want one", size, c.name, v.writes)
			}
			want := strings.Join(liveStyle{bold: plain}.frame(&c.l, p.view.peak.scale, false, size[0], size[1]), "\n")
			if got := v.history(); got != strings.TrimRight(strings.Join(append(notes, want), "\n"), "\n") {
				t.Fatalf("%v, %s: seen\n%s\nwant\n%s", size, c.name, got, want)
			}
			if i%4 == 0 {
				notes = append(notes, fmt.Sprintf("note %d", i))
				p.note(notes[len(notes)-1])
			}
		}
		v.writes = 0
		p.view.draw(cases[0].l)
		p.view.draw(cases[0].l)
		if v.writes > 1 {
			t.Errorf("%v: the same frame twice in %d writes", size, v.writes)
		}
		p.Close()
		if got := v.history(); got != strings.Join(notes, "\n") {
			t.Errorf("%v: left on the screen\n%s\nwant the notes", size, got)
		}
		v.check(t)
	}
}

// countingVT counts writes.
type countingVT struct {
	*vt
	writes int
}

func (c *countingVT) Write(p []byte) (int, error) {
	c.writes++
	return c.vt.Write(p)
}

// TestViewResized changes the size between frames, on terminals that wrap what
// is there and on those that cut it: nothing stale stays, nothing above is lost.
func TestViewResized(t *testing.T) {
	l := liveCases()[0].l
	for _, reflow := range []bool{true, false} {
		v := newVT(100, 30)
		p := onVT(v)
		p.note("run writes at most 1 GiB.")
		for i, columns := range []int{100, 60, 200, 43, 39, 80, 41, 79, 96, 97} {
			v.resize(columns, 30, reflow)
			if i%3 == 1 {
				p.note("note") // before a frame has seen the new size
			}
			p.view.draw(l)
			lines := strings.Split(v.String(), "\n")
			want := liveStyle{bold: plain}.frame(&l, p.view.peak.scale, false, columns, 30)
			got := lines[max(len(lines)-len(want), 0):]
			if strings.Join(got, "\n") != strings.TrimRight(strings.Join(want, "\n"), "\n") {
				t.Fatalf("reflow %v, %d columns: seen\n%s\nwant at the end\n%s", reflow, columns, v, strings.Join(want, "\n"))
			}
			for _, above := range lines[:len(lines)-len(want)] {
				if above != "note" && above != "run writes at most 1 GiB." {
					t.Fatalf("reflow %v, %d columns: %q is left above\n%s", reflow, columns, above, v)
				}
			}
		}
		p.Close()
		if got := v.String(); got != "run writes at most 1 GiB.\nnote\nnote\nnote" {
			t.Errorf("reflow %v: at the end\n%s", reflow, got)
		}
		v.check(t)
	}
}

// TestCursor holds that the cursor is hidden while frames are drawn, and shown
// on Ctrl-C, at the end and when the program panics.
func TestCursor(t *testing.T) {
	v := newVT(80, 24)
	p := onVT(v)
	ctx, cancel := context.WithCancel(context.Background())
	drawn := make(chan bool, 100)
	p.live(ctx, func() result.Live {
		p.view.mu.Lock()
		defer p.view.mu.Unlock()
		select {
		case drawn <- v.hidden:
		default:
		}
		return liveCases()[0].l
	})
	if !<-drawn {
		t.Error("the cursor is not hidden while frames are drawn")
	}
	cancel()
	for hidden := range drawn {
		if !hidden {
			break // as it must be before a second Ctrl-C
		}
	}
	p.Close()
	if got := v.String(); got != "" || v.hidden {
		t.Errorf("after Close: %q, cursor hidden %v", got, v.hidden)
	}

	v = newVT(80, 24)
	func() {
		p := onVT(v)
		defer func() { _ = recover() }()
		defer p.Close()
		p.live(context.Background(), nil)
		p.step(0.5, time.Second, "x")
		panic("in the middle")
	}()
	if got := v.String(); got != "" || v.hidden {
		t.Errorf("after a panic: %q, cursor hidden %v", got, v.hidden)
	}
	v.check(t)
}
