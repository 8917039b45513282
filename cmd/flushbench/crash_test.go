package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload/crash"
	"flushbench/workload/crash/lab"
	"flushbench/workload/scenario"
)

// TestCrashBadInput: one clear line, exit code 2, nothing written.
func TestCrashBadInput(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--kinds reboot", "legal values are process, os, power"},
		{"--fs btrfs", "legal values are ext4, xfs"},
		{"--kinds process --trials 0", "must be 1 to 10000"},
		{"--kinds process --frozen-share 2", "must be 0 to 1"},
		{"--kinds process --policy 9", "legal values are"},
		{"--kinds process --fault enospc", "that is your own file system, which nobody fills; legal are os, power"},
		{"--kinds process --fault erofs", "legal values are none, eio, enospc"},
		{"--kinds process --rounds 3", "unknown flag: --rounds"},
		{"--kinds process --fs-options noatime", "must be mkfs:OPTIONS or mount:OPTIONS"},
		{"--kinds process --fs-options mkfs:-Jdevice=UUID=1", "names another device or a file"},
		{"--kinds process --device /dev/null", "a partition serves the kind os"},
		{"--kinds process --trial-seed 5", "one trial is run again by naming one cell"},
		{"--kinds process --workload bank,tpcc", "legal values are log, bank"},
		{"--kinds process --workload bank,log --commit-protocol redo-first", "workload log: it has no binlog"},
		{"--kinds process --rate fast", "rate \"fast\""},
		{"--kinds process --clients 0", "must be 1 to"},
		{"--kinds process --format bench", "legal values are table, json, csv"},
		{"--kinds process --dir missing", "refused: folder"},
		{"--kinds process,process", "--kinds: process stands in the list twice"},
		{"--kinds os --fs ext4,ext4", "--fs: ext4 stands in the list twice"},
		{"--kinds os --fault none,none", "--fault: none stands in the list twice"},
		{"--kinds process --workload log,log", "log stands in the list twice"},
	} {
		dir := t.TempDir()
		stdout, stderr, code := runBinary(t, dir, append([]string{"crash"}, strings.Fields(c.args)...)...)
		refused(t, dir, stdout, stderr, code, c.want)
	}
}

func TestAvailableKinds(t *testing.T) {
	root := func(k vfs.CrashKind, _ lab.FSType) error {
		if k == vfs.CrashProcess {
			return nil
		}
		return errors.New("needs root")
	}
	all := []vfs.CrashKind{vfs.CrashProcess, vfs.CrashOS, vfs.CrashPower}
	for _, c := range []struct {
		name        string
		named       bool
		check       func(vfs.CrashKind, lab.FSType) error
		kinds       int
		note, wrong string
	}{
		{"all can be had", true, func(vfs.CrashKind, lab.FSType) error { return nil }, 3, "", ""},
		{"not asked for by name", false, root, 1, "os and power left out: needs root; process runs", ""},
		{"asked for by name", true, root, 0, "", "--kinds os: needs root; process works without"},
		{"one file system of two", true, func(_ vfs.CrashKind, fs lab.FSType) error {
			if fs == lab.XFS {
				return errors.New("needs mkfs.xfs")
			}
			return nil
		}, 0, "", "--kinds os: needs mkfs.xfs; process works without"},
	} {
		o := crashOptions{fs: scenario.List[lab.FSType]{lab.Ext4, lab.XFS}}
		o.m.Kinds = all
		note, err := o.available(c.named, c.check)
		if note != c.note || (err == nil) != (c.wrong == "") || err != nil && err.Error() != c.wrong {
			t.Errorf("%s: %q, %v; want %q, %q", c.name, note, err, c.note, c.wrong)
		}
		if err == nil && len(o.m.Kinds) != c.kinds {
			t.Errorf("%s: kinds %v; want %d", c.name, o.m.Kinds, c.kinds)
		}
	}
}

