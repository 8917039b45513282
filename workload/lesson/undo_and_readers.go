package lesson

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/table"
	"flushbench/engine/undo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/target/embedded"
)

// undoAndReaders is the lesson undo-and-readers.
func undoAndReaders() Lesson {
	return Lesson{
		Name:  "undo-and-readers",
		Title: "Why readers, rollback and crashes need undo",
		Claim: "A reader takes no locks, so one that stays open for long costs nothing.",
		Rule:  "The history of old versions that purge must keep for it: less than a tenth of the transactions committed meanwhile, and it holds; more than half of them, and it does not.",
		Takes: 15 * time.Second,
		Bytes: 2 << 30,
		Disk:  1 << 30,
		Run:   tellUndoAndReaders,
	}
}

// What undo-and-readers works with.
const (
	readerRows    = 2000
	readerLooks   = 200 // rows that the reader looks at twice
	readerWriters = 4
	// historyHolds and historyRefutes are shares of the transactions.
	historyHolds   = 0.1
	historyRefutes = 0.5
)

// openReader is what became of a database with a reader that stayed open.
type openReader struct {
	isolation undo.Isolation
	commits   int64         // by the writers meanwhile
	history   int64         // undo logs that purge could not remove, at its end
	changed   int           // of the rows that it looked at twice: how many were others the second time
	purge     time.Duration // from its end until the history was short again
	left      int64         // of it, when nobody waited any longer
}

func tellUndoAndReaders(ctx context.Context, env *Env) (*result.Lesson, error) {
	s := env.Story()
	s.Step("%s rows; %d writers change them one by one. A reader begins a transaction, looks at %d rows, waits, looks at them again, and ends.", thousands(readerRows), readerWriters, readerLooks)
	var all []*openReader
	var rows [][]string
	for _, i := range []undo.Isolation{undo.RepeatableRead, undo.ReadCommitted} {
		x := &openReader{isolation: i}
		if err := x.measure(ctx, env); err != nil {
			return nil, err
		}
		all = append(all, x)
		s.Step("%v: %s transactions committed meanwhile; %d of the reader's %d rows changed under its eyes; %s undo logs wait for purge, which then took %s.",
			i, thousands(x.commits), x.changed, readerLooks, thousands(x.history), x.purgeWords())
		rows = append(rows, []string{i.String(), thousands(x.commits), thousands(x.history), fmt.Sprintf("%d of %d", x.changed, readerLooks), x.purgeWords()})
		name := map[undo.Isolation]string{undo.RepeatableRead: "repeatable_read", undo.ReadCommitted: "read_committed"}[i]
		s.Figure("commits_"+name, float64(x.commits), "commits", "while the reader was open")
		s.Figure("history_"+name, float64(x.history), "undo logs", "when it ended")
		s.Figure("rows_changed_"+name, float64(x.changed), "rows", fmt.Sprintf("of %d that it read twice", readerLooks))
		s.Figure("purge_ns_"+name, float64(x.purge), "ns", "")
	}
	s.Table("A reader that stays open", []string{"isolation", "commits meanwhile", "history", "rows that changed", "purge"}, rows...)
	if err := tellRollbacks(s); err != nil {
		return nil, err
	}
	return judgeReaders(s, all[0], all[1]), nil
}

func (x *openReader) purgeWords() string {
	switch {
	case x.left > 0:
		return "more than " + seconds(x.purge)
	case x.purge < 100*time.Microsecond:
		return "no time"
	}
	return seconds(x.purge)
}

// measure lets the writers work while the reader is open.
func (x *openReader) measure(ctx context.Context, env *Env) (err error) {
	g, err := workload.NewGenerator(env.Seed, workload.Spec{Kind: workload.KindUpdate, Rows: readerRows, RowBytes: workload.DefaultRowBytes}, readerWriters+1)
	if err != nil {
		return err
	}
	o := engine.DatabaseOptions{Rows: readerRows, Isolation: x.isolation, BufferPool: 64 << 20}
	o.FS, o.Clients, o.Capacity = env.fs(), readerWriters+1, 64<<20
	o.Commit.Policy = groupcommit.Policy2
	if o.Dir, err = env.Folder("reader"); err != nil {
		return err
	}
	if err := embedded.CreateDatabase(o, g); err != nil {
		return err
	}
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(readerWriters)
	if err != nil {
		return err
	}
	if err := conn.Begin(); err != nil {
		return err
	}
	first, err := look(conn)
	if err != nil {
		return err
	}
	out, err := driver.Run(ctx, driver.Config{
		Target: embedded.NewDatabase(db, nil), Clients: readerWriters, Seed: env.Seed, Txns: g, Duration: env.Scaled(3 * time.Second), SampleEvery: -1,
	})
	if err != nil {
		return err
	}
	x.commits, x.history = out.Commits+out.After, db.Stats().Undo.HistoryLength
	second, err := look(conn)
	if err != nil {
		return err
	}
	for i := range first {
		if !bytes.Equal(first[i], second[i]) {
			x.changed++
		}
	}
	if err := conn.Commit(); err != nil {
		return err
	}
	return x.awaitPurge(ctx, db)
}

