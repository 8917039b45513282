package plots

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// stageOf names a stage and finds it in a round.
type stageOf struct {
	name  string
	spent string // what a commit does in it: "39 % of a commit's time goes into ..."
	of    func(*result.Stages) *result.Stage
}

// stageNames lists the stages in the order in which a commit passes them.
var stageNames = []stageOf{
	{"execute", "its statements", func(s *result.Stages) *result.Stage { return s.Execute }},
	{"buffer", "getting into the log buffer", func(s *result.Stages) *result.Stage { return s.Buffer }},
	{"group", "waiting for its group's turn", func(s *result.Stages) *result.Stage { return s.Group }},
	{"write", "writing the log", func(s *result.Stages) *result.Stage { return s.Write }},
	{"flush", "flushing the log", func(s *result.Stages) *result.Stage { return s.Flush }},
	{"prepare", "its prepare in the engine's log", func(s *result.Stages) *result.Stage { return s.Prepare }},
	{"binlog write", "writing the binlog", func(s *result.Stages) *result.Stage { return s.BinlogWrite }},
	{"binlog flush", "waiting for the binlog's flush", func(s *result.Stages) *result.Stage { return s.BinlogFlush }},
	{"engine", "committing in the engine", func(s *result.Stages) *result.Stage { return s.Engine }},
	{"wake-up", "waking the client", func(s *result.Stages) *result.Stage { return s.Wakeup }},
}

// spentTime is where the time of a cell's commits goes.
type spentTime struct {
	cell
	name  string
	parts []part
	sum   float64 // ns
}

type part struct {
	*stageOf
	ns float64 // mean, median over rounds
}

// maxBars bounds the bars of a picture.
const maxBars = 9

// stages draws the share of each stage in the mean commit.
func stages(v *view) *Plot {
	const name = "stages"
	const title = "Where does a commit's time go?"
	var bars []spentTime
	measured := false
	for _, from := range []*choice{&v.closed, &v.paced} {
		if slices.ContainsFunc(from.cells, func(c cell) bool { return c.Params.Target == "" }) {
			measured = true // a server tells no stages
		}
		bars = append(bars, spentOf(from)...)
		if len(bars) > 0 {
			break
		}
	}
	if !measured {
		return nil
	}
	if len(bars) == 0 {
		return placeholder(name, title, "no commit was timed stage by stage")
	}
	left := 0
	if len(bars) > maxBars {
		bars, left = thinBars(bars), len(bars)-maxBars
	}
	from := &v.closed
	if bars[0].Params.Load == result.LoadPaced {
		from = &v.paced
	}
	note := ""
	if left > 0 {
		note = count(left, "more cell") + " in result.json"
	}
	var alt []string
	finding := title
	for _, b := range bars {
		most := slices.MaxFunc(b.parts, func(x, y part) int { return int(max(min(x.ns-y.ns, 1), -1)) })
		text := fmt.Sprintf("%s %s ms, %.0f %% of it for %s", b.name, millis(b.sum), 100*most.ns/b.sum, most.spent)
		alt = append(alt, text)
		if n := seriesName(&b.Params); n == "policy 1" || n == "1/1" {
			finding = fmt.Sprintf("%s: %.0f %% of a commit's time goes into %s", capital(b.name), 100*most.ns/b.sum, most.spent)
		}
	}
	height := 170 + 40*float64(max(len(bars), 3))
	return &Plot{
		Name: name, Title: finding,
		Alt:      "Stacked bars: the share of each stage in the mean commit. " + strings.Join(alt, "; ") + ".",
		subtitle: subtitle(loadWord(from)+", "+from.about(), "shares of the mean, sampled commits, median over rounds", note, from.rest()),
		height:   height,
		body:     func(c canvas, area box) { drawStages(c, area, bars) },
	}
}

func loadWord(from *choice) string {
	if p := &from.cells[0].Params; p.Load == result.LoadPaced {
		return "Paced, " + decimal(p.Rate) + " commits/s"
	}
	return "Closed loop"
}

