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
		l.AgeNS = float64(r.AgeNSMax)
		l.Measured = kept || cell.DurationS >= windowIntervals*d.window(m, l.AgeNS)
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
		l.AgeNS = math.Max(l.AgeNS, d.timer(m))
	}
	d.proofs(m, k, &l)
	l.Commits = l.AgeNS / 1e9 * float64(d.o.TPS)
	return l
}

// window is the time in seconds that passes between two flushes of what a crash may
// take, whose worst moment was ns old: the timer's, or, where each so many groups
// flush the binlog, as long as the oldest commit waited.
func (d *decision) window(m *Measured, ns float64) float64 {
	if m.Pair.Policy == "1" || m.Pair.Policy == "3" {
		return ns / 1e9
	}
	return d.disk.Interval.Seconds()
}

// proofs adds what crashes took. More than was seen at risk counts.
func (d *decision) proofs(m *Measured, k Kind, l *LossSeen) {
	t, ok := m.Trials[k]
	if !ok || t.Proofs <= 0 {
		return
	}
	l.Proven = &Proof{Trials: t.Proofs, WithLoss: t.WithLoss, LostMax: t.LostMax, AgeMaxNS: t.AgeMaxNS, Diverged: t.Diverged}
	if t.WithLoss == 0 {
		l.Proven.Bound = stats.LossBound(t.Proofs)
		return
	}
	l.Nothing, l.AgeNS = false, math.Max(l.AgeNS, float64(t.AgeMaxNS))
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
	allowed := limit.at(float64(d.o.TPS))
	miss := Miss{What: MissLoss, Kind: k, Asked: allowed, Got: l.AgeNS}
	switch {
	case l.Proven != nil && l.Proven.WithLoss > 0 && limit == (Loss{}):
		took := "took up to %s commits"
		if l.Proven.Diverged > 0 {
			took += ", from one log or from both,"
		}
		miss.Text = fmt.Sprintf("a %s "+took+" in %d of %d trials", k.Words(), count(float64(l.Proven.LostMax)), l.Proven.WithLoss, l.Proven.Trials)
	case l.Nothing:
		return
	case limit == (Loss{}) && l.AgeNS == 0: // by its durability: nobody saw how much
		miss.Text = fmt.Sprintf("a %s may take what the binlog has not flushed, and nothing may be lost", k.Words())
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
