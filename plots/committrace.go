package plots

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// maxTraceRows is how many steps a picture holds. What is left out are statements
// between the first and the commit: they are all alike.
const maxTraceRows = 34

// Sizes of the picture of a trace, in points.
const (
	traceRow   = 17.0
	traceTimes = 52.0 // width of the times
	traceNames = 138.0
	traceLayer = 62.0 // width of a layer
	traceGap   = 10.0
	traceHead  = 40.0 // height of the heads
	traceKey   = 58.0 // height of the key
)

// traceLayers are the columns, the least safe first.
var traceLayers = []string{result.PlaceMemory, result.PlacePageCache, result.PlaceDiskCache, result.PlaceDisk}

// traced is what of the transaction is followed through the layers.
type traced struct {
	name  string
	of    func(*result.TraceStep) string
	look  look
	shift float64 // within its column, so that none hides another
}

var tracedThings = []traced{
	{"redo record, the newest", func(s *result.TraceStep) string { return s.Redo }, look{colour: blue, mark: markCircle}, -13},
	{"binlog events", func(s *result.TraceStep) string { return s.Binlog }, look{colour: green, mark: markSquare, dash: []float64{8, 3}}, 0},
	{"page of the row", func(s *result.TraceStep) string { return s.Data }, look{colour: purple, mark: markDiamond, dash: []float64{2, 3}}, 13},
}

// fates are what a crash may make of the transaction: the letter that stands for it,
// its colour, and what it means.
var fates = []struct {
	name, letter, text string
	colour             colour
}{
	{result.FateRolledBack, "R", "rolled back", 0xdedede},
	{result.FateRecovered, "P", "committed by recovery", 0xa5d8c6},
	{result.FateCommitted, "C", "committed", 0x009e73},
	{result.FateEngineAhead, "E", "only the engine has it", yellow},
	{result.FateBinlogAhead, "B", "only the binlog has it", orange},
	{result.FateLost, "L", "lost though acknowledged", vermillion},
}

// traceCrashes are the heads of the crash columns.
var traceCrashes = []struct{ kind, head string }{{"process", "process"}, {"os", "kernel"}, {"power", "power"}}

// commitTrace draws one commit: its steps from top to bottom, and from left to right
// how deep its bytes are; beside each step what a crash would do.
func commitTrace(v *view) *Plot {
	t := v.r.Trace
	if t == nil {
		return nil
	}
	const name = "commit-trace"
	steps, left := traceRows(t.Steps)
	if len(steps) == 0 {
		return placeholder(name, "What happens in a commit?", "the trace has no steps")
	}
	title := verdict.TraceAnswer(t)
	about := subtitle(traceSetting(t), "how deep the bytes are after each step, and what a crash right then would do", splitNote(steps), notDrawn(left, "more step"))
	return &Plot{
		Name: name, Title: title, Alt: traceAlt(t, title), subtitle: about,
		height: 3*margin + 32 + 16*float64(len(aboutLines(about))) + traceHead + traceKey + traceRow*float64(len(steps)),
		body:   func(c canvas, area box) { drawTrace(c, area, steps) },
	}
}

// splitNote explains fields with two letters; "" where there is none.
func splitNote(steps []*result.TraceStep) string {
	for _, s := range steps {
		if slices.ContainsFunc(s.Crashes, func(c result.TraceCrash) bool { return len(c.Outcomes) > 1 }) {
			return "two letters: either, by what the kernel or the disk wrote unasked"
		}
	}
	return ""
}

// traceRows are the steps that are drawn.
func traceRows(all []result.TraceStep) (steps []*result.TraceStep, left int) {
	for i := range all {
		steps = append(steps, &all[i])
	}
	left = max(0, len(steps)-maxTraceRows)
	if left == 0 {
		return steps, 0
	}
	// From the first statement enough is kept to see what one does.
	from := min(maxTraceRows/4, len(steps)-left)
	return slices.Delete(steps, from, from+left), left
}

// traceSetting names the policies.
func traceSetting(t *result.Trace) string {
	p := result.Params{Policy: t.Policy, SyncBinlog: t.SyncBinlog}
	parts := []string{seriesName(&p), t.Method, "workload " + t.Workload}
	if t.CommitProtocol != "" && t.CommitProtocol != "2pc" {
		parts = append(parts, t.CommitProtocol)
	}
	if t.Clients > 1 {
		parts = append(parts, count(t.Clients, "client"))
	}
	return strings.Join(nonEmpty(parts), ", ")
}

