// Package axis turns one table of names into everything an enumeration needs:
// text, parsing, the list of legal values for help and error messages.
//
// A flush strategy is a set of values on independent axes. Each axis lives in
// the package that gives it meaning and owns exactly one Table; flags, help,
// validation, YAML and JSON all read that table, so no list exists twice.
package axis

import (
	"fmt"
	"strings"
)

// Value is one entry of a Table.
type Value[T ~uint8] struct {
	Value T
	Name  string   // canonical spelling, used for output
	Alias []string // other spellings that users of the field know
	Help  string   // one line, lower case, no full stop
}

// Table lists the legal values of the axis T in the order of help and All.
// It is immutable after package initialisation.
type Table[T ~uint8] struct {
	Axis   string // what the axis is called in messages, e.g. "flush method"
	Values []Value[T]
}

// All returns every legal value, in table order.
func (t Table[T]) All() []T {
	all := make([]T, len(t.Values))
	for i, v := range t.Values {
		all[i] = v.Value
	}
	return all
}

// Names returns the canonical names, in table order.
func (t Table[T]) Names() []string {
	names := make([]string, len(t.Values))
	for i, v := range t.Values {
		names[i] = v.Name
	}
	return names
}

// Name returns the canonical name of v, or "axis(n)" for an illegal value.
func (t Table[T]) Name(v T) string {
	for _, e := range t.Values {
		if e.Value == v {
			return e.Name
		}
	}
	return fmt.Sprintf("%s(%d)", t.Axis, uint8(v))
}

// Help returns the one-line help of v, or "" for an illegal value.
func (t Table[T]) Help(v T) string {
	for _, e := range t.Values {
		if e.Value == v {
			return e.Help
		}
	}
	return ""
}

// MarshalText returns the canonical name, or an error for an illegal value.
func (t Table[T]) MarshalText(v T) ([]byte, error) {
	for _, e := range t.Values {
		if e.Value == v {
			return []byte(e.Name), nil
		}
	}
	return nil, fmt.Errorf("%s: illegal value %d", t.Axis, uint8(v))
}

// Parse returns the value with the name or alias s (case-insensitive), or an
// error that names the legal values.
func (t Table[T]) Parse(s string) (T, error) {
	s = strings.TrimSpace(s)
	for _, e := range t.Values {
		if strings.EqualFold(s, e.Name) {
			return e.Value, nil
		}
		for _, a := range e.Alias {
			if strings.EqualFold(s, a) {
				return e.Value, nil
			}
		}
	}
	var zero T
	return zero, fmt.Errorf("unknown %s %q: legal values are %s", t.Axis, s, strings.Join(t.Names(), ", "))
}

// UnmarshalText parses text into v; v is unchanged on error.
func (t Table[T]) UnmarshalText(v *T, text []byte) error {
	p, err := t.Parse(string(text))
	if err != nil {
		return err
	}
	*v = p
	return nil
}
