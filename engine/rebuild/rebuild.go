// Package rebuild makes a table again from the binlog alone, as a restore does
// (Run), or while the binlog is written, as a replica does (Follower), and compares
// it row by row with what an engine holds (Compare).
//
// It executes what the events say: rows are set as they stand there, a statement
// is parsed and evaluated, row by row in the order of the primary key. What only the
// source knew at its moment is not in the text: a clock that is no statement's
// time, a random number, the row that came first. These are evaluated anew, as a
// server does, and rows may then differ from the source's; the report counts such
// statements.
//
// It is no recovery: it knows nothing of redo log and pages, and reads only whole
// transactions that stand in the files, flushed or not. Memory is bounded but for
// the table: a transaction is read from its file twice instead of being kept.
//
// INVARIANT: the table holds whole transactions, in the order of their GTIDs,
// without a gap.
package rebuild

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"flushbench/engine/binlog"
	"flushbench/engine/vfs"
)

// Options of a rebuild. Only FS and Dir are required.
type Options struct {
	FS  vfs.FS
	Dir string // the binlog's folder
	// Base is what the log goes on from.
	Base Base
	// Until is where to stop; the zero value: at the end of the log.
	Until Until
	// Now is the clock of whoever replays, for SYSDATE and UUID; nil: the
	// system's. NOW and CURRENT_TIMESTAMP are the statement's own time.
	Now func() time.Time
	// Zone is the time zone of whoever replays; nil: the system's.
	Zone *time.Location
	// Seed draws the random numbers of whoever replays; 0: any.
	Seed uint64
}

// Base is the content of the table before the log begins: a backup. The zero value
// is no table at all; the log has to create it.
type Base struct {
	// Seq is the GTID sequence of the last transaction that the rows hold:
	// everything up to it is left out. The table exists if it is not 0, or if
	// Rows is not.
	Seq uint64
	// Rows are the keys 0 to Rows-1, as Row says: it sets K and C of each, in
	// the order of the keys; false: there is no such row. C is kept.
	Rows uint64
	Row  func(key uint64, r *binlog.Row) (found bool, err error)
	// Images is for rows that nobody has kept: those below Rows (0: all) are not
	// known, and Row is not used. One that the log changes is taken from the image
	// before the change, which has all of it with a full row image; the others
	// stay unknown (Table.Known).
	Images bool
}

// An ApplyError says which transaction cannot be replayed, and why. A server would
// stop there as well.
type ApplyError struct {
	File   string // base name
	Offset int64  // of the event
	GTID   binlog.GTID
	Reason string
}

// Error implements error.
func (e *ApplyError) Error() string {
	return fmt.Sprintf("rebuild: %s at offset %d, transaction %v: %s", e.File, e.Offset, e.GTID, e.Reason)
}

// Run makes the table from the log in o.Dir up to o.Until. A tail that a crash left
// ends the log, and the report says so. Damage is a *binlog.CorruptionError, a
// transaction that cannot be replayed an *ApplyError. After an error the table may
// hold a part of a transaction; the report says what came before.
func Run(o Options) (*Table, Report, error) {
	p, err := newPlayer(o)
	if err != nil {
		return nil, Report{}, err
	}
	start := time.Now()
	err = p.play()
	if errors.Is(err, binlog.ErrPending) {
		err = p.atEnd()
	}
	p.report.Elapsed = time.Since(start)
	return p.table, p.report, errors.Join(err, p.tail.Close())
}

// newPlayer opens the log and loads the base.
func newPlayer(o Options) (*player, error) {
	tail, err := binlog.NewTail(o.FS, o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	seed := o.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	p := &player{o: o, tail: tail, table: new(Table)}
	p.session = session{now: o.Now, zone: o.Zone, rng: newRand(seed)}
	if err := p.begin(); err != nil {
		return nil, errors.Join(err, tail.Close())
	}
	return p, nil
}

// begin loads the base and checks that the log goes on from it.
func (p *player) begin() error {
	b := &p.o.Base
	if before := p.tail.Seq(); before > b.Seq && !b.Images {
		return fmt.Errorf("rebuild: the log in %s begins after GTID sequence %d with %s: the transactions before are gone, and the base holds those up to %d only",
			p.o.Dir, before, binlog.FileName(p.tail.First()), b.Seq)
	}
	p.report.LastSeq = max(b.Seq, p.tail.Seq())
	p.report.baseSeq = b.Seq
	if b.Images {
		if p.table.unknown = b.Rows; b.Rows == 0 {
			p.table.unknown = math.MaxUint64
		}
		return nil
	}
	var r binlog.Row
	for key := range b.Rows {
		r.Key = key
		found, err := b.Row(key, &r)
		if err != nil {
			return fmt.Errorf("rebuild: row %d of the base: %w", key, err)
		}
		if found {
			p.table.Put(key, r.K, r.C)
		}
	}
	return nil
}

// atEnd tells the end of a log from the tail that a crash left in it, and both from
// damage.
func (p *player) atEnd() error {
	r := &p.report
	r.EndFile, r.EndOffset, r.EndReason = p.tail.Pending()
	if whole, closed := p.tail.Whole(); whole {
		r.Closed, r.EndReason = closed, "end of file"
		return nil
	}
	found, err := binlog.Scan(p.o.FS, p.o.Dir, 0)
	if err != nil {
		return err
	}
	r.Closed, r.TornTrx = found.Clean, found.DroppedTrx
	r.EndOffset, r.EndReason = found.ValidPos, found.Reason
	if size := found.Files[len(found.Files)-1].Size; !found.Clean {
		r.TornBytes = size - found.ValidPos
	}
	return nil
}

// newRand returns the random numbers of a seed.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
