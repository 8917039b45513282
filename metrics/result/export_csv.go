package result

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// cellColumn is one column of cells.csv.
type cellColumn struct {
	name  string
	value func(*Cell, *Round) string
}

// cellColumns is the one table of cells.csv: one row a round, one unit a
// column, an empty field where a figure was not measured.
var cellColumns = []cellColumn{
	{"cell", func(c *Cell, _ *Round) string { return c.Name }},
	{"section", func(c *Cell, _ *Round) string { return c.Section }},
	{"policy", func(c *Cell, _ *Round) string { return c.Params.Policy }},
	{"sync_binlog", func(c *Cell, _ *Round) string {
		if c.Params.SyncBinlog == nil {
			return ""
		}
		return strconv.Itoa(*c.Params.SyncBinlog)
	}},
	{"clients", func(c *Cell, _ *Round) string { return strconv.Itoa(c.Params.Clients) }},
	{"rate", func(c *Cell, _ *Round) string { return float(c.Params.Rate) }},
	{"flush_method", func(c *Cell, _ *Round) string { return c.Params.FlushMethod }},
	{"growth", func(c *Cell, _ *Round) string { return c.Params.Growth }},
	{"group_commit", func(c *Cell, _ *Round) string { return c.Params.GroupCommit }},
	{"group_delay", func(c *Cell, _ *Round) string { return c.Params.GroupDelay }},
	{"log_buffer", func(c *Cell, _ *Round) string { return c.Params.LogBuffer }},
	{"record_bytes", func(c *Cell, _ *Round) string { return integer(c.Params.RecordBytes) }},
	{"long_view", func(c *Cell, _ *Round) string { return c.Params.LongView }},
	{"background_io", func(c *Cell, _ *Round) string { return c.Params.BackgroundIO }},
	{"bound", func(c *Cell, _ *Round) string { return c.Bound }},
	{"round", func(_ *Cell, r *Round) string { return strconv.Itoa(r.Round) }},
	{"partial", func(_ *Cell, r *Round) string { return strconv.FormatBool(r.Partial) }},
	{"duration_s", func(_ *Cell, r *Round) string { return float(r.DurationS) }},
	{"commits", func(_ *Cell, r *Round) string { return integer(r.Commits) }},
	{"tps", func(_ *Cell, r *Round) string { return float(r.TPS) }},
	{"limit_flush_per_s", func(_ *Cell, r *Round) string { return float(r.Limit.FlushPerS) }},
	{"latency_mean_ns", func(_ *Cell, r *Round) string { return integer(r.LatencyNS.Mean) }},
	{"latency_p50_ns", func(_ *Cell, r *Round) string { return optional(r.LatencyNS.P50) }},
	{"latency_p90_ns", func(_ *Cell, r *Round) string { return optional(r.LatencyNS.P90) }},
	{"latency_p99_ns", func(_ *Cell, r *Round) string { return optional(r.LatencyNS.P99) }},
	{"latency_p999_ns", func(_ *Cell, r *Round) string { return optional(r.LatencyNS.P999) }},
	{"latency_max_ns", func(_ *Cell, r *Round) string { return integer(r.LatencyNS.Max) }},
	{"flush_syscalls", func(_ *Cell, r *Round) string { return integer(r.Flushes.Syscalls) }},
	{"flush_device", func(_ *Cell, r *Round) string { return optional(r.Flushes.Device) }},
	{"group_size_mean", func(_ *Cell, r *Round) string { return float(r.GroupSizeMean) }},
	{"cpu_ns_per_commit", func(_ *Cell, r *Round) string { return float(r.CPUNSPerCommit) }},
	{"history_length_max", database(func(d *Database) string { return integer(d.HistoryLengthMax) })},
	{"catch_up_ns", database(viewed(func(v *LongView) int64 { return v.CatchUpNS }))},
	{"history_left", database(viewed(func(v *LongView) int64 { return v.Left }))},
	{"process_commits_max", risk(func(a *AtRisk) int64 { return a.Process.CommitsMax })},
	{"process_age_ns_max", risk(func(a *AtRisk) int64 { return a.Process.AgeNSMax })},
	{"process_lost_max", class(func(a *AtRisk) int64 { return a.Process.LostMax })},
	{"process_engine_ahead_max", class(func(a *AtRisk) int64 { return a.Process.EngineAheadMax })},
	{"process_binlog_ahead_max", class(func(a *AtRisk) int64 { return a.Process.BinlogAheadMax })},
	{"os_commits_max", risk(func(a *AtRisk) int64 { return a.OS.CommitsMax })},
	{"os_age_ns_max", risk(func(a *AtRisk) int64 { return a.OS.AgeNSMax })},
	{"os_lost_max", class(func(a *AtRisk) int64 { return a.OS.LostMax })},
	{"os_engine_ahead_max", class(func(a *AtRisk) int64 { return a.OS.EngineAheadMax })},
	{"os_binlog_ahead_max", class(func(a *AtRisk) int64 { return a.OS.BinlogAheadMax })},
	{"power_commits_max", risk(func(a *AtRisk) int64 { return a.Power.CommitsMax })},
	{"power_age_ns_max", risk(func(a *AtRisk) int64 { return a.Power.AgeNSMax })},
	{"power_lost_max", class(func(a *AtRisk) int64 { return a.Power.LostMax })},
	{"power_engine_ahead_max", class(func(a *AtRisk) int64 { return a.Power.EngineAheadMax })},
	{"power_binlog_ahead_max", class(func(a *AtRisk) int64 { return a.Power.BinlogAheadMax })},
	{"target", func(c *Cell, _ *Round) string { return c.Params.Target }},
	{"server_log_buffering", func(c *Cell, _ *Round) string { return c.Params.ServerLogBuffering }},
	{"server_cpu_ns_per_commit", func(_ *Cell, r *Round) string {
		if r.Server == nil || r.Server.CPUNSPerCommit == nil {
			return ""
		}
		return float(*r.Server.CPUNSPerCommit)
	}},
	{"resident_begin", resident(func(m *Memory) int64 { return m.ResidentBegin })},
	{"resident_end", resident(func(m *Memory) int64 { return m.ResidentEnd })},
	{"resident_max", resident(func(m *Memory) int64 { return m.ResidentMax })},
}

