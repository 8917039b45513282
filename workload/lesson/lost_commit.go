package lesson

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/subject"
)

// lostCommit is the lesson lost-commit.
func lostCommit() Lesson {
	return Lesson{
		Name:     "lost-commit",
		Title:    "Acknowledged transfers of a bank that crashes take",
		Claim:    "When COMMIT has returned, the transaction is safe.",
		Rule:     "One acknowledged transfer that is gone after a crash refutes it for that policy; it holds only if none is under any.",
		WithRoot: "crashes of a real file system",
		Takes:    22 * time.Second,
		Bytes:    800 << 20,
		Disk:     256 << 20,
		Run: func(ctx context.Context, env *Env) (*result.Lesson, error) {
			return tellLostCommit(ctx, env, groupcommit.Policy0, groupcommit.Policy2, groupcommit.Policy1)
		},
	}
}

// The bank of lost-commit.
const (
	bankClients  = 8
	bankAccounts = 200
	bankRate     = 500 // transfers a second of all clients
	// namedLosses is how many lost transfers, and how many accounts, are named.
	namedLosses = 3
)

// bankSubject is the bank under a policy whose timer fires once an interval.
func bankSubject(policy groupcommit.Policy, interval time.Duration) subject.Subject {
	s := subject.Subject{Clients: bankClients}
	s.Engine = engine.Options{Capacity: 32 << 20, BufferSize: 1 << 20}
	s.Engine.Commit = groupcommit.Config{Policy: policy, Interval: interval}
	s.Load = workload.Spec{Kind: workload.KindBank, Rows: bankAccounts, RowBytes: workload.DefaultRowBytes}
	s.Database.BufferPool = 16 << 20
	return s
}

// bankStory is a telling of lost-commit.
type bankStory struct {
	*Story
	interval time.Duration
	rows     [][]string
	lost     map[groupcommit.Policy]int64 // by what the crashes of all kinds took
	acked    map[groupcommit.Policy]int64
	broken   bool // more was lost than a policy allows
	worst    string
	worstAge time.Duration
}

func tellLostCommit(ctx context.Context, env *Env, policies ...groupcommit.Policy) (*result.Lesson, error) {
	b := &bankStory{Story: env.Story(), interval: env.Scaled(time.Second), lost: map[groupcommit.Policy]int64{}, acked: map[groupcommit.Policy]int64{}}
	b.Step("A bank: %d accounts with %s each. %d clients move amounts between them, about %d transfers a second; the timer of policies 0 and 2 flushes every %s.",
		bankAccounts, thousands(workload.InitialBalance), bankClients, bankRate, seconds(b.interval))
	b.Figure("flush_interval_ns", float64(b.interval), "ns", "of the timer of policies 0 and 2")
	memory := false
	if why := env.CanCrash(vfs.CrashOS, lab.Ext4); why != nil {
		memory = true
		b.Limit("The kernel crashes are those of the in-memory disk, which keeps what was flushed and nothing else: a real file system is crashed as root (%s).", reason(why))
	}
	for _, kind := range []vfs.CrashKind{vfs.CrashProcess, vfs.CrashOS} {
		if kind == vfs.CrashOS && !memory {
			b.Step("A kernel crash: an ext4 of its own that is shut down while the bank works. What had not left the page cache is gone, as if the machine had stopped.")
		}
		for _, p := range policies {
			if err := b.crash(ctx, p, kind, memory && kind == vfs.CrashOS); err != nil {
				return nil, err
			}
		}
	}
	b.Table("What the application was told is committed, and what was there afterwards",
		[]string{"policy", "crash", "told committed", "gone", "oldest of them"}, b.rows...)
	return b.judged(policies), nil
}

// loses reports whether a crash may take something under a policy.
func loses(p groupcommit.Policy, kind vfs.CrashKind) bool {
	return p == groupcommit.Policy0 || p == groupcommit.Policy2 && kind != vfs.CrashProcess
}

// crash crashes the bank under a policy, at a moment when much rests on the timer. Where
// the timer came first all the same, and so nothing is gone, it does so again: it wants
// to show what may be lost, not how often.
func (b *bankStory) crash(ctx context.Context, p groupcommit.Policy, kind vfs.CrashKind, memory bool) error {
	const tries = 3
	x := &strike{Subject: bankSubject(p, b.interval), Kind: kind, FS: lab.Ext4, Rate: bankRate, After: b.interval * 3 / 2, Memory: memory}
	if loses(p, kind) {
		x.AtRisk, x.RiskAge, x.Patience = 3, b.interval*6/10, 4*b.interval
	}
	for try := 1; ; try++ {
		b.env.say("policy %v, %s: the bank works", p, crashWords(kind, memory))
		a, err := b.strike(ctx, x)
		if err != nil {
			return err
		}
		if again := loses(p, kind) && a.Lost == 0 && len(a.Violations) == 0 && try < tries; !again {
			return b.tell(p, kind, memory, a)
		}
		b.acked[p] += a.Acked
		b.Step("Policy %v, %s: the timer had flushed just before, and all of %s transfers are there. Once more.", p, crashWords(kind, memory), thousands(a.Acked))
	}
}

