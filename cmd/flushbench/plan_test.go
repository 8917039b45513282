package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
	"flushbench/workload/plan"
	"flushbench/workload/plan/simdisk"
)

// planDay is the date on which the golden plans were made.
var planDay = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// planned decides as the command does, on a simulated disk.
func planned(t *testing.T, disk, ask string) *plan.Plan {
	t.Helper()
	o := parsePlan(t, strings.Fields(ask)...)
	e, err := plan.FromResults([]*result.Result{planDisk(t, disk)})
	if err != nil {
		t.Fatal(err)
	}
	return plan.Decide(&o.o, e, planDay)
}

// planDisks keeps the results of simulated disks, which take a while to make.
var planDisks = struct {
	sync.Mutex
	made map[string]*result.Result
}{made: map[string]*result.Result{}}

// planDisk is what a run measures on a simulated disk. Tests share it: they change
// copies.
func planDisk(t *testing.T, disk string) *result.Result {
	t.Helper()
	planDisks.Lock()
	defer planDisks.Unlock()
	if planDisks.made[disk] == nil {
		d, err := simdisk.Named(disk)
		if err != nil {
			t.Fatal(err)
		}
		if planDisks.made[disk], err = d.Result(); err != nil {
			t.Fatal(err)
		}
	}
	return planDisks.made[disk]
}

// parsePlan reads the flags of plan.
func parsePlan(t *testing.T, args ...string) *planOptions {
	t.Helper()
	var o planOptions
	cmd := newPlanCmd()
	cmd.ResetFlags()
	o.addFlags(cmd.Flags())
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if err := o.validate(cmd.Flags()); err != nil {
		t.Fatal(err)
	}
	return &o
}

// TestPlanScreens are the reports on the eight questions whose answers are written
// down in workload/plan/testdata/cases.yaml, and on one that asks for everything.
func TestPlanScreens(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "workload", "plan", "testdata", "cases.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	type question struct{ Name, Disk, Ask string }
	var cases []question
	if err := yaml.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	cases = append(cases, question{"everything", "sata", "--tps 5000 --p99 10ms --max-loss process=0,os=2s --headroom 30% --traffic-growth 40%/y --tbw 1200 " +
		"--checkpoint-age 10m --recovery-time 60s --crashes process=4/y,os=0.5/y,power=0.1/y --monthly-cost 400 --replica-ack 400us --assume atomic=yes"})
	for _, c := range cases {
		p := planned(t, c.Disk, c.Ask)
		screen := planScreen(p, plain)
		golden(t, "plan-"+c.Name+".golden", screen)
		for i := range p.Rows { // the widest cells that there are
			for k := range p.Rows[i].Loss {
				l := p.Rows[i].Loss[k]
				l.Proven, l.Nothing, l.Measured, l.AgeNS = &plan.Proof{Trials: 20, WithLoss: 20}, false, true, 1e9
				p.Rows[i].Loss[k] = l
			}
			p.Rows[i].Verdict = plan.Unknown
		}
		fitsScreen(t, c.Name, planScreen(p, plain))
		if c.Name == "everything" {
			testenv.Golden(t, "plan-everything.md", planMarkdown(p))
		}
	}
}

