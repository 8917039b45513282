package runner

import (
	"fmt"
	"time"

	"flushbench/groupcommit"
	"flushbench/metrics"
	"flushbench/metrics/result"
	"flushbench/workload/driver"
)

// fill turns what was counted into a round of the result.
func (c *cellRun) fill(round *result.Round) {
	o := &c.out
	secs := o.Window.Seconds()
	round.StartedNS = o.Window.From - c.r.started
	round.DurationS = secs
	round.TPS, round.Commits, round.Errors = o.TPS, o.Commits, o.Errors
	round.Partial = o.Ended != driver.EndDuration
	round.WarmupCommits = o.Warmup
	round.DrainNS = int64(c.drain)
	if o.Latency != nil {
		c.fillLatency(round)
	}
	if c.turn != nil {
		c.fillServer(round)
	} else {
		c.fillFlushes(round)
	}
	c.fillCPU(round, secs)
	c.fillRisk(round)
	d := c.end.eng.Stats.Sub(c.begin.eng.Stats)
	round.Stalls = result.Stalls{Buffer: int64(d.BufferStalls), Log: int64(d.LogStalls), BufferNS: d.BufferStallNs, LogNS: d.LogStallNs}
	round.Checkpoints = int64(d.Checkpoints)
	round.Series = seriesOf(o.Series)
	round.Memory = c.memory.of(o.Window)
	c.warnOfLateEdges(round)
	c.fillDatabase(round)
	c.warnOfHistory(round)
	c.fillBackground(round)
	if c.spec.paced() || o.Latency == nil || o.Latency.Count() == 0 || c.turn != nil && c.turn.Abandoned() || c.spec.Think > 0 || c.spec.TxnCPU > 0 {
		return
	}
	little := o.LittlesLaw()
	round.LittlesLaw = &result.LittlesLaw{Clients: c.spec.Clients, TPSxLatency: little, Error: little/float64(c.spec.Clients) - 1}
}

// lateEdge is the share of an interval by which its counters may be read late.
const lateEdge = 0.1

// warnOfLateEdges warns of a round whose counters were read so late that they are
// not those of its interval: the goroutine that reads them got no processor.
func (c *cellRun) warnOfLateEdges(round *result.Round) {
	w := c.out.Window
	late := max(c.begin.at-w.From, c.end.at-w.Until)
	if round.Partial || float64(late) <= lateEdge*float64(w.Length()) {
		return
	}
	round.Warnings = append(round.Warnings, result.Warning{Code: "late-edges",
		Text:   fmt.Sprintf("flushes, bytes and groups were counted up to %v off the measured interval: the machine was too busy", time.Duration(late).Round(time.Millisecond)),
		Advice: "Wait until the machine is idle, or measure longer."})
}

func (c *cellRun) fillLatency(round *result.Round) {
	o := &c.out
	round.LatencyNS = result.LatencyOf(o.Latency.Summary())
	round.Histogram = encode(o.Latency)
	round.OutOfRange = result.OutOfRange{Below: o.Latency.Below(), Above: o.Latency.Above()}
	round.ServiceNS = result.LatencyOfHistogram(o.Service)
	c.fillOpenLoop(round)
	if o.Lag != nil && o.Lag.Count() > 0 {
		s := o.Lag.Summary()
		round.ScheduleLagNS = &result.ScheduleLag{P50: s.P50.Pointer(), P99: s.P99.Pointer(), Max: s.Max, Count: s.Count}
	}
	st := o.Stages
	round.StagesNS.Samples = st.Samples
	s := &round.StagesNS
	for i, to := range [metrics.NumStages]**result.Stage{&s.Execute, &s.Buffer, &s.Group, &s.Write, &s.Flush,
		&s.Prepare, &s.BinlogWrite, &s.BinlogFlush, &s.Engine, &s.Wakeup} {
		if s := st.Stage[i]; s.Count > 0 {
			*to = &result.Stage{Mean: s.Mean, P99: s.P99.Pointer()}
		}
	}
}

// fillOpenLoop copies what became of the arrivals of a paced cell.
func (c *cellRun) fillOpenLoop(round *result.Round) {
	if !c.spec.paced() {
		return
	}
	o := &c.out.Open
	round.OpenLoop = &result.OpenLoop{
		Seed: c.arrivalSeed, Offered: o.Offered, Skipped: o.Skipped, Late: o.Late,
		BacklogBegin: o.BacklogBegin, BacklogEnd: o.Backlog, BacklogMax: o.BacklogMax, Overloaded: o.Overloaded,
	}
	if c.out.Service != nil && c.out.Service.Count() > 0 {
		round.OpenLoop.ServiceHistogram = encode(c.out.Service)
	}
	if c.out.Lag != nil && c.out.Lag.Count() > 0 {
		round.OpenLoop.LagHistogram = encode(c.out.Lag)
	}
}

// reasonNames maps the engine's reasons to the result's.
var reasonNames = map[groupcommit.Reason]string{
	groupcommit.ReasonCommit: result.ReasonCommit, groupcommit.ReasonTimer: result.ReasonTimer,
	groupcommit.ReasonCheckpoint: result.ReasonCheckpoint, groupcommit.ReasonClose: result.ReasonClose,
	groupcommit.ReasonWAL: result.ReasonWAL, groupcommit.ReasonRotation: result.ReasonRotation,
}

