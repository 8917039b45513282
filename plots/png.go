package plots

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// pngCanvas draws on gonum's image, whose y grows upwards.
type pngCanvas struct {
	vg     *vgimg.Canvas
	height float64
}

func newPNG(width, height float64, dpi int) *pngCanvas {
	return &pngCanvas{
		vg: vgimg.NewWith(vgimg.UseWH(vg.Points(width), vg.Points(height)), vgimg.UseDPI(dpi),
			vgimg.UseBackgroundColor(rgba(paper))),
		height: height,
	}
}

func rgba(c colour) color.Color {
	r, g, b := c.rgb()
	return color.NRGBA{R: r, G: g, B: b, A: 255}
}

func (c *pngCanvas) at(p point) vg.Point {
	return vg.Point{X: vg.Points(p.x), Y: vg.Points(c.height - p.y)}
}

func (c *pngCanvas) path(pts []point) vg.Path {
	var path vg.Path
	for i, p := range pts {
		if i == 0 {
			path.Move(c.at(p))
		} else {
			path.Line(c.at(p))
		}
	}
	return path
}

func (c *pngCanvas) line(pts []point, s stroke) {
	if len(pts) < 2 || s.colour == noColour {
		return
	}
	var dash []vg.Length
	for _, d := range s.dash {
		dash = append(dash, vg.Points(d))
	}
	c.vg.SetColor(rgba(s.colour))
	c.vg.SetLineWidth(vg.Points(s.width))
	c.vg.SetLineDash(dash, 0)
	c.vg.Stroke(c.path(pts))
}

func (c *pngCanvas) fill(pts []point, col colour) {
	if len(pts) < 3 || col == noColour {
		return
	}
	path := c.path(pts)
	path.Close()
	c.vg.SetColor(rgba(col))
	c.vg.Fill(path)
}

func (c *pngCanvas) circle(center point, radius float64, fill, edge colour, width float64) {
	outline := func() vg.Path {
		var path vg.Path
		middle := c.at(center)
		path.Move(vg.Point{X: middle.X + vg.Points(radius), Y: middle.Y})
		path.Arc(middle, vg.Points(radius), 0, 2*math.Pi)
		path.Close()
		return path
	}
	if fill != noColour {
		c.vg.SetColor(rgba(fill))
		c.vg.Fill(outline())
	}
	if edge != noColour {
		c.vg.SetColor(rgba(edge))
		c.vg.SetLineWidth(vg.Points(width))
		c.vg.SetLineDash(nil, 0)
		c.vg.Stroke(outline())
	}
}

func (c *pngCanvas) text(at point, a align, f textStyle, s string) {
	s = clean(s)
	switch a {
	case alignCentre:
		at.x -= f.width(s) / 2
	case alignRight:
		at.x -= f.width(s)
	}
	c.vg.SetColor(rgba(f.colour))
	c.vg.FillString(f.face(), c.at(at), s)
}

func (*pngCanvas) open(group) {}
func (*pngCanvas) close()     {}

// writeTo writes the image as PNG.
func (c *pngCanvas) writeTo(w io.Writer) error {
	if _, err := (vgimg.PngCanvas{Canvas: c.vg}).WriteTo(w); err != nil {
		return fmt.Errorf("plots: write png: %w", err)
	}
	return nil
}
