package verdict

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// matrix is a crash result with a cell of every pair, workload and crash kind, whose
// summary of says.
func matrix(loads []string, pairs []string, of func(load, pair, kind string) result.CrashSummary) *result.Result {
	r := &result.Result{Kind: result.KindCrash, Complete: true}
	for _, load := range loads {
		for _, pair := range pairs {
			for _, kind := range []string{"process", "os", "power"} {
				policy, sync := pair[:1], 0
				if _, err := fmt.Sscanf(pair[2:], "%d", &sync); err != nil {
					panic(err)
				}
				s := of(load, pair, kind)
				if s.Verdict == "" {
					s.Verdict = result.VerdictKept
					if s.WithLoss > 0 {
						s.Verdict = result.VerdictLostWithin
					}
				}
				r.Cells = append(r.Cells, result.Cell{Name: load + pair + kind, Params: result.Params{Workload: load, Policy: policy, SyncBinlog: &sync},
					Crash: &result.CrashCell{Kind: kind, Filesystem: "ext4", Summary: &s}})
			}
		}
	}
	return r
}

// innodb is what crashes of a pair took: more of those that come later.
func innodb(load, pair, kind string) result.CrashSummary {
	s := result.CrashSummary{Trials: 2, Proofs: 2}
	if pair == "1/1" || kind == "process" && pair[0] != '0' {
		return s
	}
	more := int64(len(load) + len(kind))
	s.WithLoss = 2
	switch pair {
	case "2/1", "0/1":
		s.BinlogAheadMax = 100 + more
	case "1/100":
		s.LostMax, s.LostAgeMax, s.EngineAheadMax = 1, 2*ms, 90+more
	default:
		s.LostMax, s.LostAgeMax, s.EngineAheadMax = 200+more, (200+more)*ms, 7
	}
	return s
}

var fiveLoads = []string{"bank", "update", "insert", "write-only", "read-write"}

