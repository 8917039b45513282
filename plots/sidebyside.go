package plots

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/verdict"
)

// maxBeside bounds the rows of the picture.
const maxBeside = 24

// besideRow is one ratio, on a server and on the engine.
type besideRow struct {
	b      *verdict.Beside
	name   string
	server float64
	engine float64 // 0: not measured
}

// sideBySide draws the ratio of each setting to its base, on real servers and on the
// engine.
func sideBySide(v *view) *Plot {
	const name = "side-by-side"
	const title = "What does each setting carry against policy 1?"
	all := slices.DeleteFunc(verdict.SideBySide(v.r), func(b verdict.Beside) bool { return b.Rate > 0 })
	if len(all) == 0 {
		return nil
	}
	rows, left := besideRows(all)
	if len(rows) == 0 {
		return placeholder(name, title, "no server has a setting beside policy 1")
	}
	var seen extent
	var alt []string
	engines := false
	for _, r := range rows {
		seen.see(r.server)
		text := fmt.Sprintf("%s %s times", r.name, verdict.Ratio(r.server))
		if r.engine > 0 {
			engines = true
			seen.see(r.engine)
			text += fmt.Sprintf(", engine %s times", verdict.Ratio(r.engine))
		}
		alt = append(alt, text)
	}
	seen.see(1)
	finding, about := title, "commits/s over those of policy 1 with as many clients"
	if e, n := verdict.MedianError(all); n > 0 {
		finding = fmt.Sprintf("The engine's ratios lie %.0f %% from the server's (median of %d)", 100*e, n)
	}
	if engines {
		about += "; filled: server, ring: engine"
	}
	if slices.ContainsFunc(rows, func(r besideRow) bool { return r.b.Buffering != "" }) {
		about += "; direct: the redo log goes past the page cache, buffered: through it"
	}
	x := logarithmic(seen.lo, seen.hi, plain)
	return &Plot{
		Name: name, Title: finding,
		Alt:      "Ratio of commits per second to those of policy 1, by setting and clients, on a logarithmic axis. " + strings.Join(alt, "; ") + "." + ending(left),
		subtitle: subtitle(about, left),
		height:   150 + 26*float64(max(len(rows), 4)),
		body:     func(c canvas, area box) { drawBeside(c, area, rows, x) },
	}
}

// besideRows are the settings that have a base, and a note on those that are not drawn.
func besideRows(all []verdict.Beside) (rows []besideRow, left string) {
	skipped := 0
	for i := range all {
		b := &all[i]
		if !b.Server.Based || !positive(b.Server.Ratio.Ratio) {
			continue
		}
		if len(rows) == maxBeside {
			skipped++
			continue
		}
		r := besideRow{b: b, server: b.Server.Ratio.Ratio, name: besideName(b)}
		if e := b.Engine; e != nil && e.Based && positive(e.Ratio.Ratio) {
			r.engine = e.Ratio.Ratio
		}
		rows = append(rows, r)
	}
	return rows, notDrawn(skipped, "more row")
}

func besideName(b *verdict.Beside) string {
	name := fmt.Sprintf("%s %s : %s", b.Target, strings.TrimPrefix(b.Setting, "policy "), strings.TrimPrefix(b.Base, "policy "))
	switch b.Buffering {
	case "on":
		name += " buffered"
	case "off":
		name += " direct"
	}
	return name + ", " + count(b.Clients, "client")
}

func drawBeside(c canvas, area box, rows []besideRow, x *scale) {
	left := 0.0
	for _, r := range rows {
		left = max(left, tickText.width(r.name))
	}
	right := tickText.width("engine's") + tickText.width("+000 %")
	n := float64(len(rows))
	p := newPanel(c, area, axes{x: x, y: &scale{lo: 0, hi: n, to: identity}, xName: "times the commits/s of policy 1", left: left + 12, right: right + 14, head: " "})
	if slices.ContainsFunc(rows, func(r besideRow) bool { return r.engine > 0 }) {
		p.text(point{area.right, p.data.top - 9}, alignRight, axisText, "engine's error")
	}
	for _, t := range x.ticks {
		p.line([]point{{p.px(t.value), p.data.top}, {p.px(t.value), p.data.bottom}}, stroke{colour: grid, width: 0.8})
	}
	p.line([]point{{p.px(1), p.data.top}, {p.px(1), p.data.bottom}}, stroke{colour: ink, width: 1})
	each := p.data.height() / n
	for i, r := range rows {
		p.besideRow(&r, p.data.top+(float64(i)+0.5)*each, area)
	}
}

// besideRow draws one row: the server's ratio, the engine's, and a line between them.
func (p *panel) besideRow(r *besideRow, y float64, area box) {
	tip := fmt.Sprintf("%s: %s times", r.name, verdict.Ratio(r.server))
	if r.engine > 0 {
		tip += ", engine " + verdict.Ratio(r.engine) + " times"
	}
	p.open(group{class: "point", name: r.name, tip: tip})
	defer p.close()
	p.text(point{area.left, y + tickText.middle()}, alignLeft, tickText, r.name)
	at := point{p.px(r.server), y}
	if r.engine > 0 {
		ring := point{p.px(r.engine), y}
		p.line([]point{at, ring}, stroke{colour: muted, width: 1.2})
		p.mark(ring, look{colour: blue, mark: markCircle, hollow: true}, 5)
	}
	p.mark(at, look{colour: vermillion, mark: markDiamond}, 5)
	if e, ok := r.b.Error(); ok {
		p.text(point{area.right, y + tickText.middle()}, alignRight, tickText, fmt.Sprintf("%+.0f %%", 100*e))
	}
}
