package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
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
	quiet              bool
	dryRun             bool
	noReport           bool
	allowVolatile      bool
	besideLiveDatabase bool
	format             format
}

func (o *runOptions) addFlags(fs *pflag.FlagSet) {
	o.s = scenario.Default()
	o.s.AddFlags(fs)
	mark := func(group string, names ...string) {
		for _, n := range names {
			annotate(fs, n, flagGroup, group)
		}
	}
	fs.StringVarP(&o.file, "file", "f", "", "take the settings from this YAML `FILE`; flags win over it")
	mark("What to measure", "file")
	fs.BoolVar(&o.allowVolatile, "allow-volatile", false, "measure a memory file system all the same")
	fs.BoolVar(&o.besideLiveDatabase, "beside-live-database", false, "measure although a database server uses the disk, and slow it down")
	mark("Safety", "allow-volatile", "beside-live-database")
	addFormatFlag(fs, &o.format)
	fs.StringVar(&o.results, "results", "results", "`FOLDER` in which the result's own folder is made")
	fs.StringVar(&o.resume, "resume", "", "complete the unfinished run in this result `FOLDER`, with the same flags")
	fs.StringVar(&o.name, "name", "run", "last part of the result folder's `NAME`")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	fs.BoolVar(&o.dryRun, "dry-run", false, "only say which cells would run, how long they take and what they write")
	fs.BoolVar(&o.noReport, "no-report", false, "make no report.html, report.md and pictures at the end")
	mark("Output", "format", "results", "resume", "name", "quiet", "dry-run", "no-report")
	fs.SortFlags = false
}

// validate reads the file, if any, and checks everything.
func (o *runOptions) validate(flags *pflag.FlagSet) error {
	if o.file != "" {
		data, err := os.ReadFile(o.file)
		if err != nil {
			return usageError(fmt.Errorf("--file: %w", err))
		}
		if err := o.s.Decode(data, flags.Changed); err != nil {
			return usageError(fmt.Errorf("--file %s: %w", o.file, err))
		}
	}
	return usageError(o.s.Validate())
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
  flushbench run --format json >run.json           everything, histograms too`,
		Args: cobra.NoArgs,
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
	if err := plan.Check(); err != nil {
		return usageError(err)
	}
	bar := newProgress(stderr, o.quiet)
	if o.dryRun {
		return dryRun(stdout, &plan)
	}
	cfg := runner.Config{
		Plan: plan, Base: o.s.Dir, LogBase: o.s.LogDir, DataBase: o.s.DataDir, BinlogBase: o.s.BinlogDir,
		ResultsDir: o.results, Resume: o.resume, MaxWriteBytes: int64(o.s.MaxWriteBytes),
		AllowVolatile: o.allowVolatile, BesideLiveDatabase: o.besideLiveDatabase,
		ToolVersion: toolVersion(), CommandLine: os.Args, Name: o.name, Progress: &runProgress{bar: bar},
	}
	res, folder, err := runner.Run(ctx, cfg)
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
