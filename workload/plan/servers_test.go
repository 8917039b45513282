package plan

import (
	"fmt"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// besideServer is a run of policies 1 and 2 on targets ("": the engine), each with so
// many times the commits/s under policy 2.
func besideServer(targets []string, times ...float64) *result.Result {
	r := &result.Result{Kind: result.KindRun, Complete: true, Environment: result.Environment{Host: "db1"}}
	for k, target := range targets {
		for i, policy := range []string{"1", "2"} {
			tps := 1000.0
			if i > 0 {
				tps *= times[k]
			}
			c := result.Cell{Name: target + policy, Params: result.Params{Target: target, Workload: "update", Load: result.LoadClosed, Policy: policy, Clients: 8, Rows: 10}}
			if target == "" {
				c.Params.FlushMethod, c.Params.GroupDelay = "fdatasync", "off"
			}
			for n := range 5 {
				p := int64(1e6)
				c.Rounds = append(c.Rounds, result.Round{Round: n + 1, DurationS: 1, TPS: tps + float64(n), Commits: int64(tps), LatencyNS: result.Latency{P50: &p, P99: &p, Count: 1000}})
			}
			r.Cells = append(r.Cells, c)
		}
	}
	return r
}

// TestBesideServers: a plan by the engine's cells leaves those of servers out, and says
// how far the engine's ratios lie from theirs; without the engine a server's count.
func TestBesideServers(t *testing.T) {
	for _, c := range []struct {
		targets []string
		times   []float64
		server  string
		points  string // of policies 1 and 2, by target
		limits  string
	}{
		{[]string{"", "mariadb"}, []float64{3, 2}, "", "[ ]", "its ratios between settings lie 50 % from those of mariadb (median of 1)."},
		{[]string{"mariadb", ""}, []float64{2, 2}, "", "[ ]", "lie 0 % from those of mariadb (median of 1)."},
		{[]string{"postgres", "mariadb"}, []float64{2, 2}, "postgres", "[postgres postgres]", "These are figures of postgres"},
		{[]string{""}, []float64{2}, "", "[ ]", "what transfers best is the time that a setting adds."},
	} {
		e, err := FromResults([]*result.Result{besideServer(c.targets, c.times...)})
		if err != nil {
			t.Fatal(err)
		}
		var points []string
		for _, m := range e.Pairs() {
			if len(m.Variants) > 0 {
				t.Errorf("%v: variants %+v; want none", c.targets, m.Variants)
			}
			for _, p := range m.Points {
				points = append(points, p.Params.Target)
			}
		}
		if got := fmt.Sprint(points); got != c.points || e.Disk().Server != c.server {
			t.Errorf("%v: points of %s, server %q; want %s, %q", c.targets, got, e.Disk().Server, c.points, c.server)
		}
		p := Decide(ask(t, "--tps 500"), e, today)
		if limits := strings.Join(p.Limits, " "); !strings.HasSuffix(limits, c.limits) && !strings.Contains(limits, c.limits+",") {
			t.Errorf("%v: limits %q; want %q", c.targets, limits, c.limits)
		}
		if text := strings.Join(append(p.MySQL, p.PostgreSQL...), "\n"); strings.Contains(text, "method  has") {
			t.Errorf("%v: %s", c.targets, text)
		}
	}
}
