package plots

import (
	"flushbench/metrics/result"
)

// The neutral colours: for print and light pages.
const (
	paper = colour(0xffffff)
	ink   = colour(0x1a1a1a)
	muted = colour(0x595959) // 7:1 on paper
	grid  = colour(0xdedede)
)

// The colours of Okabe and Ito, which people with any kind of colour vision
// tell apart. Each has at least 3:1 on paper, except the last three, which only
// fill areas.
const (
	blue       = colour(0x0072b2)
	vermillion = colour(0xd55e00)
	green      = colour(0x009e73)
	purple     = colour(0xb0508a) // a little darker than theirs, for 3:1
	orange     = colour(0xe69f00)
	sky        = colour(0x56b4e9)
	yellow     = colour(0xf0e442)
)

// Sizes of a picture and its texts, in points. At half size the smallest text
// is as high as the finest print of a newspaper.
const (
	pictureWidth  = 720.0
	pictureHeight = 450.0
	margin        = 18.0
)

// The text styles.
var (
	titleText    = textStyle{ink, 19, true}
	subtitleText = textStyle{muted, 12.5, false}
	headText     = textStyle{ink, 13, true} // of a panel
	axisText     = textStyle{muted, 12.5, false}
	tickText     = textStyle{ink, 12.5, false}
	labelText    = textStyle{ink, 13, true} // of a series, in its colour
	valueText    = textStyle{ink, 13, false}
	footerText   = textStyle{muted, 10, false}
)

// in returns the style in another colour.
func (f textStyle) in(c colour) textStyle {
	f.colour = c
	return f
}

// marker is the shape of a point.
type marker int

const (
	markCircle marker = iota
	markSquare
	markTriangle
	markDiamond
	markCross
)

// look is how a series looks everywhere. Colour tells the policy, marker and
// dash tell it again for grey prints.
type look struct {
	colour colour
	dash   []float64
	mark   marker
	hollow bool
	dotted bool // a hollow mark with a dot in it
}

// label returns the colour for text: dark enough for 4.5:1.
func (l look) label() colour { return l.colour.mix(0, 0.22) }

// lookOf returns the look of a cell's series.
func lookOf(p *result.Params) look {
	l := look{colour: muted, mark: markCross, dash: []float64{1, 3}}
	switch p.Policy {
	case "0":
		l = look{colour: vermillion, mark: markTriangle, dash: []float64{2, 3}}
	case "1":
		l = look{colour: blue, mark: markCircle}
	case "2":
		l = look{colour: green, mark: markSquare, dash: []float64{8, 4}}
	case "3":
		l = look{colour: purple, mark: markDiamond, dash: []float64{10, 3, 2, 3}}
	}
	if gathers(p) {
		l.hollow, l.dash = true, []float64{5, 3}
	}
	if n := p.SyncBinlog; n != nil {
		l.hollow, l.dotted = *n != 1, *n > 1
		switch *n {
		case 0:
			l.dash = []float64{2, 3}
		case 1:
			l.dash = nil
		default:
			l.dash = []float64{8, 4}
		}
	}
	return l
}

// gathers reports whether a group waits for commits to join it.
func gathers(p *result.Params) bool {
	return p.GroupDelay != "" && p.GroupDelay != "off" && p.GroupDelay != "0s" && (everyCommit(p) || p.SyncBinlog != nil)
}

// stageColours fill the stages of a commit, in their order. Neighbours differ
// in lightness too, and white gaps part them.
var stageColours = map[string]colour{
	"execute": 0xc9c9c9, "buffer": yellow, "group": sky, "write": orange, "flush": blue,
	"prepare": purple, "binlog write": 0xf5c98a, "binlog flush": green, "engine": 0x8a8a8a, "wake-up": vermillion,
}
