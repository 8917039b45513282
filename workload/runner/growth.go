package runner

import (
	"math"

	"flushbench/engine/bufpool"
	"flushbench/engine/vfs"
	"flushbench/workload"
)

const (
	// databaseWriteRate bounds what one transactional cell writes: bytes a second, in
	// logs and pages. The bank with a pool of 16 MiB wrote 0.76e9 on two processors,
	// nearly all of it pages, in place and before that to the doublewrite file.
	databaseWriteRate = 1.5e9
	// databaseRate bounds what it writes to files that it does not write over: twice
	// what stays on disk.
	databaseRate = 300e6
	// slotHead is more than what a row has beside its c in a page, an undo record or an
	// event.
	slotHead = 64
	// txnHead is more than what a transaction takes in a log beside its rows.
	txnHead = 1024
)

// txnBytes is what one transaction writes at the most, in bytes. Pages that hold one
// large row each are half empty: so undo and rows count twice.
type txnBytes struct {
	redo   float64
	undo   float64 // stays until purge has passed it: not before the end, with a view that is held
	rows   float64 // that are added
	events float64 // in the binlog
	pages  float64 // written, in place and to the doublewrite file
}

// txnBytes REQUIRES: the cell is transactional.
func (s *Spec) txnBytes() txnBytes {
	row := float64(s.Load.RowBytes + slotHead)
	rows := float64(s.Load.RowsPerTxn)
	if k := s.Load.Kind; k == workload.KindWriteOnly || k == workload.KindReadWrite {
		rows *= 4 // two updates, a delete and an insert
	}
	if s.Load.Notes {
		rows++
	}
	t := txnBytes{redo: rows*(2*row+128) + txnHead, undo: 2 * (rows*row + txnHead/2)}
	if s.Load.Kind == workload.KindInsert {
		t.rows = 2 * rows * row
	}
	if s.Database.Binlog.Enabled {
		text := float64(max(s.Load.StatementBytes, s.Load.RowBytes+128))
		t.events = rows*(2*row+text+128) + txnHead
	}
	t.pages = (rows + t.undo/bufpool.PageSize + 3) * 2 * bufpool.PageSize
	return t
}

// txnRate is the most transactions a second that the load asks for; +Inf: as many as
// the machine runs.
func (s *Spec) txnRate() float64 {
	const slack = 1.1 // of arrivals, and of victims that are tried again
	if s.paced() && s.Rate > 0 {
		return s.Rate * slack
	}
	if busy := s.Think + s.TxnCPU; !s.paced() && busy > 0 {
		return float64(s.Clients) / busy.Seconds() * slack
	}
	return math.Inf(1)
}

// databaseWrites is the most bytes a second that a transactional cell writes.
func (s *Spec) databaseWrites() float64 {
	t := s.txnBytes()
	return min(databaseWriteRate, s.txnRate()*(t.redo+t.events+t.pages+2*s.rewritten()))
}

// growth is what a round of a transactional cell leaves on disk at the most, in bytes.
type growth struct{ undo, rows, events int64 }

func (s *Spec) grows() growth {
	seconds := (s.Warmup + s.Duration).Seconds()
	most := databaseRate * seconds / 2
	n, t := s.txnRate()*seconds, s.txnBytes()
	if whole := n * (t.undo + t.rows + t.events); whole <= most {
		return growth{int64(n * t.undo), int64(n * t.rows), int64(n * t.events)}
	}
	if t.events > 0 {
		return growth{undo: int64(most / 4), events: int64(most / 4 * 3)}
	}
	return growth{undo: int64(most)}
}

// grownPart is what the rounds of all cells on one database leave there. Each cell
// begins a binlog of its own, and purge makes room for the undo of the next one; the
// rows stay, unless each round gets new files.
func (p *Plan) grownPart(key string) (pages, events int64) {
	var undo, rows int64
	for i := range p.Specs {
		s := &p.Specs[i]
		if s.onServer() || s.logKey() != key {
			continue
		}
		g := s.grows()
		undo, events = max(undo, g.undo), max(events, g.events)
		if s.fresh() {
			rows = max(rows, g.rows)
		} else {
			rows += int64(p.Rounds) * g.rows
		}
	}
	return undo + rows, events
}

// databaseNeeds adds what pages and binlog of a cell hold before it begins: rows, and
// the last binlog file's blocks, which are there beforehand.
func (s *Spec) databaseNeeds(n *[numParts]int64) {
	n[partPages] += 2 * int64(s.Load.Rows) * int64(s.Load.RowBytes+slotHead)
	if b := &s.Database.Binlog; b.Enabled && b.Growth != vfs.GrowAppend {
		n[partBinlog] += b.MaxSize
	}
}

// needsWithin is what each part holds on disk at the most when the run may write so
// many bytes; 0: as many as it likes. Where the limit is what ends the growth, the
// parts share what it leaves.
func (p *Plan) needsWithin(limit int64) [numParts]int64 {
	fixed, grown := p.needs()
	var whole, room float64
	for i := range fixed {
		whole += float64(grown[i])
		room -= float64(fixed[i])
	}
	if room += float64(limit); limit <= 0 || whole <= room {
		room = whole
	}
	for i := range fixed {
		if room > 0 {
			fixed[i] += int64(float64(grown[i]) * (room / whole))
		}
	}
	return fixed
}
