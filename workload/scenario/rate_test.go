package scenario

import (
	"fmt"
	"strings"
	"testing"

	"flushbench/workload"
)

func TestParseRates(t *testing.T) {
	for in, want := range map[string]string{
		"2600": "2600", "0,1k, 2.5K ,1M": "0,1000,2500,1000000", "auto": "auto", "500/s,0.5": "500,0.5",
		"1k..20k/10":            "1000,3110,5220,7330,9440,11600,13700,15800,17900,20000",
		"1k..20k/2":             "1000,20000",
		"1..1000/4/log":         "1,10,100,1000",
		"100..10k/5/LOG,50k":    "100,316,1000,3160,10000,50000",
		"1.5..2.5/3":            "1.5,2,2.5",
		"0.001..0.003/3":        "0.001,0.002,0.003",
		" 100/s .. 300/s / 3 ":  "100,200,300",
		"1000..1004/5":          "1000,1001,1002,1003,1004", // 3 digits would make them fall together
		"12345..99999/3":        "12345,56200,99999",
		"5,1k..2k/2,7":          "5,1000,2000,7",
		"0.001..10000000/3/log": "0.001,100,10000000",
	} {
		got, err := ParseRates(in)
		if err != nil || List[Rate](got).String() != want {
			t.Errorf("ParseRates(%q) = %v, %v; want %s", in, List[Rate](got), err, want)
		}
	}
}

func TestParseRatesRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"": "an empty value", "1k,,2k": "an empty value", "1k..2k": `ramp "1k..2k": no number of steps: legal is FROM..TO/STEPS`,
		"1k..2k/0": "0 steps: legal is", "1k..2k/1": "1 steps", "1k..2k/-3": "-3 steps", "1k..2k/x": "x steps", "1k..2k/": " steps", "1k..2k/257": "with 2 to 256 steps",
		"2k..1k/5": "does not rise", "1k..1k/5": "does not rise", "0..1k/5": "does not rise", "auto..1k/5": "does not rise", "1k..auto/5": "does not rise",
		"1k..20m/5": "rate \"20m\": legal are", "1k..2k..3k/4": "legal are 0 (closed loop)", "..5/3": "legal are", "1k..2k/log": "no number of steps",
		"1e9": "legal are 0 (closed loop), auto, and 0.001 to 10000000 a second", "20M": "legal are", "-5": "legal are", "nan": "legal are", "1..2/200,3..4/200": "at most 256",
	} {
		if got, err := ParseRates(in); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("ParseRates(%q) = %v, %v; want an error with %q", in, got, err, want)
		}
	}
}

// Whatever is accepted is in range, a ramp rises from end to end, and what is
// printed reads back.
func FuzzRates(f *testing.F) {
	for _, s := range []string{"0", "1k,2k,5k", "1k..20k/10", "1..1M/7/log", "auto", "1..2/3..4", "0.001..0.0011/100", "9999999..1e7/200/log"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		rates, err := ParseRates(in)
		if err != nil {
			return
		}
		if len(rates) == 0 || len(rates) > maxList {
			t.Fatalf("%q: %d rates", in, len(rates))
		}
		back, err := ParseRates(List[Rate](rates).String())
		if err != nil || fmt.Sprint(back) != fmt.Sprint(rates) {
			t.Fatalf("%q = %v, which reads back as %v (%v)", in, rates, back, err)
		}
		for i, r := range rates {
			if !r.Auto() && r != 0 && (r < workload.MinRate || r > workload.MaxRate) {
				t.Fatalf("%q: rate %v", in, r)
			}
			if ramp := strings.Count(in, "..") == 1 && !strings.Contains(in, ","); ramp && i > 0 && r <= rates[i-1] {
				t.Fatalf("%q: %v after %v", in, r, rates[i-1])
			}
		}
	})
}
