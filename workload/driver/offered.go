package driver

import "flushbench/metrics"

// OpenLoop is what became of the arrivals of a paced load.
//
// INVARIANT: BacklogBegin + Offered = Commits + Rollbacks + Skipped + Backlog,
// where Commits and Rollbacks are the Outcome's.
type OpenLoop struct {
	Offered int64 // intended starts in the window
	// Skipped were never started: they were later than Config.LatencyLimit
	// when their turn came, or the backlog had reached Config.MaxBacklog.
	Skipped int64
	// Late are those of the commits whose response time was above
	// Config.LatencyLimit; 0 without one.
	Late int64
	// Arrivals that were due, and neither done nor skipped: at the begin and
	// the end of the window, and the most that were seen in it. Those under way
	// count. Their latency is in no histogram.
	BacklogBegin, Backlog, BacklogMax int64
	// Overloaded says that the target did not carry the rate: what was offered
	// and not done grew over the whole window, or reached Config.MaxBacklog.
	// Then latencies depend on how long the cell lasted.
	Overloaded bool
}

// slots is how finely a book tells when something happened.
const slots = 32

// book counts by time: before the window, in each part of it, and after.
type book struct {
	window metrics.Window
	before int64
	in     [slots]int64
}

func newBook(w metrics.Window) book { return book{window: w} }

// add counts one at the time t.
func (b *book) add(t int64) {
	switch {
	case t < b.window.From:
		b.before++
	case t < b.window.Until:
		b.in[(t-b.window.From)*slots/b.window.Length()]++
	}
}

// merge adds another book of the same window.
func (b *book) merge(o *book) {
	b.before += o.before
	for i, n := range o.in {
		b.in[i] += n
	}
}

// inside is the sum over the window.
func (b *book) inside() (n int64) {
	for _, v := range b.in {
		n += v
	}
	return n
}

// openLoop adds up what became of the arrivals. REQUIRES: all have ended.
func (c *cell) openLoop() OpenLoop {
	offered, skipped, peak := c.dealer.close(c.mu.until)
	done := newBook(c.window)
	o := OpenLoop{BacklogMax: peak}
	for _, w := range c.workers {
		done.merge(w.done)
		o.Late += w.late
	}
	o.Offered, o.Skipped = offered.inside(), skipped.inside()
	o.BacklogBegin = offered.before - done.before - skipped.before
	o.Backlog = o.BacklogBegin + o.Offered - done.inside() - o.Skipped
	o.BacklogMax = max(o.BacklogMax, o.BacklogBegin, o.Backlog)
	o.Overloaded = o.BacklogMax > c.cfg.MaxBacklog || c.mu.ended == EndDuration && outgrown(offered, &done)
	return o
}

const (
	// carried is the share of what was offered that has to be done: less is
	// more than noise.
	carried = 0.97
	// fewest is how many more than at the begin must be undone at the end.
	fewest = 10
	// even is the share of an even growth that each part of the window needs.
	// A stall, however long, leaves parts without any.
	even = 0.25
)

// outgrown reports whether what was offered and not done grew over the whole
// window: by more than noise from its begin to its end, and from each quarter to
// the next.
func outgrown(offered, done *book) bool {
	const quarter = slots / 4
	undone := 0.0
	var mean [4]float64
	for i := range slots {
		undone += float64(offered.in[i] - done.in[i])
		mean[i/quarter] += undone / quarter
	}
	growth := undone
	if growth < fewest || growth < (1-carried)*float64(offered.inside()) {
		return false
	}
	for i := 1; i < len(mean); i++ {
		if mean[i]-mean[i-1] < even*growth/4 {
			return false
		}
	}
	return true
}
