package testenv

import (
	"flag"
	"runtime/debug"
	"strconv"
	"testing"
)

// TestWaiting: more parallel tests at a time, but for who has asked for a number.
func TestWaiting(t *testing.T) {
	f := flag.Lookup("test.parallel")
	before := f.Value.String()
	t.Cleanup(func() {
		if err := f.Value.Set(before); err != nil {
			t.Error(err)
		}
	})
	asked := false
	flag.Visit(func(x *flag.Flag) { asked = asked || x.Name == f.Name })
	Waiting()
	n, err := strconv.Atoi(f.Value.String())
	if err != nil || asked && f.Value.String() != before || !asked && n < atATime {
		t.Errorf("%q parallel tests, %v; they were %s, asked for: %v", f.Value, err, before, asked)
	}
	// From now on the flag was set, as go test -parallel 1 sets it.
	if err := flag.Set(f.Name, "1"); err != nil {
		t.Fatal(err)
	}
	if Waiting(); f.Value.String() != "1" {
		t.Errorf("%s parallel tests; 1 was asked for", f.Value)
	}
}

// TestFewCollections: the heap grows further, but for who has asked for a limit.
func TestFewCollections(t *testing.T) {
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	for gogc, want := range map[string]int{"50": 100, "": 400} {
		t.Setenv("GOGC", gogc)
		debug.SetGCPercent(100)
		if FewCollections(); debug.SetGCPercent(100) != want {
			t.Errorf("GOGC=%q: the heap does not grow by %d %%", gogc, want)
		}
	}
}
