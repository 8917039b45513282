package plots

import (
	"bytes"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// besideCells are a server's, and the engine's with the same settings.
func besideCells(policies ...string) *result.Result {
	r := &result.Result{Complete: true}
	for _, target := range []string{"", "mariadb"} {
		for i, policy := range policies {
			c := result.Cell{Name: target + policy, Params: result.Params{Target: target, Workload: "update", Load: result.LoadClosed, Policy: policy, Clients: 8, Rows: 10}}
			for k := range 5 {
				tps := 1000 * float64(i+1)
				if target == "" && i > 0 {
					tps *= 1.5
				}
				c.Rounds = append(c.Rounds, result.Round{Round: k + 1, DurationS: 1, TPS: tps, Commits: int64(tps)})
			}
			r.Cells = append(r.Cells, c)
		}
	}
	return r
}

func pictureNamed(t *testing.T, r *result.Result, name string) *Plot {
	t.Helper()
	for _, p := range All(r) {
		if p.Name == name {
			return &p
		}
	}
	return nil
}

// Each ratio of a server stands beside the engine's, in the picture and in words.
func TestSideBySidePicture(t *testing.T) {
	p := pictureNamed(t, besideCells("1", "2", "0"), "side-by-side")
	if p == nil || p.Title != "The engine's ratios lie 50 % from the server's (median of 2)" {
		t.Fatalf("picture %+v", p)
	}
	for _, want := range []string{"mariadb 2 : 1, 8 clients 2.0 times, engine 3.0 times", "mariadb 0 : 1, 8 clients 3.0 times, engine 4.5 times"} {
		if !strings.Contains(p.Alt, want) {
			t.Errorf("alt %q; want %q", p.Alt, want)
		}
	}
	var b bytes.Buffer
	if err := p.WriteSVG(&b); err != nil || !strings.Contains(b.String(), "+50 %") {
		t.Errorf("svg: %v, %d bytes; want the error of a ratio in it", err, b.Len())
	}
	if p := pictureNamed(t, besideCells("1"), "side-by-side"); p == nil || !strings.Contains(p.Alt, "Nothing to show") {
		t.Errorf("policy 1 alone: %+v; want a placeholder", p)
	}
	if p := pictureNamed(t, bankResult(), "side-by-side"); p != nil {
		t.Errorf("a run without servers has %+v", p)
	}
}