func TestCrashExit(t *testing.T) {
	with := func(control, verdict string, violations int) *result.Result {
		return &result.Result{Cells: []result.Cell{{Crash: &result.CrashCell{Control: control,
			Summary: &result.CrashSummary{Verdict: verdict, Violations: violations, Caught: control != "" && violations > 0}}}}}
	}
	for _, c := range []struct {
		name string
		err  error
		r    *result.Result
		want int
	}{
		{"kept", nil, with("", result.VerdictKept, 0), exitOK},
		{"lost within", nil, with("", result.VerdictLostWithin, 0), exitOK},
		{"lost more", nil, with("", result.VerdictLostMore, 0), exitFailed},
		{"violation", nil, with("", result.VerdictViolation, 1), exitViolation},
		{"violation, then Ctrl-C", context.Canceled, with("", result.VerdictViolation, 1), exitViolation},
		{"Ctrl-C", context.Canceled, with("", result.VerdictKept, 0), exitInterrupted},
		{"Ctrl-C and a control", context.Canceled, with("none", result.VerdictKept, 0), exitInterrupted},
		{"caught", nil, with("none", result.VerdictViolation, 3), exitOK},
		{"not caught", nil, with("none", result.VerdictKept, 0), exitFailed},
		{"failed", errors.New("disk full"), with("", result.VerdictKept, 0), exitFailed},
	} {
		if got := exitCode(crashExit(c.err, c.r), true); got != c.want {
			t.Errorf("%s: exit code %d; want %d", c.name, got, c.want)
		}
	}
}

// TestReproduceLine: the line that is printed for a trial makes the same cell
// and draws the same moment.
func TestReproduceLine(t *testing.T) {
	for _, args := range []string{
		"--kinds process,os --fs ext4,xfs --trials 7 --seed 42 --rate 500",
		"--kinds power --fs xfs --policy 0,2 --flush-method fdatasync,o_direct+fdatasync --growth zero,append --clients 4,16 --quiet",
		"--kinds os --workload bank --sync-binlog 0,1,100 --binlog-format row,mixed --rows 500 --flush-interval 200ms --frozen-share 0.2",
		"--kinds os,power --workload bank,log,insert --policy 1 --fault none,eio,enospc",
		"--kinds os --fault enospc --policy 1,2",
		"--kinds os --fs-options mount:data=journal --fs-options mkfs:-O^metadata_csum --no-controls --record-bytes uniform:100-200",
	} {
		o, fs := parsedCrash(t, args)
		plan, err := crash.PlanOf(o.m)
		if err != nil {
			t.Fatal(err)
		}
		for i := range plan.Cells {
			c := &plan.Cells[i]
			if c.Control != "" {
				continue
			}
			want := plan.Trial(c, c.Trials)
			line := reproduceLine(fs, c, want, 700)
			words, ok := strings.CutPrefix(line, "flushbench crash ")
			if !ok {
				t.Fatalf("line %q", line)
			}
			again, _ := parsedCrash(t, strings.ReplaceAll(words, "'", ""))
			again.m.Control = false
			p, err := crash.PlanOf(again.m)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			got := p.Trial(&p.Cells[0], 1)
			if want.Number = 1; got != want {
				t.Errorf("%s: trial %+v; want %+v", line, got, want)
			}
			a, b := p.Cells[0], *c
			if a.Kind != b.Kind || a.FS != b.FS || a.Policy != b.Policy || a.Clients != b.Clients || a.Sizes.String() != b.Sizes.String() || a.Engine != b.Engine ||
				a.Database.Stages != b.Database.Stages || a.Database.Binlog.Format != b.Database.Binlog.Format || a.Load.Rows != b.Load.Rows || a.Load.Kind != b.Load.Kind || a.Fault != b.Fault ||
				strings.Join(append(a.Mkfs, a.Mount...), " ") != strings.Join(append(b.Mkfs, b.Mount...), " ") || again.rate != 700 {
				t.Errorf("%s: cell %+v; want %+v", line, a, b)
			}
		}
	}
}

// parsedCrash is what the command makes of flags.
func parsedCrash(t *testing.T, args string) (*crashOptions, *pflag.FlagSet) {
	t.Helper()
	o := &crashOptions{}
	fs := pflag.NewFlagSet("crash", pflag.ContinueOnError)
	o.addFlags(fs)
	if err := fs.Parse(strings.Fields(args)); err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	if err := o.validate(fs.Changed); err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	return o, fs
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{"a-b=c": "a-b=c", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'"} {
		if got := shellWord(in); got != want {
			t.Errorf("shellWord(%q) = %s; want %s", in, got, want)
		}
	}
}
