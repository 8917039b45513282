package lesson

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/judge"
)

// TestLostCommit tells the lesson as an ordinary user: a killed process, and kernel
// crashes of the in-memory disk.
func TestLostCommit(t *testing.T) {
	t.Parallel()
	attempts(t, func(stretch int) string { return wrongLoss(t, 0.1*float64(stretch)) })
}

// wrongLoss tells the lesson and returns what it has not met: whether the timer comes
// between the moment to strike and the crash is up to the machine too. That something is
// gone which must never be fails at once.
func wrongLoss(t *testing.T, scale float64) string {
	t.Helper()
	out := tell(t, lostCommit(), testEnv(t, scale))
	for name, lost := range map[string]bool{
		"lost_policy_0_process": true, "lost_policy_0_os": true,
		"lost_policy_2_process": false, "lost_policy_2_os": true,
		"lost_policy_1_process": false, "lost_policy_1_os": false,
	} {
		v, ok := out.Figure(name)
		a, _ := out.Figure(strings.Replace(name, "lost", "acknowledged", 1))
		if !ok || v > 0 && !lost || a < v {
			t.Errorf("%s = %v (there: %v) of %v acknowledged; want some: %v", name, v, ok, a, lost)
		}
		if a < 1 || lost && v == 0 {
			return fmt.Sprintf("%s = %v of %v acknowledged; want some: %v", name, v, a, lost)
		}
	}
	if out.Outcome != result.LessonDoesNotHold || out.Advice == "" {
		t.Errorf("outcome %q, advice %q; want that it does not hold, and the setting that would have kept it", out.Outcome, out.Advice)
	}
	if len(out.Limits) != 1 || !strings.Contains(out.Limits[0], "in-memory disk") {
		t.Errorf("limits %q; want that the kernel crashes are those of the in-memory disk", out.Limits)
	}
	text := story(out)
	for _, want := range []string{"gone: client ", "from account ", "told committed", "before the crash", "account "} {
		if !strings.Contains(text, want) {
			t.Errorf("the story does not say %q:\n%s", want, text)
		}
	}
	return ""
}

// TestLostCommitKept: with the safeguard on nothing is lost, and the claim holds.
func TestLostCommitKept(t *testing.T) {
	t.Parallel()
	env := testEnv(t, 0.1)
	env.began = time.Now()
	out, err := tellLostCommit(t.Context(), env, groupcommit.Policy1)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range flaws(out) {
		t.Error(wrong)
	}
	if out.Outcome != result.LessonHolds || out.Advice != "" {
		t.Errorf("under policy 1: %q, advice %q; want that it holds", out.Outcome, out.Advice)
	}
}

// TestLostCommitOnDisk crashes a real file system.
func TestLostCommitOnDisk(t *testing.T) {
	t.Parallel()
	needRoot(t)
	attempts(t, func(int) string { return wrongLossOnDisk(t) })
}

// wrongLossOnDisk crashes it and returns what was not met: a crash right after the timer
// takes nothing.
func wrongLossOnDisk(t *testing.T) string {
	t.Helper()
	env := testEnv(t, 0.1)
	env.Root = true
	s := env.Story()
	for _, c := range []struct {
		policy groupcommit.Policy
		atRisk int64
	}{{groupcommit.Policy2, 10}, {groupcommit.Policy1, 0}} {
		x := &strike{Subject: bankSubject(c.policy, time.Second), Kind: vfs.CrashOS, FS: lab.Ext4, Rate: bankRate, After: 50 * time.Millisecond, AtRisk: c.atRisk, Patience: 10 * time.Second}
		a, err := s.strike(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Violations) > 0 || a.Lost > 0 && c.atRisk == 0 || a.FS != "ext4" {
			t.Fatalf("policy %v on %s: %d of %d lost, %q; want a loss: %v", c.policy, a.FS, a.Lost, a.Acked, a.Violations, c.atRisk > 0)
		}
		if c.atRisk == 0 {
			continue
		}
		if a.Lost == 0 {
			return fmt.Sprintf("policy %v on %s: nothing of %d is lost", c.policy, a.FS, a.Acked)
		}
		l, err := lossOf(a)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(l.transfers)) != a.Lost {
			t.Errorf("%d transfers are named, the judge counts %d", len(l.transfers), a.Lost)
		}
	}
	return ""
}

