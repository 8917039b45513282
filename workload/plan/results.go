package plan

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"flushbench/metrics"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/model"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// saved is the evidence of saved results of one disk.
type saved struct {
	disk      Disk
	pairs     []Measured
	measuredS float64
	pooled    bool // rounds of many hosts stand in one cell
}

// Disk implements Evidence.
func (s *saved) Disk() Disk { return s.disk }

// Pairs implements Evidence.
func (s *saved) Pairs() []Measured { return s.pairs }

// MeasuredS implements Evidence.
func (s *saved) MeasuredS() float64 { return s.measuredS }

// ErrNoCells is returned (wrapped) where the results hold no cell with a commit.
var ErrNoCells = errors.New("no commits were measured: plan needs a run or a sweep")

// ByDisk groups results by host and device, in the order of the first of each.
func ByDisk(results []*result.Result) [][]*result.Result {
	var order []place
	groups := map[place][]*result.Result{}
	for _, r := range results {
		key := placeOf(r)
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], r)
	}
	var out [][]*result.Result
	for _, key := range order {
		out = append(out, groups[key])
	}
	return out
}

// place is what tells disks apart.
type place struct{ host, device, model, mount string }

func placeOf(r *result.Result) place {
	e := &r.Environment
	return place{e.Host, e.Device.Name, e.Device.Model, e.MountPoint}
}

