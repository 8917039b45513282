package plots

import (
	"fmt"
	"io"
	"strings"

	"flushbench/metrics/result"
)

// Plot is one picture. Its fields may be read; it may be written any number of
// times and from several goroutines.
type Plot struct {
	Name  string // file name without extension: lower case, hyphens
	Title string // the finding, or the question that the picture answers
	Alt   string // what the picture shows in words and figures, for those who do not see it

	subtitle      string // parameters
	footer        string // machine and date
	width, height float64
	body          func(c canvas, area box)
}

// All returns the pictures that the result has data for, the most telling
// first: none for an empty result. It changes nothing in r.
func All(r *result.Result) []Plot {
	if r == nil {
		return nil
	}
	v := newView(r)
	var out []Plot
	for _, draw := range []func(*view) *Plot{
		commitTrace, knee, addedLatency, throughput, atRisk, crashTrials, percentiles, tradeoff,
		groupCommit, pairs, logCircle, sideBySide, stages, timeline, flushMethods,
	} {
		if p := draw(v); p != nil {
			p.footer = footer(r)
			p.width = pictureWidth
			if p.height == 0 {
				p.height = pictureHeight
			}
			out = append(out, *p)
		}
	}
	return out
}

// WriteSVG writes the picture as SVG that needs nothing else: no font, no
// style sheet, no script.
func (p Plot) WriteSVG(w io.Writer) error {
	c := &svgCanvas{}
	p.draw(c)
	return c.writeTo(w, &p)
}

// The resolutions that WritePNG takes, in dots per inch.
const (
	MinDPI     = 24
	MaxDPI     = 600
	DefaultDPI = 144 // 1,440 dots wide
)

// WritePNG writes the picture as PNG with the given resolution, DefaultDPI if
// it is 0.
func (p Plot) WritePNG(w io.Writer, dpi int) error {
	if dpi == 0 {
		dpi = DefaultDPI
	}
	if dpi < MinDPI || dpi > MaxDPI {
		return fmt.Errorf("plots: write png: %d dots per inch, legal are %d to %d", dpi, MinDPI, MaxDPI)
	}
	c := newPNG(p.width, p.height, dpi)
	p.draw(c)
	return c.writeTo(w)
}

// draw draws the frame and the picture within.
func (p *Plot) draw(c canvas) {
	c.fill(box{0, 0, p.width, p.height}.corners(), paper)
	inside := p.width - 2*margin
	y := margin + 16
	for _, line := range titleText.balanced(p.Title, inside, 2) {
		c.text(point{margin, y}, alignLeft, titleText, line)
		y += 24
	}
	y -= 4
	for _, line := range aboutLines(p.subtitle) {
		c.text(point{margin, y}, alignLeft, subtitleText, line)
		y += 16
	}
	bottom := p.height - margin - 12
	c.text(point{margin, p.height - margin + 4}, alignLeft, footerText, footerText.fit(p.footer, inside))
	p.body(c, box{margin, y - 4, p.width - margin, bottom})
}

// aboutLines breaks a subtitle into its lines.
func aboutLines(text string) []string { return subtitleText.wrap(text, pictureWidth-2*margin, 3) }

// placeholder returns a picture that says why it shows nothing.
func placeholder(name, title, why string) *Plot {
	return &Plot{
		Name: name, Title: title, Alt: "Nothing to show: " + why + ".", height: 170,
		body: func(c canvas, area box) {
			frame := append(area.corners(), area.corners()[0])
			c.line(frame, stroke{colour: grid, width: 1, dash: []float64{4, 4}})
			middle := point{(area.left + area.right) / 2, (area.top + area.bottom) / 2}
			c.text(point{middle.x, middle.y - 8}, alignCentre, headText, "Nothing to show")
			c.text(point{middle.x, middle.y + 12}, alignCentre, valueText.in(muted), valueText.fit(why, area.width()-20))
		},
	}
}

// footer names the machine, the disk, the date and the program.
func footer(r *result.Result) string {
	e := &r.Environment
	parts := []string{e.Host}
	if e.CPU.Cores > 0 {
		cpu := count(e.CPU.Cores, "processor")
		if e.CPU.Model != "" {
			cpu = fmt.Sprintf("%d x %s", e.CPU.Cores, cpuName.Replace(e.CPU.Model))
		}
		parts = append(parts, cpu)
	}
	if e.Filesystem != "" {
		disk := e.Filesystem
		if e.Device.Name != "" {
			disk += " on " + e.Device.Name
		}
		var about []string
		if e.Device.Kind != "" && e.Device.Kind != result.DeviceUnknown {
			about = append(about, e.Device.Kind)
		}
		if e.Device.WriteCache != "" && e.Device.WriteCache != result.CacheUnknown {
			about = append(about, e.Device.WriteCache)
		}
		if len(about) > 0 {
			disk += " (" + strings.Join(about, ", ") + ")"
		}
		parts = append(parts, disk)
	}
	if !r.Started.IsZero() {
		parts = append(parts, r.Started.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if !r.Complete {
		parts = append(parts, "ended early")
	}
	version, _, _ := strings.Cut(r.ToolVersion, ",") // what follows is Go's
	parts = append(parts, "flushbench "+version)
	return strings.Join(nonEmpty(parts), " · ")
}

// cpuName shortens the names that processors give themselves.
var cpuName = strings.NewReplacer("(R)", "", "(TM)", "", " Processor", "", " CPU", "")

func nonEmpty(parts []string) []string {
	var out []string
	for _, p := range parts {
		if p = strings.Trim(p, " "); p != "" {
			out = append(out, p)
		}
	}
	return out
}