func resident(of func(*Memory) int64) func(*Cell, *Round) string {
	return func(_ *Cell, r *Round) string {
		if r.Memory == nil {
			return ""
		}
		return integer(of(r.Memory))
	}
}

func risk(of func(*AtRisk) int64) func(*Cell, *Round) string {
	return func(_ *Cell, r *Round) string {
		if r.AtRisk == nil {
			return ""
		}
		return integer(of(r.AtRisk))
	}
}

// class is risk for the classes of two logs: empty with one.
func class(of func(*AtRisk) int64) func(*Cell, *Round) string {
	figure := risk(of)
	return func(c *Cell, r *Round) string {
		if c.Params.SyncBinlog == nil {
			return ""
		}
		return figure(c, r)
	}
}

func database(of func(*Database) string) func(*Cell, *Round) string {
	return func(_ *Cell, r *Round) string {
		if r.Database == nil {
			return ""
		}
		return of(r.Database)
	}
}

func viewed(of func(*LongView) int64) func(*Database) string {
	return func(d *Database) string {
		if d.LongView == nil {
			return ""
		}
		return integer(of(d.LongView))
	}
}

func integer(n int64) string { return strconv.FormatInt(n, 10) }

func float(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func optional(n *int64) string {
	if n == nil {
		return ""
	}
	return integer(*n)
}

// WriteCellsCSV writes one row a round. A probe is written as its own rows, a
// crash matrix as one row a trial, a trace as one row a step, lessons as one row a
// figure, a merge as one row a host of each pool.
func WriteCellsCSV(w io.Writer, r *Result) error {
	if r.Probe != nil {
		return writeProbeCSV(w, r.Probe)
	}
	switch r.Kind {
	case KindCrash:
		return writeTrialsCSV(w, r.CrashTrials)
	case KindTrace:
		return writeTraceCSV(w, traceSteps(r))
	case KindLesson:
		return writeLessonsCSV(w, r.Lessons)
	case KindMerge:
		return writePoolsCSV(w, pools(r))
	}
	rows := [][]string{nil}
	for _, col := range cellColumns {
		rows[0] = append(rows[0], col.name)
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		for j := range c.Rounds {
			row := make([]string, len(cellColumns))
			for k, col := range cellColumns {
				row[k] = col.value(c, &c.Rounds[j])
			}
			rows = append(rows, row)
		}
	}
	return writeCSV(w, rows)
}

// writeProbeCSV writes a line for each row; of page writes each line is a turn's,
// the doublewrite's copies not counted in its size.
func writeProbeCSV(w io.Writer, p *Probe) error {
	rows := [][]string{{"method", "op", "size_bytes", "direct", "durable", "rate_per_s", "mean_ns", "p50_ns", "p99_ns", "max_ns", "count"}}
	for _, r := range p.Rows {
		rows = append(rows, []string{
			r.Method, r.Op, integer(r.SizeBytes), strconv.FormatBool(r.Direct), strconv.FormatBool(r.Durable),
			float(r.RatePerS), integer(r.MeanNS), optional(r.P50NS), optional(r.P99NS), integer(r.MaxNS), integer(r.Count),
		})
	}
	for _, r := range p.Pages {
		turns := 0.0
		if r.UnitsPerTurn > 0 {
			turns = r.UnitsPerS / float64(r.UnitsPerTurn)
		}
		rows = append(rows, []string{
			r.Method, r.Pattern, integer(r.UnitBytes * int64(r.UnitsPerTurn)), "", "true",
			float(turns), integer(r.MeanNS), optional(r.P50NS), optional(r.P99NS), integer(r.MaxNS), integer(r.Count),
		})
	}
	return writeCSV(w, rows)
}

// WriteSeriesCSV writes the series of every round in long form: one row a
// point. The rows of the throughput series, of the sawtooth and of the memory share
// the columns cell, round and t_ns: the begin of a bucket, or when it was looked.
func WriteSeriesCSV(w io.Writer, r *Result) error {
	rows := [][]string{{"cell", "round", "t_ns", "commits", "latency_mean_ns", "latency_max_ns",
		"at_risk_process", "at_risk_os", "at_risk_power", "resident"}}
	for i := range r.Cells {
		c := &r.Cells[i]
		for j := range c.Rounds {
			round := &c.Rounds[j]
			no := strconv.Itoa(round.Round)
			if s := round.Series; s != nil {
				for k := range s.Commits {
					rows = append(rows, []string{c.Name, no, integer(int64(k) * s.IntervalNS), integer(s.Commits[k]),
						integer(s.LatencyMeanNS[k]), integer(s.LatencyMaxNS[k]), "", "", "", ""})
				}
			}
			if s := round.AtRiskSeries; s != nil {
				for k := range s.TNS {
					rows = append(rows, []string{c.Name, no, integer(s.TNS[k]), "", "", "",
						integer(s.Process[k]), integer(s.OS[k]), integer(s.Power[k]), ""})
				}
			}
			if m := round.Memory; m != nil && len(m.Resident) > 0 {
				for at, bytes := range m.Readings(int64(round.DurationS * 1e9)) {
					rows = append(rows, []string{c.Name, no, integer(at), "", "", "", "", "", "", integer(bytes)})
				}
			}
		}
	}
	return writeCSV(w, rows)
}

func writeCSV(w io.Writer, rows [][]string) error {
	c := csv.NewWriter(w)
	if err := c.WriteAll(rows); err != nil {
		return fmt.Errorf("result: write csv: %w", err)
	}
	return nil
}
