package scenario

import (
	"time"

	"flushbench/engine/axis"
)

// Preset is how much time a run takes. The zero value is Default.
type Preset uint8

// The presets.
const (
	PresetDefault Preset = iota
	PresetQuick
	PresetThorough
)

// Presets is the table of presets.
var Presets = axis.Table[Preset]{
	Axis: "preset",
	Values: []axis.Value[Preset]{
		{Value: PresetDefault, Name: "default", Help: "enough rounds to tell differences from noise"},
		{Value: PresetQuick, Name: "quick", Help: "a first look in about 20 s that claims no differences"},
		{Value: PresetThorough, Name: "thorough", Help: "more and longer rounds, for figures that others will read"},
	},
}

// String returns the name of p.
func (p Preset) String() string { return Presets.Name(p) }

// MarshalText implements encoding.TextMarshaler.
func (p Preset) MarshalText() ([]byte, error) { return Presets.MarshalText(p) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Preset) UnmarshalText(text []byte) error { return Presets.UnmarshalText(p, text) }

// Timing is how a matrix spends its time.
type Timing struct {
	Rounds   int
	Warmup   time.Duration // of each cell and round
	Duration time.Duration // measured, of each cell and round
}

// matrixTimings is what a matrix takes when nothing else is asked for.
var matrixTimings = map[Preset]Timing{
	PresetDefault:  {Rounds: 5, Warmup: 200 * time.Millisecond, Duration: time.Second},
	PresetQuick:    {Rounds: 2, Warmup: 100 * time.Millisecond, Duration: 400 * time.Millisecond},
	PresetThorough: {Rounds: 10, Warmup: time.Second, Duration: 5 * time.Second},
}
