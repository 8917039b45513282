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
	ReasonNoisy     = "the limit is too noisy to tell a difference from the disk's drift"
	ReasonNoLimit   = "the limit of the binlog's disk is not known"
	ReasonSetup     = "the limit loop had another setup too"
	ReasonQuick     = "a quick look decides nothing"
)

// CellDiff compares one cell, or one row of a probe, of two results.
type CellDiff struct {
	Name      string  `json:"name"` // in a
	Metric    string  `json:"metric"`
	LowIsGood bool    `json:"low_is_good"`
	Raw       Delta   `json:"raw"`
	PerLimit  *Delta  `json:"per_limit"` // each round divided by the limit loop of the same round; null without one
	Outcome   Outcome `json:"outcome"`   // of b against a: faster, slower, noise, inconclusive
	Reason    string  `json:"reason"`    // of inconclusive; or what explains a noise: "", ReasonDrift or ReasonSetup
	// Change is the ratio that counts: PerLimit's where both had to agree and it
	// shows less change, else Raw's. Above 1 is faster, also for latencies.
	Change float64 `json:"change"`
	// Least is the least Change that the rounds leave possible: the low end of
	// Raw's interval or of PerLimit's, whichever is higher where both count. 0: not
	// known.
	Least float64 `json:"least"`
}

// Diff compares two results, b with a.
type Diff struct {
	Environment []Difference `json:"environment"` // empty: nothing differs
	Limit       *Delta       `json:"limit"`       // flushes a second of the limit loop; null where one has none
	Drifted     bool         `json:"drifted"`     // the limit itself differs significantly, whatever the reason
	// BinlogLimit and BinlogDrifted are the same of the binlog's disk, where that is
	// another one.
	BinlogLimit   *Delta `json:"binlog_limit,omitempty"`
	BinlogDrifted bool   `json:"binlog_drifted,omitempty"`
	// LimitSetups and BinlogLimitSetups are the fields in which the setup of the two
	// limit loops differs: of environment, or of the loop itself (limit.flush_method).
	// Where there is one, a limit that differs is not known to be the disk's drift.
	LimitSetups       []string `json:"limit_setups,omitempty"`
	BinlogLimitSetups []string `json:"binlog_limit_setups,omitempty"`
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
// and the second alone the limit loop's own noise, to all cells at once. The limit
// is that of the disks whose flushes the cell waits for. Where only the first
// differ, and the second leave that difference possible, nothing can be told.
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
	d.Limit, d.Drifted = limitDelta(a.Limit, b.Limit)
	d.BinlogLimit, d.BinlogDrifted = limitDelta(a.BinlogLimit, b.BinlogLimit)
	d.LimitSetups = limitSetups(d.Environment, "limit", redoLoop, a.Limit, b.Limit)
	d.BinlogLimitSetups = limitSetups(d.Environment, "binlog_limit", binlogLoop, a.BinlogLimit, b.BinlogLimit)
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
	if Quick(a) || Quick(b) {
		for i := range d.Cells {
			if c := &d.Cells[i]; len(d.Blocked) == 0 && c.Reason != ReasonFewRounds {
				c.Outcome, c.Reason = Inconclusive, ReasonQuick
			}
		}
	}
	for _, i := range onlyA {
		d.OnlyA = append(d.OnlyA, sa[i].name)
	}
	for _, i := range onlyB {
		d.OnlyB = append(d.OnlyB, sb[i].name)
	}
	return d
}

// limitDelta compares two limit loops; nil where one has no round.
func limitDelta(a, b *result.LimitSummary) (d *Delta, drifted bool) {
	x, y := limitRates(a), limitRates(b)
	if len(x) == 0 || len(y) == 0 {
		return nil, false
	}
	limit := NewDelta(x, y)
	return &limit, limit.Significant()
}

