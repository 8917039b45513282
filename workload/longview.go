package workload

import (
	"fmt"
	"strings"
	"time"
)

// LongView is how long one extra session, beside the clients, keeps a read view
// open while it reads the table through it, before it opens another: what a
// report or a dump does to a server that goes on writing. 0: there is no such
// session. Legal are 0, MinLongView to MaxLongView, and HoldView.
type LongView time.Duration

// HoldView keeps one view open from before the first transaction to the end.
const HoldView LongView = -1

// Limits of a LongView that is a time.
const (
	MinLongView = LongView(time.Millisecond)
	MaxLongView = LongView(24 * time.Hour)
)

// Open reports whether there is such a session.
func (v LongView) Open() bool { return v != 0 }

// Over reports whether a view that has been open for so long is to be closed.
func (v LongView) Over(open time.Duration) bool { return v != HoldView && open >= time.Duration(v) }

// String returns "0", "hold" or the time.
func (v LongView) String() string {
	switch v {
	case 0:
		return "0"
	case HoldView:
		return "hold"
	}
	return time.Duration(v).String()
}

// MarshalText implements encoding.TextMarshaler.
func (v LongView) MarshalText() ([]byte, error) {
	if v != 0 && v != HoldView && (v < MinLongView || v > MaxLongView) {
		return nil, fmt.Errorf("workload: long view of %v: %s", time.Duration(v), legalViews)
	}
	return []byte(v.String()), nil
}

const legalViews = "legal are 0 (none), hold, and a time of 1ms to 24h"

// UnmarshalText reads 0, off, hold or a time; v is unchanged on error.
func (v *LongView) UnmarshalText(text []byte) error {
	in := strings.ToLower(strings.TrimSpace(string(text)))
	switch in {
	case "0", "off":
		*v = 0
		return nil
	case "hold":
		*v = HoldView
		return nil
	}
	d, err := time.ParseDuration(in)
	if view := LongView(d); err == nil && (view == 0 || view >= MinLongView && view <= MaxLongView) {
		*v = view
		return nil
	}
	return fmt.Errorf("long view %q: %s", text, legalViews)
}
