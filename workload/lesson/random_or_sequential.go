package lesson

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flushbench/engine"
	"flushbench/engine/bufpool"
	"flushbench/groupcommit"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/target/embedded"
)

// randomOrSequential is the lesson random-or-sequential.
func randomOrSequential() Lesson {
	return Lesson{
		Name:  "random-or-sequential",
		Title: "Commits to a redo log, or to the pages",
		Claim: "A redo log turns random page writes into sequential ones, and that makes commits faster.",
		Rule: fmt.Sprintf("With either buffer pool, doublewrite on or off, policy 1 must carry at least %.1f times the commits of forcing the changed pages to disk at each commit, in every round; no more than as many, in every round of one setting, refutes it.",
			logGain),
		Takes: 35 * time.Second,
		Bytes: 8 << 30,
		Disk:  512 << 20,
		Run:   tellRandomOrSequential,
	}
}

// What random-or-sequential measures.
const (
	pagesRows    = 50_000 // of 136 bytes: about 9 MiB
	pagesClients = 8
	pagesRounds  = 3
	logGain      = 1.5 // times: holds
	smallPool    = 4 << 20
	largePool    = 32 << 20
)

// durable is a way to make commits durable.
type durable struct {
	how           engine.Durability
	pool          int64
	noDoublewrite bool
	rounds        []durableRound
}

// durableRound is what one round of it gave.
type durableRound struct {
	tps     float64
	commits float64 // all that there were
	bytes   float64 // a commit, of all files, what shutdown still wrote included
	flushes float64 // a commit
	writes  float64 // a commit
}

func (x *durable) words() string {
	if x.how == engine.DurabilityForcePages {
		return "pages"
	}
	return "redo log"
}

func (x *durable) doublewrite() string {
	if x.noDoublewrite {
		return "off"
	}
	return "on"
}

// durables are the settings, two neighbours each that differ in the way alone.
func durables() (all []*durable) {
	for _, pool := range []int64{smallPool, largePool} {
		for _, off := range []bool{false, true} {
			for _, how := range []engine.Durability{engine.DurabilityForcePages, engine.DurabilityRedo} {
				all = append(all, &durable{how: how, pool: pool, noDoublewrite: off})
			}
		}
	}
	return all
}

func tellRandomOrSequential(ctx context.Context, env *Env) (*result.Lesson, error) {
	s := env.Story()
	rounds, rows, all := env.Count(pagesRounds), env.Count(pagesRows), durables()
	s.Step("%s rows on 16 KiB pages, %d clients that each update one row at random. Either each commit writes and flushes the pages that it has changed (--durability force-pages), or it flushes a few bytes at the end of the redo log (policy 1), and the pages follow later: %d rounds in turn.",
		thousands(rows), pagesClients, rounds)
	g, err := workload.NewGenerator(env.Seed, workload.Spec{Kind: workload.KindUpdate, Rows: uint64(rows), RowBytes: workload.DefaultRowBytes}, pagesClients)
	if err != nil {
		return nil, err
	}
	folders := map[string]string{}
	for _, x := range all {
		key := x.words() + x.doublewrite()
		if folders[key] != "" {
			continue
		}
		o := x.options(env)
		if o.Dir, err = env.Folder("pages"); err != nil {
			return nil, err
		}
		folders[key] = o.Dir
		if err := embedded.CreateDatabase(o, g); err != nil {
			return nil, err
		}
	}
	for round := range rounds {
		for i := range all {
			x := all[(i+round)%len(all)]
			o := x.options(env)
			o.Dir = folders[x.words()+x.doublewrite()]
			env.say("round %d of %d: %s, buffer pool %s, doublewrite %s", round+1, rounds, x.words(), hostinfo.Bytes(x.pool), x.doublewrite())
			r, err := durableRoundOf(ctx, &o, g, uint64(round), env.Scaled(900*time.Millisecond))
			if err != nil {
				return nil, err
			}
			x.rounds = append(x.rounds, r)
		}
	}
	tellDurables(s, all)
	return judgeDurables(s, all), nil
}

// options are those of the database.
func (x *durable) options(env *Env) engine.DatabaseOptions {
	o := engine.DatabaseOptions{Rows: uint64(env.Count(pagesRows)), RowBytes: engine.DefaultRowBytes, BufferPool: max(x.pool, bufpool.MinBytes(pagesClients+8)), NoDoublewrite: x.noDoublewrite, Durability: x.how}
	o.FS, o.Clients, o.Capacity = env.fs(), pagesClients, 64<<20
	o.Commit.Policy = groupcommit.Policy1
	return o
}

