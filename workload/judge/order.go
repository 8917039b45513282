package judge

import "flushbench/groupcommit"

// order holds what is there against what is there besides: a log loses from its end
// only, the engine has the transactions of the binlog in its order, and the recovery
// has counted right.
func (t *trial) order() {
	t.fromTheEnd()
	if t.found.binlog == nil {
		return
	}
	t.inTheOrderOfTheBinlog()
	o := &t.out
	if uint64(o.EngineAhead) != t.found.engineAhead || uint64(o.BinlogAhead) != t.found.binlogAhead {
		o.violate("recovery reports the engine ahead by %d and the binlog by %d; it is %d and %d",
			t.found.engineAhead, t.found.binlogAhead, o.EngineAhead, o.BinlogAhead)
	}
}

// fromTheEnd notes acknowledged transactions that a log lacks though it goes on behind
// where they end: the redo log by its position, the binlog by the number of its last
// transaction.
func (t *trial) fromTheEnd() {
	name, end := "redo log, which ends at LSN", t.found.end
	if n := len(t.found.order); t.found.binlog != nil {
		name, end = "binlog, which ends with transaction", 0
		if n > 0 {
			end = t.found.order[n-1].seq
		}
	}
	for i, k := range t.claim {
		_, there := t.in(i)
		last := min(t.upTo(i, end), k.last)
		if n := t.count(i, there, last); n > 0 {
			t.out.Gaps += n
			t.out.violate("client %d: sequences %d to %d were acknowledged and are gone from the middle of the %s %d", i, there+1, last, name, end)
		}
	}
}

// inTheOrderOfTheBinlog notes transactions that the engine has though it lacks one
// before them in the binlog.
//
// Without two-phase commit there is none: the engine commits in the order of the binlog,
// and its log loses from the end. Nor is there one where the redo log keeps the PREPARE
// of all that the binlog has. Elsewhere the end of the redo log may be lost that holds the
// PREPARE of one and not that of the next, since transactions are prepared before their
// order is known. Who comes later in the binlog and was prepared earlier was under
// way when the one that is lost was prepared: of each client that is one at the most.
func (t *trial) inTheOrderOfTheBinlog() {
	o := &t.out
	most := 0
	if t.Subject.Database.Stages.Protocol == groupcommit.TwoPhase && !o.Promise.Redo {
		most = 1
	}
	lacks := uint64(0) // the first that the engine does not have
	behind := make([]int, len(t.found.engine))
	for _, e := range t.found.order {
		switch has := e.to <= t.found.engine[e.client]; {
		case !has && lacks == 0:
			lacks = e.seq
		case has && lacks != 0:
			if behind[e.client]++; behind[e.client] > most {
				o.Reordered++
				o.violate("client %d: the engine has sequence %d, transaction %d of the binlog, but lacks transaction %d before it", e.client, e.to, e.seq, lacks)
			}
		}
	}
}
