package scenario

import (
	"fmt"
	"strings"
	"time"

	"flushbench/groupcommit"
)

// IntervalOff as Scenario.FlushInterval leaves out the timer: under policies 0 and 2
// nothing is flushed because time has passed. Policies 1 and 3 have no timer anyway.
const IntervalOff time.Duration = -1

// intervalOff is its text.
const intervalOff = "off"

// TimerOff reports whether the timer was left out.
func (s *Scenario) TimerOff() bool { return s.FlushInterval == IntervalOff }

// Window is the time that a loss window is looked at in: the flush interval, and
// where there is no timer the default one.
func (s *Scenario) Window() time.Duration {
	if s.TimerOff() {
		return groupcommit.DefaultInterval
	}
	return s.FlushInterval
}

// interval is a duration, or off.
type interval struct{ d *time.Duration }

func (t interval) MarshalText() ([]byte, error) {
	if *t.d == IntervalOff {
		return []byte(intervalOff), nil
	}
	return durationText(t).MarshalText()
}

func (t interval) UnmarshalText(in []byte) error {
	if strings.EqualFold(strings.TrimSpace(string(in)), intervalOff) {
		*t.d = IntervalOff
		return nil
	}
	if err := durationText(t).UnmarshalText(in); err != nil {
		return fmt.Errorf("%w, or %s", err, intervalOff)
	}
	return nil
}

// checkInterval says what is wrong with the flush interval.
func (s *Scenario) checkInterval() error {
	switch {
	case !s.TimerOff():
		if err := between("flush-interval", s.FlushInterval, groupcommit.MinInterval, groupcommit.MaxInterval); err != nil {
			return fmt.Errorf("%w, or %s", err, intervalOff)
		}
	case s.Servers():
		return fmt.Errorf("flush-interval %s with a server: its timer cannot be switched off; leave it out", intervalOff)
	}
	return nil
}
