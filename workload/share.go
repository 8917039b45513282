package workload

import (
	"fmt"
	"strconv"
	"strings"
)

// Share is a part of a whole, 0 to 1.
type Share float64

// Validate says when s is not between 0 and 1.
func (s Share) Validate() error {
	if !(s >= 0 && s <= 1) {
		return fmt.Errorf("workload: share %v: must be 0 to 1, or 0%% to 100%%", float64(s))
	}
	return nil
}

// String returns the shortest number that reads back as s, such as "0.25".
func (s Share) String() string { return strconv.FormatFloat(float64(s), 'g', -1, 64) }

// MarshalText implements encoding.TextMarshaler.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a number from 0 to 1 or a percentage, such as 25%. s is
// unchanged on error.
func (s *Share) UnmarshalText(text []byte) error {
	v, err := parseShare(string(text))
	if err != nil {
		return err
	}
	*s = v
	return nil
}

func parseShare(in string) (Share, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(in), "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		f /= 100
	}
	if err != nil || Share(f).Validate() != nil {
		return 0, fmt.Errorf("workload: share %q: must be 0 to 1, or 0%% to 100%%", strings.TrimSpace(in))
	}
	return Share(f + 0), nil // + 0: no negative zero
}
