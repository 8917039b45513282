package lesson

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"flushbench/engine"
	"flushbench/engine/rebuild"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// replicaAhead is the lesson replica-ahead.
func replicaAhead() Lesson {
	return Lesson{
		Name:  "replica-ahead",
		Title: "A replica that has what its source has lost",
		Claim: "After a crash of its source a replica may be ahead of it, unless sync_binlog=1.",
		Rule: "A replica follows the binlog while the source works, and the source crashes. With sync_binlog 0 and 100 the replica must be ahead of it at least once, " +
			"with 1 never.",
		WithRoot: "crashes of a real file system",
		Takes:    25 * time.Second,
		Bytes:    1 << 30,
		Run:      tellReplicaAhead,
	}
}

// sending is when a source sends a transaction to its replica: as soon as it has
// written the group to the binlog, or after the binlog was flushed.
type sending struct {
	sync  int
	early bool // before the flush, although sync_binlog is 1
}

// sendings are what the lesson compares. With sync_binlog=1 MySQL 5.7 and
// later send after the flush, with any other value right after the write; 5.6.14 never
// waited (bug 70669).
var sendings = []sending{{sync: 0}, {sync: 100}, {sync: 1}, {sync: 1, early: true}}

func (x sending) String() string {
	if x.early {
		return "1, sent before the flush"
	}
	return fmt.Sprint(x.sync)
}

// figure is the beginning of the names of its figures.
func (x sending) figure() string {
	if x.early {
		return "sync_binlog_1_sent_early"
	}
	return fmt.Sprintf("sync_binlog_%d", x.sync)
}

const aheadCrashes = 20 // of each, at Scale 1

func tellReplicaAhead(ctx context.Context, env *Env) (*result.Lesson, error) {
	s := env.Story()
	n := env.Count(aheadCrashes)
	s.Step("A bank under policy 1 on the in-memory disk; a replica applies each transaction as soon as the source sends it. %d times the source's kernel crashes or its power fails.", n)
	var all []aheadCount
	for _, x := range sendings {
		c := aheadCount{sending: x}
		if err := c.crash(ctx, n, env.Seed); err != nil {
			return nil, err
		}
		c.count(s)
		c.tell(s)
		all = append(all, c)
	}
	onDisk, err := followReal(ctx, env, s)
	if err != nil {
		return nil, err
	}
	return judgeAhead(s, all, onDisk), nil
}

// judgeAhead ends the story.
func judgeAhead(s *Story, all, onDisk []aheadCount) *result.Lesson {
	head := []string{"sync_binlog", "crashes", "ahead", "transactions", "at most", "table too"}
	s.Table("What the replica has and its source's binlog lacks (its table too), in memory", head, aheadRows(s, "", all)...)
	if len(onDisk) > 0 {
		s.Table("The same on "+onDisk[0].fs, head, aheadRows(s, "real_", onDisk)...)
	}
	s.Advise("sync_binlog=1 (--sync-binlog=1): what is sent was flushed before")
	s.Limit("No server is in it: the replica reads the binlog of this engine as far as the thread of MySQL that sends would.")
	never, others := true, true
	for _, c := range slices.Concat(all, onDisk) {
		switch {
		case c.sending.early:
		case c.sending.sync == 1:
			never = never && c.ahead == 0
		case c.fs == result.LessonMemory:
			others = others && c.ahead > 0
		}
	}
	measured := "The replica was ahead in memory " + aheadWords(all)
	if len(onDisk) > 0 {
		measured += "; on " + onDisk[0].fs + " " + aheadWords(onDisk)
	}
	measured += "."
	switch {
	case !never:
		return s.DoesNotHold(measured, "with sync_binlog=1 the replica had what the source lost")
	case !others:
		return s.DoesNotHold(measured, "the source lost nothing that it had sent, though its binlog was not flushed")
	}
	return s.Holds(measured, "with sync_binlog=1 MySQL 5.7 and later send a transaction after the binlog was flushed, with any other value as soon as it is written; "+
		"1 without that order does not help: so it was in MySQL 5.6.14 (bug 70669)")
}

// aheadWords says after how many crashes the replica was ahead.
func aheadWords(all []aheadCount) string {
	var words []string
	for i := range all {
		if c := &all[i]; !c.sending.early {
			words = append(words, fmt.Sprintf("after %d of %d crashes with sync_binlog %v", c.ahead, c.crashes, c.sending))
		}
	}
	return strings.Join(words, ", ")
}

func aheadRows(s *Story, prefix string, all []aheadCount) (rows [][]string) {
	for i := range all {
		c := &all[i]
		rows = append(rows, append([]string{c.sending.String()}, texts(uint64(c.crashes), uint64(c.ahead), c.transactions, c.most, c.gone)...))
		s.Figure(prefix+c.sending.figure()+"_ahead", float64(c.ahead), "crashes", fmt.Sprintf("of %d, on %s", c.crashes, c.fs))
		s.Figure(prefix+c.sending.figure()+"_transactions", float64(c.transactions), "commits", "that the replica has and the source's binlog lacks, in all crashes")
		s.Figure(prefix+c.sending.figure()+"_gone", float64(c.gone), "commits", "of these, that the source's table lacks too")
	}
	return rows
}

