package stats

import (
	"slices"

	"flushbench/metrics/result"
)

// waited says for which log's flushes the commits of a cell wait.
type waited struct {
	redo   bool
	binlog bool
	every  bool // each group of commits waits for one, not only every n-th (sync_binlog above 1)
}

func waitedFor(p *result.Params) waited {
	w := waited{redo: p.Policy == "1" || p.Policy == "3", binlog: p.SyncBinlog != nil && *p.SyncBinlog > 0}
	w.every = w.redo || w.binlog && *p.SyncBinlog == 1
	return w
}

// busyCPU is the share of the machine's processors in use from which on they may
// be what bounds a cell.
const busyCPU = 0.7

// waits reports whether the disk's flushes set the pace of the cell, so that the
// disk's drift is its own.
func waits(c *result.Cell) bool {
	w := waitedFor(&c.Params)
	switch c.Bound {
	case result.BoundFlush, result.BoundUnknown, "":
		return true
	case result.BoundRate:
		return w.every || slices.ContainsFunc(c.Rounds, func(r result.Round) bool { return r.FlushBusyShare != nil })
	case result.BoundCPU:
		// Results up to v0.1 say so of each cell whose redo log is not flushed at
		// commit, whatever its binlog did.
		return w.every && !w.redo && !keptBusy(c)
	}
	return false
}

// keptBusy reports whether the cell is known to have kept the processors busy.
func keptBusy(c *result.Cell) bool {
	busy := Collect(c, func(r *result.Round) (float64, bool) {
		if r.Idle.CPUShare == nil {
			return 0, false
		}
		return 1 - *r.Idle.CPUShare, true
	})
	return len(busy) > 0 && Median(busy) >= busyCPU
}

// limits are the limit loops of a result: the redo log's stands in each round of a
// cell, and that of the binlog's disk here, where it is another one.
type limits struct {
	apart  bool // the binlog has a disk of its own
	binlog map[int]*result.LimitRound
}

func limitsOf(r *result.Result) limits {
	l := limits{apart: r.BinlogLimit != nil, binlog: map[int]*result.LimitRound{}}
	for i := range r.Environment.Devices {
		l.apart = l.apart || slices.Contains(r.Environment.Devices[i].Holds, result.HoldsBinlog)
	}
	if r.BinlogLimit == nil {
		return l
	}
	for i := range r.BinlogLimit.Rounds {
		if b := &r.BinlogLimit.Rounds[i]; !b.Partial {
			l.binlog[b.Round] = b
		}
	}
	return l
}

// disks says which disks' limits belong to a cell. Where commits wait for no
// flush it is the redo log's, to show.
func (l *limits) disks(w waited) (redo, binlog bool) {
	binlog = w.binlog && l.apart
	return w.redo || !binlog, binlog
}

// limit is how long a flush takes in the limit loops of a round.
type limit struct {
	each float64 // s, of a turn of the loop
	p50  float64 // ns, of its flush call; 0: not known
}

// of returns the limit of a round: of a commit that waits for both logs on two
// disks, a flush on each, one after the other. ok is false when one is missing.
func (l *limits) of(w waited, r *result.Round) (sum limit, ok bool) {
	redo, binlog := l.disks(w)
	known := true
	add := func(perS float64, p50 *int64) bool {
		if perS <= 0 {
			return false
		}
		sum.each += 1 / perS
		if p50 != nil && *p50 > 0 {
			sum.p50 += float64(*p50)
		} else {
			known = false
		}
		return true
	}
	if redo && !add(r.Limit.FlushPerS, r.Limit.FlushNSP50) {
		return limit{}, false
	}
	if binlog {
		b := l.binlog[r.Round]
		if b == nil || !add(b.FlushPerS, b.FlushNS.P50) {
			return limit{}, false
		}
	}
	if !known {
		sum.p50 = 0
	}
	return sum, true
}

// perLimit is PerLimit by the limit of the disks that the cell waits for.
func (l *limits) perLimit(w waited) func(*result.Round) (float64, bool) {
	return func(r *result.Round) (float64, bool) {
		lim, ok := l.of(w, r)
		return r.TPS * lim.each, ok
	}
}

// perFlush divides a latency by the median flush of the limit loops of its round.
func (l *limits) perFlush(w waited, of func(*result.Round) (float64, bool)) func(*result.Round) (float64, bool) {
	return func(r *result.Round) (float64, bool) {
		v, ok := of(r)
		lim, has := l.of(w, r)
		if !ok || !has || lim.p50 == 0 {
			return 0, false
		}
		return v / lim.p50, true
	}
}

// blind reports whether the cell waits for a disk whose limit is not known, while
// the redo log's is.
func (l *limits) blind(c *result.Cell) bool {
	_, binlog := l.disks(waitedFor(&c.Params))
	return binlog && slices.ContainsFunc(FullRounds(c), func(r result.Round) bool {
		b := l.binlog[r.Round]
		return r.Limit.FlushPerS > 0 && (b == nil || b.FlushPerS <= 0)
	})
}
