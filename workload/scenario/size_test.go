package scenario

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestParseSize(t *testing.T) {
	legal := map[string]Size{
		"0": 0, "1": 1, "512": 512, "4k": 4096, "4K": 4096, "4Ki": 4096, "4KiB": 4096, "4kb": 4096, "4 KiB": 4096, " 4k ": 4096,
		"16M": 16 << 20, "16MiB": 16 << 20, "1G": 1 << 30, "2Gi": 2 << 30, "1T": 1 << 40, "1.5k": 1536, "0.5 MiB": 512 << 10,
		"100b": 100, "007": 7, "9223372036854775807": math.MaxInt64,
	}
	for in, want := range legal {
		if got, err := ParseSize(in); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %v, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "k", "-1", "-4k", "1x", "1kk", "4 k i", "1.5", "1.0001k", "8388608T", "1e3", "0x10", "9223372036854775808", "1,5k", "NaN", "1/s", "--1", "1-2"} {
		if got, err := ParseSize(in); err == nil {
			t.Errorf("ParseSize(%q) = %v; want an error", in, got)
		} else if !strings.Contains(err.Error(), "legal are") || strings.Contains(err.Error(), "\n") {
			t.Errorf("ParseSize(%q): %q; want one line that names what is legal", in, err)
		}
	}
}

func TestSizeString(t *testing.T) {
	for s, want := range map[Size]string{
		0: "0", 1: "1", 1000: "1000", 1023: "1023", 1024: "1KiB", 1536: "1536", 16 << 20: "16MiB", 512 << 20: "512MiB", 1 << 30: "1GiB", 3 << 40: "3TiB", math.MaxInt64: "9223372036854775807",
	} {
		if got := s.String(); got != want {
			t.Errorf("Size(%d).String() = %q; want %q", int64(s), got, want)
		}
	}
}

func TestParseRate(t *testing.T) {
	legal := map[string]Rate{
		"0": 0, "-0": 0, "2600": 2600, "2.6k": 2600, "1M": 1e6, "1m": 1e6, "500/s": 500, "2k/1s": 2000, "auto": RateAuto, "AUTO": RateAuto, "0.5": 0.5, "1e3": 1000,
	}
	for in, want := range legal {
		if got, err := ParseRate(in); err != nil || got != want {
			t.Errorf("ParseRate(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-1", "k", "1x", "nan", "inf", "-inf", "1e12", "1e-9", "1 2", "1/m", "auto,1"} {
		if got, err := ParseRate(in); err == nil {
			t.Errorf("ParseRate(%q) = %v; want an error", in, got)
		}
	}
	if !RateAuto.Paced() || Rate(0).Paced() || !Rate(1).Paced() {
		t.Error("Paced() is wrong: only 0 is a closed loop")
	}
}

func TestJSON(t *testing.T) {
	v := struct {
		S Size
		R List[Rate]
	}{16 << 20, List[Rate]{0, 2600.5, RateAuto}}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), `{"S":16777216,"R":[0,2600.5,"auto"]}`; got != want {
		t.Errorf("json = %s; want %s", got, want)
	}
	back := v
	back.S, back.R = 0, nil
	if err := json.Unmarshal(b, &back); err != nil || back.S != v.S || back.R.String() != v.R.String() {
		t.Errorf("json back = %+v, %v; want %+v", back, err, v)
	}
	if err := json.Unmarshal([]byte(`{"S":"4k","R":["2k"]}`), &back); err != nil || back.S != 4096 || back.R[0] != 2000 {
		t.Errorf("json of text = %+v, %v; want 4096 and 2000", back, err)
	}
	if err := json.Unmarshal([]byte(`{"S":-1}`), &back); err == nil {
		t.Error("json of a negative size was accepted")
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"0", "4k", "1.5GiB", "-1", "9223372036854775807", "8388607T", "0.1T"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ParseSize(in)
		if err != nil {
			return
		}
		if s < 0 {
			t.Fatalf("ParseSize(%q) = %d; want 0 or more", in, int64(s))
		}
		if back, err := ParseSize(s.String()); err != nil || back != s {
			t.Fatalf("ParseSize(%q) = %d, printed %q, read back %d, %v", in, int64(s), s, int64(back), err)
		}
	})
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"0", "2.6k", "1M", "auto", "500/s", "1e9", "0.001", "-0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r, err := ParseRate(in)
		if err != nil {
			return
		}
		if back, err := ParseRate(r.String()); err != nil || back != r {
			t.Fatalf("ParseRate(%q) = %v, read back %v, %v", in, r, back, err)
		}
	})
}
