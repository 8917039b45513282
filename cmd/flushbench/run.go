package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/plots/serve"
	"flushbench/workload/runner"
	"flushbench/workload/scenario"
)

// runOptions are the flags of run.
type runOptions struct {
	s                  scenario.Scenario
	file               string
	results            string
	resume             string
	name               string
	soak               time.Duration
	quiet              bool
	dryRun             bool
	noReport           bool
	serve              string // address, "": no pages
	allowVolatile      bool
	besideLiveDatabase bool
	format             format
	servers            serverOptions
}

func (o *runOptions) addFlags(fs *pflag.FlagSet) {
	o.s = scenario.Default()
	o.s.AddFlags(fs)
	fs.DurationVar(&o.soak, "soak", 0, "keep the load up for `TIME` (2h), each cell in turn, and say when the disk changed; 0: no soak")
	inGroup(fs, "How long", "soak")
	fs.StringVarP(&o.file, "file", "f", "", "take the settings from this YAML `FILE`; flags win over it")
	inGroup(fs, "What to measure", "file")
	o.servers.addFlags(fs)
	addSafetyFlags(fs, &o.allowVolatile, &o.besideLiveDatabase)
	addFormatFlag(fs, &o.format)
	addNewResultFlag(fs, &o.results)
	fs.StringVar(&o.resume, "resume", "", "complete the unfinished run in this result `FOLDER`, a path or a name below --results, with the same flags")
	fs.StringVar(&o.name, "name", "run", "last part of the result folder's `NAME`")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	fs.BoolVar(&o.dryRun, "dry-run", false, "only say which cells would run, how long they take and what they write")
	fs.BoolVar(&o.noReport, "no-report", false, "make no report.html, report.md and pictures at the end")
	fs.StringVar(&o.serve, "serve", "", "show the run in a browser; `=ADDRESS` for another HOST:PORT than "+serve.DefaultListen+". On a terminal the pages stay until Ctrl-C")
	fs.Lookup("serve").NoOptDefVal = serve.DefaultListen
	inGroup(fs, "Output", "format", "results", "resume", "name", "quiet", "dry-run", "no-report", "serve")
	fs.SortFlags = false
}

// validate reads the file, if any, and checks everything.
func (o *runOptions) validate(flags *pflag.FlagSet) error {
	if o.file != "" {
		if err := readScenario(&o.s, o.file, flags); err != nil {
			return err
		}
	}
	if err := o.servers.check(&o.s, flags); err != nil {
		return usageError(err)
	}
	if err := o.s.Validate(); err != nil {
		return usageError(err)
	}
	if err := o.s.CheckGiven(o.s.Workload); err != nil {
		return usageError(err)
	}
	return usageError(o.checkSoak(flags))
}

// checkSoak refuses a soak that is out of range, or whose rounds were set apart.
func (o *runOptions) checkSoak(flags *pflag.FlagSet) error {
	if !flags.Changed("soak") || o.soak == 0 {
		return nil
	}
	if o.soak < runner.MinSoak || o.soak > runner.MaxSoak {
		return fmt.Errorf("--soak %v: must be %v to %v, or 0 for none", o.soak, runner.MinSoak, runner.MaxSoak)
	}
	for _, set := range []struct {
		name  string
		given bool
	}{{"duration", o.s.Duration != 0}, {"rounds", o.s.Rounds != 0}, {"warmup", o.s.Warmup != scenario.WarmupByPreset}} {
		if set.given {
			return fmt.Errorf("--%s with --soak: a soak sets the length of its rounds itself; leave out one of them", set.name)
		}
	}
	return nil
}

func newRunCmd() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [flags]",
		Short: "Measure what policies 0, 1 and 2 cost and risk on this disk (90 s)",
		Long: `Measure what innodb_flush_log_at_trx_commit = 0, 1 and 2 cost and risk on the disk
under a folder, with an InnoDB-like engine of its own: commits a second, latency,
flushes, what each kind of crash may take, and how close that comes to the limit
of the disk.

Without flags it takes about 90 s and answers which policy to take. With lists
(--policy 0,1,2 --clients 1,16,256) it measures every combination. It says first
how much it writes, in a folder of its own that it removes at the end.`,
		Example: `  flushbench run                                   this folder's disk, 90 s
  flushbench run --quick --dir /var/lib/mysql      a first look, 20 s
  flushbench run --policy 1,2 --clients 1,16,256 --rounds 10
  flushbench run --policy 0,1,2 --rate 2k --clients 8 --flush-interval 500ms
  flushbench run --flush-method fdatasync,o_dsync,o_direct+o_dsync --policy 1
  flushbench run --soak 2h                         does it stay so? credit, heat
  flushbench run -f oltp.yaml --dry-run            a scenario file, looked at
  flushbench run --serve                           watch it in a browser
  flushbench run --format json >run.json           everything, histograms too`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(cmd.Flags()); err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

