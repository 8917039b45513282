package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/groupcommit"
	"flushbench/metrics/verdict"
	"flushbench/workload/crash"
	"flushbench/workload/judge"
	"flushbench/workload/plug"
	"flushbench/workload/scenario"
	"flushbench/workload/workdir"
)

func newPlugCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plug",
		Short: "Pull a machine's plug and see whether its disk kept its word",
		Long: `The test that no simulation replaces: does this disk keep what it says it
flushed? A witness on a second machine writes down what a load on this machine
acknowledges. Somebody pulls the plug. When the power is back, verify recovers what
is on the disk and compares it with what the witness knows.

What the load acknowledged after its last report, some milliseconds before the
cut, is unknown and counts for nothing.`,
		Example: `  flushbench plug witness --listen 192.0.2.7:7177      on a second machine
  flushbench plug load --witness 192.0.2.7:7177 --name cut-1 --dir /mnt/disk
  (pull the plug, start the machine again)
  flushbench plug verify --witness 192.0.2.7:7177 --name cut-1 --dir /mnt/disk`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("plug: which part? plug witness on a second machine, plug load and plug verify on the one whose plug is pulled (see flushbench plug --help)")
		},
	}
	cmd.AddCommand(newPlugWitnessCmd(), newPlugLoadCmd(), newPlugVerifyCmd())
	return cmd
}

func newPlugWitnessCmd() *cobra.Command {
	o := plug.WitnessOptions{Journal: "flushbench-witness.journal"}
	listen := plug.DefaultListen
	cmd := &cobra.Command{
		Use:   "witness [flags]",
		Short: "Write down what a load on another machine acknowledges",
		Long: `Write down what a load on another machine acknowledges, in a journal of its own,
and flush that before it is confirmed. It runs until Ctrl-C, and goes on with its
journal when it is started again.

Without --listen it can be reached from this machine alone, which is for trying it
out. Nothing is encrypted and nobody is asked for a password: use a network that
you trust.`,
		Example: `  flushbench plug witness --listen 192.0.2.7:7177
  flushbench plug witness --listen :7177 --journal /var/tmp/plug.journal`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runWitness(cmd.Context(), cmd.OutOrStdout(), listen, o)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&listen, "listen", listen, "`ADDRESS` to listen on, HOST:PORT; port 0: any that is free")
	fs.StringVar(&o.Journal, "journal", o.Journal, "`FILE` to write to; one that is there is gone on with")
	return cmd
}

func runWitness(ctx context.Context, stdout io.Writer, listen string, o plug.WitnessOptions) error {
	l, others, err := plug.Listen(listen)
	if err != nil {
		return usageError(err)
	}
	o.Note = func(text string) { fmt.Fprintf(stdout, "%s %s\n", time.Now().Format("15:04:05"), text) }
	w, err := plug.OpenWitness(o)
	if err != nil {
		return plugError(errors.Join(err, l.Close()))
	}
	who := "this machine alone; for another one give --listen"
	if others {
		who = "every machine that reaches this address"
	}
	fmt.Fprintf(stdout, "listening on %v, for %s\njournal %s, %d runs so far\n", l.Addr(), who, o.Journal, len(w.Runs()))
	return errors.Join(w.Serve(ctx, l), w.Close())
}

// plugOptions are the flags of plug load.
type plugOptions struct {
	c     plug.LoadConfig
	s     scenario.Scenario
	rate  scenario.Rate
	quiet bool
}

// notOfPlug are settings of a scenario that mean nothing to a cut.
var notOfPlug = append([]string{"long-view", "think-time", "txn-cpu"}, notOfCrash...)

const (
	// defaultPlugRate is enough for every flush interval, and easy for most disks.
	defaultPlugRate     = 1000
	defaultPlugDuration = 5 * time.Minute
)

