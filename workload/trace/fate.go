package trace

import (
	"slices"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/lsn"
	"flushbench/engine/recovery"
	"flushbench/engine/undo"
	"flushbench/metrics/result"
	"flushbench/workload/durability"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// marks are how far both logs have been written and flushed.
type marks struct {
	written, flushed       lsn.LSN
	binWritten, binFlushed binlog.Pos
	// cuts are where writes of the log have ended, in order: a crash that does not keep
	// all of what is not flushed leaves the log up to one of them, or to a sector.
	cuts []lsn.LSN
}

// oracle says what a crash would make of the transaction.
type oracle struct {
	redo, binlog durability.Setting
	hasBinlog    bool
}

// moment is what a crash at one step finds.
type moment struct {
	marks *marks
	stand engine.Stand
	acked bool
}

// crashes predicts each kind.
func (o *oracle) crashes(m *moment) []result.TraceCrash {
	var out []result.TraceCrash
	for _, k := range durability.Kinds.All() {
		out = append(out, result.TraceCrash{Kind: k.String(), Outcomes: o.outcomes(m, k)})
	}
	return out
}

// outcomes lists what may become of the transaction, the harmless first. What is
// surely kept of a log ends at the watermark that makes it safe from the crash; what
// may be kept, where it has been written to. A process takes nothing that was written.
func (o *oracle) outcomes(m *moment, k durability.Kind) []string {
	w := m.marks
	redo := redoCuts(m, durability.Position(o.redo.Watermark(k), w.written, w.flushed))
	bin := []binlog.Pos{durability.Position(o.binlog.Watermark(k), w.binWritten, w.binFlushed)}
	if k == durability.Process {
		redo, bin = []lsn.LSN{w.written}, []binlog.Pos{w.binWritten}
	} else if p := m.stand.Binlog; p > bin[0] && p <= w.binWritten {
		bin = append(bin, p)
	}
	seen := map[string]bool{}
	for _, r := range redo {
		for _, b := range bin {
			seen[o.fate(m, r, b)] = true
		}
	}
	return slices.DeleteFunc(result.Fates(), func(f string) bool { return !seen[f] })
}

// redoCuts lists where a crash may leave the end of the log, as far as that makes a
// difference for the transaction, from sure on.
func redoCuts(m *moment, sure lsn.LSN) []lsn.LSN {
	w := m.marks
	out := []lsn.LSN{sure}
	add := func(at lsn.LSN) {
		if at > sure && at <= w.written {
			out = append(out, at)
		}
	}
	for _, c := range w.cuts {
		add(c)
	}
	for _, end := range []lsn.LSN{m.stand.Prepared, m.stand.Committed} {
		add(end.AlignDown(sector))
		add(end.AlignUp(sector))
	}
	add(w.written)
	return out
}

// fate is what recovery makes of a transaction of which a crash leaves the redo log
// up to one position and the binlog up to another.
func (o *oracle) fate(m *moment, redo lsn.LSN, bin binlog.Pos) string {
	xid, prepare, commit := m.stand.Keeps(redo, bin)
	const name, seq = 1, 2 // of this transaction in both logs; the one before has 1
	u := undo.Unfinished{ID: name, XID: name, State: undo.Active}
	if prepare {
		u.State = undo.Prepared
	}
	var unfinished []undo.Unfinished
	engineSeq := uint64(seq)
	if !commit {
		unfinished, engineSeq = append(unfinished, u), seq-1
	}
	rep := recovery.Report{Binlog: o.hasBinlog, LastSeq: seq - 1}
	var whole []binlog.Committed
	if xid {
		whole, rep.LastSeq = append(whole, binlog.Committed{Xid: name, Seq: seq}), seq
	}
	recovered := false
	err := recovery.Resolve(unfinished, whole, engineSeq,
		func(_ undo.Unfinished, commit bool) (lsn.LSN, error) { recovered = commit; return 0, nil },
		func(uint64) (lsn.LSN, error) { return 0, nil }, &rep)
	switch {
	case err != nil: // two of one name alone make it fail
		return result.FateLost
	case rep.EngineAhead > 0:
		return result.FateEngineAhead
	case rep.BinlogAhead > 0:
		return result.FateBinlogAhead
	case commit:
		return result.FateCommitted
	case recovered:
		return result.FateRecovered
	case m.acked:
		return result.FateLost
	}
	return result.FateRolledBack
}

// place is where bytes of a log are that end at end: as deep as they surely are.
func place[P ~uint64](s durability.Setting, end, written, flushed P) string {
	if end == 0 {
		return ""
	}
	safe := func(k durability.Kind) bool { return end <= durability.Position(s.Watermark(k), written, flushed) }
	switch {
	case safe(durability.Power):
		return result.PlaceDisk
	case safe(durability.OS), end <= written && s.Method.Direct():
		return result.PlaceDiskCache
	case safe(durability.Process):
		return result.PlacePageCache
	}
	return result.PlaceMemory
}
