package verdict

import (
	"fmt"
	"math"
	"slices"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// Side is what one setting did on the engine or on a server.
type Side struct {
	TPS float64 // commits/s, the median of the rounds
	// Ratio is TPS over that of the base setting, and AddedNS how much longer a commit
	// takes under the base (p50); 0 of the base itself and without one.
	Ratio   stats.Delta
	AddedNS float64
	Based   bool // there is a base, and this is not it
	// A commit's CPU time in nanoseconds: of the server's processes (the engine has
	// none beside its clients), and of the clients. 0: not known.
	ServerCPUNS, ClientCPUNS float64
	Flushes                  float64 // a commit; below 0: not known
	Group                    float64 // commits a flush of the log that has more of them; 0: none
	// Outcome says whether TPS differs from the base's, noise considered.
	Outcome stats.Outcome
	// GroupIsLeast: the server does not count the flushes of its redo log, those of
	// pages stand among them, and so groups may be larger than Group.
	GroupIsLeast bool
}

// Beside is one setting of a server, with the same one of the engine.
type Beside struct {
	Target    string // as Params.Target
	Setting   string // 2/1, or policy 2
	Base      string // the setting that ratios are to: 1/1
	Buffering string // on, off, or "" for the server's own
	Clients   int
	Rate      float64 // 0: closed loop
	Server    Side
	Engine    *Side // nil: not measured

	noise float64 // below which a difference counts for nothing
}

// Error is how far the engine's ratio lies from the server's, 0.1: 10 % above; ok is
// false where one of them is missing, and at a rate, where all carry the same.
func (b *Beside) Error() (e float64, ok bool) {
	if b.Rate > 0 || b.Engine == nil || !b.Engine.Based || !b.Server.Based || b.Server.Ratio.Ratio <= 0 || b.Engine.Ratio.Ratio <= 0 {
		return 0, false
	}
	return b.Engine.Ratio.Ratio/b.Server.Ratio.Ratio - 1, true
}

// ErrorOutcome says whether Error can be told from the spread of the rounds: the
// intervals of both ratios do not meet, and it is larger than the noise.
func (b *Beside) ErrorOutcome() stats.Outcome {
	off, ok := b.Error()
	if !ok {
		return stats.Inconclusive
	}
	e, s := &b.Engine.Ratio, &b.Server.Ratio
	switch {
	case e.Confidence == 0 || s.Confidence == 0 || b.Engine.Outcome == stats.Inconclusive || b.Server.Outcome == stats.Inconclusive:
		return stats.Inconclusive
	case math.Abs(off) <= b.noise:
		return stats.Noise
	case e.Lo > s.Hi:
		return stats.Faster
	case e.Hi < s.Lo:
		return stats.Slower
	}
	return stats.Noise
}

// SideBySide returns every setting of every real server in r, in the order of its
// cells, with the engine's beside it.
func SideBySide(r *result.Result) []Beside {
	var out []Beside
	for i := range r.Cells {
		c := &r.Cells[i]
		p := &c.Params
		if p.Target == "" || !answered(c) {
			continue
		}
		base := baseOf(r, c)
		b := Beside{Target: p.Target, Setting: settingText(p), Buffering: p.ServerLogBuffering, Clients: p.Clients, Rate: p.Rate, Server: sideOf(c, base, noise(r)), noise: noise(r)}
		if base != nil {
			b.Base = settingText(&base.Params)
		}
		if e := engineBeside(r, c); e != nil {
			s := sideOf(e, baseOf(r, e), noise(r))
			b.Engine = &s
		}
		out = append(out, b)
	}
	return out
}

// answered reports whether a cell has a round with commits.
func answered(c *result.Cell) bool {
	return stats.Median(stats.Collect(c, stats.TPS)) > 0
}

// ofTarget is a cell's axes on whatever it ran: what engine and server have in common.
type ofTarget struct {
	workload, load, arrival, keys  string
	policy                         string
	sync, clients, txnRows         int
	rate, reads, rollbacks         float64
	rows, rowBytes, think, latency int64
}

func ofAnyTarget(p *result.Params) ofTarget {
	k := ofTarget{
		workload: p.Workload, load: p.Load, arrival: p.Arrival, keys: p.KeyDistribution, policy: p.Policy, sync: -1, clients: p.Clients, txnRows: p.RowsPerTxn,
		rate: p.Rate, reads: p.ReadShare, rollbacks: p.RollbackShare, rows: p.Rows, rowBytes: p.RowBytes, think: p.ThinkTimeNS, latency: p.LatencyLimitNS,
	}
	if p.SyncBinlog != nil {
		k.sync = *p.SyncBinlog
	}
	return k
}

// engineBeside is the first cell of the engine with the axes of a server's.
func engineBeside(r *result.Result, c *result.Cell) *result.Cell {
	want := ofAnyTarget(&c.Params)
	return r.Find(func(o *result.Cell) bool {
		return o.Params.Target == "" && o.Params.Alone() && answered(o) && ofAnyTarget(&o.Params) == want
	})
}

// baseOf is the cell that others of its target are compared with: policy 1, with
// sync_binlog 1 if there is a binlog and it was measured, else with the same.
func baseOf(r *result.Result, c *result.Cell) *result.Cell {
	find := func(sync int) *result.Cell {
		want := settingOf(c.Params)
		want.params.Policy, want.params.Policy0Style, want.params.DurationS = "1", "", 0
		if want.binlog {
			want.sync = sync
		}
		return r.Find(func(o *result.Cell) bool {
			have := settingOf(o.Params)
			have.params.Policy0Style, have.params.DurationS = "", 0
			return have == want && answered(o)
		})
	}
	if base := find(1); base != nil || c.Params.SyncBinlog == nil {
		return base
	}
	return find(*c.Params.SyncBinlog)
}

// sideOf takes the figures of a cell.
func sideOf(c, base *result.Cell, noise float64) Side {
	tps := stats.Collect(c, stats.TPS)
	s := Side{TPS: stats.Median(tps), Flushes: -1}
	if base != nil && base != c {
		s.Based, s.Ratio = true, stats.NewDelta(stats.Collect(base, stats.TPS), tps)
		s.Outcome = stats.Compare(stats.Collect(base, stats.TPS), tps, noise).Outcome
		if a, b := stats.Collect(base, stats.P50Latency), stats.Collect(c, stats.P50Latency); len(a) > 0 && len(b) > 0 {
			s.AddedNS = stats.Median(a) - stats.Median(b)
		}
	}
	median := func(of func(*result.Round) (float64, bool)) (float64, bool) {
		v := stats.Collect(c, of)
		return stats.Median(v), len(v) > 0
	}
	s.ClientCPUNS, _ = median(func(x *result.Round) (float64, bool) { return x.CPUNSPerCommit, x.CPUNSPerCommit > 0 })
	s.ServerCPUNS, _ = median(func(x *result.Round) (float64, bool) {
		if x.Server == nil || x.Server.CPUNSPerCommit == nil {
			return 0, false
		}
		return *x.Server.CPUNSPerCommit, true
	})
	if n, ok := median(FlushesPerCommit); ok {
		s.Flushes = n
	}
	s.Group, _ = median(func(x *result.Round) (float64, bool) { return x.GroupSizeMean, x.GroupSizeMean > 0 })
	s.GroupIsLeast = slices.ContainsFunc(stats.FullRounds(c), func(x result.Round) bool { return groupIsLeast(&x) })
	return s
}

// groupIsLeast reports whether the group of a round rests on flushes of which some may
// have been of pages: MariaDB from 10.8 on has no count of its redo log's.
func groupIsLeast(x *result.Round) bool {
	if x.Server == nil || x.Server.Counters == nil || x.Groups == 0 {
		return false
	}
	n := x.Server.Counters
	return n.RedoFlushes == nil && (n.BinlogFlushes == nil || x.Groups != *n.BinlogFlushes)
}

// FlushesPerCommit is how many flushes a round took for a commit: of a server by its
// own counts of both, which were read at the same moment.
func FlushesPerCommit(x *result.Round) (float64, bool) {
	commits, flushes := x.Commits, x.Flushes.Syscalls
	if x.Server != nil {
		n := x.Server.Counters
		if n == nil || n.Flushes == nil {
			return 0, false
		}
		flushes = *n.Flushes
		if n.Commits != nil {
			commits = *n.Commits
		}
	}
	return float64(flushes) / float64(max(commits, 1)), commits > 0
}

// MedianError is the median over all settings of how far the engine's ratio lies from
// the server's, whichever way, and of how many it is.
func MedianError(all []Beside) (e float64, n int) {
	var v []float64
	for i := range all {
		if x, ok := all[i].Error(); ok {
			v = append(v, math.Abs(x))
		}
	}
	return stats.Median(v), len(v)
}

// besideSentences say how far the engine's answer can be carried over to the servers,
// and what each server carried.
func besideSentences(r *result.Result) []string {
	all := SideBySide(r)
	var out []string
	for _, name := range targetsOf(all) {
		of := slices.DeleteFunc(slices.Clone(all), func(b Beside) bool { return b.Target != name || b.Rate > 0 })
		out = append(out, carriedOn(name, of)...)
		of = slices.DeleteFunc(of, func(b Beside) bool { _, ok := b.Error(); return !ok })
		if e, n := MedianError(of); n > 0 {
			worst := slices.MaxFunc(of, func(a, b Beside) int {
				x, _ := a.Error()
				y, _ := b.Error()
				return compareFloats(math.Abs(x), math.Abs(y))
			})
			w, _ := worst.Error()
			out = append(out, fmt.Sprintf("The engine's ratios lie %.0f %% from those of %s (median of %d); at most %+.0f %%, %s to %s at %d clients%s.",
				100*e, name, n, 100*w, worst.Setting, worst.Base, worst.Clients, unlessTold(worst.ErrorOutcome())))
		}
	}
	return out
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// onlyServers reports whether all cells ran on real servers.
func onlyServers(r *result.Result) bool {
	return len(r.Cells) > 0 && !slices.ContainsFunc(r.Cells, func(c result.Cell) bool { return c.Params.Target == "" })
}

// targetsOf lists the servers, each once.
func targetsOf(all []Beside) (names []string) {
	for i := range all {
		if !slices.Contains(names, all[i].Target) {
			names = append(names, all[i].Target)
		}
	}
	return names
}

// carriedOn says what the settings of a server carried at the most clients: a sentence for
// each base that others are compared with. There are several where 1/1 was not measured.
func carriedOn(name string, all []Beside) (out []string) {
	most := 0
	for i := range all {
		most = max(most, all[i].Clients)
	}
	of := slices.DeleteFunc(slices.Clone(all), func(b Beside) bool { return b.Clients != most || b.Buffering != all[0].Buffering })
	for i := range of {
		base := &of[i]
		if base.Server.Based || base.Setting != base.Base {
			continue
		}
		text := fmt.Sprintf("%s: %s carried %s commits/s at %d clients", name, base.Setting, Count(Significant(base.Server.TPS, 3)), base.Clients)
		for k := range of {
			if b := &of[k]; b.Server.Based && b.Base == base.Setting {
				text += fmt.Sprintf(", %s %.2f times as many%s", b.Setting, b.Server.Ratio.Ratio, unlessTold(b.Server.Outcome))
			}
		}
		out = append(out, text+".")
	}
	return out
}
