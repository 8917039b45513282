package serve

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"flushbench/metrics/result"
	"flushbench/plots/report"
)

// showMetrics tells Prometheus what the runs that go on are doing, in its text format
// (https://prometheus.io/docs/instrumenting/exposition_formats). A figure that is not
// measured at the moment is left out, and so is a run that has ended: its result says
// more.
func (s *Server) showMetrics(w http.ResponseWriter, r *http.Request) {
	names, err := s.folder.names()
	if err != nil {
		s.refuse(w, r, http.StatusInternalServerError, "The folder of results cannot be read: "+report.Clean(err.Error()))
		return
	}
	var m exposition
	m.add("flushbench_results", "gauge", "Results in the folder, also those that cannot be read.", nil, float64(len(names)))
	m.add("flushbench_event_streams", "gauge", "Open event streams of live pages.", nil, float64(len(s.streams)))
	for _, name := range names {
		if !s.isLive(name) {
			continue
		}
		if l, err := s.snapshot(name); err == nil {
			m.run(name, &l)
		}
	}
	send(w, r, http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", m.text())
}

// exposition collects metrics. All samples of one name must come together, so they
// are grouped by it, in the order in which the names first came.
type exposition struct {
	families []*family
}

type family struct {
	name, kind, help string
	samples          bytes.Buffer
}

// label is the name and the value of one label.
type label struct{ name, value string }

// add adds a sample.
func (m *exposition) add(name, kind, help string, labels []label, value float64) {
	var f *family
	for _, known := range m.families {
		if known.name == name {
			f = known
		}
	}
	if f == nil {
		f = &family{name: name, kind: kind, help: help}
		m.families = append(m.families, f)
	}
	f.samples.WriteString(name)
	for i, l := range labels {
		f.samples.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		fmt.Fprintf(&f.samples, `%s="%s"`, l.name, labelEscaper.Replace(report.Clean(l.value)))
	}
	if len(labels) > 0 {
		f.samples.WriteByte('}')
	}
	f.samples.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

var labelEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// text is everything that was added.
func (m *exposition) text() []byte {
	var out bytes.Buffer
	for _, f := range m.families {
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		out.Write(f.samples.Bytes())
	}
	return out.Bytes()
}

// run adds a run. The figures of a cell carry its name: those of another cell are
// another series, and none goes back but at a new round.
func (m *exposition) run(name string, l *result.Live) {
	run := label{"run", name}
	gauge := func(metric, help string, value float64, labels ...label) {
		m.add("flushbench_"+metric, "gauge", help, append([]label{run}, labels...), value)
	}
	gauge("run_info", "What the run is, and what it is doing.", 1, label{"kind", l.Kind}, label{"phase", l.Phase}, label{"cell", l.Cell}, label{"policy", policyOf(l)})
	gauge("run_start_time_seconds", "When the run was started, in seconds since 1970.", float64(l.Started.UnixMilli())/1e3)
	gauge("run_steps", "Steps of the run.", float64(l.Steps))
	gauge("run_step", "Step that the run is at, from 1.", float64(l.Step))
	gauge("run_done_ratio", "Share of the planned time that has passed.", l.Done)
	gauge("run_left_seconds", "Time to the end, as planned.", float64(l.LeftNS)/1e9)
	cell := []label{{"cell", l.Cell}, {"policy", policyOf(l)}, {"round", strconv.Itoa(l.Round)}}
	counter := func(metric, help string, value *int64) {
		if value != nil {
			m.add("flushbench_"+metric, "counter", help, append([]label{run}, cell...), float64(*value))
		}
	}
	if l.Cell != "" {
		counter("cell_commits_total", "Commits acknowledged in the measured interval.", l.Commits)
	}
	counter("cell_flushes_total", "Calls that made something durable, since the step began.", l.Flushes)
	if l.TPSNow != nil {
		gauge("cell_commits_per_second", "Commits acknowledged a second, over about the last one.", *l.TPSNow, cell...)
	}
	if l.FlushPerS != nil {
		gauge("cell_flushes_per_second", "Flushes a second, over about the last one.", *l.FlushPerS, cell...)
	}
	if l.P99NS != nil {
		gauge("cell_commit_latency_p99_seconds", "99th percentile of the commit latency over the interval.", float64(*l.P99NS)/1e9, cell...)
	}
	if l.AtRisk == nil {
		return
	}
	for _, crash := range []struct {
		kind string
		loss result.LiveLoss
	}{{"process", l.AtRisk.Process}, {"os", l.AtRisk.OS}, {"power", l.AtRisk.Power}} {
		of := append([]label{{"crash", crash.kind}}, cell...)
		gauge("at_risk_commits", "Acknowledged commits that a crash of this kind would take now.", float64(crash.loss.Commits), of...)
		gauge("at_risk_bytes", "Bytes of log that a crash of this kind would take now.", float64(crash.loss.Bytes), of...)
		gauge("at_risk_age_seconds", "Time since the oldest of these commits was acknowledged.", float64(crash.loss.AgeNS)/1e9, of...)
	}
}

// policyOf is the policy of the cell that is being measured, "" if there is none.
func policyOf(l *result.Live) string {
	if l.Params == nil {
		return ""
	}
	return report.Clean(l.Params.Policy)
}
