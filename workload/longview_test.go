package workload

import (
	"testing"
	"time"
)

func TestLongViewText(t *testing.T) {
	for _, c := range []struct {
		in   string
		want LongView
	}{
		{"0", 0}, {"off", 0}, {"0s", 0}, {" HOLD ", HoldView}, {"1s", LongView(time.Second)}, {"250ms", LongView(250 * time.Millisecond)},
		{"1ms", MinLongView}, {"24h", MaxLongView},
	} {
		var got LongView
		if err := got.UnmarshalText([]byte(c.in)); err != nil || got != c.want {
			t.Errorf("UnmarshalText(%q) = %v, %v; want %v", c.in, got, err, c.want)
		}
		text, err := got.MarshalText()
		var again LongView
		if err != nil || again.UnmarshalText(text) != nil || again != got {
			t.Errorf("%v as text is %q, %v; read back %v", got, text, err, again)
		}
	}
	for _, in := range []string{"", "1", "-1s", "-1ns", "1us", "25h", "forever", "1s2"} {
		v := LongView(7)
		if err := v.UnmarshalText([]byte(in)); err == nil || v != 7 {
			t.Errorf("UnmarshalText(%q) = %v, %v; want an error and no change", in, v, err)
		}
	}
	if _, err := LongView(5).MarshalText(); err == nil {
		t.Error("a view of 5 ns became text")
	}
}

func TestLongViewOver(t *testing.T) {
	second := LongView(time.Second)
	for _, c := range []struct {
		v    LongView
		open time.Duration
		want bool
	}{{second, time.Second - 1, false}, {second, time.Second, true}, {HoldView, time.Hour, false}} {
		if got := c.v.Over(c.open); got != c.want {
			t.Errorf("%v.Over(%v) = %v; want %v", c.v, c.open, got, c.want)
		}
	}
	if LongView(0).Open() || !HoldView.Open() || !second.Open() {
		t.Error("Open is wrong")
	}
}
