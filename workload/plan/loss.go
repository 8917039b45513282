package plan

import (
	"fmt"
	"math"
	"time"

	"flushbench/metrics/stats"
)

// The kernel writes dirty pages back when they are 30 s old and looks every 5 s
// (Linux, dirty_expire_centisecs and dirty_writeback_centisecs): what a log that
// nobody flushes may lose.
const writebackNS = 35e9

// windowIntervals is how many flush intervals a cell must last for its worst moment
// to be one.
const windowIntervals = 3

// loss is what a crash may take from a pair.
func (d *decision) loss(m *Measured, k Kind) LossSeen {
	var l LossSeen
	kept := map[Kind]bool{Process: m.Durability.Process, OS: m.Durability.OS, Power: m.Durability.Power}[k]
	n := m.Pair.SyncBinlog
	l.Unbounded = !kept && k != Process && n != nil && *n == 0
	cell := d.nearest(m, func(p *Point) bool { return p.AtRisk != nil && p.Params.Rate > 0 })
	if cell != nil {
		r := k.risk(cell.AtRisk)
		l.Measured = kept || cell.DurationS >= windowIntervals*d.disk.Interval.Seconds()
		l.AgeNS = float64(r.AgeNSMax)
		if n != nil && *n > 1 && !kept && k != Process {
			l.AgeNS = math.Max(l.AgeNS*stretch(cell.TPS.Median, float64(d.o.TPS)), d.timer(m))
		}
	}
	switch {
	case l.Unbounded:
		l.AgeNS, l.Measured = math.Max(l.AgeNS, writebackNS), false
	case kept && l.AgeNS == 0:
		l.Nothing = true
	case !kept && !l.Measured:
		l.AgeNS = d.timer(m)
	}
	l.Commits = l.AgeNS / 1e9 * float64(d.o.TPS)
	if t, ok := m.Trials[k]; ok && t.Proofs > 0 {
		l.Proven = &Proof{Trials: t.Proofs, WithLoss: t.WithLoss, LostMax: t.LostMax, AgeMaxNS: t.AgeMaxNS, Diverged: t.Diverged}
		if t.WithLoss == 0 {
			l.Proven.Bound = stats.LossBound(t.Proofs)
		}
	}
	return l
}

// stretch is how much longer a fixed number of groups takes at the asked rate than at
// the measured one, if they are the smaller: fewer commits come.
func stretch(measured, asked float64) float64 {
	if asked <= 0 || asked >= measured {
		return 1
	}
	return measured / asked
}

// timer is what policy 0 or 2 puts at risk at the least: its interval, and the flush.
func (d *decision) timer(m *Measured) float64 {
	if m.Pair.Policy == "1" || m.Pair.Policy == "3" {
		return 0
	}
	return float64(max(d.disk.Interval, time.Second)) + d.disk.FlushNSP50
}

// worst orders losses: 0 for nothing.
func (l LossSeen) worst() float64 {
	if l.Nothing {
		return 0
	}
	return math.Max(l.AgeNS, 1)
}

// judgeLoss holds what a crash may take against its limit.
func (d *decision) judgeLoss(r *Row, k Kind) {
	l := r.Loss[k]
	limit, asked := d.o.MaxLoss[k]
	if !asked {
		return
	}
	allowed := float64(limit.at(float64(d.o.TPS)))
	miss := Miss{What: MissLoss, Kind: k, Asked: allowed, Got: l.AgeNS}
	switch {
	case l.Proven != nil && l.Proven.WithLoss > 0 && limit == (Loss{}):
		miss.Text = fmt.Sprintf("a %s took up to %s commits in %d of %d trials", k.Words(), count(float64(l.Proven.LostMax)), l.Proven.WithLoss, l.Proven.Trials)
	case l.Nothing:
		return
	case l.Unbounded && allowed < writebackNS:
		miss.Text = fmt.Sprintf("a %s may take what the kernel has not written back, up to about 35 s: sync_binlog=0 flushes nothing", k.Words())
	case l.AgeNS > allowed:
		miss.Text = fmt.Sprintf("a %s may take %s", k.Words(), span(l.AgeNS))
		if limit == (Loss{}) {
			miss.Text += ", and nothing may be lost"
		} else {
			miss.Text += fmt.Sprintf(": %s too much", span(l.AgeNS-allowed))
		}
		if allowed > 0 && allowed <= 1e9 && (r.Pair.Policy == "2" || r.Pair.Policy == "0") {
			miss.Text += " (timer minimum 1 s)"
		}
	case !l.Measured:
		r.Unknown = append(r.Unknown, fmt.Sprintf("what a %s may take was not measured over %d flush intervals", k.Words(), windowIntervals))
		return
	default:
		return
	}
	r.Misses = append(r.Misses, miss)
}
