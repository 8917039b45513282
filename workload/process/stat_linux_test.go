package process

import (
	"os"
	"testing"
)

func TestParseStat(t *testing.T) {
	const tail = " -1 4194560 1 0 0 0 7 5 0 0 20 0 1 0 4711 8 9 18446744073709551615\n"
	got, err := parseStat("12 (a (odd) S 1 name) D 3 4 5 0" + tail)
	if want := (stat{ID: ID{PID: 12, Start: 4711}, parent: 3, state: 'D', ticks: 12}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, text := range []string{"", "12", "12 (x)", "12 (x) S 1 2", "x (y) S 3 4 5 0" + tail} {
		if got, err := parseStat(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(own))
	f.Add("1 () R")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := parseStat(text); err == nil && s.state == 0 {
			t.Errorf("%q has no state", text)
		}
	})
}