// spentOf returns the cells whose commits were timed.
func spentOf(from *choice) []spentTime {
	var bars []spentTime
	for _, l := range from.lines() {
		for _, c := range l.cells {
			b := spentTime{cell: c, name: fmt.Sprintf("%s, %s", l.name, count(c.Params.Clients, "client"))}
			for i := range stageNames {
				s := &stageNames[i]
				means := stats.Collect(c.Cell, func(r *result.Round) (float64, bool) {
					st := s.of(&r.StagesNS)
					if st == nil || r.StagesNS.Samples <= 0 {
						return 0, false
					}
					return float64(st.Mean), positive(float64(st.Mean))
				})
				if len(means) > 0 {
					b.parts = append(b.parts, part{s, stats.Median(means)})
					b.sum += stats.Median(means)
				}
			}
			if len(b.parts) > 0 && positive(b.sum) {
				bars = append(bars, b)
			}
		}
	}
	return bars
}

// thinBars keeps of every series the cell with the most clients, then, where there
// is room, the one with the fewest, then those between; policies in turn.
func thinBars(bars []spentTime) []spentTime {
	keep := map[int]bool{}
	turn := func(i int) int {
		same := func(j int) bool {
			return j >= 0 && j < len(bars) && seriesName(&bars[j].Params) == seriesName(&bars[i].Params)
		}
		switch {
		case !same(i + 1):
			return 0
		case !same(i - 1):
			return 1
		}
		return 2
	}
	for want := range 3 {
		var all []int
		for i := range bars {
			if turn(i) == want {
				all = append(all, i)
			}
		}
		for _, i := range inTurn(all, maxBars-len(keep), func(i *int) string { return bars[*i].Params.Policy }) {
			keep[i] = true
		}
	}
	var out []spentTime
	for i, b := range bars {
		if keep[i] {
			out = append(out, b)
		}
	}
	return out
}

func drawStages(c canvas, area box, bars []spentTime) {
	left, right := 0.0, axisText.width("mean commit")
	present := map[string]bool{}
	for _, b := range bars {
		left = max(left, labelText.width(b.name))
		right = max(right, valueText.width(millis(b.sum)+" ms"))
		for _, p := range b.parts {
			present[p.name] = true
		}
	}
	left += 12
	right += 16
	// The legend, in the order of the stages; it wraps.
	x, y := area.left, area.top+16
	c.open(group{class: "legend"})
	for _, s := range stageNames {
		if !present[s.name] {
			continue
		}
		w := 18 + tickText.width(s.name) + 16
		if x+w > area.right {
			x, y = area.left, y+18
		}
		c.open(group{class: field})
		c.fill(box{x, y - 10, x + 13, y + 2}.corners(), stageColours[s.name])
		c.close()
		c.text(point{x + 18, y}, alignLeft, tickText, s.name)
		x += w
	}
	c.close()
	data := box{area.left + left, y + 32, area.right - right, area.bottom - 6}
	c.text(point{data.right + 16, y + 22}, alignLeft, axisText, "mean commit")
	each := data.height() / float64(len(bars))
	thick := min(each-8, 30)
	for i, b := range bars {
		middle := data.top + (float64(i)+0.5)*each
		c.text(point{area.left, middle + labelText.middle()}, alignLeft, labelText.in(lookOf(&b.Params).label()), labelText.fit(b.name, left-8))
		c.text(point{data.right + 16, middle + valueText.middle()}, alignLeft, valueText, millis(b.sum)+" ms")
		at := data.left
		for _, p := range b.parts {
			w := p.ns / b.sum * data.width()
			share := fmt.Sprintf("%.0f %%", 100*p.ns/b.sum)
			c.open(group{class: "point " + field, name: p.name, tip: fmt.Sprintf("%s: %s %s ms, %s", b.name, p.name, millis(p.ns), share)})
			if w > 1 {
				col := stageColours[p.name]
				c.fill(box{at, middle - thick/2, at + w - 1, middle + thick/2}.corners(), col)
				text := tickText.in(col.contrast())
				if full := p.name + " " + share; text.width(full)+8 < w {
					c.text(point{at + w/2, middle + text.middle()}, alignCentre, text, full)
				} else if text.width(share)+6 < w {
					c.text(point{at + w/2, middle + text.middle()}, alignCentre, text, share)
				}
			}
			c.close()
			at += w
		}
	}
}
