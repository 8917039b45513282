package result

import (
	"cmp"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"

	"flushbench/metrics"
)

// pool fills the groups: each host is added up apart, on all processors, and the
// hosts are added in the order of their names.
func (m *Merge) pool() error {
	groups := map[string]*grouping{}
	for i, shares := range inOrder(m.Hosts) {
		if shares.err != nil {
			return shares.err
		}
		h := &m.Hosts[i]
		g := groups[h.Group]
		if g == nil {
			g = &grouping{name: h.Group, pools: map[poolKey]*pooling{}}
			groups[h.Group] = g
		}
		g.add(h.Name, shares.all)
		for _, s := range shares.all {
			s.free()
		}
	}
	for _, g := range groups {
		out, err := g.finish()
		if err != nil {
			return err
		}
		m.Groups = append(m.Groups, out)
	}
	slices.SortFunc(m.Groups, func(a, b MergeGroup) int {
		return cmp.Or(len(b.Hosts)-len(a.Hosts), strings.Compare(a.Name, b.Name))
	})
	return nil
}

// hostShares is what sharesOf says of a host.
type hostShares struct {
	all []*hostShare
	err error
}

// inOrder adds up the hosts on all processors, a few ahead of the one that is asked
// for: a host has some MB of counts.
func inOrder(hosts []MergeHost) iter.Seq2[int, hostShares] {
	return func(yield func(int, hostShares) bool) {
		workers := runtime.GOMAXPROCS(0)
		done := make([]chan hostShares, len(hosts))
		for i := range done {
			done[i] = make(chan hostShares, 1)
		}
		next := make(chan int, 2*workers)
		var wait sync.WaitGroup
		defer wait.Wait()
		defer close(next)
		for range workers {
			wait.Go(func() {
				for i := range next {
					all, err := sharesOf(&hosts[i])
					done[i] <- hostShares{all, err}
				}
			})
		}
		asked := 0
		for i := range hosts {
			for ; asked < min(len(hosts), i+2*workers); asked++ {
				next <- asked
			}
			if !yield(i, <-done[i]) {
				return
			}
		}
	}
}

// poolKey is what parts of a pool have in common.
type poolKey struct {
	of, section string
	name        string // where it says more than the parameters
	params      Params // without what may differ, or is no value to compare
	syncBinlog  int
	hasBinlog   bool
}

// hostShare is what one host adds to a pool.
type hostShare struct {
	key     poolKey
	name    string
	params  *Params
	rates   [2]float64 // lowest and highest
	rounds  int
	commits int64
	weighed float64 // rate x seconds
	seconds float64
	latency *metrics.Tally
	flush   *metrics.Tally
}

// tallies keeps the memory of those that are free.
var tallies = sync.Pool{New: func() any { return new(metrics.Tally) }}

func newTally() *metrics.Tally {
	t, _ := tallies.Get().(*metrics.Tally)
	t.Reset()
	return t
}

// free hands the memory back; s may not be used after that.
func (s *hostShare) free() {
	tallies.Put(s.latency)
	tallies.Put(s.flush)
	s.latency, s.flush = nil, nil
}

// sharesOf adds up the results of one host, in their order.
func sharesOf(h *MergeHost) ([]*hostShare, error) {
	var all []*hostShare
	index := map[poolKey]*hostShare{}
	get := func(key poolKey, name string) *hostShare {
		if index[key] == nil {
			index[key] = &hostShare{key: key, name: name, latency: newTally(), flush: newTally()}
			all = append(all, index[key])
		}
		return index[key]
	}
	for i, r := range h.Results {
		err := addLimit(get, "redo", r.Limit)
		if err == nil {
			err = addLimit(get, "binlog", r.BinlogLimit)
		}
		for j := range r.Cells {
			if err == nil {
				err = addCell(get, r, &r.Cells[j])
			}
		}
		if err == nil && r.Probe != nil {
			err = addRows(get, r.Probe)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.Sources[i], err)
		}
	}
	return all, nil
}

// addLimit adds the rounds of a limit loop.
func addLimit(get func(poolKey, string) *hostShare, log string, l *LimitSummary) error {
	if l == nil || len(l.Rounds) == 0 {
		return nil
	}
	key := poolKey{of: PoolLimit, name: log, params: Params{FlushMethod: l.FlushMethod, RecordBytes: l.RecordBytes, AddedFlushNS: l.AddedFlushNS}}
	s := get(key, fmt.Sprintf("%s, %s, %d B", log, l.FlushMethod, l.RecordBytes))
	for i := range l.Rounds {
		r := &l.Rounds[i]
		s.rounds++
		s.commits += r.FlushNS.Count
		s.weigh(r.FlushPerS, r.DurationS)
		if err := addTo(s.latency, r.Histogram, &r.FlushNS, nil); err != nil {
			return fmt.Errorf("limit, round %d: %w", r.Round, err)
		}
	}
	return nil
}

// cellKey is the key of a cell. Where a run found the rate itself, the rate is no
// parameter that was asked for, and the name says which cell it is.
func cellKey(r *Result, c *Cell) poolKey {
	k := poolKey{of: PoolCell, section: c.Section, params: c.Params}
	if n := c.Params.SyncBinlog; n != nil {
		k.syncBinlog, k.hasBinlog = *n, true
	}
	k.params.SyncBinlog, k.params.DurationS, k.params.WarmupNS = nil, 0, 0
	if r.Preset != "" && c.Params.Load == LoadPaced {
		k.name, k.params.Rate = c.Name, 0
	}
	return k
}

// CellKey is a comparable value that is the same for cells that MergeParts takes for
// one: r is the result that c stands in.
func CellKey(r *Result, c *Cell) any { return cellKey(r, c) }

