package verdict

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
)

func TestSoakSentences(t *testing.T) {
	p99 := 41e6
	for _, c := range []struct {
		soak result.Soak
		want string
	}{
		{result.Soak{ActiveNS: 9e9}, "It was under load for 9 s: too short to tell whether it is steady."},
		{result.Soak{ActiveNS: 7200e9, Enough: true, Steady: true}, "It was steady for 2.0 h under load."},
		{result.Soak{ActiveNS: 3600e9, Enough: true, Changes: []result.SoakChange{
			{AtNS: 1490e9, Figure: result.SoakMean, Before: 1.1e6, After: 8.8e6, TPSBefore: 2600, TPSAfter: 1900, P99After: &p99},
		}}, "It changed after 25 min: the mean latency takes 8.8 ms instead of 1.1 (8 times as long). Commits/s went from 2,600 to 1,900. " +
			"What remains: 1,900 commits/s, p99 41 ms; 60 min under load in all."},
		{result.Soak{ActiveNS: 60e9, Enough: true, Changes: []result.SoakChange{
			{AtNS: 20e9, Figure: result.SoakTPS, Before: 1000, After: 400, TPSBefore: 1000, TPSAfter: 400},
			{AtNS: 40e9, Figure: result.SoakFlush, Before: 4e6, After: 1e6, TPSBefore: 400, TPSAfter: 410},
		}}, "It changed after 20 s: 400 commits/s instead of 1,000. It changed after 40 s: a flush takes 1.0 ms instead of 4.0. " +
			"What remains: 410 commits/s; 60 s under load in all."},
	} {
		if got := strings.Join(SoakSentences("It", &c.soak), " "); got != c.want {
			t.Errorf("SoakSentences = %q; want %q", got, c.want)
		}
	}
	if got := SoakBlock(&result.Result{Cells: []result.Cell{{Name: "a"}}}, Width); got != nil {
		t.Errorf("SoakBlock without a soak = %q", got)
	}
	two := &result.Result{Cells: []result.Cell{{Name: "a", Soak: &result.Soak{}}, {Name: "b", Soak: &result.Soak{}}}}
	if got := strings.Join(SoakBlock(two, Width), "\n"); !strings.HasPrefix(got, "SOAK    a was") || !strings.Contains(got, "b was") {
		t.Errorf("SoakBlock of two = %q", got)
	}
}

// TestSoakIsFound: whether it stayed so is what a page of a soak begins with.
func TestSoakIsFound(t *testing.T) {
	r := &result.Result{Kind: result.KindRun, Complete: true, Cells: []result.Cell{{Name: "a", Soak: &result.Soak{ActiveNS: 45 * second, Values: 120, Enough: true, Steady: true}}}}
	if got := Headline(r); got != "It was steady for 45 s under load." {
		t.Errorf("Headline() = %q; want that it was steady", got)
	}
}