func (c *cellRun) fillFlushes(round *result.Round) {
	d := c.end.eng.Stats.Sub(c.begin.eng.Stats)
	calls := c.end.calls.Sub(c.begin.calls)
	f := &round.Flushes
	f.ByReason = map[string]int64{}
	var flushNs int64
	for _, why := range groupcommit.Reasons.All() {
		n := int64(d.Flushes[why])
		if why == groupcommit.ReasonCheckpoint {
			n += int64(d.CheckpointFlushes)
		}
		if n > 0 {
			f.ByReason[reasonNames[why]] = n
		}
		f.Asked += n
		flushNs += d.FlushNs[why]
	}
	f.Redo = f.Asked
	f.Fsync, f.Fdatasync, f.DsyncWrites = int64(calls.Fsync), int64(calls.Fdatasync), int64(calls.DsyncWrites)
	f.Syscalls = f.Fsync + f.Fdatasync + f.DsyncWrites
	round.Bytes = result.Bytes{Log: int64(calls.Bytes), Writes: int64(calls.Writes)}
	c.fillDevices(round)
	g := &c.obs.groups
	round.Groups, round.GroupSizeMean = g.Groups(), g.Mean()
	for _, b := range g.Buckets() {
		round.GroupSizes = append(round.GroupSizes, result.GroupBucket{SizeMin: b.Min, SizeMax: b.Max, Groups: b.Groups, Commits: b.Commits})
	}
	if n := g.Groups(); n > 0 {
		round.BytesPerFlush = float64(c.obs.bytes) / float64(n)
	} else if f.Asked > 0 {
		round.BytesPerFlush = float64(c.out.Bytes) / float64(f.Asked)
		round.GroupSizeMean = float64(c.out.Commits) / float64(f.Asked)
	}
	if c.obs.flushNs.Count() > 0 {
		round.FlushNS = result.LatencyOfHistogram(c.obs.flushNs)
		round.FlushHistogram = encode(c.obs.flushNs)
	}
	if c.spec.Engine.Commit.Policy.Flushes() && d.WaitedNs > 0 {
		share := float64(d.FlushNs[groupcommit.ReasonCommit]) / float64(d.WaitedNs)
		round.FlushBusyShare = &share
		span := float64(c.end.at - c.begin.at)
		unawaited, flusher := max(0, 1-float64(d.WaitedNs)/span), max(0, 1-float64(flushNs)/span)
		round.Idle.Unawaited, round.Idle.Flusher = &unawaited, &flusher
	}
}

func (c *cellRun) fillCPU(round *result.Round, secs float64) {
	cpu := c.end.use.cpuNS - c.begin.use.cpuNS
	if c.out.Commits > 0 {
		round.CPUNSPerCommit = float64(cpu) / float64(c.out.Commits)
		mallocs := float64(c.end.mallocs-c.begin.mallocs) / float64(c.out.Commits)
		round.MallocsPerTxn = &mallocs
	}
	if secs > 0 && c.r.cores > 0 {
		idle := max(0, 1-float64(cpu)/(secs*1e9*float64(c.r.cores)))
		round.Idle.CPUShare = &idle
	}
	sw := c.end.use.switches - c.begin.use.switches
	round.ContextSwitches = &sw
	round.StealPercent, round.StealNS = c.taken.StealPercent, int64(c.taken.Steal)
	if others, ok := c.cpu[1].Others(c.cpu[0]); ok {
		round.OtherCPUPercent = &others
	}
}

// fillRisk copies the tracker's figures. They are the loss window only on
// paced cells: in a closed loop the log buffer fills before the interval ends.
func (c *cellRun) fillRisk(round *result.Round) {
	if c.obs.tracker == nil {
		return
	}
	kind := func(k metrics.Kind) result.Risk {
		r := c.risk.Kind[k]
		return result.Risk{CommitsMax: r.CommitsMax, BytesMax: r.BytesMax, AgeNSMax: r.AgeMax, AgeNSP99: r.AgeP99.Pointer(), Samples: r.Samples, Truncated: r.Truncated}
	}
	round.AtRisk = &result.AtRisk{Process: kind(metrics.Process), OS: kind(metrics.OS), Power: kind(metrics.Power)}
	s := &result.RiskSeries{}
	for _, p := range c.risk.Series {
		s.TNS = append(s.TNS, p.At)
		s.Process = append(s.Process, p.Commits[metrics.Process])
		s.OS = append(s.OS, p.Commits[metrics.OS])
		s.Power = append(s.Power, p.Commits[metrics.Power])
	}
	round.AtRiskSeries = s
}

func seriesOf(s metrics.Series) *result.Series {
	if len(s.Commits) == 0 {
		return nil
	}
	return &result.Series{IntervalNS: s.BucketNS, Commits: s.Commits, LatencyMeanNS: s.LatencyMeanNS, LatencyMaxNS: s.LatencyMaxNS}
}

// encode returns the histogram as text. It cannot fail for a histogram of our
// own; an empty text is what a reader takes for none.
func encode(h *metrics.Histogram) string {
	s, err := h.Encode()
	if err != nil {
		return ""
	}
	return s
}

// longest is how long a cell takes at most, for progress.
func (s *Spec) longest() time.Duration { return s.Warmup + s.Duration + 150*time.Millisecond }