func (o *runOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	plan := runner.PlanOf(&o.s)
	if o.soak > 0 {
		plan = runner.SoakOf(plan, o.soak)
	}
	if err := plan.Check(); err != nil {
		return usageError(err)
	}
	bar := newProgress(stderr, o.quiet)
	if o.dryRun {
		return dryRun(stdout, &plan)
	}
	board := runner.NewBoard()
	note := bar.note
	if o.quiet && o.serve != "" {
		note = func(text string) { fmt.Fprintln(stderr, text) } // the address was asked for
	}
	watch, err := newWatch(o.serve, board.Snapshot, note, stderr)
	if err != nil {
		return err
	}
	return errors.Join(o.measure(ctx, stdout, plan, bar, board, watch), watch.close(ctx, stdout))
}

// measure runs the plan and shows what came of it.
func (o *runOptions) measure(ctx context.Context, stdout io.Writer, plan runner.Plan, bar *progress, board *runner.Board, watch *watch) error {
	cfg := runner.Config{
		Plan: plan, Base: o.s.Dir, LogBase: o.s.LogDir, DataBase: o.s.DataDir, BinlogBase: o.s.BinlogDir,
		ResultsDir: o.results, Resume: namedFolder(o.resume, o.results), MaxWriteBytes: int64(o.s.MaxWriteBytes),
		AllowVolatile: o.allowVolatile, BesideLiveDatabase: o.besideLiveDatabase,
		ToolVersion: toolVersion(), CommandLine: os.Args, Name: o.name, Progress: &runProgress{bar: bar}, Board: board, Created: watch.begin,
	}
	var err error
	if cfg.Servers, err = o.servers.servers(&o.s); err != nil {
		return err
	}
	if len(cfg.Servers) > 0 {
		cfg.StateDir = stateDir()
	}
	if o.resume == "" {
		if err := checkWritable("results", o.results); err != nil {
			return err
		}
	}
	defer bar.Close()
	bar.live(ctx, board.Snapshot)
	res, folder, err := runner.Run(ctx, cfg)
	watch.end()
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
	screen := runScreen(res, folder, bold(stdout))
	if page != "" {
		screen += "Report  " + page + "\n"
	}
	if _, writeErr := io.WriteString(stdout, screen); err == nil {
		err = writeErr
	}
	return cmp.Or(err, budgetTooSmall(res))
}

// budgetTooSmall is a user's mistake: a write budget that no cell could be measured
// with. One that cuts a run short is none, the run keeps what it has.
func budgetTooSmall(res *result.Result) error {
	if !endedByBudget(res) || slices.ContainsFunc(res.Cells, func(c result.Cell) bool { return len(c.Rounds) > 0 }) {
		return nil
	}
	return usagef("--max-write-bytes was used up before a cell was measured: raise it")
}

// runProgress shows a run on a progress bar.
type runProgress struct{ bar *progress }

// Planned implements runner.Progress.
func (p *runProgress) Planned(bytes int64, length time.Duration, _ string) {
	p.bar.note(fmt.Sprintf("run writes at most %s and takes about %s.", hostinfo.Bytes(bytes), timeLeft(length)))
}

// Step implements runner.Progress.
func (p *runProgress) Step(i, n int, what string, left time.Duration) {
	p.bar.step(float64(i-1)/float64(max(n, 1)), left, what)
}

// Note implements runner.Progress.
func (p *runProgress) Note(text string) { p.bar.note("note: " + text) }

// dryRun lists what would be measured.
func dryRun(w io.Writer, plan *runner.Plan) error {
	g := grid{columns: []column{{head: "cell", left: true}, {head: "warm-up s"}, {head: "measured s"}}}
	var total time.Duration
	for i := range plan.Specs {
		s := &plan.Specs[i]
		g.add(s.Name, decimal(s.Warmup.Seconds()), decimal(s.Duration.Seconds()))
		total += s.Warmup + s.Duration
	}
	total = (total+plan.Limit)*time.Duration(plan.Rounds) + plan.Calibrate
	_, err := fmt.Fprintf(w, "%s%d cells, %d rounds, about %s; at most %s would be written.\n",
		g.String(), len(plan.Specs), plan.Rounds, timeLeft(total), hostinfo.Bytes(plan.Bytes()))
	return err
}

// resultLine tells where the result is.
func resultLine(folder string) string { return "Result  " + folder + "/" + result.FileName + "\n" }