// durableRoundOf measures one way for a while. Its bytes include what shutdown still
// writes: a redo log may put page writes off, not out of the world.
func durableRoundOf(ctx context.Context, o *engine.DatabaseOptions, g *workload.Generator, seed uint64, d time.Duration) (r durableRound, err error) {
	before := o.FS.Counts()
	db, err := engine.OpenDatabase(*o)
	if err != nil {
		return r, err
	}
	out, err := driver.Run(ctx, driver.Config{
		Target: embedded.NewDatabase(db, nil), Clients: pagesClients, Seed: seed, Txns: g.Stream(seed), Warmup: d / 6, Duration: d, SampleEvery: -1,
	})
	if err = errors.Join(err, db.Shutdown()); err != nil {
		return r, err
	}
	calls := o.FS.Counts().Sub(before)
	n := float64(max(1, out.Warmup+out.Commits+out.After))
	return durableRound{tps: out.TPS, commits: n, bytes: float64(calls.Bytes) / n, flushes: float64(flushCalls(calls)) / n, writes: float64(calls.Writes) / n}, nil
}

// tellDurables says what was measured.
func tellDurables(s *Story, all []*durable) {
	var rows [][]string
	for _, x := range all {
		tps := medianOf(x.rounds, func(r durableRound) float64 { return r.tps })
		bytes := medianOf(x.rounds, func(r durableRound) float64 { return r.bytes }).mid
		flushes := medianOf(x.rounds, func(r durableRound) float64 { return r.flushes }).mid
		writes := medianOf(x.rounds, func(r durableRound) float64 { return r.writes }).mid
		rows = append(rows, []string{hostinfo.Bytes(x.pool), x.doublewrite(), x.words(), fmt.Sprintf("%s (%s..%s)", rate(tps.mid), rate(tps.lo), rate(tps.hi)),
			thousands(int64(bytes)), fmt.Sprintf("%.2f", writes), fmt.Sprintf("%.2f", flushes)})
		name := fmt.Sprintf("%s_pool_%dm_doublewrite_%s", map[engine.Durability]string{engine.DurabilityRedo: "redo", engine.DurabilityForcePages: "pages"}[x.how], x.pool>>20, x.doublewrite())
		s.Figure("tps_"+name, tps.mid, "commits/s", "median of rounds")
		s.Figure("bytes_per_commit_"+name, bytes, "bytes", "median of rounds, all files, until the database is shut down")
		s.Figure("flushes_per_commit_"+name, flushes, "flushes", "median of rounds")
	}
	s.Table("Median of the rounds; bytes, writes and flushes a commit, of all files, until shutdown",
		[]string{"pool", "doublewrite", "commit to", "commits/s (range)", "bytes", "writes", "flushes"}, rows...)
}

// judgeDurables decides by each pair of neighbours: pages, then redo log.
func judgeDurables(s *Story, all []*durable) *result.Lesson {
	var lows, highs, mids, bytes []float64
	for i := 0; i+1 < len(all); i += 2 {
		pages, log := all[i], all[i+1]
		var gains []float64
		for k := range min(len(pages.rounds), len(log.rounds)) {
			if tps := pages.rounds[k].tps; tps > 0 {
				gains = append(gains, log.rounds[k].tps/tps)
			}
		}
		if len(gains) == 0 {
			return s.NotTestable("", "some setting carried no commit in any round")
		}
		gain := spreadOf(gains)
		s.Step("Buffer pool %s, doublewrite %s: the redo log carries %.1f times the commits (rounds %.1f to %.1f).", hostinfo.Bytes(log.pool), log.doublewrite(), gain.mid, gain.lo, gain.hi)
		s.Figure(fmt.Sprintf("gain_pool_%dm_doublewrite_%s", log.pool>>20, log.doublewrite()), gain.mid, "", fmt.Sprintf("redo log to pages, rounds %.2f to %.2f", gain.lo, gain.hi))
		lows, highs, mids = append(lows, gain.lo), append(highs, gain.hi), append(mids, gain.mid)
		of := func(r durableRound) float64 { return r.bytes }
		if b := medianOf(log.rounds, of).mid; b > 0 {
			bytes = append(bytes, medianOf(pages.rounds, of).mid/b)
		}
	}
	mid, low, more := spreadOf(mids), spreadOf(lows).lo, spreadOf(bytes)
	text := fmt.Sprintf("The redo log carries %.1f to %.1f times the commits of forced pages; those write %.1f to %.1f times the bytes a commit.", mid.lo, mid.hi, more.lo, more.hi)
	switch {
	case low >= logGain:
		s.Advise("a redo log (--durability redo, the default), and a buffer pool that holds the pages that change: then each page is written once for many commits, and nobody waits for it")
		return s.Holds(text, "a commit waits for one short write at the end of the log that its neighbours share, not for whole pages at their places")
	case spreadOf(highs).lo <= 1:
		return s.DoesNotHold(text, "for some setting the log was no faster: here a flush costs the same wherever the bytes go, and the log's own work is not less")
	}
	return s.NotTestable(text, fmt.Sprintf("some rounds lie between 1 and %.1f times", logGain))
}
