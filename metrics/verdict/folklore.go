package verdict

import (
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// ClaimOutcome is what results say about a claim.
type ClaimOutcome string

// The outcomes, the one that says most first.
const (
	Refuted     ClaimOutcome = "refuted"           // one counterexample is enough
	Confirmed   ClaimOutcome = "confirmed"         // here, by what was measured; elsewhere it may be otherwise
	Measured    ClaimOutcome = "measured"          // there are figures, but they decide nothing
	NotMeasured ClaimOutcome = "not measured here" // there are none
)

// Claim is a sentence that people repeat about flush policies, and what became of
// it.
type Claim struct {
	Code    string // stable, lower case, hyphens
	Says    string // the claim itself
	Rule    string // what decides it: one sentence
	Outcome ClaimOutcome
	Figures string // what was measured: one sentence or more; where nothing was, how to measure it
}

// finding is what one result says about one claim.
type finding struct {
	outcome ClaimOutcome
	figures string
}

// folklore is the table of claims. Each judge sees one result; "" as figures means
// that the result has nothing on it.
var folklore = []struct {
	code, says, rule string
	missing          string // the command that would measure it
	judge            func(*result.Result) finding
}{
	{
		"2-nearly-0", "2 is nearly as fast as 0",
		"At the same rate, policy 2 must add at most a tenth of what policy 1 adds to policy 0, the ends of the intervals taken against the claim; without a paced cell, policy 2 must carry at least nine tenths of policy 0's commits.",
		"flushbench run",
		judgeNearly,
	},
	{
		"at-most-one-second", "0 and 2 lose at most one second",
		"The oldest commit at risk, and the oldest one that a crash took, under policies 0 and 2 with an interval of 1 s: one that is older than 1 s refutes it. To confirm it takes both policies, watched for 3 intervals.",
		"flushbench run for what is at risk, flushbench crash for what is lost",
		judgeOneSecond,
	},
	{
		"five-seconds", "2 may lose five seconds",
		"The oldest commit at risk from a kernel crash under policy 2 with an interval of 1 s: 5 s confirm it; less than 2.5 s, and less than half of the time that was watched without a break, refute it: then the timer's flush sets the window, not the kernel's write-back.",
		"flushbench run for what is at risk, flushbench crash for what is lost",
		judgeFiveSeconds,
	},
	{
		"log-beats-pages", "A redo log beats random page writes",
		"Records in sequence against pages at random places, each with a flush of its own, by the rounds of a probe; or a run with both settings of --durability.",
		"flushbench probe",
		judgeLogBeatsPages,
	},
	{
		"group-commit", "Group commit makes 1 affordable",
		"Policy 1 with the most clients (8 or more) against one client, in flushes of the limit loop of the same round: 4 times the commits, and more than by the noise, confirm it; less than twice refutes it.",
		"flushbench run --policy 1 --clients 1,64",
		judgeGroupCommit,
	},
	{
		"1-slowest", "1 is the slowest",
		"Policy 1 against each other policy at the same rate (without a paced cell: commits/s of transactions in a closed loop): slower than all of them beyond the noise confirms it, one that is slower than 1 refutes it.",
		"flushbench run",
		judgeSlowest,
	},
	{
		"sync-binlog-n", "sync_binlog=N loses N transactions",
		"The most commits that only the engine would keep (at risk), or kept (crashes), under policy 1 or 3 with N above 1: more than N refute it, because N counts groups of commits; at least half of N and at most N confirm it.",
		"flushbench run --workload bank --sync-binlog 1,100 --rate 1k",
		judgeSyncBinlog,
	},
	{
		"mixed-default", "MIXED is the default",
		"No measurement can: it is a matter of the server. MySQL's default has been ROW since 5.7.7, MariaDB's MIXED since 10.2.4. What can be measured is what a format costs.",
		"flushbench run --workload bank --binlog-format row,mixed, for what a format costs",
		judgeMixed,
	},
}

// Claims judges the folklore by the results, which may be of several kinds and of
// several machines. The strongest outcome of one of them counts: a claim that one
// refutes is refuted. The same claims come in the same order whatever was measured;
// those of the lessons that were told come after them.
//
// Nothing is confirmed or refuted by a quick look (--quick), by too few rounds or by
// a difference within the noise: such figures are Measured.
func Claims(results ...*result.Result) []Claim {
	out := make([]Claim, 0, len(folklore))
	for _, f := range folklore {
		c := Claim{Code: f.code, Says: f.says, Rule: f.rule, Outcome: NotMeasured, Figures: "To measure it: " + f.missing + "."}
		best := -1
		for _, r := range results {
			for _, found := range []finding{f.judge(r), judgeByLessons(f.code, r)} {
				if found.figures == "" {
					continue
				}
				if s := strength(found.outcome); s > best {
					best, c.Outcome, c.Figures = s, found.outcome, found.figures
				}
			}
		}
		out = append(out, c)
	}
	return append(out, lessonClaims(results)...)
}

func strength(o ClaimOutcome) int {
	switch o {
	case Refuted:
		return 3
	case Confirmed:
		return 2
	case Measured:
		return 1
	}
	return 0
}

// decided is o with its figures, or Measured where r is a quick look.
func decided(r *result.Result, o ClaimOutcome, figures string) finding {
	if stats.Quick(r) && (o == Confirmed || o == Refuted) {
		return finding{Measured, figures + " A quick look decides nothing."}
	}
	return finding{o, figures}
}

// timerBound reports whether the timer of policies 0 and 2 alone sets a cell's
// window: nothing else lags, neither a binlog nor a method that flushes nothing.
func timerBound(p *result.Params) bool {
	return !neverFlushes(p) && (p.SyncBinlog == nil || *p.SyncBinlog == 1)
}

// neverFlushes reports whether a cell's flush method leaves flushes out: then no
// policy bounds what is at risk.
func neverFlushes(p *result.Params) bool {
	return p.FlushMethod == "none" || strings.HasSuffix(p.FlushMethod, "+none")
}