func (o *plugOptions) addFlags(fs *pflag.FlagSet) {
	o.s = scenario.Default()
	o.s.Policy, o.s.Clients = scenario.List[groupcommit.Policy]{groupcommit.Policy1}, scenario.List[int]{crash.DefaultClients}
	o.s.LogCapacity, o.s.Rows, o.s.MaxBinlogSize = scenario.List[scenario.Size]{crash.DefaultCapacity}, crash.DefaultRows, crash.DefaultMaxBinlog
	o.rate, o.c.Duration = defaultPlugRate, defaultPlugDuration
	addWitnessFlags(fs, &o.c.Witness, &o.c.Name, &o.c.Base)
	fs.TextVar(&o.rate, "rate", o.rate, "commits a second of all clients, `RATE`; 0: closed loop")
	fs.DurationVar(&o.c.Duration, "duration", o.c.Duration, "`TIME` after which the load gives up waiting for the cut")
	fs.DurationVar(&o.c.Every, "report-every", plug.DefaultEvery, "least `TIME` between two reports to the witness")
	fs.Uint64Var(&o.s.Seed, "seed", 0, "`NUMBER` that drives the clients; 0: a random one")
	inGroup(fs, "What to cut", "witness", "name", "dir", "rate", "duration", "report-every", "seed")
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.SortFlags = false
	o.s.AddFlags(all)
	all.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(notOfPlug, f.Name) {
			fs.AddFlag(f)
		}
	})
	aliases := all.GetNormalizeFunc()
	fs.SetNormalizeFunc(func(fs *pflag.FlagSet, name string) pflag.NormalizedName { return aliases(fs, name) })
	fs.BoolVar(&o.c.AllowVolatile, "allow-volatile", false, "work on a memory file system all the same")
	fs.BoolVar(&o.c.BesideLiveDatabase, "beside-live-database", false, "work although a database server uses the disk, and is cut off with it")
	inGroup(fs, "Safety", "allow-volatile", "beside-live-database")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	inGroup(fs, "Output", "quiet")
	fs.SortFlags = false
}

// addWitnessFlags adds the flags that load and verify share.
func addWitnessFlags(fs *pflag.FlagSet, witness, name, dir *string) {
	fs.StringVar(witness, "witness", plug.DefaultListen, "`ADDRESS` of the witness, HOST:PORT")
	fs.StringVar(name, "name", "", "`NAME` of this cut; each has its own")
	fs.StringVar(dir, "dir", ".", "existing `FOLDER` on the disk in question")
}

// checkWitness refuses an address that is none.
func checkWitness(addr string) error {
	if err := plug.CheckAddr(addr); err != nil {
		return usagef("--witness: %w", err)
	}
	return nil
}

// validate completes the load.
func (o *plugOptions) validate() (err error) {
	if err := plug.CheckName(o.c.Name); err != nil {
		return usagef("--name %q: must be 1 to 32 small letters, digits and hyphens", o.c.Name)
	}
	if err := o.s.Validate(); err != nil {
		return usageError(err)
	}
	if err := o.s.CheckGiven(o.s.Workload); err != nil {
		return usageError(err)
	}
	switch {
	case o.rate.Auto():
		return usagef("--rate auto: there is nothing to find it by; give a number, or 0 for a closed loop")
	case o.c.Duration <= 0:
		return usagef("--duration %v: must be above 0", o.c.Duration)
	}
	if err := checkWitness(o.c.Witness); err != nil {
		return err
	}
	if o.c.Subject, err = plug.SubjectOf(&o.s); err != nil {
		return usageError(err)
	}
	o.c.Rate, o.c.ToolVersion = float64(o.rate), toolVersion()
	return usageError(o.c.Validate())
}

