package verdict

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// even is five rounds that are as good as equal, so that the noise alone decides.
func even(v float64) []float64 { return []float64{v, v * 1.0001, v * 0.9999, v * 1.0002, v * 0.9998} }

// TestAtTheEdgeOfTheNoise holds every sentence that compares against a difference just
// inside of the noise, of which nothing may be claimed, and against one just outside.
func TestAtTheEdgeOfTheNoise(t *testing.T) {
	const spread = 0.10
	closed := func(c result.Cell) result.Cell { c.Params.Rows = 10; return c }
	long := func(c result.Cell, ns float64) result.Cell {
		for i := range c.Rounds {
			c.Rounds[i].LatencyNS.P99 = ptr(int64(ns))
			c.Rounds[i].LatencyNS.P99 = ptr(*c.Rounds[i].LatencyNS.P99 + int64(i))
		}
		return c
	}
	paced := func(ns map[string]float64) []result.Cell {
		s := usual()
		s.ns, s.jitter = ns, 0.0001
		return s.result().Cells
	}
	server := func(target, policy string, tps float64) result.Cell {
		c := besideCell(target, policy, 1, 8, tps, ms)
		for i := range c.Rounds {
			c.Rounds[i].TPS = even(tps)[i]
		}
		return c
	}
	for name, c := range map[string]struct {
		claims string // a regular expression of what is claimed
		cells  func(ratio float64) []result.Cell
	}{
		"policy 1 costs": {`Keep policy 1 if you can spend`, func(q float64) []result.Cell { return paced(map[string]float64{"1": ms, "2": ms * (2 - q)}) }},
		"policy 0 saves more": {`Policy 0 saves [0-9]`, func(q float64) []result.Cell {
			return paced(map[string]float64{"1": 9 * ms, "2": ms, "0": ms * (2 - q)})
		}},
		"policy 0 takes longer": {`Policy 0 takes [0-9]`, func(q float64) []result.Cell {
			return paced(map[string]float64{"1": 9 * ms, "2": ms, "0": ms * q})
		}},
		"a pair carries more": {`2/0 carried [0-9.]+ times as many\.`, func(q float64) []result.Cell {
			return []result.Cell{pairCell("1", 1, 8, result.LoadClosed, even(1000)...), pairCell("2", 0, 8, result.LoadClosed, even(1000*q)...)}
		}},
		"a pair carries less": {`2/0 carried [0-9.]+ times as many\.`, func(q float64) []result.Cell {
			return []result.Cell{pairCell("1", 1, 8, result.LoadClosed, even(1000)...), pairCell("2", 0, 8, result.LoadClosed, even(1000*(2-q))...)}
		}},
		"beside a view": {`as without\.`, func(q float64) []result.Cell {
			return []result.Cell{viewCell("1", "1s", 8, 7, even(1000*(2-q))...), viewCell("1", "", 8, 7, even(1000)...)}
		}},
		"beside I/O": {`as without\.`, func(q float64) []result.Cell {
			with := pairCell("1", 1, 8, result.LoadClosed, even(1000*(2-q))...)
			with.Params.BackgroundIO = "read=1MiB/s"
			return []result.Cell{with, pairCell("1", 1, 8, result.LoadClosed, even(1000)...)}
		}},
		"p99 beside I/O": {`ms without\.`, func(q float64) []result.Cell {
			with := long(pairCell("1", 1, 8, result.LoadPaced, even(1000)...), 5*ms*q)
			with.Params.BackgroundIO = "read=1MiB/s"
			return []result.Cell{with, long(pairCell("1", 1, 8, result.LoadPaced, even(1000)...), 5*ms)}
		}},
		"a server carries more": {`2/1 [0-9.]+ times as many\.`, func(q float64) []result.Cell {
			return []result.Cell{server("mariadb", "1", 1000), server("mariadb", "2", 1000*q)}
		}},
		"the engine's ratio": {`at 8 clients\.`, func(q float64) []result.Cell {
			return []result.Cell{server("mariadb", "1", 1000), server("mariadb", "2", 2000), server("", "1", 1000), server("", "2", 2000*q)}
		}},
		"a small log": {`commits/s of the`, func(q float64) []result.Cell {
			small, large := circleCell("1", 4, 1000, 0.4, 30), circleCell("1", 64, 1000, 0, 5)
			for i := range small.Rounds {
				small.Rounds[i].TPS, large.Rounds[i].TPS = even(1000 * (2 - q))[i], even(1000)[i]
			}
			return []result.Cell{small, large}
		}},
		"p99 with a small log": {`instead of [0-9.]+[0-9]\. `, func(q float64) []result.Cell {
			return []result.Cell{long(circleCell("1", 4, 1000, 0.4, 30), 5*ms*q), long(circleCell("1", 64, 1000, 0, 5), 5*ms)}
		}},
		"claim 1-slowest": {`1-slowest confirmed`, func(q float64) []result.Cell {
			return []result.Cell{closed(pairCell("1", 1, 8, result.LoadClosed, even(1000)...)), closed(pairCell("2", 1, 8, result.LoadClosed, even(1000*q)...))}
		}},
		"claim log-beats-pages": {`log-beats-pages confirmed`, func(q float64) []result.Cell {
			redo, force := pairCell("1", 1, 8, result.LoadClosed, even(1000*q)...), pairCell("1", 1, 8, result.LoadClosed, even(1000)...)
			redo.Params.Durability, force.Params.Durability = "redo", "force-pages"
			return []result.Cell{redo, force}
		}},
	} {
		said := func(ratio float64, quick bool) string {
			r := &result.Result{Kind: result.KindRun, Complete: true, Limit: &result.LimitSummary{Spread: spread}, Cells: c.cells(ratio)}
			if quick {
				r.Preset = "quick"
			}
			text := Answer(r)
			for _, x := range Claims(r) {
				text = append(text, fmt.Sprintf("%s %s", x.Code, x.Outcome))
			}
			return strings.Join(text, "\n")
		}
		claims := regexp.MustCompile(c.claims)
		if text := said(1+0.98*spread, false); claims.MatchString(text) {
			t.Errorf("%s: a difference within the noise is claimed:\n%s", name, text)
		}
		if text := said(1+1.02*spread, false); !claims.MatchString(text) {
			t.Errorf("%s: a difference beyond the noise is not:\n%s", name, text)
		}
		if text := said(3, true); claims.MatchString(text) {
			t.Errorf("%s: a quick look claims something:\n%s", name, text)
		}
	}
}

