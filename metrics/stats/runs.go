package stats

import "flushbench/metrics/result"

// The figures that are compared: what CellDiff.Metric may say.
const (
	MetricThroughput = "commits/s"   // of a closed loop; more is better
	MetricP50        = "p50 latency" // ns, of a paced cell; less is better
	MetricMean       = "mean latency"
	MetricRate       = "turns/s" // of a row of a probe; more is better
)

// Why nothing is claimed: what CellDiff.Reason may say.
const (
	ReasonFewRounds = "too few rounds"
	ReasonDrift     = "the disk drifted between the runs"
	ReasonRate      = "paced at another rate"
)

// CellDiff compares one cell, or one row of a probe, of two results.
type CellDiff struct {
	Name      string  `json:"name"` // in a
	Metric    string  `json:"metric"`
	LowIsGood bool    `json:"low_is_good"`
	Raw       Delta   `json:"raw"`
	PerLimit  *Delta  `json:"per_limit"` // each round divided by the limit loop of the same round; null without one
	Outcome   Outcome `json:"outcome"`   // of b against a: faster, slower, noise, inconclusive
	Reason    string  `json:"reason"`    // of inconclusive; or what explains a noise: "" or ReasonDrift
	// Change is the ratio that counts: PerLimit's where both had to agree and it
	// shows less change, else Raw's. Above 1 is faster, also for latencies.
	Change float64 `json:"change"`
}

// Diff compares two results, b with a.
type Diff struct {
	Environment []Difference `json:"environment"` // empty: nothing differs
	Limit       *Delta       `json:"limit"`       // flushes a second of the limit loop; null where one has none
	Drifted     bool         `json:"drifted"`     // the limit itself differs significantly
	// Blocked says why no cell may be called faster or slower: OtherHost,
	// OtherDevice. Empty when nothing stands in the way.
	Blocked []string   `json:"blocked"`
	Cells   []CellDiff `json:"cells"`
	OnlyA   []string   `json:"only_a"` // cells without a partner
	OnlyB   []string   `json:"only_b"`
}

// CompareResults compares b with a. Cells are partners when all their parameters
// are equal but for the length of their rounds. With across, a difference is
// claimed even between hosts and devices.
//
// A cell is called faster or slower when its rounds differ at the level Alpha.
// Where its commits wait for the disk and both runs have a limit loop, the
// rounds divided by the limit of the same round must differ too, in the same
// direction: the first alone would blame the disk's drift on what is compared,
// and the second alone the limit loop's own noise, to all cells at once.
func CompareResults(a, b *result.Result, across bool) Diff {
	d := Diff{Environment: Differences(a, b), Blocked: []string{}, Cells: []CellDiff{}, OnlyA: []string{}, OnlyB: []string{}}
	for _, hard := range []string{OtherHost, OtherDevice} {
		for _, e := range d.Environment {
			if e.Means == hard && !across {
				d.Blocked = append(d.Blocked, hard)
				break
			}
		}
	}
	if x, y := limitRates(a), limitRates(b); len(x) > 0 && len(y) > 0 {
		limit := NewDelta(x, y)
		d.Limit, d.Drifted = &limit, limit.Significant()
	}
	sa, sb := subjects(a), subjects(b)
	pairs, loose, onlyA, onlyB := match(sa, sb)
	for _, p := range pairs {
		d.Cells = append(d.Cells, d.compare(&sa[p[0]], &sb[p[1]]))
	}
	for _, p := range loose {
		c := d.compare(&sa[p[0]], &sb[p[1]])
		c.Outcome, c.Reason = Inconclusive, ReasonRate
		d.Cells = append(d.Cells, c)
	}
	for _, i := range onlyA {
		d.OnlyA = append(d.OnlyA, sa[i].name)
	}
	for _, i := range onlyB {
		d.OnlyB = append(d.OnlyB, sb[i].name)
	}
	return d
}

// limitRates are the rounds of the limit loop that ran their whole time.
func limitRates(r *result.Result) []float64 {
	if r.Limit == nil {
		return nil
	}
	var rates []float64
	for i := range r.Limit.Rounds {
		if l := &r.Limit.Rounds[i]; !l.Partial && l.FlushPerS > 0 {
			rates = append(rates, l.FlushPerS)
		}
	}
	return rates
}

// compare judges one pair.
func (d *Diff) compare(a, b *subject) CellDiff {
	x, y, ok := common(a, b)
	c := CellDiff{Name: a.name, Metric: x.metric, LowIsGood: x.lowIsGood, Raw: NewDelta(x.raw, y.raw), Outcome: Noise}
	if len(x.limited) > 0 && len(y.limited) > 0 {
		n := NewDelta(x.limited, y.limited)
		c.PerLimit = &n
	}
	both := c.PerLimit != nil && (a.waits || b.waits)
	c.Change = c.change(both)
	switch {
	case len(d.Blocked) > 0:
		c.Outcome, c.Reason = Inconclusive, d.Blocked[0]
	case !ok, len(x.raw) < MinRounds, len(y.raw) < MinRounds:
		c.Outcome, c.Reason = Inconclusive, ReasonFewRounds
	case both:
		d.judge(&c)
	case c.Raw.Significant():
		c.claim()
	}
	return c
}

// judge weighs raw and normalised rounds of a cell that waits for the disk.
func (d *Diff) judge(c *CellDiff) {
	raw, limited := c.Raw.Significant(), c.PerLimit.Significant()
	same := (c.Raw.Ratio > 1) == (c.PerLimit.Ratio > 1)
	switch {
	case raw && limited && same:
		c.claim()
	case limited && d.Drifted:
		// The cell stayed while the disk moved: a change that the drift hides,
		// or a cell that follows the disk less than the limit loop does.
		c.Outcome, c.Reason = Inconclusive, ReasonDrift
	case raw && d.Drifted:
		c.Reason = ReasonDrift
	}
}

// claim calls c faster or slower.
func (c *CellDiff) claim() {
	c.Outcome = Slower
	if c.Change > 1 {
		c.Outcome = Faster
	}
}

// change is the ratio that counts, turned so that above 1 is faster.
func (c *CellDiff) change(both bool) float64 {
	turn := func(ratio float64) float64 {
		if c.LowIsGood && ratio > 0 {
			return 1 / ratio
		}
		return ratio
	}
	raw := turn(c.Raw.Ratio)
	if !both {
		return raw
	}
	limited := turn(c.PerLimit.Ratio)
	if raw <= 0 || limited <= 0 {
		return raw
	}
	if max(limited, 1/limited) < max(raw, 1/raw) {
		return limited
	}
	return raw
}

// SlowerThan lists the cells of d that are slower by more than the share limit
// (0.05: 5 %), and those about which nothing can be said. A gate passes when
// both are empty.
func (d *Diff) SlowerThan(limit float64) (slower, unknown []*CellDiff) {
	for i := range d.Cells {
		switch c := &d.Cells[i]; {
		case c.Outcome == Inconclusive:
			unknown = append(unknown, c)
		case c.Outcome == Slower && c.Change < 1-limit:
			slower = append(slower, c)
		}
	}
	return slower, unknown
}
