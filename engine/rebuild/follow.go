package rebuild

import (
	"context"
	"errors"
	"time"

	"flushbench/engine/binlog"
)

// Follower is a replica: it applies what stands in the binlog of a source that
// runs, as far as transactions are whole, whether they are flushed or not. One
// goroutine at a time.
type Follower struct{ p *player }

// NewFollower begins to follow the log in o.Dir; o.Until is heeded.
func NewFollower(o Options) (*Follower, error) {
	p, err := newPlayer(o)
	if err != nil {
		return nil, err
	}
	return &Follower{p: p}, nil
}

// Poll applies what has come and returns how many transactions that were. It does
// not wait. An error is final: it wraps binlog.ErrShorter if the source has
// crashed and cut off what the replica has.
func (f *Follower) Poll() (applied uint64, err error) {
	before, start := f.p.report.Transactions, time.Now()
	err = f.p.play()
	if errors.Is(err, binlog.ErrPending) {
		err = nil
	}
	f.p.report.Elapsed += time.Since(start)
	r := &f.p.report
	r.EndFile, r.EndOffset, r.EndReason = f.p.tail.Pending()
	return r.Transactions - before, err
}

// Follow polls every interval (at least a millisecond) until ctx ends, which is no
// error, Until is reached, or something fails.
func (f *Follower) Follow(ctx context.Context, interval time.Duration) error {
	ticker := time.NewTicker(max(interval, time.Millisecond))
	defer ticker.Stop()
	for {
		if _, err := f.Poll(); err != nil || f.p.report.Stopped {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Seq is the GTID sequence of the last transaction that the replica has.
func (f *Follower) Seq() uint64 { return f.p.report.LastSeq }

// Table is the replica's table. It changes with Poll.
func (f *Follower) Table() *Table { return f.p.table }

// Report says what the replica has done. Elapsed is the time within Poll.
func (f *Follower) Report() Report { return f.p.report }

// Close stops following. The table stays.
func (f *Follower) Close() error { return f.p.tail.Close() }

// Lead is by how much a replica and its source differ after a crash of the source.
type Lead struct {
	Replica, Source uint64 // GTID sequence of the last transaction of each
	Ahead           uint64 // transactions that the replica has and the source lacks
	Behind          uint64 // transactions that the source has and the replica has not applied
	Diff            Diff   // of the rows; OnlyEngine are those of the source
}

// Lead compares the replica with its source, which has recovered. sourceSeq is the
// last GTID sequence in the source's binlog after its recovery
// (recovery.Report.LastSeq), rows its table, as for Compare.
//
// NB: with two-phase commit the source's rows are those of its binlog. Without, or
// where its logs diverged, Diff has what the numbers do not say.
func (f *Follower) Lead(sourceSeq uint64, rows Source, keys uint64, most int) (Lead, error) {
	l := Lead{Replica: f.Seq(), Source: sourceSeq}
	if l.Replica > sourceSeq {
		l.Ahead = l.Replica - sourceSeq
	} else {
		l.Behind = sourceSeq - l.Replica
	}
	var err error
	l.Diff, err = Compare(f.Table(), rows, keys, most)
	return l, err
}
