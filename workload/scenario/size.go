package scenario

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"flushbench/workload"
)

// Size is a number of bytes, 0 or more. As text a bare number is bytes and k,
// M, G, T (also Ki, KiB, kB ...) are powers of 1024; in JSON it is a number.
type Size int64

// String returns the size in the largest unit that divides it: 512, 4KiB, 16MiB.
func (s Size) String() string { return workload.Bytes(int64(s)) }

// ParseSize reads a size: 4096, 4k, 4KiB, "1.5 GiB".
func ParseSize(text string) (Size, error) {
	in := strings.TrimSpace(text)
	bad := func(why string) error {
		return fmt.Errorf("size %q: %s: legal are bytes, or a number with k, M, G or T (powers of 1024), such as 4096, 4k or 1.5GiB", in, why)
	}
	end := strings.IndexFunc(in, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != '-' && r != '+' })
	if end < 0 {
		end = len(in)
	}
	shift, ok := sizeShift(strings.TrimSpace(in[end:]))
	if !ok {
		return 0, bad("unknown unit")
	}
	number := in[:end]
	if strings.HasPrefix(number, "-") {
		return 0, bad("must not be negative")
	}
	if whole, err := strconv.ParseInt(number, 10, 64); err == nil {
		if whole > math.MaxInt64>>shift {
			return 0, bad("too large")
		}
		return Size(whole << shift), nil
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, bad("no number")
	}
	v *= float64(int64(1) << shift)
	if v >= math.MaxInt64 {
		return 0, bad("too large")
	}
	if v != math.Trunc(v) {
		return 0, bad("no whole number of bytes")
	}
	return Size(v), nil
}

// sizeShift returns the power of two of a unit.
func sizeShift(unit string) (shift uint, ok bool) {
	u := strings.ToLower(unit)
	if u == "" || u == "b" {
		return 0, true
	}
	u = strings.TrimSuffix(strings.TrimSuffix(u, "b"), "i")
	switch u {
	case "k":
		return 10, true
	case "m":
		return 20, true
	case "g":
		return 30, true
	case "t":
		return 40, true
	}
	return 0, false
}

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseSize; s is unchanged on error.
func (s *Size) UnmarshalText(text []byte) error {
	v, err := ParseSize(string(text))
	if err == nil {
		*s = v
	}
	return err
}

// MarshalJSON writes bytes as a number.
func (s Size) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, int64(s), 10), nil }

// UnmarshalJSON reads a number of bytes, or text as ParseSize does.
func (s *Size) UnmarshalJSON(data []byte) error { return unmarshalQuoted(data, s.UnmarshalText) }

// unmarshalQuoted hands a JSON number or string to parse as text.
func unmarshalQuoted(data []byte, parse func([]byte) error) error {
	if len(data) > 0 && data[0] == '"' {
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		return parse([]byte(text))
	}
	return parse(data)
}
