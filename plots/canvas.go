package plots

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
)

// canvas is what a picture is drawn on. Coordinates are points, y grows
// downwards.
type canvas interface {
	line(pts []point, s stroke)
	fill(pts []point, c colour)
	circle(center point, radius float64, fill, edge colour, width float64)
	text(at point, a align, f textStyle, s string)
	// open begins a group that the innermost close ends. A canvas without
	// groups ignores both.
	open(g group)
	close()
}

// point is a place on the canvas.
type point struct{ x, y float64 }

// box is a rectangle on the canvas: left < right, top < bottom.
type box struct{ left, top, right, bottom float64 }

func (b box) width() float64  { return b.right - b.left }
func (b box) height() float64 { return b.bottom - b.top }

// corners returns the outline of b.
func (b box) corners() []point {
	return []point{{b.left, b.top}, {b.right, b.top}, {b.right, b.bottom}, {b.left, b.bottom}}
}

// group is a part of a picture that a page may take hold of.
type group struct {
	class string // of CSS, e.g. "series"
	name  string // of the series; "": none
	tip   string // shown when a pointer rests on it; "": none
	reach box    // where a pointer rests on it although nothing is drawn there; zero: nowhere
}

// field is the class of an area whose colour means something, with the text in it: a
// page that turns light into dark leaves it as it is.
const field = "field"

// stroke is how a line looks.
type stroke struct {
	colour colour
	width  float64
	dash   []float64 // nil: solid
}

// align says which part of a text stands at its place.
type align int

const (
	alignLeft align = iota
	alignCentre
	alignRight
)

// textStyle is how a text looks.
type textStyle struct {
	colour colour
	size   float64 // points
	bold   bool
}

// fonts holds the faces that are compiled in.
var fonts = font.NewCache(liberation.Collection())

// face returns the font of a style.
func (f textStyle) face() font.Face {
	want := font.Font{Typeface: "Liberation", Variant: "Sans"}
	if f.bold {
		want.Weight = 3 // WeightBold of golang.org/x/image/font
	}
	return fonts.Lookup(want, font.Points(f.size))
}

// width returns how wide s is, in points.
func (f textStyle) width(s string) float64 {
	face := f.face()
	return face.Width(clean(s)).Points()
}

// middle returns how far below the middle of its capitals the base line of a
// text lies.
func (f textStyle) middle() float64 { return 0.36 * f.size }

// maxText bounds a text: names come from a file that anybody may have written.
const maxText = 300

// clean returns s as one line that XML and the fonts can show: no control
// characters, none that cannot be seen or turn the direction of text around, no
// broken encoding, at most maxText characters.
func clean(s string) string {
	s = cleanLong(s)
	if utf8.RuneCountInString(s) > maxText {
		s = string([]rune(s)[:maxText-1]) + "…"
	}
	return s
}

// cleanLong is clean for a text of any length.
func cleanLong(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u00a0':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError, r == 0xfffe, r == 0xffff:
			return -1
		}
		return r
	}, s)
}

// fit shortens s until it is at most width wide; "" where not even a dot fits.
func (f textStyle) fit(s string, width float64) string {
	s = clean(s)
	if f.width(s) <= width {
		return s
	}
	if f.width("…") > width {
		return ""
	}
	runes := []rune(s)
	lo, hi := 0, len(runes) // the first lo fit, the first hi do not
	for lo+1 < hi {
		mid := (lo + hi) / 2
		if f.width(string(runes[:mid])+"…") <= width {
			lo = mid
		} else {
			hi = mid
		}
	}
	return strings.TrimRight(string(runes[:lo]), " ,;") + "…"
}

// leastSize is the smallest a text is set to keep it whole, in points: the footer's.
const leastSize = 10

// shrunk returns the style in the largest size in which s is at most width wide, but
// no smaller than leastSize: names that differ in their ends alone say nothing when cut.
func (f textStyle) shrunk(s string, width float64) textStyle {
	for f.size > leastSize && f.width(s) > width {
		f.size = max(f.size-0.5, leastSize)
	}
	return f
}

// wrap breaks s into lines of at most width, at most n of them.
func (f textStyle) wrap(s string, width float64, n int) []string {
	var lines []string
	rest := nonEmpty(strings.Split(clean(s), " ")) // a no-break space holds
	for len(rest) > 0 {
		words := 1
		for words < len(rest) && f.width(strings.Join(rest[:words+1], " ")) <= width {
			words++
		}
		if len(lines) == n-1 {
			words = len(rest)
		}
		lines = append(lines, f.fit(strings.Join(rest[:words], " "), width))
		rest = rest[words:]
	}
	return lines
}

// balanced breaks s like wrap, with lines as even as they can be.
func (f textStyle) balanced(s string, width float64, n int) []string {
	lines := f.wrap(s, width, n)
	if len(lines) < 2 {
		return lines
	}
	for narrow := 0.95 * width; narrow > width/2; narrow -= 0.05 * width {
		tried := f.wrap(s, narrow, n)
		if len(tried) > len(lines) || strings.Join(tried, " ") != strings.Join(lines, " ") {
			break
		}
		lines = tried
	}
	return lines
}

// colour is a colour of the screen, 0xRRGGBB.
type colour uint32

// noColour stands for "not at all": an outline without a filling.
const noColour = colour(0xff000000)

// String returns the colour as CSS writes it.
func (c colour) String() string {
	if c == noColour {
		return "none"
	}
	return fmt.Sprintf("#%06x", uint32(c))
}

// rgb returns the parts of c, 0 to 255.
func (c colour) rgb() (r, g, b uint8) { return uint8(c >> 16), uint8(c >> 8), uint8(c) }

// luminance returns how bright c is, 0 to 1, as WCAG 2 defines it.
func (c colour) luminance() float64 {
	r, g, b := c.rgb()
	part := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*part(r) + 0.7152*part(g) + 0.0722*part(b)
}

// ratio returns the contrast of two colours, 1 to 21, as WCAG 2 defines it.
func (c colour) ratio(other colour) float64 {
	a, b := c.luminance(), other.luminance()
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

// contrast returns ink or paper, whichever is easier to read on c.
func (c colour) contrast() colour {
	if c.ratio(ink) >= c.ratio(paper) {
		return ink
	}
	return paper
}

// mix returns c with a share of other in it.
func (c colour) mix(other colour, share float64) colour {
	part := func(a, b uint8) uint32 { return uint32(float64(a)*(1-share) + float64(b)*share + 0.5) }
	r, g, b := c.rgb()
	or, og, ob := other.rgb()
	return colour(part(r, or)<<16 | part(g, og)<<8 | part(b, ob))
}
