package target

import (
	"slices"
	"strings"
)

// Setting is a variable of a server.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"` // as the server spells it
}

// Settings are variables in the order in which they are to be read.
type Settings []Setting

// Get returns the value of name, "" when there is none of that name.
func (s Settings) Get(name string) string {
	value, _ := s.lookup(name)
	return value
}

// Has reports whether there is a variable of that name.
func (s Settings) Has(name string) bool {
	_, ok := s.lookup(name)
	return ok
}

func (s Settings) lookup(name string) (string, bool) {
	for i := range s {
		if s[i].Name == name {
			return s[i].Value, true
		}
	}
	return "", false
}

// String returns name=value, name=value, in their order.
func (s Settings) String() string {
	all := make([]string, len(s))
	for i := range s {
		all[i] = s[i].Name + "=" + s[i].Value
	}
	return strings.Join(all, ", ")
}

// Reversed returns s from its end: the order in which changes are taken back.
func (s Settings) Reversed() Settings {
	r := slices.Clone(s)
	slices.Reverse(r)
	return r
}

// Differing returns the present values of those variables that Change(want)
// would change, in the order of want: what is shown and saved before it. A
// variable that the server does not have is left out.
func Differing(have, want Settings) Settings {
	var before Settings
	for i := range want {
		value, ok := have.lookup(want[i].Name)
		if ok && !SameValue(value, want[i].Value) && !before.Has(want[i].Name) {
			before = append(before, Setting{Name: want[i].Name, Value: value})
		}
	}
	return before
}

// SameValue reports whether two spellings mean the same value: the letters' case
// does not count, nor whether a switch is spelt ON, TRUE, YES or 1.
func SameValue(a, b string) bool {
	return strings.EqualFold(a, b) || spelling(a) == spelling(b)
}

func spelling(value string) string {
	switch v := strings.ToLower(value); v {
	case "on", "true", "yes":
		return "1"
	case "off", "false", "no":
		return "0"
	default:
		return v
	}
}
