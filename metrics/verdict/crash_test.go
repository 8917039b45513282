package verdict

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// crashed is a result with a cell for each trial given: kind, control, policy
// and what was lost.
func crashed(trials ...result.CrashTrial) *result.Result {
	r := &result.Result{Kind: result.KindCrash, Complete: true}
	for _, t := range trials {
		t.Cell, t.Acked = t.Kind+t.Policy, cmp.Or(t.Acked, 100)
		if t.Acked < 0 {
			t.Acked = 0
		}
		control := ""
		if t.Control {
			control, t.Cell = "none", "control"+t.Kind
		}
		if !slices.ContainsFunc(r.Cells, func(c result.Cell) bool { return c.Name == t.Cell }) {
			r.Cells = append(r.Cells, result.Cell{Name: t.Cell, Params: result.Params{Policy: t.Policy},
				Crash: &result.CrashCell{Kind: t.Kind, Control: control, Filesystem: "ext4"}})
		}
		r.CrashTrials = append(r.CrashTrials, t)
	}
	stats.SummarizeCrashes(r)
	return r
}

func TestCrashAnswer(t *testing.T) {
	kept := result.CrashTrial{Kind: "os", Policy: "1", Verdict: result.VerdictKept}
	lost := result.CrashTrial{Kind: "os", Policy: "2", Verdict: result.VerdictLostWithin, Lost: 2623, LostAgeNS: 1_010_000_000}
	gone := result.CrashTrial{Kind: "power", Policy: "1", Verdict: result.VerdictViolation, Lost: 1, LostAgeNS: 1000, Violations: []string{"client 3: gone."}}
	caught := result.CrashTrial{Kind: "os", Policy: "1", Control: true, Verdict: result.VerdictViolation, Lost: 9}
	missed := result.CrashTrial{Kind: "power", Policy: "1", Control: true, Verdict: result.VerdictKept}
	more := result.CrashTrial{Kind: "os", Policy: "2", Verdict: result.VerdictLostMore, Lost: 5}
	ahead := result.CrashTrial{Kind: "process", Policy: "0", Verdict: result.VerdictLostWithin, BinlogAhead: 40}
	for _, c := range []struct {
		name   string
		trials []result.CrashTrial
		want   []string // in this order
		not    string
	}{
		{"nothing", nil, []string{"Nothing was crashed"}, "lab"},
		{"kept", []result.CrashTrial{kept, kept, kept, kept, caught},
			[]string{"The lab can see: its control,", "Policy 1 lost nothing to a simulated kernel crash (0 of 4, so up to 53 %).", "(up to:"}, "VIOLATION"},
		{"lost within", []result.CrashTrial{lost, kept}, []string{"No control was run", "Policy 1 lost nothing", "Policy 2 lost to a simulated kernel crash up to 2,623 (1.01 s) in 1 of 1."}, "PROVES NOTHING"},
		{"violation first", []result.CrashTrial{more, gone, caught},
			[]string{"VIOLATION in 1 of 1 trials of power1: client 3: gone.", "Policy 2, simulated kernel crash on ext4, lost more than had been predicted", "The lab can see"}, "(up to:"},
		{"a control was missed", []result.CrashTrial{kept, caught, missed}, []string{"THE LAB PROVES NOTHING: it did not catch none by power on ext4", "Policy 1 lost nothing"}, "The lab can see"},
		{"binlog ahead", []result.CrashTrial{ahead}, []string{"Policy 0 lost to a process crash up to 40 binlog ahead in 1 of 1."}, "control"},
	} {
		got := strings.Join(CrashAnswer(crashed(c.trials...)), "\n")
		at := 0
		for _, w := range c.want {
			i := strings.Index(got[at:], w)
			if i < 0 {
				t.Errorf("%s: %q; want %q in it, after what comes before", c.name, got, w)
				break
			}
			at += i
		}
		if strings.Contains(got, c.not) {
			t.Errorf("%s: %q; want no %q", c.name, got, c.not)
		}
	}
}

// A bound belongs to the crashes of one kind on one file system: others do not
// lower it.
func TestCrashBoundsAreNotPooled(t *testing.T) {
	var r result.Result
	for _, c := range []struct {
		kind, fs     string
		trials, lost int
	}{{"process", "ext4", 4, 0}, {"os", "ext4", 4, 0}, {"os", "xfs", 10, 0}, {"power", "ext4", 4, 2}} {
		s := &result.CrashSummary{Trials: c.trials, Proofs: c.trials, WithLoss: c.lost, LostMax: int64(c.lost), Verdict: result.VerdictKept}
		r.Cells = append(r.Cells, result.Cell{Name: c.kind + c.fs, Params: result.Params{Policy: "1"},
			Crash: &result.CrashCell{Kind: c.kind, Filesystem: c.fs, Summary: s}})
	}
	settings := crashSettings(&r)
	const want = "Policy 1 lost nothing to a process crash or a simulated kernel crash on ext4 (0 of 4 each, so up to 53 %), " +
		"nothing to a simulated kernel crash on xfs (0 of 10, so up to 26 %); lost to a simulated power cut up to 2 (0.000 ms) in 2 of 4."
	if len(settings) != 1 {
		t.Fatalf("%d settings; want 1", len(settings))
	}
	if got, bounded := groupCrashes(settings)[0].sentence(); got != want || !bounded {
		t.Errorf("sentence() = %q, %v; want %q, true", got, bounded, want)
	}
}

