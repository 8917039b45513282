package verdict

import (
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
		t.Cell = t.Kind + t.Policy
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
			[]string{"The lab can see: all 1 controls", "Policy 1 lost nothing to a simulated kernel crash (0 of 4, so up to 53 %).", "(up to:"}, "VIOLATION"},
		{"lost within", []result.CrashTrial{lost, kept}, []string{"No control was run", "Policy 2 lost to a simulated kernel crash up to 2,623 (1.01 s) in 1 of 1.", "Policy 1 lost nothing"}, "PROVES NOTHING"},
		{"violation first", []result.CrashTrial{more, gone, caught},
			[]string{"VIOLATION in 1 of 1 trials of power1: client 3: gone.", "os2 lost more than had been predicted", "The lab can see"}, "(up to:"},
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
