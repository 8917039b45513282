package workload

import (
	"strings"
	"testing"
)

func TestArrivalText(t *testing.T) {
	for in, want := range map[string]string{
		"constant": "constant", " Poisson ": "poisson", "bursty": "bursty:burst=50,peak=10", "BURSTY:PEAK=4": "bursty:burst=50,peak=4",
		"bursty:burst=7.5, peak=1.5": "bursty:burst=7.5,peak=1.5", "exponential": "poisson", "bursty:burst=1000000,peak=10000": "bursty:burst=1000000,peak=10000",
	} {
		var a, back Arrival
		if err := a.UnmarshalText([]byte(in)); err != nil || a.String() != want {
			t.Errorf("%q = %v (%v), want %s", in, a, err, want)
			continue
		}
		if text, err := a.MarshalText(); err != nil || back.UnmarshalText(text) != nil || back != a {
			t.Errorf("%q does not read back from %q", in, text)
		}
	}
}

func TestArrivalTextRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"posson": `did you mean "poisson"`, "constnat": `did you mean "constant"`, "burst": `did you mean "bursty"`,
		"xyzzy": `arrival "xyzzy": legal are constant, poisson, bursty`, "": "legal are constant",
		"poisson:3": "poisson has no parameters", "constant:": "constant has no parameters",
		"bursty:": "legal are burst=N", "bursty:burst": "legal are burst=N", "bursty:burst=0": "legal are burst=N", "bursty:on=3": "legal are burst=N",
		"bursty:burst=2,burst=3": "each once", "bursty:burst=nan": "legal are", "bursty:peak=inf": "legal are", "bursty:burst=-1": "burst must be 1 to 1000000",
		"bursty:peak=1": "peak must be 1.1 to 10000 times the rate", "bursty:burst=1e9": "burst must be",
	} {
		a := Arrival{Shape: ArrivePoisson}
		err := a.UnmarshalText([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || a.Shape != ArrivePoisson {
			t.Errorf("%q: %v, %v; want an error with %q", in, a, err, want)
		}
	}
}

func FuzzArrival(f *testing.F) {
	for _, s := range []string{"constant", "poisson", "bursty", "bursty:burst=50,peak=10", "bursty:peak=2", "bursty:burst=1e-3", ":", "bursty:=,="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var a, back Arrival
		if err := a.UnmarshalText([]byte(in)); err != nil {
			if a != (Arrival{}) {
				t.Fatalf("%q: changed to %v by an error", in, a)
			}
			return
		}
		text, err := a.MarshalText()
		if err != nil || back.UnmarshalText(text) != nil || back != a {
			t.Fatalf("%q = %v, which does not read back from %q (%v)", in, a, text, err)
		}
		if _, err := a.Schedule(1000, 1); err != nil {
			t.Fatalf("%q: %v", in, err)
		}
	})
}

func TestModes(t *testing.T) {
	for _, m := range Modes.All() {
		text, err := m.MarshalText()
		var back Mode
		if err != nil || back.UnmarshalText(text) != nil || back != m {
			t.Errorf("%v does not read back from %q", m, text)
		}
	}
	if OpAppend.String() != "append" || OpKind(0).String() == "append" {
		t.Error("operations have wrong names")
	}
}
