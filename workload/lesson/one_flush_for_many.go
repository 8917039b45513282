package lesson

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/target/embedded"
)

// oneFlushForMany is the lesson one-flush-for-many.
func oneFlushForMany() Lesson {
	return Lesson{
		Name:  "one-flush-for-many",
		Title: "Group commit: many clients share one flush",
		Claim: "Group commit is what makes policy 1 affordable: many commits share one flush.",
		Rule: fmt.Sprintf("Under policy 1, %d clients that share flushes must carry at least %d times the commits of one client, who has nobody to share with, in every round; at most %.1f times in every round refutes it.",
			groupClients, groupGain, groupNoGain),
		Takes: 20 * time.Second,
		Bytes: 4 << 30,
		Disk:  128 << 20,
		Run:   tellOneFlushForMany,
	}
}

// What one-flush-for-many measures, and what it takes to decide.
const (
	groupClients = 64
	groupRounds  = 5
	groupRound   = 800 * time.Millisecond
	groupRecord  = 512 // bytes of log a commit
	groupGain    = 4   // times: holds
	groupNoGain  = 1.2 // times: does not
)

// sharing is a way to flush for some clients.
type sharing struct {
	clients  int
	strategy groupcommit.Strategy
	rounds   []shareRound
}

// shareRound is what one round of a sharing gave.
type shareRound struct {
	tps     float64
	flushes float64 // a commit
	writes  float64 // a commit
	p50     time.Duration
}

func (x *sharing) tps() spread {
	return medianOf(x.rounds, func(r shareRound) float64 { return r.tps })
}
func (x *sharing) flushes() float64 {
	return medianOf(x.rounds, func(r shareRound) float64 { return r.flushes }).mid
}

// words names it: "64 clients, shared".
func (x *sharing) words() string {
	if x.strategy == groupcommit.Serial {
		return "one each"
	}
	return "shared"
}

func tellOneFlushForMany(ctx context.Context, env *Env) (*result.Lesson, error) {
	s := env.Story()
	all := []*sharing{
		{clients: 1, strategy: groupcommit.Serial}, {clients: groupClients, strategy: groupcommit.Serial},
		{clients: 1, strategy: groupcommit.Dedicated}, {clients: groupClients, strategy: groupcommit.Dedicated},
	}
	rounds := env.Count(groupRounds)
	s.Step("Policy 1: each commit is acknowledged when its %d bytes of log are flushed. 1 client and %d, each commit with a flush of its own (serial) or one flush for all who wait (group commit): %d rounds in turn.",
		groupRecord, groupClients, rounds)
	dir, err := env.Folder("log")
	if err != nil {
		return nil, err
	}
	o := engine.Options{FS: env.fs(), Dir: dir, Capacity: 64 << 20, Clients: groupClients}
	if err := engine.Create(o); err != nil {
		return nil, err
	}
	for round := range rounds {
		for i := range all {
			x := all[(i+round)%len(all)]
			env.say("round %d of %d: %d clients, flushes %s", round+1, rounds, x.clients, x.words())
			r, err := shareRoundOf(ctx, o, x, env.Scaled(groupRound))
			if err != nil {
				return nil, err
			}
			x.rounds = append(x.rounds, r)
		}
	}
	tellSharing(s, all)
	return judgeSharing(s, all[2], all[1], all[3]), nil
}

