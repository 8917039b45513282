package scenario

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// List is the values of one axis: the matrix has a cell for each. As text it
// is a comma list; in JSON an array. T is an integer or has UnmarshalText on
// its pointer.
type List[T any] []T

// maxList bounds a list, so that a typing error cannot ask for a million cells.
const maxList = 256

// UnmarshalText reads a comma list, which replaces the old values; l is
// unchanged on error.
func (l *List[T]) UnmarshalText(text []byte) error {
	parts := split(string(text))
	if len(parts) > maxList {
		return fmt.Errorf("a list of %d values: at most %d are legal", len(parts), maxList)
	}
	values := make(List[T], len(parts))
	for i, part := range parts {
		if part == "" {
			return errors.New("an empty value in the list: legal is a comma list such as 1,2")
		}
		if err := parseOne(part, &values[i]); err != nil {
			return err
		}
	}
	*l = values
	return nil
}

// split cuts a comma list. The comma inside "lognormal:MEDIAN,SIGMA",
// "hotspot:HOTSET,HOTOPS", "bursty:burst=N,peak=N" and "read=N/s,write=N/s,random=N"
// parts nothing; of the last a name that is there already begins the next value.
func split(text string) []string {
	var parts []string
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if n := len(parts); n > 0 {
			if last := strings.ToLower(parts[n-1]); !strings.Contains(last, ",") &&
				(strings.HasPrefix(last, "lognormal:") || strings.HasPrefix(last, "hotspot:") ||
					strings.HasPrefix(last, "bursty:") && strings.Contains(part, "=")) {
				parts[n-1] += "," + part
				continue
			}
			if name, _, given := strings.Cut(strings.ToLower(part), "="); given && sameBackground(parts[n-1], name) {
				parts[n-1] += "," + part
				continue
			}
		}
		parts = append(parts, part)
	}
	return parts
}

// sameBackground reports whether name is another part of the background I/O that
// value describes.
func sameBackground(value, name string) bool {
	if name != "read" && name != "write" && name != "random" {
		return false
	}
	value = "," + strings.ToLower(value)
	return strings.Contains(value, "=") && !strings.Contains(value, ","+name+"=") &&
		(strings.HasPrefix(value, ",read=") || strings.HasPrefix(value, ",write=") || strings.HasPrefix(value, ",random="))
}

// parseOne reads one value.
func parseOne(text string, p any) error {
	switch p := p.(type) {
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		*p = n
		return nil
	}
	return fmt.Errorf("scenario: no way to read a %T", p)
}

// texts returns the values as text.
func (l List[T]) texts() ([]string, error) {
	texts := make([]string, len(l))
	for i, v := range l {
		if m, ok := any(v).(encoding.TextMarshaler); ok {
			b, err := m.MarshalText()
			if err != nil {
				return nil, err
			}
			texts[i] = string(b)
			continue
		}
		texts[i] = fmt.Sprint(v)
	}
	return texts, nil
}

// MarshalText writes the comma list.
func (l List[T]) MarshalText() ([]byte, error) {
	texts, err := l.texts()
	return []byte(strings.Join(texts, ",")), err
}

// String returns the comma list.
func (l List[T]) String() string {
	b, err := l.MarshalText()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return string(b)
}

// MarshalJSON writes an array.
func (l List[T]) MarshalJSON() ([]byte, error) { return json.Marshal(append([]T{}, l...)) }

// UnmarshalJSON reads an array; a value alone, as older scenarios have it where the
// setting was no list yet, is a list of one.
func (l *List[T]) UnmarshalJSON(data []byte) error {
	if c := data[0]; c != '[' && c != 'n' {
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	var values []T
	if err := json.Unmarshal(data, &values); err != nil {
		return err
	}
	if *l = values; len(values) == 0 {
		*l = nil
	}
	return nil
}

// twice returns a value that the list holds more than once, as text.
func (l List[T]) twice() (string, bool) {
	texts, err := l.texts()
	if err != nil {
		return "", false
	}
	seen := map[string]bool{}
	for _, t := range texts {
		if seen[t] {
			return t, true
		}
		seen[t] = true
	}
	return "", false
}

func (l List[T]) size() int { return len(l) }

// anyList is what a List of any type can tell.
type anyList interface {
	twice() (string, bool)
	size() int
}
