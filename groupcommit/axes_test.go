package groupcommit

import (
	"strings"
	"testing"
	"time"
)

func TestDelayText(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Delay
		out  string
	}{
		{"off", Delay{}, "off"},
		{"0", Delay{}, "off"},
		{" Adaptive ", Delay{Adaptive: true}, "adaptive"},
		{"50us", Delay{Fixed: 50 * time.Microsecond}, "50µs"},
		{"1s", Delay{Fixed: time.Second}, "1s"},
	} {
		var d Delay
		if err := d.UnmarshalText([]byte(c.in)); err != nil || d != c.want || d.String() != c.out {
			t.Errorf("Delay %q = %+v, %v, printed %q; want %+v, %q", c.in, d, err, d, c.want, c.out)
		}
		var again Delay
		if text, err := d.MarshalText(); err != nil || again.UnmarshalText(text) != nil || again != d {
			t.Errorf("Delay %q does not survive its own text %q: %+v", c.in, text, again)
		}
	}
	for _, bad := range []string{"", "-1us", "2s", "fast", "5"} {
		d := Delay{Adaptive: true}
		if err := d.UnmarshalText([]byte(bad)); err == nil || !strings.Contains(err.Error(), "must be off, adaptive") || !d.Adaptive {
			t.Errorf("Delay %q = %+v, %v; want an error that names what is legal, and no change", bad, d, err)
		}
	}
}

func TestAxesText(t *testing.T) {
	for _, p := range Policies.All() {
		var q Policy
		if text, err := p.MarshalText(); err != nil || q.UnmarshalText(text) != nil || q != p {
			t.Errorf("policy %v does not survive its text", p)
		}
	}
	for _, s := range Strategies.All() {
		var q Strategy
		if text, err := s.MarshalText(); err != nil || q.UnmarshalText(text) != nil || q != s || Strategies.Help(s) == "" {
			t.Errorf("strategy %v does not survive its text", s)
		}
	}
	for _, s := range Styles.All() {
		var q Style
		if text, err := s.MarshalText(); err != nil || q.UnmarshalText(text) != nil || q != s {
			t.Errorf("style %v does not survive its text", s)
		}
	}
	for _, p := range Protocols.All() {
		var q Protocol
		if text, err := p.MarshalText(); err != nil || q.UnmarshalText(text) != nil || q != p || p.String() != string(text) {
			t.Errorf("protocol %v does not survive its text", p)
		}
	}
	if len(Reasons.All()) != reasons {
		t.Errorf("%d flush reasons have a name; there are %d", len(Reasons.All()), reasons)
	}
	var p Policy
	if err := p.UnmarshalText([]byte("4")); err == nil || !strings.Contains(err.Error(), "legal values are 1, 2, 0") {
		t.Errorf("policy 3 = %v; want an error that names the legal values", err)
	}
}

func TestConfigValidate(t *testing.T) {
	c := Config{}
	if err := c.Validate(); err != nil || c.Interval != DefaultInterval || c.Observer == nil {
		t.Errorf("Validate of the zero Config = %v, %+v", err, c)
	}
	c = Config{NoTimer: true}
	for range 2 { // what it has filled in is legal
		if err := c.Validate(); err != nil || c.Interval != 0 || c.FlushInterval() != DefaultInterval {
			t.Errorf("Validate without a timer = %v, %+v", err, c)
		}
	}
	for _, bad := range []struct {
		cfg  Config
		want string
	}{
		{Config{NoTimer: true, Interval: time.Second}, "flush interval 1s without a timer: must be 0"},
		{Config{Interval: -1}, "must be 1ms to 45m0s"},
		{Config{Interval: MaxInterval + 1}, "must be 1ms to 45m0s"},
		{Config{Count: -1}, "must be 0 (no limit) to 1048576"},
		{Config{Count: MaxGroupCount + 1}, "must be 0 (no limit) to 1048576"},
	} {
		if err := bad.cfg.Validate(); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("Validate(%+v) = %v; want %q", bad.cfg, err, bad.want)
		}
		if _, err := New(newFakeLog(), bad.cfg); err == nil {
			t.Errorf("New(%+v) = nil; want an error", bad.cfg)
		}
	}
}