// savedPlanDisk keeps the result of a simulated disk as run does, and returns its folder.
func savedPlanDisk(t *testing.T, disk string) string {
	t.Helper()
	r := planDisk(t, disk)
	folder, err := new(result.Saver).CreateFolder(t.TempDir(), r)
	if err != nil {
		t.Fatal(err)
	}
	var s result.Saver
	if err := s.Save(folder, r); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestPlanCommand runs the command on saved results: formats, folders, several
// disks, exit codes.
func TestPlanCommand(t *testing.T) {
	t.Parallel()
	sata, hdd, work := savedPlanDisk(t, "sata"), savedPlanDisk(t, "hdd"), t.TempDir()
	ask := []string{"plan", "--tps", "5000", "--p99", "10ms", "--max-loss", "process=0,os=1s"}
	out, stderr, code := runBinary(t, work, append(ask, "--from", sata, "--out", "page")...)
	if code != 0 || !strings.Contains(out, "innodb_flush_log_at_trx_commit = 1, sync_binlog = 1") {
		t.Errorf("plan --from sata = %d, %s\n%s", code, stderr, out)
	}
	for _, f := range []string{"plan.json", "plan.md", "report.html", "report.md"} {
		text, err := os.ReadFile(filepath.Join(work, "page", f))
		if err != nil || !strings.Contains(string(text), "1/1") {
			t.Errorf("%s: %v; want it to name 1/1", f, err)
		}
	}
	out, _, code = runBinary(t, work, append(ask, "--json", sata)...)
	var p plan.Plan
	if err := json.Unmarshal([]byte(out), &p); err != nil || code != 0 || p.Use != "1/1" || p.RunnerUp != "1/100" {
		t.Errorf("plan --json = %d, %v, use %q, then %q; want 1/1, then 1/100", code, err, p.Use, p.RunnerUp)
	}
	out, stderr, code = runBinary(t, work, append(ask, "--from", sata, "--from", hdd)...)
	if code != 4 || !strings.Contains(out, "no setting: hdd") || !strings.Contains(stderr, "no setting meets") {
		t.Errorf("plan of two disks = %d, %s\n%s; want 4 and both named", code, stderr, out)
	}
	_, _, code = runBinary(t, work, "plan", "--tps", "3000000", "--from", sata)
	if code != 2 {
		t.Errorf("plan of a rate that nobody measured = %d; want 2, not decided", code)
	}
}

// TestPlanRefuses: each mistake is one clear line and exit code 2.
func TestPlanRefuses(t *testing.T) {
	work := t.TempDir()
	file := filepath.Join(work, "objectives.yaml")
	if err := os.WriteFile(file, []byte("tps: 5000\np98: 10ms\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	measured := saved(t, compared(10, 1))
	for _, c := range []struct{ args, want string }{
		{"", "--tps is needed"},
		{"--tps 0", "legal are"},
		{"--tps 1e30", "legal are"},
		{"--tps 5 --p99 10", "with a unit"},
		{"--tps 5 --p99 10ms --p999 1ms", "contradict"},
		{"--tps 5 --max-loss process=1s,os=0", "contradict"},
		{"--tps 5 --max-loss kernel=1s", "there is no figure"},
		{"--tps 5 --assume luck=yes", "legal are"},
		{"--tps 5 --p98 1s", "unknown flag"},
		{"--tps 5 --tbw 600 --dwpd 1", "give one"},
		{"--tps 5 --from nowhere", "nowhere"},
		{"--tps 5 --from " + measured + " --from " + measured + "/", "is given twice"},
		{"--tps 5 --time-budget 20s", "at least 1m"},
		{"--tps 5 --max-loss os=0 --time-budget -1s", "at least"},
		{"--tps 5 --from nowhere --dir .", "--dir with --from"},
		{"--tps 5 --from nowhere --workload log", "--workload with --from"},
		{"--tps 5 --from nowhere --background-io read=1M/s", "--background-io with --from"},
		{"--tps 5 --time-budget 5m nowhere", "--time-budget with --from"},
		{"--file " + file, `did you mean "p99"`},
		{"--file nowhere.yaml", "nowhere.yaml"},
	} {
		_, stderr, code := runBinary(t, work, append([]string{"plan"}, strings.Fields(c.args)...)...)
		if code != 2 || !strings.Contains(stderr, c.want) || strings.Count(strings.TrimSpace(stderr), "\n") != 0 {
			t.Errorf("plan %s = %d, %q; want exit code 2 and one line with %q", c.args, code, stderr, c.want)
		}
	}
}

// TestPlanMeasures: what is measured fits the objectives and the time.
func TestPlanMeasures(t *testing.T) {
	o := parsePlan(t, strings.Fields("--tps 2000 --p99 20ms --max-loss process=0,os=0 --headroom 50%")...)
	s, err := o.measure.scenario(&o.o)
	if err != nil {
		t.Fatal(err)
	}
	cells, _ := s.Cells()
	if len(cells) != 16 || len(s.Policy) != 2 {
		t.Errorf("scenario = %d cells of policies %v; want 2 policies x 2 sync_binlog x 4 rates", len(cells), s.Policy)
	}
	var total time.Duration
	for _, c := range cells {
		total += (c.Warmup + c.Duration) * time.Duration(s.Rounds)
	}
	if total > time.Duration((1-planSweepShare)*float64(defaultPlanBudget)) || s.Rounds != mostPlanRounds {
		t.Errorf("scenario takes %v in %d rounds; want at most %v less a sweep in %d", total, s.Rounds, defaultPlanBudget, mostPlanRounds)
	}
}

// TestPlanKeepsItsBudget: the least budget that a refusal names is enough, and whatever is
// measured takes no longer than was asked for.
func TestPlanKeepsItsBudget(t *testing.T) {
	for _, ask := range []string{"--tps 5", "--tps 2000 --p99 20ms --max-loss os=0 --headroom 50%", "--tps 2000 --max-loss os=0 --workload log", "--tps 2000 --background-io read=1M/s"} {
		o := parsePlan(t, strings.Fields(ask)...)
		o.measure.budget = time.Second
		_, err := o.measure.scenario(&o.o)
		if err == nil {
			t.Fatalf("%s in %v: no error", ask, o.measure.budget)
		}
		_, rest, _ := strings.Cut(err.Error(), "at least ")
		word, _, _ := strings.Cut(rest, " ")
		least, err := time.ParseDuration(word)
		if err != nil {
			t.Fatalf("%s: %v", ask, err)
		}
		for _, budget := range []time.Duration{least, least + time.Second, 2 * least, 4 * least} {
			o.measure.budget = budget
			if s, err := o.measure.scenario(&o.o); err != nil || measuring(s) > budget {
				t.Errorf("%s in %v, of which %v are the least: %v; want no longer", ask, budget, least, err)
			}
		}
		o.measure.budget = least - time.Second
		if _, err := o.measure.scenario(&o.o); err == nil {
			t.Errorf("%s in %v: no error; want one below %v", ask, o.measure.budget, least)
		}
	}
}

// TestPlanSweeps: in what the run leaves of the time the pairs are swept that the answer
// hangs on, in shorter rounds before fewer of them; what there is no time for is said.
func TestPlanSweeps(t *testing.T) {
	o := parsePlan(t, strings.Fields("--tps 2000 --p99 20ms")...)
	one, hundred := 1, 100
	pairs := []plan.Pair{{Policy: "1", SyncBinlog: &one}, {Policy: "2", SyncBinlog: &hundred}}
	for _, c := range []struct {
		left   time.Duration
		fits   int
		length time.Duration
	}{{90 * time.Second, 2, time.Second}, {45 * time.Second, 2, time.Second / 2}, {35 * time.Second, 1, time.Second}, {25 * time.Second, 1, time.Second / 2}, {time.Second, 0, 0}, {-time.Second, 0, 0}} {
		cfg, fits, err := o.measure.sweepConfig(&o.o, pairs, c.left)
		if err != nil || fits != c.fits {
			t.Errorf("%v left: %d pairs, %v; want %d", c.left, fits, err, c.fits)
			continue
		}
		if fits == 0 {
			continue
		}
		if s := cfg.Run.Plan.Specs; len(s) != fits || !sweptBy(pairs[:1], &s[0]) || fits == 2 && !sweptBy(pairs[1:], &s[1]) || cfg.Options.Length != c.length || cfg.Budget != c.left || cfg.Options.Objective.P99 != 20*time.Millisecond {
			t.Errorf("%v left: %d cells, %+v in %v; want %d pairs in rounds of %v", c.left, len(s), cfg.Options, cfg.Budget, fits, c.length)
		}
	}
	if _, fits, err := o.measure.sweepConfig(&o.o, nil, time.Hour); err != nil || fits != 0 {
		t.Errorf("no pair: %d, %v; want none", fits, err)
	}
	if text := o.measure.unswept(pairs); !strings.Contains(text, "1/1 and 2/100") || !strings.Contains(text, "--time-budget 8 min") {
		t.Errorf("unswept = %q", text)
	}
}

// TestPlanFromAFolderOfResults takes what lies in it that says something of the disk.
func TestPlanFromAFolderOfResults(t *testing.T) {
	dir := filepath.Dir(savedPlanDisk(t, "sata"))
	lesson := result.Result{Schema: result.Version, Kind: result.KindLesson, Name: "lesson", Environment: result.Environment{Host: "sata"}}
	if _, err := new(result.Saver).CreateFolder(dir, &lesson); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{dir, filepath.Join(dir, "*")} {
		o := parsePlan(t, "--tps", "5000", "--from", from)
		got, err := o.load()
		if want := from == dir; (err == nil && len(got) == 1 && got[0].Kind == result.KindRun) != want {
			t.Errorf("--from %s: %d results, %v; want one: %v", from, len(got), err, want)
		}
	}
}

// TestPlanLeavesAPage: what was measured has its plan beside it, and the screen says
// where; --out wins, and saved results get a page only with it.
func TestPlanLeavesAPage(t *testing.T) {
	p := planned(t, "sata", "--tps 1000 --p99 20ms --max-loss process=0,os=0")
	made := []planFrom{{p, []*result.Result{planDisk(t, "sata")}}}
	measured, asked := t.TempDir(), t.TempDir()
	for _, c := range []struct{ out, measured, want string }{{"", measured, measured}, {asked, measured, asked}, {asked, "", asked}, {"", "", ""}} {
		o := planOptions{out: c.out, measure: planMeasure{folder: c.measured}, format: formatTable}
		var screen strings.Builder
		if err := o.writeFolder(&screen, made, []*plan.Plan{p}); err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			if screen.Len() > 0 {
				t.Errorf("nothing measured, no --out: %q", screen.String())
			}
			continue
		}
		page, found := strings.CutPrefix(strings.TrimSpace(screen.String()), "Report  ")
		text, err := os.ReadFile(page)
		if !found || err != nil || filepath.Dir(page) != c.want || !strings.Contains(string(text), "flushbench plan") {
			t.Errorf("--out %q, measured in %q: %q, %v; want a page below %q", c.out, c.measured, screen.String(), err, c.want)
		}
	}
}
