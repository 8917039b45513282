package plots

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// svgCanvas writes SVG. What it writes stands alone and can also be put into
// a page as it is: it has no style sheet, no script, no reference to anything
// outside, and its only ids begin with the picture's name.
//
// For a page to take hold of: the classes of groups ("series", "point",
// "strip", "axis", "legend", "field"), data-series on a series, <title> in a point or a
// strip, and on all neutral parts one of the classes "paper", "ink", "muted", "grid", so that a
// style sheet can turn light into dark.
type svgCanvas struct {
	body   bytes.Buffer
	indent int
}

// neutral names the colours that a page may exchange.
var neutral = map[colour]string{paper: "paper", ink: "ink", muted: "muted", grid: "grid"}

// number writes a coordinate with at most two decimals.
func number(v float64) string {
	v = math.Round(v*100) / 100
	if v == 0 {
		v = 0 // no -0
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// attribute writes a colour and, where a page may exchange it, its class.
func attribute(name string, c colour) string {
	text := fmt.Sprintf(` %s="%s"`, name, c)
	if class := neutral[c]; class != "" {
		text += fmt.Sprintf(` class="%s-%s"`, name, class)
	}
	return text
}

func (c *svgCanvas) emit(format string, args ...any) {
	c.body.WriteString(strings.Repeat(" ", c.indent))
	fmt.Fprintf(&c.body, format, args...)
	c.body.WriteByte('\n')
}

func pathData(pts []point) string {
	var b strings.Builder
	for i, p := range pts {
		if i == 0 {
			b.WriteByte('M')
		} else {
			b.WriteByte('L')
		}
		b.WriteString(number(p.x) + "," + number(p.y))
	}
	return b.String()
}

func (c *svgCanvas) line(pts []point, s stroke) {
	if len(pts) < 2 || s.colour == noColour {
		return
	}
	dash := ""
	if len(s.dash) > 0 {
		parts := make([]string, len(s.dash))
		for i, d := range s.dash {
			parts[i] = number(d)
		}
		dash = fmt.Sprintf(` stroke-dasharray="%s"`, strings.Join(parts, " "))
	}
	c.emit(`<path d="%s" fill="none" stroke-width="%s" stroke-linejoin="round"%s%s/>`,
		pathData(pts), number(s.width), dash, attribute("stroke", s.colour))
}

func (c *svgCanvas) fill(pts []point, col colour) {
	if len(pts) < 3 || col == noColour {
		return
	}
	c.emit(`<path d="%sZ"%s/>`, pathData(pts), attribute("fill", col))
}

func (c *svgCanvas) circle(center point, radius float64, fill, edge colour, width float64) {
	outline := ""
	if edge != noColour {
		outline = fmt.Sprintf(` stroke="%s" stroke-width="%s"`, edge, number(width))
	}
	c.emit(`<circle cx="%s" cy="%s" r="%s"%s%s/>`, number(center.x), number(center.y), number(radius),
		attribute("fill", fill), outline)
}

var anchors = [...]string{alignLeft: "", alignCentre: ` text-anchor="middle"`, alignRight: ` text-anchor="end"`}

func (c *svgCanvas) text(at point, a align, f textStyle, s string) {
	s = clean(s)
	if s == "" {
		return
	}
	weight := ""
	if f.bold {
		weight = ` font-weight="bold"`
	}
	c.emit(`<text x="%s" y="%s"%s font-size="%s"%s textLength="%s" lengthAdjust="spacingAndGlyphs"%s>%s</text>`,
		number(at.x), number(at.y), anchors[a], number(f.size), weight, number(f.width(s)), attribute("fill", f.colour), escape(s))
}

func (c *svgCanvas) open(g group) {
	name := ""
	if g.name != "" {
		name = fmt.Sprintf(` data-series="%s"`, escape(clean(g.name)))
	}
	c.emit(`<g class="%s"%s>`, g.class, name)
	c.indent++
	if g.tip != "" {
		c.emit(`<title>%s</title>`, escape(clean(g.tip)))
	}
	if g.reach != (box{}) {
		c.emit(`<path d="%sZ" fill="none" pointer-events="all"/>`, pathData(g.reach.corners()))
	}
}

func (c *svgCanvas) close() {
	c.indent--
	c.emit(`</g>`)
}

// escape makes s safe between tags and between quotes.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace(s)
}

// writeTo writes the whole document. Its sizes are points.
func (c *svgCanvas) writeTo(w io.Writer, p *Plot) error {
	id := "flushbench-" + p.Name
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]spt" height="%[2]spt" viewBox="0 0 %[1]s %[2]s" role="img" aria-labelledby="%[3]s-title %[3]s-desc" font-family="'Liberation Sans', Arial, Helvetica, sans-serif">
<title id="%[3]s-title">%[4]s</title>
<desc id="%[3]s-desc">%[5]s</desc>
%[6]s</svg>
`, number(p.width), number(p.height), id, escape(clean(p.Title)), escape(cleanLong(p.Alt)), c.body.Bytes())
	if err != nil {
		return fmt.Errorf("plots: write svg: %w", err)
	}
	return nil
}
