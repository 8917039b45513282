package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/plan"
	"flushbench/workload/runner"
	"flushbench/workload/scenario"
)

// planMeasure measures what plan needs where no result is given.
type planMeasure struct {
	dir                string
	workload           scenario.Kind
	background         workload.Background
	budget             time.Duration
	allowVolatile      bool
	besideLiveDatabase bool
	quiet              bool
	begun              time.Time          // the run
	folder             string             // of its result; "": none yet
	file               string             // of the scenario
	base               *scenario.Scenario // what it says; nil: the default
}

// How the time of a measurement is spent.
const (
	defaultPlanBudget = 4 * time.Minute
	planSweepShare    = 0.38 // of it, for a sweep of the pairs that the answer hangs on
	planWarmup        = 200 * time.Millisecond
	planSetup         = 5 * time.Second // making files and tables, limit loops, reading back
	mostPlanRounds    = 5
	leastPlanRounds   = 3
)

// Clients that commit at the asked rate: as many as wait at once when each takes the
// whole of its limit, within these bounds.
const (
	leastPlanClients = 64
	mostPlanClients  = 1024
)

func (m *planMeasure) addFlags(fs *pflag.FlagSet) {
	m.workload = workload.KindBank
	fs.StringVar(&m.dir, "dir", ".", "without --from: existing `FOLDER` on the disk to measure")
	fs.TextVar(&m.workload, "workload", m.workload, "without --from: `WORKLOAD` to measure; log has no binlog")
	fs.TextVar(&m.background, "background-io", m.background, "without --from: also measure beside this `I/O` on the same disk: read=SIZE/s,write=SIZE/s,random=SIZE")
	fs.DurationVar(&m.budget, "time-budget", defaultPlanBudget, "without --from: `TIME` that measuring may take, a sweep included")
	addSafetyFlags(fs, &m.allowVolatile, &m.besideLiveDatabase)
}

// readScenario takes the load from the file, if one is given: its first rate as the
// asked one, its workload with all that it says about rows and logs. What changed
// names was given as a flag and stays.
func (m *planMeasure) readScenario(o *plan.Objectives, changed func(string) bool) error {
	if m.file == "" {
		return nil
	}
	data, err := os.ReadFile(m.file)
	if err != nil {
		return usageError(fmt.Errorf("--scenario: %w", err))
	}
	s := scenario.Default()
	if err := s.Decode(data, nil); err != nil {
		return usagef("--scenario %s: %w", m.file, err)
	}
	if err := s.Validate(); err != nil {
		return usagef("--scenario %s: %w", m.file, err)
	}
	if !changed("tps") && s.Rate[0].Paced() && !s.Rate[0].Auto() {
		o.TPS = plan.Rate(s.Rate[0])
	}
	if !changed("workload") {
		m.workload = s.Workload
	}
	m.base = &s
	return nil
}

// scenario is what has to be measured for the objectives: the pairs that servers
// use, in a closed loop, at the asked rate, at the one with headroom and at twice the
// asked one; all of it once more beside the background I/O, if any is asked for.
// Policy 0 is left out where a limit of loss rules it out: it puts a flush interval at
// risk of every crash.
func (m *planMeasure) scenario(o *plan.Objectives) (*scenario.Scenario, error) {
	s := scenario.Default()
	if m.base != nil {
		s = *m.base
	}
	s.Dir, s.Workload, s.Asked = m.dir, m.workload, true
	s.Policy = scenario.List[groupcommit.Policy]{groupcommit.Policy1, groupcommit.Policy2}
	zeroMay := true
	for _, limit := range o.MaxLoss {
		zeroMay = zeroMay && (limit.Commits > 0 || !s.TimerOff() && limit.Age > s.FlushInterval)
	}
	if zeroMay {
		s.Policy = append(s.Policy, groupcommit.Policy0)
	}
	pairs := len(s.Policy)
	if s.Workload.Transactional() {
		s.SyncBinlog = scenario.List[int]{1, 100}
		pairs *= 2
	}
	if s.BackgroundIO = (scenario.List[workload.Background]{{}}); m.background.Runs() {
		s.BackgroundIO = append(s.BackgroundIO, m.background)
		pairs *= 2
	}
	if o.RecordBytes > 0 && !s.Workload.Transactional() {
		s.RecordBytes = scenario.List[workload.Sizes]{workload.FixedSize(int(o.RecordBytes))}
	}
	need := math.Ceil(float64(o.TPS) * (1 + float64(o.Headroom)))
	s.Rate = scenario.List[scenario.Rate]{0, scenario.Rate(o.TPS)}
	for _, more := range []float64{need, 2 * float64(o.TPS)} {
		if more > float64(s.Rate[len(s.Rate)-1]) && more <= workload.MaxRate {
			s.Rate = append(s.Rate, scenario.Rate(more))
		}
	}
	atOnce := need * max(time.Duration(o.P99), 10*time.Millisecond).Seconds()
	s.Clients = scenario.List[int]{int(min(max(2*atOnce, leastPlanClients), mostPlanClients))}
	m.timing(&s, pairs)
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if least := measuring(&s); m.budget < least {
		return nil, fmt.Errorf("--time-budget %v: must be at least %v to measure %d rounds for these objectives", m.budget, least, s.Rounds)
	}
	return &s, nil
}

