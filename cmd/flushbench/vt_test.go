package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// vt is as much of a terminal as tells what a user sees. What it does not know
// it keeps in odd, so that a test fails instead of seeing the wrong thing.
type vt struct {
	columns, rows int
	screen        []vtRow // rows of them, or fewer at the begin
	x, y          int     // x == columns: the next character wraps
	hidden        bool    // the cursor
	styled        bool    // bold or coloured text was seen
	gone          []string
	odd           []string
	pending       string // a sequence that is not complete
}

// vtRow is one row; wraps: its line goes on in the next one.
type vtRow struct {
	text  []rune
	wraps bool
}

func newVT(columns, rows int) *vt { return &vt{columns: columns, rows: rows, screen: make([]vtRow, 1)} }

// Write implements io.Writer.
func (v *vt) Write(p []byte) (int, error) {
	s := v.pending + string(p)
	v.pending = ""
	for s != "" {
		n := v.take(s)
		if n == 0 {
			v.pending = s
			break
		}
		s = s[n:]
	}
	return len(p), nil
}

// take handles what s begins with and returns its length; 0: it is incomplete.
func (v *vt) take(s string) int {
	switch s[0] {
	case '\r':
		v.x = 0
		return 1
	case '\n':
		v.down()
		return 1
	case '\x1b':
		return v.escape(s)
	}
	if s[0] < ' ' {
		v.odd = append(v.odd, fmt.Sprintf("control %q", s[:1]))
		return 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && len(s) < utf8.UTFMax {
		return 0
	}
	v.put(r)
	return n
}

// escape handles CSI sequences.
func (v *vt) escape(s string) int {
	if len(s) < 2 {
		return 0
	}
	end := strings.IndexFunc(s[2:], func(r rune) bool { return r >= '@' && r <= '~' })
	if s[1] != '[' || end < 0 {
		if s[1] == '[' && len(s) < 20 {
			return 0
		}
		v.odd = append(v.odd, fmt.Sprintf("%q", s[:2]))
		return 2
	}
	seq := s[2 : 2+end+1]
	n := 1
	_, _ = fmt.Sscanf(seq, "%d", &n)
	switch {
	case seq == "K":
		v.clear(v.y, v.x)
	case seq == "J":
		v.clear(v.y, v.x)
		v.screen = v.screen[:v.y+1]
	case strings.HasSuffix(seq, "A"):
		v.x, v.y = min(v.x, v.columns-1), max(v.y-n, 0)
	case seq == "?25l":
		v.hidden = true
	case seq == "?25h":
		v.hidden = false
	case seq == "1m", seq == "0m":
		v.styled = true
	default:
		v.odd = append(v.odd, "CSI "+seq)
	}
	return 2 + len(seq)
}

func (v *vt) clear(y, x int) {
	if row := &v.screen[y]; len(row.text) > x {
		row.text = row.text[:x]
	}
	v.screen[y].wraps = false
}

func (v *vt) put(r rune) {
	if v.x >= v.columns {
		v.screen[v.y].wraps = true
		v.x = 0
		v.down()
	}
	row := &v.screen[v.y]
	for len(row.text) <= v.x {
		row.text = append(row.text, ' ')
	}
	row.text[v.x] = r
	v.x++
}

func (v *vt) down() {
	v.y++
	if v.y == len(v.screen) {
		v.screen = append(v.screen, vtRow{})
	}
	v.scroll()
}

func (v *vt) scroll() {
	for len(v.screen) > v.rows {
		v.gone = append(v.gone, string(v.screen[0].text))
		v.screen, v.y = v.screen[1:], max(v.y-1, 0)
	}
}

// resize changes the size. reflow: lines that are too long are wrapped anew,
// as VTE, kitty and others do; else they are cut, as xterm does.
func (v *vt) resize(columns, rows int, reflow bool) {
	v.columns, v.rows = columns, rows
	if !reflow {
		for i := range v.screen {
			v.screen[i].text = v.screen[i].text[:min(len(v.screen[i].text), columns)]
		}
		v.x = min(v.x, columns)
		v.scroll()
		return
	}
	var out []vtRow
	y, x := 0, 0
	for i := 0; i < len(v.screen); i++ {
		line, at := slices.Clone(v.screen[i].text), -1
		if i == v.y {
			at = v.x
		}
		for v.screen[i].wraps {
			i++
			if i == v.y {
				at = len(line) + v.x
			}
			line = append(line, v.screen[i].text...)
		}
		if at >= 0 {
			y, x = len(out)+at/columns, at%columns
		}
		for len(line) > columns {
			out = append(out, vtRow{line[:columns:columns], true})
			line = line[columns:]
		}
		out = append(out, vtRow{line, false})
	}
	v.screen, v.y, v.x = out, y, x
	v.scroll()
}

// String is what the user sees, without blanks at the ends.
func (v *vt) String() string {
	var lines []string
	for _, row := range v.screen {
		lines = append(lines, strings.TrimRight(string(row.text), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// history is what has scrolled away and what is on the screen.
func (v *vt) history() string {
	return strings.TrimLeft(strings.Join(append(slices.Clone(v.gone), v.String()), "\n"), "\n")
}

// check holds that nothing unknown was written.
func (v *vt) check(t *testing.T) {
	t.Helper()
	if len(v.odd) > 0 || v.pending != "" {
		t.Errorf("the terminal does not know %q, rest %q", v.odd, v.pending)
	}
}

func TestVT(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		columns, rows  int
	}{
		{"lines", "a\r\nb", "a\nb", 10, 5},
		{"over itself", "abc\rx", "xbc", 10, 5},
		{"wrap", "abcdef", "abcd\nef", 4, 5},
		{"full line, then a new one", "abcd\r\ne", "abcd\ne", 4, 5},
		{"scroll", "a\r\nb\r\nc", "b\nc", 10, 2},
		{"clear line", "abc\rx\x1b[K", "x", 10, 5},
		{"clear below", "a\r\nb\r\nc\x1b[1A\r\x1b[J", "a", 10, 5},
		{"up", "a\r\nb\x1b[1A\rc", "c\nb", 10, 5},
		{"bold", "\x1b[1ma\x1b[0mb", "ab", 10, 5},
	} {
		v := newVT(c.columns, c.rows)
		for i := range len(c.in) { // in pieces, as a pty may give it
			fmt.Fprint(v, c.in[i:i+1])
		}
		if got := v.String(); got != c.want {
			t.Errorf("%s: %q shows %q; want %q", c.name, c.in, got, c.want)
		}
		v.check(t)
	}
	v := newVT(4, 9)
	fmt.Fprint(v, "abcdef\r\nx")
	v.resize(3, 9, true)
	if got := v.String(); got != "abc\ndef\nx" || v.y != 2 {
		t.Errorf("narrower: %q, row %d", got, v.y)
	}
	v.resize(9, 9, true)
	if got := v.String(); got != "abcdef\nx" {
		t.Errorf("wider: %q", got)
	}
	v.resize(3, 9, false)
	if got := v.String(); got != "abc\nx" {
		t.Errorf("cut: %q", got)
	}
	if fmt.Fprint(v, "\x1b[5n\a"); len(v.odd) != 2 {
		t.Errorf("unknown sequences: %q", v.odd)
	}
}
