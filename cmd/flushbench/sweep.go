package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/engine/axis"
	"flushbench/metrics/hostinfo"
	"flushbench/workload/runner"
	"flushbench/workload/scenario"
	"flushbench/workload/sweep"
)

// over is what a sweep goes over.
type over uint8

const (
	overRate over = iota
	overClients
)

var overs = axis.Table[over]{
	Axis: "over",
	Values: []axis.Value[over]{
		{Value: overRate, Name: "rate", Help: "commits a second of a paced load"},
		{Value: overClients, Name: "clients", Help: "clients of a closed loop"},
	},
}

func (o over) String() string                { return overs.Name(o) }
func (o over) MarshalText() ([]byte, error)  { return overs.MarshalText(o) }
func (o *over) UnmarshalText(t []byte) error { return overs.UnmarshalText(o, t) }

const (
	sweepClients    = 64      // of a paced load, unless others are asked for
	sweepMostRate   = 1e6     // where a sweep over rates ends of itself
	sweepMostClient = 1 << 10 //
)

// sweepOptions are the flags of sweep.
type sweepOptions struct {
	runOptions
	over      over
	objective sweep.Objective
	budget    time.Duration
	from, to  scenario.Rate
}

func (o *sweepOptions) addFlags(fs *pflag.FlagSet) {
	o.s = scenario.Default()
	o.s.Clients = scenario.List[int]{sweepClients}
	fs.DurationVar(&o.objective.P99, "p99", 0, "the 99th percentile of latency that must hold, `TIME`; 0: no limit")
	fs.DurationVar(&o.objective.P999, "p999", 0, "the 99.9th percentile that must hold, `TIME`; 0: no limit")
	fs.DurationVar(&o.objective.Mean, "mean", 0, "the mean latency that must hold, `TIME`; 0: no limit")
	fs.TextVar(&o.over, "over", overRate, "what is raised, `AXIS`: "+strings.Join(overs.Names(), ", "))
	annotate(fs, "over", legalValues, overs.Names()...)
	fs.TextVar(&o.from, "from", scenario.Rate(0), "lowest `NUMBER` of commits/s or clients that is tried; 0: as low as it goes")
	fs.TextVar(&o.to, "to", scenario.Rate(0), fmt.Sprintf("highest `NUMBER` that is tried; 0: %s commits/s or %d clients", "1M", sweepMostClient))
	fs.DurationVar(&o.budget, "time-budget", sweep.DefaultBudget, "`TIME` that the whole sweep may take")
	inGroup(fs, "The objective", "p99", "p999", "mean", "over", "from", "to", "time-budget")
	o.s.AddFlags(fs)
	hideServerFlags(fs)
	fs.StringVarP(&o.file, "file", "f", "", "take the settings from this YAML `FILE`; flags win over it")
	inGroup(fs, "What to measure", "file")
	addSafetyFlags(fs, &o.allowVolatile, &o.besideLiveDatabase)
	addFormatFlag(fs, &o.format)
	addNewResultFlag(fs, &o.results)
	fs.StringVar(&o.resume, "resume", "", "complete the unfinished sweep in this result `FOLDER`, a path or a name below --results, with the same flags")
	fs.StringVar(&o.name, "name", "sweep", "last part of the result folder's `NAME`")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	fs.BoolVar(&o.dryRun, "dry-run", false, "only say which pairs would be swept, how long it takes and what it writes")
	fs.BoolVar(&o.noReport, "no-report", false, "make no report.html, report.md and pictures at the end")
	inGroup(fs, "Output", "format", "results", "resume", "name", "quiet", "dry-run", "no-report")
	fs.SortFlags = false
}