// PoolRounds returns the latencies of all rounds in one histogram. Rounds whose
// histogram was not kept add nothing.
func PoolRounds(rounds []Round) (*metrics.Histogram, error) {
	var t metrics.Tally
	for i := range rounds {
		r := &rounds[i]
		if err := addTo(&t, r.Histogram, &r.LatencyNS, &r.OutOfRange); err != nil {
			return nil, fmt.Errorf("result: round %d: %w", r.Round, err)
		}
	}
	return t.Histogram(), nil
}

// addCell adds the rounds of a cell.
func addCell(get func(poolKey, string) *hostShare, r *Result, c *Cell) error {
	if len(c.Rounds) == 0 {
		return nil
	}
	s := get(cellKey(r, c), c.Name)
	if s.params == nil {
		p := c.Params
		s.params, s.rates = &p, [2]float64{p.Rate, p.Rate}
	}
	s.rates = [2]float64{min(s.rates[0], c.Params.Rate), max(s.rates[1], c.Params.Rate)}
	for i := range c.Rounds {
		x := &c.Rounds[i]
		s.rounds++
		s.commits += x.Commits
		s.weigh(x.TPS, x.DurationS)
		err := addTo(s.latency, x.Histogram, &x.LatencyNS, &x.OutOfRange)
		if err == nil {
			err = addTo(s.flush, x.FlushHistogram, x.FlushNS, nil)
		}
		if err != nil {
			return fmt.Errorf("cell %s, round %d: %w", c.Name, x.Round, err)
		}
	}
	return nil
}

// addRows adds the rows of a probe.
func addRows(get func(poolKey, string) *hostShare, p *Probe) error {
	for i := range p.Rows {
		r := &p.Rows[i]
		name := fmt.Sprintf("%s,%s,%d", r.Method, r.Op, r.SizeBytes)
		s := get(poolKey{of: PoolRow, name: name}, name)
		s.rounds += max(len(r.Rates), 1)
		s.commits += r.Count
		s.weigh(r.RatePerS, r.DurationS)
		l := Latency{Mean: r.MeanNS, Min: metrics.UnknownMin, Max: r.MaxNS, Count: r.Count}
		if err := addTo(s.latency, r.Histogram, &l, nil); err != nil {
			return fmt.Errorf("probe, %s: %w", name, err)
		}
	}
	return nil
}

func (s *hostShare) weigh(perS, seconds float64) {
	s.weighed += perS * seconds
	s.seconds += seconds
}

// addTo adds a histogram with what stands beside it. One without text was not kept,
// and adds nothing.
func addTo(t *metrics.Tally, text string, l *Latency, out *OutOfRange) error {
	if text == "" || l == nil {
		return nil
	}
	e := metrics.Exact{Min: l.Min, Max: l.Max, Mean: l.Mean, Count: l.Count}
	if l.Timed != nil {
		e.StoodFor = l.Count - *l.Timed
	}
	if out != nil {
		e.Below, e.Above = out.Below, out.Above
	}
	return t.Add(text, e)
}

// grouping is a group while its hosts are added.
type grouping struct {
	name  string
	hosts []string
	pools map[poolKey]*pooling
	order []*pooling
}

// pooling is a pool while its hosts are added.
type pooling struct {
	pool    Pool
	latency metrics.Tally
	flush   metrics.Tally
}

// add adds one host.
func (g *grouping) add(host string, shares []*hostShare) {
	g.hosts = append(g.hosts, host)
	for _, s := range shares {
		p := g.pools[s.key]
		if p == nil {
			p = &pooling{pool: Pool{Of: s.key.of, Name: s.name, Section: s.key.section, Params: s.params}}
			if s.params != nil {
				p.pool.Params.Rate, p.pool.RateHi = s.rates[0], s.rates[1]
			}
			g.pools[s.key] = p
			g.order = append(g.order, p)
		}
		p.add(host, s)
	}
}

func (p *pooling) add(host string, s *hostShare) {
	o := &p.pool
	if s.params != nil {
		o.Params.Rate, o.RateHi = min(o.Params.Rate, s.rates[0]), max(o.RateHi, s.rates[1])
	}
	o.Hosts = append(o.Hosts, host)
	o.Rounds += s.rounds
	o.Commits += s.commits
	rate := 0.0
	if s.seconds > 0 {
		rate = s.weighed / s.seconds
	}
	own := s.latency.Histogram()
	o.PerS = append(o.PerS, rate)
	o.P50 = append(o.P50, own.Percentile(0.50).Pointer())
	o.P99 = append(o.P99, own.Percentile(0.99).Pointer())
	p.latency.AddTally(s.latency)
	p.flush.AddTally(s.flush)
}

// finish turns the sums into what is stored.
func (g *grouping) finish() (MergeGroup, error) {
	out := MergeGroup{Name: g.name, Hosts: g.hosts}
	for _, of := range []string{PoolLimit, PoolCell, PoolRow} {
		for _, p := range g.order {
			if p.pool.Of != of {
				continue
			}
			err := setHistogram(&p.latency, &p.pool.LatencyNS, &p.pool.Histogram, &p.pool.OutOfRange)
			if err == nil {
				err = setHistogram(&p.flush, &p.pool.FlushNS, &p.pool.FlushHistogram, &p.pool.FlushOutOfRange)
			}
			if err != nil {
				return out, fmt.Errorf("%s: %w", p.pool.Name, err)
			}
			out.Pools = append(out.Pools, p.pool)
		}
	}
	return out, nil
}

func setHistogram(t *metrics.Tally, l **Latency, text *string, out *OutOfRange) (err error) {
	h := t.Histogram()
	if h.Count() == 0 {
		return nil
	}
	*l, *out = LatencyOfHistogram(h), OutOfRange{h.Below(), h.Above()}
	*text, err = h.Encode()
	return err
}