// aheadCount is what crashes have left between a source and its replica.
type aheadCount struct {
	sending            sending
	fs                 string // type of the source's file system
	crashes            int
	kinds              [3]int
	ahead              int    // crashes after which the replica had more
	transactions, most uint64 // that the source's binlog lacks, in all and after one crash
	gone               uint64 // of these, transactions that the source's table lacks, too
	told               uint64 // acknowledged transactions, of all crashes
	first              string // a row that differs
	replica, source    uint64 // there: the last transaction of each
}

func (c *aheadCount) count(s *Story) {
	for kind, n := range c.kinds {
		if n > 0 {
			s.Crashed(vfs.CrashKind(kind), c.fs, n)
		}
	}
}

func (c *aheadCount) tell(s *Story) {
	if c.ahead == 0 {
		s.Step("sync_binlog %v: after none of %d crashes the replica has a transaction that its source lacks (%s told committed).", c.sending, c.crashes, thousands(c.told))
		return
	}
	s.Step("sync_binlog %v: after %d of %d crashes the replica is ahead, by %s in all: %s only the source's binlog lacks, %s its table too. The first time the replica ends with GTID sequence %s, its source's binlog with %s.",
		c.sending, c.ahead, c.crashes, some(c.transactions, "transaction"), thousands(c.transactions-c.gone), thousands(c.gone), thousands(c.replica), thousands(c.source))
	if c.first != "" {
		s.Step("  a row: %s.", c.first)
	}
}

// add holds a replica against its source, which has recovered.
func (c *aheadCount) add(g *workload.Generator, f *rebuild.Follower, db *engine.Database) error {
	conn, err := db.Conn(0)
	if err != nil {
		return err
	}
	if err := conn.Begin(); err != nil {
		return err
	}
	lead, err := f.Lead(db.Report().LastSeq, conn, g.TableRows(), 1)
	if err = errors.Join(err, conn.Commit()); err != nil {
		return err
	}
	c.crashes++
	if lead.Ahead == 0 {
		return nil
	}
	if c.ahead == 0 {
		c.replica, c.source = lead.Replica, lead.Source
	}
	if c.first == "" && len(lead.Diff.Rows) > 0 {
		c.first = differs(g, &lead.Diff.Rows[0], "source", "replica")
	}
	c.ahead++
	c.transactions += lead.Ahead
	c.most = max(c.most, lead.Ahead)
	c.gone += lead.Ahead - min(lead.Ahead, db.Report().EngineAhead)
	return nil
}

// crash crashes a source on the in-memory disk n times: every second time at a random
// moment, else right after the replica has got something, and then nothing is kept
// that was not flushed.
func (c *aheadCount) crash(ctx context.Context, n int, seed uint64) error {
	c.fs = result.LessonMemory
	sub := steppedBank(groupcommit.TwoPhase)
	sub.Database.Stages.SyncBinlog = c.sending.sync
	m, err := newMemory(sub)
	if err != nil {
		return err
	}
	for i := range uint64(n) {
		rng := rand.New(rand.NewPCG(seed, i))
		kind := []vfs.CrashKind{vfs.CrashOS, vfs.CrashPower}[rng.IntN(2)]
		r := &replica{m: m, waits: c.sending.sync == 1 && !c.sending.early}
		events := -1
		if i%2 == 0 {
			r.polls = 10 + rng.IntN(60)
		} else {
			events = 100 + rng.IntN(300)
		}
		if err := c.once(ctx, r, kind, events, seed+i); err != nil {
			return fmt.Errorf("sync_binlog %v, %v crash after %d events or %d groups, seed %d: %w", c.sending, kind, events, r.polls, seed+i, err)
		}
	}
	return nil
}

// once is one crash of a source: after so many events of its disk, or, where that is
// below 0, right after r has read so often as it says.
func (c *aheadCount) once(ctx context.Context, r *replica, kind vfs.CrashKind, events int, seed uint64) error {
	m := r.m
	crash, err := m.crash(ctx, seed, during{
		change: func(o *engine.DatabaseOptions) { o.Hook = r.hook },
		open: func(mem *vfs.Mem, db *engine.Database) error {
			if r.stop = func() { mem.CrashAfter(mem.Events()) }; events >= 0 {
				mem.CrashAfter(mem.Events() + events)
			}
			return r.follow(mem, db)
		},
	})
	if err == nil {
		err = r.ended()
	}
	if err != nil {
		return err
	}
	c.kinds[kind]++
	c.told += crash.total()
	how := vfs.CrashOptions{Seed: seed}
	if events < 0 {
		how.Keep = func(int) int { return 0 }
	}
	db, err := engine.OpenDatabase(m.options(crash.mem.Crash(kind, how)))
	if err != nil {
		return err
	}
	return errors.Join(c.add(m.txns, r.follower, db), db.Close())
}