// TestComparedAtTheEdgeOfTheNoise is the same of two results.
func TestComparedAtTheEdgeOfTheNoise(t *testing.T) {
	run := func(ratio float64, preset string) *result.Result {
		c := pairCell("1", 1, 8, result.LoadClosed, even(1000*ratio)...)
		for i := range c.Rounds {
			c.Rounds[i].Limit.FlushPerS = even(500)[i] * (1 + 0.02*float64(i-2)) // a limit with a spread
		}
		return &result.Result{Kind: result.KindRun, Complete: true, Preset: preset, Cells: []result.Cell{c}, Limit: &result.LimitSummary{Spread: 0.08}}
	}
	said := func(ratio float64, preset string) string {
		d := stats.CompareResults(run(1, preset), run(ratio, preset), false)
		return strings.Join(Compare(&d), "\n")
	}
	claimed := func(text string) bool {
		return slices.ContainsFunc(strings.Split(text, "\n"), differ.MatchString)
	}
	if text := said(1.02, ""); claimed(text) {
		t.Errorf("2 %% more beside a spread of 8 %%: %s", text)
	}
	if text := said(1.5, ""); !claimed(text) {
		t.Errorf("half as much again: %s", text)
	}
	if text := said(1.5, "quick"); claimed(text) {
		t.Errorf("a quick look: %s", text)
	}
}
