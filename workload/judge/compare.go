package judge

import (
	"fmt"
	"math"
	"time"
)

// compare counts, client by client, and notes what can never be.
func (t *trial) compare() {
	o := &t.out
	oldest := int64(math.MaxInt64)
	for i, k := range t.claim {
		inEngine, inBinlog := t.in(i)
		t.plausible(i, k, inEngine, inBinlog)
		kept := max(inEngine, inBinlog)
		o.Recovered += t.count(i, k.base, min(inEngine, k.last))
		o.EngineAhead += t.count(i, inBinlog, inEngine)
		o.BinlogAhead += t.count(i, inEngine, inBinlog)
		o.UnackedPresent += t.count(i, max(k.last, k.base), kept)
		o.Missing += t.count(i, min(inEngine, inBinlog), k.last)
		sureEngine, sureBinlog := t.sure(i)
		o.SafeGone += t.count(i, inEngine, min(sureEngine, k.last))
		if t.found.binlog != nil {
			o.SafeGone += t.count(i, inBinlog, min(sureBinlog, k.last))
		}
		if lost := t.count(i, kept, k.last); lost > 0 {
			o.Lost += lost
			oldest = min(oldest, t.ackedAt(i, kept+1))
		}
	}
	if o.Lost > 0 {
		o.LostAgeNs = max(0, t.Began-oldest)
	}
	t.order()
}

// in returns a client's last sequence in each log; without a binlog both are the
// engine's.
func (t *trial) in(client int) (engine, binlog uint64) {
	engine = t.found.engine[client]
	if t.found.binlog == nil {
		return engine, engine
	}
	return engine, t.found.binlog[client]
}

// plausible notes what no crash explains.
func (t *trial) plausible(i int, k claim, inEngine, inBinlog uint64) {
	o := &t.out
	for _, in := range []struct {
		name string
		seq  uint64
	}{{"engine", inEngine}, {"binlog", inBinlog}} {
		if in.seq > k.begun {
			o.Phantom += int64(in.seq - k.begun)
			o.violate("client %d: the %s has sequence %d, only %d were begun", i, in.name, in.seq, k.begun)
			return
		}
	}
	if inEngine > k.base && t.noted(i, inEngine) != inEngine {
		o.HalfPresent++
		o.violate("client %d: its note says sequence %d, which commits nothing", i, inEngine)
	}
	if inEngine < k.base {
		o.violate("client %d: sequences %d to %d are gone, which were recovered before this crash", i, inEngine+1, k.base)
	}
	before := uint64(0) // the files were made for this trial
	if t.Before != nil {
		before = t.Before.Seqs[i]
	}
	if before != k.base {
		o.violate("client %d: the victim went on after sequence %d, the last recovery had ended with %d", i, k.base, before)
	}
}

// ackedAt is when a sequence was acknowledged, or as long ago as is known.
func (t *trial) ackedAt(client int, seq uint64) int64 {
	c := &t.State.Clients[client]
	if a, ok := c.At(max(seq, c.First)); ok {
		return a.At
	}
	return t.Began
}

// hold holds what is gone against what was promised.
func (t *trial) hold() {
	o := &t.out
	p := o.Promise
	switch {
	case t.found.binlog == nil || !p.Binlog || o.EngineAhead == 0:
	case p.EngineFirst:
		t.beyond(true)
	default:
		o.violate("the engine is ahead by %d transactions of a binlog that keeps all", o.EngineAhead)
	}
	switch {
	case t.found.binlog == nil || !p.Redo || o.BinlogAhead == 0:
	case p.BinlogFirst:
		t.beyond(false)
	default:
		o.violate("the binlog is ahead by %d transactions of a redo log that keeps all", o.BinlogAhead)
	}
	for i, k := range t.claim {
		inEngine, inBinlog := t.in(i)
		switch {
		case p.All() && k.last > min(inEngine, inBinlog):
			o.violate("%s", t.gone(i, min(inEngine, inBinlog)+1, k.last))
		case p.Binlog && t.found.binlog != nil && k.last > inBinlog:
			o.violate("%s, in the binlog, which keeps all", t.gone(i, inBinlog+1, k.last))
		case p.Engine && k.last > inEngine:
			o.violate("%s, in the engine, which keeps all", t.gone(i, inEngine+1, k.last))
		}
	}
}

// gone says which acknowledged sequences of a client are gone.
func (t *trial) gone(client int, from, to uint64) string {
	text := fmt.Sprintf("client %d: sequences %d to %d were acknowledged and are gone", client, from, to)
	c := &t.State.Clients[client]
	if a, ok := c.At(from); ok {
		text += fmt.Sprintf("; the first ended at %d, %v before the crash", a.End, time.Duration(t.Began-a.At).Round(time.Microsecond))
	}
	return text + fmt.Sprintf("; the redo log ends at LSN %d", t.found.end)
}
