package serve

import (
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"

	"flushbench/metrics/result"
)

// metric is one sample as Prometheus reads it.
type metric struct {
	labels map[string]string
	value  float64
}

// parseMetrics reads the text with Prometheus' own parser, by name.
func parseMetrics(t testing.TB, text string) map[string][]metric {
	t.Helper()
	var p expfmt.TextParser
	families, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("Prometheus cannot read it: %v\n%s", err, text)
	}
	out := map[string][]metric{}
	for name, f := range families {
		kind := f.GetType().String()
		if counter := strings.HasSuffix(name, "_total"); counter != (kind == "COUNTER") {
			t.Errorf("%s is a %s", name, kind)
		}
		if f.GetHelp() == "" || !strings.HasPrefix(name, "flushbench_") {
			t.Errorf("%s has help %q", name, f.GetHelp())
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			out[name] = append(out[name], metric{labels, m.GetGauge().GetValue() + m.GetCounter().GetValue()})
		}
	}
	return out
}

func TestMetrics(t *testing.T) {
	dir := t.TempDir()
	quoted := `B "{x="y"} 1`
	for _, name := range []string{"A", quoted, "C"} {
		save(t, dir, name, nil)
	}
	s, run := newServer(t, dir), newRun()
	w := get(s, "/metrics")
	if kind := w.Header().Get("Content-Type"); w.Code != 200 || kind != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("metrics: %d as %s", w.Code, kind)
	}
	if m := parseMetrics(t, w.Body.String()); len(m) != 2 || m["flushbench_results"][0].value != 3 {
		t.Errorf("without a run: %v", m)
	}
	defer s.Attach("A", run.snapshot)()
	idle := newRun()
	idle.change(func(l *result.Live) {
		l.Cell, l.Params, l.Commits, l.TPSNow, l.P99NS, l.FlushPerS, l.AtRisk, l.Flushes = "", nil, nil, nil, nil, nil, nil, nil
	})
	defer s.Attach(quoted, idle.snapshot)()
	m := parseMetrics(t, get(s, "/metrics").Body.String())
	for name, want := range map[string]float64{
		"flushbench_cell_commits_total": 4050, "flushbench_cell_flushes_total": 4050, "flushbench_cell_commits_per_second": 1350, "flushbench_cell_flushes_per_second": 1417,
		"flushbench_cell_commit_latency_p99_seconds": 0.0019,
	} {
		if got := m[name]; len(got) != 1 || got[0].value != want || got[0].labels["cell"] != "risk,policy=2" || got[0].labels["policy"] != "2" || got[0].labels["run"] != "A" {
			t.Errorf("%s = %v; want %v of A alone", name, got, want)
		}
	}
	for name, want := range map[string]float64{
		"flushbench_run_info": 1, "flushbench_run_step": 3, "flushbench_run_steps": 24, "flushbench_run_left_seconds": 80, "flushbench_run_done_ratio": 0.125, "flushbench_run_start_time_seconds": 1_795_252_440,
	} {
		got := m[name]
		if len(got) != 2 || got[0].value != want || got[1].value != want {
			t.Errorf("%s = %v; want %v of both", name, got, want)
			continue
		}
		if runs := got[0].labels["run"] + got[1].labels["run"]; runs != "A"+quoted && runs != quoted+"A" {
			t.Errorf("%s of %q", name, runs)
		}
	}
	for name, want := range map[string]map[string]float64{
		"flushbench_at_risk_commits": {"process": 0, "os": 2623, "power": 2623}, "flushbench_at_risk_bytes": {"process": 0, "os": 671_488, "power": 671_488},
		"flushbench_at_risk_age_seconds": {"process": 0, "os": 1.01, "power": 1.01},
	} {
		if len(m[name]) != 3 {
			t.Errorf("%s = %v", name, m[name])
		}
		for _, got := range m[name] {
			if got.value != want[got.labels["crash"]] {
				t.Errorf("%s of %s = %v; want %v", name, got.labels["crash"], got.value, want)
			}
		}
	}
}