// limitRates are the rounds of a limit loop that ran their whole time.
func limitRates(l *result.LimitSummary) []float64 {
	if l == nil {
		return nil
	}
	var rates []float64
	for i := range l.Rounds {
		if r := &l.Rounds[i]; !r.Partial && r.FlushPerS > 0 {
			rates = append(rates, r.FlushPerS)
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
	c.Change, c.Least = c.change(both), c.least(both)
	switch {
	case len(d.Blocked) > 0:
		c.Outcome, c.Reason = Inconclusive, d.Blocked[0]
	case !ok, len(x.raw) < MinRounds, len(y.raw) < MinRounds:
		c.Outcome, c.Reason = Inconclusive, ReasonFewRounds
	case both:
		c.judge(d.moved(a.onRedo || b.onRedo, a.onBinlog || b.onBinlog))
	case !c.Raw.Significant():
	case a.blind || b.blind:
		c.Outcome, c.Reason = Inconclusive, ReasonNoLimit
	default:
		c.claim()
	}
	return c
}

// moved says why the limit of a cell on these disks differs; "": it does not.
func (d *Diff) moved(onRedo, onBinlog bool) (reason string) {
	redo, binlog := onRedo && d.Drifted, onBinlog && d.BinlogDrifted
	switch {
	case redo && len(d.LimitSetups) > 0, binlog && len(d.BinlogLimitSetups) > 0:
		return ReasonSetup
	case redo, binlog:
		return ReasonDrift
	}
	return ""
}

// judge weighs raw and normalised rounds of a cell that waits for the disk. moved is
// why its limit differs; "": it does not.
func (c *CellDiff) judge(moved string) {
	raw, limited := c.Raw.Significant(), c.PerLimit.Significant()
	same := (c.Raw.Ratio > 1) == (c.PerLimit.Ratio > 1)
	switch {
	case raw && limited && same:
		c.claim()
	case limited && moved != "":
		// The cell stayed while the disk moved: a change that the drift hides,
		// or a cell that follows the disk less than the limit loop does.
		c.Outcome, c.Reason = Inconclusive, moved
	case raw && c.PerLimit.Covers(c.Raw.Ratio):
		c.Outcome, c.Reason = Inconclusive, ReasonNoisy
	case raw && moved != "":
		c.Reason = moved
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
	raw := c.turn(c.Raw.Ratio)
	if !both {
		return raw
	}
	limited := c.turn(c.PerLimit.Ratio)
	if raw <= 0 || limited <= 0 {
		return raw
	}
	if max(limited, 1/limited) < max(raw, 1/raw) {
		return limited
	}
	return raw
}

// least is the least change that the rounds leave possible. Where the rounds beside
// their limit count too, either may rule a slowdown out: the first do when nothing
// got slower at all, the second when it was the disk.
func (c *CellDiff) least(both bool) float64 {
	low := func(d *Delta) float64 {
		switch {
		case d.Confidence == 0:
			return 0
		case c.LowIsGood:
			return c.turn(d.Hi)
		}
		return d.Lo
	}
	if !both {
		return low(&c.Raw)
	}
	return max(low(&c.Raw), low(c.PerLimit))
}

// turn makes a ratio of latencies one that is above 1 when faster.
func (c *CellDiff) turn(ratio float64) float64 {
	if c.LowIsGood && ratio > 0 {
		return 1 / ratio
	}
	return ratio
}

// SlowerThan lists the cells of d that are slower by more than the share limit
// (0.05: 5 %), and those of which that cannot be told: the inconclusive ones, and
// those whose interval reaches below. A gate passes when both are empty.
func (d *Diff) SlowerThan(limit float64) (slower, unknown []*CellDiff) {
	for i := range d.Cells {
		switch c := &d.Cells[i]; {
		case c.Outcome == Inconclusive:
			unknown = append(unknown, c)
		case c.Outcome == Faster:
		case c.Outcome == Slower && c.Change < 1-limit:
			slower = append(slower, c)
		case c.Least < 1-limit:
			unknown = append(unknown, c)
		}
	}
	return slower, unknown
}