// traceAlt tells the commit in words.
func traceAlt(t *result.Trace, title string) string {
	var parts []string
	for i := range t.Steps {
		if s := &t.Steps[i]; s.Phase != result.TraceStatement {
			parts = append(parts, s.Name+" at "+traceTime(s.EndedNS))
		}
		if len(parts) == 16 {
			break
		}
	}
	return title + ". The steps of one commit with their times: " + strings.Join(parts, ", ") + "."
}

// traceTime shows a time since the begin.
func traceTime(ns int64) string {
	switch {
	case ns < 0 || !usable(float64(ns)):
		return "-"
	case ns < 1e6:
		return decimal(float64(ns)/1e3) + " µs"
	case ns < 1e9:
		return decimal(float64(ns)/1e6) + " ms"
	}
	return decimal(float64(ns)/1e9) + " s"
}

// traceDrawing is where the columns of a trace stand.
type traceDrawing struct {
	canvas
	area   box
	steps  []*result.TraceStep
	layers float64 // left edge of the first layer
	crash  float64 // left edge of the first crash column
	wide   float64 // width of a crash column
	top    float64 // of the first row
}

var (
	traceText  = textStyle{ink, 11, false}
	traceSmall = textStyle{muted, 10, false}
)

func drawTrace(c canvas, area box, steps []*result.TraceStep) {
	d := &traceDrawing{canvas: c, area: area, steps: steps}
	d.layers = area.left + traceTimes + 8 + traceNames
	d.crash = d.layers + traceLayer*float64(len(traceLayers)) + traceGap
	d.wide = (area.right - d.crash) / float64(len(traceCrashes))
	d.top = area.top + traceHead
	d.heads()
	d.rows()
	for i := range tracedThings {
		d.follow(&tracedThings[i])
	}
	for i := range traceCrashes {
		d.crashes(i)
	}
	d.key()
}

// y is the middle of a row.
func (d *traceDrawing) y(row int) float64 { return d.top + traceRow*(float64(row)+0.5) }

func (d *traceDrawing) bottom() float64 { return d.top + traceRow*float64(len(d.steps)) }

// heads writes what the columns are and draws their borders.
func (d *traceDrawing) heads() {
	small := traceSmall.in(ink)
	y := d.top - 8
	d.text(point{d.area.left + traceTimes, y}, alignRight, small, "time")
	d.text(point{d.area.left + traceTimes + 8, y}, alignLeft, small, "step")
	d.text(point{d.layers + traceLayer*2, y - 15}, alignCentre, traceSmall, "bytes are surely in")
	for i, name := range traceLayers {
		d.text(point{d.layers + traceLayer*(float64(i)+0.5), y}, alignCentre, small, name)
	}
	d.text(point{(d.crash + d.area.right) / 2, y - 15}, alignCentre, traceSmall, "a crash right after the step")
	for i, k := range traceCrashes {
		d.text(point{d.crash + d.wide*(float64(i)+0.5), y}, alignCentre, small, k.head)
	}
	for i := range len(traceLayers) + 1 {
		x := d.layers + traceLayer*float64(i)
		d.line([]point{{x, d.top}, {x, d.bottom()}}, stroke{colour: grid, width: 1})
	}
}

// rows writes times and names. What the client is told, and when the commit was asked
// for, part them.
func (d *traceDrawing) rows() {
	for i, s := range d.steps {
		y := d.y(i)
		style := traceText
		style.bold = s.Name == "acknowledged"
		d.open(group{class: "point", tip: traceTip(s), reach: box{d.area.left, y - traceRow/2, d.layers, y + traceRow/2}})
		d.text(point{d.area.left + traceTimes, y + style.middle()}, alignRight, traceSmall, traceSmall.fit(traceTime(s.EndedNS), traceTimes))
		d.text(point{d.area.left + traceTimes + 8, y + style.middle()}, alignLeft, style, style.fit(s.Name, traceNames-10))
		d.close()
		if i+1 < len(d.steps) && d.steps[i+1].Phase != s.Phase {
			under := y + traceRow/2
			d.line([]point{{d.area.left, under}, {d.crash - traceGap, under}}, stroke{colour: muted, width: 0.8, dash: []float64{4, 3}})
		}
	}
}