// measuring is how long all rounds take, in whole seconds.
func measuring(s *scenario.Scenario) time.Duration {
	took := planSetup
	cells, _ := s.Cells()
	for i := range cells {
		took += time.Duration(s.Rounds) * (cells[i].Warmup + cells[i].Duration)
	}
	return (took + time.Second - 1).Truncate(time.Second)
}

// timing fits rounds and their length into the budget, as far as it can: there are no
// fewer than leastPlanRounds, and none is shorter than 0.3 s. Paced cells of policies 0 and
// 2 last 3.3 flush intervals whatever is asked, or their windows mean nothing.
func (m *planMeasure) timing(s *scenario.Scenario, pairs int) {
	loose := 0
	for _, p := range s.Policy {
		if !p.Flushes() {
			loose += pairs / len(s.Policy)
		}
	}
	paced := len(s.Rate) - 1
	fixed := float64(loose*paced) * 3.3 * s.Window().Seconds()
	cells := float64(pairs * len(s.Rate))
	other := cells - float64(loose*paced)
	left := (m.budget - planSetup).Seconds() * (1 - planSweepShare)
	s.Warmup = planWarmup
	for s.Rounds = mostPlanRounds; s.Rounds > leastPlanRounds; s.Rounds-- {
		if left/float64(s.Rounds)-fixed-cells*planWarmup.Seconds() >= other*0.5 {
			break
		}
	}
	each := (left/float64(s.Rounds) - fixed - cells*planWarmup.Seconds()) / other
	s.Duration = time.Duration(min(max(each, 0.3), 2) * float64(time.Second)).Round(100 * time.Millisecond)
}

// run measures, and returns the result.
func (m *planMeasure) run(ctx context.Context, stderr io.Writer, o *plan.Objectives, results string) ([]*result.Result, error) {
	s, err := m.scenario(o)
	if err != nil {
		return nil, usageError(err)
	}
	p := runner.PlanOf(s)
	if err := p.Check(); err != nil {
		return nil, usageError(err)
	}
	if err := checkWritable("results", results); err != nil {
		return nil, err
	}
	m.begun = time.Now()
	bar := newProgress(stderr, m.quiet)
	defer bar.Close()
	res, folder, err := runner.Run(ctx, runner.Config{
		Plan: p, Base: m.dir, ResultsDir: results, AllowVolatile: m.allowVolatile, BesideLiveDatabase: m.besideLiveDatabase,
		ToolVersion: toolVersion(), CommandLine: os.Args, Name: "plan", Progress: &runProgress{bar: bar},
	})
	bar.Close()
	if err != nil {
		return nil, err
	}
	m.folder = folder
	bar.note("result in " + folder)
	if !slices.ContainsFunc(res.Cells, func(c result.Cell) bool { return len(c.Rounds) > 0 }) {
		return nil, fmt.Errorf("plan: %s: no cell was measured", folder)
	}
	return []*result.Result{res}, nil
}
