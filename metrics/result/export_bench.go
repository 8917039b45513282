package result

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// WriteBench writes the rounds as Go benchmark lines with key=value names, one
// line a round, so that benchstat reads them. tps/limit is the round's
// throughput divided by the limit loop of the same round, mean/flush and
// p50/flush are latencies divided by that loop's median flush.
func WriteBench(w io.Writer, r *Result) error {
	b := &bytes.Buffer{}
	for _, kv := range benchConfig(r) {
		fmt.Fprintf(b, "%s: %s\n", kv[0], kv[1])
	}
	for _, u := range benchUnits {
		fmt.Fprintf(b, "Unit %s better=%s\n", u.name, u.better)
	}
	names := benchNames(r.Cells)
	for i := range r.Cells {
		c, name := &r.Cells[i], names[i]
		for j := range c.Rounds {
			writeBenchLine(b, name, &c.Rounds[j])
		}
	}
	if r.Probe != nil {
		writeBenchProbe(b, r.Probe)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("result: write %s: %w", BenchFileName, err)
	}
	return nil
}

// benchUnits is the table of units and of the direction that is better.
var benchUnits = []struct{ name, better string }{
	{"commits/s", "higher"},
	{"tps/limit", "higher"},
	{"mean-ns", "lower"},
	{"p50-ns", "lower"},
	{"p99-ns", "lower"},
	{"p999-ns", "lower"},
	{"mean/flush", "lower"},
	{"p50/flush", "lower"},
	{"flushes/commit", "lower"},
	{"commits/flush", "higher"},
	{"cpu-ns/commit", "lower"},
	{"peak-RSS-bytes", "lower"},
	{"writes/s", "higher"},
	{"units/s", "higher"},
}

// benchConfig returns the lines that describe the host, keys in lower case.
func benchConfig(r *Result) [][2]string {
	e := &r.Environment
	all := [][2]string{
		{"goos", e.OS}, {"goarch", e.Arch}, {"pkg", "flushbench"}, {"cpu", e.CPU.Model}, {"cpu-latency", e.CPU.Idle.limitText()},
		{"host", e.Host}, {"kernel", e.Kernel}, {"filesystem", e.Filesystem}, {"mount-options", e.MountOptions},
		{"device", e.Device.Name}, {"device-model", e.Device.Model}, {"device-kind", e.Device.Kind},
		{"write-cache", e.Device.WriteCache}, {"flushbench", r.ToolVersion}, {"kind", r.Kind},
		{"seed", strconv.FormatUint(r.Seed, 10)}, {"complete", strconv.FormatBool(r.Complete)},
	}
	var kept [][2]string
	for _, kv := range all {
		if v := strings.Join(strings.Fields(kv[1]), " "); v != "" {
			kept = append(kept, [2]string{kv[0], v})
		}
	}
	return kept
}

// benchNames names the cells. Those that differ only in what no name shows get
// their own name as one more key, or benchstat would take them for one.
func benchNames(cells []Cell) []string {
	names, count := make([]string, len(cells)), map[string]int{}
	for i := range cells {
		names[i] = benchName(&cells[i])
		count[names[i]]++
	}
	for i := range cells {
		if count[names[i]] > 1 {
			names[i] += "/cell=" + benchValue(cells[i].Name)
		}
	}
	return names
}

// benchName returns the benchmark name of a cell: every axis that a reader may
// want to group by, and every other that makes its figures those of another thing.
// What only one policy has (a style other than the default) or few runs use appears
// where it is set, so that the names of two policies differ in the policy alone and
// benchstat -col /policy lines them up. How long a round lasted is no part of it.
func benchName(c *Cell) string {
	p := &c.Params
	name := "BenchmarkCommit"
	add := func(key, value string) {
		if value != "" {
			name += "/" + key + "=" + benchValue(value)
		}
	}
	if p.Workload != "log" {
		add("workload", p.Workload)
	}
	add("policy", p.Policy)
	if p.SyncBinlog != nil {
		add("sync-binlog", strconv.Itoa(*p.SyncBinlog))
	}
	if p.Policy == "0" && p.Policy0Style != "classic" {
		add("style", p.Policy0Style)
	}
	add("clients", strconv.Itoa(p.Clients))
	add("rate", share(p.Rate))
	if p.Load == LoadPaced && p.Rate == 0 {
		add("load", p.Load)
	}
	add("method", p.FlushMethod)
	add("growth", p.Growth)
	add("group", p.GroupCommit)
	add("delay", p.GroupDelay)
	add("mode", p.ClientMode)
	add("buffer", p.LogBuffer)
	add("record", strconv.FormatInt(p.RecordBytes, 10))
	for _, kv := range otherAxes(p) {
		add(kv[0], kv[1])
	}
	add("section", c.Section)
	return name
}