// look reads the first rows in one statement. Under READ COMMITTED its read view ends
// with it.
func look(conn *engine.Conn) (rows [][]byte, err error) {
	var row table.Row
	conn.NewStatement()
	for key := range uint64(readerLooks) {
		found, err := conn.Read(key, &row)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("lesson: row %d is gone", key)
		}
		rows = append(rows, bytes.Clone(row.C))
	}
	conn.NewStatement()
	return rows, nil
}

// awaitPurge waits until the history is short, for a while.
func (x *openReader) awaitPurge(ctx context.Context, db *engine.Database) error {
	const short, patience = 10, 15 * time.Second
	begin := clock.Now()
	for {
		x.purge = time.Duration(clock.Now() - begin)
		n := db.Stats().Undo.HistoryLength
		if n <= short {
			return nil
		}
		if x.purge > patience {
			x.left = n
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := db.Err(); err != nil {
			return err
		}
		clock.Sleep(time.Millisecond)
	}
}

// judgeReaders decides by the reader whose view stays open; closed is the one whose
// view ends with each statement.
func judgeReaders(s *Story, open, closed *openReader) *result.Lesson {
	share := func(x *openReader) float64 { return float64(x.history) / float64(max(1, x.commits)) }
	text := fmt.Sprintf("While its view was open %s transactions committed, and %s old versions had to be kept (%.0f %%); with a view for each statement %s of %s (%.0f %%).",
		thousands(open.commits), thousands(open.history), 100*share(open), thousands(closed.history), thousands(closed.commits), 100*share(closed))
	s.Figure("history_share", share(open), "", "undo logs that wait for purge, to transactions committed")
	switch {
	case open.commits < 10:
		return s.NotTestable(text, "too few transactions committed to tell")
	case open.changed > 0:
		return s.DoesNotHold(text, fmt.Sprintf("this engine broke its promise: %d rows changed within one read view", open.changed))
	case share(open) > historyRefutes:
		s.Advise("short transactions; or --isolation read-committed, whose view ends with each statement: then rows change under the reader's eyes (here %d of %d)", closed.changed, readerLooks)
		return s.DoesNotHold(text, "the old rows that the reader may still ask for lie in the undo logs, and purge must wait for it")
	case share(open) < historyHolds:
		return s.Holds(text, "purge did not have to wait for the reader")
	}
	return s.NotTestable(text, fmt.Sprintf("the history lies between %.0f and %.0f %% of the transactions", 100*historyHolds, 100*historyRefutes))
}

// tellRollbacks shows on the in-memory disk what else undo is for: a rollback, and the
// transactions that a crash interrupts.
func tellRollbacks(s *Story) error {
	const key = 5
	r, err := newRollbacks()
	if err != nil {
		return err
	}
	before, after, err := r.rollback(key)
	if err != nil {
		return err
	}
	s.Step("Rollback: row %d was %d, a transaction makes it %d and rolls back: it is %d again, from the undo log.", key, before, before+1, after)
	s.Figure("rollback_kept", float64(after-before), "", "what a rollback left of its change: 0 is right")
	was, is, rolledBack, err := r.crash(key)
	if err != nil {
		return err
	}
	s.Crashed(vfs.CrashPower, result.LessonMemory, 1)
	s.Step("Crash (in memory): the same change is on its way and not committed, but its redo is flushed with a neighbour's commit. Power cut. Recovery rolls back %d transaction: the row is %d.", rolledBack, is)
	s.Figure("interrupted_kept", float64(is-was), "", "what recovery left of an interrupted change: 0 is right")
	s.Figure("interrupted_rolled_back", float64(rolledBack), "transactions", "")
	return nil
}