// shareRoundOf measures a way to flush for a while.
func shareRoundOf(ctx context.Context, o engine.Options, x *sharing, d time.Duration) (r shareRound, err error) {
	o.Commit = groupcommit.Config{Policy: groupcommit.Policy1, Strategy: x.strategy}
	e, err := engine.Open(o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	before := o.FS.Counts()
	out, err := driver.Run(ctx, driver.Config{
		Target: embedded.New(e), Clients: x.clients, Sizes: workload.FixedSize(groupRecord), Seed: 1, Warmup: d / 8, Duration: d, Measure: true, SampleEvery: -1,
	})
	if err != nil {
		return r, err
	}
	calls := o.FS.Counts().Sub(before)
	n := float64(max(1, out.Warmup+out.Commits+out.After))
	r = shareRound{tps: out.TPS, flushes: float64(flushCalls(calls)) / n, writes: float64(calls.Writes) / n}
	if p50, ok := out.Latency.Quantile(0.5); ok {
		r.p50 = time.Duration(p50)
	}
	return r, nil
}

// flushCalls are the calls that made something durable.
func flushCalls(c vfs.Counts) uint64 { return c.Fsync + c.Fdatasync + c.DsyncWrites }

// tellSharing says what was measured.
func tellSharing(s *Story, all []*sharing) {
	var rows [][]string
	for _, x := range all {
		tps, flushes := x.tps(), x.flushes()
		writes := medianOf(x.rounds, func(r shareRound) float64 { return r.writes }).mid
		p50 := medianOf(x.rounds, func(r shareRound) float64 { return float64(r.p50) }).mid
		rows = append(rows, []string{fmt.Sprint(x.clients), x.words(), fmt.Sprintf("%s (%s..%s)", rate(tps.mid), rate(tps.lo), rate(tps.hi)),
			fmt.Sprintf("%.3f", flushes), fmt.Sprintf("%.3f", writes), seconds(time.Duration(p50))})
		name := fmt.Sprintf("%d_clients_%v", x.clients, x.strategy)
		s.Figure("tps_"+name, tps.mid, "commits/s", "median of rounds")
		s.Figure("flushes_per_commit_"+name, flushes, "flushes", "median of rounds")
		s.Figure("writes_per_commit_"+name, writes, "writes", "median of rounds")
		s.Step("%d %s, flushes %s: %s commits/s, %.2f flushes a commit.", x.clients, plural(x.clients, "client"), x.words(), rate(tps.mid), flushes)
	}
	s.Table("Policy 1; median of the rounds, and their range", []string{"clients", "flush", "commits/s", "flushes/commit", "writes/commit", "p50"}, rows...)
}

// judgeSharing decides by one client and many that share flushes. each are as many
// that do not: their flush calls are made, but one that finds the log flushed already
// has nothing to do, so on a real disk they show less than they seem to.
func judgeSharing(s *Story, one, each, shared *sharing) *result.Lesson {
	gain, alone := gains(one, shared), gains(one, each)
	s.Figure("gain", gain.mid, "", fmt.Sprintf("%d clients that share to one client, rounds %.2f to %.2f", shared.clients, gain.lo, gain.hi))
	s.Figure("gain_serial", alone.mid, "", fmt.Sprintf("%d clients with a flush call each to one client", each.clients))
	if gain.mid == 0 {
		return s.NotTestable("", "no round was measured")
	}
	text := fmt.Sprintf("%d clients that share flushes carry %.1f times the commits of one client (rounds %.1f to %.1f), %.0f commits to a flush. With a flush call each they carry %.1f times; a call that finds nothing left to write may cost little.",
		shared.clients, gain.mid, gain.lo, gain.hi, 1/max(shared.flushes(), 1e-9), alone.mid)
	switch {
	case gain.lo >= groupGain:
		s.Advise("group commit, which is always on in InnoDB (--group-commit dedicated or leader); serial takes it away")
		return s.Holds(text, "while one flush is under way the others queue up, and the next one takes them all")
	case gain.hi <= groupNoGain:
		return s.DoesNotHold(text, "a flush costs so little here that sharing it saves nothing: this disk, or what stands before it, flushes from memory")
	}
	return s.NotTestable(text, fmt.Sprintf("not every round lies above %d times, nor below %.1f", groupGain, groupNoGain))
}

// gains is how many times the commits of a b carries, round by round.
func gains(a, b *sharing) spread {
	var all []float64
	for i := range min(len(a.rounds), len(b.rounds)) {
		if tps := a.rounds[i].tps; tps > 0 {
			all = append(all, b.rounds[i].tps/tps)
		}
	}
	return spreadOf(all)
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
