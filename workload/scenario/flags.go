package scenario

import (
	"fmt"
	"strconv"

	"github.com/spf13/pflag"
)

// Annotations that AddFlags puts on its flags.
const (
	AnnotationHeading = "flushbench_group"  // under which heading help lists the flag
	AnnotationValues  = "flushbench_values" // the legal values, for completion
)

// AddFlags adds a flag for every setting, bound to s; what s holds now is the
// default. Aliases work too but are not listed in help.
func (s *Scenario) AddFlags(fs *pflag.FlagSet) {
	names := map[string]string{}
	for _, f := range s.fields() {
		for _, a := range f.alias {
			names[a] = f.name
		}
		setting := &flagText{field: f, s: s}
		fs.TextVar(setting, f.name, *setting, f.usage)
		mark(fs, f.name, f.heading, f.values)
	}
	for _, preset := range []Preset{PresetQuick, PresetThorough} {
		fs.BoolFunc(preset.String(), Presets.Help(preset), func(on string) error { return s.choose(preset, on) })
		mark(fs, preset.String(), headTime, nil)
	}
	fs.Lookup("preset").Hidden = true
	normalize := fs.GetNormalizeFunc()
	fs.SetNormalizeFunc(func(fs *pflag.FlagSet, name string) pflag.NormalizedName {
		if known, ok := names[name]; ok {
			name = known
		}
		return normalize(fs, name)
	})
}

func mark(fs *pflag.FlagSet, name, heading string, values []string) {
	f := fs.Lookup(name)
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[AnnotationHeading] = []string{heading}
	if len(values) > 0 {
		f.Annotations[AnnotationValues] = values
	}
}

// choose sets a preset from its flag; two of them exclude each other.
func (s *Scenario) choose(p Preset, on string) error {
	chosen, err := strconv.ParseBool(on)
	switch {
	case err != nil:
		return fmt.Errorf("%q: legal values are true and false", on)
	case !chosen:
	case s.Preset != PresetDefault && s.Preset != p:
		return fmt.Errorf("--%s and --%s exclude each other", s.Preset, p)
	default:
		s.Preset = p
	}
	return nil
}

// flagText is a setting as a flag sees it: giving it may ask for a matrix.
type flagText struct {
	field field
	s     *Scenario
	given bool // before
}

// adder is a list to which a flag that is given again adds. Other lists are replaced.
type adder interface{ add(in []byte) error }

// MarshalText implements encoding.TextMarshaler.
func (f flagText) MarshalText() ([]byte, error) { return f.field.value.MarshalText() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *flagText) UnmarshalText(in []byte) error {
	if err := f.take(in); err != nil {
		return err
	}
	f.s.give(f.field)
	return nil
}

// take reads the value.
func (f *flagText) take(in []byte) error {
	set := f.field.value.UnmarshalText
	if a, ok := f.field.value.(adder); ok && f.given {
		set = a.add
	}
	if err := set(in); err != nil {
		return err
	}
	f.given = true
	f.s.Asked = f.s.Asked || f.field.matrix
	return nil
}
