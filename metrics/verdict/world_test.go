package verdict

import (
	"encoding/json"
	"slices"

	"pgregory.net/rapid"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// world is a generated result, and whether its rounds may tell anything.
type world struct {
	r, again *result.Result // again: the same cells, measured once more
	tells    bool
	why      string // nothing is told
}

// sentences are all that may be said of it.
func (w *world) sentences() []string { return slices.Concat(Answer(w.r), w.compared()) }

// compared are the sentences of its comparison with the second run.
func (w *world) compared() []string {
	d := stats.CompareResults(w.r, w.again, false)
	return Compare(&d)
}

// drawing draws one world.
type drawing struct {
	t      *rapid.T
	rounds int
	spread float64 // of the limit loop
	equal  bool    // all cells within the noise
}

// values are the rounds of a cell whose middle is about level. Within the noise their
// medians differ by less than the spread of the limit: 0.4 of it either way.
func (d *drawing) values(level float64) []float64 {
	jitter := 0.4 * d.spread
	if !d.equal {
		level *= rapid.SampledFrom([]float64{0.05, 0.5, 0.97, 1, 1.03, 2, 20}).Draw(d.t, "level")
		jitter = rapid.SampledFrom([]float64{0.001, 0.05, 0.5}).Draw(d.t, "jitter")
	}
	out := make([]float64, d.rounds)
	for i := range out {
		out[i] = level * (1 + jitter*rapid.Float64Range(-1, 1).Draw(d.t, "round"))
	}
	return out
}

// drawWorld draws a result of any shape.
func drawWorld(t *rapid.T) *world {
	d := &drawing{t: t, rounds: rapid.SampledFrom([]int{1, 3, 5, 6}).Draw(t, "rounds"), equal: rapid.Bool().Draw(t, "within the noise"), spread: rapid.Float64Range(0.02, 0.3).Draw(t, "spread")}
	quick := rapid.SampledFrom([]string{"", "", "", "preset", "scenario"}).Draw(t, "quick")
	w := &world{r: d.run(quick)}
	switch {
	case d.rounds < stats.MinRounds:
		w.why = "too few rounds"
	case quick != "":
		w.why = "a quick look"
	case d.equal:
		w.why = "within the noise"
	default:
		w.tells = true
	}
	w.again = d.second(w.r)
	return w
}

// run draws a run.
func (d *drawing) run(quick string) *result.Result {
	r := &result.Result{Schema: result.Version, Kind: result.KindRun, Complete: true, Limit: &result.LimitSummary{Spread: d.spread}}
	switch quick {
	case "preset":
		r.Preset = "quick"
	case "scenario":
		r.Scenario = json.RawMessage(`{"preset":"quick"}`)
	}
	switch rapid.SampledFrom([]string{"policies", "policies", "pairs", "beside", "servers", "views", "circle"}).Draw(d.t, "shape") {
	case "policies":
		d.policies(r)
	case "pairs":
		d.pairs(r, "", true)
	case "beside":
		d.pairs(r, "", false)
		d.pairs(r, "mariadb", false)
	case "servers":
		d.pairs(r, "mariadb", d.oneIn(3) == 0)
	case "views":
		d.views(r)
	case "circle":
		d.circle(r)
	}
	d.trouble(r)
	return r
}

// oneIn draws 0 to n-1.
func (d *drawing) oneIn(n int) int { return rapid.IntRange(0, n-1).Draw(d.t, "one in") }

// trouble is what must be said first.
func (d *drawing) trouble(r *result.Result) {
	switch d.oneIn(14) {
	case 0:
		r.Complete = false
	case 1:
		r.Environment.Volatile = true
	case 2:
		r.Limit.AddedFlushNS = 100_000
	case 3:
		if len(r.Cells) > 0 {
			r.Complete, r.Cells[0].Partial, r.Cells[0].Bound = false, true, result.BoundWriteBudget
		}
	case 4:
		if len(r.Cells) > 0 && len(r.Cells[0].Rounds) > 0 {
			r.Cells[0].Rounds[0].Verify = &result.Verify{Error: "record 17: checksum mismatch."}
		}
	}
}

// risk draws what was at risk under a policy.
func (d *drawing) risk(policy string) *result.AtRisk {
	if d.oneIn(9) == 0 {
		return nil
	}
	a := &result.AtRisk{}
	if policy == "1" && d.oneIn(12) > 0 {
		return a
	}
	tooth := result.Risk{CommitsMax: 1 + int64(d.oneIn(5000)), AgeNSMax: 1e6 * int64(1+d.oneIn(1200)), Truncated: d.oneIn(5) == 0}
	a.OS, a.Power = tooth, tooth
	if policy == "0" {
		a.Process = result.Risk{CommitsMax: tooth.CommitsMax, AgeNSMax: tooth.AgeNSMax / 2}
	}
	if d.oneIn(3) == 0 {
		a.OS = result.Risk{}
	}
	if d.oneIn(3) == 0 {
		a.Power.EngineAheadMax, a.Power.BinlogAheadMax = int64(d.oneIn(2)*70), int64(d.oneIn(2)*80)
	}
	return a
}

// policies draws paced cells of the log, and a closed loop.
func (d *drawing) policies(r *result.Result) {
	base := rapid.SampledFrom([]float64{0.06 * ms, 1 * ms, 10 * ms}).Draw(d.t, "latency")
	method := rapid.SampledFrom([]string{"fdatasync", "fdatasync", "fdatasync", "fdatasync", "none"}).Draw(d.t, "method")
	noTimer := d.oneIn(6) == 0
	rates := []float64{2600, 100}[:1+d.oneIn(3)/2]
	for _, rate := range rates {
		var last []float64 // what the policy before took
		for _, p := range policies {
			if p == "3" || d.oneIn(10) == 0 {
				continue
			}
			carried := rate
			if d.oneIn(10) == 0 {
				carried *= 0.8
			}
			c := result.Cell{Name: "risk-" + p, Bound: result.BoundRate, Durability: result.Durability{Power: p == "1" && method != "none", Words: "tier"},
				Params: result.Params{Load: result.LoadPaced, Policy: p, Clients: 8, Rate: rate, FlushMethod: method, NoTimer: noTimer}}
			shown, first := d.oneIn(8) > 0, d.oneIn(12)/11
			level := base
			if p != "1" && !d.equal {
				level *= 0.1
			}
			values := d.values(level)
			if p == "0" && last != nil && d.oneIn(2) == 0 {
				values = last // as cheap as policy 2
			}
			last = values
			for i, ns := range values {
				round := result.Round{Round: i + 1 + first, DurationS: 1, TPS: carried, LatencyNS: result.Latency{Count: 9000, Mean: int64(1.1 * ns)}, AtRisk: d.risk(p)}
				if shown {
					round.LatencyNS.P50 = ptr(int64(ns))
				}
				c.Rounds = append(c.Rounds, round)
			}
			r.Cells = append(r.Cells, c)
		}
	}
	if d.oneIn(2) == 0 {
		c := result.Cell{Name: "speed-1", Bound: result.BoundFlush, Params: result.Params{Load: result.LoadClosed, Policy: "1", Clients: 64, GroupDelay: "off", FlushMethod: "fdatasync"}}
		d.closed(&c)
		r.Cells = append(r.Cells, c)
	}
}

// closed gives a cell rounds of a closed loop.
func (d *drawing) closed(c *result.Cell) {
	tps, p99 := d.values(1000), d.values(5*ms)
	for i := range tps {
		c.Rounds = append(c.Rounds, result.Round{Round: i + 1, DurationS: 2, TPS: tps[i], Commits: int64(2 * tps[i]),
			LatencyNS: result.Latency{Count: 9000, P50: ptr(int64(p99[i] / 4)), P99: ptr(int64(p99[i])), Mean: int64(p99[i] / 3)}})
	}
}

// pairs draws cells with a binlog, or of a server without one, of the engine or of a server.
func (d *drawing) pairs(r *result.Result, target string, paced bool) {
	load := "bank"
	for _, clients := range []int{8, 64}[d.oneIn(2):] {
		for _, p := range []string{"1", "2"} {
			for _, sync := range []int{1, 0} {
				if d.oneIn(6) == 0 {
					continue
				}
				c := result.Cell{Name: "pair", Params: result.Params{Target: target, Workload: load, Policy: p, SyncBinlog: ptr(sync), Clients: clients, Load: result.LoadClosed, Rows: 10}}
				if target == "" {
					c.Params.FlushMethod = "fdatasync"
				}
				d.closed(&c)
				r.Cells = append(r.Cells, c)
				if !paced || d.oneIn(2) == 0 {
					continue
				}
				c = d.slowly(c, p)
				r.Cells = append(r.Cells, c)
			}
		}
	}
}

// slowly is a cell at a rate.
func (d *drawing) slowly(c result.Cell, policy string) result.Cell {
	c.Rounds = slices.Clone(c.Rounds)
	c.Params.Load, c.Params.Rate = result.LoadPaced, 500
	carried := 500.0
	if d.oneIn(6) == 0 {
		carried = 300
	}
	for i := range c.Rounds {
		c.Rounds[i].TPS, c.Rounds[i].AtRisk = carried, d.risk(policy)
	}
	return c
}

// views draws a cell beside which a read view was open, or other I/O went on, with the
// cell that had neither.
func (d *drawing) views(r *result.Result) {
	p := result.Params{Workload: "bank", Policy: "1", Clients: 8, Load: result.LoadClosed, FlushMethod: "fdatasync"}
	if d.oneIn(2) == 0 {
		p.SyncBinlog = ptr(1)
	}
	variants := []func(*result.Params){func(*result.Params) {},
		func(p *result.Params) { p.LongView = []string{"hold", "1s"}[d.oneIn(2)] }, func(p *result.Params) { p.BackgroundIO = "read=200MiB/s" }}
	paced := d.oneIn(3) == 0
	for i, vary := range variants {
		if i == 0 && d.oneIn(5) == 0 {
			continue
		}
		c := result.Cell{Name: "cell", Params: p}
		vary(&c.Params)
		d.closed(&c)
		for k := range c.Rounds {
			c.Rounds[k].Database = &result.Database{HistoryLengthMax: int64(d.oneIn(9000))}
		}
		if paced {
			c = d.slowly(c, "1")
		}
		r.Cells = append(r.Cells, c)
	}
}

// circle draws loads with redo logs of several capacities.
func (d *drawing) circle(r *result.Result) {
	for _, policy := range []string{"1", "2"}[:1+d.oneIn(2)] {
		for _, mib := range []int64{4, 64, 1024}[:2+d.oneIn(2)] {
			c := result.Cell{Name: "circle", Params: result.Params{Workload: "update", Policy: policy, Clients: 4, Load: result.LoadClosed, LogCapacityBytes: mib << 20, Rows: 10}}
			d.closed(&c)
			stalled, laps := 0.0, []float64{0.2, 5}[d.oneIn(2)]
			if !d.equal {
				stalled = []float64{0, 0, 0.3}[d.oneIn(3)]
			}
			for k := range c.Rounds {
				c.Rounds[k].Database = &result.Database{RedoBytes: int64(laps * float64(mib<<20)), FreeCheckNS: int64(stalled * 4 * 2e9)}
			}
			r.Cells = append(r.Cells, c)
		}
	}
}

// second is the same run once more: its rounds in another order, and, unless the cells
// are equal, others.
func (d *drawing) second(r *result.Result) *result.Result {
	b := *r
	b.Cells = slices.Clone(r.Cells)
	factor := 1.0
	if !d.equal {
		factor = rapid.SampledFrom([]float64{0.5, 1, 2}).Draw(d.t, "again")
	}
	for i := range b.Cells {
		c := &b.Cells[i]
		c.Rounds = slices.Clone(c.Rounds)
		slices.Reverse(c.Rounds)
		for k := range c.Rounds {
			x := &c.Rounds[k]
			x.TPS *= factor
			if x.LatencyNS.P50 != nil {
				x.LatencyNS.P50 = ptr(int64(factor * float64(*x.LatencyNS.P50)))
			}
			x.LatencyNS.Mean = int64(factor * float64(x.LatencyNS.Mean))
		}
	}
	if d.oneIn(8) == 0 {
		b.Environment.Host = "elsewhere"
	}
	if d.oneIn(20) == 0 {
		b.Cells = nil
	}
	return &b
}
