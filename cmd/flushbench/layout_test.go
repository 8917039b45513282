package main

import (
	"bytes"
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.5: "0.500", 8.134: "8.13", 81.26: "81.3", 99.96: "100", 1417.4: "1,417", 9999: "9,999", 10_049: "10,000", 41_873: "41,900", 1_234_567: "1,230,000",
	} {
		if got := rate(v); got != want {
			t.Errorf("rate(%v) = %q; want %q", v, got, want)
		}
	}
}

func TestMillis(t *testing.T) {
	for ns, want := range map[float64]string{
		0: "0.000", 400: "0.000", 2_000: "0.002", 706_000: "0.706", 999_600: "1.00", 1_900_000: "1.90", 12_345_678: "12.3", 99_960_000: "100", 123_456_789: "123", 1_234_567_890: "1,235",
	} {
		if got := millis(ns); got != want {
			t.Errorf("millis(%v) = %q; want %q", ns, got, want)
		}
	}
}

func TestMicros(t *testing.T) {
	for ns, want := range map[float64]string{0: "0.0", 2_310: "2.3", 9_960: "10", 26_400: "26", 12_304_000: "12,304"} {
		if got := micros(ns); got != want {
			t.Errorf("micros(%v) = %q; want %q", ns, got, want)
		}
	}
	v := int64(26_000)
	if optional(nil, micros) != "-" || optional(&v, micros) != "26" {
		t.Error("optional shows a figure that is not there, or hides one that is")
	}
}

func TestTimeLeft(t *testing.T) {
	for d, want := range map[time.Duration]string{-1: "0 s", 0: "0 s", 100 * time.Millisecond: "1 s", 119 * time.Second: "119 s", 125 * time.Second: "2 min 05 s"} {
		if got := timeLeft(d); got != want {
			t.Errorf("timeLeft(%v) = %q; want %q", d, got, want)
		}
	}
}

func TestGrid(t *testing.T) {
	g := grid{columns: []column{{head: "method", left: true}, {head: "/s"}, {head: "p50 us", gap: 1}, {head: "/s", gap: 3}, {head: "p50 us", gap: 1}}}
	g.add("fdatasync", "1,417", "706", "9", "1")
	g.add("none", "41,900")
	want := "4 KiB        overwrite       append\n" +
		"method         /s p50 us   /s p50 us\n" +
		"fdatasync   1,417    706    9      1\n" +
		"none       41,900\n"
	if got := g.over(span{0, 0, "4 KiB"}, span{1, 2, "overwrite"}, span{3, 4, "append"}) + g.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	headless := grid{columns: []column{{left: true}, {}}}
	headless.add("a", "1")
	if got := headless.String(); got != "a  1\n" {
		t.Errorf("a table without heads = %q; want one line", got)
	}
}

func TestBold(t *testing.T) {
	if got := bold(&bytes.Buffer{})("x"); got != "x" {
		t.Errorf("bold on no terminal = %q; want it plain", got)
	}
}