// traceTip is what a pointer on a step is told.
func traceTip(s *result.TraceStep) string {
	parts := []string{s.Name + ": " + s.Text, "took " + traceTime(s.EndedNS-s.BeganNS)}
	if s.LSN > 0 {
		parts = append(parts, fmt.Sprintf("LSN %d", s.LSN))
	}
	if s.BinlogPos > 0 {
		parts = append(parts, fmt.Sprintf("%s %d", s.BinlogFile, s.BinlogPos))
	}
	return strings.Join(parts, "; ")
}

// follow draws how one thing goes deeper.
func (d *traceDrawing) follow(t *traced) {
	var pts []point
	d.open(group{class: "series", name: t.name})
	for i, s := range d.steps {
		layer := slices.Index(traceLayers, t.of(s))
		if layer < 0 {
			continue
		}
		pts = append(pts, point{d.layers + traceLayer*(float64(layer)+0.5) + t.shift, d.y(i)})
	}
	if len(pts) > 1 {
		d.line(pts, stroke{colour: t.look.colour, width: 1.6, dash: t.look.dash})
	}
	p := &panel{canvas: d.canvas}
	for i, at := range pts {
		if i == 0 || at.x != pts[i-1].x { // where it has moved
			p.mark(at, t.look, 4)
		}
	}
	d.close()
}

// crashes draws a column of outcomes; rows that agree are one piece.
func (d *traceDrawing) crashes(column int) {
	outcomes := func(row int) []string {
		for _, c := range d.steps[row].Crashes {
			if c.Kind == traceCrashes[column].kind {
				return c.Outcomes
			}
		}
		return nil
	}
	left := d.crash + d.wide*float64(column) + 2
	for from := 0; from < len(d.steps); {
		to := from + 1
		for to < len(d.steps) && slices.Equal(outcomes(to), outcomes(from)) {
			to++
		}
		d.piece(box{left, d.y(from) - traceRow/2 + 1, left + d.wide - 4, d.y(to-1) + traceRow/2 - 1}, outcomes(from))
		from = to
	}
}

// piece draws the outcomes of some rows beside each other.
func (d *traceDrawing) piece(b box, outcomes []string) {
	known := fates[:0:0]
	for _, f := range fates {
		if slices.Contains(outcomes, f.name) {
			known = append(known, f)
		}
	}
	if len(known) == 0 {
		return
	}
	var words []string
	for _, f := range known {
		words = append(words, f.text)
	}
	d.open(group{class: "point " + field, tip: strings.Join(words, " or "), reach: b})
	each := b.width() / float64(len(known))
	for i, f := range known {
		part := box{b.left + each*float64(i), b.top, b.left + each*float64(i+1), b.bottom}
		d.fill(part.corners(), f.colour)
		style := traceText.in(f.colour.contrast())
		style.bold = true
		d.text(point{(part.left + part.right) / 2, (part.top+part.bottom)/2 + style.middle()}, alignCentre, style, style.fit(f.letter, each))
	}
	d.close()
}

// key explains lines and letters.
func (d *traceDrawing) key() {
	p := &panel{canvas: d.canvas}
	y := d.bottom() + 18
	x := d.area.left
	for i := range tracedThings {
		t := &tracedThings[i]
		d.line([]point{{x, y - 4}, {x + 16, y - 4}}, stroke{colour: t.look.colour, width: 1.6, dash: t.look.dash})
		p.mark(point{x + 8, y - 4}, t.look, 4)
		d.text(point{x + 21, y}, alignLeft, traceText, t.name)
		x += 21 + traceText.width(t.name) + 16
	}
	each := d.area.width() / 3
	for i, f := range fates {
		x, y := d.area.left+each*float64(i%3), y+17*float64(1+i/3)
		style := traceText.in(f.colour.contrast())
		style.bold = true
		d.open(group{class: field})
		d.fill(box{x, y - 11, x + 16, y + 3}.corners(), f.colour)
		d.text(point{x + 8, y}, alignCentre, style, f.letter)
		d.close()
		d.text(point{x + 21, y}, alignLeft, traceText, f.text)
	}
}