func TestCrashAnswerOfFaults(t *testing.T) {
	x := result.CrashTrial{Kind: "os", Policy: "1", Verdict: result.VerdictKept, Fault: &result.CrashFault{Error: "eio", Seen: true}}
	got := strings.Join(CrashAnswer(crashed(x, x)), "\n")
	if !strings.Contains(got, "made to fail in 2 of 2 trials before the crash; nothing was acknowledged after it") {
		t.Errorf("%q", got)
	}
	x.Fault = &result.CrashFault{Error: "eio", Seen: true, AckedAfter: 3}
	if got = strings.Join(CrashAnswer(crashed(x)), "\n"); !strings.Contains(got, "3 commits were acknowledged after it: that must never be") {
		t.Errorf("%q", got)
	}
}

// Each fault has a sentence of its own, and so has each setting with it; a loss is one
// of all crashes, those included that prove nothing of the fault.
func TestCrashAnswerOfSeveralFaults(t *testing.T) {
	eio := result.CrashTrial{Kind: "os", Policy: "1", Verdict: result.VerdictKept, Fault: &result.CrashFault{Error: "eio", Seen: true}}
	full := result.CrashTrial{Kind: "power", Policy: "2", Verdict: result.VerdictLostWithin, Lost: 7, LostAgeNS: 5e6, Fault: &result.CrashFault{Error: "enospc", Seen: true}}
	late := full
	late.Fault = &result.CrashFault{Error: "enospc"}
	r := crashed(eio, full, late)
	r.Cells[0].Crash.Fault, r.Cells[1].Crash.Fault = "eio", "enospc"
	got := strings.Join(CrashAnswer(r), "\n")
	for _, want := range []string{"A flush was made to fail in 1 of 1 trials", "The disk was filled, and a file met its end, in 1 of 2 trials before the crash; nothing was acknowledged after it. In the others no file met its end in time",
		"Policy 1, after a flush had failed, lost nothing to a simulated kernel crash (0 of 1", "Policy 2, after the disk had run full, lost to a simulated power cut up to 7 (5.0 ms) in 2 of 2."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q; want %q in it", got, want)
		}
	}
	r.Kind = result.KindCrash
	if got := Headline(r); !strings.HasPrefix(got, "Policy 1, after a flush had failed, lost nothing") {
		t.Errorf("headline %q; want what was lost", got)
	}
	full.Fault = &result.CrashFault{Error: "enospc", Seen: true, AckedAfter: 2}
	if got := strings.Join(CrashAnswer(crashed(full)), "\n"); !strings.Contains(got, "The disk was full in 1 of 1 trials, and 2 commits were acknowledged after it: that must never be.") {
		t.Errorf("%q", got)
	}
}

// Several workloads are told apart, and each is held against its own cells alone.
func TestCrashAnswerOfWorkloads(t *testing.T) {
	r := crashed(result.CrashTrial{Kind: "os", Policy: "1", Verdict: result.VerdictKept}, result.CrashTrial{Kind: "power", Policy: "2", Verdict: result.VerdictKept})
	one := 1
	r.Cells[0].Params.Workload, r.Cells[0].Params.SyncBinlog, r.Cells[0].Params.BinlogFormat, r.Cells[0].Params.Growth = "bank", &one, "row", "zero"
	r.Cells[1].Params.Workload, r.Cells[1].Params.Growth = "log", "append"
	got := strings.Join(CrashAnswer(r), "\n")
	if !strings.Contains(got, "1/1 bank lost nothing to a simulated kernel crash") || !strings.Contains(got, "Policy 2 log lost nothing to a simulated power cut") {
		t.Errorf("%q", got)
	}
}