// Settings that share a verdict share a sentence, those that lost nothing first, then the
// worst; inside of one, too, the worst comes first.
func TestCrashAnswerGroups(t *testing.T) {
	r := matrix(fiveLoads, []string{"2/1", "1/100", "2/0", "0/0", "0/1", "1/1"}, innodb)
	got := CrashAnswer(r)
	want := []string{
		"No control was run: that this lab would have seen a loss is not shown.",
		"1/1 with all 5 workloads lost nothing to a process crash, a simulated kernel crash or a simulated power cut (0 of 2 each, so up to 78 %).",
		"0/0 and 0/1 with all 5 workloads lost to a process crash in 20 of 20: 0/0 up to 217 (0.22 s) and 7 engine ahead, 0/1 up to 117 binlog ahead; " +
			"to a simulated kernel crash in 20 of 20: 0/0 up to 212 (0.21 s) and 7 engine ahead, 0/1 up to 112 binlog ahead; " +
			"to a simulated power cut in 20 of 20: 0/0 up to 215 (0.21 s) and 7 engine ahead, 0/1 up to 115 binlog ahead.",
		"2/1, 1/100 and 2/0 with all 5 workloads lost nothing to a process crash (0 of 2 each, so up to 78 %); " +
			"lost to a simulated kernel crash in 30 of 30: 2/0 up to 212 (0.21 s) and 7 engine ahead, 1/100 up to 1 (2.0 ms) and 102 engine ahead, 2/1 up to 112 binlog ahead; " +
			"to a simulated power cut in 30 of 30: 2/0 up to 215 (0.21 s) and 7 engine ahead, 1/100 up to 1 (2.0 ms) and 105 engine ahead, 2/1 up to 115 binlog ahead.",
		"(up to: the chance of a loss in one crash that so few trials leave possible, at 95 %.)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// One that lost something leaves its group, and "all" with it; the bound of the others
	// is that of the one that was tried the least.
	r = matrix(fiveLoads, []string{"1/1", "3/1"}, func(load, pair, kind string) result.CrashSummary {
		s := result.CrashSummary{Trials: 20, Proofs: 20}
		if load == "bank" && pair == "3/1" {
			s.Proofs, s.Idle = 4, 16
		}
		if load == "insert" && pair == "1/1" && kind == "power" {
			s.WithLoss, s.LostMax = 1, 3
		}
		return s
	})
	got = CrashAnswer(r)[2:4]
	want = []string{
		"1/1 (bank, update, write-only, read-write) and 3/1 with all 5 workloads lost nothing to a process crash, a simulated kernel crash or a simulated power cut (0 of 4 or more each, so up to 53 %).",
		"1/1 insert lost nothing to a process crash or a simulated kernel crash (0 of 20 each, so up to 14 %); lost to a simulated power cut up to 3 (0.000 ms) in 1 of 20.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCrashGroupNames(t *testing.T) {
	setting := func(base, rest, load string) *crashSetting {
		name := base
		if rest != "" {
			name += " " + rest
		}
		return &crashSetting{name: name, base: base, load: load}
	}
	for want, settings := range map[string][]*crashSetting{
		"Policy 1":                   {setting("Policy 1", "", "log")},
		"Policy 1 zero":              {setting("Policy 1", "zero", "log")},
		"Policies 1 and 3":           {setting("Policy 1", "", "log"), setting("Policy 3", "", "log")},
		"Policy 1 (zero, append)":    {setting("Policy 1", "zero", "log"), setting("Policy 1", "append", "log")},
		"Policies 1 and 3 (append)":  {setting("Policy 1", "append", "log"), setting("Policy 3", "append", "log")},
		"1/1 in all 3 variants":      {setting("1/1", "a", "bank"), setting("1/1", "b", "bank"), setting("1/1", "c, d", "bank")},
		"1/0 (a; c, d) and 1/1 (b)":  {setting("1/0", "a", "bank"), setting("1/0", "c, d", "bank"), setting("1/1", "b", "bank")},
		"Policy 1 and 1/1":           {setting("Policy 1", "", "log"), setting("1/1", "", "log")},
		"1/1 (2pc; 2pc, crashed so)": {setting("1/1", "2pc", "bank"), {name: "1/1 2pc, crashed so,", base: "1/1", load: "bank"}},
	} {
		g := &crashGroup{settings: settings, tried: map[string]int{"Policy 1": 3, "1/0": 3, "1/1": 3}}
		if got := g.name(); got != want {
			t.Errorf("name() = %q; want %q", got, want)
		}
	}
}

// What went wrong otherwise than by a loss is said as what it was.
func TestCrashAnswerWithoutALoss(t *testing.T) {
	for name, c := range map[string]struct {
		s    result.CrashSummary
		want string
		not  string
	}{
		"a promise was broken": {result.CrashSummary{Trials: 2, Proofs: 2, Violations: 2, Verdict: result.VerdictViolation},
			"1/1 broke its promise without a loss that could be counted after a process crash in 2 of 2, after a simulated kernel crash", "lost"},
		"nothing could be read": {result.CrashSummary{Trials: 2, Unreadable: 2, Violations: 2, Verdict: result.VerdictViolation},
			"1/1 could not be recovered, so that nobody knows what is lost, after a process crash in 2 of 2,", "broke"},
		"one of each": {result.CrashSummary{Trials: 3, Proofs: 2, Unreadable: 1, Violations: 2, Verdict: result.VerdictViolation},
			"1/1 broke its promise without a loss that could be counted after a process crash in 1 of 3, after a simulated kernel crash in 1 of 3, after a simulated power cut in 1 of 3; could not be recovered, so that nobody knows what is lost, after a process crash in 1 of 3,", "lost nothing"},
		"a loss beside it": {result.CrashSummary{Trials: 3, Proofs: 2, Unreadable: 1, Violations: 1, WithLoss: 1, LostMax: 5, LostAgeMax: 3 * ms, Verdict: result.VerdictViolation},
			"1/1 lost to a process crash up to 5 (3.0 ms) in 1 of 3, to", "broke"},
		"a loss that proves nothing": {result.CrashSummary{Trials: 2, Stalled: 2, WithLoss: 1, LostMax: 5, LostAgeMax: 3 * ms, Verdict: result.VerdictLostWithin},
			"1/1 lost to a process crash up to 5 (3.0 ms) in 1 of 2, to", "counts of"},
		"logs apart in crashes that prove nothing": {result.CrashSummary{Trials: 4, Proofs: 1, Stalled: 3, WithLoss: 3, Diverged: 3, EngineAheadMax: 1, Verdict: result.VerdictDiverged},
			"1/1 left its logs different, and lost nothing acknowledged, after a process crash in 3 of 4 (up to 1 engine ahead),", "of 1"},
	} {
		var got string
		for _, s := range CrashAnswer(matrix([]string{"bank"}, []string{"1/1"}, func(string, string, string) result.CrashSummary { return c.s })) {
			if strings.HasPrefix(s, "1/1 ") && !strings.Contains(s, " on ext4,") {
				got = s
			}
		}
		if !strings.HasPrefix(got, c.want) || strings.Contains(got, c.not) {
			t.Errorf("%s: %q; want it to begin with %q, without %q", name, got, c.want, c.not)
		}
	}
}

// A matrix in which everything went wrong is not told cell by cell.
func TestCrashAnswerOfManyFaults(t *testing.T) {
	for want, s := range map[string]result.CrashSummary{
		"VIOLATION in 26 more cells: the table marks them.":                                      {Trials: 1, Violations: 1, WithLoss: 1, Verdict: result.VerdictViolation},
		"26 more cells lost more than was expected: the table marks them MORE.":                  {Trials: 1, Proofs: 1, WithLoss: 1, Verdict: result.VerdictLostMore},
		"26 more cells lost something that nobody had predicted: the table calls them no proof.": {Trials: 1, Proofs: 1, WithLoss: 1, Unpredicted: 1, Verdict: result.VerdictNotPredicted},
	} {
		got := CrashAnswer(matrix(fiveLoads, []string{"1/1", "1/100"}, func(string, string, string) result.CrashSummary { return s }))
		if !slices.Contains(got, want) || len(got) > mostNamed+4 {
			t.Errorf("%d sentences, %q; want %q among few", len(got), got, want)
		}
	}
	bases := []string{"0/0", "0/1", "0/2", "0/3", "0/4", "0/5", "0/6", "0/7", "0/8", "0/9"}
	got := CrashAnswer(matrix([]string{"bank"}, bases, innodb))
	if len(got) != 2 || !strings.Contains(got[1], ", and 2 more that lost no more; to a simulated kernel crash") {
		t.Errorf("of ten pairs: %q", got)
	}
}