// otherAxes are those that a matrix seldom varies, "" where one is not set.
func otherAxes(p *Params) [][2]string {
	whole := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	on := func(b bool, value string) string {
		if b {
			return value
		}
		return ""
	}
	return [][2]string{
		{"records", on(p.RecordDistribution != "fixed", p.RecordDistribution)},
		{"arrival", p.Arrival},
		{"limit-ns", whole(p.LatencyLimitNS)},
		{"backlog", whole(int64(p.MaxBacklog))},
		{"think-ns", whole(p.ThinkTimeNS)},
		{"cpu-ns", whole(p.TxnCPUNS)},
		{"flush-ns-added", whole(p.AddedFlushNS)},
		{"interval-ns", whole(p.FlushIntervalNS)},
		{"timer", on(p.NoTimer, "off")},
		{"protocol", p.CommitProtocol},
		{"group-count", whole(int64(p.GroupCount))},
		{"buffer-bytes", whole(p.LogBufferBytes)},
		{"log-bytes", whole(p.LogCapacityBytes)},
		{"log-files", whole(int64(p.LogFiles))},
		{"tail", p.Tail},
		{"rows", whole(p.Rows)},
		{"row-bytes", whole(p.RowBytes)},
		{"keys", p.KeyDistribution},
		{"txn-rows", whole(int64(p.RowsPerTxn))},
		{"reads", share(p.ReadShare)},
		{"rollbacks", share(p.RollbackShare)},
		{"isolation", p.Isolation},
		{"durability", p.Durability},
		{"pool-bytes", whole(p.BufferPoolBytes)},
		{"doublewrite", on(p.NoDoublewrite, "off")},
		{"binlog-format", p.BinlogFormat},
		{"binlog-image", p.BinlogRowImage},
		{"binlog-method", p.BinlogMethod},
		{"binlog-growth", p.BinlogGrowth},
		{"binlog-overlap", on(p.BinlogOverlap, "on")},
		{"view", p.LongView},
		{"background", p.BackgroundIO},
		{"target", p.Target},
		{"log-buffering", p.ServerLogBuffering},
		{"log-overwritten", on(p.ServerLogOverwritten, "on")},
		{"measure", on(p.MeasureOff, "off")},
	}
}

// share shows a number that 0 stands for none of.
func share(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// benchValue makes s safe inside a benchmark name.
func benchValue(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, s)
}

func writeBenchLine(b *bytes.Buffer, name string, r *Round) {
	if r.Commits == 0 {
		return // a benchmark line needs an iteration
	}
	fmt.Fprintf(b, "%s %d", name, r.Commits)
	value := func(v float64, unit string) {
		fmt.Fprintf(b, " %s %s", strconv.FormatFloat(v, 'g', -1, 64), unit)
	}
	percentile := func(ns *int64, unit string) {
		if ns != nil {
			value(float64(*ns), unit)
		}
	}
	commits := float64(r.Commits)
	value(r.DurationS*1e9/commits, "ns/op")
	value(r.TPS, "commits/s")
	if r.Limit.FlushPerS > 0 {
		value(r.TPS/r.Limit.FlushPerS, "tps/limit")
	}
	value(float64(r.LatencyNS.Mean), "mean-ns")
	percentile(r.LatencyNS.P50, "p50-ns")
	percentile(r.LatencyNS.P99, "p99-ns")
	percentile(r.LatencyNS.P999, "p999-ns")
	if p := r.Limit.FlushNSP50; p != nil && *p > 0 {
		value(float64(r.LatencyNS.Mean)/float64(*p), "mean/flush")
		if m := r.LatencyNS.P50; m != nil {
			value(float64(*m)/float64(*p), "p50/flush")
		}
	}
	value(float64(r.Flushes.Syscalls)/commits, "flushes/commit")
	if r.GroupSizeMean > 0 {
		value(r.GroupSizeMean, "commits/flush")
	}
	value(r.CPUNSPerCommit, "cpu-ns/commit")
	if r.Memory != nil {
		value(float64(r.Memory.ResidentMax), "peak-RSS-bytes") // Go's own name for it
	}
	fmt.Fprintln(b)
}

// writeBenchProbe writes a line for each round of a row. The percentiles are
// those of all rounds and stand in the first line alone.
func writeBenchProbe(b *bytes.Buffer, p *Probe) {
	for i := range p.Rows {
		r := &p.Rows[i]
		name := fmt.Sprintf("BenchmarkProbe/method=%s/op=%s/size=%d", benchValue(r.Method), benchValue(r.Op), r.SizeBytes)
		benchProbeRow{name, r.Count, r.MeanNS, r.RatePerS, r.Rates, 1, "writes/s", r.P50NS, r.P99NS}.write(b)
	}
	for i := range p.Pages {
		r := &p.Pages[i]
		name := fmt.Sprintf("BenchmarkPages/pattern=%s/method=%s/unit=%d", benchValue(r.Pattern), benchValue(r.Method), r.UnitBytes)
		benchProbeRow{name, r.Count, r.MeanNS, r.UnitsPerS, r.TurnRates, r.UnitsPerTurn, "units/s", r.P50NS, r.P99NS}.write(b)
	}
}

// benchProbeRow is a row of a probe on its way to bench.txt.
type benchProbeRow struct {
	name     string
	count    int64 // turns
	meanNS   int64 // of a turn
	rate     float64
	turns    []float64 // a second, by round; empty: only the sum is known
	perTurn  int
	unit     string
	p50, p99 *int64
}

func (r benchProbeRow) write(b *bytes.Buffer) {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	if r.count == 0 {
		return // a benchmark line needs an iteration
	}
	lines := []string{fmt.Sprintf("%d %d ns/op %s %s", r.count, r.meanNS, number(r.rate), r.unit)}
	if n := int64(len(r.turns)); n > 0 {
		lines = nil
		for _, turns := range r.turns {
			lines = append(lines, fmt.Sprintf("%d %s ns/op %s %s", max(r.count/n, 1), number(1e9/turns), number(turns*float64(r.perTurn)), r.unit))
		}
	}
	if r.p50 != nil {
		lines[0] += fmt.Sprintf(" %d p50-ns", *r.p50)
	}
	if r.p99 != nil {
		lines[0] += fmt.Sprintf(" %d p99-ns", *r.p99)
	}
	for _, line := range lines {
		fmt.Fprintf(b, "%s %s\n", r.name, line)
	}
}