// What proves nothing is said, and no zero rests on it.
func TestCrashAnswerOfNoProofs(t *testing.T) {
	kept := result.CrashTrial{Kind: "os", Policy: "1", Verdict: result.VerdictKept}
	idle, unstruck, unpredicted, unreadable, stalled := kept, kept, kept, kept, kept
	idle.Acked, stalled.Stalled = -1, true
	unstruck.Fault = &result.CrashFault{Error: "eio"}
	unpredicted.Policy, unpredicted.Verdict, unpredicted.Lost = "2", result.VerdictNotPredicted, 7
	unreadable.Verdict, unreadable.Unreadable, unreadable.Violations = result.VerdictViolation, true, []string{"recovery failed"}
	for _, c := range []struct {
		trials []result.CrashTrial
		want   []string
		not    string
	}{
		{[]result.CrashTrial{kept, idle, kept}, []string{"Nothing had been acknowledged in 1 of 3 trials when they were crashed", "(0 of 2, so up to 78 %)"}, "0 of 3"},
		{[]result.CrashTrial{idle}, []string{"in 1 of 1 trials", "Policy 1 had no trial that counts of a simulated kernel crash."}, "lost nothing"},
		{[]result.CrashTrial{kept, stalled}, []string{"The load had stood still for a flush interval in 1 of 2 trials", "(0 of 1, so up to 95 %)"}, "0 of 2"},
		{[]result.CrashTrial{stalled}, []string{"Policy 1 had no trial that counts of a simulated kernel crash."}, "lost nothing"},
		{[]result.CrashTrial{unstruck, unstruck}, []string{"in 0 of 2 trials before the crash", "they do not count", "had no trial that counts of"}, "lost nothing"},
		{[]result.CrashTrial{unpredicted}, []string{"Policy 2, simulated kernel crash on ext4, lost something in 1 of 1 trials of which nobody knows how much was at risk"}, "more than"},
		{[]result.CrashTrial{kept, unreadable}, []string{"VIOLATION in 1 of 2 trials of os1: recovery failed."}, "lost nothing"},
	} {
		got := strings.Join(CrashAnswer(crashed(c.trials...)), "\n")
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%q; want %q in it", got, want)
			}
		}
		if strings.Contains(got, c.not) {
			t.Errorf("%q; want no %q", got, c.not)
		}
	}
}

// A load that was far from what was asked for is said.
func TestCrashAnswerOfTheRate(t *testing.T) {
	x := result.CrashTrial{Kind: "os", Policy: "1", Verdict: result.VerdictKept, Acked: 500, Moment: result.Moment{AtNS: 1e9}}
	for asked, said := range map[float64]bool{0: false, 600: false, 1000: true} {
		r := crashed(x)
		r.Cells[0].Params.Rate = asked
		got := strings.Join(CrashAnswer(r), "\n")
		if strings.Contains(got, "The load was less than asked: down to 500 commits/s of 1,000.") != said {
			t.Errorf("of %v asked: %q", asked, got)
		}
	}
}

func TestCrashAnswerCutShort(t *testing.T) {
	r := crashed(result.CrashTrial{Kind: "os", Policy: "1", Verdict: result.VerdictKept})
	r.Complete = false
	r.Cells = append(r.Cells, result.Cell{Name: "control", Crash: &result.CrashCell{Kind: "os", Control: "none"}})
	got := CrashAnswer(r)
	if !strings.HasPrefix(got[0], "The trials were cut short") || !strings.HasPrefix(got[1], "Only 0 of 1 controls were tried") {
		t.Errorf("%q", got)
	}
}

func TestCrashNotProved(t *testing.T) {
	process := strings.Join(CrashNotProved(crashed(result.CrashTrial{Kind: "process", Policy: "1", Verdict: result.VerdictKept})), "|")
	both := strings.Join(CrashNotProved(crashed(result.CrashTrial{Kind: "os", Policy: "1", Verdict: result.VerdictKept}, result.CrashTrial{Kind: "power", Policy: "1", Verdict: result.VerdictKept})), "|")
	if !strings.HasPrefix(process, "a kernel crash") || !strings.Contains(process, "a power cut") || strings.Contains(process, "torn") {
		t.Errorf("process alone: %q", process)
	}
	if strings.Contains(both, "as root") || !strings.HasPrefix(both, "that the real drive keeps") || !strings.Contains(both, "torn") {
		t.Errorf("os and power: %q", both)
	}
}

func TestCrashNumbers(t *testing.T) {
	for share, want := range map[float64]string{0.0722: "7.2 %", 0.2589: "26 %", 0.003: "0.3 %", 1: "100 %"} {
		if got := Percent(share); got != want {
			t.Errorf("Percent(%v) = %q; want %q", share, got, want)
		}
	}
	if got := CrashLoss(0, 5) + ", " + CrashLoss(1200, 12_000_000); got != "none, 1,200 (12 ms)" {
		t.Errorf("CrashLoss = %q", got)
	}
	if got := CrashName("reboot"); got != "reboot" {
		t.Errorf("CrashName = %q", got)
	}
}
