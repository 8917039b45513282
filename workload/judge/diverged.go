package judge

import (
	"maps"
	"slices"

	"flushbench/workload"
)

// Difference is a transaction that one log has and the other lacks.
type Difference struct {
	Client int
	Seq    uint64 // of the client, as in the ledger
	// Engine: the engine has it; otherwise the binlog has.
	Engine bool
	// Number is its number in the binlog (GTID sequence); 0 where the binlog lacks it.
	Number uint64
	Acked  bool     // it had been acknowledged
	Rows   []uint64 // keys that it changes, ascending, the client's note left out
}

// diverge names the transactions that only one log has, and the rows that differ for
// it between the recovered engine and a table that is made of the binlog. REQUIRES:
// compare; both logs.
func (t *trial) diverge() {
	o := &t.out
	if t.found.binlog == nil || o.EngineAhead+o.BinlogAhead == 0 {
		return
	}
	net := map[uint64]*part{}
	for i, k := range t.claim {
		inEngine, inBinlog := t.in(i)
		txn := t.txns.NewTxn(uint32(i))
		for n := min(inEngine, inBinlog); n < max(inEngine, inBinlog); n++ {
			if t.txns.Next(uint32(i), n, txn); txn.Rollback || !txn.Writes() {
				continue
			}
			d := Difference{Client: i, Seq: n + 1, Engine: inEngine > inBinlog, Acked: n < k.acked, Rows: t.changed(txn, net)}
			if !d.Engine {
				d.Number = t.number(i, d.Seq)
			}
			o.Differences = append(o.Differences, d)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(net)) {
		if p := net[key]; p.setsC || p.setsK || p.adds != 0 {
			o.Rows = append(o.Rows, key)
		}
	}
}

// changed returns the rows of the table that a transaction changes, and adds what it
// does to them, and to the client's note, to net.
func (t *trial) changed(txn *workload.Txn, net map[uint64]*part) (rows []uint64) {
	for i := range txn.Ops {
		op := &txn.Ops[i]
		if !op.Kind.Writes() {
			continue
		}
		p := net[op.Key]
		if p == nil {
			p = new(part)
			net[op.Key] = p
		}
		if p.apply(op); op.Key < t.txns.Spec().Rows || op.Key >= t.txns.TableRows() {
			rows = append(rows, op.Key)
		}
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

// number is the number that a client's transaction has in the binlog.
func (t *trial) number(client int, seq uint64) uint64 {
	for _, e := range t.found.order {
		if e.client == client && e.to == seq {
			return e.seq
		}
	}
	return 0
}

// beyond notes what one log has alone though the protocol does not explain it: of
// each client it explains the one transaction that was on its way from the first log
// to the second, and that nobody was told of.
func (t *trial) beyond(engine bool) {
	for i := range t.claim {
		inEngine, inBinlog := t.in(i)
		first, second, name := inEngine, inBinlog, "engine"
		if !engine {
			first, second, name = inBinlog, inEngine, "binlog"
		}
		if n := t.count(i, second, first); n > 1 {
			t.out.violate("client %d: the %s alone has %d transactions, up to sequence %d: one can have been on its way to the other log", i, name, n, first)
		}
	}
}
