package axis

import (
	"slices"
	"strings"
	"testing"
)

type colour uint8

const (
	red colour = iota
	green
	blue
)

var colours = Table[colour]{
	Axis: "colour",
	Values: []Value[colour]{
		{Value: green, Name: "green", Help: "of grass"},
		{Value: red, Name: "red", Alias: []string{"rouge", "rot"}, Help: "of roses"},
		{Value: blue, Name: "light+blue"},
	},
}

func TestTableOrder(t *testing.T) {
	if got, want := colours.All(), []colour{green, red, blue}; !slices.Equal(got, want) {
		t.Errorf("All() = %v; want table order %v", got, want)
	}
	if got, want := colours.Names(), []string{"green", "red", "light+blue"}; !slices.Equal(got, want) {
		t.Errorf("Names() = %q; want %q", got, want)
	}
}

func TestTableText(t *testing.T) {
	for _, c := range []struct {
		in   string
		want colour
	}{
		{"red", red}, {"RED", red}, {" red\n", red}, {"rouge", red}, {"Rot", red}, {"green", green}, {"Light+Blue", blue},
	} {
		got, err := colours.Parse(c.in)
		if err != nil || got != c.want {
			t.Errorf("Parse(%q) = %v, %v; want %v", c.in, got, err, c.want)
		}
		text, err := colours.MarshalText(got)
		if err != nil || string(text) != colours.Name(got) {
			t.Errorf("MarshalText(%v) = %q, %v", got, text, err)
		}
		var v colour
		if err := colours.UnmarshalText(&v, text); err != nil || v != got {
			t.Errorf("UnmarshalText(%q) = %v, %v; want %v", text, v, err, got)
		}
	}
	if got := colours.Help(red); got != "of roses" {
		t.Errorf("Help(red) = %q", got)
	}
}

func TestTableIllegal(t *testing.T) {
	for _, bad := range []string{"", "gre", "redd", "red,green", "0"} {
		v := blue
		err := colours.UnmarshalText(&v, []byte(bad))
		if err == nil || v != blue {
			t.Errorf("UnmarshalText(%q) = %v, %v; want an error and no change", bad, v, err)
			continue
		}
		if want := "legal values are green, red, light+blue"; !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "colour") {
			t.Errorf("UnmarshalText(%q) = %v; want the axis and %q", bad, err, want)
		}
	}
	if got := colours.Name(9); got != "colour(9)" {
		t.Errorf("Name(9) = %q", got)
	}
	if got := colours.Help(9); got != "" {
		t.Errorf("Help(9) = %q", got)
	}
	if text, err := colours.MarshalText(9); err == nil {
		t.Errorf("MarshalText(9) = %q; want an error", text)
	}
}
