package stats

import (
	"fmt"
	"strconv"

	"flushbench/metrics/result"
)

// subject is what is compared: a cell of a run or a row of a probe, with the
// figures of its rounds.
type subject struct {
	name  string
	key   any // equal for partners
	loose any // equal for those that would be partners at the same rate

	figures []figure // the best one first
	waits   bool     // the disk's flushes set its pace, as far as is known
	blind   bool     // it waits for a disk whose limit is not known

	onRedo, onBinlog bool // which disk's limit is its own: the redo log's, that of the binlog alone
}

// figure is one figure of every full round.
type figure struct {
	metric    string
	lowIsGood bool
	raw       []float64
	limited   []float64 // raw divided by the limit of its round; nil: no limit in some round
}

// subjects lists what r has to compare, in its order.
func subjects(r *result.Result) []subject {
	var all []subject
	loops := limitsOf(r)
	for i := range r.Cells {
		if len(r.Cells[i].Rounds) > 0 {
			all = append(all, cellSubject(&r.Cells[i], &loops))
		}
	}
	if r.Probe == nil {
		return all
	}
	for i := range r.Probe.Rows {
		row := &r.Probe.Rows[i]
		key := fmt.Sprintf("%s,%s,%d", row.Method, row.Op, row.SizeBytes)
		all = append(all, subject{name: key, key: key, figures: []figure{{metric: MetricRate, raw: row.Rates}}})
	}
	for i := range r.Probe.Pages {
		row := &r.Probe.Pages[i]
		key := row.Method + "," + row.Pattern
		all = append(all, subject{name: key, key: key, figures: []figure{{metric: MetricRate, raw: row.TurnRates}}})
	}
	return all
}

// cellKey is what two cells must have in common to be compared.
type cellKey struct {
	section string
	params  result.Params
	binlog  string
}

// keyOf takes out of the parameters how long each round lasted, and what a
// comparison of structs could not look into.
func keyOf(c *result.Cell) cellKey {
	k := cellKey{section: c.Section, params: c.Params}
	if c.Params.SyncBinlog != nil {
		k.binlog = strconv.Itoa(*c.Params.SyncBinlog)
	}
	k.params.SyncBinlog, k.params.DurationS, k.params.WarmupNS = nil, 0, 0
	return k
}

// cellSubject takes the figures of a cell that are free to move: the throughput
// of a closed loop, the latency of a paced one.
func cellSubject(c *result.Cell, loops *limits) subject {
	key, w := keyOf(c), waitedFor(&c.Params)
	s := subject{name: c.Name, key: key, waits: waits(c)}
	s.blind = s.waits && loops.blind(c)
	s.onRedo, s.onBinlog = loops.disks(w)
	key.params.Rate = 0
	s.loose = key
	if c.Params.Load == result.LoadPaced {
		s.add(c, MetricP50, true, P50Latency, loops.perFlush(w, P50Latency))
		s.add(c, MetricMean, true, MeanLatency, loops.perFlush(w, MeanLatency))
		return s
	}
	s.add(c, MetricThroughput, false, TPS, loops.perLimit(w))
	return s
}

// add takes a figure that every full round shows.
func (s *subject) add(c *result.Cell, metric string, lowIsGood bool, of, limited func(*result.Round) (float64, bool)) {
	f := figure{metric: metric, lowIsGood: lowIsGood, raw: Collect(c, of)}
	if len(f.raw) < len(FullRounds(c)) {
		return
	}
	if n := Collect(c, limited); len(n) == len(f.raw) {
		f.limited = n
	}
	s.figures = append(s.figures, f)
}

// common returns the first figure that both show; ok is false without one.
func common(a, b *subject) (x, y figure, ok bool) {
	for _, x := range a.figures {
		for _, y := range b.figures {
			if x.metric == y.metric {
				return x, y, true
			}
		}
	}
	return figure{}, figure{}, false
}

// match finds the partner of each of a in b: pairs holds indexes into both, in
// a's order. Of several with one key the n-th goes with the n-th. What differs
// from a partner in the rate alone is in loose.
func match(a, b []subject) (pairs, loose [][2]int, onlyA, onlyB []int) {
	taken := make([]bool, len(b))
	find := func(key any, of func(*subject) any) int {
		for j := range b {
			if !taken[j] && key != nil && of(&b[j]) == key {
				taken[j] = true
				return j
			}
		}
		return -1
	}
	var left []int
	for i := range a {
		if j := find(a[i].key, func(s *subject) any { return s.key }); j >= 0 {
			pairs = append(pairs, [2]int{i, j})
		} else {
			left = append(left, i)
		}
	}
	for _, i := range left {
		if j := find(a[i].loose, func(s *subject) any { return s.loose }); j >= 0 {
			loose = append(loose, [2]int{i, j})
		} else {
			onlyA = append(onlyA, i)
		}
	}
	for j := range b {
		if !taken[j] {
			onlyB = append(onlyB, j)
		}
	}
	return pairs, loose, onlyA, onlyB
}
