package runner

import (
	"context"
	"fmt"
	"slices"

	"flushbench/engine"
	"flushbench/engine/lsn"
	"flushbench/metrics"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/durability"
	"flushbench/workload/target/embedded"
)

// subject is what a cell measures: the engine of workload log, a database, or a server.
type subject interface {
	target() workload.Target
	stats() engine.DatabaseStats
	marks() engine.Watermarks
	// keeps maps the positions to what each crash kind keeps, in the units of
	// Session.LastEnd.
	keeps(safe marksOf) metrics.Watermarks
	err() error
	drain() error
	close() error
	// drive runs the clients until their time is over.
	drive(ctx context.Context, cfg driver.Config) (driver.Outcome, error)
	// edge reads into x what the subject has to be asked for at an edge of the measured
	// interval, before anything else is read: it may take a while.
	edge(x *snapshot)
}

// onEngine is what subjects in this process have in common.
type onEngine struct{}

func (onEngine) drive(ctx context.Context, cfg driver.Config) (driver.Outcome, error) {
	// In a closed loop only: under a schedule it counts when each thread gets to run.
	cfg.Batch = cfg.Arrivals == nil
	return driver.Run(ctx, cfg)
}

// warnOfUnbatched says once that the kernel refused the scheduling policy of clients in
// a closed loop.
func (r *run) warnOfUnbatched(o *driver.Outcome) {
	const code = "sched-batch"
	if o.Unbatched == nil || slices.ContainsFunc(r.res.Warnings, func(w result.Warning) bool { return w.Code == code }) {
		return
	}
	r.res.Warnings = append(r.res.Warnings, result.Warning{Code: code,
		Text:   fmt.Sprintf("closed loops ran without SCHED_BATCH, which the kernel refused (%v): waking the clients of a group may have delayed the next flush", o.Unbatched),
		Advice: "Allow sched_setattr in the container's filter of system calls, and compare with no result that had it."})
}

func (onEngine) edge(*snapshot) {}

// marksOf says which position a commit must have reached to be safe from each
// crash kind.
type marksOf = [metrics.NumKinds]durability.Watermark

// logSubject is workload log.
type logSubject struct {
	onEngine
	e *engine.Engine
}

func (s logSubject) target() workload.Target  { return embedded.New(s.e) }
func (s logSubject) marks() engine.Watermarks { return s.e.Watermarks() }
func (s logSubject) err() error               { return s.e.Err() }
func (s logSubject) drain() error             { return s.e.Drain() }
func (s logSubject) close() error             { return s.e.Close() }

func (s logSubject) stats() engine.DatabaseStats { return engine.DatabaseStats{Stats: s.e.Stats()} }

func (s logSubject) keeps(safe marksOf) metrics.Watermarks { return pick(safe, s.e.Watermarks()) }

// pick takes the position that counts for each crash kind.
func pick(safe marksOf, w engine.Watermarks) (out metrics.Watermarks) {
	for k, mark := range safe {
		out[k] = durability.Position(mark, w.Written, w.Flushed)
	}
	return out
}

// dbSubject is a transactional workload.
type dbSubject struct {
	onEngine
	db   *engine.Database
	seqs []uint64 // by client: how many transactions it has run before
	// binlog says which of the binlog's positions counts for each kind.
	binlog marksOf
	ahead  *aheads
}

func (s dbSubject) target() workload.Target     { return embedded.NewDatabase(s.db, s.seqs) }
func (s dbSubject) stats() engine.DatabaseStats { return s.db.Stats() }
func (s dbSubject) marks() engine.Watermarks    { return s.db.Marks().Watermarks }
func (s dbSubject) err() error                  { return s.db.Err() }
func (s dbSubject) drain() error                { return s.db.Drain() }
func (s dbSubject) close() error                { return s.db.Shutdown() }

// sampled takes a sample of the tracker, and what of it would be lost altogether.
func (s dbSubject) sampled(t *metrics.Tracker, take func()) {
	if !s.db.Options().Binlog.Enabled {
		take()
		return
	}
	s.ahead.sample(take, t.AtRiskNow)
}

// keeps implements subject. With a binlog a commit is safe when both its Xid and
// its PREPARE are kept; what one log would have alone is noted on the way.
func (s dbSubject) keeps(safe marksOf) metrics.Watermarks {
	m := s.db.Marks()
	if !s.db.Options().Binlog.Enabled {
		return pick(safe, m.Watermarks)
	}
	var out metrics.Watermarks
	redo, earlier := pick(safe, m.Watermarks), pick(safe, m.Earlier)
	for k, mark := range s.binlog {
		kept := s.db.KeepsOf(redo[k], earlier[k], durability.Position(mark, m.BinlogWritten, m.BinlogFlushed))
		out[k] = lsn.LSN(kept.Safe())
		s.ahead.note(metrics.Kind(k), kept.BinlogAhead(), kept.EngineAhead())
	}
	return out
}
