package servers

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

// mostBytes is more than any cell adds to a server's tables, or to its binlog: bytes a
// second.
const mostBytes = 150e6

// Needs is what the servers of these cells that lie on this machine hold on disk at the
// most, in bytes. Nobody knows beforehand whether the disk of one that runs already is
// the run's.
func Needs(cells []Cell, rounds int) (n int64) {
	type one struct{ label, buffering string }
	seen := map[one]bool{}
	binlogs := map[one]int64{} // of the cell of a private server that writes most
	for i := range cells {
		c := &cells[i]
		if c.Away {
			continue
		}
		private := c.Product != 0
		key := one{label: c.Server}
		if private {
			key.buffering = c.Buffering
		}
		if !seen[key] {
			seen[key] = true
			n += c.tableBytes()
			if private {
				n += emptyBytes(c.Product)
			}
		}
		pages, events := c.grows()
		n += int64(rounds) * pages
		if private {
			binlogs[key] = max(binlogs[key], events)
		} else {
			n += int64(rounds) * events // nobody removes them
		}
	}
	for _, most := range binlogs {
		n += 2 * most // the cell's, and that of the one before until recovery needs it no more
	}
	return n
}

// tableBytes is what the rows of a server's tables take in the beginning, with their
// index.
func (c *Cell) tableBytes() int64 { return 2 * int64(c.Load.Rows) * int64(c.Load.RowBytes+rowFrame) }

// grows is what one round of a cell adds to a server's tables, and to its binlog, at the
// most.
func (c *Cell) grows() (pages, events int64) {
	rows := int64(max(c.Load.RowsPerTxn, 1))
	if k := c.Load.Kind; k != workload.KindInsert && k != workload.KindUpdate {
		rows = max(4, 3*rows) // what a bank's or sysbench's transaction changes
	}
	work := txnCPU + time.Duration(rows)*rowCPU
	rate := float64(runtime.NumCPU()) / work.Seconds()
	if c.Rate > 0 {
		rate = min(rate, 1.1*c.Rate)
	}
	row := int64(c.Load.RowBytes + rowFrame)
	grown := func(bytes int64) int64 { return int64(min(rate*float64(bytes), mostBytes) * c.Length.Seconds()) }
	// InnoDB changes rows in place, and purge keeps up with what that leaves behind.
	if c.Load.Kind == workload.KindInsert || c.Product != target.MariaDB && c.Product != target.MySQL {
		pages = grown(2 * rows * row)
	}
	if c.Pair.SyncBinlog >= 0 {
		// A row before and after, and the text of its statement.
		events = grown(eventsBytes + rows*(4*row+int64(c.Load.StatementBytes)))
	}
	return pages, events
}