func newPlugLoadCmd() *cobra.Command {
	var o plugOptions
	cmd := &cobra.Command{
		Use:   "load --name NAME [flags]",
		Short: "Commit until the plug is pulled, and tell the witness",
		Long: `Commit on this machine's disk until its plug is pulled, and report to the witness
what was acknowledged. When it says so, pull the plug: not the power button, not a
reset, which leave the disk its power.

The files lie in flushbench-plug/NAME below --dir and stay there over the cut. If
nobody cuts, they are removed at the end.

To see that the test can see, cut a load with --flush-method none: verify must
call it a violation.`,
		Example: `  flushbench plug load --witness 192.0.2.7:7177 --name cut-1 --dir /mnt/disk
  flushbench plug load --witness 192.0.2.7:7177 --name two --policy 2 --rate 5k
  flushbench plug load --witness 192.0.2.7:7177 --name liar --flush-method none
  flushbench plug load --witness 192.0.2.7:7177 --name bank \
      --workload bank --rate 0`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

func (o *plugOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	bar := newProgress(stderr, o.quiet)
	o.c.Progress = &plugProgress{bar: bar, stdout: stdout, began: time.Now(), length: o.c.Duration}
	out, err := plug.Load(ctx, o.c)
	bar.Close()
	if out.Kept != "" {
		fmt.Fprintf(stdout, "The engine failed after %s commits. Its files are in %s for plug verify.\n", verdict.Count(float64(out.Acked)), out.Kept)
	}
	if err == nil {
		fmt.Fprintf(stdout, "Nobody cut: %s commits, and nothing to verify. The files are removed.\n", verdict.Count(float64(out.Acked)))
	}
	return plugError(err)
}

// plugError gives what the user can put right its exit code.
func plugError(err error) error {
	var no *plug.Refusal
	var refused *workdir.Refusal
	if errors.As(err, &no) || errors.As(err, &refused) || plug.IsMissing(err) || errors.Is(err, plug.ErrNotCut) {
		return usageError(err)
	}
	return err
}

// plugProgress shows a load on a progress bar.
type plugProgress struct {
	bar    *progress
	stdout io.Writer
	began  time.Time
	length time.Duration
}

// Ready implements plug.Progress.
func (p *plugProgress) Ready() {
	p.began = time.Now()
	fmt.Fprintln(p.stdout, "ready: pull the plug at any moment from now on")
}

// Reported implements plug.Progress.
func (p *plugProgress) Reported(acked uint64, took time.Duration) {
	passed := time.Since(p.began)
	p.bar.step(float64(passed)/float64(p.length), p.length-passed, fmt.Sprintf("%s commits witnessed, confirmed in %s ms", verdict.Count(float64(acked)), decimal1(float64(took)/1e6)))
}

// Note implements plug.Progress.
func (p *plugProgress) Note(text string) { p.bar.note("note: " + text) }

func newPlugVerifyCmd() *cobra.Command {
	var c plug.VerifyConfig
	var out format
	var remove bool
	cmd := &cobra.Command{
		Use:   "verify --name NAME [flags]",
		Short: "Compare what a cut left with what the witness knows",
		Long: `Recover what a cut has left, in a copy, and compare it with what the witness
knows: kept, lost as the policy allows, or a violation (exit code 3): something is
gone that was flushed before it was acknowledged. Then the disk, its controller or
a layer above does not keep what it says it flushed; or the flush method flushes
nothing.

What the cut left stays as it is, to be looked at or verified again, until --remove.`,
		Example: `  flushbench plug verify --witness 192.0.2.7:7177 --name cut-1 --dir /mnt/disk
  flushbench plug verify --witness 192.0.2.7:7177 --name cut-1 --format json
  flushbench plug verify --name cut-1 --dir /mnt/disk --remove`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := plug.CheckName(c.Name); err != nil {
				return usagef("--name %q: must be 1 to 32 small letters, digits and hyphens", c.Name)
			}
			if remove {
				return plugError(plug.Remove(c.Base, c.Name))
			}
			if err := checkWitness(c.Witness); err != nil {
				return err
			}
			return runPlugVerify(cmd.Context(), cmd.OutOrStdout(), c, out)
		},
	}
	fs := cmd.Flags()
	addWitnessFlags(fs, &c.Witness, &c.Name, &c.Base)
	fs.BoolVar(&remove, "remove", false, "remove the files of this cut, without a look at them")
	addFormatFlag(fs, &out, formatTable, formatJSON)
	fs.SortFlags = false
	completeValues(cmd)
	return cmd
}

func runPlugVerify(ctx context.Context, stdout io.Writer, c plug.VerifyConfig, out format) error {
	f, err := plug.Verify(ctx, c)
	if f == nil {
		return plugError(err)
	}
	var writeErr error
	if out == formatJSON {
		writeErr = writeJSON(stdout, plugJSON(f))
	} else {
		_, writeErr = io.WriteString(stdout, plugScreen(f, bold(stdout)))
	}
	return plugExit(errors.Join(err, writeErr), f)
}

// plugExit turns a verdict into the exit code.
func plugExit(err error, f *plug.Finding) error {
	switch f.Outcome.Verdict {
	case judge.Violation:
		return &codeError{exitViolation, errors.Join(errors.New("violation: the cut took what the policy promises to keep"), err)}
	case judge.NotPredicted:
		return &codeError{exitFailed, errors.Join(errors.New("what was lost may have been at risk, or not: the cut proves nothing"), err)}
	case judge.LostMore:
		return &codeError{exitFailed, errors.Join(errors.New("more was lost than was at risk: what had been flushed, it seems"), err)}
	}
	return err
}