func newSweepCmd() *cobra.Command {
	var o sweepOptions
	cmd := &cobra.Command{
		Use:   "sweep [flags]",
		Short: "Find the most commits a second that each policy carries (10 min)",
		Long: `Find the knee of each policy, or pair of policy and sync_binlog: the most commits a
second at which latency keeps to an objective (--p99 10ms), or, without one, at
which the disk keeps up at all. Rates are doubled until one is too much, then the
gap is halved, then both ends are measured until rounds enough agree; all pairs take
turns, so that a drift of the disk meets all alike.

The answer is an interval: the lower rate was shown to hold, the upper one not to. A
pair whose rounds had not settled as SNIA's performance test specification asks is
marked. Ctrl-C keeps what was found, and --resume goes on from there.`,
		Example: `  flushbench sweep --p99 10ms                      policies 1, 2 and 0
  flushbench sweep --p99 5ms --policy 1 --time-budget 3m
  flushbench sweep --workload bank --policy 1,2 --sync-binlog 1,100 --p99 10ms
  flushbench sweep --over clients --policy 1 --p99 2ms
  flushbench sweep --policy 1                      where policy 1 is saturated`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.config(cmd.Flags())
			if err != nil {
				return usageError(err)
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), cfg)
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

// config turns the flags into a valid sweep.
func (o *sweepOptions) config(flags *pflag.FlagSet) (sweep.Config, error) {
	if err := o.validate(flags); err != nil {
		return sweep.Config{}, err
	}
	if err := engineAlone("sweep", &o.s); err != nil {
		return sweep.Config{}, err
	}
	switch s := &o.s; {
	case flags.Changed("rate") || len(s.Rate) != 1 || s.Rate[0] != 0:
		return sweep.Config{}, fmt.Errorf("--rate: a sweep finds the rate itself; bound it by --from and --to")
	case o.over == overClients && flags.Changed("clients"):
		return sweep.Config{}, fmt.Errorf("--clients: a sweep over clients finds their number itself; bound it by --from and --to")
	case o.over == overRate && s.ThinkTime > 0:
		return sweep.Config{}, fmt.Errorf("--think-time %v: a schedule leaves no room for thinking; use --over clients", s.ThinkTime)
	case o.from.Auto() || o.to.Auto():
		return sweep.Config{}, fmt.Errorf("--from, --to: must be numbers, such as 500 or 20k")
	case o.budget <= 0:
		return sweep.Config{}, fmt.Errorf("--time-budget %v: must be above 0", o.budget)
	}
	o.s.Asked = true // a matrix of pairs, never the default run
	if o.over == overClients {
		o.s.Clients = scenario.List[int]{1}
	}
	t := o.s.Timing()
	cfg := sweep.Config{Budget: o.budget, Options: sweep.Options{
		Clients: o.over == overClients, Objective: o.objective, Least: float64(o.from), Most: float64(o.to), Rounds: o.s.Rounds, Length: t.Duration,
	}}
	if cfg.Options.Most == 0 {
		cfg.Options.Most = sweepMostRate
		if cfg.Options.Clients {
			cfg.Options.Most = sweepMostClient
		}
		cfg.Options.Most = max(cfg.Options.Most, cfg.Options.Least)
	}
	cfg.Run = runner.Config{
		Plan: runner.PlanOf(&o.s), Base: o.s.Dir, LogBase: o.s.LogDir, DataBase: o.s.DataDir, BinlogBase: o.s.BinlogDir,
		ResultsDir: o.results, Resume: namedFolder(o.resume, o.results), MaxWriteBytes: int64(o.s.MaxWriteBytes),
		AllowVolatile: o.allowVolatile, BesideLiveDatabase: o.besideLiveDatabase,
		ToolVersion: toolVersion(), CommandLine: os.Args, Name: o.name,
	}
	if cfg.Options.Clients {
		for i := range cfg.Run.Plan.Specs {
			x := &cfg.Run.Plan.Specs[i]
			x.Name = strings.Replace(x.Name, ",clients=1", "", 1)
		}
	}
	return cfg, cfg.Validate()
}

func (o *sweepOptions) run(ctx context.Context, stdout, stderr io.Writer, cfg sweep.Config) error {
	if o.dryRun {
		return o.plan(stdout, &cfg)
	}
	if o.resume == "" {
		if err := checkWritable("results", o.results); err != nil {
			return err
		}
	}
	bar := newProgress(stderr, o.quiet)
	defer bar.Close()
	cfg.Run.Progress = &sweepProgress{runProgress{bar: bar}}
	res, folder, err := sweep.Run(ctx, cfg)
	bar.Close()
	if res == nil {
		return err
	}
	page := "" // path of the report
	if !o.noReport && err == nil && budgetTooSmall(res) == nil {
		page, err = writeReport(folder)
	}
	if o.format != formatTable {
		if writeErr := writeFormat(stdout, o.format, res); err == nil {
			err = writeErr
		}
		return cmp.Or(err, budgetTooSmall(res))
	}
	screen := sweepScreen(res, folder, bold(stdout))
	if page != "" {
		screen += "Report  " + page + "\n"
	}
	if _, writeErr := io.WriteString(stdout, screen); err == nil {
		err = writeErr
	}
	return cmp.Or(err, budgetTooSmall(res))
}

// plan says what would be swept.
func (o *sweepOptions) plan(w io.Writer, cfg *sweep.Config) error {
	g := grid{columns: []column{{head: "pair", left: true}, {head: "warm-up s"}, {head: "a round s"}}}
	for i := range cfg.Run.Plan.Specs {
		s := &cfg.Run.Plan.Specs[i]
		g.add(s.Name, decimal(s.Warmup.Seconds()), decimal(cfg.Options.Length.Seconds()))
	}
	_, err := fmt.Fprintf(w, "%s%d pairs, at most %d rounds each and as many again that a hypervisor disturbs, at most %s.\n", g.String(), len(cfg.Run.Plan.Specs), cfg.Options.MaxRounds(), timeLeft(cfg.Budget))
	return err
}

// sweepProgress shows a sweep on a progress bar: how long it takes is a bound, since
// it ends as soon as the answer is clear.
type sweepProgress struct{ runProgress }

// Planned implements runner.Progress.
func (p *sweepProgress) Planned(bytes int64, length time.Duration, _ string) {
	p.bar.note(fmt.Sprintf("sweep writes at most %s and takes at most %s; it ends when the answer is clear.", hostinfo.Bytes(bytes), timeLeft(length)))
}
