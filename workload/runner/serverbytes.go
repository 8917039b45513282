package runner

import (
	"runtime"
	"time"

	"flushbench/workload"
	"flushbench/workload/target"
)

// What servers hold on disk at the most.

const (
	// txnCPU and rowCPU are less CPU time than any server needs for a transaction and
	// for each row that it changes: they bound how many there are.
	txnCPU = 30 * time.Microsecond
	rowCPU = 5 * time.Microsecond
	// rowFrame is what stands around a row in a page or a binlog, eventsBytes what stands
	// around a transaction in a binlog.
	rowFrame    = 100
	eventsBytes = 400
)

// emptyBytes is what a private server of a product holds without our tables: its
// system tables, redo log, undo logs and temporary files. The redo log of PostgreSQL
// grows to max_wal_size, 1 GB, and beyond while a checkpoint is late.
func emptyBytes(p target.Product) int64 {
	if p == target.PostgreSQL {
		return 1700 << 20
	}
	return 600 << 20
}

// serversNeed is what the servers on this machine hold on disk at the most. Nobody
// knows beforehand whether the disk of one that runs already is this one.
func (p *Plan) serversNeed() (n int64) {
	type one struct{ label, buffering string }
	seen := map[one]bool{}
	binlogs := map[one]int64{} // of the cell of a private server that writes most
	for i := range p.Specs {
		s := &p.Specs[i]
		if !s.onServer() || s.Asked.Away {
			continue
		}
		private := s.Asked.Product != 0
		key := one{label: s.Asked.Server}
		if private {
			key.buffering = s.Asked.Buffering
		}
		if !seen[key] {
			seen[key] = true
			n += s.tableBytes()
			if private {
				n += emptyBytes(s.Asked.Product)
			}
		}
		pages, events := s.serverGrows()
		n += int64(p.Rounds) * pages
		if private {
			binlogs[key] = max(binlogs[key], events)
		} else {
			n += int64(p.Rounds) * events // nobody removes them
		}
	}
	for _, most := range binlogs {
		n += 2 * most // the cell's, and that of the one before until recovery needs it no more
	}
	return n
}

// tableBytes is what the rows of a server's tables take in the beginning, with their
// index.
func (s *Spec) tableBytes() int64 { return 2 * int64(s.Load.Rows) * int64(s.Load.RowBytes+rowFrame) }

// serverGrows is what one round of a cell adds to a server's tables, and to its binlog,
// at the most.
func (s *Spec) serverGrows() (pages, events int64) {
	rows := int64(max(s.Load.RowsPerTxn, 1))
	if k := s.Load.Kind; k != workload.KindInsert && k != workload.KindUpdate {
		rows = max(4, 3*rows) // what a bank's or sysbench's transaction changes
	}
	work := txnCPU + time.Duration(rows)*rowCPU
	rate := float64(runtime.NumCPU()) / work.Seconds()
	if s.paced() && s.Rate > 0 {
		rate = min(rate, 1.1*s.Rate)
	}
	row := int64(s.Load.RowBytes + rowFrame)
	seconds := (s.Warmup + s.Duration).Seconds()
	grown := func(bytes int64) int64 { return int64(min(rate*float64(bytes), databaseRate/2) * seconds) }
	// InnoDB changes rows in place, and purge keeps up with what that leaves behind.
	if s.Load.Kind == workload.KindInsert || s.Asked.Product != target.MariaDB && s.Asked.Product != target.MySQL {
		pages = grown(2 * rows * row)
	}
	if s.Asked.Pair.SyncBinlog >= 0 {
		// A row before and after, and the text of its statement.
		events = grown(eventsBytes + rows*(4*row+int64(s.Load.StatementBytes)))
	}
	return pages, events
}
