package audit

import (
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/durability"
)

// defaultWriteback is how long Linux keeps written bytes unless told otherwise, in
// seconds: they are old after 30, and looked for every 5.
const defaultWriteback = 35

// lagSeconds is how far a log writer that follows by itself may be behind: the
// longest nap that MySQL 8's takes.
const lagSeconds = 0.1

// crashes says what each kind of crash may take.
func crashes(f *Facts, p *promise) []Crash {
	all := make([]Crash, 0, durability.NumKinds)
	for kind := range durability.NumKinds {
		c := Crash{Kind: kind, Tables: p.redoLoss(f, kind), Damaged: p.damaged(f, kind)}
		if p.binlog {
			binlog := p.binlogLoss(f, kind)
			c.Binlog = &binlog
			if binlog.Extent != Nothing && p.kept == groupcommit.Policy1 {
				c.Tables = worse(c.Tables, p.undecided(f, kind))
			}
		}
		c.Commits = c.commits(f)
		all = append(all, c)
	}
	return all
}

// redoLoss is what is lost of the redo log.
func (p *promise) redoLoss(f *Facts, kind durability.Kind) Loss {
	place := f.holds(result.HoldsRedo)
	if p.unlogged || gone(place, kind) {
		return Loss{Extent: Unbounded}
	}
	if kind == durability.Power && barrierOff(place) != "" {
		return Loss{Extent: Unbounded}
	}
	switch p.setting.Extent(kind) {
	case durability.Nothing:
		return Loss{Extent: Nothing}
	case durability.Lag:
		return Loss{Extent: Lag, Seconds: lagSeconds, Most: lagSeconds}
	case durability.Interval:
		return Loss{Extent: Interval, Seconds: p.setting.Interval.Seconds(), Most: p.most}
	}
	return Loss{Extent: Unbounded, Seconds: f.writeback(kind)}
}

// binlogLoss is what the binlog lacks afterwards.
func (p *promise) binlogLoss(f *Facts, kind durability.Kind) Loss {
	place := f.holds(result.HoldsBinlog)
	if gone(place, kind) || kind == durability.Power && barrierOff(place) != "" {
		return Loss{Extent: Unbounded}
	}
	return p.groupsOf(f, kind)
}

// groupsOf is what sync_binlog leaves unflushed.
func (p *promise) groupsOf(f *Facts, kind durability.Kind) Loss {
	switch {
	case kind == durability.Process || p.every == 1:
		return Loss{Extent: Nothing}
	case p.every == 0:
		return Loss{Extent: Unbounded, Seconds: f.writeback(kind)}
	}
	l := Loss{Extent: Groups, Groups: p.every - 1}
	if flushes := f.Load.BinlogFlushesPS; flushes != nil && *flushes > 0 {
		perSecond := *flushes * float64(p.every)
		if commits := f.Load.CommitsPS; commits != nil && *commits > 0 {
			perSecond = min(perSecond, *commits) // a group has a commit at least
		}
		l.Seconds = float64(l.Groups) / perSecond
		l.Most = l.Seconds
	}
	return l
}

// undecided is what recovery rolls back in the tables under policy 1: transactions
// whose PREPARE is on disk, while the binlog lacks them and their COMMIT waits for a
// flush. That comes with the next group's PREPARE, or with the timer. Policy 3 has
// flushed it; under 0 and 2 the window of the redo log is about both records.
func (p *promise) undecided(f *Facts, kind durability.Kind) Loss {
	if kind == durability.Process {
		return Loss{Extent: Nothing}
	}
	l := Loss{Extent: Groups, Groups: 1, Most: p.most}
	if flushes := f.Load.RedoFlushesPS; flushes != nil && *flushes > 0 {
		l.Seconds = min(1 / *flushes, p.most)
	}
	return l
}

// writeback is after how long the kernel may be expected to have written back by
// itself what nobody flushed, in seconds: the age of the oldest commit that is lost
// with the kernel. A power cut may take more: nothing says that the device has let it
// out of its cache.
func (f *Facts) writeback(kind durability.Kind) float64 {
	switch {
	case kind == durability.Power:
		return 0
	case f.Writeback > 0:
		return f.Writeback
	}
	return defaultWriteback
}

// gone reports whether a crash takes all that lies in a place.
func gone(p *result.Place, kind durability.Kind) bool {
	return p != nil && kind != durability.Process && (p.Volatile || p.Device.Volatile)
}

// damaged reports whether a crash may leave pages torn, or without those that the log
// has no record of any more.
func (p *promise) damaged(f *Facts, kind durability.Kind) bool {
	pages := f.holds(result.HoldsPages)
	switch {
	case p.unlogged:
		return true
	case kind == durability.Process:
		return false
	case gone(pages, kind) || gone(f.holds(result.HoldsRedo), kind):
		return true
	case p.pagesTorn && !atomicPages(pages):
		return true
	case !p.setting.Method.Durable(): // fsync=off
		return true
	case kind == durability.Power && p.pagesLost:
		return pages == nil || pages.Device.WriteCache != result.CacheWriteThrough
	}
	return kind == durability.Power && (barrierOff(pages) != "" || barrierOff(f.holds(result.HoldsRedo)) != "")
}

// worse returns the loss that takes more.
func worse(a, b Loss) Loss {
	switch {
	case a.Extent == Nothing:
		return b
	case b.Extent == Nothing:
		return a
	case a.Extent == Unbounded || b.Extent == Unbounded:
		if a.Extent != Unbounded || b.Extent == Unbounded && b.Seconds == 0 {
			return b
		}
		return a
	case b.Seconds == 0 || a.Seconds != 0 && b.Seconds > a.Seconds:
		return b
	}
	return a
}

// Worst returns the larger of the two losses of c.
func (c *Crash) Worst() Loss {
	if c.Binlog == nil {
		return c.Tables
	}
	return worse(c.Tables, *c.Binlog)
}

// commits is the worst loss of c at the rate that was seen.
func (c *Crash) commits(f *Facts) *float64 {
	l := c.Worst()
	if l.Extent == Nothing {
		return new(float64)
	}
	if l.Seconds == 0 || f.Load.CommitsPS == nil || *f.Load.CommitsPS == 0 {
		return nil // of a server at rest nothing can be said: not that it loses none
	}
	n := l.Seconds * *f.Load.CommitsPS
	return &n
}

// Exceeds says what a crash of the kind may take when that is more than a time in
// seconds or, if commits is above 0, a number of commits; "" when it is not. What
// has no bound, and damage, is more than anything. A late timer counts.
func (c *Crash) Exceeds(seconds, commits float64) string {
	l := c.Worst()
	switch {
	case c.Damaged:
		return "may leave pages that cannot be repaired"
	case l.Extent == Nothing:
		return ""
	case l.Extent == Unbounded || l.Most == 0:
		return "may take " + TakenText(l)
	case commits > 0 && c.Commits == nil:
		return "may take " + TakenText(l) + ", and the rate is not known"
	case commits > 0 && *c.Commits*l.Most/l.Seconds > commits, commits == 0 && l.Most > seconds:
		return "may take " + TakenText(l)
	}
	return ""
}