// story is the text of a lesson's steps.
func story(l *result.Lesson) string {
	var b strings.Builder
	for _, s := range l.Steps {
		b.WriteString(s.Text + "\n")
	}
	return b.String()
}

// TestLossOf names what is gone from a bank in which one client's last transfers are:
// told is what all acknowledged transfers make of an account, has what those that are
// there do.
func TestLossOf(t *testing.T) {
	s := bankSubject(groupcommit.Policy0, time.Second)
	s.Clients, s.Seed, s.Load.Rows = 2, 3, 4
	a := &aftermath{Subject: s, Frozen: true}
	a.Books = &judge.Books{Seqs: []uint64{5, 7}}
	a.State = &ledger.State{Clients: []ledger.Client{
		{Opened: true, Acked: 8, First: 7, Acks: []ledger.Ack{{At: 70}, {At: 80}}},
		{Opened: true, Acked: 7, First: 7, Acks: []ledger.Ack{{At: 75}}},
	}}
	l, err := lossOf(a)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Generator()
	if err != nil {
		t.Fatal(err)
	}
	// The oracle: every transfer, one by one.
	balance := func(until []uint64) []int64 {
		k := make([]int64, s.Load.Rows)
		for key := range k {
			k[key] = workload.InitialBalance
		}
		for client, n := range until {
			txn := g.NewTxn(uint32(client))
			for seq := range n {
				g.Next(uint32(client), seq, txn)
				for _, op := range txn.Ops {
					if op.Key < s.Load.Rows {
						k[op.Key] += op.Delta
					}
				}
			}
		}
		return k
	}
	told, has := balance([]uint64{8, 7}), balance([]uint64{5, 7})
	differ := 0
	for key := range told {
		if told[key] != has[key] {
			differ++
		}
	}
	if len(l.accounts) != differ || differ == 0 {
		t.Errorf("%d accounts are named; want %d", len(l.accounts), differ)
	}
	for _, x := range l.accounts {
		if x.told != told[x.key] || x.has != has[x.key] {
			t.Errorf("account %d: told %d, has %d; want %d and %d", x.key, x.told, x.has, told[x.key], has[x.key])
		}
	}
	if len(l.transfers) != 3 || l.transfers[0].seq != 6 || l.transfers[0].at != 0 || l.transfers[2].at != 80 {
		t.Fatalf("transfers %+v; want 6, whose time is forgotten, to 8 of client 0", l.transfers)
	}
	want := "transfer 8: "
	if words := l.transfers[2].words(80 + int64(300*time.Millisecond)); !strings.Contains(words, want) || !strings.HasSuffix(words, "told committed 300 ms before the crash") {
		t.Errorf("words %q", words)
	}
	a.Books.Seqs = []uint64{8, 7}
	if _, err := lossOf(a); err == nil {
		t.Error("nothing is gone, and that is no error")
	}
	a.Books = nil
	if _, err := lossOf(a); err == nil {
		t.Error("without books nothing can be named, and that is no error")
	}
}

// TestLostCommitJudged: what decides the claim, on counts that were made up.
func TestLostCommitJudged(t *testing.T) {
	const p0, p1, p2 = groupcommit.Policy0, groupcommit.Policy1, groupcommit.Policy2
	for _, c := range []struct {
		policies []groupcommit.Policy
		lost     int64 // under policy 2
		broken   bool
		want     string
	}{
		{[]groupcommit.Policy{p0, p2, p1}, 1, false, result.LessonDoesNotHold},
		{[]groupcommit.Policy{p0, p2, p1}, 0, false, result.LessonNotTestable},
		{[]groupcommit.Policy{p1}, 0, false, result.LessonHolds},
		{[]groupcommit.Policy{p1}, 0, true, result.LessonDoesNotHold},
	} {
		b := &bankStory{Story: (&Env{}).Story(), lost: map[groupcommit.Policy]int64{p2: c.lost}, acked: map[groupcommit.Policy]int64{}, broken: c.broken}
		if out := b.judged(c.policies); out.Outcome != c.want || (out.Advice != "") != (c.lost > 0) {
			t.Errorf("%v, %d lost, broken %v: %q, advice %q; want %q", c.policies, c.lost, c.broken, out.Outcome, out.Advice, c.want)
		}
	}
}