// tell says what a crash has left.
func (b *bankStory) tell(p groupcommit.Policy, kind vfs.CrashKind, memory bool, a *aftermath) error {
	what := crashWords(kind, memory)
	b.lost[p] += a.Lost
	b.acked[p] += a.Acked
	age := time.Duration(a.LostAgeNs)
	oldest := "-"
	if a.Lost > 0 {
		oldest = seconds(age) + " before"
	}
	b.rows = append(b.rows, []string{p.String(), what, thousands(a.Acked), thousands(a.Lost), oldest})
	b.Figure(fmt.Sprintf("lost_policy_%v_%v", p, kind), float64(a.Lost), "commits", "")
	b.Figure(fmt.Sprintf("acknowledged_policy_%v_%v", p, kind), float64(a.Acked), "commits", "")
	b.Figure(fmt.Sprintf("oldest_lost_ns_policy_%v_%v", p, kind), float64(age), "ns", "from its acknowledgement to the crash")
	switch {
	case len(a.Violations) > 0:
		b.broken = true
		b.Step("Policy %v, %s: %s transfers told committed. The engine broke its promise: %s.", p, what, thousands(a.Acked), a.Violations[0])
	case a.Lost == 0:
		b.Step("Policy %v, %s: %s transfers told committed, all of them are there.", p, what, thousands(a.Acked))
	default:
		b.Step("Policy %v, %s: %s transfers told committed, %s of them are gone, the oldest told so %s before the crash.", p, what, thousands(a.Acked), thousands(a.Lost), seconds(age))
		return b.name(a)
	}
	return nil
}

// name names transfers and accounts that the crash took.
func (b *bankStory) name(a *aftermath) error {
	l, err := lossOf(a)
	if err != nil {
		return err
	}
	if age := time.Duration(a.LostAgeNs); age > b.worstAge {
		b.worstAge = age
		b.worst = l.transfers[0].words(a.Began)
	}
	for i := range l.transfers[:min(namedLosses, len(l.transfers))] {
		b.Step("  gone: %s", l.transfers[i].words(a.Began))
	}
	var lines []string
	for _, x := range l.accounts[:min(namedLosses, len(l.accounts))] {
		lines = append(lines, fmt.Sprintf("account %d: told %s, has %s", x.key, thousands(x.told), thousands(x.has)))
	}
	if len(lines) > 0 {
		b.Step("  %s.", strings.Join(lines, "; "))
	}
	return nil
}

// judged ends the story.
func (b *bankStory) judged(policies []groupcommit.Policy) *result.Lesson {
	var measured []string
	gone := int64(0)
	for _, p := range policies {
		gone += b.lost[p]
		measured = append(measured, fmt.Sprintf("policy %v lost %s of %s", p, thousands(b.lost[p]), thousands(b.acked[p])))
	}
	text := "Acknowledged transfers, in all crashes: " + strings.Join(measured, ", ") + "."
	if b.broken {
		return b.DoesNotHold(text, "a crash took what a policy promises to keep: this engine, or this disk, does not keep its word")
	}
	if gone == 0 && slices.ContainsFunc(policies, func(p groupcommit.Policy) bool { return loses(p, vfs.CrashOS) }) {
		return b.NotTestable(text, "no crash came while something rested on the timer; the policy allows that something is gone all the same")
	}
	if gone == 0 {
		return b.Holds(text, "every acknowledged transfer was flushed before its client was told")
	}
	b.Advise("innodb_flush_log_at_trx_commit=1 (--policy 1): each commit is flushed before the client is told; here it lost %s of %s", thousands(b.lost[groupcommit.Policy1]), thousands(b.acked[groupcommit.Policy1]))
	return b.DoesNotHold(text, fmt.Sprintf("under policies 0 and 2 the timer makes a commit safe up to %s later, and until then it was only told so; worst here: %s", seconds(b.interval), b.worst))
}

// crashWords says what a crash of a kind is.
func crashWords(kind vfs.CrashKind, memory bool) string {
	words := map[vfs.CrashKind]string{vfs.CrashProcess: "process killed", vfs.CrashOS: "kernel crash", vfs.CrashPower: "power cut"}[kind]
	if memory {
		words += " (in memory)"
	}
	return words
}