// FromResults is the evidence of results of one disk, of any kinds.
func FromResults(results []*result.Result) (Evidence, error) {
	s, err := fromResults(results, false)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// fromResults is FromResults. Where the rounds of a cell are those of many hosts, its
// percentiles are those of all samples.
func fromResults(results []*result.Result, pooled bool) (*saved, error) {
	s := &saved{pooled: pooled, disk: Disk{Settled: true, Rounds: math.MaxInt, SameDevice: true}}
	var flush, binlog []*metrics.Histogram
	var method string
	for _, r := range results {
		method = mainMethod(r, method)
	}
	s.disk.Server, s.disk.Ratios = mainServer(results), ratioErrors(results)
	for _, r := range results {
		s.describe(r)
		flush = append(flush, histograms(r.Limit)...)
		binlog = append(binlog, histograms(r.BinlogLimit)...)
		for i := range r.Cells {
			s.cell(&r.Cells[i], method, r.Kind == result.KindSweep)
		}
		s.sweep(r.Sweep)
		s.disk.Circles = append(s.disk.Circles, circlesOf(r)...)
	}
	if !slices.ContainsFunc(s.pairs, func(m Measured) bool { return len(m.Points) > 0 }) {
		return nil, fmt.Errorf("plan: %w", ErrNoCells)
	}
	s.disk.Method = method
	s.disk.Flush, s.disk.Binlog = distOf(flush), distOf(binlog)
	s.disk.SameDevice = s.disk.Binlog.Empty()
	if !s.disk.Flush.Empty() {
		s.disk.FlushNSP99 = s.disk.Flush.Quantile(0.99)
	}
	s.pairs = slices.DeleteFunc(s.pairs, func(m Measured) bool { return len(m.Points)+len(m.Variants) == 0 && m.Knee == nil })
	slices.SortStableFunc(s.pairs, func(a, b Measured) int { return b.strictness() - a.strictness() })
	return s, nil
}

// strictness orders pairs: what a commit waits for.
func (m *Measured) strictness() int {
	n := map[string]int{"3": 4000, "1": 3000, "2": 2000, "0": 1000}[m.Pair.Policy]
	if b := m.Pair.SyncBinlog; b != nil && *b > 0 {
		n += 999 / *b
	}
	return n
}

// describe takes over what a result says of the disk.
func (s *saved) describe(r *result.Result) {
	d, e := &s.disk, &r.Environment
	if d.Headline == "" {
		d.Headline = hostinfo.Headline(*e)
		d.Kind, d.Model, d.WriteCache, d.SizeBytes, d.Cores = e.Device.Kind, e.Device.Model, e.Device.WriteCache, e.Device.SizeBytes, e.CPU.Cores
	}
	if r.Kind != result.KindProbe && r.Kind != result.KindCrash {
		d.Partial = d.Partial || !r.Complete
	}
	if r.Limit != nil && r.Limit.FlushPerS.Median > 0 && r.Limit.AddedFlushNS == 0 {
		d.FlushPerS = r.Limit.FlushPerS.Median
		if p := r.Limit.FlushNSP50; p != nil {
			d.FlushNSP50 = p.Median
		}
	}
	for _, w := range slices.Concat(e.Warnings, r.Warnings) {
		if text := verdict.WarningText(w); !slices.Contains(d.Warnings, text) {
			d.Warnings = append(d.Warnings, text)
		}
	}
	if r.Probe == nil {
		return
	}
	for _, row := range r.Probe.Rows {
		if row.SizeBytes == 4096 {
			d.Methods = append(d.Methods, MethodSpeed{row.Method, row.Op, float64(row.MeanNS), row.Durable})
		}
	}
}

// mainMethod is the flush method of the results' cells: the first one seen.
func mainMethod(r *result.Result, was string) string {
	for i := range r.Cells {
		if was == "" && len(r.Cells[i].Rounds) > 0 {
			was = r.Cells[i].Params.FlushMethod
		}
	}
	return was
}

// mainServer is the real server whose cells count: the first one where none ran on the
// engine, else "".
func mainServer(results []*result.Result) (server string) {
	for _, r := range results {
		for i := range r.Cells {
			c := &r.Cells[i]
			if c.Crash != nil || len(stats.FullRounds(c)) == 0 {
				continue
			}
			if c.Params.Target == "" {
				return ""
			}
			server = cmp.Or(server, c.Params.Target)
		}
	}
	return server
}

// ratioErrors says how far the engine's ratios lie from those of the servers that were
// measured beside it; nil: none was.
func ratioErrors(results []*result.Result) *RatioErrors {
	var all []verdict.Beside
	var e RatioErrors
	for _, r := range results {
		beside := verdict.SideBySide(r)
		all = append(all, beside...)
		for i := range beside {
			if _, ok := beside[i].Error(); ok && !slices.Contains(e.Servers, beside[i].Target) {
				e.Servers = append(e.Servers, beside[i].Target)
			}
		}
	}
	if e.Median, e.N = verdict.MedianError(all); e.N == 0 {
		return nil
	}
	return &e
}

// cell adds a cell to its pair. Those of a sweep are its points, many of a single
// round: how sure they are is the knee's to say.
func (s *saved) cell(c *result.Cell, method string, swept bool) {
	m := s.pair(Pair{c.Params.Policy, c.Params.SyncBinlog})
	if c.Crash != nil {
		m.crashed(c)
		return
	}
	if c.Params.Target != s.disk.Server {
		return // what one carries says little of the other
	}
	sum := stats.SummarizeCell(c)
	if sum == nil {
		return
	}
	p := pointOf(c, sum)
	if s.pooled {
		p.poolSamples(c)
	}
	p.Swept, p.Soak = swept, c.Soak
	for _, r := range stats.FullRounds(c) {
		s.measuredS += r.DurationS
	}
	if !swept {
		s.disk.Rounds = min(s.disk.Rounds, p.Rounds)
		s.disk.Settled = s.disk.Settled && sum.Settled
	}
	if !slices.Contains(s.disk.Workloads, c.Params.Workload) {
		s.disk.Workloads = append(s.disk.Workloads, c.Params.Workload)
	}
	if c.Params.FlushMethod != method || c.Params.GroupDelay != "off" && c.Params.GroupDelay != "" ||
		c.Params.AddedFlushNS > 0 || !c.Params.Alone() || c.Params.GroupCommit == "serial" {
		m.Variants = append(m.Variants, p)
		return
	}
	m.Durability = c.Durability
	s.disk.Interval = max(s.disk.Interval, time.Duration(c.Params.FlushIntervalNS))
	m.Points = append(m.Points, p)
}

// pair returns the entry of a pair, a new one if need be.
func (s *saved) pair(p Pair) *Measured {
	for i := range s.pairs {
		if s.pairs[i].Pair.String() == p.String() {
			return &s.pairs[i]
		}
	}
	s.pairs = append(s.pairs, Measured{Pair: p, Trials: map[Kind]Trials{}})
	return &s.pairs[len(s.pairs)-1]
}

// pointOf condenses a cell.
func pointOf(c *result.Cell, sum *result.Summary) Point {
	p := Point{
		Cell: c.Name, Params: c.Params, TPS: sum.TPS, P99: sum.LatencyNS.P99, P999: sum.LatencyNS.P999,
		FlushesPS: sum.FlushesPS.Median, AtRisk: sum.AtRisk, DurationS: math.Inf(1),
	}
	if sum.LatencyNS.Mean != nil {
		p.MeanNS = sum.LatencyNS.Mean.Median
	}
	if sum.CPUNS != nil {
		p.CPUNS = sum.CPUNS.Median
	}
	rounds := stats.FullRounds(c)
	p.Rounds = len(rounds)
	var commits, device, deviceCommits, log float64
	for i := range rounds {
		r := &rounds[i]
		p.DurationS = min(p.DurationS, r.DurationS)
		commits += float64(r.Commits)
		log += float64(r.Bytes.Log)
		if r.Bytes.Device != nil {
			device += float64(*r.Bytes.Device)
			deviceCommits += float64(r.Commits)
		}
	}
	if commits > 0 {
		p.LogBytes = log / commits
	}
	if deviceCommits > 0 {
		p.DeviceBytes = device / deviceCommits
	}
	return p
}

// poolSamples replaces the medians of the rounds' percentiles by those of all their
// samples. Where a histogram is missing they stay.
func (p *Point) poolSamples(c *result.Cell) {
	rounds := stats.FullRounds(c)
	h, err := result.PoolRounds(rounds)
	var samples int64
	for i := range rounds {
		samples += rounds[i].LatencyNS.Count
	}
	if err != nil || h.Count() != samples {
		return
	}
	for _, f := range []struct {
		into *result.Interval
		q    float64
	}{{p.P99, 0.99}, {p.P999, 0.999}} {
		if ns := h.Percentile(f.q).Pointer(); f.into != nil && ns != nil {
			v := float64(*ns)
			f.into.Median, f.into.Lo, f.into.Hi = v, min(f.into.Lo, v), max(f.into.Hi, v)
		}
	}
}

// crashed adds the trials of a cell of a crash lab. Controls, failing flushes and
// servers are trials of something else.
func (m *Measured) crashed(c *result.Cell) {
	s := c.Crash.Summary
	if s == nil || c.Crash.Control != "" || c.Crash.Fault != "" || c.Crash.Server != nil {
		return
	}
	t := m.Trials[Kind(c.Crash.Kind)]
	t.Proofs += s.Proofs
	t.Violations += s.Violations
	t.WithLoss += s.WithLoss
	t.LostMax = max(t.LostMax, s.LostMax, s.EngineAheadMax, s.BinlogAheadMax)
	t.AgeMaxNS = max(t.AgeMaxNS, s.LostAgeMax)
	t.Rate = max(t.Rate, s.RateReached)
	if s.EngineAheadMax+s.BinlogAheadMax > 0 {
		t.Diverged += s.WithLoss
	}
	m.Trials[Kind(c.Crash.Kind)] = t
}

// sweep takes over the knees of a sweep over rates.
func (s *saved) sweep(w *result.Sweep) {
	if w == nil || w.Over != result.SweepOverRate {
		return
	}
	for _, p := range w.Pairs {
		m := s.pair(Pair{p.Policy, p.SyncBinlog})
		m.Durability = p.Durability
		m.Knee = &Knee{P99NS: w.Objective.P99NS, P999NS: w.Objective.P999NS, Rounds: p.Knee.Rounds, Settled: p.Knee.Settled, Ended: p.Knee.Ended}
		if p.Knee.LoShown {
			m.Knee.Lo = p.Knee.Lo
		}
		if p.Knee.HiShown {
			m.Knee.Hi = p.Knee.Hi
		}
	}
}

// histograms decodes the rounds of a limit loop; one that cannot be read is left out.
func histograms(l *result.LimitSummary) (out []*metrics.Histogram) {
	if l == nil || l.AddedFlushNS > 0 {
		return nil
	}
	for i := range l.Rounds {
		if h, err := metrics.Decode(l.Rounds[i].Histogram); err == nil && h.Count() > 0 {
			out = append(out, h)
		}
	}
	return out
}

// distOf merges histograms into one distribution.
func distOf(all []*metrics.Histogram) model.Dist {
	if len(all) == 0 {
		return model.Dist{}
	}
	sum := metrics.NewHistogram()
	for _, h := range all {
		sum.Merge(h)
	}
	return model.FromQuantiles(func(q float64) float64 {
		ns, _ := sum.Quantile(q)
		return float64(ns)
	})
}
